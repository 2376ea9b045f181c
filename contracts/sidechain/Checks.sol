// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, IRegistry, Release, Request, Withdrawal} from "../interfaces/IRegistry.sol";
import {CalendarLib} from "../libraries/CalendarLib.sol";
import {Claim, ClaimLib} from "../libraries/ClaimLib.sol";
import {Freeing, FreeingLib} from "../libraries/FreeingLib.sol";
import {Log} from "../libraries/LogLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {RecordLib} from "../libraries/RecordLib.sol";
import {RefusalLib} from "../libraries/RefusalLib.sol";
import {ResourceLib} from "../libraries/ResourceLib.sol";
import {SequenceLib} from "../libraries/SequenceLib.sol";
import {SignatureLib} from "../libraries/SignatureLib.sol";

/// @title Checks: the state of the registry, and what has to hold before a message changes it
/// @notice docs/protocol.md sections 4 and 5.
/// @dev Each of the five checks is one function that answers a code and notes (got, want). A single
/// item reverts with the answer, a batch emits it, `check` returns it: nothing judges twice.
abstract contract Checks is IRegistry {
    using ClaimLib for Claim;
    using FreeingLib for Freeing;

    /// @dev Clocks of requesters may be off by so many seconds; an older message has lapsed.
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
    // slot 69: which allocations were released
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
        Claim memory claim;
        claim.load(message);
        return claim.idOf(domainSeparator);
    }

    /// @inheritdoc IRegistry
    function releaseId(Release calldata message) public view returns (bytes32) {
        return MessageLib.releaseIdOf(
            message.requestId, message.fromTime, message.timestamp, domainSeparator
        );
    }

    /// @inheritdoc IRegistry
    function withdrawalId(Withdrawal calldata message) public view returns (bytes32) {
        return MessageLib.withdrawalIdOf(message.resourceId, message.timestamp, domainSeparator);
    }

    /* ANNOUNCEMENTS (docs/protocol.md section 4.1) */

    /// @param word what is stored under the announcement's id
    function _judgeAnnouncement(
        bytes32 id,
        uint256 word,
        Announcement calldata message,
        bytes calldata signatures
    ) internal view returns (uint256 code, uint256 got, uint256 want) {
        (code, got, want) = _checkProvider(id, message, signatures);
        if (code == 0) (code, got, want) = _checkNew(id, word);
        if (code == 0) (code, got, want) = _checkOffer(message);
    }

    /// @dev Whether the provider signed `id`: check 2, made once for all requests of the resource.
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

    function _checkNew(bytes32 id, uint256 word)
        private
        pure
        returns (uint256 code, uint256 got, uint256 want)
    {
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

    /// @dev The claim's id, and what is stored about its requester.
    function _openRequester(Claim memory claim) internal view {
        claim.id = claim.idOf(domainSeparator);
        (claim.requesterSlot, claim.requesterWord) = SequenceLib.load(_requesters, claim.requester);
    }

    /// @dev Makes some of the checks. A zero that the compiler does not know to be one keeps it from
    /// making a copy of all checks for each bitmap, which the contract has no room for.
    function _judgeSome(Claim memory claim, bytes calldata signatures, uint256 checks)
        internal
        view
        returns (uint256)
    {
        assembly ("memory-safe") {
            checks := or(checks, shr(64, calldatasize()))
        }
        return _judge(claim, signatures, checks);
    }

    /// @dev Makes the checks named in the bitmap `checks`, in order, until one refuses. They are
    /// called from here only, and return at their end only: so the compiler inlines them all.
    function _judge(Claim memory claim, bytes calldata signatures, uint256 checks)
        internal
        view
        returns (uint256 code)
    {
        if (checks & CHECK_1 != 0) code = _checkRequester(claim, signatures);
        if (checks & CHECK_2 != 0) {
            if (code == 0) code = _checkResource(claim);
        }
        if (checks & CHECK_3 != 0) {
            if (code == 0) code = _checkSequence(claim);
        }
        if (checks & CHECK_4 != 0) {
            if (code == 0) code = _checkWindow(claim);
        }
        if (checks & CHECK_5 != 0) {
            if (code == 0) code = _checkCapacity(claim);
        }
    }

    /// @dev Storage word of a resource.
    function _resourceWord(bytes32 resourceId) internal view virtual returns (uint256) {
        return _resources[resourceId];
    }

    /// @dev Check 1: the requester signed, and the approver if the resource has one.
    function _checkRequester(Claim memory claim, bytes calldata signatures)
        internal
        view
        virtual
        returns (uint256 code)
    {
        uint256 length = signatures.length;
        if (!SignatureLib.isOneOrTwo(length)) {
            code = RefusalLib.SIGNATURES_LENGTH_INVALID;
            claim.refuse(length, SignatureLib.LENGTH);
        } else {
            uint256 signer = SignatureLib.recover(claim.id, signatures, 0);
            uint256 requester = claim.requester;
            if (!SignatureLib.isBy(signer, requester)) {
                code = RefusalLib.REQUESTER_SIGNATURE_INVALID;
                claim.refuse(signer, requester);
            } else if (length != SignatureLib.LENGTH || ResourceLib.hasApprover(claim.resource)) {
                code = _checkApprover(claim, signatures);
            }
        }
    }

    /// @dev The rest of check 1, for whoever sent or needs two signatures.
    function _checkApprover(Claim memory claim, bytes calldata signatures)
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
        uint256 approver = claim.approver;
        if (approver == 0) approver = uint256(uint160(_approvers[claim.resourceId]));
        if (SignatureLib.isBy(signer, approver)) return 0;
        claim.refuse(signer, approver);
        return RefusalLib.APPROVER_SIGNATURE_INVALID;
    }

    /// @dev Check 2: the resource is recorded, which is when its provider's signature was checked.
    function _checkResource(Claim memory claim) internal view virtual returns (uint256 code) {
        if (!ResourceLib.isOpen(claim.resource)) {
            code = ResourceLib.indexOf(claim.resource) == 0
                ? RefusalLib.RESOURCE_UNKNOWN
                : RefusalLib.RESOURCE_WITHDRAWN;
            claim.refuse(uint256(claim.resourceId), 0);
        }
    }

    /// @dev Check 3: not recorded before.
    function _checkSequence(Claim memory claim) internal view virtual returns (uint256 code) {
        uint256 sequence = claim.sequence;
        code = SequenceLib.judge(claim.requesterWord, sequence);
        if (code != 0) claim.refuse(sequence, claim.requesterWord >> 192);
    }

    /// @dev Check 4: whole slots inside the window, not too many, not over, asked for just now.
    function _checkWindow(Claim memory claim) internal view virtual returns (uint256 code) {
        if (!CalendarLib.fits(claim, MAX_DRIFT)) code = _refuseWindow(claim);
    }

    /// @dev The rule of check 4 that refuses a claim: one of them does.
    function _refuseWindow(Claim memory claim) private view returns (uint256 code) {
        (uint256 start, uint256 end) = (claim.startTime, claim.endTime);
        if (claim.volume == 0) {
            code = RefusalLib.VOLUME_TOO_SMALL;
            claim.refuse(0, 1);
        } else if (start >= end) {
            code = RefusalLib.WINDOW_EMPTY;
            claim.refuse(start, end);
        } else {
            code = CalendarLib.judge(claim, start, end);
            if (code == 0) code = _checkClock(claim);
        }
    }

    /// @dev The rest of check 4. Nothing overflows: the request begins inside the resource's window.
    function _checkClock(Claim memory claim) private view returns (uint256 code) {
        unchecked {
            uint256 firstSlotEnd = claim.startTime + ResourceLib.slotSecondsOf(claim.resource);
            if (firstSlotEnd <= block.timestamp) {
                code = RefusalLib.FIRST_SLOT_ENDED;
                claim.refuse(firstSlotEnd, block.timestamp);
            } else {
                code = _checkDrift(claim, claim.timestamp);
            }
        }
    }

    /// @dev A timestamp before the drift wraps round, and is too large then.
    function _checkDrift(Claim memory claim, uint256 timestamp)
        internal
        view
        returns (uint256 code)
    {
        unchecked {
            if (timestamp + MAX_DRIFT - block.timestamp > 2 * MAX_DRIFT) {
                code = RefusalLib.TIMESTAMP_OUTSIDE_DRIFT;
                claim.refuse(timestamp, block.timestamp);
            }
        }
    }

    /// @dev Check 5: enough is free in every slot. Also prepares the words that would be stored.
    function _checkCapacity(Claim memory claim) internal view virtual returns (uint256 code) {
        uint256 asked = claim.volume;
        if (CalendarLib.touch(_calendars[claim.resourceId], claim, asked) != 0) {
            code = RefusalLib.CAPACITY_EXCEEDED;
            claim.refuse(asked, _free(claim));
        }
    }

    /// @dev Free volume in the first slot that lacks it, else in the fullest. Reads the words again,
    /// without what is asked.
    function _free(Claim memory claim) internal view returns (uint256) {
        CalendarLib.touch(_calendars[claim.resourceId], claim, 0);
        return CalendarLib.freeIn(claim.buffer, claim);
    }

    /* FIRST USE: a request that brings its announcement (docs/protocol.md section 4.3) */

    /// @dev Judges the announcement. If it is fine the claim is one of its resource from then on.
    function _openFirstUse(
        Claim memory claim,
        Announcement calldata announcement,
        bytes calldata providerSignature,
        uint256 index
    ) internal view returns (uint256 code) {
        (code, claim.got, claim.want) = _judgeAnnouncement(
            claim.resourceId, claim.resource, announcement, providerSignature
        );
        if (code == 0) {
            claim.resource = ResourceLib.pack(announcement, index);
            claim.approver = MessageLib.approverOf(announcement);
        }
    }

    /* RELEASES (docs/protocol.md section 4.4) */

    /// @dev Decodes what a release came with.
    function _decodeRelease(
        Claim memory claim,
        Freeing memory freeing,
        bytes calldata signatures,
        bytes calldata record
    ) internal pure returns (uint256 code) {
        if (signatures.length != SignatureLib.LENGTH) {
            code = RefusalLib.SIGNATURES_LENGTH_INVALID;
            claim.refuse(signatures.length, SignatureLib.LENGTH);
        } else if (record.length != RecordLib.ALLOCATION_LENGTH) {
            code = RefusalLib.RECORD_LENGTH_INVALID;
            claim.refuse(record.length, RecordLib.ALLOCATION_LENGTH);
        } else {
            code = _checkRecord(claim, record);
            freeing.point(signatures, record);
        }
    }

    /// @dev Whether a record of the right length is that of an allocation.
    function _checkRecord(Claim memory claim, bytes calldata record)
        internal
        pure
        returns (uint256 code)
    {
        uint256 start = RecordLib.startOf(record);
        if (start != RecordLib.ALLOCATION_START) {
            code = RefusalLib.RECORD_NOT_ALLOCATION;
            claim.refuse(start, RecordLib.ALLOCATION_START);
        }
    }

    /// @dev The allocation's request and its id, as the record says, and the resource.
    function _openRelease(Claim memory claim, Freeing memory freeing) internal view {
        bytes32 before = claim.resourceId;
        claim.loadRecord(freeing.record);
        claim.id = claim.idOf(domainSeparator);
        // in a batch the resource is often that of the release before; of no resource it is 0
        if (claim.resourceId != before) claim.resource = _resources[claim.resourceId];
    }

    function _judgeRelease(Claim memory claim, Freeing memory freeing)
        internal
        view
        returns (uint256 code)
    {
        uint256 signer = SignatureLib.recoverAt(freeing.id, freeing.signature);
        if (!SignatureLib.isBy(signer, claim.requester)) {
            code = RefusalLib.REQUESTER_SIGNATURE_INVALID;
            claim.refuse(signer, claim.requester);
        } else if (freeing.requestId != claim.id) {
            code = RefusalLib.ALLOCATION_MISMATCH;
            claim.refuse(uint256(freeing.requestId), uint256(claim.id));
        } else if (!freeing.proven) {
            code = RefusalLib.ALLOCATION_UNPROVEN;
            claim.refuse(uint256(freeing.node), uint256(freeing.peak));
        } else if (freeing.load(_released)) {
            code = RefusalLib.ALLOCATION_ALREADY_RELEASED;
            claim.refuse(uint256(freeing.requestId), freeing.index);
        } else if (!freeing.fits(claim, MAX_DRIFT)) {
            code = _refuseFreed(claim, freeing);
        }
    }

    /// @dev The part of rule 4 that refuses a release: one of them does.
    function _refuseFreed(Claim memory claim, Freeing memory freeing)
        private
        view
        returns (uint256 code)
    {
        unchecked {
            uint256 from = freeing.fromTime;
            uint256 off = CalendarLib.rest(
                from - ResourceLib.startOf(claim.resource),
                ResourceLib.slotSecondsOf(claim.resource)
            );
            uint256 earliest = block.timestamp + ResourceLib.noticeSecondsOf(claim.resource);
            if (from < claim.startTime || from >= claim.endTime) {
                code = RefusalLib.RELEASE_OUTSIDE_ALLOCATION;
                claim.refuse(from, from < claim.startTime ? claim.startTime : claim.endTime);
            } else if (off != 0) {
                code = RefusalLib.SLOTS_NOT_ALIGNED;
                claim.refuse(from, from - off);
            } else if (from < earliest) {
                code = RefusalLib.NOTICE_TOO_SHORT;
                claim.refuse(from, earliest);
            } else {
                code = _checkDrift(claim, freeing.timestamp);
            }
        }
    }

    /* WITHDRAWALS (docs/protocol.md section 4.5) */

    /// @param id the withdrawal's id
    function _judgeWithdrawal(
        bytes32 id,
        bytes32 resourceId,
        Announcement calldata announcement,
        bytes calldata signatures
    ) internal view returns (uint256 code, uint256 got, uint256 want) {
        if (signatures.length != SignatureLib.LENGTH) {
            code = RefusalLib.SIGNATURES_LENGTH_INVALID;
            return (code, signatures.length, SignatureLib.LENGTH);
        }
        (got, want) = (uint256(announcementId(announcement)), uint256(resourceId));
        if (got != want) return (RefusalLib.ANNOUNCEMENT_MISMATCH, got, want);
        (code, got, want) = _checkProvider(id, announcement, signatures);
        if (code == 0 && ResourceLib.isWithdrawn(_resources[resourceId])) {
            return (RefusalLib.RESOURCE_WITHDRAWN, uint256(resourceId), 0);
        }
    }
}
