// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Announcement, IRegistry} from "../interfaces/IRegistry.sol";
import {Claim} from "./ClaimLib.sol";
import {Freeing} from "./FreeingLib.sol";
import {SignatureLib} from "./SignatureLib.sol";

/// @title EventLib: the events that almost every message pays for, and the hash of its evidence
/// @notice Same bytes as `emit` writes, packed straight from calldata; every test that expects one of
/// them (test/utils/RegistryBase.sol) lets plain Solidity emit it. Callers know that every number
/// fits its field.
library EventLib {
    /// @notice Emits `ResourceAnnounced`. *Requirements:* the signatures have 64 bytes.
    /// @return evidence hash of the evidence
    function resourceAnnounced(
        bytes32 id,
        uint256 index,
        Announcement calldata message,
        bytes calldata signatures
    ) internal returns (bytes32 evidence) {
        bytes32 topic = IRegistry.ResourceAnnounced.selector;
        uint256 scheme = SignatureLib.SCHEME;
        assembly ("memory-safe") {
            let m := mload(0x40)
            let word := shl(16, calldataload(add(message, 0xc0)))
            word := or(word, shl(48, calldataload(add(message, 0xa0))))
            word := or(word, shl(80, calldataload(add(message, 0x40))))
            mstore(m, or(word, shl(96, calldataload(message))))
            word := or(index, shl(64, calldataload(add(message, 0xe0))))
            word := or(word, shl(128, calldataload(add(message, 0x80))))
            mstore(add(m, 0x20), or(word, shl(192, calldataload(add(message, 0x60)))))
            mstore(add(m, 0x40), calldataload(add(message, 0x20)))
            mstore(add(m, 0x60), calldataload(add(message, 0x100)))
            calldatacopy(add(m, 0x80), signatures.offset, 0x40)
            log2(m, 0xc0, topic, id)
            // the scheme in front of the signatures, over the last byte of the offer
            mstore8(add(m, 0x7f), scheme)
            evidence := keccak256(add(m, 0x7f), 0x41)
        }
    }

    /// @notice Emits `VolumeAllocated`. *Requirements:* the signatures have 64 or 128 bytes.
    /// @return evidence hash of the evidence
    function volumeAllocated(uint256 index, Claim memory claim, bytes calldata signatures)
        internal
        returns (bytes32 evidence)
    {
        bytes32 topic = IRegistry.VolumeAllocated.selector;
        uint256 scheme = SignatureLib.SCHEME;
        assembly ("memory-safe") {
            let m := mload(0x40)
            let word := shl(16, mload(add(claim, 0x60)))
            word := or(word, shl(32, mload(add(claim, 0xe0))))
            mstore(m, or(word, shl(96, mload(add(claim, 0x40)))))
            word := or(index, shl(64, mload(add(claim, 0xc0))))
            word := or(word, shl(128, mload(add(claim, 0xa0))))
            mstore(add(m, 0x20), or(word, shl(192, mload(add(claim, 0x80)))))
            calldatacopy(add(m, 0x40), signatures.offset, signatures.length)
            log2(m, 0x80, topic, mload(add(claim, 0x20)))
            // the scheme in front of the signatures, over the last byte of the index
            mstore8(add(m, 0x3f), scheme)
            evidence := keccak256(add(m, 0x3f), add(1, signatures.length))
        }
    }

    /// @notice Emits `WithdrawalRecorded`. *Requirements:* the signatures have 64 bytes.
    /// @return evidence hash of the evidence
    function withdrawalRecorded(
        bytes32 resourceId,
        uint256 index,
        uint256 timestamp_,
        Announcement calldata announcement,
        bytes calldata signatures
    ) internal returns (bytes32 evidence) {
        bytes32 topic = IRegistry.WithdrawalRecorded.selector;
        uint256 scheme = SignatureLib.SCHEME;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, index)
            mstore(add(m, 0x20), timestamp_)
            calldatacopy(add(m, 0x40), announcement, 0x120)
            calldatacopy(add(m, 0x160), signatures.offset, 0x40)
            log2(m, 0x1a0, topic, resourceId)
            // the scheme in front of the signatures, over the last byte of the offer
            mstore8(add(m, 0x15f), scheme)
            evidence := keccak256(add(m, 0x15f), 0x41)
        }
    }

    /// @notice Emits `VolumeReleased`.
    /// @return evidence hash of the evidence
    function volumeReleased(uint256 index, bytes32 resourceId, Freeing memory freeing)
        internal
        returns (bytes32 evidence)
    {
        bytes32 topic = IRegistry.VolumeReleased.selector;
        uint256 scheme = SignatureLib.SCHEME;
        uint256 times =
            (freeing.index << 192) | (freeing.fromTime << 128) | (freeing.timestamp << 64) | index;
        uint256 signature = freeing.signature;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, times)
            calldatacopy(add(m, 0x20), signature, 0x40)
            log2(m, 0x60, topic, resourceId)
            // the scheme in front of the signature, over the last byte of the index
            mstore8(add(m, 0x1f), scheme)
            evidence := keccak256(add(m, 0x1f), 0x41)
        }
    }
}
