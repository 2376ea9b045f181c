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

    /// @notice Judges a sequence. Also when it is fine, the answer names it and the highest seen.
    function judge(uint256 word, uint256 sequence)
        internal
        pure
        returns (uint256 code, uint256 got, uint256 want)
    {
        uint256 highest = word >> 192;
        if (!_isInside(highest, sequence)) code = RefusalLib.SEQUENCE_OUTSIDE_WINDOW;
        else if (_isUsed(word, highest, sequence)) code = RefusalLib.SEQUENCE_ALREADY_USED;
        return (code, sequence, highest);
    }

    /// @notice The word after `sequence` was used by the record at `index`.
    /// @dev *Requirements:* `judge` found nothing wrong. Nothing overflows: sequence is a uint64,
    /// and the distance is at most 128.
    function mark(uint256 word, uint256 sequence, uint256 index) internal pure returns (uint256) {
        unchecked {
            uint256 highest = word >> 192;
            uint256 bitmap = uint128(word >> 64);
            if (sequence > highest) {
                uint256 distance = sequence - highest;
                bitmap = uint128((bitmap << distance) | (1 << (distance - 1)));
                highest = sequence;
            } else {
                bitmap |= 1 << (highest - sequence - 1);
            }
            return (highest << 192) | (bitmap << 64) | index;
        }
    }

    function _isInside(uint256 highest, uint256 sequence) private pure returns (bool) {
        unchecked {
            if (sequence > highest) return sequence - highest <= WINDOW;
            return sequence != 0 && highest - sequence <= WINDOW;
        }
    }

    /// @dev *Requirements:* the sequence is inside the window.
    function _isUsed(uint256 word, uint256 highest, uint256 sequence) private pure returns (bool) {
        unchecked {
            if (sequence > highest) return false;
            if (sequence == highest) return true;
            return (word >> (64 + highest - sequence - 1)) & 1 == 1;
        }
    }
}
