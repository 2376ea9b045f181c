//! One call of the registry: a message, or a batch of them.

use crate::DifferentialError;
use alloy::sol_types::{SolCall as _, SolError as _};
use alloy_primitives::{Bytes, U256};
use fallow_chain::Registry;
use fallow_ledger::Message;
use fallow_protocol::packed::{
    GroupResource, PackItem, PackedError, PackedRelease, RequestGroup, decode_releases,
    decode_requests, encode_releases, encode_requests, pack_requests,
};
use fallow_protocol::{DecodeError, Domain, Evidence, Release, Request, Signature, Withdrawal};

/// Where a message comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A message on its own, by the function of its kind.
    Single,
    /// `check`, which records nothing: no message goes in.
    Check,
    /// `announceMany`.
    AnnounceMany,
    /// `requestMany`.
    RequestMany,
    /// `releaseMany`.
    ReleaseMany,
    /// `withdrawMany`.
    WithdrawMany,
    /// `requestPacked`.
    RequestPacked,
    /// `releasePacked`.
    ReleasePacked,
}

impl Entry {
    /// The function's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single calls",
            Self::Check => "check",
            Self::AnnounceMany => "announceMany",
            Self::RequestMany => "requestMany",
            Self::ReleaseMany => "releaseMany",
            Self::WithdrawMany => "withdrawMany",
            Self::RequestPacked => "requestPacked",
            Self::ReleasePacked => "releasePacked",
        }
    }
}

/// Calldata, and what it means to the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) entry: Entry,
    pub(crate) data: Bytes,
    /// What is in it; or what the whole batch reverts with.
    pub(crate) items: Result<Vec<Message>, Bytes>,
}

impl Call {
    pub(crate) fn is_single(&self) -> bool {
        self.entry == Entry::Single
    }

    pub(crate) fn single(message: Message) -> Self {
        let data = single_data(&message).into();
        Self { entry: Entry::Single, data, items: Ok(vec![message]) }
    }

    /// What the registry would say of a request.
    pub(crate) fn check(request: Request, signatures: Bytes) -> Self {
        let call = Registry::checkCall { message: request.into(), signatures: signatures.clone() };
        let items = Ok(vec![Message::Request { request, signatures }]);
        Self { entry: Entry::Check, data: call.abi_encode().into(), items }
    }

    pub(crate) fn announce_many(items: Vec<Message>) -> Self {
        let call =
            Registry::announceManyCall { items: items.iter().filter_map(announced).collect() };
        Self { entry: Entry::AnnounceMany, data: call.abi_encode().into(), items: Ok(items) }
    }

    pub(crate) fn request_many(items: Vec<Message>) -> Self {
        let call =
            Registry::requestManyCall { items: items.iter().filter_map(requested).collect() };
        Self { entry: Entry::RequestMany, data: call.abi_encode().into(), items: Ok(items) }
    }

    pub(crate) fn release_many(items: Vec<Message>) -> Self {
        let call = Registry::releaseManyCall { items: items.iter().filter_map(released).collect() };
        Self { entry: Entry::ReleaseMany, data: call.abi_encode().into(), items: Ok(items) }
    }

    pub(crate) fn withdraw_many(items: Vec<Message>) -> Self {
        let call =
            Registry::withdrawManyCall { items: items.iter().filter_map(withdrawn).collect() };
        Self { entry: Entry::WithdrawMany, data: call.abi_encode().into(), items: Ok(items) }
    }

