//! What the ledger remembers, in words of the size that the contract stores (section 5).

use crate::Recoverer;
use alloy_primitives::{Address, B256, U256};
use fallow_log::Frontier;
use fallow_protocol::{
    CalendarWord, RequesterWord, ResourceId, ResourceWord, SlotRange, Writer, words_hash,
};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Allocations in one released word.
pub(crate) const RELEASED_BITS: u64 = 256;

/// The registry's storage. Maps hash with the standard library's keyed hasher: senders choose the
/// keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// What an [`Ahead`](crate::Ahead) stands on: a word that is not here is as it is there. A
    /// ledger stands on nothing.
    pub(crate) base: Option<Arc<Self>>,
    pub(crate) log: Frontier,
    pub(crate) resources: HashMap<ResourceId, ResourceWord>,
    /// Of the resources whose word says so.
    pub(crate) approvers: HashMap<ResourceId, Address>,
    /// By index of the resource's record and number of the word: a third of the resource's id.
    pub(crate) calendars: HashMap<(u64, u64), CalendarWord>,
    /// Packed: a [`RequesterWord`] is aligned to 16 bytes, which costs 12 beside an address.
    pub(crate) requesters: HashMap<Address, B256>,
    /// By index of the allocation's record / 256.
    pub(crate) released: HashMap<u64, U256>,
    pub(crate) writers: Vec<Writer>,
    pub(crate) recoverer: Recoverer,
}

/// A resource that is recorded, or is about to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resource {
    pub(crate) word: ResourceWord,
    /// Zero if the word's flag is clear.
    pub(crate) approver: Address,
}

/// Which way the used volume of slots goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// An allocation takes this volume.
    Take(u16),
    /// A release gives it back.
    Give(u16),
}

impl State {
    /// An empty log.
    pub(crate) fn new(writers: Vec<Writer>) -> Self {
        Self { writers, ..Self::default() }
    }

    /// The state after this one, so far the same: what changes is kept apart.
    pub(crate) fn ahead(self: &Arc<Self>) -> Self {
        Self {
            log: self.log.clone(),
            writers: self.writers.clone(),
            recoverer: self.recoverer.clone(),
            base: Some(Arc::clone(self)),
            ..Self::default()
        }
    }

    /// A value as it is here, or else below.
    fn get<K: Hash + Eq, V: Copy>(
        &self,
        map: impl Fn(&Self) -> &HashMap<K, V>,
        key: &K,
    ) -> Option<V> {
        let own = map(self).get(key).copied();
        own.or_else(|| self.base.as_deref()?.get(map, key))
    }

    /// A resource's word: of one that is recorded, or a tombstone (index 0).
    pub(crate) fn resource(&self, id: ResourceId) -> Option<ResourceWord> {
        self.get(|state| &state.resources, &id)
    }

    /// A resource whose announcement is in the log.
    pub(crate) fn recorded(&self, id: ResourceId) -> Option<Resource> {
        let word = self.resource(id).filter(|word| word.index != 0)?;
        Some(self.with_approver(id, word))
    }

    /// A resource of which the word is known.
    pub(crate) fn with_approver(&self, id: ResourceId, word: ResourceWord) -> Resource {
        let approver = if word.has_approver { self.approver(id) } else { Address::ZERO };
        Resource { word, approver }
    }

    pub(crate) fn approver(&self, id: ResourceId) -> Address {
        self.get(|state| &state.approvers, &id).unwrap_or(Address::ZERO)
    }

    pub(crate) fn store_resource(&mut self, id: ResourceId, resource: &Resource) {
        self.resources.insert(id, resource.word);
        if resource.word.has_approver {
            self.approvers.insert(id, resource.approver);
        }
    }

    /// Closes a resource; one that is not recorded becomes a tombstone. Answers the index of its
    /// record, 0 for a tombstone.
    pub(crate) fn withdraw(&mut self, id: ResourceId) -> u64 {
        let withdrawn = self.resource(id).unwrap_or_default();
        self.resources.insert(id, ResourceWord { withdrawn: true, ..withdrawn });
        withdrawn.index
    }

