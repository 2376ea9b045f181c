//! Which transactions carry the messages that wait. Pure: the same messages and ledger give the
//! same transactions.

use crate::store::types::Pending;
use alloy_primitives::{Address, B256};
use fallow_chain::Call;
use fallow_ledger::{Ledger, Message};
use std::collections::HashMap;

/// Bounds of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of call data. Pools take transactions of 128 KiB.
    pub calldata: usize,
    /// Gas limit. EIP-7825 caps it at 2^24, about 16.7 million.
    pub gas: u64,
    /// What bounds of gas are multiplied with, in percent: 100, more after a transaction ran out.
    pub caution: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calldata: 100_000, gas: 12_000_000, caution: 100 }
    }
}

/// Builds the paths that releases bring.
pub trait PathSource {
    /// Why it cannot.
    type Error;

    /// The inclusion path of the record at `index` in the log of `size` records, or at least its
    /// nodes up to the peak that the record stands under.
    ///
    /// # Errors
    /// When the log's hashes cannot be read.
    fn path(&self, index: u64, size: u64) -> Result<Vec<B256>, Self::Error>;
}

/// What is on its way already: messages in flights that are not recorded yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// So many records are expected at most.
    pub records: u64,
    /// Lowest sequence of each requester.
    pub lowest: HashMap<Address, u64>,
}

impl InFlight {
    /// Sums up messages.
    pub fn of<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Self {
        let mut all = Self::default();
        for message in messages {
            let records = match message {
                Message::AnnounceAndRequest { .. } => 2,
                _ => 1,
            };
            all.records = all.records.saturating_add(records);
            if let Message::Request { request, .. } | Message::AnnounceAndRequest { request, .. } =
                message
            {
                let lowest = all.lowest.entry(request.requester).or_insert(request.sequence);
                *lowest = (*lowest).min(request.sequence);
            }
        }
        all
    }
}

/// What a plan is made from, beside the messages.
#[derive(Debug)]
pub struct PlanContext<'a, P> {
    /// The ledger after the last block that was applied.
    pub ledger: &'a Ledger,
    /// Paths into that ledger's log.
    pub paths: &'a P,
    /// What is on its way.
    pub in_flight: &'a InFlight,
    /// Bounds of each transaction.
    pub limits: Limits,
}

/// One transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What it calls.
    pub call: Call,
    /// Its gas limit.
    pub gas: u64,
    /// Arrival numbers of the messages in it.
    pub arrivals: Vec<u64>,
}

/// Plans transactions, to be sent in this order, for messages that are in no flight, in order of
/// arrival. A message that has to wait for others is left out.
///
/// # Errors
/// When a path cannot be read.
pub fn plan<P: PathSource>(
    _pending: &[&Pending],
    _context: &PlanContext<'_, P>,
) -> Result<Vec<Planned>, P::Error> {
    Ok(Vec::new())
}
