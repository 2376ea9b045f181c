// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, Refusal, Request} from "../../contracts/interfaces/IRegistry.sol";
import {ReferenceLog} from "./ReferenceLog.sol";
import {ReferenceMessages} from "./ReferenceMessages.sol";

/// @notice Announcements and requests of the plain ledger, and its log.
abstract contract ReferenceRequests is ReferenceMessages {
    struct Booking {
        bytes32 resourceId;
        uint256 firstSlot;
        uint256 slotCount;
        uint16 volume;
        uint64 index;
    }

    /// @dev A record that wrote some words.
    struct Write {
        bytes32 resourceId;
        uint256 firstWord;
        uint256 lastWord;
        uint64 index;
    }

    bytes32[] public leaves;
    bytes[] internal _records;
    Write[] internal _writes;
    mapping(uint64 index => bool) public released;
    mapping(bytes32 => bool) public withdrawn;
    Booking[] public bookings;
    mapping(bytes32 => Announcement) internal _announcements;
    mapping(bytes32 => uint64) public indexOf;
    mapping(address => mapping(uint64 => bool)) public seen;
    mapping(address => uint64) public highestOf;
    mapping(address => uint64) public lastOf;

    /* WHAT IS KEPT */

    function size() external view returns (uint256) {
        return leaves.length;
    }

    function root() external view returns (bytes32) {
        return ReferenceLog.root(leaves, 0, leaves.length);
    }

    function recordAt(uint256 index) external view returns (bytes memory) {
        return _records[index];
    }

    /// @notice Used volume of one slot: the sum over all allocations that hold it.
    function usedAt(bytes32 resourceId, uint256 slot) public view returns (uint256 used) {
        for (uint256 i = 0; i < bookings.length; ++i) {
            if (_holds(bookings[i], resourceId, slot)) used += bookings[i].volume;
        }
    }

    /// @notice Bit j: highest - 1 - j was seen. 0 counts as seen: nobody can use it.
    function bitmapOf(address requester) public view returns (uint128 bitmap) {
        uint64 highest = highestOf[requester];
        for (uint64 j = 0; j < 128 && j + 1 <= highest; ++j) {
            uint64 sequence = highest - 1 - j;
            if (sequence == 0 || seen[requester][sequence]) bitmap |= uint128(1) << j;
        }
    }

    /* ANNOUNCEMENTS */

    function announce(Announcement memory message, bytes memory signatures)
        external
        returns (Refusal memory refusal)
    {
        refusal = judge(message, signatures);
        if (refusal.code != 0) return refusal;
        bytes32 id = idOf(message);
        indexOf[id] = uint64(leaves.length);
        _announcements[id] = message;
        _append(1, _body(message, signatures));
    }

    function judge(Announcement memory message, bytes memory signatures)
        public
        view
        returns (Refusal memory)
    {
        if (signatures.length != 64) return Refusal(1, signatures.length, 64);
        bytes32 id = idOf(message);
        (address signer, address provider) = (recover(id, signatures, 0), message.provider);
        if (signer == address(0) || signer != provider) return _addresses(201, signer, provider);
        if (indexOf[id] != 0) return Refusal(301, uint256(id), indexOf[id]);
        if (withdrawn[id]) return Refusal(203, uint256(id), 0);
        if (message.volume < 1) return Refusal(401, 0, 1);
        (uint64 start, uint64 end) = (message.startTime, message.endTime);
        if (start >= end) return Refusal(402, start, end);
        if (message.slotSeconds < 1) return Refusal(403, 0, 1);
        if ((end - start) % message.slotSeconds != 0) {
            return Refusal(404, end - start, message.slotSeconds);
        }
        if (end >= 2 ** 40) return Refusal(405, end, 2 ** 40 - 1);
        return Refusal(0, 0, 0);
    }

    /* REQUESTS */

    function request(Request memory message, bytes memory signatures)
        external
        returns (Refusal memory refusal)
    {
        refusal = judge(message, signatures);
        if (refusal.code != 0) return refusal;
        (uint256 first, uint256 count) = _slots(message);
        uint64 index = uint64(leaves.length);
        bytes memory words = _words(message, first, count);
        bytes memory body = _head(message, first, count);
        address requester = message.requester;
        seen[requester][message.sequence] = true;
        if (message.sequence > highestOf[requester]) highestOf[requester] = message.sequence;
        body = abi.encodePacked(body, highestOf[requester], bitmapOf(requester));
        lastOf[requester] = index;
        bookings.push(Booking(message.resourceId, first, count, message.volume, index));
        _writes.push(Write(message.resourceId, first / 12, (first + count - 1) / 12, index));
        _append(2, abi.encodePacked(body, keccak256(words), evidenceOf(signatures)));
    }

    function judge(Request memory message, bytes memory signatures)
        public
        view
        returns (Refusal memory refusal)
    {
        uint256 length = signatures.length;
        if (length != 64 && length != 128) return Refusal(1, length, 64);
        (address signer, address requester) =
            (recover(idOf(message), signatures, 0), message.requester);
        if (signer == address(0) || signer != requester) return _addresses(101, signer, requester);
        uint64 index = indexOf[message.resourceId];
        if (index != 0) refusal = _judgeApprover(message, signatures);
        if (refusal.code != 0) return refusal;
        if (index == 0) return Refusal(202, uint256(message.resourceId), 0);
        if (withdrawn[message.resourceId]) return Refusal(203, uint256(message.resourceId), 0);
        refusal = _judgeSequence(requester, message.sequence);
        if (refusal.code == 0) refusal = _judgeWindow(message);
        if (refusal.code == 0) refusal = _judgeCapacity(message);
    }

    function _judgeApprover(Request memory message, bytes memory signatures)
        private
        view
        returns (Refusal memory)
    {
        address approver = _announcements[message.resourceId].approver;
        uint256 needed = approver == address(0) ? 1 : 2;
        if (signatures.length / 64 != needed) {
            return Refusal(102, signatures.length / 64, needed);
        }
        if (needed == 1) return Refusal(0, 0, 0);
        address signer = recover(idOf(message), signatures, 1);
        bool signed = signer == approver;
        return signed ? Refusal(0, 0, 0) : _addresses(103, signer, approver);
    }

    function _judgeSequence(address requester, uint64 sequence)
        private
        view
        returns (Refusal memory)
    {
        uint256 highest = highestOf[requester];
        bool far = sequence > highest + 128 || uint256(sequence) + 128 < highest;
        if (sequence == 0 || far) return Refusal(302, sequence, highest);
        if (seen[requester][sequence]) return Refusal(303, sequence, highest);
        return Refusal(0, 0, 0);
    }

    function _judgeWindow(Request memory message) private view returns (Refusal memory) {
        Announcement memory resource = _announcements[message.resourceId];
        (uint256 start, uint256 end) = (message.startTime, message.endTime);
        if (message.volume < 1) return Refusal(401, 0, 1);
        if (start >= end) return Refusal(402, start, end);
        if (start < resource.startTime) return Refusal(406, start, resource.startTime);
        if (end > resource.endTime) return Refusal(406, end, resource.endTime);
        uint256 off = (start - resource.startTime) % resource.slotSeconds;
        if (off != 0) return Refusal(407, start, start - off);
        off = (end - resource.startTime) % resource.slotSeconds;
        if (off != 0) return Refusal(407, end, end - off);
        (uint256 first, uint256 count) = _slots(message);
        uint256 words = (first + count - 1) / 12 - first / 12 + 1;
        if (words > 16) return Refusal(408, words, 16);
        uint256 firstEnd = start + resource.slotSeconds;
        if (firstEnd <= block.timestamp) return Refusal(409, firstEnd, block.timestamp);
        uint256 stamp = message.timestamp;
        if (stamp > block.timestamp + 300 || stamp + 300 < block.timestamp) {
            return Refusal(410, stamp, block.timestamp);
        }
        return Refusal(0, 0, 0);
    }

    function _judgeCapacity(Request memory message) private view returns (Refusal memory) {
        (uint256 first, uint256 count) = _slots(message);
        uint256 volume = _announcements[message.resourceId].volume;
        for (uint256 slot = first; slot < first + count; ++slot) {
            uint256 free = volume - usedAt(message.resourceId, slot);
            if (message.volume > free) return Refusal(501, message.volume, free);
        }
        return Refusal(0, 0, 0);
    }

    /* RECORDS (docs/protocol.md section 6) */

    function _append(uint8 kind, bytes memory body) internal {
        uint64 index = uint64(leaves.length);
        bytes memory header =
            abi.encodePacked(uint8(1), kind, registry, index, uint64(block.timestamp));
        _records.push(abi.encodePacked(header, body));
        leaves.push(keccak256(abi.encodePacked(bytes1(0), header, body)));
    }

    function _body(Announcement memory message, bytes memory signatures)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(
            abi.encodePacked(
                message.provider,
                message.approver,
                message.volume,
                message.startTime,
                message.endTime
            ),
            message.slotSeconds,
            message.noticeSeconds,
            message.timestamp,
            message.offer,
            evidenceOf(signatures)
        );
    }

    function _head(Request memory message, uint256 first, uint256 count)
        private
        view
        returns (bytes memory)
    {
        return abi.encodePacked(
            abi.encodePacked(
                message.resourceId,
                indexOf[message.resourceId],
                message.requester,
                message.volume,
                message.startTime,
                message.endTime
            ),
            uint64(first),
            uint16(count),
            message.timestamp,
            message.sequence,
            lastOf[message.requester]
        );
    }

    /// @dev One item for each word: who wrote it last, and what it would hold afterwards.
    function _words(Request memory message, uint256 first, uint256 count)
        internal
        view
        returns (bytes memory items)
    {
        for (uint256 word = first / 12; word <= (first + count - 1) / 12; ++word) {
            items = abi.encodePacked(items, _lastWriter(message.resourceId, word));
            for (uint256 slot = 12 * word; slot < 12 * word + 12; ++slot) {
                bool asked = slot >= first && slot < first + count;
                uint256 used = usedAt(message.resourceId, slot) + (asked ? message.volume : 0);
                items = abi.encodePacked(items, uint16(used));
            }
        }
    }

    function _lastWriter(bytes32 resourceId, uint256 word) private view returns (uint64 index) {
        for (uint256 i = 0; i < _writes.length; ++i) {
            Write storage write = _writes[i];
            if (write.resourceId != resourceId) continue;
            if (write.firstWord <= word && word <= write.lastWord) index = write.index;
        }
    }

    function _slots(Request memory message) internal view returns (uint256 first, uint256 count) {
        Announcement memory resource = _announcements[message.resourceId];
        first = (message.startTime - resource.startTime) / resource.slotSeconds;
        count = (message.endTime - message.startTime) / resource.slotSeconds;
    }

    function _holds(Booking storage booking, bytes32 resourceId, uint256 slot)
        private
        view
        returns (bool)
    {
        return booking.resourceId == resourceId && slot >= booking.firstSlot
            && slot < booking.firstSlot + booking.slotCount;
    }

    function _addresses(uint16 code, address got, address want)
        internal
        pure
        returns (Refusal memory)
    {
        return Refusal(code, uint160(got), uint160(want));
    }
}
