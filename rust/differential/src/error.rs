//! What ends a run.

use alloy_primitives::B256;
use fallow_chain::Disagreement;
use fallow_devnet::DevnetError;
use fallow_ledger::SnapshotError;
use fallow_protocol::packed::PackError;

/// A difference, or why there was nothing to compare.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DifferentialError {
    /// The two answered differently.
    #[error(
        "difference at message {number}, in block {block} of time {time}, item {item} of \
         {entry}\n  ledger:   {ledger}\n  registry: {registry}\n  message:  {message}"
    )]
    Answer {
        /// The message, from 1.
        number: u64,
        /// The block.
        block: u64,
        /// Its time, unix seconds.
        time: u64,
        /// Place in the call, from 1.
        item: usize,
        /// Where it came in.
        entry: &'static str,
        /// What the ledger answered.
        ledger: String,
        /// What the registry answered.
        registry: String,
        /// What was sent.
        message: String,
    },
    /// The logs differ, although all refusals were the same.
    #[error(
        "difference in block {block}, messages {first} to {last}: the ledger's log has {ledger}, \
         the registry's {registry}"
    )]
    Log {
        /// The block.
        block: u64,
        /// The block's first message.
        first: u64,
        /// The block's last message.
        last: u64,
        /// Size and root of the ledger's.
        ledger: String,
        /// Size and root of the registry's.
        registry: String,
    },
    /// The registry's events lead a re-execution to something else.
    #[error("difference in what the registry's events say: {0}")]
    Events(#[from] Disagreement),
    /// A word of storage differs.
    #[error(
        "difference in storage after block {block}: slot {slot} is {want} by the ledger, {got} in \
         the registry"
    )]
    Word {
        /// The block.
        block: u64,
        /// Where.
        slot: B256,
        /// The ledger's.
        want: B256,
        /// The registry's.
        got: B256,
    },
    /// A re-execution has another state, or a ledger that was saved is read back as another one.
    #[error(
        "difference in the state after block {block}: the snapshot's commitment is {commitment}, the \
         re-execution's {replayed:?}"
    )]
    Commitment {
        /// The block.
        block: u64,
        /// Hash of the snapshot.
        commitment: B256,
        /// What the re-execution commits to.
        replayed: Option<B256>,
    },
    /// A snapshot cannot be written.
    #[error("the ledger cannot be saved: {0}")]
    Snapshot(#[source] std::io::Error),
    /// A snapshot cannot be read.
    #[error("what the ledger saved cannot be loaded: {0}")]
    Load(#[from] SnapshotError),
    /// The packed form of a batch is not read as it was written.
    #[error("a batch for `{0}` is read back as another one")]
    Codec(&'static str),
    /// Something has no packed form that should have one.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The chain does not do what it was told.
    #[error("the chain answered {got} for {what}, expected {want}")]
    Chain {
        /// What was asked.
        what: &'static str,
        /// The answer.
        got: String,
        /// What was expected.
        want: String,
    },
    /// The chain's state cannot be read.
    #[error("the chain's state cannot be read: {0}")]
    State(#[source] std::io::Error),
    /// The chain does not answer.
    #[error(transparent)]
    Rpc(#[from] alloy::transports::TransportError),
    /// The chain does not run.
    #[error(transparent)]
    Devnet(#[from] DevnetError),
    /// The task that talks to the chain did not end well.
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
    /// No folder for the chain's log file.
    #[error("no folder for the chain's log file")]
    Folder(#[source] std::io::Error),
}
