//! Rows as postcard: small and fixed once written; a change of these types is a change of schema.

use super::Result;
use crate::store::NodeStoreError;
use crate::store::types::{Anchored, Failed, Flight, GossipedAnnouncement, Head, Pending};
use alloy_primitives::{Address, B256, Bytes, U256};
use fallow_chain::{BlockRef, Transaction};
use fallow_ledger::Message;
use fallow_protocol::{
    Announcement, Code, PromiseFile, Refusal, Release, Request, ResourceId, Signature, Withdrawal,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A type of the tables and the form in which a row has it.
pub(super) trait Stored: Sized {
    /// The form in a row.
    type Row: Serialize + DeserializeOwned;
    /// Into a row.
    fn to_row(&self) -> Self::Row;
    /// Out of a row; the error says what cannot be.
    fn from_row(row: Self::Row) -> std::result::Result<Self, String>;

    /// The bytes of a row.
    fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(&self.to_row())
            .map_err(|error| NodeStoreError::Unfit(format!("a row cannot be written: {error}")))
    }

    /// Reads the bytes of a row.
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let corrupt = |error| NodeStoreError::Corrupt(format!("a row cannot be read: {error}"));
        let (row, rest) =
            postcard::take_from_bytes(bytes).map_err(|error| corrupt(error.to_string()))?;
        if !rest.is_empty() {
            return Err(corrupt(format!("{} bytes follow it", rest.len())));
        }
        Self::from_row(row).map_err(corrupt)
    }
}

/// Number, hash, parent, time.
type BlockRow = (u64, B256, B256, u64);

impl Stored for BlockRef {
    type Row = BlockRow;

    fn to_row(&self) -> BlockRow {
        (self.number, self.hash, self.parent, self.time)
    }

    fn from_row((number, hash, parent, time): BlockRow) -> std::result::Result<Self, String> {
        Ok(Self { number, hash, parent, time })
    }
}

impl Stored for Head {
    type Row = (BlockRow, Option<(u64, u64)>, u64, Vec<B256>);

    fn to_row(&self) -> Self::Row {
        (self.block.to_row(), self.candidate, self.size, self.peaks.clone())
    }

    fn from_row((block, candidate, size, peaks): Self::Row) -> std::result::Result<Self, String> {
        Ok(Self { block: BlockRef::from_row(block)?, candidate, size, peaks })
    }
}

impl Stored for Anchored {
    type Row = (u64, u64, B256, u64, B256, B256, u64);

    fn to_row(&self) -> Self::Row {
        (
            self.sidechain_block,
            self.size,
            self.root,
            self.block,
            self.block_hash,
            self.transaction,
            self.anchored_at,
        )
    }

    fn from_row(row: Self::Row) -> std::result::Result<Self, String> {
        let (sidechain_block, size, root, block, block_hash, transaction, anchored_at) = row;
        Ok(Self { sidechain_block, size, root, block, block_hash, transaction, anchored_at })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum MessageRow {
    Announce(Announcement, Bytes),
    Request(Request, Bytes),
    AnnounceAndRequest(Announcement, Request, Bytes),
    Release(Release, Bytes, Bytes, Vec<B256>),
    Withdraw(Withdrawal, Announcement, Bytes),
    Append(u8, Address, Bytes),
}

#[derive(Serialize, Deserialize)]
pub(super) enum FailedRow {
    Refused(u16, U256, U256),
    Expired,
}

impl Stored for Pending {
    type Row = (u64, B256, MessageRow, PromiseFile, Option<FailedRow>);

    fn to_row(&self) -> Self::Row {
        let message = message_row(&self.message);
        (self.arrival, self.id, message, self.promise, self.failed.as_ref().map(failed_row))
    }

    fn from_row(row: Self::Row) -> std::result::Result<Self, String> {
        let (arrival, id, message, promise, failed) = row;
        let failed = failed.map(failed_of).transpose()?;
        Ok(Self { arrival, id, message: message_of(message), promise, failed })
    }
}

fn message_row(message: &Message) -> MessageRow {
    match message.clone() {
        Message::Announce { announcement, signatures } => {
            MessageRow::Announce(announcement, signatures)
        }
        Message::Request { request, signatures } => MessageRow::Request(request, signatures),
        Message::AnnounceAndRequest { announcement, request, signatures } => {
            MessageRow::AnnounceAndRequest(announcement, request, signatures)
        }
        Message::Release { release, signatures, record, path } => {
            MessageRow::Release(release, signatures, record, path)
        }
        Message::Withdraw { withdrawal, announcement, signatures } => {
            MessageRow::Withdraw(withdrawal, announcement, signatures)
        }
        Message::Append { kind, writer, body } => MessageRow::Append(kind, writer, body),
    }
}

fn message_of(row: MessageRow) -> Message {
    match row {
        MessageRow::Announce(announcement, signatures) => {
            Message::Announce { announcement, signatures }
        }
        MessageRow::Request(request, signatures) => Message::Request { request, signatures },
        MessageRow::AnnounceAndRequest(announcement, request, signatures) => {
            Message::AnnounceAndRequest { announcement, request, signatures }
        }
        MessageRow::Release(release, signatures, record, path) => {
            Message::Release { release, signatures, record, path }
        }
        MessageRow::Withdraw(withdrawal, announcement, signatures) => {
            Message::Withdraw { withdrawal, announcement, signatures }
        }
        MessageRow::Append(kind, writer, body) => Message::Append { kind, writer, body },
    }
}

const fn failed_row(failed: &Failed) -> FailedRow {
    match failed {
        Failed::Refused(refusal) => {
            FailedRow::Refused(refusal.code.number(), refusal.got, refusal.want)
        }
        Failed::Expired => FailedRow::Expired,
    }
}

fn failed_of(row: FailedRow) -> std::result::Result<Failed, String> {
    match row {
        FailedRow::Refused(number, got, want) => {
            let code = Code::from_number(number).ok_or_else(|| format!("no code {number}"))?;
            Ok(Failed::Refused(Refusal { code, got, want }))
        }
        FailedRow::Expired => Ok(Failed::Expired),
    }
}

impl Stored for Flight {
    type Row = (Transaction, Vec<u64>);

    fn to_row(&self) -> Self::Row {
        (self.transaction.clone(), self.arrivals.clone())
    }

    fn from_row((transaction, arrivals): Self::Row) -> std::result::Result<Self, String> {
        Ok(Self { transaction, arrivals })
    }
}

impl Stored for GossipedAnnouncement {
    type Row = (u64, ResourceId, Announcement, Signature);

    fn to_row(&self) -> Self::Row {
        (self.arrival, self.id, self.announcement, self.signature)
    }

    fn from_row(row: Self::Row) -> std::result::Result<Self, String> {
        let (arrival, id, announcement, signature) = row;
        Ok(Self { arrival, id, announcement, signature })
    }
}

/// Bytes in the tables that strangers fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) pending: u64,
    pub(super) failed: u64,
    pub(super) offers: u64,
    pub(super) gossip: u64,
}

impl Stored for Totals {
    type Row = (u64, u64, u64, u64);

    fn to_row(&self) -> Self::Row {
        (self.pending, self.failed, self.offers, self.gossip)
    }

    fn from_row((pending, failed, offers, gossip): Self::Row) -> std::result::Result<Self, String> {
        Ok(Self { pending, failed, offers, gossip })
    }
}
