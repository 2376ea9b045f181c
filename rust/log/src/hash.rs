//! Leaf and node hashing (RFC 9162 section 2.1.1 with Keccak-256). The prefixes keep leaves and
//! nodes apart: no record hashes to a node, so nobody can present a node as a record.

use alloy_primitives::{B256, KECCAK256_EMPTY, Keccak256, keccak256};

/// First byte of what a leaf hashes.
const LEAF_PREFIX: u8 = 0x00;
/// First byte of what a node hashes.
const NODE_PREFIX: u8 = 0x01;

/// Root of the log of size 0: Keccak-256 of nothing.
pub const EMPTY_ROOT: B256 = KECCAK256_EMPTY;

/// Hash of a record as a leaf: `keccak256(0x00 || record)`.
pub fn leaf_hash(record: &[u8]) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update([LEAF_PREFIX]);
    hasher.update(record);
    hasher.finalize()
}

/// Hash of two subtrees: `keccak256(0x01 || left || right)`.
pub fn node_hash(left: &B256, right: &B256) -> B256 {
    let mut bytes = [NODE_PREFIX; 65];
    bytes[1..33].copy_from_slice(left.as_slice());
    bytes[33..].copy_from_slice(right.as_slice());
    keccak256(bytes)
}

/// Folds the peaks of a subtree into its root. `peaks` come from the right edge leftwards, the
/// smallest first; `seen` gets every fold on the way, the last one being the root.
pub(crate) fn fold_peaks(peaks: impl Iterator<Item = B256>, mut seen: impl FnMut(B256)) -> B256 {
    peaks
        .reduce(|right, left| {
            seen(right);
            node_hash(&left, &right)
        })
        .inspect(|root| seen(*root))
        .unwrap_or(EMPTY_ROOT)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::b256;

    use super::*;

    #[test]
    fn empty_root_is_keccak_of_nothing() {
        assert_eq!(EMPTY_ROOT, keccak256([]));
    }

    #[test]
    fn leaf_hash_is_the_prefixed_record() {
        assert_eq!(leaf_hash(b""), keccak256([0]));
        assert_eq!(leaf_hash(b"abc"), keccak256(b"\0abc"));
        // Keccak-256 of one zero byte, a published constant.
        let zero = b256!("bc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a");
        assert_eq!(leaf_hash(b""), zero);
    }

    #[test]
    fn node_hash_is_the_prefixed_pair_in_order() {
        let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
        let bytes = [&[1], left.as_slice(), right.as_slice()].concat();
        assert_eq!(node_hash(&left, &right), keccak256(bytes));
        assert_ne!(node_hash(&left, &right), node_hash(&right, &left));
    }

    #[test]
    fn a_record_made_of_two_nodes_is_no_node() {
        let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
        let pair = [left.as_slice(), right.as_slice()].concat();
        assert_ne!(leaf_hash(&pair), node_hash(&left, &right));
        let prefixed = [&[1], pair.as_slice()].concat();
        assert_ne!(leaf_hash(&prefixed), node_hash(&left, &right));
    }
}
