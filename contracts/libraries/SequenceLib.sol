// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {RefusalLib} from "./RefusalLib.sol";

/// @title SequenceLib: one word per requester that bars every sequence from being used twice
/// @notice An anti-replay window as in RFC 4303 section 3.4.3; rules in docs/protocol.md section 4.2,
/// the word in section 5.
library SequenceLib {
    /// @dev Width of the bitmap; also how far ahead a sequence may lie, so that nobody burns a key by
    /// signing one that is out of reach of all others.
    uint256 internal constant WINDOW = 128;

    /// @notice Reads a requester's word.
    function load(mapping(address => uint256) storage requesters, uint256 requester)
        internal
        view
        returns (uint256 slot, uint256 word)
    {
        assembly ("memory-safe") {
            mstore(0x00, requester)
            mstore(0x20, requesters.slot)
            slot := keccak256(0x00, 0x40)
            word := sload(slot)
        }
    }

    /// @notice Writes a requester's word.
    function store(uint256 slot, uint256 word) internal {
        assembly ("memory-safe") {
            sstore(slot, word)
        }
    }

    /// @notice Judges a sequence. Refusals name it and the highest seen.
    /// @return code 0 if it may be used
    function judge(uint256 word, uint256 sequence) internal pure returns (uint256 code) {
        unchecked {
            uint256 highest = word >> 192;
            if (sequence > highest) {
                if (sequence - highest > WINDOW) code = RefusalLib.SEQUENCE_OUTSIDE_WINDOW;
            } else {
                uint256 distance = highest - sequence;
                if (sequence == 0 || distance > WINDOW) {
                    code = RefusalLib.SEQUENCE_OUTSIDE_WINDOW;
                }
                // the highest has no bit; bit `distance - 1` of the bitmap stands 64 further up
                else if (distance == 0 || (word >> (63 + distance)) & 1 == 1) {
                    code = RefusalLib.SEQUENCE_ALREADY_USED;
                }
            }
        }
    }

    /// @notice The word after `sequence` was used by the record at `index`.
    /// @dev *Requirements:* `judge` found nothing wrong. Nothing overflows: sequence is a uint64,
    /// and the distance is at most 128.
    function mark(uint256 word, uint256 sequence, uint256 index) internal pure returns (uint256) {
        unchecked {
            uint256 highest = word >> 192;
            uint256 bitmap = (word >> 64) & type(uint128).max;
            if (sequence > highest) {
                uint256 distance = sequence - highest;
                bitmap = ((bitmap << distance) | (1 << (distance - 1))) & type(uint128).max;
                highest = sequence;
            } else {
                bitmap |= 1 << (highest - sequence - 1);
            }
            return (highest << 192) | (bitmap << 64) | index;
        }
    }
}
