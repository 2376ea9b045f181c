// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @title The log as RFC 9162 section 2.1 writes it down: recursive, slow, over all leaf hashes
/// @notice A tree is an array of leaf hashes; `D[from:to]` of the RFC is (leaves, from, to).
library ReferenceLog {
    /// @notice 2.1.1: MTH(D[from:to]).
    function root(bytes32[] memory leaves, uint256 from, uint256 to)
        internal
        pure
        returns (bytes32)
    {
        if (from == to) return keccak256("");
        if (to - from == 1) return leaves[from];
        uint256 middle = from + split(to - from);
        return node(root(leaves, from, middle), root(leaves, middle, to));
    }

    /// @notice 2.1.3.1: PATH(index, D[from:to]).
    function path(bytes32[] memory leaves, uint256 index, uint256 from, uint256 to)
        internal
        pure
        returns (bytes32[] memory)
    {
        if (to - from == 1) return new bytes32[](0);
        uint256 middle = from + split(to - from);
        return index < middle
            ? append(path(leaves, index, from, middle), root(leaves, middle, to))
            : append(path(leaves, index, middle, to), root(leaves, from, middle));
    }

    /// @notice 2.1.4.1: PROOF(size, D[0:newSize]).
    function consistency(bytes32[] memory leaves, uint256 size, uint256 newSize)
        internal
        pure
        returns (bytes32[] memory)
    {
        return _subproof(leaves, size, 0, newSize, true);
    }

    /// @notice A consistency proof and its two roots, for a log too large to be built: every
    /// subtree's root that the proof names is invented.
    function invent(uint256 size, uint256 newSize, bytes32 seed)
        internal
        pure
        returns (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof)
    {
        return _invent(size, newSize, true, seed);
    }

    /// @notice The largest power of two below `size`.
    function split(uint256 size) internal pure returns (uint256 power) {
        power = 1;
        while (2 * power < size) power *= 2;
    }

    /// @notice Hash of a node.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// @notice `list` with `last` at its end.
    function append(bytes32[] memory list, bytes32 last) internal pure returns (bytes32[] memory) {
        bytes32[] memory longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
        return longer;
    }

    /// @dev SUBPROOF(size, D[from:to], whole) of 2.1.4.1.
    function _subproof(bytes32[] memory leaves, uint256 size, uint256 from, uint256 to, bool whole)
        private
        pure
        returns (bytes32[] memory)
    {
        if (size == to - from) {
            bytes32[] memory none = new bytes32[](0);
            return whole ? none : append(none, root(leaves, from, to));
        }
        uint256 k = split(to - from);
        uint256 middle = from + k;
        return size <= k
            ? append(_subproof(leaves, size, from, middle, whole), root(leaves, middle, to))
            : append(_subproof(leaves, size - k, middle, to, false), root(leaves, from, middle));
    }

    function _invent(uint256 size, uint256 newSize, bool whole, bytes32 seed)
        private
        pure
        returns (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof)
    {
        bytes32 invented = keccak256(abi.encode(seed, newSize));
        if (size == newSize) {
            bytes32[] memory nodes = new bytes32[](0);
            return (invented, invented, whole ? nodes : append(nodes, invented));
        }
        uint256 k = split(newSize);
        if (size <= k) {
            (oldRoot, newRoot, proof) = _invent(size, k, whole, invented);
            newRoot = node(newRoot, invented);
        } else {
            (oldRoot, newRoot, proof) = _invent(size - k, newSize - k, false, invented);
            oldRoot = node(invented, oldRoot);
            newRoot = node(invented, newRoot);
        }
        proof = append(proof, invented);
    }
}
