//! Transactions: filled with what waits, and followed.

use crate::batcher::{
    Effect, InFlight, Input, Limits, PlanContext, PlanError, Planned, Trouble, plan,
};
use crate::core::paths::Paths;
use crate::core::state::{Core, after};
use crate::core::work::After;
use crate::store::NodeStoreError;
use crate::store::types::{Change, Pending};
use fallow_log::TileError;
use std::collections::HashSet;
use std::time::Instant;

/// As many messages as fill a transaction: they do not wait for more.
const FULL: usize = 512;
/// So many messages are looked at for one plan.
const PLANNED: usize = 8_192;

impl Core {
    /// Messages were promised: some time later, or when there are many, they go.
    pub(crate) fn flush_soon(&mut self, count: usize) {
        self.unflushed = self.unflushed.saturating_add(count);
        let is_full = self.unflushed >= FULL;
        let due = if is_full { Instant::now() } else { after(self.settings.flush) };
        self.flush_at = Some(self.flush_at.map_or(due, |at| at.min(due)));
    }

    /// Fills transactions with what waits, if there is room for some.
    pub(crate) fn flush(&mut self) {
        self.flush_at = None;
        let is_idle = self.flights.room() == 0 || !self.work.is_empty();
        if is_idle || self.health.is_stopped() || self.pendings.len() == 0 {
            return self.flush_later();
        }
        // Gives up what cannot be recorded any more.
        if self.ahead().is_none() || !self.work.is_empty() {
            return self.flush_later();
        }
        self.unflushed = 0;
        match self.plan() {
            Ok(planned) if planned.is_empty() => {}
            Ok(planned) => self.fly(Input::Launch(planned)),
            Err(PlanError::Path(TileError::Source { source: error, .. })) => {
                self.store_failed(&error)
            }
            Err(error) => tracing::error!(%error, "messages wait: no transaction can be made"),
        }
        self.flush_later();
    }

    /// What is left is looked at again.
    fn flush_later(&mut self) {
        if self.pendings.len() > self.flights.arrivals().count() {
            let at = after(self.settings.flush);
            self.flush_at = Some(self.flush_at.map_or(at, |before| before.min(at)));
        }
    }

    fn plan(&self) -> Result<Vec<Planned>, PlanError<TileError<NodeStoreError>>> {
        let Some(ledger) = self.replay.ledger() else {
            return Ok(Vec::new());
        };
        let flying: HashSet<u64> = self.flights.arrivals().collect();
        let waits = |pending: &&Pending| !flying.contains(&pending.arrival);
        let waiting: Vec<_> = self.pendings.iter().filter(waits).take(PLANNED).collect();
        let flying = flying.iter().filter_map(|arrival| self.pendings.get(*arrival));
        let context = PlanContext {
            ledger,
            paths: &Paths(&*self.store),
            in_flight: &InFlight::of(flying),
            now: self.pace.earliest(self.clock.seconds()),
            limits: self.flights.limits(Limits::default()),
        };
        plan(&waiting, &context)
    }

    /// Tells the flights what happened, and does what they say.
    pub(crate) fn fly(&mut self, input: Input) {
        let effects = self.flights.apply(input);
        let (mut change, mut stored) = (Change::default(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Store(flight) => {
                    stored.push(flight.transaction.nonce);
                    change.flights.push(flight);
                }
                Effect::Landed { nonce, again } => {
                    change.landed.push(nonce);
                    self.again(&again);
                }
                effect => self.drive(effect),
            }
        }
        // A transaction that reverted is made again, with more gas.
        let trouble = self.flights.trouble();
        let trouble = trouble.filter(|trouble| !matches!(trouble, Trouble::Reverted { .. }));
        self.health.set_stuck(trouble.map(ToString::to_string));
        if !(change.flights.is_empty() && change.landed.is_empty()) {
            self.keep(change, After::Stored(stored));
        }
    }

    /// Messages whose transaction is over without a record of them wait again, unless the ledger
    /// refuses them now.
    fn again(&mut self, arrivals: &[u64]) {
        if !arrivals.is_empty() {
            tracing::info!(messages = arrivals.len(), "not recorded by their transaction");
            self.ahead = None;
            self.flush_soon(arrivals.len());
        }
    }

    fn drive(&self, effect: Effect) {
        if self.outlets.effects.send(effect).is_err() {
            tracing::debug!("the driver has ended");
        }
    }
}
