//! The registry's state machine (`docs/protocol.md` sections 4 to 6), pure: no clock, no network,
//! no disk. Given the same messages with the same block times it appends the same records as the
//! contract, byte for byte, so whoever runs it checks the contract instead of believing it.
//!
//! ```text
//! Message, block time --> Ledger::apply --> Ok(Applied)  the log grows by the records' leaves
//!                                      \--> Err(..)      nothing changed
//! ```
//!
//! State is what the contract stores ([`Ledger::storage`]): one word for each resource, requester,
//! twelve slots and 256 records of which one was released, and the peaks of the log. It can be saved
//! and loaded ([`Ledger::save`], [`Ledger::load`]), and two nodes compare theirs by one hash
//! ([`Ledger::commitment`]). A [`Recoverer`] spares a node the signatures that it has verified before.
//!
//! ```
//! use alloy_primitives::{Address, B256, Bytes};
//! use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Message};
//! use fallow_protocol::{Announcement, Domain, NetworkId, SecretKey};
//!
//! let (registry, network_id) = (Address::repeat_byte(1), NetworkId::repeat_byte(2));
//! let config = LedgerConfig {
//!     network_id,
//!     registry,
//!     writers: vec![],
//!     parent: GenesisParent::default(),
//! };
//! let (mut ledger, genesis) = Ledger::new(config, 1_000);
//! assert_eq!((genesis.index, ledger.size()), (0, 1));
//!
//! let provider = SecretKey::from_bytes([7; 32])?;
//! let announcement = Announcement {
//!     provider: provider.address(),
//!     approver: Address::ZERO,
//!     volume: 4,
//!     start_time: 3_600,
//!     end_time: 7_200,
//!     slot_seconds: 900,
//!     notice_seconds: 0,
//!     timestamp: 1_000,
//!     offer: B256::ZERO,
//! };
//! let id = announcement.id(&Domain::new(registry, network_id));
//! let signatures = Bytes::copy_from_slice(provider.sign(id.0).0.as_slice());
//! let applied = ledger.apply(&Message::Announce { announcement, signatures }, 1_002)?;
//! assert_eq!(ledger.resource(id).map(|resource| resource.index), Some(applied.record.index));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod ahead;
mod check;
mod config;
mod effect;
mod entry;
mod error;
mod finding;
mod ledger;
mod message;
mod query;
mod recoverer;
mod snapshot;
mod state;
mod storage;
mod touched;

pub use ahead::Ahead;
pub use check::request::judge_alone;
pub use config::{GenesisParent, LedgerConfig};
pub use entry::{EntryError, ReplayError, message_of};
pub use error::ApplyError;
pub use finding::Finding;
pub use ledger::Ledger;
pub use message::{Applied, MAX_BODY_BYTES, Message};
pub use recoverer::{Claim, Recoverer};
pub use snapshot::{Fault, List, SnapshotError};
pub use touched::Touched;
