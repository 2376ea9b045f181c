//! Why bytes are no snapshot.

use alloy_primitives::{Address, B256};
use fallow_protocol::NetworkId;
use std::{fmt, io};

/// One of the lists of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Resource words, by id.
    Resources,
    /// Calendar words, by resource's index and number.
    Calendars,
    /// Requester words, by address.
    Requesters,
    /// Released words, by number.
    Released,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resources => "resource",
            Self::Calendars => "calendar",
            Self::Requesters => "requester",
            Self::Released => "released",
        })
    }
}

/// What is wrong with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Words that are zero are left out.
    #[error("is zero")]
    Zero,
    /// An index of a record that is not in the log, or that cannot be of such a record.
    #[error("names a record that it cannot name")]
    Index,
    /// Two resources with one record.
    #[error("names the record of another resource")]
    IndexTaken,
    /// No announcement has these terms, or a flag is unknown.
    #[error("has terms that no announcement has")]
    Terms,
    /// A flag without an approver.
    #[error("has no approver")]
    Approver,
    /// A calendar of nothing that is recorded.
    #[error("is of a resource that is not recorded")]
    ResourceUnknown,
    /// Volume in slots that the resource does not have.
    #[error("has slots beyond the resource's window")]
    Slots,
    /// More used than there is.
    #[error("has more used than the resource's volume")]
    Overused,
    /// A sequence was seen below the lowest one.
    #[error("marks sequences that nobody has")]
    Sequence,
    /// A record was released that is not in the log.
    #[error("marks records that are not in the log")]
    Released,
}

/// Why bytes are no snapshot of this network's ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The reader failed.
    #[error("the snapshot cannot be read")]
    Read(#[source] io::Error),
    /// The bytes end too early.
    #[error("the snapshot is truncated")]
    Truncated,
    /// Bytes follow the snapshot.
    #[error("bytes follow the snapshot")]
    Trailing,
    /// The first bytes are not those of a snapshot.
    #[error("not a snapshot: it does not begin with `FLWS`")]
    Magic,
    /// The format's version is another one.
    #[error("the snapshot's version is {got}, this program reads {want}")]
    Version {
        /// Version found.
        got: u8,
        /// Version understood.
        want: u8,
    },
    /// The snapshot is of another network.
    #[error("the snapshot is of network {got}, not {want}")]
    Network {
        /// Network found.
        got: NetworkId,
        /// Own network.
        want: NetworkId,
    },
    /// The snapshot is of another registry.
    #[error("the snapshot is of registry {got}, not {want}")]
    Registry {
        /// Registry found.
        got: Address,
        /// Own registry.
        want: Address,
    },
    /// No log has this size.
    #[error("no log has {0} records")]
    Size(u64),
    /// The keys of a list do not rise.
    #[error("the {0} words are not in order")]
    Disorder(List),
    /// A word that no ledger has.
    #[error("the {list} word {word} {fault}")]
    Word {
        /// Where it stands.
        list: List,
        /// The word.
        word: B256,
        /// What is wrong with it.
        fault: Fault,
    },
}
