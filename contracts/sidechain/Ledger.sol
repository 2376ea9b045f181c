// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, IRegistry, Refusal, Request} from "../interfaces/IRegistry.sol";
import {CalendarLib, Claim} from "../libraries/CalendarLib.sol";
import {EventLib} from "../libraries/EventLib.sol";
import {Log} from "../libraries/LogLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {RecordLib} from "../libraries/RecordLib.sol";
import {RefusalLib} from "../libraries/RefusalLib.sol";
import {ResourceLib} from "../libraries/ResourceLib.sol";
import {SequenceLib} from "../libraries/SequenceLib.sol";
import {SignatureLib} from "../libraries/SignatureLib.sol";

/// @title Ledger: the state of the registry, the checks, and what an accepted message changes
/// @notice docs/protocol.md sections 4 to 6.
/// @dev Each of the five checks is one function that answers (code, got, want) on the stack. A
/// single item reverts with the answer, a batch emits it, `check` returns it: nothing judges twice.
abstract contract Ledger is IRegistry {
    /// @dev Clocks of requesters may be off by so many seconds; an older request has lapsed.
    uint256 internal constant MAX_DRIFT = 300;

    /* IMMUTABLES */

    /// @inheritdoc IRegistry
    bytes32 public immutable override domainSeparator;
    bytes32 internal immutable _networkId;

    /* STORAGE: the slots are part of the protocol (docs/protocol.md section 5) */

    // slots 0 to 64
    Log internal _log;
    // slot 65
    mapping(bytes32 resourceId => uint256 word) internal _resources;
    // slot 66
    mapping(bytes32 resourceId => address approver) internal _approvers;
    // slot 67
    mapping(bytes32 resourceId => mapping(uint256 number => uint256 word)) internal _calendars;
    // slot 68
    mapping(address requester => uint256 word) internal _requesters;
    // slot 69: which allocations were released; empty, this version takes no releases
    mapping(uint256 group => uint256 bitmap) internal _released;
    // slot 70
    mapping(uint8 kind => address writer) internal _writers;

    /* IDS */

    /// @inheritdoc IRegistry
    function announcementId(Announcement calldata announcement) public view returns (bytes32) {
        return MessageLib.digestOf(domainSeparator, MessageLib.hashOf(announcement));
    }

    /// @inheritdoc IRegistry
    function requestId(Request calldata message) public view returns (bytes32) {
        return MessageLib.digestOf(domainSeparator, MessageLib.hashOf(message));
    }

    /* ANNOUNCEMENTS (docs/protocol.md section 4.1) */

    function _judgeAnnouncement(
        bytes32 id,
        Announcement calldata message,
        bytes calldata signatures
    ) internal view returns (uint256 code, uint256 got, uint256 want) {
        (code, got, want) = _checkProvider(id, message, signatures);
        if (code != 0) return (code, got, want);
        uint256 word = _resources[id];
        uint256 index = ResourceLib.indexOf(word);
        if (index != 0) return (RefusalLib.RESOURCE_ALREADY_RECORDED, uint256(id), index);
        if (word != 0) return (RefusalLib.RESOURCE_WITHDRAWN, uint256(id), 0);
        return _checkOffer(message);
    }

    /// @dev Check 2, made once for all requests of the resource.
    function _checkProvider(bytes32 id, Announcement calldata message, bytes calldata signatures)
        internal
        view
        virtual
        returns (uint256 code, uint256 got, uint256 want)
    {
        if (signatures.length != SignatureLib.LENGTH) {
            return (RefusalLib.SIGNATURES_LENGTH_INVALID, signatures.length, SignatureLib.LENGTH);
        }
        (got, want) = (SignatureLib.recover(id, signatures, 0), uint256(uint160(message.provider)));
        if (got == 0 || got != want) return (RefusalLib.PROVIDER_SIGNATURE_INVALID, got, want);
        address approver = message.approver;
        if (approver != address(0)) {
            return (RefusalLib.APPROVER_UNSUPPORTED, uint256(uint160(approver)), 0);
        }
    }

    function _checkOffer(Announcement calldata message)
        private
        pure
        returns (uint256 code, uint256 got, uint256 want)
    {
        if (message.volume == 0) return (RefusalLib.VOLUME_TOO_SMALL, 0, 1);
        (uint256 start, uint256 end) = (message.startTime, message.endTime);
        if (start >= end) return (RefusalLib.WINDOW_EMPTY, start, end);
        uint256 slotSeconds = message.slotSeconds;
        if (slotSeconds == 0) return (RefusalLib.SLOT_TOO_SHORT, 0, 1);
        unchecked {
            if ((end - start) % slotSeconds != 0) {
                return (RefusalLib.WINDOW_NOT_WHOLE_SLOTS, end - start, slotSeconds);
            }
        }
        if (end > ResourceLib.MAX_END_TIME) {
            return (RefusalLib.END_TIME_TOO_LATE, end, ResourceLib.MAX_END_TIME);
        }
    }

    function _recordAnnouncement(
        bytes32 id,
        Announcement calldata message,
        bytes calldata signatures,
        uint256 index
    ) internal returns (bytes32 leaf) {
        _resources[id] = ResourceLib.pack(message, index);
        EventLib.resourceAnnounced(id, index, message, signatures);
        return RecordLib.announcementLeaf(message, index, SignatureLib.evidenceOf(signatures));
    }

    /* REQUESTS: the five checks (docs/protocol.md section 4.2) */

    function _claimOf(Request calldata message) internal view returns (Claim memory claim) {
        claim.id = requestId(message);
        uint256 resource = _resourceWord(message.resourceId);
        claim.resource = resource;
        claim.requester = _requesters[message.requester];
        (claim.firstSlot, claim.slotCount) =
            CalendarLib.slotsOf(resource, message.startTime, message.endTime);
    }

    function _judgeRequest(Claim memory claim, Request calldata message, bytes calldata signatures)
        internal
        view
        returns (uint256 code, uint256 got, uint256 want)
    {
        (code, got, want) = _checkRequester(claim, message, signatures);
        if (code != 0) return (code, got, want);
        (code, got, want) = _checkResource(claim, message);
        if (code != 0) return (code, got, want);
        (code, got, want) = _checkSequence(claim, message);
        if (code != 0) return (code, got, want);
        (code, got, want) = _checkWindow(claim, message);
        if (code != 0) return (code, got, want);
        _touch(claim, message);
        return _checkCapacity(claim, message);
    }

    /// @dev Storage word of a resource.
    function _resourceWord(bytes32 resourceId) internal view virtual returns (uint256) {
        return _resources[resourceId];
    }

    /// @dev Check 1: the requester signed, and the approver if the resource has one.
    function _checkRequester(
        Claim memory claim,
        Request calldata message,
        bytes calldata signatures
    ) internal view virtual returns (uint256 code, uint256 got, uint256 want) {
        uint256 length = signatures.length;
        if (length != SignatureLib.LENGTH && length != 2 * SignatureLib.LENGTH) {
            return (RefusalLib.SIGNATURES_LENGTH_INVALID, length, SignatureLib.LENGTH);
        }
        (got, want) =
        (SignatureLib.recover(claim.id, signatures, 0), uint256(uint160(message.requester)));
        if (got == 0 || got != want) return (RefusalLib.REQUESTER_SIGNATURE_INVALID, got, want);
        bool approved = ResourceLib.hasApprover(claim.resource);
        if (!approved && length == SignatureLib.LENGTH) return (0, got, want);
        if (ResourceLib.indexOf(claim.resource) == 0) return (0, got, want);
        return _checkApprover(claim, message, signatures, approved ? 2 : 1);
    }

    /// @dev The rest of check 1, for whoever sent or needs two signatures.
    function _checkApprover(
        Claim memory claim,
        Request calldata message,
        bytes calldata signatures,
        uint256 needed
    ) private view returns (uint256 code, uint256 got, uint256 want) {
        uint256 count = signatures.length / SignatureLib.LENGTH;
        if (count != needed) return (RefusalLib.SIGNATURE_COUNT_INVALID, count, needed);
        got = SignatureLib.recover(claim.id, signatures, 1);
        want = uint256(uint160(_approvers[message.resourceId]));
        if (got == 0 || got != want) return (RefusalLib.APPROVER_SIGNATURE_INVALID, got, want);
        want = uint256(uint160(message.requester));
        return (0, want, want);
    }

    /// @dev Check 2: the resource is recorded, which is when its provider's signature was checked.
    function _checkResource(Claim memory claim, Request calldata message)
        internal
        view
        virtual
        returns (uint256 code, uint256 got, uint256 want)
    {
        uint256 index = ResourceLib.indexOf(claim.resource);
        if (index == 0) return (RefusalLib.RESOURCE_UNKNOWN, uint256(message.resourceId), 0);
        if (ResourceLib.isWithdrawn(claim.resource)) {
            return (RefusalLib.RESOURCE_WITHDRAWN, uint256(message.resourceId), 0);
        }
        return (0, index, 1);
    }

    /// @dev Check 3: not recorded before.
    function _checkSequence(Claim memory claim, Request calldata message)
        internal
        view
        virtual
        returns (uint256 code, uint256 got, uint256 want)
    {
        return SequenceLib.judge(claim.requester, message.sequence);
    }

    /// @dev Check 4: whole slots inside the window, not too many, not over, asked for just now.
    function _checkWindow(Claim memory claim, Request calldata message)
        internal
        view
        virtual
        returns (uint256 code, uint256 got, uint256 want)
    {
        (uint256 start, uint256 end) = (message.startTime, message.endTime);
        if (message.volume == 0) return (RefusalLib.VOLUME_TOO_SMALL, 0, 1);
        if (start >= end) return (RefusalLib.WINDOW_EMPTY, start, end);
        (code, got, want) = CalendarLib.judgeSlots(claim, start, end);
        if (code != 0) return (code, got, want);
        return _checkClock(start + ResourceLib.slotSecondsOf(claim.resource), message.timestamp);
    }

    /// @dev The rest of check 4.
    function _checkClock(uint256 firstSlotEnd, uint256 timestamp)
        private
        view
        returns (uint256 code, uint256 got, uint256 want)
    {
        if (firstSlotEnd <= block.timestamp) {
            return (RefusalLib.FIRST_SLOT_ENDED, firstSlotEnd, block.timestamp);
        }
        if (timestamp + MAX_DRIFT < block.timestamp || timestamp > block.timestamp + MAX_DRIFT) {
            return (RefusalLib.TIMESTAMP_OUTSIDE_DRIFT, timestamp, block.timestamp);
        }
        return (0, firstSlotEnd, block.timestamp);
    }

    function _touch(Claim memory claim, Request calldata message) private view {
        CalendarLib.touch(
            _calendars[message.resourceId],
            claim,
            message.volume,
            ResourceLib.volumeOf(claim.resource)
        );
    }

    /// @dev Check 5: enough is free in every slot. *Requirements:* `_touch` has read the slots.
    function _checkCapacity(Claim memory claim, Request calldata message)
        internal
        view
        virtual
        returns (uint256 code, uint256 got, uint256 want)
    {
        if (claim.lacks == 0) return (0, message.volume, 0);
        return (RefusalLib.CAPACITY_EXCEEDED, message.volume, _free(claim, message));
    }

    function _free(Claim memory claim, Request calldata message) private view returns (uint256) {
        return CalendarLib.freeIn(
            _calendars[message.resourceId],
            claim,
            message.volume,
            ResourceLib.volumeOf(claim.resource)
        );
    }

    function _findWindow(Claim memory claim, Request calldata message)
        internal
        view
        returns (Refusal memory)
    {
        (uint256 code, uint256 got, uint256 want) = _checkWindow(claim, message);
        return Refusal(uint16(code), got, want);
    }

    function _findCapacity(Claim memory claim, Request calldata message)
        internal
        view
        returns (Refusal memory)
    {
        _touch(claim, message);
        (uint256 code, uint256 got,) = _checkCapacity(claim, message);
        return Refusal(uint16(code), got, _free(claim, message));
    }

    function _recordAllocation(
        Claim memory claim,
        Request calldata message,
        bytes calldata signatures,
        uint256 index
    ) internal returns (bytes32 leaf) {
        uint256 requesterAfter = SequenceLib.mark(claim.requester, message.sequence, index);
        _requesters[message.requester] = requesterAfter;
        CalendarLib.store(claim, index);
        EventLib.volumeAllocated(index, message, signatures);
        bytes32 evidence = SignatureLib.evidenceOf(signatures);
        return RecordLib.allocationLeaf(message, claim, index, requesterAfter, evidence);
    }
}
