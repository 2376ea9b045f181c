// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {RefusalLib} from "../../contracts/libraries/RefusalLib.sol";
import {SequenceLib} from "../../contracts/libraries/SequenceLib.sol";

/// @notice Proves the anti-replay window for all words and sequences (docs/protocol.md sections 4.2
/// and 5). `make prove` runs these; to forge they are no tests.
contract SequenceProof {
    /// @dev The rule as it is written down: at most 128 away from the highest, not 0, not seen.
    function check_judge_IsTheRule(uint256 word, uint64 sequence) external pure {
        uint256 highest = word >> 192;
        uint256 away = sequence > highest ? sequence - highest : highest - sequence;
        uint256 want = 0;
        if (sequence == 0 || away > 128) want = RefusalLib.SEQUENCE_OUTSIDE_WINDOW;
        else if (_isSeen(word, sequence)) want = RefusalLib.SEQUENCE_ALREADY_USED;
        assert(SequenceLib.judge(word, sequence) == want);
    }

    /// @dev Exactly one is marked: any other sequence that the new window reaches is seen if and only
    /// if it was. What lay above the highest was not.
    function check_mark_MarksExactlyOne(uint256 word, uint64 sequence, uint64 index, uint64 other)
        external
        pure
    {
        if (SequenceLib.judge(word, sequence) != 0) return;
        uint256 afterwards = SequenceLib.mark(word, sequence, index);
        uint256 highest = afterwards >> 192;
        if (other > highest || highest - other > 128) return;
        bool was = other <= word >> 192 && _isSeen(word, other);
        assert(_isSeen(afterwards, other) == (was || other == sequence));
    }

    /// @dev The other two fields of the word.
    function check_mark_KeepsHighestAndIndex(uint256 word, uint64 sequence, uint64 index)
        external
        pure
    {
        if (SequenceLib.judge(word, sequence) != 0) return;
        uint256 afterwards = SequenceLib.mark(word, sequence, index);
        uint256 before = word >> 192;
        assert(afterwards >> 192 == (sequence > before ? sequence : before));
        assert(uint64(afterwards) == index);
    }

    /// @dev With the next one, by induction: never again, whatever follows.
    function check_NothingIsTakenTwice(uint256 word, uint64 sequence, uint64 index) external pure {
        if (SequenceLib.judge(word, sequence) != 0) return;
        assert(_isSpent(SequenceLib.mark(word, sequence, index), sequence));
    }

    /// @dev What is used or has fallen out of the window stays so when another is used.
    function check_WhatIsSpentStaysSpent(uint256 word, uint64 spent, uint64 next, uint64 index)
        external
        pure
    {
        if (!_isSpent(word, spent) || SequenceLib.judge(word, next) != 0) return;
        assert(_isSpent(SequenceLib.mark(word, next, index), spent));
    }

    /// @dev Nobody locks himself out: the sequence after the highest is always fine.
    function check_TheNextIsAlwaysTaken(uint256 word) external pure {
        uint256 highest = word >> 192;
        if (highest == type(uint64).max) return;
        assert(SequenceLib.judge(word, highest + 1) == 0);
    }

    /// @dev Refused, and not because it lies ahead.
    function _isSpent(uint256 word, uint256 sequence) private pure returns (bool) {
        return sequence <= word >> 192 && SequenceLib.judge(word, sequence) != 0;
    }

    /// @dev Bit j of the bitmap stands for highest - 1 - j. Within the window only.
    function _isSeen(uint256 word, uint256 sequence) private pure returns (bool) {
        uint256 highest = word >> 192;
        if (sequence > highest) return false;
        if (sequence == highest) return true;
        uint128 bitmap = uint128(word >> 64);
        return bitmap & (uint128(1) << uint128(highest - 1 - sequence)) != 0;
    }
}
