// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Claim, ClaimLib} from "./ClaimLib.sol";
import {RefusalLib} from "./RefusalLib.sol";
import {ResourceLib} from "./ResourceLib.sol";

/// @title CalendarLib: used volume of each slot of a resource, 12 slots in a storage word
/// @notice docs/protocol.md sections 4.2 and 5. A word is index 64 | 12 x used 16, the first slot in
/// the most significant lane. Lanes of one word are judged together; `test/unit/Words.t.sol`
/// holds that against one slot at a time.
library CalendarLib {
    using ClaimLib for Claim;

    uint256 internal constant SLOTS_PER_WORD = 12;
    /// @dev A request touches at most so many words: 192 slots. Bounds gas and what must be shown on
    /// mainnet.
    uint256 internal constant MAX_WORDS = 16;
    /// @dev The lanes of a word: all but the index.
    uint256 internal constant LANES = (1 << 192) - 1;
    /// @dev 1 in each of the 12 lanes: multiplied by a volume, that volume in each lane.
    uint256 internal constant ONES = LANES / 0xffff;
    /// @dev Every second lane, so that each has 16 bits of room above it.
    uint256 internal constant EVEN = LANES / 0xffffffff * 0xffff;
    /// @dev The bit above each of these lanes. It survives a subtraction that does not borrow.
    uint256 internal constant GUARD = LANES / 0xffffffff << 16;

    /// @notice `window % slotSeconds`. The EVM divides by zero without complaint: whoever cares
    /// about a slot length of 0 has looked before.
    function rest(uint256 window, uint256 slotSeconds) internal pure returns (uint256 seconds_) {
        assembly ("memory-safe") {
            seconds_ := mod(window, slotSeconds)
        }
    }

    /// @notice Finds the slots of a window in the calendar.
    /// @dev Means nothing for a window outside the resource's. Nothing overflows inside.
    function place(Claim memory claim, uint256 start, uint256 end) internal pure {
        uint256 slotSeconds = ResourceLib.slotSecondsOf(claim.resource);
        uint256 bound = ResourceLib.startOf(claim.resource);
        assembly ("memory-safe") {
            let count := div(sub(end, start), slotSeconds)
            let first := div(sub(start, bound), slotSeconds)
            mstore(add(claim, 0x1a0), first)
            mstore(add(claim, 0x1c0), count)
            // 12 slots in a word
            mstore(add(claim, 0x1e0), div(add(add(mod(first, 12), count), 11), 12))
        }
    }

    /// @notice Whether nothing is wrong with the times of a request, and its volume is not 0; places
    /// it in the calendar. Says at once, without a branch, what `judge` and check 4 say rule by rule.
    /// @dev What wraps round does so only where another rule refuses the request as well.
    /// @param drift how far the timestamp may be from the block's
    function fits(Claim memory claim, uint256 drift) internal view returns (bool fine) {
        uint256 resource = claim.resource;
        uint256 bound = ResourceLib.startOf(resource);
        uint256 last = ResourceLib.endOf(resource);
        uint256 slotSeconds = ResourceLib.slotSecondsOf(resource);
        uint256 maxWords = MAX_WORDS;
        assembly ("memory-safe") {
            let start := mload(add(claim, 0x80))
            let end := mload(add(claim, 0xa0))
            let bad := or(iszero(lt(start, end)), iszero(mload(add(claim, 0x60))))
            bad := or(bad, or(lt(start, bound), gt(end, last)))
            bad := or(bad, iszero(gt(add(start, slotSeconds), timestamp())))
            start := sub(start, bound)
            end := sub(end, bound)
            bad := or(bad, or(mod(start, slotSeconds), mod(end, slotSeconds)))
            start := div(start, slotSeconds)
            end := sub(div(end, slotSeconds), start)
            mstore(add(claim, 0x1a0), start)
            mstore(add(claim, 0x1c0), end)
            // 12 slots in a word
            end := div(add(add(mod(start, 12), end), 11), 12)
            mstore(add(claim, 0x1e0), end)
            bad := or(bad, gt(end, maxWords))
            let late := sub(add(mload(add(claim, 0xc0)), drift), timestamp())
            fine := iszero(or(bad, gt(late, shl(1, drift))))
        }
    }

    /// @notice Judges the slots of a window that `fits` has placed. *Requirements:* the resource is
    /// recorded, `start < end`.
    function judge(Claim memory claim, uint256 start, uint256 end)
        internal
        pure
        returns (uint256 code)
    {
        unchecked {
            uint256 resource = claim.resource;
            uint256 bound = ResourceLib.startOf(resource);
            if (start < bound) {
                code = RefusalLib.OUTSIDE_RESOURCE_WINDOW;
                claim.refuse(start, bound);
            } else if (end > ResourceLib.endOf(resource)) {
                code = RefusalLib.OUTSIDE_RESOURCE_WINDOW;
                claim.refuse(end, ResourceLib.endOf(resource));
            } else {
                code = _judgeGrid(claim, start - bound, end - bound, bound);
            }
        }
    }

    /// @dev Whether both ends, in seconds from the resource's start, are slot boundaries, and the
    /// slots in few enough words.
    function _judgeGrid(Claim memory claim, uint256 start, uint256 end, uint256 bound)
        private
        pure
        returns (uint256 code)
    {
        unchecked {
            uint256 slotSeconds = ResourceLib.slotSecondsOf(claim.resource);
            uint256 startOff = rest(start, slotSeconds);
            uint256 endOff = rest(end, slotSeconds);
            if (startOff | endOff != 0) {
                code = RefusalLib.SLOTS_NOT_ALIGNED;
                if (startOff == 0) (start, startOff) = (end, endOff);
                claim.refuse(bound + start, bound + start - startOff);
            } else if (claim.wordCount > MAX_WORDS) {
                code = RefusalLib.TOO_MANY_WORDS;
                claim.refuse(claim.wordCount, MAX_WORDS);
            }
        }
    }

    /// @notice Reads the words of a claim's slots and adds `asked` to each slot, in memory.
    /// @dev Nothing overflows: slots are numbers of seconds, words of a request at most 16.
    /// @return lacks not 0 if some slot has less free than is asked. Lanes may then have carried
    /// into their neighbours: nothing may be stored
    function touch(mapping(uint256 => uint256) storage calendar, Claim memory claim, uint256 asked)
        internal
        view
        returns (uint256 lacks)
    {
        unchecked {
            uint256 volume = ResourceLib.volumeOf(claim.resource);
            uint256 number = claim.firstSlot / SLOTS_PER_WORD;
            uint256 from = claim.firstSlot % SLOTS_PER_WORD;
            uint256 end = from + claim.slotCount;
            uint256 size = claim.wordCount << 5;
            uint256 item = _allocate(claim, size);
            for (uint256 last = item + size; item < last; item += 0x20) {
                uint256 need = lanesOf(from, end) * asked;
                lacks |= _touchOne(calendar, number, item, size, need, volume);
                ++number;
                from = 0;
                end -= SLOTS_PER_WORD;
            }
        }
    }

    /// @notice Stores the words of a claim, with the index of the record that writes them.
    function store(Claim memory claim, uint256 index) internal {
        uint256 lanes = LANES;
        uint256 item = claim.buffer;
        uint256 size = claim.wordCount << 5;
        assembly ("memory-safe") {
            let head := shl(192, index)
            for { let end := add(item, size) } lt(item, end) { item := add(item, 0x20) } {
                sstore(mload(add(item, size)), or(head, and(mload(item), lanes)))
            }
        }
    }

    /// @notice Takes the claim's volume from each slot, and stores the words, with the index of the
    /// record that does so. No lane borrows: each holds the volume.
    function giveBack(
        mapping(uint256 => uint256) storage calendar,
        Claim memory claim,
        uint256 index
    ) internal {
        unchecked {
            uint256 number = claim.firstSlot / SLOTS_PER_WORD;
            uint256 from = claim.firstSlot % SLOTS_PER_WORD;
            uint256 end = from + claim.slotCount;
            uint256 item = _allocate(claim, claim.wordCount << 5);
            for (uint256 last = number + claim.wordCount; number < last; ++number) {
                _giveBackOne(calendar, number, item, lanesOf(from, end) * claim.volume, index);
                item += 0x20;
                from = 0;
                end -= SLOTS_PER_WORD;
            }
        }
    }

    /// @notice Free volume in the first slot that has less than `asked`; if there is none, in the
    /// fullest slot.
    /// @param words memory address of the words that the claim's slots touch
    /// @dev Nothing overflows: no slot has more used than the volume.
    function freeIn(uint256 words, Claim memory claim) internal pure returns (uint256 least) {
        uint256 volume = ResourceLib.volumeOf(claim.resource);
        uint256 asked = claim.volume;
        uint256 count = claim.slotCount;
        uint256 slot = claim.firstSlot % SLOTS_PER_WORD;
        least = volume;
        assembly ("memory-safe") {
            for { let end := add(slot, count) } lt(slot, end) { slot := add(slot, 1) } {
                let word := mload(add(words, shl(5, div(slot, 12))))
                // the first slot is in the most significant of 12 lanes
                let used := and(shr(sub(176, shl(4, mod(slot, 12))), word), 0xffff)
                if lt(sub(volume, used), least) { least := sub(volume, used) }
                if lt(least, asked) { break }
            }
        }
    }

    /// @notice Used volume of a slot, given its word.
    function usedIn(uint256 word, uint256 slot) internal pure returns (uint256) {
        return (word >> (16 * (SLOTS_PER_WORD - 1 - slot % SLOTS_PER_WORD))) & 0xffff;
    }

    /// @notice Judges all lanes of a word. No sum of lanes is formed: a sum could carry.
    /// @param need lanes with the volume asked, 0 where nothing is asked
    /// @return lacks not 0 if some lane of `need` is more than volume - used
    function lacksIn(uint256 word, uint256 need, uint256 volume)
        internal
        pure
        returns (uint256 lacks)
    {
        unchecked {
            // no lane borrows: what is used of a slot is never above the volume
            uint256 free = ONES * volume - (word & LANES);
            uint256 even = ((free & EVEN) | GUARD) - (need & EVEN);
            uint256 odd = (((free >> 16) & EVEN) | GUARD) - ((need >> 16) & EVEN);
            return (even & odd & GUARD) ^ GUARD;
        }
    }

    /// @notice 1 in the lanes `from` to `end - 1`; `end` may lie beyond the word.
    function lanesOf(uint256 from, uint256 end) internal pure returns (uint256) {
        unchecked {
            return (ONES >> (16 * from)) - (ONES >> (16 * end));
        }
    }

    function _touchOne(
        mapping(uint256 => uint256) storage calendar,
        uint256 wordNumber,
        uint256 item,
        uint256 size,
        uint256 need,
        uint256 volume
    ) private view returns (uint256) {
        uint256 word;
        assembly ("memory-safe") {
            mstore(0x00, wordNumber)
            mstore(0x20, calendar.slot)
            let slot := keccak256(0x00, 0x40)
            word := sload(slot)
            mstore(item, add(word, need))
            mstore(add(item, size), slot)
        }
        return lacksIn(word, need, volume);
    }

    function _giveBackOne(
        mapping(uint256 => uint256) storage calendar,
        uint256 wordNumber,
        uint256 item,
        uint256 freed,
        uint256 index
    ) private {
        uint256 lanes = LANES;
        assembly ("memory-safe") {
            mstore(0x00, wordNumber)
            mstore(0x20, calendar.slot)
            let slot := keccak256(0x00, 0x40)
            let word := sub(sload(slot), freed)
            mstore(item, word)
            sstore(slot, or(shl(192, index), and(word, lanes)))
        }
    }

    /// @dev Room for `size` bytes of items and as many of slots.
    function _allocate(Claim memory claim, uint256 size) private pure returns (uint256 buffer) {
        assembly ("memory-safe") {
            buffer := mload(0x40)
            mstore(0x40, add(buffer, shl(1, size)))
        }
        claim.buffer = buffer;
    }
}
