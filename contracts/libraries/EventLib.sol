// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Announcement, IRegistry, Request} from "../interfaces/IRegistry.sol";

/// @title EventLib: the two events that every message pays for, copied straight from calldata
/// @notice Same bytes as `emit` writes; `test/unit/Event.t.sol` holds them against it. Callers have
/// hashed the message before, which refuses words with surplus bits.
library EventLib {
    /// @notice Emits `ResourceAnnounced`.
    function resourceAnnounced(
        bytes32 id,
        uint256 index,
        Announcement calldata message,
        bytes calldata signatures
    ) internal {
        bytes32 topic = IRegistry.ResourceAnnounced.selector;
        uint256 m = _signatures(0x140, signatures);
        assembly ("memory-safe") {
            mstore(m, index)
            calldatacopy(add(m, 0x20), message, 0x120)
            let size := add(0x180, signatures.length)
            log3(m, size, topic, id, calldataload(message))
        }
    }

    /// @notice Emits `VolumeAllocated`.
    function volumeAllocated(uint256 index, Request calldata message, bytes calldata signatures)
        internal
    {
        bytes32 topic = IRegistry.VolumeAllocated.selector;
        uint256 m = _signatures(0xc0, signatures);
        assembly ("memory-safe") {
            mstore(m, index)
            // volume, startTime, endTime, timestamp, sequence
            calldatacopy(add(m, 0x20), add(message, 0x40), 0xa0)
            let size := add(0x100, signatures.length)
            log3(m, size, topic, calldataload(message), calldataload(add(message, 0x20)))
        }
    }

    /// @dev Writes the dynamic part behind `fixedSize` bytes and its offset: the length, then the
    /// signatures, which are whole words (64 or 128 bytes).
    function _signatures(uint256 fixedSize, bytes calldata signatures)
        private
        pure
        returns (uint256 m)
    {
        assembly ("memory-safe") {
            m := mload(0x40)
            let offset := add(m, fixedSize)
            mstore(offset, add(fixedSize, 0x20))
            mstore(add(offset, 0x20), signatures.length)
            calldatacopy(add(offset, 0x40), signatures.offset, signatures.length)
        }
    }
}
