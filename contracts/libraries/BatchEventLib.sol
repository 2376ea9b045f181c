// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Freeing} from "./FreeingLib.sol";
import {PackedLib} from "./PackedLib.sol";
import {SignatureLib} from "./SignatureLib.sol";

/// @notice The event of a batch while it grows in memory.
/// @param index of the first record that it tells of, or will
/// @param start memory address of its bytes
/// @param group memory address of the group at hand
/// @param end memory address after the last byte
struct BatchEvent {
    uint256 index;
    uint256 start;
    uint256 group;
    uint256 end;
}

/// @title BatchEventLib: one event for a packed batch (docs/protocol.md section 6.1)
/// @notice Its bytes are copied from the calldata as items are recorded, and logged at the end.
library BatchEventLib {
    /// @dev Data of an event before its bytes: index, offset, length.
    uint256 private constant HEAD_BYTES = 0x60;

    /// @notice Makes room for all of a batch: nothing is logged that is longer than its calldata.
    /// @param index of the next record
    function open(uint256 batchBytes, uint256 index)
        internal
        pure
        returns (BatchEvent memory entry)
    {
        uint256 head = HEAD_BYTES;
        uint256 start;
        assembly ("memory-safe") {
            start := add(mload(0x40), head)
            // and for the zeros at the end
            mstore(0x40, and(add(add(start, batchBytes), 0x3f), not(0x1f)))
        }
        (entry.index, entry.start, entry.end) = (index, start, start);
    }

    /// @notice Begins a group.
    function addGroup(BatchEvent memory entry, uint256 head, bytes32 resourceId) internal pure {
        uint256 end = entry.end;
        entry.group = end;
        unchecked {
            entry.end = end + PackedLib.HEADER_BYTES + PackedLib.ID_BYTES;
        }
        uint256 headerBytes = PackedLib.HEADER_BYTES;
        uint256 kindMask = ~(PackedLib.CARRIED << 248);
        assembly ("memory-safe") {
            mstore(end, and(head, kindMask))
            mstore(add(end, headerBytes), resourceId)
        }
    }

    /// @notice Adds bytes of the calldata from a position on.
    function add(BatchEvent memory entry, uint256 position, uint256 length) internal pure {
        uint256 end = entry.end;
        unchecked {
            entry.end = end + length;
        }
        assembly ("memory-safe") {
            calldatacopy(end, position, length)
        }
    }

    /// @notice Writes how many items of the last group there are.
    function closeGroup(BatchEvent memory entry, uint256 itemBytes) internal pure {
        uint256 group = entry.group;
        uint256 end = entry.end;
        uint256 headBytes = PackedLib.HEADER_BYTES + PackedLib.ID_BYTES;
        assembly ("memory-safe") {
            let count := div(sub(sub(end, group), headBytes), itemBytes)
            mstore8(add(group, 1), shr(8, count))
            mstore8(add(group, 2), count)
        }
    }

    /// @notice Adds a release.
    function addRelease(BatchEvent memory entry, Freeing memory freeing) internal pure {
        uint256 end = entry.end;
        uint256 allocation = freeing.index;
        uint256 position = freeing.signature;
        uint256 times = PackedLib.TIMES_BYTES;
        uint256 length = PackedLib.TIMES_BYTES + SignatureLib.LENGTH;
        assembly ("memory-safe") {
            mstore(end, shl(192, allocation))
            calldatacopy(add(end, 8), sub(position, times), length)
        }
        unchecked {
            entry.end = end + 8 + length;
        }
    }

    /// @notice Emits the event, if it tells of anything, and begins a new one: its index is to be set.
    function flush(BatchEvent memory entry, bytes32 topic) internal {
        (uint256 index, uint256 start, uint256 end) = (entry.index, entry.start, entry.end);
        if (start == end) return;
        entry.end = start;
        uint256 head = HEAD_BYTES;
        assembly ("memory-safe") {
            let length := sub(end, start)
            let data := sub(start, head)
            mstore(data, index)
            mstore(add(data, 0x20), 0x40)
            mstore(add(data, 0x40), length)
            mstore(end, 0)
            log1(data, add(head, and(add(length, 0x1f), not(0x1f))), topic)
        }
    }
}
