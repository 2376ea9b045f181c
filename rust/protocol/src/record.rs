//! Records: what the ledger appends to the log (section 6).

use crate::bytes::{Reader, bounded};
use crate::{Announcement, DecodeError, Domain, NetworkId, Request, RequestId, ResourceId};
use alloy_primitives::{Address, B256};

/// Version of every record.
pub const RECORD_VERSION: u8 = 1;
/// Bytes of a record's header.
pub const HEADER_BYTES: usize = 38;
/// Bytes of an allocation's record.
pub const ALLOCATION_BYTES: usize = HEADER_BYTES + 200;
/// The lowest kind that further writers may append.
pub const FIRST_OPEN_KIND: u8 = 16;
/// Bytes of the longest record: a header and a further writer's body.
pub const RECORD_MAX_BYTES: usize = HEADER_BYTES + OPEN_BODY_MAX_BYTES;

const OPEN_BODY_MAX_BYTES: usize = 512;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The contract that appended it; the registry for kinds below 16.
    pub writer: Address,
    /// Position in the log.
    pub index: u64,
    /// Time of the sidechain block, unix seconds.
    pub block_time: u64,
    /// What happened.
    pub body: Body,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Kind 0, always at index 0.
    Genesis(GenesisBody),
    /// Kind 1.
    Announcement(AnnouncementBody),
    /// Kind 2.
    Allocation(AllocationBody),
    /// Kind 3.
    Release(ReleaseBody),
    /// Kind 4.
    Withdrawal(WithdrawalBody),
    /// Kinds 16 and up: what a further writer wrote.
    Open {
        /// Record kind, 16 or more.
        kind: u8,
        /// At most 512 bytes.
        bytes: Vec<u8>,
    },
}

/// Lists the fields of a body once, for writing and reading.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl $name {
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$field.write_field(out);)*
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self { $($field: Field::read_field(reader, stringify!($field))?,)* })
            }
        }
    };
}

/// A field of a packed record.
trait Field: Sized {
    fn write_field(&self, out: &mut Vec<u8>);
    fn read_field(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError>;
}

macro_rules! fields {
    (integers $($type:ty)*; bytes $($wrapper:ty)*) => {
        $(impl Field for $type {
            fn write_field(&self, out: &mut Vec<u8>) {
                out.extend(self.to_be_bytes());
            }
            fn read_field(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
                Ok(Self::from_be_bytes(reader.take(field)?))
            }
        })*
        $(impl Field for $wrapper {
            fn write_field(&self, out: &mut Vec<u8>) {
                out.extend(self.as_slice());
            }
            fn read_field(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
                reader.take(field)
            }
        })*
    };
}

fields! { integers u16 u32 u64 u128; bytes Address B256 NetworkId ResourceId RequestId }

body! {
    /// The first record: which network this is, and which one it continues.
    GenesisBody {
        /// The network.
        network_id: NetworkId,
        /// The network that this one continues, or zero.
        parent_network: NetworkId,
        /// Digest of the parent's last checkpoint, or zero.
        parent_checkpoint: B256,
        /// Records in the parent's log at that checkpoint.
        parent_size: u64,
    }
}

body! {
    /// An accepted announcement.
    AnnouncementBody {
        /// Who offers.
        provider: Address,
        /// Whose co-signature requests need, or zero.
        approver: Address,
        /// Units in every slot.
        volume: u16,
        /// Start of the first slot, unix seconds.
        start_time: u64,
        /// End of the last slot, unix seconds.
        end_time: u64,
        /// Length of a slot, seconds.
        slot_seconds: u32,
        /// How long before a slot starts it can still be released, seconds.
        notice_seconds: u32,
        /// When it was signed, unix seconds.
        timestamp: u64,
        /// Hash of the offer document.
        offer: B256,
        /// Hash of the evidence.
        evidence: B256,
    }
}

body! {
    /// An accepted request.
    AllocationBody {
        /// The resource.
        resource_id: ResourceId,
        /// Index of the resource's record.
        resource_index: u64,
        /// Who asked.
        requester: Address,
        /// Units in every slot.
        volume: u16,
        /// Start of the first slot, unix seconds.
        start_time: u64,
        /// End of the last slot, unix seconds.
        end_time: u64,
        /// Number of the first slot.
        first_slot: u64,
        /// How many slots.
        slot_count: u16,
        /// When the request was signed, unix seconds.
        timestamp: u64,
        /// The request's sequence.
        sequence: u64,
        /// Index of the requester's record before this one, or 0.
        previous_index: u64,
        /// Highest sequence after this record.
        highest_after: u64,
        /// Bitmap of sequences after this record.
        bitmap_after: u128,
        /// Hash of the calendar words touched: index before and used volume after.
        words: B256,
        /// Hash of the evidence.
        evidence: B256,
    }
}

body! {
    /// Slots given back.
    ReleaseBody {
        /// The allocation's request.
        request_id: RequestId,
        /// Index of the allocation's record.
        request_index: u64,
        /// The resource.
        resource_id: ResourceId,
        /// Index of the resource's record.
        resource_index: u64,
        /// Who gives back.
        requester: Address,
        /// Units in every slot.
        volume: u16,
        /// Start of the request, unix seconds.
        start_time: u64,
        /// End of the request, unix seconds.
        end_time: u64,
        /// Number of the first slot freed.
        first_slot: u64,
        /// How many slots are freed.
        slot_count: u16,
        /// First slot boundary given back, unix seconds.
        from_time: u64,
        /// When the release was signed, unix seconds.
        timestamp: u64,
        /// Hash of the calendar words touched.
        words: B256,
        /// Hash of the evidence.
        evidence: B256,
    }
}

body! {
    /// A resource closed to new requests, or an announcement barred before it was recorded.
    WithdrawalBody {
        /// The resource.
        resource_id: ResourceId,
        /// Index of the resource's record; 0 for a tombstone.
        resource_index: u64,
        /// Who offered.
        provider: Address,
        /// When the withdrawal was signed, unix seconds.
        timestamp: u64,
        /// Hash of the evidence.
        evidence: B256,
    }
}

impl AnnouncementBody {
    /// The announcement that was recorded.
    #[must_use]
    pub const fn announcement(&self) -> Announcement {
        Announcement {
            provider: self.provider,
            approver: self.approver,
            volume: self.volume,
            start_time: self.start_time,
            end_time: self.end_time,
            slot_seconds: self.slot_seconds,
            notice_seconds: self.notice_seconds,
            timestamp: self.timestamp,
            offer: self.offer,
        }
    }
}

impl AllocationBody {
    /// The request that was accepted.
    #[must_use]
    pub const fn request(&self) -> Request {
        Request {
            resource_id: self.resource_id,
            requester: self.requester,
            volume: self.volume,
            start_time: self.start_time,
            end_time: self.end_time,
            timestamp: self.timestamp,
            sequence: self.sequence,
        }
    }

