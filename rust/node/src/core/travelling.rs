//! Announcements that travel without being recorded: which of them are kept. In memory; the store
//! has the announcements themselves.

use crate::store::types::GossipedAnnouncement;
use alloy_primitives::{Address, B256};
use fallow_protocol::{Announcement, ResourceId};
use std::collections::{BTreeSet, HashMap};

/// Announcements of one provider at most.
const MAX_OF_PROVIDER: usize = 16;
/// Announcements at most; those that end first go first.
const MAX: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct One {
    provider: Address,
    end_time: u64,
    offer: B256,
}

/// What is kept of them. Whatever strangers send, it has at most [`MAX`] entries.
#[derive(Debug, Default)]
pub(crate) struct Travelling {
    all: HashMap<ResourceId, One>,
    by_end: BTreeSet<(u64, ResourceId)>,
    of_provider: HashMap<Address, usize>,
    of_offer: HashMap<B256, usize>,
}

/// One that lost its place, and the document that it named.
pub(crate) type Evicted = (ResourceId, B256);

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It has a place; the other one has lost its.
    Given { evicted: Option<Evicted> },
    /// It is over.
    Over,
    /// There is no place.
    Full,
}

impl Travelling {
    /// Those that were stored.
    pub(crate) fn resume(stored: &[GossipedAnnouncement]) -> Self {
        let mut all = Self::default();
        stored.iter().for_each(|one| all.insert(one.id, &one.announcement));
        all
    }

    /// Gives an announcement a place that has none, if there is one.
    pub(crate) fn place(&mut self, id: ResourceId, announcement: &Announcement, now: u64) -> Place {
        if announcement.end_time <= now {
            return Place::Over;
        }
        let own = self.of_provider.get(&announcement.provider).copied().unwrap_or(0);
        if own >= MAX_OF_PROVIDER {
            return Place::Full;
        }
        let mut evicted = None;
        if self.all.len() >= MAX {
            let first = self.by_end.first().filter(|(end, _)| *end < announcement.end_time);
            let Some((_, first)) = first.copied() else {
                return Place::Full;
            };
            evicted = self.all.get(&first).map(|one| (first, one.offer));
            self.remove(first);
        }
        self.insert(id, announcement);
        Place::Given { evicted }
    }

    fn insert(&mut self, id: ResourceId, announcement: &Announcement) {
        let Announcement { provider, end_time, offer, .. } = *announcement;
        if self.all.insert(id, One { provider, end_time, offer }).is_none() {
            self.by_end.insert((end_time, id));
            raise(&mut self.of_provider, provider);
            raise(&mut self.of_offer, offer);
        }
    }

    /// Ends one, if it is there.
    pub(crate) fn remove(&mut self, id: ResourceId) -> bool {
        let Some(one) = self.all.remove(&id) else {
            return false;
        };
        self.by_end.remove(&(one.end_time, id));
        lower(&mut self.of_provider, one.provider);
        lower(&mut self.of_offer, one.offer);
        true
    }

    /// Those that are over.
    pub(crate) fn over(&self, now: u64) -> Vec<ResourceId> {
        self.by_end.iter().take_while(|(end, _)| *end <= now).map(|(_, id)| *id).collect()
    }

    pub(crate) fn has(&self, id: ResourceId) -> bool {
        self.all.contains_key(&id)
    }

    /// Whether one of them names this document.
    pub(crate) fn names(&self, offer: B256) -> bool {
        self.of_offer.contains_key(&offer)
    }

    /// Documents that none of them names once these are gone.
    pub(crate) fn only_of(&self, ids: &[ResourceId]) -> Vec<B256> {
        let mut counts = HashMap::new();
        let offers = ids.iter().filter_map(|id| self.all.get(id));
        offers.for_each(|one| raise(&mut counts, one.offer));
        let last = counts.into_iter().filter(|(offer, own)| self.of_offer.get(offer) == Some(own));
        last.map(|(offer, _)| offer).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

fn raise<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

fn lower<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let std::collections::hash_map::Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() = entry.get().saturating_sub(1);
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(provider: u64, end_time: u64) -> Announcement {
        let mut bytes = [0; 20];
        bytes[12..].copy_from_slice(&provider.to_be_bytes());
        Announcement {
            provider: bytes.into(),
            approver: Address::ZERO,
            volume: 1,
            start_time: 0,
            end_time,
            slot_seconds: 1,
            notice_seconds: 0,
            timestamp: 0,
            offer: B256::repeat_byte(7),
        }
    }

    fn id(number: u64) -> ResourceId {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&number.to_be_bytes());
        B256::from(bytes).into()
    }

    const KEPT: Place = Place::Given { evicted: None };

    #[test]
    fn one_provider_has_a_bounded_number_and_gets_places_back() {
        let mut all = Travelling::default();
        for number in 0..MAX_OF_PROVIDER as u64 {
            assert_eq!(all.place(id(number), &announcement(1, 100), 0), KEPT);
        }
        assert_eq!(all.place(id(99), &announcement(1, 100), 0), Place::Full);
        assert_eq!(all.place(id(99), &announcement(2, 100), 0), KEPT, "others have their own");
        assert!(all.remove(id(0)) && !all.remove(id(0)));
        assert_eq!(all.place(id(100), &announcement(1, 100), 0), KEPT);
    }

    #[test]
    fn when_all_places_are_taken_the_one_that_ends_first_goes() {
        let mut all = Travelling::default();
        for number in 0..MAX as u64 {
            assert_eq!(all.place(id(number), &announcement(number, 1_000 + number), 0), KEPT);
        }
        let late = announcement(u64::MAX, 1_000 + MAX as u64);
        let evicted = Some((id(0), late.offer));
        assert_eq!(all.place(id(u64::MAX), &late, 0), Place::Given { evicted });
        assert!(!all.has(id(0)) && all.has(id(u64::MAX)));
        let early = announcement(0, 1_001);
        assert_eq!(all.place(id(0), &early, 0), Place::Full, "it would end before all others");
        assert_eq!(all.len(), MAX);
    }

    #[test]
    fn what_is_over_is_not_taken_and_is_told() {
        let mut all = Travelling::default();
        assert_eq!(all.place(id(1), &announcement(1, 100), 100), Place::Over);
        assert_eq!(all.place(id(1), &announcement(1, 100), 99), KEPT);
        assert_eq!(all.place(id(2), &announcement(1, 101), 99), KEPT);
        assert_eq!(all.over(99), []);
        assert_eq!(all.over(100), [id(1)]);
    }

    #[test]
    fn documents_are_named_while_an_announcement_names_them() {
        let mut all = Travelling::default();
        let offer = B256::repeat_byte(7);
        assert!(!all.names(offer));
        assert_eq!(all.place(id(1), &announcement(1, 100), 0), KEPT);
        assert_eq!(all.place(id(2), &announcement(2, 100), 0), KEPT);
        assert!(all.only_of(&[id(1)]).is_empty(), "the other one names it");
        assert_eq!(all.only_of(&[id(1), id(2)]), [offer]);
        all.remove(id(1));
        assert!(all.names(offer));
        all.remove(id(2));
        assert!(!all.names(offer));
    }
}
