// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Announcement} from "../interfaces/IRegistry.sol";
import {Claim} from "./ClaimLib.sol";
import {Freeing} from "./FreeingLib.sol";
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
    uint8 internal constant RELEASE = 3;
    uint8 internal constant WITHDRAWAL = 4;
    /// @dev Bytes of an allocation's record.
    uint256 internal constant ALLOCATION_LENGTH = 238;
    /// @dev How an allocation's record begins: version and kind.
    uint256 internal constant ALLOCATION_START = (uint256(VERSION) << 8) | ALLOCATION;
    /// @dev Longest body of a record of kind 16 and up.
    uint256 internal constant MAX_BODY = 512;

    /// @notice Leaf of the genesis record.
    function genesisLeaf(
        bytes32 networkId,
        bytes32 parentNetwork,
        bytes32 parentCheckpoint,
        uint64 parentSize
    ) internal view returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                bytes1(0x00),
                VERSION,
                GENESIS,
                address(this),
                uint64(0),
                uint64(block.timestamp),
                networkId,
                parentNetwork,
                parentCheckpoint,
                parentSize
            )
        );
    }

    /// @notice Leaf of a record that a further writer wrote.
    function bodyLeaf(uint256 kind, address writer, uint256 index, bytes calldata body)
        internal
        view
        returns (bytes32 leaf)
    {
        uint256 m = _header(kind, writer, index);
        assembly ("memory-safe") {
            calldatacopy(add(m, 39), body.offset, body.length)
            leaf := keccak256(m, add(39, body.length))
        }
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
        Claim memory claim,
        uint256 index,
        uint256 requesterAfter,
        bytes32 evidence
    ) internal view returns (bytes32 leaf) {
        uint256 m;
        uint256 resourceIndex = ResourceLib.indexOf(claim.resource);
        assembly ("memory-safe") {
            m := mload(0x40)
            mstore(add(m, 31), shl(192, timestamp()))
            mstore(add(m, 39), mload(add(claim, 0x20)))
            mstore(add(m, 71), shl(192, resourceIndex))
            let slots := or(shl(64, mload(add(claim, 0x1a0))), shl(48, mload(add(claim, 0x1c0))))
            slots := or(slots, shl(128, mload(add(claim, 0xa0))))
            mstore(add(m, 101), or(slots, shl(192, mload(add(claim, 0x80)))))
        }
        return nextAllocationLeaf(m, claim, index, requesterAfter, evidence);
    }

    /// @notice The same for one more request of the same resource and window as in the record at `m`,
    /// which this one is written over: all fields that requests have for themselves.
    /// @param m what `allocationLeaf` wrote behind the free memory pointer
    function nextAllocationLeaf(
        uint256 m,
        Claim memory claim,
        uint256 index,
        uint256 requesterAfter,
        bytes32 evidence
    ) internal view returns (bytes32 leaf) {
        uint256 lead = _leadOf(ALLOCATION, address(this), index);
        assembly ("memory-safe") {
            // the block's time begins with a zero
            mstore(m, lead)
            // requester and volume after the end of resourceId and resourceIndex
            let terms := or(shl(16, mload(add(claim, 0x40))), mload(add(claim, 0x60)))
            mstore(add(m, 69), or(shl(176, shr(176, mload(add(m, 69)))), terms))
            // previousIndex is the end of the requester's word
            let own := shr(128, shl(192, mload(add(claim, 0x180))))
            own := or(own, shl(128, mload(add(claim, 0xe0))))
            mstore(add(m, 127), or(own, shl(192, mload(add(claim, 0xc0)))))
            // highest and bitmap are the upper 24 bytes of the requester's word
            mstore(add(m, 151), requesterAfter)
            mstore(
                add(m, 175),
                keccak256(mload(add(claim, 0x200)), shl(5, mload(add(claim, 0x1e0))))
            )
            mstore(add(m, 207), evidence)
            leaf := keccak256(m, 239)
        }
    }

    /// @notice Leaf of a release's record, 246 bytes.
    function releaseLeaf(
        Claim memory claim,
        Freeing memory freeing,
        uint256 index,
        bytes32 evidence
    ) internal view returns (bytes32 leaf) {
        uint256 m = _header(RELEASE, index);
        assembly ("memory-safe") {
            // requestId, index of the allocation
            mstore(add(m, 39), mload(add(claim, 0x100)))
            mstore(add(m, 71), shl(192, mload(add(freeing, 0xc0))))
            // resourceId, resourceIndex, requester, volume, startTime, endTime
            calldatacopy(add(m, 79), add(mload(add(freeing, 0xa0)), 38), 78)
            let slots := or(shl(192, mload(add(claim, 0x1a0))), shl(176, mload(add(claim, 0x1c0))))
            let times := or(shl(112, mload(add(freeing, 0x40))), shl(48, mload(add(freeing, 0x60))))
            mstore(add(m, 157), or(slots, times))
            mstore(
                add(m, 183),
                keccak256(mload(add(claim, 0x200)), shl(5, mload(add(claim, 0x1e0))))
            )
            mstore(add(m, 215), evidence)
            leaf := keccak256(m, 247)
        }
    }

    /// @notice Leaf of a withdrawal's record, 138 bytes.
    /// @param resourceIndex index of the announcement's record; 0 if there is none
    function withdrawalLeaf(
        bytes32 resourceId,
        uint256 resourceIndex,
        uint256 provider,
        uint256 timestamp_,
        uint256 index,
        bytes32 evidence
    ) internal view returns (bytes32 leaf) {
        uint256 m = _header(WITHDRAWAL, index);
        assembly ("memory-safe") {
            mstore(add(m, 39), resourceId)
            mstore(add(m, 71), or(shl(192, resourceIndex), shl(32, provider)))
            mstore(add(m, 99), shl(192, timestamp_))
            mstore(add(m, 107), evidence)
            leaf := keccak256(m, 139)
        }
    }

    /// @notice Version and kind of a record in the calldata. *Requirements:* it has two bytes.
    function startOf(bytes calldata record) internal pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := shr(240, calldataload(record.offset))
        }
    }

    /// @notice Leaf of a record in the calldata.
    function leafOf(bytes calldata record) internal pure returns (bytes32 leaf) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore8(m, 0)
            calldatacopy(add(m, 1), record.offset, record.length)
            leaf := keccak256(m, add(record.length, 1))
        }
    }

    /// @dev Writes 0x00 and the header behind the free memory pointer: 39 bytes at `m`.
    function _header(uint256 kind, uint256 index) private view returns (uint256 m) {
        return _header(kind, address(this), index);
    }

    /// @dev The same for a writer other than the registry.
    function _header(uint256 kind, address writer, uint256 index) private view returns (uint256 m) {
        uint256 lead = _leadOf(kind, writer, index);
        assembly ("memory-safe") {
            m := mload(0x40)
            mstore(m, lead)
            mstore(add(m, 31), shl(192, timestamp()))
        }
    }

    /// @dev The first 32 bytes: 0x00, version, kind, writer, index, and a zero.
    function _leadOf(uint256 kind, address writer, uint256 index)
        private
        pure
        returns (uint256 lead)
    {
        uint256 version = VERSION;
        assembly ("memory-safe") {
            lead := or(or(shl(240, version), shl(232, kind)), or(shl(72, writer), shl(8, index)))
        }
    }
}