    /// Id of the request that was accepted.
    #[must_use]
    pub fn request_id(&self, domain: &Domain) -> RequestId {
        self.request().id(domain)
    }
}

impl Body {
    /// The record's kind.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Genesis(_) => 0,
            Self::Announcement(_) => 1,
            Self::Allocation(_) => 2,
            Self::Release(_) => 3,
            Self::Withdrawal(_) => 4,
            Self::Open { kind, .. } => *kind,
        }
    }

    /// What the record commits to of the signatures, where there are any.
    #[must_use]
    pub const fn evidence(&self) -> Option<B256> {
        match self {
            Self::Announcement(body) => Some(body.evidence),
            Self::Allocation(body) => Some(body.evidence),
            Self::Release(body) => Some(body.evidence),
            Self::Withdrawal(body) => Some(body.evidence),
            Self::Genesis(_) | Self::Open { .. } => None,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Genesis(body) => body.write(out),
            Self::Announcement(body) => body.write(out),
            Self::Allocation(body) => body.write(out),
            Self::Release(body) => body.write(out),
            Self::Withdrawal(body) => body.write(out),
            Self::Open { bytes, .. } => out.extend(bytes),
        }
    }

    fn read(kind: u8, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match kind {
            0 => Self::Genesis(GenesisBody::read(reader)?),
            1 => Self::Announcement(AnnouncementBody::read(reader)?),
            2 => Self::Allocation(AllocationBody::read(reader)?),
            3 => Self::Release(ReleaseBody::read(reader)?),
            4 => Self::Withdrawal(WithdrawalBody::read(reader)?),
            FIRST_OPEN_KIND.. => Self::Open { kind, bytes: reader.rest().to_vec() },
            reserved => return Err(DecodeError::Kind(reserved)),
        })
    }
}

impl Record {
    /// The bytes whose hash is the log's leaf.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(246);
        out.extend([RECORD_VERSION, self.body.kind()]);
        self.writer.write_field(&mut out);
        self.index.write_field(&mut out);
        self.block_time.write_field(&mut out);
        self.body.write(&mut out);
        out
    }

    /// Reads a record of any kind.
    ///
    /// # Errors
    /// When version, kind or length are none of section 6.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        bounded("record", bytes.len(), HEADER_BYTES, RECORD_MAX_BYTES)?;
        let mut reader = Reader::new(bytes);
        reader.version(RECORD_VERSION)?;
        let kind = reader.u8("kind")?;
        let record = Self {
            writer: reader.take("writer")?,
            index: reader.u64("index")?,
            block_time: reader.u64("blockTime")?,
            body: Body::read(kind, &mut reader)?,
        };
        reader.finish()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_size() {
        for (kind, size) in [(0, 142), (1, 176), (2, 238), (3, 246), (4, 138)] {
            let mut bytes = vec![0x11; size];
            bytes[..2].copy_from_slice(&[1, kind]);
            let record = Record::decode(&bytes).unwrap();
            assert_eq!((record.encode(), record.body.kind()), (bytes.clone(), kind));
            bytes.push(0);
            assert_eq!(Record::decode(&bytes), Err(DecodeError::Trailing(1)));
            assert!(Record::decode(&bytes[..size - 1]).is_err(), "kind {kind} cut short");
        }
    }

    #[test]
    fn reserved_kinds_and_other_versions_are_refused() {
        let bytes = |version, kind| [vec![version, kind], vec![0; 36]].concat();
        for kind in 5..16 {
            assert_eq!(Record::decode(&bytes(1, kind)), Err(DecodeError::Kind(kind)));
        }
        assert!(Record::decode(&bytes(1, 16)).is_ok());
        assert!(matches!(Record::decode(&bytes(2, 16)), Err(DecodeError::Version { .. })));
        assert!(Record::decode(&[bytes(1, 16), vec![0; 513]].concat()).is_err(), "body too long");
    }
}
