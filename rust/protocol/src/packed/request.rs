//! Groups of requests that share resource and times.

use super::{PackError, PackedError, TIME_LIMIT, decode_all, signature};
use crate::bytes::{Reader, bounded};
use crate::{Announcement, DecodeError, Domain, Evidence, Request, ResourceId, Signature};
use alloy_primitives::Address;

/// Items that the count of a group can name.
pub const MAX_GROUP_ITEMS: usize = 0xffff;

/// Every item of the group has an approver's signature.
const APPROVED: u8 = 1;
/// The resource is carried, not only named.
const CARRIED: u8 = 2;

/// Requests for the same slots of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestGroup {
    /// What all of them ask for.
    pub resource: GroupResource,
    /// Start of the first slot, unix seconds, below 2^40.
    pub start_time: u64,
    /// End of the last slot, unix seconds, below 2^40.
    pub end_time: u64,
    /// To which each item adds its delay, unix seconds, below 2^40.
    pub timestamp: u64,
    /// At least one, at most [`MAX_GROUP_ITEMS`]; all with an approval, or none.
    pub items: Vec<PackedRequest>,
}

/// How a group names its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one for each group, not for each item")]
pub enum GroupResource {
    /// By its id.
    Id(ResourceId),
    /// By its announcement, which is recorded if it is not yet (section 4.3).
    Carried {
        /// What is offered.
        announcement: Announcement,
        /// The provider's.
        signature: Signature,
    },
}

/// One request of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedRequest {
    /// Who asks.
    pub requester: Address,
    /// Units asked in every slot.
    pub volume: u16,
    /// Seconds from the group's timestamp to the request's.
    pub delay: u16,
    /// Bars duplicates.
    pub sequence: u64,
    /// The requester's.
    pub signature: Signature,
    /// The approver's, over the same id.
    pub approval: Option<Signature>,
}

impl GroupResource {
    /// The resource's id.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> ResourceId {
        match self {
            Self::Id(id) => *id,
            Self::Carried { announcement, .. } => announcement.id(domain),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Id(id) => out.extend(id.as_slice()),
            Self::Carried { announcement, signature } => {
                out.extend(announcement.words().iter().flatten());
                out.extend(signature.0);
            }
        }
    }

    fn read(reader: &mut Reader<'_>, is_carried: bool) -> Result<Self, DecodeError> {
        if !is_carried {
            return Ok(Self::Id(reader.take("resourceId")?));
        }
        let announcement = Announcement::read_words(reader)?;
        Ok(Self::Carried { announcement, signature: signature(reader, "provider's signature")? })
    }
}

impl RequestGroup {
    /// The requests with their signatures, in order. `resource_id` is that of
    /// [`GroupResource::id`].
    pub fn requests(&self, resource_id: ResourceId) -> impl Iterator<Item = (Request, Evidence)> {
        self.items.iter().map(move |item| {
            let request = Request {
                resource_id,
                requester: item.requester,
                volume: item.volume,
                start_time: self.start_time,
                end_time: self.end_time,
                timestamp: self.timestamp.saturating_add(item.delay.into()),
                sequence: item.sequence,
            };
            (request, Evidence { signature: item.signature, approval: item.approval })
        })
    }

    /// Checks what the fields' types do not show.
    fn check(&self, index: usize) -> Result<(), PackError> {
        let got = self.items.len();
        if !(1..=MAX_GROUP_ITEMS).contains(&got) {
            return Err(PackError::Count { index, got });
        }
        let times = [
            ("startTime", self.start_time),
            ("endTime", self.end_time),
            ("timestamp", self.timestamp),
        ];
        if let Some((field, got)) = times.into_iter().find(|(_, time)| *time >= TIME_LIMIT) {
            return Err(PackError::Time { index, field, got });
        }
        let approved = self.is_approved();
        if self.items.iter().any(|item| item.approval.is_some() != approved) {
            return Err(PackError::MixedApprovals { index });
        }
        Ok(())
    }

    fn is_approved(&self) -> bool {
        self.items.first().is_some_and(|item| item.approval.is_some())
    }

    fn write(&self, out: &mut Vec<u8>) {
        let approved = if self.is_approved() { APPROVED } else { 0 };
        let carried = if matches!(self.resource, GroupResource::Id(_)) { 0 } else { CARRIED };
        out.push(approved | carried);
        // Checked before.
        let count = u16::try_from(self.items.len()).unwrap_or(u16::MAX);
        out.extend(count.to_be_bytes());
        for time in [self.start_time, self.end_time, self.timestamp] {
            out.extend(&time.to_be_bytes()[3..]);
        }
        self.resource.write(out);
        self.items.iter().for_each(|item| item.write(out));
    }

    /// Reads a group whose kind has no other bits than `allowed`.
    fn read(reader: &mut Reader<'_>, allowed: u8) -> Result<Self, DecodeError> {
        let kind = reader.u8("kind")?;
        if kind & !allowed != 0 {
            return Err(DecodeError::Padding("kind"));
        }
        let count = reader.u16("count")?;
        bounded("count", count.into(), 1, MAX_GROUP_ITEMS)?;
        let (start_time, end_time) = (u40(reader, "startTime")?, u40(reader, "endTime")?);
        let timestamp = u40(reader, "timestamp")?;
        let resource = GroupResource::read(reader, kind & CARRIED != 0)?;
        let items = (0..count).map(|_| PackedRequest::read(reader, kind & APPROVED != 0));
        let items = items.collect::<Result<_, _>>()?;
        Ok(Self { resource, start_time, end_time, timestamp, items })
    }
}

impl PackedRequest {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.requester);
        out.extend(self.volume.to_be_bytes());
        out.extend(self.delay.to_be_bytes());
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.signature.0);
        out.extend(self.approval.iter().flat_map(|approval| approval.0));
    }

    fn read(reader: &mut Reader<'_>, is_approved: bool) -> Result<Self, DecodeError> {
        Ok(Self {
            requester: reader.take("requester")?,
            volume: reader.u16("volume")?,
            delay: reader.u16("delay")?,
            sequence: reader.u64("sequence")?,
            signature: signature(reader, "signature")?,
            approval: match is_approved {
                true => Some(signature(reader, "approver's signature")?),
                false => None,
            },
        })
    }
}

/// The calldata of a packed batch of requests; without groups it is empty.
///
/// # Errors
/// Names the first group that has no packed form.
pub fn encode_requests(groups: &[RequestGroup]) -> Result<Vec<u8>, PackError> {
    let mut out = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        group.check(index)?;
        group.write(&mut out);
    }
    Ok(out)
}

/// Reads a packed batch of requests.
///
/// # Errors
/// Names the first group that is cut off, empty or of another kind.
pub fn decode_requests(bytes: &[u8]) -> Result<Vec<RequestGroup>, PackedError> {
    decode_all(bytes, |reader| RequestGroup::read(reader, APPROVED | CARRIED))
}

/// Reads `groups` of `BatchAllocated`: groups that only name their resources. What
/// [`encode_requests`] makes of them are the same bytes.
///
/// # Errors
/// As [`decode_requests`], and when there is no group at all.
pub fn decode_allocated(bytes: &[u8]) -> Result<Vec<RequestGroup>, PackedError> {
    super::some(decode_all(bytes, |reader| RequestGroup::read(reader, APPROVED))?, "groups")
}

fn u40(reader: &mut Reader<'_>, field: &'static str) -> Result<u64, DecodeError> {
    let mut bytes = [0; 8];
    bytes[3..].copy_from_slice(reader.slice(5, field)?);
    Ok(u64::from_be_bytes(bytes))
}
