// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice The frontier of the log: all that is needed to append, and to compute the root. Must be
/// the first thing in a contract's storage: docs/protocol.md section 5 fixes slots 0 to 64.
/// @param size number of leaves
/// @param peaks root of the perfect subtree of 2^h leaves, where bit h of the size is set; whatever
/// an earlier append left there, where it is not
struct Log {
    uint256 size;
    bytes32[64] peaks;
}

/// @notice A frontier that grows in memory, for batches: a peak that the same batch merges into a
/// higher one is never stored.
/// @param size number of leaves
/// @param grown bit h: the peak of height h is the one in `peaks`, not the one in storage
/// @param peaks as in `Log`
struct Frontier {
    uint256 size;
    uint256 grown;
    bytes32[64] peaks;
}

/// @title LogLib: the append-only Merkle tree of RFC 9162 section 2.1 with Keccak-256
/// @notice docs/protocol.md section 7. Appending costs one node hash on average, at any size.
library LogLib {
    /// @notice Appends a leaf. *Requirements:* `size` is the log's size.
    function append(Log storage log, uint256 size, bytes32 leaf) internal {
        _merge(log, size, leaf, 0);
        unchecked {
            log.size = size + 1;
        }
    }

    /// @notice Appends two leaves, and stores the size once. *Requirements:* `size` is the log's.
    function appendTwo(Log storage log, uint256 size, bytes32 first, bytes32 second) internal {
        if (size & 1 == 0) {
            _merge(log, size >> 1, hashNode(first, second), 1);
        } else {
            _merge(log, size, first, 0);
            log.peaks[0] = second;
        }
        unchecked {
            log.size = size + 2;
        }
    }

    /// @dev Merges a node of height `h` with the peaks that stand left of it, and stores what comes
    /// out of that. `rest` is the log's size in nodes of that height.
    function _merge(Log storage log, uint256 rest, bytes32 node, uint256 h) private {
        assembly ("memory-safe") {
            let m := mload(0x40)
            let peak := add(add(log.slot, 1), h)
            mstore8(m, 1)
            for {} and(rest, 1) { rest := shr(1, rest) } {
                mstore(add(m, 1), sload(peak))
                mstore(add(m, 33), node)
                node := keccak256(m, 65)
                peak := add(peak, 1)
            }
            sstore(peak, node)
        }
    }

    /// @notice Begins a batch.
    function open(Log storage log) internal view returns (Frontier memory frontier) {
        frontier.size = log.size;
    }

    /// @notice Appends a leaf to a frontier in memory.
    function push(Log storage log, Frontier memory frontier, bytes32 leaf) internal view {
        assembly ("memory-safe") {
            // prefix at 0x1f, children at 0x20 and 0x40, where the free memory pointer is kept
            let free := mload(0x40)
            mstore(0x00, 0x01)
            let size := mload(frontier)
            let grown := mload(add(frontier, 0x20))
            // a struct holds a fixed array by reference
            let peak := mload(add(frontier, 0x40))
            let slot := add(log.slot, 1)
            // the lowest bit that is not set: the height of the new peak
            mstore(add(frontier, 0x20), or(grown, and(not(size), add(size, 1))))
            mstore(frontier, add(size, 1))
            for {} and(size, 1) { size := shr(1, size) } {
                mstore(0x40, leaf)
                switch and(grown, 1)
                case 0 { mstore(0x20, sload(slot)) }
                default { mstore(0x20, mload(peak)) }
                leaf := keccak256(0x1f, 65)
                grown := shr(1, grown)
                slot := add(slot, 1)
                peak := add(peak, 0x20)
            }
            mstore(peak, leaf)
            mstore(0x40, free)
        }
    }

    /// @notice Ends a batch: stores the size and the peaks that are new and still there.
    function close(Log storage log, Frontier memory frontier) internal {
        uint256 fresh = frontier.grown & frontier.size;
        for (uint256 h = 0; fresh >> h != 0; ++h) {
            if ((fresh >> h) & 1 == 1) log.peaks[h] = frontier.peaks[h];
        }
        log.size = frontier.size;
    }

    /// @notice Root of a log that has at least one leaf.
    function root(Log storage log) internal view returns (bytes32 node) {
        uint256 size = log.size;
        bool found;
        for (uint256 h = 0; size >> h != 0; ++h) {
            if ((size >> h) & 1 == 0) continue;
            node = found ? hashNode(log.peaks[h], node) : log.peaks[h];
            found = true;
        }
    }

    /// @notice Hash of an inner node.
    function hashNode(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
