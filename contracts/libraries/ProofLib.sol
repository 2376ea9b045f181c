// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {LibBit} from "solady/utils/LibBit.sol";

/// @title ProofLib: proofs about the log
/// @notice The tree of RFC 9162 section 2.1 with Keccak-256 (docs/protocol.md section 7). The
/// functions recompute roots; the caller compares them. `complete` is false when a node is missing
/// or one too many was brought: a root must not be used then, whatever it is.
library ProofLib {
    /// @dev RFC 9162 2.1.1: the hash of an empty list is the hash of an empty string.
    bytes32 internal constant EMPTY_ROOT = keccak256("");

    /// @notice Hash of a leaf. The prefix keeps a leaf from ever being a node.
    function leafHash(bytes calldata record) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x00), record));
    }

    /// @notice Root that follows from an inclusion path: RFC 9162 2.1.3.2.
    /// @param leaf hash of the leaf
    /// @param index position of the leaf
    /// @param size number of leaves under the root
    /// @param path siblings from the leaf up
    function inclusionRoot(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path)
        internal
        pure
        returns (bool complete, bytes32 root)
    {
        if (index >= size) return (false, 0);
        uint256 inner = _levelsApart(index, size - 1);
        if (path.length != _siblings(index, inner)) return (false, 0);
        (, root) = _fold(path, index, inner, leaf);
        complete = true;
    }

    /// @notice Both roots that follow from a consistency proof: RFC 9162 2.1.4.2.
    /// @param oldSize at least 1 and below `newSize`: the other cases have no nodes to fold
    /// @param oldRoot the root known for `oldSize`; it stands in the proof's place for a whole
    /// subtree
    function consistencyRoots(
        bytes32[] calldata proof,
        uint64 oldSize,
        uint64 newSize,
        bytes32 oldRoot
    ) internal pure returns (bool complete, bytes32 oldGot, bytes32 newGot) {
        if (oldSize == 0 || oldSize >= newSize) return (false, 0, 0);
        // while the old tree's last node is a right child, both trees hold its parent whole
        uint256 level = LibBit.ffs(oldSize);
        uint256 index = (uint256(oldSize) - 1) >> level;
        uint256 inner = _levelsApart(index, (uint256(newSize) - 1) >> level);
        uint256 needed = _siblings(index, inner);
        // index is 0 only if the old tree is one whole subtree: its root is known already
        bytes32 start = oldRoot;
        if (index != 0) {
            if (proof.length == 0) return (false, 0, 0);
            start = proof[0];
            proof = proof[1:];
        }
        if (proof.length != needed) return (false, 0, 0);
        (oldGot, newGot) = _fold(proof, index, inner, start);
        complete = true;
    }

    /// @dev Siblings on the way to the root: see `_levelsApart`.
    function _siblings(uint256 index, uint256 inner) private pure returns (uint256) {
        unchecked {
            return inner + LibBit.popCount(index >> inner); // 64 bits each
        }
    }

    /// @dev Levels on which the paths of two nodes to the root have not met. Below, the first has
    /// a sibling on each level; above, it lies on the right edge of the tree and has one only where
    /// it is a right child: one for each bit of its index.
    function _levelsApart(uint256 index, uint256 last) private pure returns (uint256) {
        unchecked {
            return index == last ? 0 : LibBit.fls(index ^ last) + 1; // at most 64
        }
    }

    /// @dev Goes up from the node `start` with number `index` on its level. `oldGot` takes in
    /// siblings on the left only: it is the root of the tree that ends with `start`. In assembly,
    /// as this is what a proof costs; test/unit/ProofLib.t.sol holds it to the RFC's recursion.
    function _fold(bytes32[] calldata nodes, uint256 index, uint256 inner, bytes32 start)
        private
        pure
        returns (bytes32 oldGot, bytes32 newGot)
    {
        oldGot = start;
        newGot = start;
        assembly ("memory-safe") {
            // prefix at 0x1f, children at 0x20 and 0x40, where the free memory pointer is kept
            let free := mload(0x40)
            mstore(0x00, 0x01)
            let next := nodes.offset
            let end := add(next, shl(5, nodes.length))
            // above `inner` every sibling is on the left
            let lefts := or(index, shl(inner, not(0)))
            for {} lt(next, end) { next := add(next, 32) } {
                switch and(lefts, 1)
                case 0 {
                    mstore(0x20, newGot)
                    mstore(0x40, calldataload(next))
                }
                default {
                    mstore(0x20, calldataload(next))
                    mstore(0x40, oldGot)
                    oldGot := keccak256(0x1f, 65)
                    mstore(0x40, newGot)
                }
                newGot := keccak256(0x1f, 65)
                lefts := shr(1, lefts)
            }
            mstore(0x40, free)
        }
    }
}
