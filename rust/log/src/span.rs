//! Which nodes a proof is made of: spans `start..end` of leaves, each a node of some tree.

use std::iter;

/// The spans of the path from leaf `index` to the root of `size` leaves, lowest first (RFC 9162
/// section 2.1.3.1). `index` is below `size`.
pub(crate) fn of_inclusion(index: u64, size: u64, mut visit: impl FnMut(u64, u64)) {
    let mut height = 0_u32;
    // The node above the leaf, and the last node there is at that height.
    let (mut node, mut last) = (index, size.saturating_sub(1));
    while last > 0 {
        let sibling = node ^ 1;
        let start = sibling.wrapping_shl(height);
        if sibling < last {
            visit(start, start.saturating_add(1_u64.wrapping_shl(height)));
        } else if sibling == last {
            visit(start, size);
        } // A lone node on the right edge has no sibling: it is promoted.
        node >>= 1;
        last >>= 1;
        height = height.saturating_add(1);
    }
}

/// The spans of the proof that `new` leaves begin with `old` ones, **highest first** (RFC 9162
/// section 2.1.4.1). `old` is at most `new`; no spans if they are equal or `old` is 0.
pub(crate) fn of_consistency(old: u64, new: u64, mut visit: impl FnMut(u64, u64)) {
    if old == 0 {
        return;
    }
    // SUBPROOF of the RFC from the root down, over the leaves start..end.
    let (mut start, mut end) = (0, new);
    while old < end {
        let split = split(start, end);
        if old <= split {
            visit(split, end);
            end = split;
        } else {
            visit(start, split);
            start = split;
        }
    }
    if start > 0 {
        visit(start, end);
    }
}

/// The peaks over the leaves `start..end` from the right edge leftwards, each as its number at its
/// height, and the height.
pub(crate) fn peaks(start: u64, end: u64) -> impl Iterator<Item = (u64, u32)> {
    // Clearing the lowest bit of the size takes the lowest peak away.
    let without_lowest = |size: &u64| Some(*size & size.saturating_sub(1));
    iter::successors(Some(end.saturating_sub(start)), without_lowest)
        .take_while(|size| *size > 0)
        .map(move |size| {
            let height = size.trailing_zeros();
            let last = start.saturating_add(size).saturating_sub(1);
            (last.wrapping_shr(height), height)
        })
}

/// Where the tree over the leaves `start..end`, two or more, splits: `k` of RFC 9162 section 2.1.1.
fn split(start: u64, end: u64) -> u64 {
    let last = end.saturating_sub(start).saturating_sub(1);
    start.saturating_add(1_u64.wrapping_shl(last.ilog2()))
}
