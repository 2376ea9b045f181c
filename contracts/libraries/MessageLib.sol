// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Announcement} from "../interfaces/IRegistry.sol";

/// @title MessageLib: ids of messages, EIP-712 (docs/protocol.md section 3)
library MessageLib {
    string internal constant NAME = "Fallow";
    string internal constant VERSION = "1";
    /// @dev ERC-5267: name, version, verifyingContract and salt; bit 2, the chain id, is missing, so
    /// that a wallet signs without adding the sidechain to its networks.
    bytes1 internal constant DOMAIN_FIELDS = 0x1b;

    bytes32 internal constant DOMAIN_TYPE_HASH = keccak256(
        "EIP712Domain(string name,string version,address verifyingContract,bytes32 salt)"
    );
    bytes32 internal constant ANNOUNCEMENT_TYPE_HASH = keccak256(
        "Announcement(address provider,address approver,uint16 volume,uint64 startTime,"
        "uint64 endTime,uint32 slotSeconds,uint32 noticeSeconds,uint64 timestamp,bytes32 offer)"
    );
    bytes32 internal constant REQUEST_TYPE_HASH = keccak256(
        "Request(bytes32 resourceId,address requester,uint16 volume,uint64 startTime,"
        "uint64 endTime,uint64 timestamp,uint64 sequence)"
    );
    bytes32 internal constant RELEASE_TYPE_HASH =
        keccak256("Release(bytes32 requestId,uint64 fromTime,uint64 timestamp)");
    bytes32 internal constant WITHDRAWAL_TYPE_HASH =
        keccak256("Withdrawal(bytes32 resourceId,uint64 timestamp)");

    /// @notice The domain separator; the salt is the network's id.
    function domainSeparatorOf(address registry, bytes32 networkId)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                DOMAIN_TYPE_HASH,
                keccak256(bytes(NAME)),
                keccak256(bytes(VERSION)),
                registry,
                networkId
            )
        );
    }

    /// @notice The id of an announcement: `keccak(0x1901 || domainSeparator || structHash)`.
    /// @dev Reverts without data on a number with bits above its type, as Solidity's decoder does: a
    /// message has one encoding. POINTERS: Solidity lets an item of an array have a negative offset,
    /// so a pointer may stand just below 2^256. The copy would read zeros there, the readers of single
    /// fields below would wrap round to other calldata; what is hashed must be what is read.
    function idOf(Announcement calldata message, bytes32 domainSeparator)
        internal
        pure
        returns (bytes32)
    {
        bytes32 structHash;
        bytes32 typeHash = ANNOUNCEMENT_TYPE_HASH;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, typeHash)
            calldatacopy(add(m, 0x20), message, 0x120)
            let surplus := shr(32, or(mload(add(m, 0xc0)), mload(add(m, 0xe0))))
            surplus := or(surplus, shr(160, or(mload(add(m, 0x20)), mload(add(m, 0x40)))))
            surplus := or(surplus, shr(16, mload(add(m, 0x60))))
            let times := or(or(mload(add(m, 0x80)), mload(add(m, 0xa0))), mload(add(m, 0x100)))
            surplus := or(surplus, shr(64, times))
            // See POINTERS below.
            if or(surplus, shr(64, message)) { revert(0, 0) }
            structHash := keccak256(m, 0x140)
        }
        return digestOf(structHash, domainSeparator);
    }

    /// @notice The id of a release: `keccak(0x1901 || domainSeparator || structHash)`.
    /// @dev Takes values, each read once: what is hashed is what is read. Callers know their bounds.
    function releaseIdOf(
        bytes32 requestId,
        uint256 fromTime,
        uint256 timestamp_,
        bytes32 domainSeparator
    ) internal pure returns (bytes32) {
        bytes32 structHash;
        bytes32 typeHash = RELEASE_TYPE_HASH;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, typeHash)
            mstore(add(m, 0x20), requestId)
            mstore(add(m, 0x40), fromTime)
            mstore(add(m, 0x60), timestamp_)
            structHash := keccak256(m, 0x80)
        }
        return digestOf(structHash, domainSeparator);
    }

    /// @notice The id of a withdrawal: `keccak(0x1901 || domainSeparator || structHash)`.
    /// @dev As above.
    function withdrawalIdOf(bytes32 resourceId, uint256 timestamp_, bytes32 domainSeparator)
        internal
        pure
        returns (bytes32)
    {
        bytes32 structHash = keccak256(abi.encode(WITHDRAWAL_TYPE_HASH, resourceId, timestamp_));
        return digestOf(structHash, domainSeparator);
    }

    /// @notice EIP-712 digest of a struct.
    function digestOf(bytes32 structHash, bytes32 domainSeparator)
        internal
        pure
        returns (bytes32 digest)
    {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, 0x1901)
            mstore(add(m, 0x20), domainSeparator)
            mstore(add(m, 0x40), structHash)
            digest := keccak256(add(m, 30), 66)
        }
    }

    /* FIELDS of a message that was hashed before: one word each, no further validation */

    function volumeOf(Announcement calldata message) internal pure returns (uint256 volume) {
        assembly ("memory-safe") {
            volume := calldataload(add(message, 0x40))
        }
    }

    function startOf(Announcement calldata message) internal pure returns (uint256 startTime) {
        assembly ("memory-safe") {
            startTime := calldataload(add(message, 0x60))
        }
    }

    function endOf(Announcement calldata message) internal pure returns (uint256 endTime) {
        assembly ("memory-safe") {
            endTime := calldataload(add(message, 0x80))
        }
    }

    function slotSecondsOf(Announcement calldata message)
        internal
        pure
        returns (uint256 slotSeconds)
    {
        assembly ("memory-safe") {
            slotSeconds := calldataload(add(message, 0xa0))
        }
    }

    function noticeSecondsOf(Announcement calldata message)
        internal
        pure
        returns (uint256 noticeSeconds)
    {
        assembly ("memory-safe") {
            noticeSeconds := calldataload(add(message, 0xc0))
        }
    }

    function providerOf(Announcement calldata message) internal pure returns (uint256 provider) {
        assembly ("memory-safe") {
            provider := calldataload(message)
        }
    }

    function approverOf(Announcement calldata message) internal pure returns (uint256 approver) {
        assembly ("memory-safe") {
            approver := calldataload(add(message, 0x20))
        }
    }
}
