// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, IRegistry, Request} from "../interfaces/IRegistry.sol";
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
        (got, want) = (SignatureLib.recover(id, signatures, 0), MessageLib.providerOf(message));
        if (got == 0 || got != want) return (RefusalLib.PROVIDER_SIGNATURE_INVALID, got, want);
        uint256 approver = MessageLib.approverOf(message);
        if (approver != 0) return (RefusalLib.APPROVER_UNSUPPORTED, approver, 0);
    }

    function _checkOffer(Announcement calldata message)
        private
        pure
        returns (uint256 code, uint256 got, uint256 want)
    {
        if (MessageLib.volumeOf(message) == 0) return (RefusalLib.VOLUME_TOO_SMALL, 0, 1);
        (uint256 start, uint256 end) = (MessageLib.startOf(message), MessageLib.endOf(message));
        if (start >= end) return (RefusalLib.WINDOW_EMPTY, start, end);
        uint256 slotSeconds = MessageLib.slotSecondsOf(message);
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

    function _judgeRequest(Claim memory claim, Request calldata message, bytes calldata signatures)
        internal
        view
        returns (uint256 code)
    {
        code = _checkRequester(claim, message, signatures);
        if (code != 0) return code;
        code = _checkResource(claim, message);
        if (code != 0) return code;
        code = _checkSequence(claim, message);
        if (code != 0) return code;
        code = _checkWindow(claim, message);
        if (code != 0) return code;
        return _checkCapacity(claim, message);
    }

    /// @dev What is stored about a request's resource and requester.
    function _claimOf(Request calldata message) internal view returns (Claim memory claim) {
        claim.id = requestId(message);
        claim.resource = _resourceWord(message.resourceId);
        claim.requester = _requesters[_requesterOf(message)];
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
    ) internal view virtual returns (uint256 code) {
        uint256 length = signatures.length;
        if (length != SignatureLib.LENGTH && length != 2 * SignatureLib.LENGTH) {
            code = RefusalLib.SIGNATURES_LENGTH_INVALID;
            return CalendarLib.refuse(claim, code, length, SignatureLib.LENGTH);
        }
        uint256 signer = SignatureLib.recover(claim.id, signatures, 0);
        uint256 requester = MessageLib.requesterOf(message);
        if (signer == 0 || signer != requester) {
            code = RefusalLib.REQUESTER_SIGNATURE_INVALID;
            return CalendarLib.refuse(claim, code, signer, requester);
        }
        bool approved = ResourceLib.hasApprover(claim.resource);
        if (approved || length != SignatureLib.LENGTH) {
            return _checkApprover(claim, message, signatures, approved ? 2 : 1);
        }
    }

    /// @dev The rest of check 1, for whoever sent or needs two signatures.
    function _checkApprover(
        Claim memory claim,
        Request calldata message,
        bytes calldata signatures,
        uint256 needed
    ) private view returns (uint256 code) {
        if (ResourceLib.indexOf(claim.resource) == 0) return 0;
        uint256 count = signatures.length / SignatureLib.LENGTH;
        if (count != needed) {
            return CalendarLib.refuse(claim, RefusalLib.SIGNATURE_COUNT_INVALID, count, needed);
        }
        uint256 signer = SignatureLib.recover(claim.id, signatures, 1);
        uint256 approver = uint256(uint160(_approvers[message.resourceId]));
        if (signer == 0 || signer != approver) {
            code = RefusalLib.APPROVER_SIGNATURE_INVALID;
            return CalendarLib.refuse(claim, code, signer, approver);
        }
    }

    /// @dev Check 2: the resource is recorded, which is when its provider's signature was checked.
    function _checkResource(Claim memory claim, Request calldata message)
        internal
        view
        virtual
        returns (uint256 code)
    {
        if (ResourceLib.indexOf(claim.resource) == 0) code = RefusalLib.RESOURCE_UNKNOWN;
        else if (!ResourceLib.isWithdrawn(claim.resource)) return 0;
        else code = RefusalLib.RESOURCE_WITHDRAWN;
        return CalendarLib.refuse(claim, code, uint256(message.resourceId), 0);
    }

    /// @dev Check 3: not recorded before.
    function _checkSequence(Claim memory claim, Request calldata message)
        internal
        view
        virtual
        returns (uint256 code)
    {
        uint256 sequence = MessageLib.sequenceOf(message);
        code = SequenceLib.judge(claim.requester, sequence);
        if (code != 0) CalendarLib.refuse(claim, code, sequence, claim.requester >> 192);
    }

    /// @dev Check 4: whole slots inside the window, not too many, not over, asked for just now.
    function _checkWindow(Claim memory claim, Request calldata message)
        internal
        view
        virtual
        returns (uint256 code)
    {
        (uint256 start, uint256 end) = (MessageLib.startOf(message), MessageLib.endOf(message));
        if (MessageLib.volumeOf(message) == 0) {
            return CalendarLib.refuse(claim, RefusalLib.VOLUME_TOO_SMALL, 0, 1);
        }
        if (start >= end) return CalendarLib.refuse(claim, RefusalLib.WINDOW_EMPTY, start, end);
        code = CalendarLib.judge(claim, start, end);
        if (code != 0) return code;
        return _checkClock(claim, start, MessageLib.timestampOf(message));
    }

    /// @dev The rest of check 4. Nothing overflows; a timestamp before the drift wraps round, and
    /// is too large then.
    function _checkClock(Claim memory claim, uint256 start, uint256 timestamp)
        private
        view
        returns (uint256 code)
    {
        unchecked {
            uint256 firstSlotEnd = start + ResourceLib.slotSecondsOf(claim.resource);
            if (firstSlotEnd <= block.timestamp) {
                code = RefusalLib.FIRST_SLOT_ENDED;
                return CalendarLib.refuse(claim, code, firstSlotEnd, block.timestamp);
            }
            if (timestamp + MAX_DRIFT - block.timestamp > 2 * MAX_DRIFT) {
                code = RefusalLib.TIMESTAMP_OUTSIDE_DRIFT;
                return CalendarLib.refuse(claim, code, timestamp, block.timestamp);
            }
        }
    }

    /// @dev Check 5: enough is free in every slot. Also prepares the words that would be stored.
    function _checkCapacity(Claim memory claim, Request calldata message)
        internal
        view
        virtual
        returns (uint256 code)
    {
        uint256 asked = MessageLib.volumeOf(message);
        uint256 volume = ResourceLib.volumeOf(claim.resource);
        if (CalendarLib.touch(_calendars[message.resourceId], claim, asked, volume) == 0) return 0;
        return CalendarLib.refuse(claim, RefusalLib.CAPACITY_EXCEEDED, asked, _free(claim, message));
    }

    /// @dev Free volume in the first slot that lacks it, else in the fullest.
    function _free(Claim memory claim, Request calldata message) internal view returns (uint256) {
        uint256 volume = ResourceLib.volumeOf(claim.resource);
        return CalendarLib.freeIn(_calendars[message.resourceId], claim, message.volume, volume);
    }

    function _recordAllocation(
        Claim memory claim,
        Request calldata message,
        bytes calldata signatures,
        uint256 index
    ) internal returns (bytes32 leaf) {
        uint256 requesterAfter =
            SequenceLib.mark(claim.requester, MessageLib.sequenceOf(message), index);
        _requesters[_requesterOf(message)] = requesterAfter;
        CalendarLib.store(claim, index);
        EventLib.volumeAllocated(index, message, signatures);
        bytes32 evidence = SignatureLib.evidenceOf(signatures);
        return RecordLib.allocationLeaf(message, claim, index, requesterAfter, evidence);
    }

    function _requesterOf(Request calldata message) private pure returns (address) {
        return address(uint160(MessageLib.requesterOf(message)));
    }
}
