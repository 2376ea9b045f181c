// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {CalendarLib} from "../../contracts/libraries/CalendarLib.sol";
import {Claim} from "../../contracts/libraries/ClaimLib.sol";
import {Test} from "forge-std/Test.sol";

/// @notice What a request asks of a resource; times count from the same moment.
struct Window {
    uint40 resourceStart;
    uint8 slotSeconds;
    uint16 slots;
    uint256 volume;
    uint256 start;
    uint256 end;
    uint256 timestamp;
    uint256 now_;
}

/// @notice `CalendarLib.fits` says in one go what docs/protocol.md section 4.2 says rule by rule.
contract CalendarFitsTest is Test {
    uint256 private constant DRIFT = 300;

    /// @dev Near the edges: each rule breaks about every other time.
    function testFuzz_fits_SaysWhatTheRulesSay(Window memory window, uint256 seed) public {
        window.slotSeconds = uint8(bound(window.slotSeconds, 1, 5));
        window.slots = uint16(bound(window.slots, 1, 250));
        window.resourceStart = uint40(bound(window.resourceStart, 1000, 2 ** 39));
        window.volume = seed % 7 == 0 ? 0 : seed % 70_000;
        uint256 first = (seed >> 32) % window.slots;
        uint256 count = (seed >> 64) % 220;
        window.start = window.resourceStart + first * window.slotSeconds;
        window.end = window.start + count * window.slotSeconds;
        if ((seed >> 96) % 8 == 0) --window.start;
        if ((seed >> 97) % 8 == 1) ++window.end;
        if ((seed >> 98) % 8 == 2) ++window.start;
        window.now_ = window.start + (seed >> 128) % 10 - 3;
        window.timestamp = window.now_ + (seed >> 160) % 640 - 320;
        _assertFits(window);
    }

    /// @dev Any words, also those that no type could hold.
    function testFuzz_fits_NeverTakesWhatWrapsRound(Window memory window) public {
        window.slotSeconds = uint8(bound(window.slotSeconds, 1, 255));
        window.resourceStart = uint40(bound(window.resourceStart, 0, 2 ** 39));
        window.now_ = bound(window.now_, DRIFT, 2 ** 64 - 1);
        _assertFits(window);
    }

    function _assertFits(Window memory window) private {
        vm.warp(window.now_);
        Claim memory claim;
        uint256 resourceEnd =
            uint256(window.resourceStart) + uint256(window.slots) * window.slotSeconds;
        claim.resource = (uint256(window.resourceStart) << 200) | (resourceEnd << 160)
            | (uint256(window.slotSeconds) << 128);
        (claim.volume, claim.startTime, claim.endTime, claim.timestamp) =
        (window.volume, window.start, window.end, window.timestamp);
        bool fine = _obeys(window, resourceEnd);
        assertEq(CalendarLib.fits(claim, DRIFT), fine, "fits");
        if (!fine) return;
        uint256 first = (window.start - window.resourceStart) / window.slotSeconds;
        uint256 last = (window.end - window.resourceStart) / window.slotSeconds - 1;
        assertEq(claim.firstSlot, first, "first slot");
        assertEq(claim.slotCount, last - first + 1, "slots");
        assertEq(claim.wordCount, last / 12 - first / 12 + 1, "words");
    }

    function _obeys(Window memory window, uint256 resourceEnd) private pure returns (bool) {
        if (window.volume == 0) return false;
        if (window.start >= window.end) return false;
        if (window.start < window.resourceStart || window.end > resourceEnd) return false;
        uint256 first = window.start - window.resourceStart;
        uint256 end = window.end - window.resourceStart;
        if (first % window.slotSeconds != 0 || end % window.slotSeconds != 0) return false;
        uint256 lastSlot = end / window.slotSeconds - 1;
        if (lastSlot / 12 - first / window.slotSeconds / 12 + 1 > 16) return false;
        if (window.start + window.slotSeconds <= window.now_) return false;
        if (window.timestamp > window.now_) return window.timestamp - window.now_ <= DRIFT;
        return window.now_ - window.timestamp <= DRIFT;
    }
}
