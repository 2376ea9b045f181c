//! Fallow's formats, pure: messages and their ids, records, calendar and requester words,
//! checkpoints, validator sets, certificates, tickets, access grants and the network file.
//!
//! Everything here is specified in `docs/protocol.md`; the section is named at each item. Nothing
//! in this crate reads a file, a clock or the network, and every decoder treats its input as
//! hostile: lengths are bounded, trailing bytes are refused and each value has one encoding.
//!
//! ```
//! use fallow_protocol::{Domain, NetworkId, Request, ResourceId};
//! use alloy_primitives::Address;
//!
//! let domain = Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(2));
//! let request = Request {
//!     resource_id: ResourceId::repeat_byte(3),
//!     requester: Address::repeat_byte(4),
//!     volume: 1,
//!     start_time: 3_600,
//!     end_time: 7_200,
//!     timestamp: 1_000,
//!     sequence: 1,
//! };
//! // The id of a message is its EIP-712 digest, so it binds the network.
//! let elsewhere = Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(9));
//! assert_ne!(request.id(&domain), request.id(&elsewhere));
//! ```

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

pub mod bls;
mod bytes;
mod calendar;
mod certificate;
mod checkpoint;
pub mod decimal;
mod entry;
mod evidence;
mod file;
mod id;
mod message;
mod network;
mod network_file;
pub mod packed;
mod promise;
mod record;
mod refusal;
mod requester;
mod resource;
mod set;
mod signature;
mod ticket;

pub use bytes::DecodeError;
pub use calendar::{CalendarWord, LANES, MAX_WORDS, SlotRange, words_hash};
pub use certificate::{CERTIFICATE_MAX_BYTES, Certificate, CertificateError};
pub use checkpoint::{CHECKPOINT_BYTES, Checkpoint, CheckpointRule};
pub use entry::{
    BUNDLE_MAX_BYTES, CheckpointFile, Entry, TILE_WIDTH, decode_bundle, encode_bundle,
    entry_of_bundle,
};
pub use evidence::{EVIDENCE_MAX_BYTES, Evidence};
pub use file::{
    AnnouncementFile, ApprovalFile, FILE_MAX_BYTES, FILE_VERSION, FileError, GrantFile, NonceFile,
    ReleaseFile, RequestFile, WithdrawalFile, read_json,
};
pub use id::{NetworkId, RequestId, ResourceId, SetHash};
pub use message::{AccessGrant, Announcement, Domain, Release, Request, Withdrawal};
pub use network::{MAX_WRITERS, Network, Parameters, ParametersError, Writer};
pub use network_file::{AnchorChain, CodeHashes, NetworkFile, NetworkPart, Sidechain, Trust};
pub use promise::{Promise, PromiseFile, RefusalFile, RefusalStatement};
pub use record::{
    ALLOCATION_BYTES, AllocationBody, AnnouncementBody, Body, FIRST_OPEN_KIND, GenesisBody,
    HEADER_BYTES, RECORD_MAX_BYTES, RECORD_VERSION, Record, ReleaseBody, WithdrawalBody,
};
pub use refusal::{Code, Refusal, Unit};
pub use requester::{RequesterWord, SEQUENCE_WINDOW};
pub use resource::ResourceWord;
pub use set::{MAX_MEMBERS, Member, SET_MAX_BYTES, Set, SetError};
pub use signature::{SecretKey, Signature, SignatureError};
pub use ticket::{MAX_PATH_NODES, TICKET_MAX_BYTES, Ticket};
