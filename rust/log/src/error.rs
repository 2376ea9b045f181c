//! Why a log cannot do something, and why a proof is not accepted.

use alloy_primitives::B256;
use thiserror::Error;

use crate::{MAX_PATH, MAX_SIZE};

/// What a [`Tree`](crate::Tree) or a [`Frontier`](crate::Frontier) refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The log already has [`MAX_SIZE`] leaves.
    #[error("the log is full: {MAX_SIZE} leaves")]
    Full,
    /// A size above what the log has, or above [`MAX_SIZE`].
    #[error("size {size} is beyond the log, which has at most {max} leaves")]
    SizeOutOfRange {
        /// The size asked for.
        size: u64,
        /// The largest size there is.
        max: u64,
    },
    /// An index at or above the size it was asked for.
    #[error("index {index} is not below size {size}")]
    IndexOutOfRange {
        /// The index asked for.
        index: u64,
        /// The size it should be below.
        size: u64,
    },
    /// Growth from a larger to a smaller size.
    #[error("size shrinks from {old} to {new}")]
    SizeShrinks {
        /// The earlier size.
        old: u64,
        /// The later size.
        new: u64,
    },
    /// A bit of the size is set whose peak was not given.
    #[error("size {size} has a peak of height {height}, only {got} heights were given")]
    PeakMissing {
        /// The size of the frontier.
        size: u64,
        /// The height of the highest peak of that size.
        height: usize,
        /// How many heights were given.
        got: usize,
    },
    /// More heights than a log of [`MAX_SIZE`] leaves has.
    #[error("{got} heights of peaks were given, a log has at most {max}")]
    TooManyPeaks {
        /// How many heights were given.
        got: usize,
        /// How many a log can have.
        max: usize,
    },
}

/// Why a proof was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A size above [`MAX_SIZE`].
    #[error("size {size} is above {MAX_SIZE}, the largest log there is")]
    SizeTooLarge {
        /// The size claimed.
        size: u64,
    },
    /// The leaf's index is not in a log of this size.
    #[error("index {index} is not below size {size}")]
    IndexOutOfRange {
        /// The index claimed.
        index: u64,
        /// The size claimed.
        size: u64,
    },
    /// The later size is the smaller one.
    #[error("size shrinks from {old} to {new}")]
    SizeShrinks {
        /// The earlier size.
        old: u64,
        /// The later size.
        new: u64,
    },
    /// Nodes are missing.
    #[error("path has {got} nodes, expected {want}")]
    PathTooShort {
        /// Nodes in the path.
        got: usize,
        /// Nodes that the sizes (and the index) ask for, at most [`MAX_PATH`].
        want: usize,
    },
    /// Nodes are left over.
    #[error("path has {got} nodes, expected {want} (never more than {MAX_PATH})")]
    PathTooLong {
        /// Nodes in the path.
        got: usize,
        /// Nodes that the sizes (and the index) ask for, at most [`MAX_PATH`].
        want: usize,
    },
    /// The path leads to another root. For consistency: to another new root.
    #[error("path leads to root {got}, expected {want}")]
    RootMismatch {
        /// The root that the path leads to.
        got: B256,
        /// The root it should lead to.
        want: B256,
    },
    /// A consistency path leads to another old root.
    #[error("path leads to old root {got}, expected {want}")]
    OldRootMismatch {
        /// The old root that the path leads to.
        got: B256,
        /// The old root it should lead to.
        want: B256,
    },
}

/// A path that does not lead where it should: [`PathChain`](crate::PathChain).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("path leads to {got}, expected {want}")]
pub struct PathError {
    /// The node that the path leads to; zero if its length is wrong.
    pub got: B256,
    /// The node of the log; zero if there is no leaf of that index.
    pub want: B256,
}
