// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Announcement, Resource} from "../interfaces/IRegistry.sol";
import {MessageLib} from "./MessageLib.sol";

/// @title ResourceLib: the storage word of a resource (docs/protocol.md section 5)
/// @notice volume 16 | start 40 | end 40 | slotSeconds 32 | noticeSeconds 32 | index 64 | flags 32
library ResourceLib {
    uint256 internal constant FLAG_APPROVER = 1;
    uint256 internal constant FLAG_WITHDRAWN = 2;
    /// @dev Times have 40 bits in the word: until the year 36812.
    uint256 internal constant MAX_END_TIME = (1 << 40) - 1;

    /// @notice Packs an announcement recorded at `index`.
    /// @dev *Requirements:* startTime < endTime <= MAX_END_TIME.
    function pack(Announcement calldata announcement, uint256 index)
        internal
        pure
        returns (uint256)
    {
        uint256 flags = MessageLib.approverOf(announcement) == 0 ? 0 : FLAG_APPROVER;
        return flags | (MessageLib.volumeOf(announcement) << 240)
            | (MessageLib.startOf(announcement) << 200) | (MessageLib.endOf(announcement) << 160)
            | (MessageLib.slotSecondsOf(announcement) << 128)
            | (MessageLib.noticeSecondsOf(announcement) << 96) | (index << 32);
    }

    /// @notice Unpacks a word.
    function unpack(uint256 word) internal pure returns (Resource memory) {
        // each cast cuts a field out of the word
        // forge-lint: disable-start(unsafe-typecast)
        return Resource({
            volume: uint16(word >> 240),
            startTime: uint64(startOf(word)),
            endTime: uint64(endOf(word)),
            slotSeconds: uint32(word >> 128),
            noticeSeconds: uint32(word >> 96),
            index: uint64(word >> 32),
            hasApprover: hasApprover(word),
            withdrawn: isWithdrawn(word)
        });
        // forge-lint: disable-end(unsafe-typecast)
    }

    /// @notice Units per slot.
    function volumeOf(uint256 word) internal pure returns (uint256) {
        return word >> 240;
    }

    /// @notice Start of the first slot, unix seconds.
    function startOf(uint256 word) internal pure returns (uint256) {
        return (word >> 200) & type(uint40).max;
    }

    /// @notice End of the last slot, unix seconds.
    function endOf(uint256 word) internal pure returns (uint256) {
        return (word >> 160) & type(uint40).max;
    }

    /// @notice Length of a slot in seconds.
    function slotSecondsOf(uint256 word) internal pure returns (uint256) {
        return (word >> 128) & type(uint32).max;
    }

    /// @notice How long before a slot starts it can still be released, in seconds.
    function noticeSecondsOf(uint256 word) internal pure returns (uint256) {
        return (word >> 96) & type(uint32).max;
    }

    /// @notice Index of the announcement's record; 0 if it is not recorded.
    function indexOf(uint256 word) internal pure returns (uint256) {
        return (word >> 32) & type(uint64).max;
    }

    /// @notice Whether the resource is recorded and not withdrawn. One jump where `&&` takes two.
    function isOpen(uint256 word) internal pure returns (bool open) {
        uint256 index = indexOf(word);
        uint256 withdrawn = FLAG_WITHDRAWN;
        assembly ("memory-safe") {
            open := gt(iszero(and(word, withdrawn)), iszero(index))
        }
    }

    /// @notice Whether a request needs a second signature.
    function hasApprover(uint256 word) internal pure returns (bool) {
        return word & FLAG_APPROVER != 0;
    }

    /// @notice Whether the resource takes no requests any more.
    function isWithdrawn(uint256 word) internal pure returns (bool) {
        return word & FLAG_WITHDRAWN != 0;
    }
}
