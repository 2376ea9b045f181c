//! What the ledger remembers of a requester: an anti-replay window as in RFC 4303 section 3.4.3
//! (sections 4.2 and 5).

use crate::Code;
use alloy_primitives::U256;

/// How far a sequence may be from the highest seen.
pub const SEQUENCE_WINDOW: u64 = 128;

/// Highest sequence, bitmap of those before it, and the requester's last record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequesterWord {
    /// Highest sequence seen; 0 if none.
    pub highest: u64,
    /// Bit j: sequence `highest - 1 - j` was seen.
    pub bitmap: u128,
    /// Index of the requester's last record; 0 if none.
    pub index: u64,
}

impl RequesterWord {
    /// The word after a record at `index` that carries `sequence`.
    ///
    /// # Errors
    /// The code of the rule that bars the sequence.
    pub fn accept(&self, sequence: u64, index: u64) -> Result<Self, Code> {
        let ahead = sequence.checked_sub(self.highest).filter(|ahead| *ahead > 0);
        match ahead {
            Some(ahead) if ahead > SEQUENCE_WINDOW => Err(Code::SequenceOutsideWindow),
            Some(ahead) => Ok(Self { highest: sequence, bitmap: self.shifted(ahead), index }),
            None => self.accept_behind(sequence, index),
        }
    }

    /// Bitmap after the highest sequence rose by `ahead`, 1 to 128; the old highest is marked.
    fn shifted(&self, ahead: u64) -> u128 {
        let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
        let moved = self.bitmap.checked_shl(shift).unwrap_or(0);
        moved | 1_u128.checked_shl(shift.saturating_sub(1)).unwrap_or(0)
    }

    fn accept_behind(&self, sequence: u64, index: u64) -> Result<Self, Code> {
        let behind = self.highest.saturating_sub(sequence);
        if sequence == 0 || behind > SEQUENCE_WINDOW {
            return Err(Code::SequenceOutsideWindow);
        }
        // Behind by zero is the highest itself, which has no bit.
        let Some(bit) = behind.checked_sub(1) else {
            return Err(Code::SequenceAlreadyUsed);
        };
        let mask = 1_u128.checked_shl(u32::try_from(bit).unwrap_or(u32::MAX)).unwrap_or(0);
        if self.bitmap & mask != 0 {
            return Err(Code::SequenceAlreadyUsed);
        }
        Ok(Self { bitmap: self.bitmap | mask, index, ..*self })
    }

    /// The word as storage has it.
    #[must_use]
    pub fn to_word(&self) -> U256 {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.highest.to_be_bytes());
        bytes[8..24].copy_from_slice(&self.bitmap.to_be_bytes());
        bytes[24..].copy_from_slice(&self.index.to_be_bytes());
        U256::from_be_bytes(bytes)
    }

    /// Reads a storage word; every value is a requester word.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let bytes: [u8; 32] = word.to_be_bytes();
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_u128, |value, byte| (value << 8) | u128::from(*byte))
        };
        let short = |range| u64::try_from(number(range)).unwrap_or(u64::MAX);
        Self { highest: short(0..8), bitmap: number(8..24), index: short(24..32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        /// The window agrees with a set of everything ever seen.
        #[test]
        fn the_window_equals_a_set_of_all_sequences(
            steps in proptest::collection::vec((any::<bool>(), 0_u64..140), 1..200)
        ) {
            let (mut word, mut seen) = (RequesterWord::default(), HashSet::new());
            for (index, (up, distance)) in (1_u64..).zip(steps) {
                let highest = word.highest;
                let sequence =
                    if up { highest + distance } else { highest.saturating_sub(distance) };
                let inside = sequence >= 1 && sequence.abs_diff(highest) <= 128;
                match word.accept(sequence, index) {
                    Ok(next) => {
                        prop_assert!(inside && seen.insert(sequence));
                        prop_assert_eq!(next.highest, highest.max(sequence));
                        prop_assert_eq!(next.index, index);
                        word = next;
                    }
                    Err(Code::SequenceAlreadyUsed) => {
                        prop_assert!(inside && seen.contains(&sequence));
                    }
                    Err(code) => {
                        prop_assert_eq!(code, Code::SequenceOutsideWindow);
                        prop_assert!(!inside);
                    }
                }
                prop_assert_eq!(RequesterWord::from_word(word.to_word()), word);
            }
        }
    }

    #[test]
    fn nobody_burns_a_key_with_a_far_sequence() {
        let word = RequesterWord { highest: 5, ..Default::default() };
        for sequence in [0, 134, u64::MAX] {
            assert_eq!(word.accept(sequence, 1), Err(Code::SequenceOutsideWindow), "{sequence}");
        }
        assert!(word.accept(133, 1).is_ok());
    }
}
