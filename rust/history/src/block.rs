//! The history itself: drafts, signed, taken by a ledger.

use crate::draft::{Draft, Planner};
use crate::keys::Keys;
use crate::network::HistoryNetwork;
use alloy_primitives::B256;
use fallow_ledger::{Applied, Claim, Ledger, Message, Recoverer};
use fallow_protocol::{Announcement, Body, Domain, Entry, Evidence, Record, SecretKey};
use rayon::prelude::*;
use std::collections::VecDeque;
use std::num::NonZeroUsize;

/// Messages that are signed at once.
const ROUND: u64 = 2_048;
/// A round lasts at most so many blocks, so that its messages stay within their drift of 300 s.
const ROUND_BLOCKS: u64 = 64;
/// Seconds from block to block.
const BLOCK_SECONDS: u64 = 2;

/// How a history is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryOptions {
    /// Everything follows from it.
    pub seed: u64,
    /// Records of the log, the genesis record included; at least 1.
    pub records: u64,
    /// How many accounts ask for capacity; at least 1.
    pub requesters: u64,
    /// Records of a block, at least 1. A block that ends with an announcement and its request may
    /// have one more.
    pub block_records: u64,
}

impl HistoryOptions {
    /// Usual numbers for a log of `records` records.
    #[must_use]
    pub fn new(seed: u64, records: u64) -> Self {
        let requesters = records.div_ceil(16).clamp(4, 50_000);
        Self { seed, records, requesters, block_records: records.div_ceil(20).clamp(1, 500) }
    }
}

/// What one record came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The record with all that a re-execution needs.
    pub entry: Entry,
    /// The same record, read.
    pub record: Record,
    /// Id of the message; zero for kinds without messages.
    pub id: B256,
}

/// Records of one sidechain block, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its number. The first block of a history is that of the registry's deployment.
    pub number: u64,
    /// Its time, unix seconds.
    pub time: u64,
    /// At least one.
    pub records: Vec<Made>,
}

/// Makes up one block after the other.
#[derive(Debug)]
pub struct History {
    options: HistoryOptions,
    network: HistoryNetwork,
    keys: Keys,
    planner: Planner,
    ledger: Ledger,
    recoverer: Recoverer,
    ready: VecDeque<(Draft, Message)>,
    /// The genesis record, until it was given out.
    genesis: Option<Record>,
    number: u64,
    time: u64,
}

