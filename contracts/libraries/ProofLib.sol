// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

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

    /// @notice Hash of a node above `left` and `right`.
    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            // 65 bytes in the unallocated memory: they are read at once and never kept
            let free := mload(0x40)
            mstore8(free, 0x01)
            mstore(add(free, 1), left)
            mstore(add(free, 33), right)
            hash := keccak256(free, 65)
        }
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
        uint256 fn = index;
        uint256 sn = uint256(size) - 1;
        root = leaf;
        for (uint256 i = 0; i < path.length; ++i) {
            if (sn == 0) return (false, root);
            if (fn & 1 == 1 || fn == sn) {
                root = nodeHash(path[i], root);
                (fn, sn) = _skipAbsentSiblings(fn, sn);
            } else {
                root = nodeHash(root, path[i]);
            }
            fn >>= 1;
            sn >>= 1;
        }
        complete = sn == 0;
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
        uint256 fn = uint256(oldSize) - 1;
        uint256 sn = uint256(newSize) - 1;
        (fn, sn) = _skipWholeSubtrees(fn, sn);
        uint256 next = 0;
        // fn is 0 here only if the old tree is one whole subtree: its root is known already
        if (fn == 0) {
            oldGot = oldRoot;
        } else {
            if (proof.length == 0) return (false, 0, 0);
            oldGot = proof[next++];
        }
        newGot = oldGot;
        for (; next < proof.length; ++next) {
            if (sn == 0) return (false, oldGot, newGot);
            bytes32 node = _at(proof, next);
            if (fn & 1 == 1 || fn == sn) {
                oldGot = nodeHash(node, oldGot);
                newGot = nodeHash(node, newGot);
                (fn, sn) = _skipAbsentSiblings(fn, sn);
            } else {
                newGot = nodeHash(newGot, node);
            }
            fn >>= 1;
            sn >>= 1;
        }
        complete = sn == 0;
    }

    /// @dev The last node of a level has no sibling on the right: it moves up as it is until it is
    /// a right child itself.
    function _skipAbsentSiblings(uint256 fn, uint256 sn) private pure returns (uint256, uint256) {
        while (fn & 1 == 0 && fn != 0) {
            fn >>= 1;
            sn >>= 1;
        }
        return (fn, sn);
    }

    /// @dev While the old tree's last node is a right child, both trees hold its parent whole.
    function _skipWholeSubtrees(uint256 fn, uint256 sn) private pure returns (uint256, uint256) {
        while (fn & 1 == 1) {
            fn >>= 1;
            sn >>= 1;
        }
        return (fn, sn);
    }

    /// @dev Without the bounds check, which the caller's loop is.
    function _at(bytes32[] calldata proof, uint256 i) private pure returns (bytes32 node) {
        assembly ("memory-safe") {
            node := calldataload(add(proof.offset, shl(5, i)))
        }
    }
}
