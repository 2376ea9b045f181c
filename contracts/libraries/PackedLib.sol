// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Announcement, IRegistry} from "../interfaces/IRegistry.sol";
import {CalendarLib} from "./CalendarLib.sol";
import {Claim} from "./ClaimLib.sol";
import {Freeing} from "./FreeingLib.sol";
import {RecordLib} from "./RecordLib.sol";
import {ResourceLib} from "./ResourceLib.sol";
import {SignatureLib} from "./SignatureLib.sol";

/// @notice A group of packed requests. What its items have in common is read and judged once.
/// @param head its first word in the calldata: kind 8 | count 16 | startTime 40 | endTime 40 |
/// timestamp 40, then the resource begins
/// @param item position in the calldata of the item at hand
/// @param end position after the last item
/// @param itemBytes length of an item
/// @param announcement position of the carried announcement, until it is recorded; else 0
/// @param closed whether each item is refused for the announcement or the resource
/// @param announcementCode why the announcement is refused, if it is
/// @param windowCode why these slots cannot be had, whoever asks
/// @param got what that refusal found
/// @param want what it wanted
/// @param free volume free in the fullest of the slots asked
/// @param record memory address of the last record, which the next one differs little from; 0 until
/// the first item is accepted
struct Group {
    uint256 head;
    uint256 item;
    uint256 end;
    uint256 itemBytes;
    uint256 announcement;
    bool closed;
    uint256 announcementCode;
    uint256 windowCode;
    uint256 got;
    uint256 want;
    uint256 free;
    uint256 record;
}

