// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Announcement, IRegistry, Request} from "../interfaces/IRegistry.sol";
import {SignatureLib} from "./SignatureLib.sol";

/// @title EventLib: the two events that every message pays for, and the hash of its evidence
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
    function volumeAllocated(uint256 index, Request calldata message, bytes calldata signatures)
        internal
        returns (bytes32 evidence)
    {
        bytes32 topic = IRegistry.VolumeAllocated.selector;
        uint256 scheme = SignatureLib.SCHEME;
        assembly ("memory-safe") {
            let m := mload(0x40)
            let word := shl(16, calldataload(add(message, 0x40)))
            word := or(word, shl(32, calldataload(add(message, 0xc0))))
            mstore(m, or(word, shl(96, calldataload(add(message, 0x20)))))
            word := or(index, shl(64, calldataload(add(message, 0xa0))))
            word := or(word, shl(128, calldataload(add(message, 0x80))))
            mstore(add(m, 0x20), or(word, shl(192, calldataload(add(message, 0x60)))))
            calldatacopy(add(m, 0x40), signatures.offset, signatures.length)
            log2(m, 0x80, topic, calldataload(message))
            // the scheme in front of the signatures, over the last byte of the index
            mstore8(add(m, 0x3f), scheme)
            evidence := keccak256(add(m, 0x3f), add(1, signatures.length))
        }
    }
}
