//! What stands in the store.

use alloy_primitives::{Address, B256, Bytes, U256};
pub use fallow_chain::Anchored;
use fallow_chain::{BlockRef, Transaction};
use fallow_ledger::Message;
use fallow_protocol::{
    Announcement, CalendarWord, Certificate, Checkpoint, Entry, PromiseFile, Refusal,
    RequesterWord, ResourceId, ResourceWord, Signature,
};

/// Where a re-execution goes on after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last block that is in.
    pub block: BlockRef,
    /// The last block that could be a checkpoint block, with the log's size after it.
    pub candidate: Option<(u64, u64)>,
    /// Records in the log.
    pub size: u64,
    /// Peaks of the log, highest first (section 5.1).
    pub peaks: Vec<B256>,
}

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Position in the log.
    pub index: u64,
    /// Record, evidence, announcement of a tombstone.
    pub entry: Entry,
    /// Id of the message; zero for kinds without messages.
    pub id: B256,
    /// Sidechain block.
    pub block: u64,
}

/// Whose allocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Everybody's.
    Everywhere,
    /// Of one requester.
    Requester(Address),
    /// Of the resource whose announcement is recorded there.
    Resource(u64),
}

/// A recorded resource as the catalogue needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRow {
    /// Position of its record.
    pub index: u64,
    /// Its id.
    pub id: ResourceId,
    /// What is offered.
    pub announcement: Announcement,
    /// Its word.
    pub word: ResourceWord,
}

/// A checkpoint with its certificate, once it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpointed {
    /// What validators sign.
    pub checkpoint: Checkpoint,
    /// The quorum's signature.
    pub certificate: Option<Certificate>,
}

/// A promised message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Order of arrival; the key.
    pub arrival: u64,
    /// Id of the message.
    pub id: B256,
    /// The message with its signatures. A release's `path` is empty: it is built when it is sent.
    pub message: Message,
    /// The node's word.
    pub promise: PromiseFile,
    /// Why it was not recorded in the end, if so. It is not sent any more then.
    pub failed: Option<Failed>,
}

/// Why a promised message was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The ledger refuses it now.
    Refused(Refusal),
    /// Its time is over.
    Expired,
}

/// A transaction with the messages that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    /// Nonce, call data, payloads.
    pub transaction: Transaction,
    /// Arrival numbers of the messages in it.
    pub arrivals: Vec<u64>,
}

/// An announcement that travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GossipedAnnouncement {
    /// This node's own order of arrival.
    pub arrival: u64,
    /// The resource's id.
    pub id: ResourceId,
    /// What is offered.
    pub announcement: Announcement,
    /// The provider's signature.
    pub signature: Signature,
}

/// What is written at once. Everything may be empty.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The last block that is in after it.
    pub head: Option<Head>,
    /// New records, following each other from the log's end.
    pub records: Vec<Kept>,
    /// Words after the records, each key once.
    pub words: Words,
    /// New checkpoints, and certificates of known ones.
    pub checkpoints: Vec<Checkpoint>,
    /// Certificates by sidechain block.
    pub certificates: Vec<(u64, Certificate)>,
    /// New anchorings.
    pub anchored: Vec<Anchored>,
    /// Mainnet reorganised: anchorings of that mainnet block and above are void.
    pub unanchored_from: Option<u64>,
    /// How far mainnet was read.
    pub mainnet_head: Option<BlockRef>,
    /// Messages that were promised.
    pub promised: Vec<Pending>,
    /// Arrival numbers of messages that are recorded now.
    pub kept: Vec<u64>,
    /// Messages that will not be recorded.
    pub failed: Vec<(u64, Failed)>,
    /// Transactions, new or changed, by nonce.
    pub flights: Vec<Flight>,
    /// Nonces of transactions that are over.
    pub landed: Vec<u64>,
    /// Offer documents, whose keccak is the key.
    pub offers: Vec<Bytes>,
    /// Hashes of offer documents that nothing names any more.
    pub unoffer: Vec<B256>,
    /// Announcements that came.
    pub gossip: Vec<GossipedAnnouncement>,
    /// Resource ids of those that are recorded, withdrawn or over.
    pub ungossip: Vec<ResourceId>,
}

/// Storage words that records changed.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// With the approver, zero for none.
    pub resources: Vec<(ResourceId, ResourceWord, Address)>,
    /// By index of the resource's record and number of the word.
    pub calendars: Vec<((u64, u64), CalendarWord)>,
    /// By requester.
    pub requesters: Vec<(Address, RequesterWord)>,
    /// Released words by index of the allocation's record / 256.
    pub released: Vec<(u64, U256)>,
}
