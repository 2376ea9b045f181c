// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Log} from "./LogLib.sol";
import {LibBit} from "solady/utils/LibBit.sol";

/// @notice What a batch has proven of the log as it was before: the record proven last.
/// @param size number of records then
/// @param last index of the record; NOTHING before the first
/// @param ancestors of that record, by height, the leaf first; up to below its peak
/// @param siblings of those
struct Chain {
    uint256 size;
    uint256 last;
    bytes32[64] ancestors;
    bytes32[64] siblings;
}

/// @title PathLib: paths from records to nodes of the log (docs/protocol.md sections 4.4 and 4.6)
/// @notice A path of as many nodes as the record's peak is high leads to the peak, which is in
/// storage. In a batch a shorter one may lean on the record proven last: it leads to a sibling of one
/// of that record's ancestors, and that sibling was proven with it.
///
///     record 2 was proven by 3, 0..2, 4..8         0..8
///     so record 5 only needs 4 and 6..8,        0..4    4..8
///     which lead to 4..8                   0..2  2..4  4..6  6..8
///                                          0  1  2  3  4  5  6  7
library PathLib {
    /// @dev Differs from each index above any height: no path leans on it.
    uint256 private constant NOTHING = type(uint256).max;

    /// @notice Begins a batch. The log in storage must stay as it is until its end.
    function open(Log storage log) internal view returns (Chain memory chain) {
        chain.size = log.size;
        chain.last = NOTHING;
    }

    /// @notice Proves that `leaf` is record `index`, or says why not. A path that is refused leaves
    /// the chain as it was.
    /// @return proven whether the path leads where it should
    /// @return got the node that it leads to, 0 if there is none for its length
    /// @return want the node of the log, 0 if there is no such record
    function prove(
        Log storage log,
        Chain memory chain,
        bytes32 leaf,
        uint256 index,
        bytes32[] calldata path
    ) internal view returns (bool proven, bytes32 got, bytes32 want) {
        uint256 size = chain.size;
        if (index >= size) return (false, 0, 0);
        uint256 n = path.length;
        // `x >> n == 1`: the highest bit of x is bit n
        bool leans = (index ^ size) >> n != 1;
        if (!leans) {
            // a slot for each height below 64, after that of the size
            assembly ("memory-safe") {
                want := sload(add(add(log.slot, 1), n))
            }
        } else if ((index ^ chain.last) >> n == 1 && (index ^ size) >> n != 0) {
            // lower than the peak, so the two records stand under the same one
            bytes32[64] memory siblings = chain.siblings;
            assembly ("memory-safe") {
                want := mload(add(siblings, shl(5, n)))
            }
        } else {
            return (false, 0, log.peaks[LibBit.fls(index ^ size)]);
        }
        got = _climb(leaf, index, path);
        proven = got == want;
        if (proven) _keep(chain, index, path, leans);
    }

    /// @dev The node that a path leads to. Leaves the record's ancestors below it behind the free
    /// memory pointer, in the order of `Chain.ancestors`.
    function _climb(bytes32 leaf, uint256 index, bytes32[] calldata path)
        private
        pure
        returns (bytes32 node)
    {
        node = leaf;
        assembly ("memory-safe") {
            // prefix at 0x1f, children at 0x20 and 0x40, where the free memory pointer is kept
            let free := mload(0x40)
            mstore(0x00, 0x01)
            let trail := free
            let next := path.offset
            let end := add(next, shl(5, path.length))
            for {} lt(next, end) { next := add(next, 32) } {
                mstore(trail, node)
                trail := add(trail, 32)
                // the record's ancestor is a right child: it goes to 0x40, its sibling to 0x20
                let right := shl(5, and(index, 1))
                mstore(add(0x20, right), node)
                mstore(sub(0x40, right), calldataload(next))
                node := keccak256(0x1f, 65)
                index := shr(1, index)
            }
            mstore(0x40, free)
        }
    }

    /// @dev Notes what `_climb` has just proven. Where a path leans, the two records swap sides:
    /// what was the sibling of the earlier one's ancestor is the later one's ancestor. Above, both
    /// have the same ancestors, and these the same siblings.
    function _keep(Chain memory chain, uint256 index, bytes32[] calldata path, bool leans)
        private
        pure
    {
        bytes32[64] memory ancestors = chain.ancestors;
        bytes32[64] memory siblings = chain.siblings;
        chain.last = index;
        assembly ("memory-safe") {
            let size := shl(5, path.length)
            if leans {
                let ancestor := add(ancestors, size)
                let sibling := add(siblings, size)
                let swapped := mload(ancestor)
                mstore(ancestor, mload(sibling))
                mstore(sibling, swapped)
            }
            mcopy(ancestors, mload(0x40), size)
            calldatacopy(siblings, path.offset, size)
        }
    }
}
