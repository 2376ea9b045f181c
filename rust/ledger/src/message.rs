//! What the ledger takes, and what it answers.

use crate::Claim;
use crate::check::SIGNATURE_BYTES;
use alloy_primitives::{Address, B256, Bytes};
use fallow_protocol::{
    Announcement, Body, Domain, HEADER_BYTES, RECORD_MAX_BYTES, Record, Release, Request,
    Signature, Withdrawal,
};

/// Bytes of the longest body that a further writer may append (section 4.7).
pub const MAX_BODY_BYTES: usize = RECORD_MAX_BYTES - HEADER_BYTES;

/// One item for the ledger, as the registry's entry points take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A provider's offer (section 4.1).
    Announce {
        /// What is offered.
        announcement: Announcement,
        /// The provider's signature, 64 bytes.
        signatures: Bytes,
    },
    /// A requester's claim (section 4.2).
    Request {
        /// What is asked.
        request: Request,
        /// The requester's signature and, if the resource has an approver, the approver's.
        signatures: Bytes,
    },
    /// A claim on a resource that may not be recorded yet (section 4.3).
    AnnounceAndRequest {
        /// What is offered.
        announcement: Announcement,
        /// What is asked of it.
        request: Request,
        /// The provider's signature, then those of the request.
        signatures: Bytes,
    },
    /// Slots given back (section 4.4).
    Release {
        /// From when on.
        release: Release,
        /// The requester's signature, 64 bytes.
        signatures: Bytes,
        /// The allocation's record, 238 bytes.
        record: Bytes,
        /// From the record's leaf to a node of the log.
        path: Vec<B256>,
    },
    /// A resource closed to new requests (section 4.5).
    Withdraw {
        /// Which one.
        withdrawal: Withdrawal,
        /// What was offered, recorded or not.
        announcement: Announcement,
        /// The provider's signature, 64 bytes.
        signatures: Bytes,
    },
    /// A record of a further writer (section 4.7).
    Append {
        /// Record kind, 16 or more.
        kind: u8,
        /// The contract that called.
        writer: Address,
        /// At most [`MAX_BODY_BYTES`].
        body: Bytes,
    },
}

impl Message {
    /// The item's id, which a batch names when it refuses the item; zero for what nobody signs.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> B256 {
        match self {
            Self::Announce { announcement, .. } => announcement.id(domain).0,
            Self::Request { request, .. } | Self::AnnounceAndRequest { request, .. } => {
                request.id(domain).0
            }
            Self::Release { release, .. } => release.id(domain),
            Self::Withdraw { withdrawal, .. } => withdrawal.id(domain),
            Self::Append { .. } => B256::ZERO,
        }
    }
}

/// A digest, the signature if it is there, and the signer if the item names one.
type Signed<'a> = (B256, Option<&'a [u8]>, Option<Address>);

impl Message {
    /// Who has to have signed what, as far as the item shows it: what a [`Recoverer`] can find out
    /// before the item is applied. Items that are malformed claim nothing, or less.
    ///
    /// [`Recoverer`]: crate::Recoverer
    #[must_use]
    pub fn claims(&self, domain: &Domain) -> Vec<Claim> {
        let signed = self.signed(domain);
        let signed = signed.into_iter().filter_map(|(digest, signature, signer)| {
            let signature = Signature::from(<[u8; SIGNATURE_BYTES]>::try_from(signature?).ok()?);
            Some(Claim { digest, signature, signer })
        });
        signed.collect()
    }

    /// Digests, signatures and signers.
    fn signed(&self, domain: &Domain) -> Vec<Signed<'_>> {
        let id = self.id(domain);
        match self {
            Self::Announce { announcement, signatures }
            | Self::Withdraw { announcement, signatures, .. } => {
                vec![(id, Some(signatures), Some(announcement.provider))]
            }
            Self::Request { request, signatures } => {
                let [first, second, _] = cut(signatures);
                vec![(id, first, Some(request.requester)), (id, second, None)]
            }
            Self::AnnounceAndRequest { announcement, request, signatures } => {
                let [first, second, third] = cut(signatures);
                vec![
                    (announcement.id(domain).0, first, Some(announcement.provider)),
                    (id, second, Some(request.requester)),
                    (id, third, Some(announcement.approver)),
                ]
            }
            Self::Release { signatures, record, .. } => {
                let requester = requester_of(record);
                vec![(id, requester.is_some().then_some(&signatures[..]), requester)]
            }
            Self::Append { .. } => Vec::new(),
        }
    }
}

/// The signatures there are, at most three.
fn cut(signatures: &[u8]) -> [Option<&[u8]>; 3] {
    let mut each = signatures.chunks(SIGNATURE_BYTES);
    std::array::from_fn(|_| each.next())
}

/// Who allocated what the record says.
fn requester_of(record: &[u8]) -> Option<Address> {
    match Record::decode(record).ok()?.body {
        Body::Allocation(allocation) => Some(allocation.requester),
        _ => None,
    }
}

/// What one item appended to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The announcement's record, right before the other one: only of an item that brought its
    /// announcement and was the first to do so.
    pub announced: Option<Record>,
    /// The item's own record.
    pub record: Record,
}

impl From<Record> for Applied {
    fn from(record: Record) -> Self {
        Self { announced: None, record }
    }
}
