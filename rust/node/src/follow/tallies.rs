//! Shares over the newest checkpoints, counted.

use fallow_chain::{PostedShare, Tally};
use fallow_protocol::{Certificate, Checkpoint, Set};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Checkpoints whose shares are counted: older ones are certified long since, or never.
pub(super) const COUNTED: usize = 32;

/// The shares that were seen over the newest checkpoints, for whoever looks. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    tallies: Arc<Mutex<BTreeMap<u64, Tally>>>,
}

impl Shares {
    /// The shares over the checkpoint of a block; `None` if it is not among the newest.
    #[must_use]
    pub fn of(&self, block: u64) -> Option<Tally> {
        self.lock().get(&block).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Tally>> {
        // Each tally is complete in itself, so one left by a thread that panicked is good too.
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, tally: Tally) {
        let mut tallies = self.lock();
        tallies.insert(tally.checkpoint().block_number, tally);
        while tallies.len() > COUNTED {
            tallies.pop_first();
        }
    }
}

/// Counts shares.
#[derive(Debug)]
pub(super) struct Tallies {
    set: Set,
    shares: Shares,
}

impl Tallies {
    pub(super) const fn new(set: Set, shares: Shares) -> Self {
        Self { set, shares }
    }

    pub(super) const fn set(&self) -> &Set {
        &self.set
    }

    /// Counts shares over this checkpoint from now on, if it is among the newest.
    pub(super) fn expect(&self, checkpoint: Checkpoint) {
        if self.shares.of(checkpoint.block_number).is_none() {
            self.shares.put(Tally::new(checkpoint));
        }
    }

    /// Counts a share. Answers the certificate if it was this one that made a quorum.
    pub(super) fn add(&self, posted: &PostedShare) -> Option<Certificate> {
        let mut tally = self.shares.of(posted.block_number)?;
        let before = tally.weight();
        if let Err(error) = tally.add(&self.set, posted) {
            tracing::debug!(%error, "share does not count");
            return None;
        }
        let certificate = tally.certificate(&self.set);
        let is_new = !self.set.is_quorum(before);
        self.shares.put(tally);
        match certificate {
            Ok(certificate) => certificate.filter(|_| is_new),
            Err(error) => {
                tracing::warn!(%error, block = posted.block_number, "shares are no certificate");
                None
            }
        }
    }
}
