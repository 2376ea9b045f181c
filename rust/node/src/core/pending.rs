//! Messages that are promised and not recorded.

use crate::store::types::Pending;
use alloy_primitives::B256;
use fallow_ledger::Message;
use std::collections::{BTreeMap, HashMap};

/// How far a request's or a release's timestamp may be from its block (sections 4.2 and 4.4).
pub(crate) const DRIFT_SECONDS: u64 = 300;
/// So long after its promise is broken a message is still tried that has no limit of its own.
const PATIENCE_SECONDS: u64 = 3_600;

/// All of them, in order of arrival. A message has one place, whoever brings it how often.
#[derive(Debug, Default)]
pub(crate) struct Pendings {
    by_arrival: BTreeMap<u64, Pending>,
    by_id: HashMap<B256, u64>,
}

impl Pendings {
    /// Those that were stored; what was given up is not pending.
    pub(crate) fn resume(stored: Vec<Pending>) -> Self {
        let mut all = Self::default();
        stored.into_iter().filter(|one| one.failed.is_none()).for_each(|one| all.insert(one));
        all
    }

    pub(crate) fn insert(&mut self, pending: Pending) {
        self.by_id.insert(pending.id, pending.arrival);
        self.by_arrival.insert(pending.arrival, pending);
    }

    pub(crate) fn remove(&mut self, arrival: u64) -> Option<Pending> {
        let pending = self.by_arrival.remove(&arrival)?;
        self.by_id.remove(&pending.id);
        Some(pending)
    }

    pub(crate) fn of_id(&self, id: B256) -> Option<&Pending> {
        self.by_arrival.get(self.by_id.get(&id)?)
    }

    pub(crate) fn get(&self, arrival: u64) -> Option<&Pending> {
        self.by_arrival.get(&arrival)
    }

    /// In order of arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.by_arrival.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_arrival.len()
    }

    /// The highest arrival number.
    pub(crate) fn last(&self) -> Option<u64> {
        self.by_arrival.last_key_value().map(|(arrival, _)| *arrival)
    }
}

/// Unix second after which it makes no sense to try: the ledger refuses requests and releases from
/// then on, whoever sends them.
pub(crate) const fn deadline(pending: &Pending) -> u64 {
    match timestamp(&pending.message) {
        Some(timestamp) => timestamp.saturating_add(DRIFT_SECONDS),
        None => pending.promise.promise.by_time.saturating_add(PATIENCE_SECONDS),
    }
}

/// The timestamp that must be near the block's time, of messages that have such a one.
pub(crate) const fn timestamp(message: &Message) -> Option<u64> {
    match message {
        Message::Request { request, .. } | Message::AnnounceAndRequest { request, .. } => {
            Some(request.timestamp)
        }
        Message::Release { release, .. } => Some(release.timestamp),
        Message::Announce { .. } | Message::Withdraw { .. } | Message::Append { .. } => None,
    }
}
