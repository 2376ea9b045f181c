// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IRegistry, Refusal} from "../interfaces/IRegistry.sol";

/// @title RefusalLib: the codes of docs/protocol.md section 15 and the error that goes with each
/// @dev A refusal travels as three words on the stack, (code, got, want); code 0 refuses nothing.
library RefusalLib {
    uint256 internal constant SIGNATURES_LENGTH_INVALID = 1;
    uint256 internal constant RECORD_LENGTH_INVALID = 2;
    uint256 internal constant RECORD_NOT_ALLOCATION = 3;
    uint256 internal constant REQUESTER_SIGNATURE_INVALID = 101;
    uint256 internal constant SIGNATURE_COUNT_INVALID = 102;
    uint256 internal constant APPROVER_SIGNATURE_INVALID = 103;
    uint256 internal constant PROVIDER_SIGNATURE_INVALID = 201;
    uint256 internal constant RESOURCE_UNKNOWN = 202;
    uint256 internal constant RESOURCE_WITHDRAWN = 203;
    uint256 internal constant ANNOUNCEMENT_MISMATCH = 205;
    uint256 internal constant ALLOCATION_MISMATCH = 206;
    uint256 internal constant ALLOCATION_UNPROVEN = 207;
    uint256 internal constant RESOURCE_ALREADY_RECORDED = 301;
    uint256 internal constant SEQUENCE_OUTSIDE_WINDOW = 302;
    uint256 internal constant SEQUENCE_ALREADY_USED = 303;
    uint256 internal constant ALLOCATION_ALREADY_RELEASED = 304;
    uint256 internal constant VOLUME_TOO_SMALL = 401;
    uint256 internal constant WINDOW_EMPTY = 402;
    uint256 internal constant SLOT_TOO_SHORT = 403;
    uint256 internal constant WINDOW_NOT_WHOLE_SLOTS = 404;
    uint256 internal constant END_TIME_TOO_LATE = 405;
    uint256 internal constant OUTSIDE_RESOURCE_WINDOW = 406;
    uint256 internal constant SLOTS_NOT_ALIGNED = 407;
    uint256 internal constant TOO_MANY_WORDS = 408;
    uint256 internal constant FIRST_SLOT_ENDED = 409;
    uint256 internal constant TIMESTAMP_OUTSIDE_DRIFT = 410;
    uint256 internal constant RELEASE_OUTSIDE_ALLOCATION = 411;
    uint256 internal constant NOTICE_TOO_SHORT = 412;
    uint256 internal constant CAPACITY_EXCEEDED = 501;

    /// @dev The errors' selectors in the order of their codes, eight in a row.
    uint256 private constant FIRST_ROW =
        (uint256(uint32(IRegistry.SignaturesLengthInvalid.selector)) << 224)
            | (uint256(uint32(IRegistry.RecordLengthInvalid.selector)) << 192)
            | (uint256(uint32(IRegistry.RecordNotAllocation.selector)) << 160)
            | (uint256(uint32(IRegistry.RequesterSignatureInvalid.selector)) << 128)
            | (uint256(uint32(IRegistry.SignatureCountInvalid.selector)) << 96)
            | (uint256(uint32(IRegistry.ApproverSignatureInvalid.selector)) << 64)
            | (uint256(uint32(IRegistry.ProviderSignatureInvalid.selector)) << 32)
            | (uint256(uint32(IRegistry.ResourceUnknown.selector)));
    uint256 private constant SECOND_ROW =
        (uint256(uint32(IRegistry.ResourceWithdrawn.selector)) << 224)
            | (uint256(uint32(IRegistry.AnnouncementMismatch.selector)) << 160)
            | (uint256(uint32(IRegistry.AllocationMismatch.selector)) << 128)
            | (uint256(uint32(IRegistry.AllocationUnproven.selector)) << 96)
            | (uint256(uint32(IRegistry.ResourceAlreadyRecorded.selector)) << 64)
            | (uint256(uint32(IRegistry.SequenceOutsideWindow.selector)) << 32)
            | (uint256(uint32(IRegistry.SequenceAlreadyUsed.selector)));
    uint256 private constant THIRD_ROW =
        (uint256(uint32(IRegistry.AllocationAlreadyReleased.selector)) << 224)
            | (uint256(uint32(IRegistry.VolumeTooSmall.selector)) << 192)
            | (uint256(uint32(IRegistry.WindowEmpty.selector)) << 160)
            | (uint256(uint32(IRegistry.SlotTooShort.selector)) << 128)
            | (uint256(uint32(IRegistry.WindowNotWholeSlots.selector)) << 96)
            | (uint256(uint32(IRegistry.EndTimeTooLate.selector)) << 64)
            | (uint256(uint32(IRegistry.OutsideResourceWindow.selector)) << 32)
            | (uint256(uint32(IRegistry.SlotsNotAligned.selector)));
    uint256 private constant FOURTH_ROW = (uint256(uint32(IRegistry.TooManyWords.selector)) << 224)
        | (uint256(uint32(IRegistry.FirstSlotEnded.selector)) << 192)
        | (uint256(uint32(IRegistry.TimestampOutsideDrift.selector)) << 160)
        | (uint256(uint32(IRegistry.ReleaseOutsideAllocation.selector)) << 128)
        | (uint256(uint32(IRegistry.NoticeTooShort.selector)) << 96)
        | (uint256(uint32(IRegistry.CapacityExceeded.selector)) << 64);

    /// @notice Reverts with the error of a code. Each takes got and want, one word each.
    function revertWith(uint256 code, uint256 got, uint256 want) internal pure {
        bytes4 selector = selectorOf(code);
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, selector)
            mstore(add(m, 4), got)
            mstore(add(m, 36), want)
            revert(m, 68)
        }
    }

    /// @notice The refusal as events and `check` carry it.
    function toRefusal(uint256 code, uint256 got, uint256 want)
        internal
        pure
        returns (Refusal memory)
    {
        // codes have three digits
        // forge-lint: disable-next-line(unsafe-typecast)
        return Refusal(uint16(code), got, want);
    }

    /// @notice Selector of the error of a code.
    /// @dev A table: thirty branches would take six times the room in the contract's code.
    function selectorOf(uint256 code) internal pure returns (bytes4) {
        unchecked {
            // how many codes stand before those of the same hundred
            uint256 before = (0x1d110d060300 >> (8 * (code / 100))) & 0xff;
            uint256 place = before + code % 100 - 1;
            uint256 row = FIRST_ROW;
            if (place >= 8) row = SECOND_ROW;
            if (place >= 16) row = THIRD_ROW;
            if (place >= 24) row = FOURTH_ROW;
            return bytes4(bytes32(row << (32 * (place % 8))));
        }
    }
}
