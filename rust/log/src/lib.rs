//! The one Merkle tree of Fallow: an append-only log of records, shaped as in RFC 9162 section 2.1
//! and hashed with Keccak-256.
//!
//! A tree of `n` leaves splits at the largest power of two below `n`: the left part is full, a lone
//! node on the right edge is promoted unchanged. Five leaves, nodes named by the leaves below them:
//!
//! ```text
//!                root               leaf  = keccak256(0x00 || record)
//!               /    \              node  = keccak256(0x01 || left || right)
//!          0..4       4             empty = keccak256("")
//!         /    \      |
//!      0..2   2..4    |             peaks of size 5 = 0b101: 0..4 (height 2), 4 (height 0)
//!      /  \   /  \    |             path of leaf 2: [3, 0..2, 4]
//!     0    1 2    3   4             from size 3 to size 5: [2, 3, 0..2, 4]
//! ```
//!
//! * [`Frontier`] keeps only the peaks, as the contract does: enough to append and to know the root.
//! * [`Tree`] keeps every complete subtree: it proves inclusion and growth at any size it ever had.
//! * [`PathChain`] proves leaves against the peaks, each path leaning on the one before.
//! * [`TiledLog`] proves the same from files of 256 hashes, [`TileEdge`] writes them.
//! * [`verify_inclusion`] and [`verify_consistency`] need neither.
//!
//! Two things a proof does **not** show, which the caller must take from elsewhere:
//!
//! * The size. Two sizes can give an index a path of the same shape (index 0 in sizes 3 and 4), so
//!   size and root have to come from the same checkpoint.
//! * That records exist. Whoever chooses the new root can prove growth from 13 leaves to `2^63` with
//!   nodes of its own invention; a bound on growth is a rule of the anchor, not of the proof.
//!
//! ```
//! use fallow_log::{Tree, leaf_hash, verify_consistency, verify_inclusion};
//!
//! let mut tree = Tree::new();
//! for record in ["a", "b", "c"] {
//!     tree.push(leaf_hash(record.as_bytes()))?;
//! }
//! let old_root = tree.root();
//! let index = tree.push(leaf_hash(b"d"))?;
//!
//! let path = tree.prove_inclusion(index, 4)?;
//! verify_inclusion(leaf_hash(b"d"), index, 4, &path, tree.root())?;
//! assert!(verify_inclusion(leaf_hash(b"e"), index, 4, &path, tree.root()).is_err());
//!
//! let growth = tree.prove_consistency(3, 4)?;
//! verify_consistency(3, old_root, 4, tree.root(), &growth)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod error;
mod frontier;
mod hash;
mod path;
mod proof;
mod span;
mod tile;
mod tree;

pub use error::{LogError, PathError, ProofError};
pub use frontier::Frontier;
pub use hash::{EMPTY_ROOT, leaf_hash, node_hash};
pub use path::PathChain;
pub use proof::{MAX_PATH, verify_consistency, verify_inclusion};
pub use tile::{
    BundleId, Needed, TILE_LEVELS, TILE_WIDTH, TileEdge, TileError, TileId, TileLengthError,
    TilePathError, TileSource, TiledLog, encode_tile, needed_tiles,
};
pub use tree::Tree;

/// The largest number of leaves a log can have. With it every node has a position in 64 bits (a
/// log of `n` leaves has fewer than `2n` nodes), and no path is longer than [`MAX_PATH`].
pub const MAX_SIZE: u64 = 1 << 63;
