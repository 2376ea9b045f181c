//! The peaks of a log: what the contract stores, and all that appending needs.

use alloy_primitives::B256;

use crate::{LogError, MAX_PATH, MAX_SIZE, hash::fold_peaks, node_hash};

/// Size and peaks of a log. A peak is the root of a complete subtree of `2^height` leaves; there is
/// one for every bit of the size that is set, the highest on the left.
///
/// ```
/// use fallow_log::{Frontier, leaf_hash};
///
/// let mut frontier = Frontier::new();
/// assert_eq!(frontier.push(leaf_hash(b"a"))?, 0);
/// let stored = Frontier::from_parts(frontier.size(), frontier.peaks())?;
/// assert_eq!(stored.root(), leaf_hash(b"a"));
/// # Ok::<(), fallow_log::LogError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// By height, as many as the size has bits; zero where the size has no bit, so that equal
    /// frontiers are equal values.
    peaks: Vec<B256>,
}

impl Frontier {
    /// The frontier of the empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// The frontier as read from storage: `peaks[height]` counts only if that bit of `size` is set,
    /// whatever else is there (the contract leaves old peaks in their slots) is ignored.
    pub fn from_parts(size: u64, peaks: &[B256]) -> Result<Self, LogError> {
        if size > MAX_SIZE {
            return Err(LogError::SizeOutOfRange { size, max: MAX_SIZE });
        }
        if peaks.len() > MAX_PATH {
            return Err(LogError::TooManyPeaks { got: peaks.len(), max: MAX_PATH });
        }
        if let Some(height) = size.checked_ilog2().map(|height| height as usize)
            && peaks.len() <= height
        {
            return Err(LogError::PeakMissing { size, height, got: peaks.len() });
        }
        let peaks = (0..bits(size)).zip(peaks);
        let peaks = peaks.map(|(height, peak)| if has(size, height) { *peak } else { B256::ZERO });
        Ok(Self { size, peaks: peaks.collect() })
    }

    /// Appends a leaf and returns its index. Costs one hash on average.
    pub fn push(&mut self, leaf: B256) -> Result<u64, LogError> {
        let index = self.size;
        self.size = index.checked_add(1).filter(|size| *size <= MAX_SIZE).ok_or(LogError::Full)?;
        let mut carry = leaf;
        for (height, peak) in self.peaks.iter_mut().enumerate() {
            if index & (1 << height) == 0 {
                *peak = carry;
                return Ok(index);
            }
            carry = node_hash(peak, &carry);
            *peak = B256::ZERO;
        }
        self.peaks.push(carry);
        Ok(index)
    }

    /// How many leaves the log has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the log: its peaks, folded from the right.
    pub fn root(&self) -> B256 {
        let peaks = (0..).zip(&self.peaks).filter(|(height, _)| has(self.size, *height));
        fold_peaks(peaks.map(|(_, peak)| *peak), |_| ())
    }

    /// The peaks by height, as [`Frontier::from_parts`] takes them: one entry for each bit of the
    /// size up to the highest that is set, zero where the bit is not.
    pub fn peaks(&self) -> &[B256] {
        &self.peaks
    }
}

/// How many bits the size has, leading zeros left out.
const fn bits(size: u64) -> u32 {
    u64::BITS.saturating_sub(size.leading_zeros())
}

/// Whether a log of this size has a peak of this height.
const fn has(size: u64, height: u32) -> bool {
    size.wrapping_shr(height) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_takes_no_leaf_and_stays_as_it_was() {
        let mut frontier = Frontier::from_parts(MAX_SIZE, &[B256::repeat_byte(7); 64]).unwrap();
        let before = frontier.clone();
        assert_eq!(frontier.push(B256::ZERO), Err(LogError::Full));
        assert_eq!(frontier, before);
        assert_eq!(frontier.root(), B256::repeat_byte(7));
    }

    #[test]
    fn the_last_leaf_folds_every_peak() {
        let mut frontier = Frontier::from_parts(MAX_SIZE - 1, &[B256::ZERO; 63]).unwrap();
        assert_eq!(frontier.push(B256::ZERO), Ok(MAX_SIZE - 1));
        let want = (0..63).fold(B256::ZERO, |right, _| node_hash(&B256::ZERO, &right));
        assert_eq!(frontier.peaks().last(), Some(&want));
        assert_eq!(frontier.root(), want);
    }
}
