//! What the ledger remembers, in words of the size that the contract stores (section 5).

use alloy_primitives::{Address, B256};
use fallow_log::Frontier;
use fallow_protocol::{CalendarWord, RequesterWord, ResourceId, ResourceWord, SlotRange, Writer};
use std::collections::HashMap;

/// The registry's storage. Maps hash with the standard library's keyed hasher: senders choose the
/// keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) log: Frontier,
    pub(crate) resources: HashMap<ResourceId, ResourceWord>,
    /// Of the resources whose word says so.
    pub(crate) approvers: HashMap<ResourceId, Address>,
    /// By index of the resource's record and number of the word: a third of the resource's id.
    calendars: HashMap<(u64, u64), CalendarWord>,
    /// Packed: a [`RequesterWord`] is aligned to 16 bytes, which costs 12 beside an address.
    requesters: HashMap<Address, B256>,
    writers: Vec<Writer>,
}

impl State {
    /// An empty log.
    pub(crate) fn new(writers: Vec<Writer>) -> Self {
        Self { writers, ..Self::default() }
    }

    /// Word of a requester; all zero if it was never seen.
    pub(crate) fn requester(&self, requester: Address) -> RequesterWord {
        let word = self.requesters.get(&requester);
        word.map_or_else(RequesterWord::default, |word| RequesterWord::from_word((*word).into()))
    }

    pub(crate) fn store_requester(&mut self, requester: Address, word: &RequesterWord) {
        self.requesters.insert(requester, word.to_word().into());
    }

    /// Calendar word of the resource recorded at `index`; all zero if nothing was allocated.
    pub(crate) fn word(&self, index: u64, number: u64) -> CalendarWord {
        let word = self.calendars.get(&(index, number));
        word.copied().unwrap_or_default()
    }

    /// Used volume of each slot of the resource recorded at `index`.
    pub(crate) fn used(&self, index: u64, slots: SlotRange) -> impl Iterator<Item = u16> {
        slots.words().flat_map(move |number| {
            let lanes = slots.lanes(number);
            let CalendarWord { used, .. } = self.word(index, number);
            lanes.filter_map(move |lane| used.get(lane).copied())
        })
    }

    /// Adds `volume` to the slots of the resource recorded at `index` and answers the words as the
    /// record at `by` commits to them: index before, used volume after.
    pub(crate) fn allocate(
        &mut self,
        index: u64,
        slots: SlotRange,
        volume: u16,
        by: u64,
    ) -> Vec<CalendarWord> {
        let words = slots.words().map(|number| {
            let word = self.calendars.entry((index, number)).or_default();
            for used in &mut word.used[slots.lanes(number)] {
                // Check 5 has passed: the sum is at most the resource's volume.
                *used = used.saturating_add(volume);
            }
            let committed = *word;
            word.index = by;
            committed
        });
        words.collect()
    }

    /// The contract named for a kind of 16 or more.
    pub(crate) fn writer(&self, kind: u8) -> Option<Address> {
        let named = self.writers.iter().find(|entry| entry.kind == kind);
        named
            .filter(|entry| entry.kind >= fallow_protocol::FIRST_OPEN_KIND)
            .map(|entry| entry.writer)
    }
}
