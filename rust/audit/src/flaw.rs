//! What is wrong with a log: which record, by which check, under which checkpoint.

use alloy_primitives::{B256, TxHash};
use fallow_ledger::{ApplyError, EntryError};
use fallow_protocol::{Checkpoint, DecodeError, Refusal, decimal};
use serde::Serialize;

/// The first thing that is not as an honest network would have it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The bytes of a record's entry are none.
    #[error("record {index} cannot be read: {error}")]
    Unreadable {
        /// Position of the record.
        index: u64,
        /// Why.
        #[source]
        error: DecodeError,
    },
    /// Files of the log are missing.
    #[error("record {index} is withheld: `{path}` is not there")]
    Withheld {
        /// The first record that is missing.
        index: u64,
        /// The file that should have it.
        path: String,
    },
    /// A record says that it has another place.
    #[error("record {index} says that it is record {got}: a record was dropped, added or moved")]
    Index {
        /// Position of the record.
        index: u64,
        /// What the record says.
        got: u64,
    },
    /// A record is older than the one before it, or younger than the checkpoint above it.
    #[error("record {index} is of time {got}, expected {min} to {max}")]
    Time {
        /// Position of the record.
        index: u64,
        /// Its block time, unix seconds.
        got: u64,
        /// Block time of the record before it.
        min: u64,
        /// Block time of the first checkpoint above it.
        max: u64,
    },
    /// The first record is not this network's start.
    #[error("record 0 is not the genesis record of this network")]
    Genesis,
    /// There can be no message behind a record.
    #[error("record {index} has no message: {error}")]
    Message {
        /// Position of the record.
        index: u64,
        /// Why.
        #[source]
        error: EntryError,
    },
    /// A rule refuses what was recorded.
    #[error("record {index} is refused: {error}")]
    Refused {
        /// Position of the record.
        index: u64,
        /// The rule.
        #[source]
        error: ApplyError,
    },
    /// The message leads to another record.
    #[error("record {index} has another `{field}` than its message leads to")]
    Differs {
        /// Position of the record.
        index: u64,
        /// The first field that differs.
        field: &'static str,
    },
    /// A file that was read before has changed meanwhile.
    #[error("record {index} was another one when it was read first")]
    Changed {
        /// Position of the record.
        index: u64,
    },
    /// A hash tile is not that of the records.
    #[error("record {index} is not the one that `{path}` has the hash of: {got}, not {want}")]
    Tile {
        /// Position of the first record below the hash that differs.
        index: u64,
        /// The tile.
        path: String,
        /// Hash in the tile.
        got: B256,
        /// Hash over the records.
        want: B256,
    },
    /// The bytes of a hash tile are none.
    #[error("`{path}` is no tile of {width} hashes")]
    TileLength {
        /// Position of the first record below it.
        index: u64,
        /// The tile.
        path: String,
        /// How many hashes it should have.
        width: u16,
    },
    /// A checkpoint or its certificate does not hold under the trusted set.
    #[error("the checkpoint of block {} is not certified: {refusal}", checkpoint.block_number)]
    Certificate {
        /// The checkpoint.
        checkpoint: Box<Checkpoint>,
        /// Which check: 601 to 607.
        refusal: Refusal,
    },
    /// A certified checkpoint has another root than the records.
    #[error(
        "the certified checkpoint of block {} has root {} over {} records, which have root {want}",
        checkpoint.block_number, checkpoint.root, checkpoint.size
    )]
    Root {
        /// The checkpoint.
        checkpoint: Box<Checkpoint>,
        /// Root of as many records.
        want: B256,
    },
    /// An anchored checkpoint has another root than the records.
    #[error("mainnet block {block} anchors root {got} over {size} records, which have root {want}")]
    Anchored {
        /// Mainnet block of the anchoring.
        block: u64,
        /// Its transaction.
        transaction: TxHash,
        /// Sidechain block of the checkpoint.
        sidechain_block: u64,
        /// Records under it.
        size: u64,
        /// Root on mainnet.
        got: B256,
        /// Root of as many records.
        want: B256,
    },
    /// The sidechain's contract disagrees with the re-execution.
    #[error("{what}")]
    Contract {
        /// Position of the record, if it is about one.
        index: Option<u64>,
        /// The rule that the contract let pass, if it has a code.
        code: Option<u16>,
        /// What the contract claims.
        what: String,
    },
    /// A validator signed something else than the records.
    #[error("{what}")]
    Share {
        /// The checkpoint of the records.
        checkpoint: Box<Checkpoint>,
        /// What was signed.
        what: String,
    },
}

impl Flaw {
    /// The check that fails, in one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "Unreadable",
            Self::Withheld { .. } => "Withheld",
            Self::Index { .. } => "IndexWrong",
            Self::Time { .. } => "TimeOutOfOrder",
            Self::Genesis => "GenesisWrong",
            Self::Message { .. } => "MessageMissing",
            Self::Refused { error, .. } => match error {
                ApplyError::Refused(refusal) => refusal.code.name(),
                _ => "AppendRefused",
            },
            Self::Differs { .. } => "RecordDiffers",
            Self::Changed { .. } => "RecordChanged",
            Self::Tile { .. } | Self::TileLength { .. } => "TileDiffers",
            Self::Certificate { refusal, .. } => refusal.code.name(),
            Self::Root { .. } => "RootDiffers",
            Self::Anchored { .. } => "AnchoredRootDiffers",
            Self::Contract { .. } => "ContractDisagrees",
            Self::Share { .. } => "ShareDiffers",
        }
    }

    /// The record, where it is about one.
    #[must_use]
    pub const fn record(&self) -> Option<u64> {
        match self {
            Self::Unreadable { index, .. }
            | Self::Withheld { index, .. }
            | Self::Index { index, .. }
            | Self::Time { index, .. }
            | Self::Message { index, .. }
            | Self::Refused { index, .. }
            | Self::Differs { index, .. }
            | Self::Changed { index }
            | Self::Tile { index, .. }
            | Self::TileLength { index, .. } => Some(*index),
            Self::Genesis => Some(0),
            Self::Contract { index, .. } => *index,
            Self::Certificate { .. }
            | Self::Root { .. }
            | Self::Anchored { .. }
            | Self::Share { .. } => None,
        }
    }

    /// Code of section 15, if the check has one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { error, .. } => error.refusal().map(|refusal| refusal.code.number()),
            Self::Certificate { refusal, .. } => Some(refusal.code.number()),
            Self::Contract { code, .. } => *code,
            _ => None,
        }
    }

    /// The checkpoint that it is about, if it is about one.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        match self {
            Self::Certificate { checkpoint, .. }
            | Self::Root { checkpoint, .. }
            | Self::Share { checkpoint, .. } => Some(checkpoint),
            _ => None,
        }
    }
}

/// A flaw for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlawFile {
    /// The check that fails, in one word.
    pub check: &'static str,
    /// Code of section 15, if the check has one.
    pub code: Option<u16>,
    /// Position of the record, if it is about one.
    #[serde(serialize_with = "optional")]
    pub record: Option<u64>,
    /// The checkpoint that it is about, or the first certified one above the record.
    pub checkpoint: Option<Checkpoint>,
    /// In words.
    pub detail: String,
}

fn optional<S: serde::Serializer>(value: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => decimal::serialize(value, to),
        None => to.serialize_none(),
    }
}
