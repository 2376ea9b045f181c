// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    Refusal,
    Release,
    Request,
    Withdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {ReferenceLog} from "./ReferenceLog.sol";
import {ReferenceMessages} from "./ReferenceMessages.sol";
import {ReferenceRequests} from "./ReferenceRequests.sol";

/// @notice The ledger as docs/protocol.md section 4 reads, slow and plain: it keeps every allocation
/// and every sequence, adds up and walks through all of them each time, and shares no code with the
/// registry.
contract ReferenceLedger is ReferenceRequests {
    constructor(address registry, bytes32 networkId) ReferenceMessages(registry, networkId) {
        bytes memory body = abi.encodePacked(networkId, bytes32(0), bytes32(0), uint64(0));
        _append(0, body);
    }

    /// @notice The nodes that lead from a record to its peak: the beginning of its inclusion path.
    function pathOf(uint256 index) external view returns (bytes32[] memory path) {
        bytes32[] memory all = ReferenceLog.path(leaves, index, 0, leaves.length);
        path = new bytes32[](_heightOf(index));
        for (uint256 i = 0; i < path.length; ++i) {
            path[i] = all[i];
        }
    }

    /* FIRST USE */

    /// @notice Whoever calls takes it back when the request is refused.
    function announceAndRequest(
        Announcement memory announcement,
        Request memory message,
        bytes memory signatures
    ) external returns (Refusal memory refusal) {
        uint256 length = signatures.length;
        if (length != 128 && length != 192) return Refusal(1, length, 128);
        bytes32 id = idOf(announcement);
        if (id != message.resourceId) {
            return Refusal(205, uint256(id), uint256(message.resourceId));
        }
        if (indexOf[id] == 0) refusal = this.announce(announcement, _cut(signatures, 0, 64));
        if (refusal.code != 0) return refusal;
        return this.request(message, _cut(signatures, 64, length - 64));
    }

    /* RELEASES */

    function release(
        Release memory message,
        bytes memory signatures,
        bytes memory record,
        bytes32[] memory path
    ) external returns (Refusal memory refusal) {
        refusal = judge(message, signatures, record, path);
        if (refusal.code == 0) _free(message, record, evidenceOf(signatures));
    }

    function _free(Release memory message, bytes memory record, bytes32 evidence) private {
        Request memory allocated = requestIn(record);
        uint64 allocation = uint64(_number(record, 22, 8));
        allocated.startTime = message.fromTime;
        (uint256 first, uint256 count) = _slots(allocated);
        released[allocation] = true;
        for (uint256 i = 0; i < bookings.length; ++i) {
            if (bookings[i].index == allocation) bookings[i].slotCount -= count;
        }
        // the slots are given back already, so nothing is to be added
        allocated.volume = 0;
        bytes32 words = keccak256(_words(allocated, first, count));
        bytes memory body = abi.encodePacked(
            message.requestId, allocation, _cut(record, 38, 78), uint64(first), uint16(count)
        );
        body = abi.encodePacked(body, message.fromTime, message.timestamp, words, evidence);
        uint64 index = uint64(leaves.length);
        _writes.push(Write(allocated.resourceId, first / 12, (first + count - 1) / 12, index));
        _append(3, body);
    }

    function judge(
        Release memory message,
        bytes memory signatures,
        bytes memory record,
        bytes32[] memory path
    ) public view returns (Refusal memory) {
        if (signatures.length != 64) return Refusal(1, signatures.length, 64);
        if (record.length != 238) return Refusal(2, record.length, 238);
        if (_number(record, 0, 2) != 0x0102) return Refusal(3, _number(record, 0, 2), 0x0102);
        Request memory allocated = requestIn(record);
        address signer = recover(idOf(message), signatures, 0);
        if (signer == address(0) || signer != allocated.requester) {
            return _addresses(101, signer, allocated.requester);
        }
        if (message.requestId != idOf(allocated)) {
            return Refusal(206, uint256(message.requestId), uint256(idOf(allocated)));
        }
        uint256 index = _number(record, 22, 8);
        (bytes32 node, bytes32 peak) = _walk(record, index, path);
        if (node != peak || peak == 0) return Refusal(207, uint256(node), uint256(peak));
        if (released[uint64(index)]) return Refusal(304, uint256(message.requestId), index);
        return _judgeTimes(message, allocated);
    }

    /// @notice The request that an allocation's record tells of.
    function requestIn(bytes memory record) public pure returns (Request memory message) {
        message.resourceId = bytes32(_number(record, 38, 32));
        message.requester = address(uint160(_number(record, 78, 20)));
        message.volume = uint16(_number(record, 98, 2));
        message.startTime = uint64(_number(record, 100, 8));
        message.endTime = uint64(_number(record, 108, 8));
        message.timestamp = uint64(_number(record, 126, 8));
        message.sequence = uint64(_number(record, 134, 8));
    }

    function _judgeTimes(Release memory message, Request memory allocated)
        private
        view
        returns (Refusal memory)
    {
        Announcement memory resource = _announcements[allocated.resourceId];
        uint256 from = message.fromTime;
        if (from < allocated.startTime) return Refusal(411, from, allocated.startTime);
        if (from >= allocated.endTime) return Refusal(411, from, allocated.endTime);
        uint256 off = (from - resource.startTime) % resource.slotSeconds;
        if (off != 0) return Refusal(407, from, from - off);
        uint256 earliest = block.timestamp + resource.noticeSeconds;
        if (from < earliest) return Refusal(412, from, earliest);
        uint256 stamp = message.timestamp;
        if (stamp > block.timestamp + 300 || stamp + 300 < block.timestamp) {
            return Refusal(410, stamp, block.timestamp);
        }
        return Refusal(0, 0, 0);
    }

    /// @dev Where a path leads, and the peak that it should lead to.
    function _walk(bytes memory record, uint256 index, bytes32[] memory path)
        private
        view
        returns (bytes32 node, bytes32 peak)
    {
        if (index >= leaves.length) return (0, 0);
        uint256 height = _heightOf(index);
        uint256 first = index - index % 2 ** height;
        peak = ReferenceLog.root(leaves, first, first + 2 ** height);
        if (path.length != height) return (0, peak);
        node = keccak256(abi.encodePacked(bytes1(0), record));
        for (uint256 i = 0; i < height; ++i) {
            bool right = (index / 2 ** i) % 2 == 1;
            node = right ? ReferenceLog.node(path[i], node) : ReferenceLog.node(node, path[i]);
        }
    }

    /// @dev Of the peak that a record stands under: peaks cover the log from the left, the highest
    /// first.
    function _heightOf(uint256 index) private view returns (uint256 height) {
        uint256 left = leaves.length;
        uint256 covered = 0;
        while (true) {
            height = 0;
            while (2 ** (height + 1) <= left) ++height;
            covered += 2 ** height;
            if (index < covered) return height;
            left -= 2 ** height;
        }
    }

    /* WITHDRAWALS */

    function withdraw(
        Withdrawal memory message,
        Announcement memory announcement,
        bytes memory signatures
    ) external returns (Refusal memory refusal) {
        refusal = judge(message, announcement, signatures);
        if (refusal.code != 0) return refusal;
        bytes32 id = message.resourceId;
        withdrawn[id] = true;
        bytes memory body = abi.encodePacked(id, indexOf[id], announcement.provider);
        _append(4, abi.encodePacked(body, message.timestamp, evidenceOf(signatures)));
    }

    function judge(
        Withdrawal memory message,
        Announcement memory announcement,
        bytes memory signatures
    ) public view returns (Refusal memory) {
        if (signatures.length != 64) {
            return Refusal(1, signatures.length, 64);
        }
        (bytes32 id, bytes32 resourceId) = (idOf(announcement), message.resourceId);
        if (id != resourceId) return Refusal(205, uint256(id), uint256(resourceId));
        address signer = recover(idOf(message), signatures, 0);
        if (signer == address(0) || signer != announcement.provider) {
            return _addresses(201, signer, announcement.provider);
        }
        if (withdrawn[id]) return Refusal(203, uint256(id), 0);
        return Refusal(0, 0, 0);
    }

    /* BYTES */

    function _number(bytes memory data, uint256 from, uint256 count)
        private
        pure
        returns (uint256 number)
    {
        for (uint256 i = from; i < from + count; ++i) {
            number = (number << 8) | uint8(data[i]);
        }
    }

    function _cut(bytes memory data, uint256 from, uint256 count)
        private
        pure
        returns (bytes memory part)
    {
        part = new bytes(count);
        for (uint256 i = 0; i < count; ++i) {
            part[i] = data[from + i];
        }
    }
}
