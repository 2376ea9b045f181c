//! Transactions on their way, pure: which nonce each has, what is to be done with it, and when it is
//! over.
//!
//! ```text
//! Launch --> Signing --Signed--> Storing --Stored--> Ready --(Send)--> Sending --Sent--> Sent
//!               ^                                      ^                  |               | |
//!               `---------------- waited too long -----|---- NotSent -----'               | |
//!                                                      |---- in no block, asked again ----' |
//!                                                      `---- block gone --- Included <------'
//! any, once its nonce is used up in a final block --> over
//! ```
//!
//! A transaction is over when the account's nonce after a final block that the core has applied is
//! above its own: whatever became of it, it will not change any more, and all that it recorded is in
//! the core's ledger. Receipts are asked for only if something is missing then. Nothing is trusted to
//! a pool: what is in no block is handed over again, and a node that has it says so.
//!
//! A nonce has one call for ever, except after it was used up. So no message is in two transactions
//! that could both be included, and the registry refuses a second record anyway.

use crate::batcher::effect::{Effect, Input, Look, Outgoing, Trouble, Unsigned};
use crate::batcher::{Limits, Planned};
use crate::store::types::Flight;
use alloy_primitives::{Address, Bytes};
use fallow_chain::{Call, Fees, Transaction, TransactionState};
use std::collections::{BTreeMap, HashSet};

/// With an eighth more each time, the last of 20 payloads offers about ten times the first.
const MAX_PAYLOADS: usize = 20;
/// Gas of a transaction that only uses up a nonce: the base of every transaction.
const FILLER_GAS: u64 = 21_000;
/// Bounds of gas grow by this much in percent for each transaction that reverted in a row.
const CAUTION_STEP: u64 = 50;
/// After so many the next ones have to wait: it was hardly the gas.
const CAUTION_STEPS: u32 = 6;

/// How flights wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlightsConfig {
    /// The account; transactions that only use up a nonce go to itself.
    pub account: Address,
    /// So many transactions are on their way at most.
    pub in_flight: usize,
    /// Blocks that a payload waits before its fees are raised.
    pub patience: u64,
    /// Milliseconds after which a transaction that is in no block is handed over again.
    pub resend: u64,
}

impl FlightsConfig {
    /// 32 transactions, 10 blocks, 4 seconds.
    #[must_use]
    pub const fn new(account: Address) -> Self {
        Self { account, in_flight: 32, patience: 10, resend: 4_000 }
    }
}

/// All transactions that are not over.
#[derive(Clone, Debug)]
pub struct Flights {
    config: FlightsConfig,
    /// By nonce.
    all: BTreeMap<u64, Journey>,
    /// The last final block that the core has applied, once it has said so.
    applied: Option<u64>,
    look: Option<Look>,
    looking: Looking,
    trouble: Option<Trouble>,
    /// Transactions that reverted in a row.
    reverted: u32,
    /// Nothing is launched before this block is the latest.
    not_before: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looking {
    No,
    /// The driver is asking.
    Yes,
    /// It is, and has to ask again.
    Twice,
}

#[derive(Clone, Debug)]
struct Journey {
    flight: Flight,
    /// Arrival numbers of its messages that are not recorded.
    waits: HashSet<u64>,
    stage: Stage,
    /// Latest block when the last payload was first taken by a node.
    since: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The driver signs, since this time.
    Signing(u64),
    /// The core stores.
    Storing,
    /// Durable, to be handed over.
    Ready,
    /// The driver hands it over.
    Sending,
    /// A node took it at this time.
    Sent(u64),
    /// Its nonce is used up in a block that may still go away.
    Included,
    /// The driver asks why messages of it are missing.
    Judging,
}

impl Flights {
    /// Goes on with what was stored. Of their messages only those count that `waits` says are not
    /// recorded.
    #[must_use]
    pub fn resume(config: FlightsConfig, stored: Vec<Flight>, waits: impl Fn(u64) -> bool) -> Self {
        let journeys = stored.into_iter().map(|flight| {
            let waits = flight.arrivals.iter().copied().filter(|arrival| waits(*arrival));
            let journey =
                Journey { waits: waits.collect(), stage: Stage::Ready, since: None, flight };
            (journey.flight.transaction.nonce, journey)
        });
        Self {
            config,
            all: journeys.collect(),
            applied: None,
            look: None,
            looking: Looking::No,
            trouble: None,
            reverted: 0,
            not_before: 0,
        }
    }

