//! The JSON of the HTTP API. Keys are camelCase, `u64` are decimal strings, bytes are hex.
//!
//! Messages are posted as the files of section 13 of the protocol: `AnnouncementFile`,
//! `RequestFile`, `ReleaseFile`, `WithdrawalFile`, alone or as an array.

use alloy_primitives::{Address, B256, Bytes, U256};
use fallow_protocol::{
    Announcement, Checkpoint, PromiseFile, RefusalFile, Release, Request, Signature, decimal,
};
use serde::{Deserialize, Serialize};

/// An error, as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:fallow:code:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name of the code.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// For people: what was wrong, what was expected, what to do.
    pub detail: String,
    /// Code of section 15.
    pub code: u16,
    /// What was found, as section 15 shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// What was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<String>,
    /// The node's signature under it, where a message was refused by a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Box<RefusalFile>>,
}

/// How sure a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LevelName {
    /// In a final block of the sidechain.
    Recorded,
    /// Under a checkpoint on mainnet.
    Anchored,
    /// The challenge period of that checkpoint is over.
    Settled,
}

/// The level of a record with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Level {
    /// Its name.
    pub name: LevelName,
    /// Mainnet blocks since the anchoring, that block included; absent while only recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmations: Option<u32>,
    /// Whether mainnet calls that block final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finalized: Option<bool>,
    /// Sidechain block of the first certified checkpoint above the record.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_decimal")]
    pub checkpoint: Option<u64>,
}

/// What became of one posted message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// It will be recorded.
    Promised {
        /// Id of the message.
        id: B256,
        /// The node's word.
        promise: Box<PromiseFile>,
    },
    /// It is in the log already.
    Recorded {
        /// Id of the message.
        id: B256,
        /// Position in the log.
        #[serde(with = "decimal")]
        index: u64,
        /// How sure that is.
        level: Level,
        /// Size of the log that the answer is of.
        #[serde(with = "decimal")]
        size: u64,
    },
    /// It travels now, without being recorded: only of announcements posted to `/v1/gossip`.
    Taken {
        /// Id of the message.
        id: B256,
    },
    /// It travelled before.
    Known {
        /// Id of the message.
        id: B256,
    },
    /// It breaks a rule, or the node does not take it.
    Refused {
        /// Id of the message.
        id: B256,
        /// Why.
        problem: Problem,
    },
}

/// What became of many posted messages, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcomes {
    /// One for each.
    pub items: Vec<Outcome>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// For `after`, where more follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Size of the log that the answer is of.
    #[serde(with = "decimal")]
    pub size: u64,
}

/// A record with everything that shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordAnswer {
    /// Position in the log.
    #[serde(with = "decimal")]
    pub index: u64,
    /// Id of the message; absent for kinds without messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<B256>,
    /// `genesis`, `announcement`, `allocation`, `release`, `withdrawal` or `open`.
    pub kind: String,
    /// Sidechain block.
    #[serde(with = "decimal")]
    pub block: u64,
    /// The record (section 6).
    pub record: Bytes,
    /// The evidence (section 3.1).
    pub evidence: Bytes,
    /// The announcement of a tombstone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    /// How sure it is.
    pub level: Level,
    /// Size of the log that the answer is of.
    #[serde(with = "decimal")]
    pub size: u64,
}

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAnswer {
    /// Its id.
    pub resource_id: B256,
    /// Position of its record in the log.
    #[serde(with = "decimal")]
    pub index: u64,
    /// What is offered.
    pub announcement: Announcement,
    /// The provider's signature.
    pub signature: Signature,
    /// Whether it is closed to new requests.
    pub withdrawn: bool,
    /// The offer document, where the node has it; its hash is in the announcement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<serde_json::Value>,
    /// Units free in every slot of the window that was asked for; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<u16>,
    /// How sure the record is.
    pub level: Level,
    /// Size of the log that the answer is of.
    #[serde(with = "decimal")]
    pub size: u64,
}

/// An allocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestAnswer {
    /// Its id.
    pub request_id: B256,
    /// Position of its record in the log.
    #[serde(with = "decimal")]
    pub index: u64,
    /// What was asked.
    pub request: Request,
    /// The requester's signature.
    pub signature: Signature,
    /// The approver's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Signature>,
    /// The release, if slots were given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseAnswer>,
    /// How sure the record is.
    pub level: Level,
    /// Size of the log that the answer is of.
    #[serde(with = "decimal")]
    pub size: u64,
}

/// A release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseAnswer {
    /// Position of its record in the log.
    #[serde(with = "decimal")]
    pub index: u64,
    /// What was given back.
    pub release: Release,
}

/// Used volume of a resource's slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalendarAnswer {
    /// The resource.
    pub resource_id: B256,
    /// Units that it offers.
    pub volume: u16,
    /// Seconds of a slot.
    pub slot_seconds: u32,
    /// Number of the first slot told.
    #[serde(with = "decimal")]
    pub first_slot: u64,
    /// Start of that slot, unix seconds.
    #[serde(with = "decimal")]
    pub start_time: u64,
    /// Units used in each slot from there.
    pub used: Vec<u16>,
    /// Size of the log that the answer is of.
    #[serde(with = "decimal")]
    pub size: u64,
}

