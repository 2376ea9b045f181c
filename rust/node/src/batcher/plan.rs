//! Which transactions carry the messages that wait. Pure: the same messages and ledger give the
//! same transactions.
//!
//! One plan has, in this order, announcements, releases, requests, withdrawals: so an announcement
//! is there before it is asked for, what is given back before it is taken again, and a resource is
//! closed last.

use crate::batcher::gas::{Cost, Meter};
use crate::batcher::releases::{self, Releases};
use crate::batcher::requests::{self, RequestBatch, Terms};
use crate::batcher::tables::{self, AnnouncementBatch, WithdrawalBatch};
use crate::store::types::Pending;
use alloy_primitives::{Address, B256};
use fallow_chain::Call;
use fallow_ledger::{Ledger, Message};
use fallow_protocol::packed::PackError;
use fallow_protocol::{Announcement, ResourceId};
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
    /// Resources that are announced.
    pub announced: HashMap<ResourceId, Announcement>,
}

impl InFlight {
    /// Sums up messages.
    pub fn of<'a>(messages: impl IntoIterator<Item = &'a Pending>) -> Self {
        let mut all = Self::default();
        messages.into_iter().for_each(|pending| all.add(pending));
        all
    }

    fn add(&mut self, pending: &Pending) {
        let mut records = 1_u64;
        match &pending.message {
            Message::Announce { announcement, .. } => {
                self.announced.insert(pending.id.into(), *announcement);
            }
            Message::Request { request, .. } => self.sequence(request.requester, request.sequence),
            Message::AnnounceAndRequest { announcement, request, .. } => {
                records = 2;
                self.announced.insert(request.resource_id, *announcement);
                self.sequence(request.requester, request.sequence);
            }
            Message::Release { .. } | Message::Withdraw { .. } | Message::Append { .. } => {}
        }
        self.records = self.records.saturating_add(records);
    }

    fn sequence(&mut self, requester: Address, sequence: u64) {
        let lowest = self.lowest.entry(requester).or_insert(sequence);
        *lowest = sequence.min(*lowest);
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
    /// The node's clock, unix seconds.
    pub now: u64,
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

/// Why nothing can be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError<E> {
    /// A path cannot be read.
    #[error("cannot build a path: {0}")]
    Path(#[source] E),
    /// What was picked has no packed form: a bug.
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// Plans transactions, to be sent in this order, for messages that are in no flight, in order of
/// arrival. A message that has to wait for others is left out.
///
/// # Errors
/// When a path cannot be read.
pub fn plan<P: PathSource>(
    pending: &[&Pending],
    context: &PlanContext<'_, P>,
) -> Result<Vec<Planned>, PlanError<P::Error>> {
    let waiting = InFlight::of(pending.iter().copied());
    let terms = Terms { ledger: context.ledger, waiting: &waiting, in_flight: context.in_flight };
    let announcements = tables::announcements(pending);
    let releases = releases::pick(pending);
    let giving = Releases { context, announcements: announcements.len() };
    let requests = requests::pick(pending, &waiting.lowest, &context.in_flight.lowest);
    let withdrawals = tables::withdrawals(pending, &requests.late);
    let batch = RequestBatch { terms: &terms, carriers: &requests.carriers };
    let mut planned = fill(&AnnouncementBatch, announcements, context)?;
    planned.extend(fill(&giving, releases, context)?);
    planned.extend(fill(&batch, requests.items, context)?);
    planned.extend(fill(&WithdrawalBatch, withdrawals, context)?);
    Ok(planned)
}

/// A message with its order of arrival.
#[derive(Clone, Debug)]
pub(crate) struct Waiting<T> {
    pub(crate) arrival: u64,
    pub(crate) item: T,
}

/// One entry point of the registry.
pub(crate) trait Batch<P: PathSource> {
    type Item;

    /// Whether an item has to wait for another plan, if `before` messages of this one go before.
    fn waits(&self, _item: &Self::Item, _before: usize) -> bool {
        false
    }

    /// What an item costs at most, after those in the meter, the last of which is `before`.
    fn cost(&self, meter: &Meter<'_>, before: Option<&Self::Item>, item: &Self::Item) -> Cost;

    /// The call's data.
    fn data(&self, items: &[Waiting<Self::Item>]) -> Result<Vec<u8>, PlanError<P::Error>>;
}

/// Fills transactions with items, in order, each as far as the limits allow.
fn fill<P: PathSource, B: Batch<P>>(
    batch: &B,
    items: Vec<Waiting<B::Item>>,
    context: &PlanContext<'_, P>,
) -> Result<Vec<Planned>, PlanError<P::Error>> {
    let limits = context.limits;
    let mut planned = Vec::new();
    let mut meter = Meter::new(context.ledger);
    let mut taken: Vec<Waiting<B::Item>> = Vec::new();
    let mut sent = 0_usize;
    for waiting in items {
        if batch.waits(&waiting.item, sent) {
            continue;
        }
        let before = taken.last().map(|last| &last.item);
        let mut cost = batch.cost(&meter, before, &waiting.item);
        let is_full = meter.bytes_with(&cost) > limits.calldata
            || meter.gas_with(&cost, limits.caution) > limits.gas;
        if is_full && !taken.is_empty() {
            sent = sent.saturating_add(taken.len());
            planned.push(finish(batch, &mut taken, &meter, context)?);
            meter = Meter::new(context.ledger);
            if batch.waits(&waiting.item, sent) {
                continue;
            }
            cost = batch.cost(&meter, None, &waiting.item);
        }
        meter.take(&cost);
        taken.push(waiting);
    }
    if !taken.is_empty() {
        planned.push(finish(batch, &mut taken, &meter, context)?);
    }
    Ok(planned)
}

fn finish<P: PathSource, B: Batch<P>>(
    batch: &B,
    taken: &mut Vec<Waiting<B::Item>>,
    meter: &Meter<'_>,
    context: &PlanContext<'_, P>,
) -> Result<Planned, PlanError<P::Error>> {
    let data = batch.data(taken)?;
    let gas = meter.limit(&data, context.limits.caution);
    let to = Some(context.ledger.domain().registry);
    let arrivals = taken.drain(..).map(|waiting| waiting.arrival).collect();
    Ok(Planned { call: Call { to, data: data.into() }, gas, arrivals })
}

#[cfg(test)]
mod tests;