impl History {
    /// A history from its beginning.
    #[must_use]
    pub fn new(options: HistoryOptions) -> Self {
        let network = HistoryNetwork::new(options.seed);
        let keys = Keys::new(options.seed, options.requesters);
        let planner = Planner::new(options.seed, network.file().domain(), &keys);
        // A message has at most three signatures.
        let capacity = usize::try_from(ROUND.saturating_mul(3)).unwrap_or(usize::MAX);
        let capacity = NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN);
        let recoverer = Recoverer::remembering(capacity);
        let (number, time) = (network.first_block(), network.start());
        let (ledger, genesis) = Ledger::new(network.config(), time);
        let (ledger, genesis) = (ledger.with_recoverer(recoverer.clone()), Some(genesis));
        let ready = VecDeque::new();
        Self { options, network, keys, planner, ledger, recoverer, ready, genesis, number, time }
    }

    /// The made-up network.
    #[must_use]
    pub const fn network(&self) -> &HistoryNetwork {
        &self.network
    }

    /// The ledger after the last block that was given out.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Time of the last block that was given out, unix seconds.
    pub(crate) const fn time(&self) -> u64 {
        self.time
    }

    /// A resource, its first slot in which somebody could ask for more than is there, who asks, and
    /// the sequence to ask with.
    pub(crate) fn beyond(&self) -> Option<(Announcement, u64, &SecretKey, u64)> {
        let announcement = self.planner.unapproved()?;
        let passed = self.time.saturating_sub(announcement.start_time);
        let slot = passed.checked_div(announcement.slot_seconds.into())?.checked_add(1)?;
        let requester = self.keys.requesters.first()?;
        let sequence = self.ledger.requester(requester.address()).highest.checked_add(1)?;
        Some((announcement, slot, requester, sequence))
    }

    /// Signs a round of messages, and finds out who signed them, on all cores.
    fn prepare(&mut self) {
        // What a round records can be released in the next: a short history has some, too.
        let round = self.options.block_records.saturating_mul(ROUND_BLOCKS);
        let round = round.min(self.options.records.div_ceil(16)).clamp(1, ROUND);
        let drafts: Vec<_> =
            (0..round).map(|_| self.planner.draft(&self.keys, self.time)).collect();
        let (keys, domain) = (&self.keys, self.network.file().domain());
        let writer = self.network.writer().into_array();
        let signed = drafts.into_par_iter().map(|draft| {
            let message = keys.sign(&draft, &domain, writer);
            (draft, message)
        });
        self.ready = signed.collect::<Vec<_>>().into();
        let claims: Vec<Claim> =
            self.ready.iter().flat_map(|(_, message)| message.claims(&domain)).collect();
        self.recoverer.warm(&claims);
    }

    /// Records the next message that the ledger takes.
    fn record(&mut self, records: &mut Vec<Made>) {
        if self.ready.is_empty() {
            self.prepare();
        }
        let Some((draft, message)) = self.ready.pop_front() else {
            return;
        };
        let two = matches!(message, Message::AnnounceAndRequest { .. });
        if two && self.left() < 2 {
            return;
        }
        // What there is no room for is left out.
        if let Ok(applied) = self.ledger.apply_proven(&message, self.time) {
            self.remember(&draft, &applied);
            records.extend(made(&message, applied, self.ledger.domain()));
        }
    }

    fn remember(&mut self, draft: &Draft, applied: &Applied) {
        let (Draft::Request { request, requester, .. } | Draft::Carried { request, requester, .. }) =
            draft
        else {
            return;
        };
        self.planner.allocated(request, *requester, &applied.record);
    }

    fn left(&self) -> u64 {
        self.options.records.saturating_sub(self.ledger.size())
    }
}

impl Iterator for History {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let mut records = Vec::new();
        if let Some(record) = self.genesis.take() {
            let entry = Entry { record: record.encode(), ..Entry::default() };
            records.push(Made { entry, record, id: B256::ZERO });
        } else if self.left() == 0 {
            return None;
        } else {
            self.number = self.number.saturating_add(1);
            self.time = self.time.saturating_add(BLOCK_SECONDS);
            while (records.len() as u64) < self.options.block_records.max(1) && self.left() > 0 {
                self.record(&mut records);
            }
        }
        Some(Block { number: self.number, time: self.time, records })
    }
}

/// The records of a message with what a re-execution needs.
fn made(message: &Message, applied: Applied, domain: &Domain) -> Vec<Made> {
    let id = message.id(domain);
    let one = |record: Record, signatures: &[u8], id| {
        let evidence = Evidence::from_signatures(signatures).map(|evidence| evidence.encode());
        let evidence = evidence.expect("the ledger has read the signatures");
        Made { entry: Entry { record: record.encode(), evidence, announcement: None }, record, id }
    };
    match (message, applied) {
        (Message::Append { .. }, Applied { record, .. }) => {
            let entry = Entry { record: record.encode(), ..Entry::default() };
            vec![Made { entry, record, id }]
        }
        (
            Message::AnnounceAndRequest { announcement, signatures, .. },
            Applied { announced: Some(announced), record },
        ) => {
            let (provider, requester) = signatures.split_at(64);
            vec![one(announced, provider, announcement.id(domain).0), one(record, requester, id)]
        }
        (
            Message::Announce { signatures, .. }
            | Message::Request { signatures, .. }
            | Message::AnnounceAndRequest { signatures, .. }
            | Message::Release { signatures, .. },
            Applied { record, .. },
        ) => vec![one(record, signatures, id)],
        (Message::Withdraw { signatures, announcement, .. }, Applied { record, .. }) => {
            let mut made = one(record, signatures, id);
            let Body::Withdrawal(body) = &made.record.body else {
                unreachable!("a withdrawal is recorded as one");
            };
            made.entry.announcement = (body.resource_index == 0).then_some(*announcement);
            vec![made]
        }
    }
}