    /// Takes in what happened, and says what to do, in order.
    pub fn apply(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Applied { block, recorded } => self.applied(block, &recorded),
            Input::Launch(planned) => self.launch(planned),
            Input::Tick => self.look_again(Looking::Yes),
            Input::Stored { nonce } => self.stored(nonce),
            Input::Signed(outgoing) => self.signed(outgoing),
            Input::Sent { nonce } => self.sent(nonce),
            Input::NotSent { nonce, trouble } => self.not_sent(nonce, trouble),
            Input::Seen(look) => self.seen(look),
            Input::Blind(trouble) => self.blind(trouble),
            Input::Judged { nonce, reverted } => self.judged(nonce, reverted),
        }
    }

    /// How many more transactions may be launched now: none before the first look at the chain.
    #[must_use]
    pub fn room(&self) -> usize {
        let is_open = self.look.is_some_and(|look| look.latest >= self.not_before);
        if is_open { self.config.in_flight.saturating_sub(self.all.len()) } else { 0 }
    }

    /// Arrival numbers of the messages that are on their way and not recorded.
    pub fn arrivals(&self) -> impl Iterator<Item = u64> {
        self.all.values().flat_map(|journey| journey.waits.iter().copied())
    }

    /// How many transactions are not over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether all are over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The bounds with more caution, if transactions reverted lately: most likely the gas was short.
    #[must_use]
    pub fn limits(&self, limits: Limits) -> Limits {
        let steps = u64::from(self.reverted.min(CAUTION_STEPS));
        let caution = limits.caution.saturating_add(CAUTION_STEP.saturating_mul(steps));
        Limits { caution, ..limits }
    }

    /// Why nothing gets on, if so.
    #[must_use]
    pub const fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    fn applied(&mut self, block: u64, recorded: &[u64]) -> Vec<Effect> {
        self.applied = self.applied.max(Some(block));
        for journey in self.all.values_mut() {
            recorded.iter().for_each(|arrival| {
                journey.waits.remove(arrival);
            });
        }
        self.look_again(Looking::Twice)
    }

    /// Looks now, or once more after the look that is under way if what that sees is too old.
    fn look_again(&mut self, otherwise: Looking) -> Vec<Effect> {
        let Some(applied) = self.applied else { return Vec::new() };
        if self.looking != Looking::No {
            self.looking = if otherwise == Looking::Twice { otherwise } else { self.looking };
            return Vec::new();
        }
        self.looking = Looking::Yes;
        vec![Effect::Look { applied }]
    }

    fn launch(&mut self, planned: Vec<Planned>) -> Vec<Effect> {
        let Some(look) = self.look else { return Vec::new() };
        let room = self.room();
        let planned = planned.into_iter().take(room);
        planned.map(|planned| self.launch_one(planned, &look)).collect()
    }

    fn launch_one(&mut self, planned: Planned, look: &Look) -> Effect {
        // Nonces above the one included are this account's own flights, or free.
        let after_last = self.all.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        self.launch_at(after_last.max(look.included), planned, look)
    }

    fn launch_at(&mut self, nonce: u64, planned: Planned, look: &Look) -> Effect {
        let Planned { call, gas, arrivals } = planned;
        let state = TransactionState::Built;
        let transaction = Transaction { call, nonce, gas, payloads: Vec::new(), state };
        let waits = arrivals.iter().copied().collect();
        let flight = Flight { transaction, arrivals };
        let stage = Stage::Signing(look.time);
        let journey = Journey { flight, waits, stage, since: None };
        let effect = journey.sign(look.fees);
        self.all.insert(nonce, journey);
        effect
    }

    fn signed(&mut self, outgoing: Outgoing) -> Vec<Effect> {
        let journey = self.all.get_mut(&outgoing.nonce);
        let Some(journey) = journey.filter(|journey| matches!(journey.stage, Stage::Signing(_)))
        else {
            return Vec::new();
        };
        journey.flight.transaction.payloads.push(outgoing.payload);
        journey.stage = Stage::Storing;
        journey.since = None;
        vec![Effect::Store(journey.flight.clone())]
    }