/// A path from a leaf to a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InclusionAnswer {
    /// Position of the leaf.
    #[serde(with = "decimal")]
    pub index: u64,
    /// Size of the log.
    #[serde(with = "decimal")]
    pub size: u64,
    /// The leaf's hash.
    pub leaf: B256,
    /// The log's root.
    pub root: B256,
    /// Lowest node first.
    pub path: Vec<B256>,
}

/// A proof that a log only grew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsistencyAnswer {
    /// The older size.
    #[serde(with = "decimal")]
    pub from: u64,
    /// Its root.
    pub from_root: B256,
    /// The newer size.
    #[serde(with = "decimal")]
    pub to: u64,
    /// Its root.
    pub to_root: B256,
    /// The nodes of RFC 9162 section 2.1.4.
    pub path: Vec<B256>,
}

/// An anchored checkpoint's place on mainnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnchorAnswer {
    /// Mainnet block.
    #[serde(with = "decimal")]
    pub block: u64,
    /// Its transaction.
    pub transaction: B256,
    /// When, unix seconds of mainnet.
    #[serde(with = "decimal")]
    pub anchored_at: u64,
    /// Mainnet blocks since, that one included.
    pub confirmations: u32,
    /// Whether mainnet calls that block final.
    pub finalized: bool,
}

/// A checkpoint with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointAnswer {
    /// What validators sign.
    pub checkpoint: Checkpoint,
    /// The quorum's signature (section 10), once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Bytes>,
    /// Its own anchoring, if it was anchored itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<AnchorAnswer>,
}

/// One validator's share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareAnswer {
    /// The validator.
    pub validator: Address,
    /// Its weight.
    #[serde(with = "decimal")]
    pub weight: u64,
    /// Whether a share of it over this checkpoint was seen and verifies.
    pub signed: bool,
}

/// Who has signed a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharesAnswer {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// One for each member of the set.
    pub members: Vec<ShareAnswer>,
    /// Weight that has signed.
    #[serde(with = "decimal")]
    pub weight: u64,
    /// Weight of the set.
    #[serde(with = "decimal")]
    pub total: u64,
}

/// What one of the five checks finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingAnswer {
    /// 1 to 5.
    pub check: u8,
    /// Whether it holds.
    pub holds: bool,
    /// The rule that is broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Name of that rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was found.
    pub got: U256,
    /// What it was compared with.
    pub want: U256,
}

/// What the five checks find for a request, without recording it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckAnswer {
    /// Id of the request.
    pub request_id: B256,
    /// In order.
    pub findings: Vec<FindingAnswer>,
    /// Size of the log that the answer is of.
    #[serde(with = "decimal")]
    pub size: u64,
}

/// Where a posted message stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageAnswer {
    /// Its id.
    pub id: B256,
    /// Where it stands.
    pub state: MessageState,
    /// The node's word, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<Box<PromiseFile>>,
    /// Why it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<Problem>>,
    /// Position of its record in the log.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_decimal")]
    pub index: Option<u64>,
    /// How sure the record is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Size of the log that the answer is of.
    #[serde(with = "decimal")]
    pub size: u64,
}

/// Where a posted message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MessageState {
    /// Promised, in no transaction yet.
    Waiting,
    /// In a transaction that is not final yet.
    Sent,
    /// In the log.
    Recorded,
    /// Promised, but refused by the ledger or too late in the end.
    Failed,
}

/// An announcement that travels without being recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GossipAnswer {
    /// Position in this node's own order of arrival; the cursor for `after`.
    #[serde(with = "decimal")]
    pub arrival: u64,
    /// Its id.
    pub resource_id: B256,
    /// What is offered.
    pub announcement: Announcement,
    /// The provider's signature.
    pub signature: Signature,
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusAnswer {
    /// The node's version.
    pub version: String,
    /// The network.
    pub network_id: B256,
    /// The account that signs promises.
    pub node: Address,
    /// Last final sidechain block that was re-executed.
    #[serde(with = "decimal")]
    pub block: u64,
    /// Its time, unix seconds.
    #[serde(with = "decimal")]
    pub block_time: u64,
    /// Records in the log.
    #[serde(with = "decimal")]
    pub size: u64,
    /// Root of the log.
    pub root: B256,
    /// Records under the newest certified checkpoint.
    #[serde(with = "decimal")]
    pub certified_size: u64,
    /// Records under the newest anchored checkpoint.
    #[serde(with = "decimal")]
    pub anchored_size: u64,
    /// Records under the newest settled checkpoint.
    #[serde(with = "decimal")]
    pub settled_size: u64,
    /// Messages that were promised and are not recorded yet.
    #[serde(with = "decimal")]
    pub open_promises: u64,
    /// Whether it takes messages; if not, why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ready: Option<String>,
}

/// `Option<u64>` as a decimal string.
pub mod optional_decimal {
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Decimal(#[serde(with = "fallow_protocol::decimal")] u64);

    /// Writes a decimal string, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(number) => serializer.collect_str(number),
            None => serializer.serialize_none(),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// When the string is no canonical decimal.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        Ok(Option::<Decimal>::deserialize(from)?.map(|Decimal(number)| number))
    }
}
