// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {CalendarLib} from "../../contracts/libraries/CalendarLib.sol";

/// @notice Proves what is done to twelve slots at once, for all words and volumes
/// (docs/protocol.md sections 4.2, 4.4 and 5). `make prove` runs these; to forge they are no tests.
/// @dev Carries and borrows would run through all lanes, which no solver sees through at once. So
/// each proof first walks up from the last lane and asserts that none has come out of the lanes
/// below: an assertion that is proven holds for those after it.
/// @custom:halmos --solver z3
contract CalendarProof {
    uint256 private constant SLOTS = 12;

    /// @dev Judging a word is judging its lanes one by one.
    function check_lacksIn_IsTwelveLanes(uint256 word, uint192 need, uint16 volume) external pure {
        if (!_holds(word, volume)) return;
        uint256 free = _proveLanesOfFree(word, volume);
        // even lanes stand second, fourth and so on: slots 1, 3, 5, 7, 9, 11
        _proveGuards(free, need, word, volume, 1);
        _proveGuards(free >> 16, need >> 16, word, volume, 0);
        bool lacks = false;
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            lacks = _or(lacks, _lacks(word, need, volume, slot));
        }
        assert((CalendarLib.lacksIn(word, need, volume) != 0) == lacks);
    }

    /// @dev What fits is added to each lane and stays in it: no lane is over the volume afterwards,
    /// and the index is what it was.
    function check_WhatFitsIsAddedLaneByLane(uint256 word, uint192 need, uint16 volume)
        external
        pure
    {
        bool fits = _holds(word, volume);
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            bool lacks = _lacks(word, need, volume, slot);
            fits = _and(fits, !lacks);
        }
        if (!fits) return;
        uint256 sum;
        unchecked {
            sum = word + need;
        }
        for (uint256 lanes = 1; lanes <= SLOTS; ++lanes) {
            assert(_last(need, lanes) <= _last(~word, lanes));
        }
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            uint256 used = _lane(word, slot);
            unchecked {
                assert(_lane(sum, slot) == used + _lane(need, slot));
            }
            assert(_lane(sum, slot) <= volume);
        }
        assert(sum >> 192 == word >> 192);
    }

    /// @dev What is held is taken out of each lane; the index is what it was.
    function check_WhatIsHeldIsSubtractedLaneByLane(uint256 word, uint192 freed) external pure {
        bool holds = true;
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            holds = _and(holds, _lane(freed, slot) <= _lane(word, slot));
        }
        if (!holds) return;
        uint256 afterwards = _minus(word, freed);
        for (uint256 lanes = 1; lanes <= SLOTS; ++lanes) {
            assert(_last(freed, lanes) <= _last(word, lanes));
        }
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            assert(_lane(afterwards, slot) == _minus(_lane(word, slot), _lane(freed, slot)));
        }
        assert(afterwards >> 192 == word >> 192);
    }

    /// @dev 1 in each lane from `from` to `end - 1`, also where the window goes on in the next word.
    function check_lanesOf_AreThoseOfTheWindow(uint256 from, uint256 end) external pure {
        if (from >= SLOTS || end <= from || end > 16 * SLOTS) return;
        uint256 lanes = CalendarLib.lanesOf(from, end);
        assert(lanes >> 192 == 0);
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            assert((_lane(lanes, slot) == 1) == _and(from <= slot, slot < end));
            assert(_lane(lanes, slot) <= 1);
        }
    }

    /// @dev A window's lanes times a volume are that volume in each of them, and nothing elsewhere.
    /// For each of the 78 windows of a word.
    function check_VolumeIsInEachLaneOfTheWindow(uint16 volume) external pure {
        for (uint256 from = 0; from < SLOTS; ++from) {
            for (uint256 end = from + 1; end <= SLOTS; ++end) {
                uint256 lanes = CalendarLib.lanesOf(from, end);
                uint256 need = _times(lanes, volume);
                bool right = need >> 192 == 0;
                for (uint256 slot = 0; slot < SLOTS; ++slot) {
                    uint256 want = from <= slot && slot < end ? volume : 0;
                    right = _and(right, _lane(need, slot) == want);
                }
                assert(right);
            }
        }
    }

    /// @dev Used volume of one slot, as everybody else reads it.
    function check_usedIn_IsTheLane(uint256 word, uint256 slot) external pure {
        if (slot >= 1 << 40) return;
        uint256 used = CalendarLib.usedIn(word, slot);
        uint256 want = 0;
        for (uint256 i = 0; i < SLOTS; ++i) {
            if (slot % SLOTS == i) want = _lane(word, i);
        }
        assert(used == want);
    }

    /* STEPS */

    /// @dev Free volume stands in each lane of one subtraction.
    function _proveLanesOfFree(uint256 word, uint256 volume) private pure returns (uint256 free) {
        uint256 all = _times(CalendarLib.ONES, volume);
        free = _minus(all, word & CalendarLib.LANES);
        for (uint256 lanes = 1; lanes <= SLOTS; ++lanes) {
            assert(_last(word, lanes) <= _last(all, lanes));
        }
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            assert(_lane(free, slot) == _minus(volume, _lane(word, slot)));
        }
    }

    /// @dev The bit above every second lane survives if and only if that lane does not lack.
    function _proveGuards(uint256 free, uint256 need, uint256 word, uint256 volume, uint256 from)
        private
        pure
    {
        uint256 even = CalendarLib.EVEN;
        uint256 left = _minus((free & even) | CalendarLib.GUARD, need & even);
        for (uint256 pair = 0; pair < SLOTS / 2; ++pair) {
            bool guard = (left >> (176 - 32 * pair)) & 1 == 1;
            uint256 needed = _lane(need, 2 * pair + 1);
            assert(guard != (needed > _minus(volume, _lane(word, 2 * pair + from))));
        }
    }

    /* WORDS, without jumps: a prover follows both sides of each */

    /// @dev Whether no lane of `word` is over the volume.
    function _holds(uint256 word, uint256 volume) private pure returns (bool holds) {
        holds = true;
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            holds = _and(holds, _lane(word, slot) <= volume);
        }
    }

    /// @dev Whether less is free in a slot than is needed.
    function _lacks(uint256 word, uint256 need, uint256 volume, uint256 slot)
        private
        pure
        returns (bool)
    {
        return _lane(need, slot) > _minus(volume, _lane(word, slot));
    }

    /// @dev Slot 0 stands in the most significant lane, below the index.
    function _lane(uint256 word, uint256 slot) private pure returns (uint256) {
        return uint16(word >> (16 * (11 - slot)));
    }

    /// @dev The last `lanes` lanes.
    function _last(uint256 word, uint256 lanes) private pure returns (uint256) {
        return word & ((1 << (16 * lanes)) - 1);
    }

    function _minus(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            return a - b;
        }
    }

    function _times(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            return a * b;
        }
    }

    function _and(bool a, bool b) private pure returns (bool both) {
        assembly {
            both := and(a, b)
        }
    }

    function _or(bool a, bool b) private pure returns (bool either) {
        assembly {
            either := or(a, b)
        }
    }
}
