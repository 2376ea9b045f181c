// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, IRegistry} from "../interfaces/IRegistry.sol";
import {BatchEvent, BatchEventLib} from "../libraries/BatchEventLib.sol";
import {CalendarLib} from "../libraries/CalendarLib.sol";
import {Claim, ClaimLib} from "../libraries/ClaimLib.sol";
import {Freeing} from "../libraries/FreeingLib.sol";
import {Frontier, Log, LogLib} from "../libraries/LogLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {Group, PackedLib} from "../libraries/PackedLib.sol";
import {Chain, PathLib} from "../libraries/PathLib.sol";
import {RecordLib} from "../libraries/RecordLib.sol";
import {RefusalLib} from "../libraries/RefusalLib.sol";
import {ResourceLib} from "../libraries/ResourceLib.sol";
import {SignatureLib} from "../libraries/SignatureLib.sol";
import {Ledger} from "./Ledger.sol";

/// @title Packed: batches for nodes that record many messages at once
/// @notice docs/protocol.md section 4.6. The rules are those of `Checks`, in the same order; what the
/// items of a group have in common is judged, read and stored once.
abstract contract Packed is Ledger {
    using ClaimLib for Claim;
    using LogLib for Log;
    using BatchEventLib for BatchEvent;
    using PackedLib for Freeing;
    using PackedLib for Group;

    /* REQUESTS */

    /// @inheritdoc IRegistry
    function requestPacked(bytes calldata batch) external {
        Frontier memory frontier = _log.open();
        BatchEvent memory entry = BatchEventLib.open(batch.length, frontier.size);
        Group memory group;
        Claim memory claim;
        claim.typeHash = MessageLib.REQUEST_TYPE_HASH;
        uint256 offset = 0;
        while (offset < batch.length) {
            uint256 mark = _memoryMark();
            if (PackedLib.isAlone(batch, offset)) {
                offset = _requestAlone(claim, batch, offset, frontier, entry);
            } else {
                offset = group.open(claim, batch, offset);
                _openGroup(group, claim, frontier.size);
                _requestGroup(group, claim, frontier, entry);
            }
            _memoryRelease(mark);
        }
        entry.flush(IRegistry.BatchAllocated.selector);
        _log.close(frontier);
    }

    /// @dev A group of one has nothing to share: it is cheaper as a request by itself.
    /// @return next offset after the group
    function _requestAlone(
        Claim memory claim,
        bytes calldata batch,
        uint256 offset,
        Frontier memory frontier,
        BatchEvent memory entry
    ) private returns (uint256 next) {
        (uint256 length, bytes calldata signatures) = PackedLib.readAlone(claim, batch, offset);
        uint256 code = _judgeRequest(claim, signatures);
        if (code == 0) {
            // as it stands in the calldata
            entry.add(PackedLib.positionOf(batch, offset), length);
            bytes32 evidence = SignatureLib.evidenceOf(signatures);
            _log.push(frontier, _recordRequest(claim, frontier.size, evidence));
        } else {
            _refuse(claim.id, code, claim.got, claim.want);
        }
        // all of it lies inside the batch
        unchecked {
            return offset + length;
        }
    }

    function _requestGroup(
        Group memory group,
        Claim memory claim,
        Frontier memory frontier,
        BatchEvent memory entry
    ) private {
        while (group.item != group.end) {
            bytes calldata signatures = group.read(claim);
            _openRequester(claim);
            uint256 code = _judgeItem(group, claim, signatures);
            if (code == 0) _recordItem(group, claim, signatures, frontier, entry);
            else _skip(claim.id, code, claim);
            group.advance();
        }
        if (group.record != 0) {
            PackedLib.store(claim);
            entry.closeGroup(group.itemBytes);
        }
    }

    /// @dev Judges, and reads from storage, what is the same for all items of a group.
    /// @param index where a carried announcement would be recorded: nothing else is before it
    function _openGroup(Group memory group, Claim memory claim, uint256 index) private view {
        claim.approver = 0;
        if (group.announcement == 0) {
            claim.resource = _resourceWord(claim.resourceId);
            group.announcementCode = 0;
        } else {
            _openCarried(group, claim, index);
        }
        group.closed = group.announcementCode != 0 || !ResourceLib.isOpen(claim.resource);
        if (group.closed) return;
        // what check 4 says of a request of one unit, signed just now; the rest is the item's own
        (claim.volume, claim.timestamp) = (1, block.timestamp);
        if (CalendarLib.fits(claim, MAX_DRIFT)) {
            group.load(claim, _calendars[claim.resourceId]);
        } else {
            group.free = 0;
            group.windowCode = _judgeSome(claim, group.signaturesOf(), CHECK_4);
            (group.got, group.want) = (claim.got, claim.want);
        }
    }

    /// @dev An announcement that is recorded is not looked at, as if the group did not carry it.
    function _openCarried(Group memory group, Claim memory claim, uint256 index) private view {
        (Announcement calldata announcement, bytes calldata signature) = group.announcementOf();
        claim.resourceId = announcementId(announcement);
        claim.resource = _resourceWord(claim.resourceId);
        group.announcementCode = 0;
        if (ResourceLib.indexOf(claim.resource) != 0) {
            group.announcement = 0;
        } else {
            group.announcementCode = _openFirstUse(claim, announcement, signature, index);
            (group.got, group.want) = (claim.got, claim.want);
        }
    }

    /// @dev The five checks of section 4.2, after those of the announcement (section 4.3).
    function _judgeItem(Group memory group, Claim memory claim, bytes calldata signatures)
        private
        view
        returns (uint256 code)
    {
        if (group.closed) return _refuseClosed(group, claim, signatures);
        code = _judge(claim, signatures, CHECK_1 | CHECK_3);
        if (code == 0 && !group.holds(claim, MAX_DRIFT)) code = _refuseItem(group, claim);
    }

    /// @dev Why the announcement or the resource refuses an item, unless its signature does.
    function _refuseClosed(Group memory group, Claim memory claim, bytes calldata signatures)
        private
        view
        returns (uint256 code)
    {
        code = group.announcementCode;
        if (code == 0) return _judgeSome(claim, signatures, CHECK_1 | CHECK_2);
        claim.refuse(group.got, group.want);
    }

    /// @dev The rule of checks 4 and 5 that refuses an item: one of them does.
    function _refuseItem(Group memory group, Claim memory claim)
        private
        view
        returns (uint256 code)
    {
        if (claim.volume == 0) {
            code = RefusalLib.VOLUME_TOO_SMALL;
            claim.refuse(0, 1);
        } else if (group.windowCode != 0) {
            code = group.windowCode;
            claim.refuse(group.got, group.want);
        } else {
            code = _checkDrift(claim, claim.timestamp);
            if (code == 0) {
                code = RefusalLib.CAPACITY_EXCEEDED;
                claim.refuse(claim.volume, PackedLib.freeIn(claim));
            }
        }
    }

    function _recordItem(
        Group memory group,
        Claim memory claim,
        bytes calldata signatures,
        Frontier memory frontier,
        BatchEvent memory entry
    ) private {
        if (group.record == 0) {
            if (group.announcement != 0) _recordCarried(group, claim, frontier, entry);
            entry.addGroup(group.head, claim.resourceId);
        }
        uint256 index = frontier.size;
        uint256 requesterAfter = _useSequence(claim, index);
        group.take(claim, index);
        bytes32 evidence = SignatureLib.evidenceOf(signatures);
        _log.push(frontier, group.leafOf(claim, index, requesterAfter, evidence));
        entry.add(group.item, group.itemBytes);
    }

    /// @dev Records the announcement that a group carries, before its first request. Events keep the
    /// order of records.
    function _recordCarried(
        Group memory group,
        Claim memory claim,
        Frontier memory frontier,
        BatchEvent memory entry
    ) private {
        entry.flush(IRegistry.BatchAllocated.selector);
        (Announcement calldata announcement, bytes calldata signature) = group.announcementOf();
        bytes32 leaf = _recordAnnouncement(claim.resourceId, announcement, signature, frontier.size);
        _log.push(frontier, leaf);
        entry.index = frontier.size;
        group.announcement = 0;
    }

    /* RELEASES */

    /// @inheritdoc IRegistry
    function releasePacked(bytes calldata batch) external {
        Frontier memory frontier = _log.open();
        Chain memory chain = PathLib.open(_log);
        BatchEvent memory entry = BatchEventLib.open(batch.length, frontier.size);
        Claim memory claim;
        Freeing memory freeing;
        uint256 offset = 0;
        while (offset < batch.length) {
            uint256 mark = _memoryMark();
            offset = freeing.readRelease(batch, offset);
            uint256 code = _openPacked(claim, freeing, chain);
            if (code == 0) code = _judgeRelease(claim, freeing);
            if (code == 0) _recordFreed(claim, freeing, frontier, entry);
            else _skip(freeing.id, code, claim);
            _memoryRelease(mark);
        }
        entry.flush(IRegistry.BatchReleased.selector);
        _log.close(frontier);
    }

    /// @dev A packed release names its request by the record. Proves the record, if it is one.
    function _openPacked(Claim memory claim, Freeing memory freeing, Chain memory chain)
        private
        view
        returns (uint256 code)
    {
        _openRelease(claim, freeing);
        bytes32 requestId = claim.id;
        freeing.requestId = requestId;
        freeing.id =
            MessageLib.releaseIdOf(requestId, freeing.fromTime, freeing.timestamp, domainSeparator);
        bytes calldata record = freeing.recordOf();
        code = _checkRecord(claim, record);
        if (code == 0) {
            bytes32 leaf = RecordLib.leafOf(record);
            (freeing.proven, freeing.node, freeing.peak) =
                PathLib.prove(_log, chain, leaf, freeing.index, freeing.pathOf());
        }
    }

    function _recordFreed(
        Claim memory claim,
        Freeing memory freeing,
        Frontier memory frontier,
        BatchEvent memory entry
    ) private {
        uint256 index = frontier.size;
        entry.addRelease(freeing);
        bytes32 evidence = SignatureLib.evidenceOf(freeing.signatureOf());
        _log.push(frontier, _recordRelease(claim, freeing, index, evidence));
    }

    /// @dev Memory is given back, as a group may skip thousands of items.
    function _skip(bytes32 id, uint256 code, Claim memory claim) private {
        uint256 mark = _memoryMark();
        _refuse(id, code, claim.got, claim.want);
        _memoryRelease(mark);
    }
}