    fn stored(&mut self, nonce: u64) -> Vec<Effect> {
        let journey = self.all.get_mut(&nonce);
        let Some(journey) = journey.filter(|journey| journey.stage == Stage::Storing) else {
            return Vec::new();
        };
        journey.stage = Stage::Ready;
        send([journey])
    }

    fn sent(&mut self, nonce: u64) -> Vec<Effect> {
        let Some(look) = self.look else { return Vec::new() };
        let journey = self.all.get_mut(&nonce);
        if let Some(journey) = journey.filter(|journey| journey.stage == Stage::Sending) {
            journey.stage = Stage::Sent(look.time);
            journey.since.get_or_insert(look.latest);
            self.trouble = None;
        }
        Vec::new()
    }

    fn not_sent(&mut self, nonce: u64, trouble: Trouble) -> Vec<Effect> {
        let journey = self.all.get_mut(&nonce);
        if let Some(journey) = journey.filter(|journey| journey.stage == Stage::Sending) {
            journey.stage = Stage::Ready;
            self.trouble = Some(trouble);
        }
        Vec::new()
    }

    fn blind(&mut self, trouble: Trouble) -> Vec<Effect> {
        self.trouble = Some(trouble);
        // The next tick looks again.
        self.looking = Looking::No;
        Vec::new()
    }

    fn seen(&mut self, look: Look) -> Vec<Effect> {
        // A node that lags behind itself: what is final is included.
        let included = look.included.max(look.settled);
        let look = Look { included, ..look };
        self.look = Some(look);
        self.forget_trouble(included);
        let mut effects = self.settle(look.settled);
        effects.extend(self.nudge(&look));
        effects.extend(self.fill_gaps(&look));
        let is_old = self.looking == Looking::Twice;
        self.looking = Looking::No;
        if is_old {
            effects.extend(self.look_again(Looking::Yes));
        }
        effects
    }

    /// The chain's node answers; and what it refused is no matter any more when nothing waits to be
    /// included: an older payload of it may have been.
    fn forget_trouble(&mut self, included: u64) {
        let waits = self.all.range(included..).next().is_some();
        let is_over = match &self.trouble {
            Some(Trouble::Away(_)) => true,
            Some(Trouble::Refused(_)) => !waits,
            Some(Trouble::Reverted { .. }) | None => false,
        };
        if is_over {
            self.trouble = None;
        }
    }

    /// Ends the transactions whose nonces are used up for ever.
    fn settle(&mut self, settled: u64) -> Vec<Effect> {
        let over: Vec<u64> = self.all.range(..settled).map(|(nonce, _)| *nonce).collect();
        over.into_iter().filter_map(|nonce| self.settle_one(nonce)).collect()
    }

    fn settle_one(&mut self, nonce: u64) -> Option<Effect> {
        let journey = self.all.get_mut(&nonce)?;
        let payloads = &journey.flight.transaction.payloads;
        if journey.waits.is_empty() {
            if !journey.flight.arrivals.is_empty() {
                self.reverted = 0;
            }
            return Some(self.land(nonce));
        }
        if payloads.is_empty() {
            return Some(self.land(nonce));
        }
        if journey.stage == Stage::Judging {
            return None;
        }
        journey.stage = Stage::Judging;
        let hashes = payloads.iter().map(|payload| payload.hash).collect();
        Some(Effect::Judge { nonce, hashes })
    }

    fn land(&mut self, nonce: u64) -> Effect {
        let waits = self.all.remove(&nonce).map(|journey| journey.waits);
        let mut again: Vec<u64> = waits.into_iter().flatten().collect();
        again.sort_unstable();
        Effect::Landed { nonce, again }
    }

    fn judged(&mut self, nonce: u64, reverted: bool) -> Vec<Effect> {
        let is_judged = |journey: &Journey| journey.stage == Stage::Judging;
        if !self.all.get(&nonce).is_some_and(is_judged) {
            return Vec::new();
        }
        if reverted {
            self.reverted = self.reverted.saturating_add(1);
            self.trouble = Some(Trouble::Reverted { nonce });
            // The first time the gas was short, most likely. Later ones shall not cost too much.
            let pause = 1_u64.checked_shl(self.reverted.min(CAUTION_STEPS)).unwrap_or(u64::MAX);
            let latest = self.look.map_or(0, |look| look.latest);
            let pause = if self.reverted > 1 { pause } else { 0 };
            self.not_before = latest.saturating_add(pause);
        }
        vec![self.land(nonce)]
    }

