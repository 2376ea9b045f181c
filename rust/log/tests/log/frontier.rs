//! The frontier is the tree without its inside.

use alloy_primitives::B256;
use fallow_log::{EMPTY_ROOT, Frontier, LogError, MAX_SIZE, Tree};
use proptest::prelude::*;

use crate::reference::leaves;

#[test]
fn frontier_and_tree_agree_at_every_size() {
    let (mut frontier, mut tree) = (Frontier::new(), Tree::new());
    assert_eq!(frontier.root(), EMPTY_ROOT);
    assert!(frontier.peaks().is_empty());
    for leaf in leaves(1100) {
        assert_eq!(frontier.push(leaf), tree.push(leaf));
        assert_eq!((frontier.size(), frontier.root()), (tree.size(), tree.root()));
    }
}

#[test]
fn peaks_are_roots_of_complete_subtrees() {
    let leaves = leaves(6);
    let mut frontier = Frontier::new();
    for leaf in &leaves {
        frontier.push(*leaf).unwrap();
    }
    let over = |range: &[B256]| crate::reference::tree(range).root();
    let want = [B256::ZERO, over(&leaves[4..]), over(&leaves[..4])];
    assert_eq!(frontier.peaks(), want);
}

#[test]
fn a_stored_frontier_goes_on_where_it_stopped() {
    let leaves = leaves(150);
    let mut whole = Frontier::new();
    for leaf in &leaves {
        let mut stored = Frontier::from_parts(whole.size(), whole.peaks()).unwrap();
        assert_eq!(stored, whole);
        whole.push(*leaf).unwrap();
        stored.push(*leaf).unwrap();
        assert_eq!(stored, whole);
    }
}

#[test]
fn old_peaks_that_are_left_in_storage_do_not_count() {
    let leaves = leaves(5);
    let mut frontier = Frontier::new();
    for leaf in &leaves {
        frontier.push(*leaf).unwrap();
    }
    let mut slots = [B256::repeat_byte(0xdd); 64];
    slots[0] = frontier.peaks()[0];
    slots[2] = frontier.peaks()[2];
    assert_eq!(Frontier::from_parts(5, &slots), Ok(frontier));
    assert_eq!(Frontier::from_parts(0, &slots), Ok(Frontier::new()));
}

#[test]
fn parts_that_are_no_frontier_are_refused() {
    let peaks = [B256::ZERO; 65];
    let missing = LogError::PeakMissing { size: 5, height: 2, got: 2 };
    assert_eq!(Frontier::from_parts(5, &peaks[..2]), Err(missing));
    let none = LogError::PeakMissing { size: 1, height: 0, got: 0 };
    assert_eq!(Frontier::from_parts(1, &[]), Err(none));
    let many = LogError::TooManyPeaks { got: 65, max: 64 };
    assert_eq!(Frontier::from_parts(5, &peaks), Err(many));
    for size in [MAX_SIZE + 1, u64::MAX] {
        let large = LogError::SizeOutOfRange { size, max: MAX_SIZE };
        assert_eq!(Frontier::from_parts(size, &peaks[..64]), Err(large));
    }
}

proptest! {
    #[test]
    fn the_root_depends_on_every_peak_and_on_nothing_else(
        size in 1..=MAX_SIZE,
        peaks in prop::collection::vec(any::<[u8; 32]>().prop_map(B256::from), 64),
        height in 0..64_usize,
    ) {
        let root = Frontier::from_parts(size, &peaks).unwrap().root();
        let mut changed = peaks;
        changed[height][0] ^= 1;
        let other = Frontier::from_parts(size, &changed).unwrap().root();
        prop_assert_eq!(root != other, size >> height & 1 == 1);
    }

    #[test]
    fn from_parts_and_peaks_are_inverse(
        size in 0..=MAX_SIZE,
        peaks in prop::collection::vec(any::<[u8; 32]>().prop_map(B256::from), 64),
    ) {
        let frontier = Frontier::from_parts(size, &peaks).unwrap();
        let again = Frontier::from_parts(frontier.size(), frontier.peaks());
        prop_assert_eq!(again, Ok(frontier));
    }
}
