// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Request} from "../interfaces/IRegistry.sol";
import {MessageLib} from "./MessageLib.sol";

/// @notice A request on its way to become an allocation, or one that became one and is given back:
/// what it says, and what the ledger has to say about it. The first eight words are its EIP-712
/// encoding, so that what is hashed is what is judged, wherever the request came from.
/// @param typeHash of `Request`
/// @param resourceId as the next six, a field of the request
/// @param id the request's id
/// @param resource storage word of the resource
/// @param approver who has to sign as the announcement says that is brought along; 0 if the resource
/// is recorded, as then its approver is in storage
/// @param requesterSlot storage slot of the requester's word
/// @param requesterWord storage word of the requester, before
/// @param firstSlot number of the first slot that is taken or given back
/// @param slotCount how many slots are
/// @param wordCount how many calendar words these slots touch
/// @param buffer memory address of `wordCount` items (index before 64 | 12 x used after 16),
/// followed by the `wordCount` storage slots of these words
/// @param got what a check found that refuses the item
/// @param want what it wanted
struct Claim {
    bytes32 typeHash;
    bytes32 resourceId;
    uint256 requester;
    uint256 volume;
    uint256 startTime;
    uint256 endTime;
    uint256 timestamp;
    uint256 sequence;
    bytes32 id;
    uint256 resource;
    uint256 approver;
    uint256 requesterSlot;
    uint256 requesterWord;
    uint256 firstSlot;
    uint256 slotCount;
    uint256 wordCount;
    uint256 buffer;
    uint256 got;
    uint256 want;
}

/// @title ClaimLib: where claims come from
library ClaimLib {
    /// @dev Bytes of a claim in memory.
    uint256 private constant SIZE = 0x260;

    /// @notice Memory address of room for one claim. Its fields hold anything until they are set.
    function room() internal pure returns (uint256 claim) {
        uint256 size = SIZE;
        assembly ("memory-safe") {
            claim := mload(0x40)
            mstore(0x40, add(claim, size))
        }
    }

    /// @notice Copies a request.
    /// @dev Reverts without data on a number with bits above its type, as Solidity's decoder does: a
    /// message has one encoding. Left out are those that the rules bound before anything is written:
    /// requester (a signer), startTime and endTime (inside a resource's window) and timestamp (near
    /// the block's). About the pointer see `MessageLib.idOf`.
    function load(Claim memory claim, Request calldata message) internal pure {
        claim.typeHash = MessageLib.REQUEST_TYPE_HASH;
        assembly ("memory-safe") {
            calldatacopy(add(claim, 0x20), message, 0xe0)
            let surplus := or(shr(16, mload(add(claim, 0x60))), shr(64, mload(add(claim, 0xe0))))
            if or(surplus, shr(64, message)) { revert(0, 0) }
        }
    }

    /// @notice Copies the request out of an allocation's record that begins at `record` in the
    /// calldata (docs/protocol.md section 6).
    function loadRecord(Claim memory claim, uint256 record) internal pure {
        claim.typeHash = MessageLib.REQUEST_TYPE_HASH;
        assembly ("memory-safe") {
            mstore(add(claim, 0x20), calldataload(add(record, 38)))
            mstore(add(claim, 0x40), shr(96, calldataload(add(record, 78))))
            mstore(add(claim, 0x60), shr(240, calldataload(add(record, 98))))
            mstore(add(claim, 0x80), shr(192, calldataload(add(record, 100))))
            mstore(add(claim, 0xa0), shr(192, calldataload(add(record, 108))))
            mstore(add(claim, 0xc0), shr(192, calldataload(add(record, 126))))
            mstore(add(claim, 0xe0), shr(192, calldataload(add(record, 134))))
        }
    }

    /// @notice The id of the claim's request: `keccak(0x1901 || domainSeparator || structHash)`.
    function idOf(Claim memory claim, bytes32 domainSeparator) internal pure returns (bytes32 id) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, 0x1901)
            mstore(add(m, 0x20), domainSeparator)
            mstore(add(m, 0x40), keccak256(claim, 0x100))
            id := keccak256(add(m, 30), 66)
        }
    }

    /// @notice Notes why a claim is refused.
    function refuse(Claim memory claim, uint256 got, uint256 want) internal pure {
        claim.got = got;
        claim.want = want;
    }
}
