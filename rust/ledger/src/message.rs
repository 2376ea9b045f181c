//! What the ledger takes.

use alloy_primitives::{Address, Bytes};
use fallow_protocol::{Announcement, HEADER_BYTES, RECORD_MAX_BYTES, Request};

/// Bytes of the longest body that a further writer may append (section 4.5).
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
    /// A record of a further writer (section 4.5).
    Append {
        /// Record kind, 16 or more.
        kind: u8,
        /// The contract that called.
        writer: Address,
        /// At most [`MAX_BODY_BYTES`].
        body: Bytes,
    },
}
