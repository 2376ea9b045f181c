//! What talks to a chain: contract bindings, a bounded client, the follower that re-executes the
//! sidechain's ledger, and transactions that are followed until they are final.
//!
//! ```text
//! NetworkFile --> check_network(&file, &client, ..)   chain ids and code hashes, always first
//! Client      --> Fetcher::fetch                      headers, events and claims of final blocks
//! BlockEvents --> Replay::apply                       -> fallow-ledger -> Archive
//!                   `-- Disagreement                  what the contract claims and we refuse
//! Client      --> Follower::sync                      both, all records in memory
//!                   `-- checkpoint(block), ticket(index, ..), record(index), tree()
//! Client      --> AnchorReader::read                  what stands on mainnet, reorganisations too
//! Client, key --> Sender::send(call)                  built, sent, included, final or dropped
//! ```
//!
//! Nothing that a node says is believed if it can be checked: headers are hashed and chained, logs
//! are matched with their blocks, records are re-executed, the contract's root is compared.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod anchors;
mod archive;
mod bindings;
mod client;
mod config;
mod deploy;
mod disagreement;
mod error;
mod event;
#[cfg(test)]
mod fake;
mod fetcher;
mod follower;
mod network;
mod replay;
mod sender;
mod shares;
mod span;
mod transaction;
mod transport;

pub use anchors::{AnchorNews, AnchorReader, Anchored};
pub use archive::{Archive, MemoryArchive, Recorded};
pub use bindings::{Anchor, Bulletin, Registry, refusal_of, revert_refusal};
pub use client::{BlockRef, ChainLog, Client, Fees, NonceAt};
pub use config::{ConfigError, DaemonConfig};
pub use deploy::{DeployError, DeployPlan, Deployer, DeployerChain, Founder, deploy};
pub use disagreement::{Disagreement, FollowError, ReleaseFlaw, TicketError};
pub use error::{AnswerError, ChainError, Class};
pub use event::{Event, Released};
pub use fetcher::{Fetcher, Finality};
pub use follower::Follower;
pub use network::check_network;
pub use replay::{BlockError, BlockEvents, Replay};
pub use sender::{Sender, SenderConfig};
pub use shares::{CertifyError, PostedShare, ShareError, ShareReader, Tally};
pub use transaction::{
    Action, Call, DropReason, Inclusion, Observation, Patience, Payload, Transaction,
    TransactionState,
};
pub use transport::Limits;
