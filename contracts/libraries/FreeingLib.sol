// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Claim} from "./ClaimLib.sol";
import {ResourceLib} from "./ResourceLib.sol";

/// @notice A release on its way to its record: what it says, what it came with.
/// @param id the release's id
/// @param requestId as the release says
/// @param fromTime as the release says, unix seconds
/// @param timestamp as the release says, unix seconds
/// @param signature where the requester's signature begins in the calldata, 64 bytes
/// @param record where the allocation's record begins in the calldata, 238 bytes
/// @param index of the allocation's record, as it says
/// @param proven whether the path leads from the record to the log
/// @param node where the path leads
/// @param peak where it should lead
/// @param group number of the released word that is at hand
/// @param slot its storage slot; 0 before the first
/// @param word the word itself
struct Freeing {
    bytes32 id;
    bytes32 requestId;
    uint256 fromTime;
    uint256 timestamp;
    uint256 signature;
    uint256 record;
    uint256 index;
    bool proven;
    bytes32 node;
    bytes32 peak;
    uint256 group;
    uint256 slot;
    uint256 word;
}

/// @title FreeingLib: what a release comes with, and the bitmap of what was released
library FreeingLib {
    /// @notice Notes where the signature and the record stand, and the record's index.
    function point(Freeing memory freeing, bytes calldata signatures, bytes calldata bytes_)
        internal
        pure
    {
        uint256 index;
        uint256 signature;
        uint256 record;
        assembly ("memory-safe") {
            signature := signatures.offset
            record := bytes_.offset
            index := shr(192, calldataload(add(record, 22)))
        }
        (freeing.signature, freeing.record, freeing.index) = (signature, record, index);
    }

    /// @notice Whether the allocation of record `index` was released.
    function isSet(mapping(uint256 => uint256) storage released, uint256 index)
        internal
        view
        returns (bool)
    {
        return (released[index >> 8] >> (index & 0xff)) & 1 == 1;
    }

    /// @notice Reads the released word of the allocation, unless the release before in the same batch
    /// has left it there.
    /// @return whether it was released
    function load(Freeing memory freeing, mapping(uint256 => uint256) storage released)
        internal
        view
        returns (bool)
    {
        uint256 index = freeing.index;
        uint256 group = index >> 8;
        if (freeing.slot == 0 || freeing.group != group) {
            uint256 slot;
            uint256 word;
            assembly ("memory-safe") {
                mstore(0x00, group)
                mstore(0x20, released.slot)
                slot := keccak256(0x00, 0x40)
                word := sload(slot)
            }
            (freeing.group, freeing.slot, freeing.word) = (group, slot, word);
        }
        return (freeing.word >> (index & 0xff)) & 1 == 1;
    }

    /// @notice Notes that the allocation is released. *Requirements:* `load` came before.
    function store(Freeing memory freeing) internal {
        uint256 slot = freeing.slot;
        uint256 word = freeing.word | (1 << (freeing.index & 0xff));
        freeing.word = word;
        assembly ("memory-safe") {
            sstore(slot, word)
        }
    }

    /// @notice Whether nothing is wrong with the times of a release: says at once, without a branch,
    /// what rule 4 of docs/protocol.md section 4.4 says part by part.
    /// @dev The allocation is proven, so its own times are in order and nothing overflows.
    /// @param drift how far the timestamp may be from the block's
    function fits(Freeing memory freeing, Claim memory claim, uint256 drift)
        internal
        view
        returns (bool fine)
    {
        uint256 bound = ResourceLib.startOf(claim.resource);
        uint256 slotSeconds = ResourceLib.slotSecondsOf(claim.resource);
        uint256 notice = ResourceLib.noticeSecondsOf(claim.resource);
        assembly ("memory-safe") {
            let from := mload(add(freeing, 0x40))
            let bad :=
                or(lt(from, mload(add(claim, 0x80))), iszero(lt(from, mload(add(claim, 0xa0)))))
            bad := or(bad, mod(sub(from, bound), slotSeconds))
            bad := or(bad, lt(from, add(timestamp(), notice)))
            let late := sub(add(mload(add(freeing, 0x60)), drift), timestamp())
            fine := iszero(or(bad, gt(late, shl(1, drift))))
        }
    }
}