/// @title PackedLib: batches that are packed (docs/protocol.md section 4.6)
/// @notice Reads them where they stand in the calldata. A group or an item is only opened if all of
/// it lies inside the batch; positions in the calldata are far below 2^64.
library PackedLib {
    /// @dev Bits of a group's kind.
    uint256 internal constant APPROVED = 1;
    uint256 internal constant CARRIED = 2;
    /// @dev kind 1, count 2, startTime 5, endTime 5, timestamp 5.
    uint256 internal constant HEADER_BYTES = 18;
    uint256 internal constant ID_BYTES = 32;
    /// @dev Nine ABI words.
    uint256 internal constant ANNOUNCEMENT_BYTES = 288;
    uint256 internal constant CARRIED_BYTES = ANNOUNCEMENT_BYTES + SignatureLib.LENGTH;
    /// @dev requester 20, volume 2, delay 2, sequence 8.
    uint256 internal constant TERMS_BYTES = 32;
    /// @dev fromTime 8, timestamp 8.
    uint256 internal constant TIMES_BYTES = 16;
    /// @dev Where the record of a release's allocation stands in its item, and the path.
    uint256 private constant RECORD_AT = TIMES_BYTES + SignatureLib.LENGTH;
    uint256 private constant PATH_AT = RECORD_AT + RecordLib.ALLOCATION_LENGTH + 1;
    uint256 private constant MAX_PATH = 64;
    /// @dev Where the index stands in a record: after version, kind and writer.
    uint256 private constant INDEX_AT = 22;

    /* READING */

    /// @notice Reads the header of the group at `offset`, and what all of its requests say; their
    /// resourceId only if it is not carried. The whole group has to be there.
    /// @return next offset after the group
    function open(Group memory group, Claim memory claim, bytes calldata batch, uint256 offset)
        internal
        pure
        returns (uint256 next)
    {
        uint256 position = positionOf(batch, offset);
        uint256 head = _wordAt(position);
        uint256 kind = head >> 248;
        // calldata is shorter than 2^64 bytes, and so is a group of 2^16 items
        unchecked {
            uint256 itemBytes = TERMS_BYTES + SignatureLib.LENGTH * (1 + (kind & APPROVED));
            uint256 headBytes = HEADER_BYTES + ID_BYTES;
            if (kind & CARRIED != 0) headBytes = HEADER_BYTES + CARRIED_BYTES;
            uint256 all = ((head >> 232) & type(uint16).max) * itemBytes;
            next = offset + headBytes + all;
            if (all == 0 || _isInvalid(kind, APPROVED | CARRIED, next, batch.length)) {
                revert IRegistry.PackedBatchInvalid(offset, batch.length);
            }
            group.announcement = kind & CARRIED == 0 ? 0 : position + HEADER_BYTES;
            claim.resourceId = bytes32(_wordAt(position + HEADER_BYTES));
            position += headBytes;
            (group.item, group.end) = (position, position + all);
            (group.head, group.itemBytes) = (head, itemBytes);
        }
        group.record = 0;
        _readWindow(claim, head);
    }

    /// @dev A number that is too large, or not all of a group or item is there. One jump, not two.
    function _isInvalid(uint256 count, uint256 most, uint256 next, uint256 length)
        private
        pure
        returns (bool bad)
    {
        assembly ("memory-safe") {
            bad := or(gt(count, most), gt(next, length))
        }
    }

    /// @notice What the request at hand says.
    /// @return its signatures
    function read(Group memory group, Claim memory claim) internal pure returns (bytes calldata) {
        _readItem(claim, group.head, group.item);
        return signaturesOf(group);
    }

    function _readItem(Claim memory claim, uint256 head, uint256 item) private pure {
        uint256 terms = _wordAt(item);
        claim.requester = terms >> 96;
        claim.volume = (terms >> 80) & type(uint16).max;
        claim.sequence = terms & type(uint64).max;
        unchecked {
            claim.timestamp =
                ((head >> 112) & type(uint40).max) + ((terms >> 64) & type(uint16).max);
        }
    }

    function _readWindow(Claim memory claim, uint256 head) private pure {
        claim.startTime = (head >> 192) & type(uint40).max;
        claim.endTime = (head >> 152) & type(uint40).max;
    }

    /// @notice Whether the group at `offset` says that it has one item, and carries nothing.
    function isAlone(bytes calldata batch, uint256 offset) internal pure returns (bool) {
        return (_wordAt(positionOf(batch, offset)) >> 232) & ~(APPROVED << 16) == 1;
    }

    /// @notice Reads a group of one, for which `isAlone` holds. All of it has to be there.
    /// @return length of the group
    /// @return signatures its item's
    function readAlone(Claim memory claim, bytes calldata batch, uint256 offset)
        internal
        pure
        returns (uint256 length, bytes calldata signatures)
    {
        uint256 position = positionOf(batch, offset);
        uint256 head = _wordAt(position);
        unchecked {
            uint256 signed = SignatureLib.LENGTH << (head >> 248);
            length = HEADER_BYTES + ID_BYTES + TERMS_BYTES + signed;
            if (offset + length > batch.length) {
                revert IRegistry.PackedBatchInvalid(offset, batch.length);
            }
            claim.resourceId = bytes32(_wordAt(position + HEADER_BYTES));
            position += HEADER_BYTES + ID_BYTES;
            _readWindow(claim, head);
            _readItem(claim, head, position);
            signatures = _slice(position + TERMS_BYTES, signed);
        }
    }

    /// @notice Whether an item holds what is left of checks 4 and 5: its volume is neither 0 nor more
    /// than is free in each slot, and its timestamp within `drift` of the block's.
    /// @dev What wraps round is too large.
    function holds(Group memory group, Claim memory claim, uint256 drift)
        internal
        view
        returns (bool all)
    {
        uint256 free = group.free;
        assembly ("memory-safe") {
            let late := sub(add(mload(add(claim, 0xc0)), drift), timestamp())
            all := gt(lt(sub(mload(add(claim, 0x60)), 1), free), gt(late, shl(1, drift)))
        }
    }

    /// @notice Goes on to the next item.
    function advance(Group memory group) internal pure {
        unchecked {
            group.item += group.itemBytes;
        }
    }

    /// @notice The announcement that a group carries, and its signature.
    function announcementOf(Group memory group)
        internal
        pure
        returns (Announcement calldata announcement, bytes calldata providerSignature)
    {
        uint256 position = group.announcement;
        assembly ("memory-safe") {
            announcement := position
        }
        providerSignature = _slice(position + ANNOUNCEMENT_BYTES, SignatureLib.LENGTH);
    }

    /// @notice The signatures of the item at hand.
    function signaturesOf(Group memory group) internal pure returns (bytes calldata) {
        unchecked {
            return _slice(group.item + TERMS_BYTES, group.itemBytes - TERMS_BYTES);
        }
    }

    function _slice(uint256 position, uint256 length) private pure returns (bytes calldata slice) {
        assembly ("memory-safe") {
            slice.offset := position
            slice.length := length
        }
    }

    /// @notice Where in the calldata an offset of a batch is.
    function positionOf(bytes calldata batch, uint256 offset)
        internal
        pure
        returns (uint256 position)
    {
        assembly ("memory-safe") {
            position := add(batch.offset, offset)
        }
    }

    function _wordAt(uint256 position) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(position)
        }
    }

    /* CALENDAR WORDS, which stay in memory until the end of their group */

    /// @notice Reads the words that the group's slots touch. The claim's buffer has four parts: items
    /// and storage slots as in every claim; the words as the items before left them; and words with 1
    /// in the lane of each slot asked.
    function load(
        Group memory group,
        Claim memory claim,
        mapping(uint256 => uint256) storage calendar
    ) internal view {
        uint256 size = claim.wordCount << 5;
        uint256 item;
        assembly ("memory-safe") {
            item := mload(0x40)
            mstore(0x40, add(item, shl(2, size)))
        }
        claim.buffer = item;
        unchecked {
            uint256 wordNumber = claim.firstSlot / CalendarLib.SLOTS_PER_WORD;
            uint256 from = claim.firstSlot % CalendarLib.SLOTS_PER_WORD;
            uint256 to = from + claim.slotCount;
            uint256 most = 0;
            for (uint256 end = item + size; item < end; item += 0x20) {
                uint256 word = _loadOne(calendar, wordNumber, item, size, from, to);
                most = _mostIn(word, from, to, most);
                ++wordNumber;
                from = 0;
                to -= CalendarLib.SLOTS_PER_WORD;
            }
            group.free = ResourceLib.volumeOf(claim.resource) - most;
        }
        group.windowCode = 0;
    }

    function _loadOne(
        mapping(uint256 => uint256) storage calendar,
        uint256 wordNumber,
        uint256 item,
        uint256 size,
        uint256 from,
        uint256 to
    ) private view returns (uint256 word) {
        uint256 ones = CalendarLib.lanesOf(from, to);
        assembly ("memory-safe") {
            mstore(0x00, wordNumber)
            mstore(0x20, calendar.slot)
            let slot := keccak256(0x00, 0x40)
            word := sload(slot)
            item := add(item, size)
            mstore(item, slot)
            item := add(item, size)
            mstore(item, word)
            mstore(add(item, size), ones)
        }
    }

    /// @dev The most that is used in one of the lanes `from` to `to - 1` of a word, or `most`.
    function _mostIn(uint256 word, uint256 from, uint256 to, uint256 most)
        private
        pure
        returns (uint256)
    {
        assembly ("memory-safe") {
            if gt(to, 12) { to := 12 }
            for {} lt(from, to) { from := add(from, 1) } {
                // the first slot is in the most significant of 12 lanes
                let used := and(shr(sub(176, shl(4, from)), word), 0xffff)
                if gt(used, most) { most := used }
            }
        }
        return most;
    }

    /// @notice Free volume in the first slot that has less than the item at hand asks; if there is
    /// none, in the fullest slot.
    function freeIn(Claim memory claim) internal pure returns (uint256) {
        unchecked {
            return CalendarLib.freeIn(claim.buffer + (claim.wordCount << 6), claim);
        }
    }

    /// @notice Takes what the item at hand asks, as record `index`. All slots lose the same, so the
    /// fullest one stays the fullest.
    function take(Group memory group, Claim memory claim, uint256 index) internal pure {
        uint256 asked = claim.volume;
        uint256 size = claim.wordCount << 5;
        uint256 item = claim.buffer;
        uint256 lanes = CalendarLib.LANES;
        assembly ("memory-safe") {
            let head := shl(192, index)
            for { let end := add(item, size) } lt(item, end) { item := add(item, 0x20) } {
                let word := add(item, shl(1, size))
                let after_ := add(mload(word), mul(mload(add(word, size)), asked))
                mstore(item, after_)
                mstore(word, or(head, and(after_, lanes)))
            }
        }
        unchecked {
            group.free -= asked;
        }
    }

    /// @notice Stores the words as the last item left them.
    function store(Claim memory claim) internal {
        uint256 size = claim.wordCount << 5;
        uint256 item = claim.buffer;
        assembly ("memory-safe") {
            for { let end := add(item, size) } lt(item, end) { item := add(item, 0x20) } {
                sstore(mload(add(item, size)), mload(add(item, shl(1, size))))
            }
        }
    }

    /* RECORDS */

    /// @notice Leaf of the item at hand as record `index`, as `RecordLib.allocationLeaf`, which makes
    /// the first record of a group.
    function leafOf(
        Group memory group,
        Claim memory claim,
        uint256 index,
        uint256 requesterAfter,
        bytes32 evidence
    ) internal view returns (bytes32 leaf) {
        uint256 m = group.record;
        if (m == 0) {
            assembly ("memory-safe") {
                m := mload(0x40)
            }
            leaf = RecordLib.allocationLeaf(claim, index, requesterAfter, evidence);
            group.record = m;
            // keeps what was written behind the free memory pointer, 239 bytes
            assembly ("memory-safe") {
                mstore(0x40, add(m, 0x100))
            }
        } else {
            leaf = RecordLib.nextAllocationLeaf(m, claim, index, requesterAfter, evidence);
        }
    }

    /* RELEASES */

    /// @notice Reads the release at `offset`. The whole item has to be there.
    /// @return next offset after the item
    function readRelease(Freeing memory freeing, bytes calldata batch, uint256 offset)
        internal
        pure
        returns (uint256 next)
    {
        uint256 position = positionOf(batch, offset);
        unchecked {
            uint256 n = _wordAt(position + PATH_AT - 1) >> 248;
            next = offset + PATH_AT + 32 * n;
            if (_isInvalid(n, MAX_PATH, next, batch.length)) {
                revert IRegistry.PackedBatchInvalid(offset, batch.length);
            }
            uint256 times = _wordAt(position);
            freeing.fromTime = times >> 192;
            freeing.timestamp = (times >> 128) & type(uint64).max;
            freeing.signature = position + TIMES_BYTES;
            freeing.record = position + RECORD_AT;
            freeing.index = _wordAt(position + RECORD_AT + INDEX_AT) >> 192;
        }
    }

    /// @notice The path from the record of a release: its length stands between them.
    function pathOf(Freeing memory freeing) internal pure returns (bytes32[] calldata nodes) {
        uint256 length = RecordLib.ALLOCATION_LENGTH;
        uint256 start = freeing.record;
        assembly ("memory-safe") {
            let end := add(start, length)
            nodes.offset := add(end, 1)
            nodes.length := byte(0, calldataload(end))
        }
    }

    /// @notice The record of the allocation that a release gives back.
    function recordOf(Freeing memory freeing) internal pure returns (bytes calldata) {
        return _slice(freeing.record, RecordLib.ALLOCATION_LENGTH);
    }

    /// @notice The signature of a release.
    function signatureOf(Freeing memory freeing) internal pure returns (bytes calldata) {
        return _slice(freeing.signature, SignatureLib.LENGTH);
    }
}