    /// What the transactions need that are in no block.
    fn nudge(&mut self, look: &Look) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut ready = Vec::new();
        for (nonce, journey) in &mut self.all {
            if *nonce < look.included {
                journey.include();
                continue;
            }
            match journey.wants(look, &self.config, *nonce == look.included) {
                Want::Nothing => {}
                Want::Send => ready.push(journey),
                Want::Sign(fees) => {
                    journey.stage = Stage::Signing(look.time);
                    effects.push(journey.sign(fees));
                }
            }
        }
        effects.extend(send(ready));
        effects
    }

    /// Uses up nonces below those of flights that no flight has: another program used them in a
    /// block that is gone.
    fn fill_gaps(&mut self, look: &Look) -> Vec<Effect> {
        let last = self.all.last_key_value().map_or(0, |(last, _)| *last);
        // The account's own flights are few; the others' nonces may be any number.
        let room = u64::try_from(self.config.in_flight).unwrap_or(u64::MAX);
        let until = last.min(look.included.saturating_add(room));
        let gaps = (look.included..until).filter(|nonce| !self.all.contains_key(nonce));
        let gaps: Vec<u64> = gaps.collect();
        let call = Call { to: Some(self.config.account), data: Bytes::new() };
        let fill = |nonce| {
            let filler = Planned { call: call.clone(), gas: FILLER_GAS, arrivals: Vec::new() };
            self.launch_at(nonce, filler, look)
        };
        gaps.into_iter().map(fill).collect()
    }
}

/// What a transaction needs.
enum Want {
    Nothing,
    Send,
    Sign(Fees),
}

impl Journey {
    fn sign(&self, fees: Fees) -> Effect {
        let Transaction { nonce, call, gas, .. } = &self.flight.transaction;
        Effect::Sign(Unsigned { nonce: *nonce, call: call.clone(), gas: *gas, fees })
    }

    /// Its nonce is used up in the latest block, by one of its payloads, one hopes. A payload that is
    /// being signed or stored goes on: the block may go away.
    const fn include(&mut self) {
        if matches!(self.stage, Stage::Ready | Stage::Sending | Stage::Sent(_)) {
            self.stage = Stage::Included;
        }
    }

    fn wants(&self, look: &Look, config: &FlightsConfig, is_next: bool) -> Want {
        let waited = |time: u64| look.time.saturating_sub(time) >= config.resend;
        match self.stage {
            Stage::Signing(time) if waited(time) => Want::Sign(self.raised(look.fees)),
            Stage::Ready | Stage::Included => Want::Send,
            Stage::Sent(_) if self.is_stuck(look, config, is_next) => {
                Want::Sign(self.raised(look.fees))
            }
            Stage::Sent(time) if waited(time) => Want::Send,
            _ => Want::Nothing,
        }
    }

    /// The next one is stuck when it has waited long; those behind it only if they offer too little.
    fn is_stuck(&self, look: &Look, config: &FlightsConfig, is_next: bool) -> bool {
        let since = self.since.unwrap_or(look.latest);
        let payloads = &self.flight.transaction.payloads;
        let offers = payloads.last().map_or(0, |payload| payload.fees.max);
        look.latest.saturating_sub(since) >= config.patience
            && (is_next || offers < look.fees.max)
            && payloads.len() < MAX_PAYLOADS
    }

    fn raised(&self, now: Fees) -> Fees {
        let last = self.flight.transaction.payloads.last();
        last.map_or(now, |last| last.fees.raised(now))
    }
}

/// Hands the last payloads over.
fn send<'a>(journeys: impl IntoIterator<Item = &'a mut Journey>) -> Vec<Effect> {
    let outgoing = journeys.into_iter().filter_map(|journey| {
        let transaction = &journey.flight.transaction;
        let payload = transaction.payloads.last()?.clone();
        journey.stage = Stage::Sending;
        Some(Outgoing { nonce: transaction.nonce, payload })
    });
    let outgoing: Vec<_> = outgoing.collect();
    if outgoing.is_empty() { Vec::new() } else { vec![Effect::Send(outgoing)] }
}

#[cfg(test)]
mod tests;
