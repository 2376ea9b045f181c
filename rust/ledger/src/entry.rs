//! From a log's entries back to the messages behind them: whoever has the log re-executes it without
//! the chain that it was recorded on.

use crate::{Applied, ApplyError, Ledger, Message};
use alloy_primitives::Bytes;
use fallow_protocol::{
    Announcement, Body, DecodeError, Entry, Evidence, Record, Release, ReleaseBody, Withdrawal,
    WithdrawalBody,
};

/// Why there is no message behind an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Record or evidence cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The first record has no message.
    #[error("the record at {0} starts a log, no message does")]
    Genesis(u64),
    /// The record that it refers to is not in the log, or of another kind.
    #[error("the record at {index} refers to the one at {of}, which is no {want}")]
    Referred {
        /// Position of the record.
        index: u64,
        /// Position of the other.
        of: u64,
        /// What the other should be.
        want: &'static str,
    },
    /// A withdrawal of what was never recorded comes without the announcement that it bars.
    #[error("the record at {0} bars an announcement that the entry does not bring")]
    AnnouncementMissing(u64),
    /// An entry brings an announcement, or evidence, that its kind does not have.
    #[error("the record at {index} comes with {what}, which its kind does not have")]
    Needless {
        /// Position of the record.
        index: u64,
        /// What should not be there.
        what: &'static str,
    },
}

/// Why an entry is not what the ledger records next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no message behind it.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The message is refused.
    #[error("the message of record {index} is refused: {error}")]
    Refused {
        /// Position that the record says.
        index: u64,
        /// Why.
        error: ApplyError,
    },
    /// The message leads to another record.
    #[error("the message of record {index} leads to another record")]
    Differs {
        /// Position that the record says.
        index: u64,
        /// What it leads to. The ledger has recorded it.
        want: Box<Record>,
    },
}

/// The message behind an entry, releases without their path. `find` gives earlier entries by their
/// position. A message that announced and requested at once comes back as two, which record the
/// same.
///
/// # Errors
/// When the entry has no message.
pub fn message_of(
    entry: &Entry,
    find: impl FnMut(u64) -> Option<Entry>,
) -> Result<Message, EntryError> {
    message(&Record::decode(&entry.record)?, entry, find)
}

fn message(
    record: &Record,
    entry: &Entry,
    mut find: impl FnMut(u64) -> Option<Entry>,
) -> Result<Message, EntryError> {
    let index = record.index;
    let mut brought = entry.announcement.as_ref();
    let message = match &record.body {
        Body::Genesis(_) => return Err(EntryError::Genesis(index)),
        Body::Announcement(body) => {
            Message::Announce { announcement: body.announcement(), signatures: signatures(entry)? }
        }
        Body::Allocation(body) => {
            Message::Request { request: body.request(), signatures: signatures(entry)? }
        }
        Body::Release(body) => release(index, body, entry, find(body.request_index))?,
        Body::Withdrawal(body) => {
            let announcement = match body.resource_index {
                0 => *brought.take().ok_or(EntryError::AnnouncementMissing(index))?,
                of => announcement((index, of), find(of))?,
            };
            withdrawal(body, announcement, signatures(entry)?)
        }
        Body::Open { kind, bytes } => {
            if !entry.evidence.is_empty() {
                return Err(EntryError::Needless { index, what: "evidence" });
            }
            Message::Append { kind: *kind, writer: record.writer, body: bytes.clone().into() }
        }
    };
    match brought {
        None => Ok(message),
        Some(_) => Err(EntryError::Needless { index, what: "an announcement" }),
    }
}

fn signatures(entry: &Entry) -> Result<Bytes, DecodeError> {
    Ok(Evidence::decode(&entry.evidence)?.signatures().into())
}

fn release(
    index: u64,
    body: &ReleaseBody,
    entry: &Entry,
    allocation: Option<Entry>,
) -> Result<Message, EntryError> {
    let of = body.request_index;
    let allocation = allocation.ok_or(EntryError::Referred { index, of, want: "allocation" })?;
    let release = Release {
        request_id: body.request_id,
        from_time: body.from_time,
        timestamp: body.timestamp,
    };
    let (signatures, record) = (signatures(entry)?, allocation.record.into());
    Ok(Message::Release { release, signatures, record, path: Vec::new() })
}

fn announcement((index, of): (u64, u64), entry: Option<Entry>) -> Result<Announcement, EntryError> {
    let record = entry.map(|entry| Record::decode(&entry.record)).transpose()?;
    match record.map(|record| record.body) {
        Some(Body::Announcement(body)) => Ok(body.announcement()),
        _ => Err(EntryError::Referred { index, of, want: "announcement" }),
    }
}

const fn withdrawal(
    body: &WithdrawalBody,
    announcement: Announcement,
    signatures: Bytes,
) -> Message {
    let withdrawal = Withdrawal { resource_id: body.resource_id, timestamp: body.timestamp };
    Message::Withdraw { withdrawal, announcement, signatures }
}

impl Ledger {
    /// Applies the message behind an entry at the time of its block, and compares: the same record
    /// must come of it, byte for byte, so the evidence must have the hash that the record names.
    /// `find` gives earlier entries of this log by their position; what it gives is vouched for.
    ///
    /// # Errors
    /// When the entry is not what comes next in this log. If another record was appended in its
    /// stead ([`ReplayError::Differs`]), the ledger is of no use any more.
    pub fn replay(
        &mut self,
        entry: &Entry,
        find: impl FnMut(u64) -> Option<Entry>,
    ) -> Result<Applied, ReplayError> {
        let record = Record::decode(&entry.record).map_err(EntryError::from)?;
        let index = record.index;
        let message = message(&record, entry, find)?;
        let applied = self.apply_proven(&message, record.block_time);
        let applied = applied.map_err(|error| ReplayError::Refused { index, error })?;
        if applied.record == record {
            return Ok(applied);
        }
        Err(ReplayError::Differs { index, want: Box::new(applied.record) })
    }
}
