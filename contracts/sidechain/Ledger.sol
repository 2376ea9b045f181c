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
/// @dev Each of the five checks is one function that answers a code and notes (got, want). A single
/// item reverts with the answer, a batch emits it, `check` returns it: nothing judges twice.
abstract contract Ledger is IRegistry {
    using CalendarLib for Claim;

    /// @dev Clocks of requesters may be off by so many seconds; an older request has lapsed.
    uint256 internal constant MAX_DRIFT = 300;

    // the five checks, as bits
    uint256 internal constant CHECK_1 = 1;
    uint256 internal constant CHECK_2 = 2;
    uint256 internal constant CHECK_3 = 4;
    uint256 internal constant CHECK_4 = 8;
    uint256 internal constant CHECK_5 = 16;
    uint256 internal constant ALL_CHECKS = 31;

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
        return MessageLib.idOf(announcement, domainSeparator);
    }

    /// @inheritdoc IRegistry
    function requestId(Request calldata message) public view returns (bytes32) {
        return MessageLib.idOf(message, domainSeparator);
    }

    /* ANNOUNCEMENTS (docs/protocol.md section 4.1) */

    /// @dev Applies an announcement as record `index`, or says why not.
    function _applyAnnouncement(
        bytes32 id,
        Announcement calldata message,
        bytes calldata signatures,
        uint256 index
    ) internal returns (uint256 code, uint256 got, uint256 want, bytes32 leaf) {
        (code, got, want) = _checkProvider(id, message, signatures);
        if (code == 0) (code, got, want) = _checkNew(id);
        if (code == 0) (code, got, want) = _checkOffer(message);
        if (code == 0) {
            _resources[id] = ResourceLib.pack(message, index);
            uint256 approver = MessageLib.approverOf(message);
            if (approver != 0) _approvers[id] = address(uint160(approver));
            bytes32 evidence = EventLib.resourceAnnounced(id, index, message, signatures);
            leaf = RecordLib.announcementLeaf(message, index, evidence);
        }
    }

    /// @dev Check 2, made once for all requests of the resource.
    function _checkProvider(bytes32 id, Announcement calldata message, bytes calldata signatures)
        internal
        view
        virtual
        returns (uint256 code, uint256 got, uint256 want)
    {
        if (signatures.length != SignatureLib.LENGTH) {
            code = RefusalLib.SIGNATURES_LENGTH_INVALID;
            (got, want) = (signatures.length, SignatureLib.LENGTH);
        } else {
            (got, want) = (SignatureLib.recover(id, signatures, 0), MessageLib.providerOf(message));
            if (!SignatureLib.isBy(got, want)) code = RefusalLib.PROVIDER_SIGNATURE_INVALID;
        }
    }

    function _checkNew(bytes32 id) private view returns (uint256 code, uint256 got, uint256 want) {
        uint256 word = _resources[id];
        if (word != 0) {
            (got, want) = (uint256(id), ResourceLib.indexOf(word));
            code = want == 0 ? RefusalLib.RESOURCE_WITHDRAWN : RefusalLib.RESOURCE_ALREADY_RECORDED;
        }
    }

    function _checkOffer(Announcement calldata message)
        private
        pure
        returns (uint256 code, uint256 got, uint256 want)
    {
        (uint256 start, uint256 end) = (MessageLib.startOf(message), MessageLib.endOf(message));
        uint256 slotSeconds = MessageLib.slotSecondsOf(message);
        if (MessageLib.volumeOf(message) == 0) {
            (code, want) = (RefusalLib.VOLUME_TOO_SMALL, 1);
        } else if (start >= end) {
            (code, got, want) = (RefusalLib.WINDOW_EMPTY, start, end);
        } else if (slotSeconds == 0) {
            (code, want) = (RefusalLib.SLOT_TOO_SHORT, 1);
        } else if (CalendarLib.rest(end - start, slotSeconds) != 0) {
            (code, got, want) = (RefusalLib.WINDOW_NOT_WHOLE_SLOTS, end - start, slotSeconds);
        } else if (end > ResourceLib.MAX_END_TIME) {
            (code, got, want) = (RefusalLib.END_TIME_TOO_LATE, end, ResourceLib.MAX_END_TIME);
        }
    }

    /* REQUESTS: the five checks (docs/protocol.md section 4.2) */

    /// @dev Applies a request as record `index`, or says why not (code, and the claim's got, want).
    function _applyRequest(Request calldata message, bytes calldata signatures, uint256 index)
        internal
        returns (Claim memory claim, uint256 code, bytes32 leaf)
    {
        _open(claim, message);
        code = _judge(claim, message, signatures, ALL_CHECKS);
        if (code == 0) leaf = _recordAllocation(claim, message, signatures, index);
    }

    /// @dev What is stored about a request's resource and requester.
    function _open(Claim memory claim, Request calldata message) internal view {
        claim.id = requestId(message);
        claim.resource = _resourceWord(message.resourceId);
        (claim.requesterSlot, claim.requester) =
            SequenceLib.load(_requesters, MessageLib.requesterOf(message));
    }

    /// @dev Makes the checks named in the bitmap `checks`, in order, until one refuses. They are
    /// called from here only, and return at their end only: so the compiler inlines them all.
    function _judge(
        Claim memory claim,
        Request calldata message,
        bytes calldata signatures,
        uint256 checks
    ) internal view returns (uint256 code) {
        if (checks & CHECK_1 != 0) {
            code = _checkRequester(claim, message, signatures);
        }
        if (_isDue(code, checks & CHECK_2)) code = _checkResource(claim, message);
        if (_isDue(code, checks & CHECK_3)) code = _checkSequence(claim, message);
        if (_isDue(code, checks & CHECK_4)) code = _checkWindow(claim, message);
        if (_isDue(code, checks & CHECK_5)) code = _checkCapacity(claim, message);
    }

    /// @dev Nothing refused so far, and the check is asked for. One jump; `&&` would be two.
    function _isDue(uint256 code, uint256 asked) private pure returns (bool due) {
        assembly ("memory-safe") {
            due := gt(iszero(code), iszero(asked))
        }
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
        if (!SignatureLib.isOneOrTwo(length)) {
            code = RefusalLib.SIGNATURES_LENGTH_INVALID;
            claim.refuse(length, SignatureLib.LENGTH);
        } else {
            uint256 signer = SignatureLib.recover(claim.id, signatures, 0);
            uint256 requester = MessageLib.requesterOf(message);
            if (!SignatureLib.isBy(signer, requester)) {
                code = RefusalLib.REQUESTER_SIGNATURE_INVALID;
                claim.refuse(signer, requester);
            } else if (length != SignatureLib.LENGTH || ResourceLib.hasApprover(claim.resource)) {
                code = _checkApprover(claim, message, signatures);
            }
        }
    }

    /// @dev The rest of check 1, for whoever sent or needs two signatures.
    function _checkApprover(Claim memory claim, Request calldata message, bytes calldata signatures)
        private
        view
        returns (uint256 code)
    {
        if (ResourceLib.indexOf(claim.resource) == 0) return 0;
        uint256 needed = ResourceLib.hasApprover(claim.resource) ? 2 : 1;
        uint256 count = signatures.length / SignatureLib.LENGTH;
        if (count != needed) {
            claim.refuse(count, needed);
            return RefusalLib.SIGNATURE_COUNT_INVALID;
        }
        uint256 signer = SignatureLib.recover(claim.id, signatures, 1);
        uint256 approver = uint256(uint160(_approvers[message.resourceId]));
        if (SignatureLib.isBy(signer, approver)) return 0;
        claim.refuse(signer, approver);
        return RefusalLib.APPROVER_SIGNATURE_INVALID;
    }

    /// @dev Check 2: the resource is recorded, which is when its provider's signature was checked.
    function _checkResource(Claim memory claim, Request calldata message)
        internal
        view
        virtual
        returns (uint256 code)
    {
        if (ResourceLib.indexOf(claim.resource) == 0) code = RefusalLib.RESOURCE_UNKNOWN;
        else if (ResourceLib.isWithdrawn(claim.resource)) code = RefusalLib.RESOURCE_WITHDRAWN;
        if (code != 0) claim.refuse(uint256(message.resourceId), 0);
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
        if (code != 0) claim.refuse(sequence, claim.requester >> 192);
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
            code = RefusalLib.VOLUME_TOO_SMALL;
            claim.refuse(0, 1);
        } else if (start >= end) {
            code = RefusalLib.WINDOW_EMPTY;
            claim.refuse(start, end);
        } else {
            code = CalendarLib.judge(claim, start, end);
            if (code == 0) code = _checkClock(claim, start, MessageLib.timestampOf(message));
        }
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
                claim.refuse(firstSlotEnd, block.timestamp);
            } else if (timestamp + MAX_DRIFT - block.timestamp > 2 * MAX_DRIFT) {
                code = RefusalLib.TIMESTAMP_OUTSIDE_DRIFT;
                claim.refuse(timestamp, block.timestamp);
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
        if (CalendarLib.touch(_calendars[message.resourceId], claim, asked, volume) != 0) {
            code = RefusalLib.CAPACITY_EXCEEDED;
            claim.refuse(asked, _free(claim, message));
        }
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
    ) private returns (bytes32 leaf) {
        uint256 requesterAfter =
            SequenceLib.mark(claim.requester, MessageLib.sequenceOf(message), index);
        SequenceLib.store(claim.requesterSlot, requesterAfter);
        CalendarLib.store(claim, index);
        bytes32 evidence = EventLib.volumeAllocated(index, message, signatures);
        if (signatures.length != SignatureLib.LENGTH) _emitApproved(index, signatures);
        return RecordLib.allocationLeaf(message, claim, index, requesterAfter, evidence);
    }

    function _emitApproved(uint256 index, bytes calldata signatures) private {
        (bytes32 r, bytes32 vs) = abi.decode(signatures[SignatureLib.LENGTH:], (bytes32, bytes32));
        // nobody appends 2^64 records
        // forge-lint: disable-next-line(unsafe-typecast)
        emit VolumeApproved(uint64(index), r, vs);
    }
}