    /// Word of a requester; all zero if it was never seen.
    pub(crate) fn requester(&self, requester: Address) -> RequesterWord {
        let word = self.get(|state| &state.requesters, &requester);
        word.map_or_else(RequesterWord::default, |word| RequesterWord::from_word(word.into()))
    }

    pub(crate) fn store_requester(&mut self, requester: Address, word: &RequesterWord) {
        self.requesters.insert(requester, word.to_word().into());
    }

    /// Whether the allocation recorded at `index` was released.
    pub(crate) fn is_released(&self, index: u64) -> bool {
        let (number, bit) = released_bit(index);
        !(self.released_word(number) & bit).is_zero()
    }

    /// One released word; all zero if none of its allocations was released.
    pub(crate) fn released_word(&self, number: u64) -> U256 {
        self.get(|state| &state.released, &number).unwrap_or_default()
    }

    pub(crate) fn store_released(&mut self, index: u64) {
        let (number, bit) = released_bit(index);
        let word = self.released_word(number) | bit;
        self.released.insert(number, word);
    }

    /// Calendar word of the resource recorded at `index`; all zero if nothing was allocated.
    pub(crate) fn word(&self, index: u64, number: u64) -> CalendarWord {
        self.get(|state| &state.calendars, &(index, number)).unwrap_or_default()
    }

    /// Used volume of each slot of the resource recorded at `index`.
    pub(crate) fn used(&self, index: u64, slots: SlotRange) -> impl Iterator<Item = u16> {
        slots.words().flat_map(move |number| {
            let lanes = slots.lanes(number);
            let CalendarWord { used, .. } = self.word(index, number);
            lanes.filter_map(move |lane| used.get(lane).copied())
        })
    }

    /// Changes the slots of the resource recorded at `index` and answers the hash of the words as
    /// the record at `by` commits to them: index before, used volume after.
    pub(crate) fn change(&mut self, index: u64, slots: SlotRange, change: Change, by: u64) -> B256 {
        let base = self.base.as_deref();
        words_hash(slots.words().map(|number| {
            let below = || base.map_or_else(CalendarWord::default, |base| base.word(index, number));
            let word = self.calendars.entry((index, number)).or_insert_with(below);
            for used in &mut word.used[slots.lanes(number)] {
                *used = change.of(*used);
            }
            let committed = *word;
            word.index = by;
            committed
        }))
    }

    /// The contract named for a kind of 16 or more.
    pub(crate) fn writer(&self, kind: u8) -> Option<Address> {
        let named = self.writers.iter().find(|entry| entry.kind == kind);
        named
            .filter(|entry| entry.kind >= fallow_protocol::FIRST_OPEN_KIND)
            .map(|entry| entry.writer)
    }
}

impl Change {
    /// The used volume after. Nothing saturates: check 5 has bounded what is taken by the resource's
    /// volume, and an allocation is given back once.
    const fn of(self, used: u16) -> u16 {
        match self {
            Self::Take(volume) => used.saturating_add(volume),
            Self::Give(volume) => used.saturating_sub(volume),
        }
    }
}

/// Height and hash of each peak there is, lowest first.
pub(crate) fn peaks(log: &Frontier) -> impl DoubleEndedIterator<Item = (u32, B256)> {
    let all = (0_u32..64).zip(log.peaks());
    all.filter(|(height, _)| log.size().wrapping_shr(*height) & 1 == 1)
        .map(|(height, peak)| (height, *peak))
}

/// Number of the released word, and the allocation's bit in it.
fn released_bit(index: u64) -> (u64, U256) {
    let bit = usize::try_from(index % RELEASED_BITS).unwrap_or(0);
    (index / RELEASED_BITS, U256::ONE.wrapping_shl(bit))
}
