// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {CalendarLib} from "../../contracts/libraries/CalendarLib.sol";
import {Claim} from "../../contracts/libraries/ClaimLib.sol";
import {RefusalLib} from "../../contracts/libraries/RefusalLib.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice Proves what is said of a request's times and where its window lands in the calendar, for
/// all resources, requests and clocks (docs/protocol.md section 4.2, check 4). `make prove` runs
/// these; to forge they are no tests.
/// @dev z3, because it divides better than the others.
/// @custom:halmos --solver z3
contract PlacingProof {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant SLOTS = 12;
    uint256 private constant DRIFT = 300;

    /// @dev One expression without a branch says what the rules say one after the other. No field of
    /// the request is bounded; the resource is recorded. Before 1970-01-01 00:05 a timestamp could
    /// lie before zero and wrap round.
    function check_fits_IsTheRules(
        uint256 resource,
        uint256 volume,
        uint256 start,
        uint256 end,
        uint256 timestamp,
        uint40 clock
    ) external {
        if (!_isRecorded(resource) || clock < DRIFT) return;
        VM.warp(clock);
        Claim memory claim = _claim(resource, start, end);
        (claim.volume, claim.timestamp) = (volume, timestamp);
        bool fine = volume >= 1 && start < end;
        if (fine) {
            (uint256 code,,) = _rules(resource, start, end);
            fine = code == 0 && start + _slotSeconds(resource) > clock;
        }
        uint256 away = timestamp > clock ? timestamp - clock : clock - timestamp;
        assert(CalendarLib.fits(claim, DRIFT) == (fine && away <= DRIFT));
    }

    /// @dev The rules as they are written down, in their order, with what they got and wanted.
    function check_judge_IsTheRules(uint256 resource, uint64 start, uint64 end) external view {
        if (!_isRecorded(resource) || start >= end) return;
        Claim memory claim = _claim(resource, start, end);
        CalendarLib.fits(claim, DRIFT);
        uint256 code = CalendarLib.judge(claim, start, end);
        (uint256 want, uint256 got, uint256 bound) = _rules(resource, start, end);
        assert(code == want);
        if (code != 0) assert(claim.got == got && claim.want == bound);
    }

    /// @dev Number, count and words, by either of the two that place.
    function check_WhatIsFineIsPlaced(uint256 resource, uint64 start, uint64 end) external view {
        if (!_isRecorded(resource) || start >= end) return;
        (uint256 code,,) = _rules(resource, start, end);
        if (code != 0) return;
        Claim memory placed = _claim(resource, start, end);
        CalendarLib.place(placed, start, end);
        Claim memory fitted = _claim(resource, start, end);
        CalendarLib.fits(fitted, DRIFT);
        uint256 first = (start - _start(resource)) / _slotSeconds(resource);
        assert(placed.firstSlot == first && fitted.firstSlot == first);
        assert(placed.slotCount == (end - start) / _slotSeconds(resource));
        assert(fitted.slotCount == (end - _start(resource)) / _slotSeconds(resource) - first);
        assert(placed.wordCount == _words(first, placed.slotCount));
        assert(fitted.wordCount == _words(first, fitted.slotCount));
    }

    /// @dev Words are as many as lie from that of the first slot to that of the last, counted from
    /// the first one's. More slots than fit into 16 bits are refused.
    function check_WordsAreWhatTheSlotsTouch(uint16 slotCount) external pure {
        if (slotCount == 0) return;
        for (uint256 from = 0; from < SLOTS; ++from) {
            assert(_words(from, slotCount) == (from + slotCount - 1) / SLOTS + 1);
        }
    }

    /// @dev What is true of the first twelve slots is true of all.
    function check_WordsAreAlike(uint40 firstSlot, uint40 slotCount) external pure {
        uint256 from = firstSlot % SLOTS;
        assert(from < SLOTS);
        assert(_words(firstSlot, slotCount) == _words(from, slotCount));
    }

    /// @dev (code, got, want) of the first of the rules 406 to 408 that fails.
    function _rules(uint256 resource, uint256 start, uint256 end)
        private
        pure
        returns (uint256, uint256, uint256)
    {
        uint256 from = _start(resource);
        uint256 slot = _slotSeconds(resource);
        if (start < from) return (RefusalLib.OUTSIDE_RESOURCE_WINDOW, start, from);
        if (end > _end(resource)) return (RefusalLib.OUTSIDE_RESOURCE_WINDOW, end, _end(resource));
        uint256 off = (start - from) % slot;
        if (off != 0) return (RefusalLib.SLOTS_NOT_ALIGNED, start, start - off);
        off = (end - from) % slot;
        if (off != 0) return (RefusalLib.SLOTS_NOT_ALIGNED, end, end - off);
        uint256 first = (start - from) / slot;
        uint256 words = _words(first, (end - from) / slot - first);
        if (words > 16) return (RefusalLib.TOO_MANY_WORDS, words, 16);
        return (0, 0, 0);
    }

    /// @dev The form that the two proofs about words are about.
    function _words(uint256 firstSlot, uint256 slotCount) private pure returns (uint256) {
        unchecked {
            return (firstSlot % SLOTS + slotCount + SLOTS - 1) / SLOTS;
        }
    }

    function _claim(uint256 resource, uint256 start, uint256 end)
        private
        pure
        returns (Claim memory claim)
    {
        (claim.resource, claim.startTime, claim.endTime) = (resource, start, end);
    }

    function _isRecorded(uint256 resource) private pure returns (bool) {
        return _slotSeconds(resource) >= 1 && _start(resource) < _end(resource);
    }

    function _start(uint256 resource) private pure returns (uint256) {
        return uint40(resource >> 200);
    }

    function _end(uint256 resource) private pure returns (uint256) {
        return uint40(resource >> 160);
    }

    function _slotSeconds(uint256 resource) private pure returns (uint256) {
        return uint32(resource >> 128);
    }
}
