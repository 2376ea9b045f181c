//! Calendar words: used volume per slot, twelve slots to a storage word (section 5).

use alloy_primitives::{B256, Keccak256, U256};
use std::borrow::Borrow;
use std::ops::RangeInclusive;

/// Slots in one calendar word.
pub const LANES: u64 = 12;

/// Calendar words that one request may touch.
pub const MAX_WORDS: u64 = 16;

/// Used volume of twelve slots and the record that wrote them last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CalendarWord {
    /// Index of the record that wrote the word last; 0 for none.
    pub index: u64,
    /// Used volume, first slot first.
    pub used: [u16; 12],
}

impl CalendarWord {
    /// The word as 32 bytes: index, then lanes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.index.to_be_bytes());
        for (lane, used) in bytes[8..].chunks_exact_mut(2).zip(self.used) {
            lane.copy_from_slice(&used.to_be_bytes());
        }
        bytes
    }

    /// Reads 32 bytes; every value is a word.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut index = [0; 8];
        index.copy_from_slice(&bytes[..8]);
        let mut used = [0; 12];
        for (used, lane) in used.iter_mut().zip(bytes[8..].chunks_exact(2)) {
            *used = u16::from_be_bytes([lane[0], lane[1]]);
        }
        Self { index: u64::from_be_bytes(index), used }
    }

    /// The word as storage has it.
    #[must_use]
    pub fn to_word(&self) -> U256 {
        U256::from_be_bytes(self.to_bytes())
    }

    /// Reads a storage word; every value is a calendar word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        Self::from_bytes(word.to_be_bytes())
    }
}

/// Consecutive slots of a calendar, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRange {
    /// Number of the first slot, below 2^40.
    pub first: u64,
    /// Number of the last slot.
    pub last: u64,
}

impl SlotRange {
    /// Numbers of the calendar words that the slots stand in.
    #[must_use]
    pub const fn words(&self) -> RangeInclusive<u64> {
        self.first / LANES..=self.last / LANES
    }

    /// How many words that is; saturates far above [`MAX_WORDS`].
    #[must_use]
    pub const fn word_count(&self) -> u64 {
        (self.last / LANES).saturating_sub(self.first / LANES).saturating_add(1)
    }

    /// How many slots.
    #[must_use]
    pub const fn slot_count(&self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// Lanes of word number `word` that belong to the range.
    #[must_use]
    pub fn lanes(&self, word: u64) -> RangeInclusive<usize> {
        let first = if word == self.first / LANES { self.first % LANES } else { 0 };
        let last = if word == self.last / LANES { self.last % LANES } else { 11 };
        // Both are below 12.
        usize::try_from(first).unwrap_or(0)..=usize::try_from(last).unwrap_or(11)
    }
}

/// `words` of a record: each item is the used volume after, with the index *before*.
#[must_use]
pub fn words_hash(words: impl IntoIterator<Item = impl Borrow<CalendarWord>>) -> B256 {
    let mut hasher = Keccak256::new();
    for word in words {
        hasher.update(word.borrow().to_bytes());
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_slot_is_the_most_significant_lane() {
        let word = CalendarWord { index: 1, used: [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3] };
        let number = U256::from(1) << 192 | U256::from(2) << 176 | U256::from(3);
        assert_eq!(word.to_word(), number);
        assert_eq!(CalendarWord::from_word(number), word);
    }

    #[test]
    fn a_range_across_words_names_its_lanes() {
        let range = SlotRange { first: 11, last: 24 };
        assert_eq!(range.words(), 0..=2);
        assert_eq!(range.lanes(0), 11..=11);
        assert_eq!(range.lanes(1), 0..=11);
        assert_eq!(range.lanes(2), 0..=0);
        assert_eq!((range.word_count(), range.slot_count()), (3, 14));
    }
}