    /// `spoil` may change the packed bytes; the ledger takes what is read from them.
    pub(crate) fn request_packed(
        domain: &Domain,
        items: &[Message],
        spoil: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<Self, DifferentialError> {
        let packed: Vec<_> = items.iter().filter_map(pack_item).collect();
        let mut batch = encode_requests(&pack_requests(domain, &packed)?)?;
        let is_spoiled = spoil(&mut batch);
        let read = decode_requests(&batch).map(|groups| unpack_requests(domain, &groups));
        if !is_spoiled && read.as_deref() != Ok(items) {
            return Err(DifferentialError::Codec(Entry::RequestPacked.name()));
        }
        let items = read.map_err(|error| revert_of(&batch, &error));
        let call = Registry::requestPackedCall { batch: batch.into() };
        Ok(Self { entry: Entry::RequestPacked, data: call.abi_encode().into(), items })
    }

    /// As [`Call::request_packed`].
    pub(crate) fn release_packed(
        domain: &Domain,
        items: &[Message],
        spoil: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<Self, DifferentialError> {
        let packed: Vec<_> = items.iter().filter_map(pack_release).collect();
        let mut batch = encode_releases(&packed)?;
        let is_spoiled = spoil(&mut batch);
        let read = decode_releases(&batch);
        if !is_spoiled && read.as_deref() != Ok(&packed) {
            return Err(DifferentialError::Codec(Entry::ReleasePacked.name()));
        }
        let items = read
            .map(|items| items.iter().map(|item| unpack_release(domain, item)).collect())
            .map_err(|error| revert_of(&batch, &error));
        let call = Registry::releasePackedCall { batch: batch.into() };
        Ok(Self { entry: Entry::ReleasePacked, data: call.abi_encode().into(), items })
    }
}

/// What the registry says of a batch that cannot be read. Of a whole group whose words are no
/// announcement it says nothing, as of all calldata that does not fit the ABI.
fn revert_of(batch: &[u8], error: &PackedError) -> Bytes {
    let is_padding = matches!(error.source, DecodeError::Padding(field) if field != "kind");
    let group = batch.get(error.offset..).unwrap_or_default();
    if is_padding && group_bytes(group).is_some_and(|bytes| bytes <= group.len()) {
        return Bytes::new();
    }
    let [offset, length] = [error.offset, error.length].map(U256::from);
    Registry::PackedBatchInvalid { offset, length }.abi_encode().into()
}

/// How long a group is by its first bytes (`docs/protocol.md` section 4.6).
fn group_bytes(group: &[u8]) -> Option<usize> {
    let [kind, high, low] = *group.first_chunk()?;
    let resource = if kind & 2 == 0 { 32 } else { 9 * 32 + 64 };
    let item = if kind & 1 == 0 { 96 } else { 96 + 64 };
    Some(18 + resource + item * usize::from(u16::from_be_bytes([high, low])))
}

/// Whether a message has a place in a packed batch of requests.
pub(crate) fn is_packable(domain: &Domain, message: &Message) -> bool {
    pack_item(message).is_some_and(|item| pack_requests(domain, &[item]).is_ok())
}

fn pack_item(message: &Message) -> Option<PackItem> {
    match message {
        Message::Request { request, signatures } => {
            let evidence = Evidence::from_signatures(signatures).ok()?;
            Some(PackItem { request: *request, evidence, carried: None })
        }
        Message::AnnounceAndRequest { announcement, request, signatures } => {
            let (first, rest) = signatures.split_first_chunk::<64>()?;
            let evidence = Evidence::from_signatures(rest).ok()?;
            let carried = Some((*announcement, Signature::from(*first)));
            Some(PackItem { request: *request, evidence, carried })
        }
        _ => None,
    }
}

fn unpack_requests(domain: &Domain, groups: &[RequestGroup]) -> Vec<Message> {
    let messages = groups.iter().flat_map(|group| {
        let requests = group.requests(group.resource.id(domain));
        requests.map(|(request, evidence)| {
            let approval = evidence.approval.iter().flat_map(|approval| approval.0.0);
            let signatures = evidence.signature.0.0.into_iter().chain(approval);
            match group.resource {
                GroupResource::Id(_) => {
                    Message::Request { request, signatures: signatures.collect() }
                }
                GroupResource::Carried { announcement, signature } => {
                    let signatures = signature.0.0.into_iter().chain(signatures).collect();
                    Message::AnnounceAndRequest { announcement, request, signatures }
                }
            }
        })
    });
    messages.collect()
}

/// The packed form of a release whose parts have the lengths that it needs.
pub(crate) fn pack_release(message: &Message) -> Option<PackedRelease> {
    let Message::Release { release, signatures, record, path } = message else {
        return None;
    };
    Some(PackedRelease {
        from_time: release.from_time,
        timestamp: release.timestamp,
        signature: Signature::from(<[u8; 64]>::try_from(&signatures[..]).ok()?),
        record: <[u8; 238]>::try_from(&record[..]).ok()?.into(),
        path: path.clone(),
    })
}

fn unpack_release(domain: &Domain, item: &PackedRelease) -> Message {
    Message::Release {
        release: item.release(domain),
        signatures: item.signature.0.to_vec().into(),
        record: item.record.to_vec().into(),
        path: item.path.clone(),
    }
}

fn single_data(message: &Message) -> Vec<u8> {
    match message.clone() {
        Message::Announce { announcement, signatures } => {
            Registry::announceCall { announcement: announcement.into(), signatures }.abi_encode()
        }
        Message::Request { request, signatures } => {
            Registry::requestCall { message: request.into(), signatures }.abi_encode()
        }
        Message::AnnounceAndRequest { announcement, request, signatures } => {
            let (announcement, message) = (announcement.into(), request.into());
            Registry::announceAndRequestCall { announcement, message, signatures }.abi_encode()
        }
        Message::Release { release, signatures, record, path } => {
            let message = abi_release(&release);
            Registry::releaseCall { message, signatures, record, path }.abi_encode()
        }
        Message::Withdraw { withdrawal, announcement, signatures } => {
            let (message, announcement) = (abi_withdrawal(&withdrawal), announcement.into());
            Registry::withdrawCall { message, announcement, signatures }.abi_encode()
        }
        Message::Append { kind, body, .. } => Registry::appendCall { kind, body }.abi_encode(),
    }
}

fn announced(message: &Message) -> Option<Registry::SignedAnnouncement> {
    let Message::Announce { announcement, signatures } = message.clone() else {
        return None;
    };
    Some(Registry::SignedAnnouncement { announcement: announcement.into(), signatures })
}

fn requested(message: &Message) -> Option<Registry::SignedRequest> {
    let Message::Request { request, signatures } = message.clone() else {
        return None;
    };
    Some(Registry::SignedRequest { request: request.into(), signatures })
}

fn released(message: &Message) -> Option<Registry::SignedRelease> {
    let Message::Release { release, signatures, record, path } = message.clone() else {
        return None;
    };
    Some(Registry::SignedRelease { release: abi_release(&release), signatures, record, path })
}

fn withdrawn(message: &Message) -> Option<Registry::SignedWithdrawal> {
    let Message::Withdraw { withdrawal, announcement, signatures } = message.clone() else {
        return None;
    };
    let (withdrawal, announcement) = (abi_withdrawal(&withdrawal), announcement.into());
    Some(Registry::SignedWithdrawal { withdrawal, announcement, signatures })
}

const fn abi_release(release: &Release) -> Registry::Release {
    Registry::Release {
        requestId: release.request_id.0,
        fromTime: release.from_time,
        timestamp: release.timestamp,
    }
}

const fn abi_withdrawal(withdrawal: &Withdrawal) -> Registry::Withdrawal {
    Registry::Withdrawal { resourceId: withdrawal.resource_id.0, timestamp: withdrawal.timestamp }
}
