//! What is promised, judged on top of the ledger.

use crate::core::pending::{DRIFT_SECONDS, deadline, timestamp};
use crate::core::state::Core;
use crate::core::work::After;
use crate::store::types::{Change, Failed, Pending};
use fallow_ledger::{Ahead, Message};
use std::collections::HashSet;

impl Core {
    /// Makes the ledger ahead anew if blocks came, and gives up what cannot be recorded any more.
    /// `None` before the registry's first block.
    pub(crate) fn ahead(&mut self) -> Option<&mut Ahead> {
        if self.ahead.is_none() {
            let mut ahead = self.replay.ledger()?.ahead();
            let failed = self.judge_again(&mut ahead);
            self.ahead = Some(ahead);
            self.give_up(failed);
        }
        self.ahead.as_mut()
    }

    /// Applies what is promised, in order of arrival. A message that is in a transaction is not
    /// given up: the ledger does not have it yet, and may have it in the next block.
    fn judge_again(&self, ahead: &mut Ahead) -> Vec<(u64, Failed)> {
        let clock = self.clock.seconds();
        let now = self.pace.earliest(clock);
        let flying: HashSet<u64> = self.flights.arrivals().collect();
        let mut failed = Vec::new();
        for pending in self.pendings.iter() {
            if flying.contains(&pending.arrival) {
                assume(ahead, pending, now);
            } else if let Err(why) = judge(ahead, pending, now) {
                failed.push((pending.arrival, why));
            }
        }
        failed
    }

    fn give_up(&mut self, failed: Vec<(u64, Failed)>) {
        if failed.is_empty() {
            return;
        }
        let arrivals = failed.iter().map(|(arrival, _)| *arrival).collect();
        self.keep(Change { failed, ..Change::default() }, After::GivenUp(arrivals));
    }

    /// The time that a message is judged at: when it is likely to be recorded, so that nothing is
    /// promised that is late already. What is dated ahead must not rely on that.
    pub(crate) fn judged_at(&self, message: &Message) -> u64 {
        let clock = self.clock.seconds();
        let earliest = self.pace.earliest(clock);
        let is_early = timestamp(message)
            .is_some_and(|timestamp| timestamp > earliest.saturating_add(DRIFT_SECONDS));
        if is_early { earliest } else { self.pace.likely(clock) }
    }
}

/// Takes it that a message in a transaction is recorded, or will be. Its block may be some time ago
/// and not final, so it is judged at the time that it bears: what it takes is taken.
fn assume(ahead: &mut Ahead, pending: &Pending, now: u64) {
    let at = timestamp(&pending.message).map_or(now, |timestamp| timestamp.min(now));
    if let Err(error) = ahead.apply_proven(&pending.message, at) {
        tracing::debug!(%error, id = %pending.id, "a message under way will not be recorded");
    }
}

fn judge(ahead: &mut Ahead, pending: &Pending, now: u64) -> Result<(), Failed> {
    if deadline(pending) < now {
        return Err(Failed::Expired);
    }
    // Only contracts' records can fail otherwise, and nobody can submit these.
    let applied = ahead.apply_proven(&pending.message, now);
    applied.map(drop).map_err(|error| {
        error.refusal().map_or(Failed::Expired, |refusal| Failed::Refused(*refusal))
    })
}

impl Core {
    /// Gives up messages whose time is over. Blocks bring this about, too; this is for a chain that
    /// stands still.
    pub(crate) fn expire(&mut self) {
        let now = self.pace.earliest(self.clock.seconds());
        let is_over = |pending: &&Pending| deadline(pending) < now;
        let mut over: Vec<_> =
            self.pendings.iter().filter(is_over).map(|one| one.arrival).collect();
        if !over.is_empty() {
            let flying: HashSet<u64> = self.flights.arrivals().collect();
            over.retain(|arrival| !flying.contains(arrival));
        }
        if !over.is_empty() {
            self.ahead = None;
            self.give_up(over.into_iter().map(|arrival| (arrival, Failed::Expired)).collect());
        }
    }
}
