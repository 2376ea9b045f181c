// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Announcement, Request} from "../interfaces/IRegistry.sol";
import {CalendarLib, Claim} from "./CalendarLib.sol";
import {ResourceLib} from "./ResourceLib.sol";

/// @title RecordLib: leaves of the log (docs/protocol.md sections 6 and 7)
/// @notice A leaf is `keccak(0x00 || record)`. Records are packed by hand, each word overwriting the
/// unused end of the one before it; `test/unit/Words.t.sol` holds them against `abi.encodePacked`.
/// Callers guarantee that every number fits its field.
library RecordLib {
    uint8 internal constant VERSION = 1;
    uint8 internal constant GENESIS = 0;
    uint8 internal constant ANNOUNCEMENT = 1;
    uint8 internal constant ALLOCATION = 2;
    /// @dev Longest body of a record of kind 16 and up.
    uint256 internal constant MAX_BODY = 512;

    /// @notice Leaf of the genesis record.
    function genesisLeaf(
        bytes32 networkId,
        bytes32 parentNetwork,
        bytes32 parentCheckpoint,
        uint64 parentSize
    ) internal view returns (bytes32) {
        bytes memory body = abi.encodePacked(networkId, parentNetwork, parentCheckpoint, parentSize);
        return bodyLeaf(GENESIS, address(this), 0, body);
    }

    /// @notice Leaf of a record whose body is given as bytes.
    function bodyLeaf(uint8 kind, address writer, uint64 index, bytes memory body)
        internal
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encodePacked(
                bytes1(0x00), VERSION, kind, writer, index, uint64(block.timestamp), body
            )
        );
    }

    /// @notice Leaf of an announcement's record, 176 bytes.
    function announcementLeaf(Announcement calldata message, uint256 index, bytes32 evidence)
        internal
        view
        returns (bytes32 leaf)
    {
        uint256 m = _header(ANNOUNCEMENT, index);
        assembly ("memory-safe") {
            mstore(add(m, 39), shl(96, calldataload(message)))
            let tail := shl(16, calldataload(add(message, 0x60)))
            tail := or(tail, shl(80, calldataload(add(message, 0x40))))
            mstore(add(m, 59), or(tail, shl(96, calldataload(add(message, 0x20)))))
            tail := shl(64, calldataload(add(message, 0xe0)))
            tail := or(tail, shl(128, calldataload(add(message, 0xc0))))
            tail := or(tail, shl(160, calldataload(add(message, 0xa0))))
            mstore(add(m, 89), or(tail, shl(192, calldataload(add(message, 0x80)))))
            mstore(add(m, 113), calldataload(add(message, 0x100)))
            mstore(add(m, 145), evidence)
            leaf := keccak256(m, 177)
        }
    }

    /// @notice Leaf of an allocation's record, 238 bytes.
    /// @param requesterAfter the requester's word as the record leaves it
    function allocationLeaf(
        Request calldata message,
        Claim memory claim,
        uint256 index,
        uint256 requesterAfter,
        bytes32 evidence
    ) internal view returns (bytes32 leaf) {
        uint256 m = _header(ALLOCATION, index);
        _writeAllocation(m, message, claim);
        bytes32 words = CalendarLib.hashOf(claim);
        assembly ("memory-safe") {
            // highest and bitmap are the upper 24 bytes of the requester's word
            mstore(add(m, 151), requesterAfter)
            mstore(add(m, 175), words)
            mstore(add(m, 207), evidence)
            leaf := keccak256(m, 239)
        }
    }

    /// @dev Bytes 39 to 150: from resourceId to previousIndex.
    function _writeAllocation(uint256 m, Request calldata message, Claim memory claim)
        private
        pure
    {
        uint256 resourceIndex = ResourceLib.indexOf(claim.resource);
        uint256 previousIndex = uint64(claim.requester);
        uint256 slots = (claim.firstSlot << 64) | (claim.slotCount << 48);
        assembly ("memory-safe") {
            mstore(add(m, 39), calldataload(message))
            let tail := shl(16, calldataload(add(message, 0x40)))
            tail := or(tail, shl(32, calldataload(add(message, 0x20))))
            mstore(add(m, 71), or(tail, shl(192, resourceIndex)))
            tail := or(slots, shl(128, calldataload(add(message, 0x80))))
            mstore(add(m, 101), or(tail, shl(192, calldataload(add(message, 0x60)))))
            tail := or(shl(64, previousIndex), shl(128, calldataload(add(message, 0xc0))))
            mstore(add(m, 127), or(tail, shl(192, calldataload(add(message, 0xa0)))))
        }
    }

    /// @dev Writes 0x00 and the header behind the free memory pointer: 39 bytes at `m`.
    function _header(uint256 kind, uint256 index) private view returns (uint256 m) {
        uint256 version = VERSION;
        assembly ("memory-safe") {
            m := mload(0x40)
            mstore(
                m,
                or(or(shl(240, version), shl(232, kind)), or(shl(72, address()), shl(8, index)))
            )
            mstore(add(m, 31), shl(192, timestamp()))
        }
    }
}
