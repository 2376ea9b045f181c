//! Checks of proofs: pure functions of what they are given (RFC 9162 sections 2.1.3.2 and 2.1.4.2).
//!
//! The length of a path follows from the sizes (and the index), so it is checked before anything is
//! hashed: one path per statement, and a hostile one costs nothing.

use std::cmp::Ordering;

use alloy_primitives::B256;

use crate::{MAX_SIZE, ProofError, node_hash};

/// No path has more nodes: 63 siblings in a log of `2^63` leaves, and one node to start from in a
/// consistency path. Decoders can refuse longer ones unread.
pub const MAX_PATH: usize = 64;

/// Checks that `leaf` is at `index` in the log of `size` leaves with this `root`.
///
/// `leaf` must be the hash of a record that the caller hashed with [`leaf_hash`](crate::leaf_hash),
/// and `size` must come with `root` from one checkpoint.
pub fn verify_inclusion(
    leaf: B256,
    index: u64,
    size: u64,
    path: &[B256],
    root: B256,
) -> Result<(), ProofError> {
    check_size(size)?;
    if index >= size {
        return Err(ProofError::IndexOutOfRange { index, size });
    }
    let mut climb = Climb::new(index, size.saturating_sub(1));
    check_length(path, climb.length())?;
    let got = path.iter().fold(leaf, |node, sibling| match climb.step() {
        Side::Left => node_hash(sibling, &node),
        Side::Right => node_hash(&node, sibling),
    });
    if got != root {
        return Err(ProofError::RootMismatch { got, want: root });
    }
    Ok(())
}

/// Checks that the log of `new_size` leaves with `new_root` begins with the log of `old_size` leaves
/// with `old_root`.
///
/// From size 0 there is nothing to show: the path is empty, and neither root is looked at. A path
/// does not bound growth: whoever chooses `new_root` can claim any larger size.
pub fn verify_consistency(
    old_size: u64,
    old_root: B256,
    new_size: u64,
    new_root: B256,
    path: &[B256],
) -> Result<(), ProofError> {
    check_size(new_size)?;
    match old_size.cmp(&new_size) {
        Ordering::Greater => Err(ProofError::SizeShrinks { old: old_size, new: new_size }),
        Ordering::Equal => {
            check_length(path, 0)?;
            check_roots((old_root, old_root), (old_root, new_root))
        }
        Ordering::Less if old_size == 0 => check_length(path, 0),
        Ordering::Less => verify_growth(old_size, old_root, new_size, new_root, path),
    }
}

/// [`verify_consistency`] for `0 < old_size < new_size`.
fn verify_growth(
    old_size: u64,
    old_root: B256,
    new_size: u64,
    new_root: B256,
    path: &[B256],
) -> Result<(), ProofError> {
    let mut climb = Climb::new(old_size.saturating_sub(1), new_size.saturating_sub(1));
    // Start at the lowest peak of the old log. If that is all of it, the verifier has it already,
    // and it is not in the path.
    climb.skip_to(old_size.trailing_zeros());
    let in_path = usize::from(!old_size.is_power_of_two());
    check_length(path, climb.length().saturating_add(in_path))?;
    let (start, rest) = match path.split_first() {
        Some((first, rest)) if in_path == 1 => (*first, rest),
        _ => (old_root, path),
    };
    let got = rest.iter().fold((start, start), |(old, new), sibling| match climb.step() {
        Side::Left => (node_hash(sibling, &old), node_hash(sibling, &new)),
        Side::Right => (old, node_hash(&new, sibling)),
    });
    check_roots(got, (old_root, new_root))
}

/// Old and new root: what the path leads to, and what was claimed.
fn check_roots(got: (B256, B256), want: (B256, B256)) -> Result<(), ProofError> {
    if got.0 != want.0 {
        return Err(ProofError::OldRootMismatch { got: got.0, want: want.0 });
    }
    if got.1 != want.1 {
        return Err(ProofError::RootMismatch { got: got.1, want: want.1 });
    }
    Ok(())
}

const fn check_size(size: u64) -> Result<(), ProofError> {
    if size > MAX_SIZE {
        return Err(ProofError::SizeTooLarge { size });
    }
    Ok(())
}

fn check_length(path: &[B256], want: usize) -> Result<(), ProofError> {
    let got = path.len();
    match got.cmp(&want) {
        Ordering::Less => Err(ProofError::PathTooShort { got, want }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(ProofError::PathTooLong { got, want }),
    }
}

/// On which side of the node the sibling is.
enum Side {
    Left,
    Right,
}

/// A walk from a node to the root: its number at each height, and that of the last node there (`fn`
/// and `sn` of the RFC).
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    const fn new(node: u64, last: u64) -> Self {
        Self { node, last }
    }

    const fn skip_to(&mut self, height: u32) {
        self.node = self.node.wrapping_shr(height);
        self.last = self.last.wrapping_shr(height);
    }

    /// How many siblings there are on the way: one at each height up to where the node joins the
    /// right edge, from there on only those on the left.
    const fn length(&self) -> usize {
        let joins = u64::BITS.saturating_sub((self.node ^ self.last).leading_zeros());
        // At most 63, as no size is above MAX_SIZE: the shift does not wrap.
        joins.saturating_add(self.node.wrapping_shr(joins).count_ones()) as usize
    }

    /// Goes up past the next sibling and tells where it was.
    const fn step(&mut self) -> Side {
        if self.node == self.last {
            // On the right edge: promoted until there is something on the left.
            self.skip_to(self.node.trailing_zeros());
        }
        let side = if self.node & 1 == 1 { Side::Left } else { Side::Right };
        self.skip_to(1);
        side
    }
}
