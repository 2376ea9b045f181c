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
    function selectorOf(uint256 code) internal pure returns (bytes4) {
        if (code < 100) return _decodeSelector(code);
        if (code < 200) return _signatureSelector(code);
        if (code < 300) return _resourceSelector(code);
        if (code < 400) return _duplicateSelector(code);
        if (code <= END_TIME_TOO_LATE) return _announcementSelector(code);
        if (code < 500) return _windowSelector(code);
        return IRegistry.CapacityExceeded.selector;
    }

    function _decodeSelector(uint256 code) private pure returns (bytes4) {
        if (code == SIGNATURES_LENGTH_INVALID) return IRegistry.SignaturesLengthInvalid.selector;
        if (code == RECORD_LENGTH_INVALID) return IRegistry.RecordLengthInvalid.selector;
        return IRegistry.RecordNotAllocation.selector;
    }

    function _signatureSelector(uint256 code) private pure returns (bytes4) {
        if (code == REQUESTER_SIGNATURE_INVALID) {
            return IRegistry.RequesterSignatureInvalid.selector;
        }
        if (code == SIGNATURE_COUNT_INVALID) return IRegistry.SignatureCountInvalid.selector;
        return IRegistry.ApproverSignatureInvalid.selector;
    }

    function _resourceSelector(uint256 code) private pure returns (bytes4) {
        if (code == PROVIDER_SIGNATURE_INVALID) return IRegistry.ProviderSignatureInvalid.selector;
        if (code == RESOURCE_UNKNOWN) return IRegistry.ResourceUnknown.selector;
        if (code == RESOURCE_WITHDRAWN) return IRegistry.ResourceWithdrawn.selector;
        if (code == ANNOUNCEMENT_MISMATCH) return IRegistry.AnnouncementMismatch.selector;
        if (code == ALLOCATION_MISMATCH) return IRegistry.AllocationMismatch.selector;
        return IRegistry.AllocationUnproven.selector;
    }

    function _duplicateSelector(uint256 code) private pure returns (bytes4) {
        if (code == RESOURCE_ALREADY_RECORDED) return IRegistry.ResourceAlreadyRecorded.selector;
        if (code == SEQUENCE_OUTSIDE_WINDOW) return IRegistry.SequenceOutsideWindow.selector;
        if (code == SEQUENCE_ALREADY_USED) return IRegistry.SequenceAlreadyUsed.selector;
        return IRegistry.AllocationAlreadyReleased.selector;
    }

    function _announcementSelector(uint256 code) private pure returns (bytes4) {
        if (code == VOLUME_TOO_SMALL) return IRegistry.VolumeTooSmall.selector;
        if (code == WINDOW_EMPTY) return IRegistry.WindowEmpty.selector;
        if (code == SLOT_TOO_SHORT) return IRegistry.SlotTooShort.selector;
        if (code == WINDOW_NOT_WHOLE_SLOTS) return IRegistry.WindowNotWholeSlots.selector;
        return IRegistry.EndTimeTooLate.selector;
    }

    function _windowSelector(uint256 code) private pure returns (bytes4) {
        if (code == OUTSIDE_RESOURCE_WINDOW) return IRegistry.OutsideResourceWindow.selector;
        if (code == SLOTS_NOT_ALIGNED) return IRegistry.SlotsNotAligned.selector;
        if (code == TOO_MANY_WORDS) return IRegistry.TooManyWords.selector;
        if (code == FIRST_SLOT_ENDED) return IRegistry.FirstSlotEnded.selector;
        if (code == TIMESTAMP_OUTSIDE_DRIFT) return IRegistry.TimestampOutsideDrift.selector;
        if (code == RELEASE_OUTSIDE_ALLOCATION) return IRegistry.ReleaseOutsideAllocation.selector;
        return IRegistry.NoticeTooShort.selector;
    }
}
