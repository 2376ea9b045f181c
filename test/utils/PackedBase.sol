// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Refusal,
    Request,
    SignedRelease,
    SignedRequest
} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalBase} from "./RefusalBase.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Requests that are packed together (docs/protocol.md section 4.6). All have one resource,
/// startTime and endTime.
/// @param timestamp what the delays of the items are added to
/// @param carried whether the resource is carried
/// @param announcement if it is
/// @param providerSignature if it is
struct PackedGroup {
    uint64 timestamp;
    bool carried;
    Announcement announcement;
    bytes providerSignature;
    SignedRequest[] items;
}

/// @notice What a batch has to emit.
/// @param refused what `Refused` tells, in order
/// @param recorded all other events, in order
/// @param index of the first record of the next BatchAllocated
/// @param groups its bytes
struct Expected {
    bytes refused;
    bytes recorded;
    uint64 index;
    bytes groups;
}

/// @notice Packs batches, slowly and plainly, and compares what they do with the same items sent one
/// by one in the same block.
abstract contract PackedBase is RefusalBase {
    /* ENCODING */

    function encode(PackedGroup[] memory groups) internal pure returns (bytes memory batch) {
        for (uint256 i = 0; i < groups.length; ++i) {
            batch = bytes.concat(batch, encode(groups[i]));
        }
    }

    function encode(PackedGroup memory group) internal pure returns (bytes memory packed) {
        uint8 kind = _isApproved(group) ? 1 : 0;
        if (group.carried) {
            bytes memory resource =
                bytes.concat(abi.encode(group.announcement), group.providerSignature);
            packed = _header(group, kind + 2, group.items.length, resource);
        } else {
            packed = _header(
                group, kind, group.items.length, abi.encode(group.items[0].request.resourceId)
            );
        }
        for (uint256 i = 0; i < group.items.length; ++i) {
            packed = bytes.concat(packed, _item(group, i));
        }
    }

    /// @dev The group as the event tells of it: without the items that `accepted` leaves out.
    function logged(PackedGroup memory group, bool[] memory accepted)
        internal
        pure
        returns (bytes memory packed)
    {
        uint256 count = 0;
        for (uint256 i = 0; i < accepted.length; ++i) {
            if (!accepted[i]) continue;
            packed = bytes.concat(packed, _item(group, i));
            ++count;
        }
        if (count == 0) return "";
        bytes memory resource = abi.encode(group.items[0].request.resourceId);
        return bytes.concat(_header(group, _isApproved(group) ? 1 : 0, count, resource), packed);
    }

    function encode(SignedRelease[] memory items) internal pure returns (bytes memory batch) {
        for (uint256 i = 0; i < items.length; ++i) {
            SignedRelease memory own = items[i];
            batch = bytes.concat(batch, _head(own), own.record, bytes1(uint8(own.path.length)));
            batch = bytes.concat(batch, abi.encodePacked(own.path));
        }
    }

    /// @dev A release as the event tells of it: the allocation's index in front.
    function logged(SignedRelease memory own) internal pure returns (bytes memory packed) {
        packed = bytes.concat(new bytes(8), _head(own));
        for (uint256 i = 0; i < 8; ++i) {
            packed[i] = own.record[22 + i];
        }
    }

    function _head(SignedRelease memory own) private pure returns (bytes memory) {
        return abi.encodePacked(own.release.fromTime, own.release.timestamp, own.signatures);
    }

    function _header(PackedGroup memory group, uint8 kind, uint256 count, bytes memory resource)
        private
        pure
        returns (bytes memory)
    {
        Request memory first = group.items[0].request;
        return abi.encodePacked(
            kind,
            uint16(count),
            uint40(first.startTime),
            uint40(first.endTime),
            uint40(group.timestamp),
            resource
        );
    }

    function _item(PackedGroup memory group, uint256 i) private pure returns (bytes memory) {
        Request memory message = group.items[i].request;
        uint16 delay = uint16(message.timestamp - group.timestamp);
        return abi.encodePacked(
            message.requester, message.volume, delay, message.sequence, group.items[i].signatures
        );
    }

    function _isApproved(PackedGroup memory group) private pure returns (bool) {
        return group.items[0].signatures.length == 128;
    }

    /* THE SAME AS SINGLES */

    /// @dev Same state, same records, same refusals; the events that section 6.1 describes.
    function assertSameAsSingles(PackedGroup[] memory groups) internal {
        uint256 before = vm.snapshotState();
        Expected memory expected = _sendSingles(groups);
        bytes32 state = stateOf(groups);
        vm.revertToState(before);
        vm.recordLogs();
        registry.requestPacked(encode(groups));
        _assertLogs(vm.getRecordedLogs(), expected);
        assertEq(stateOf(groups), state, "state");
    }

    function assertSameAsSingles(PackedGroup memory group) internal {
        PackedGroup[] memory groups = new PackedGroup[](1);
        groups[0] = group;
        assertSameAsSingles(groups);
    }

    /// @dev The log's head, and every word that the groups may have touched.
    function stateOf(PackedGroup[] memory groups) internal view returns (bytes32 hash) {
        hash = keccak256(abi.encode(registry.size(), registry.root()));
        for (uint256 i = 0; i < groups.length; ++i) {
            bytes32 resourceId = groups[i].items[0].request.resourceId;
            hash = keccak256(abi.encode(hash, registry.resourceOf(resourceId)));
            hash = keccak256(abi.encode(hash, registry.approverOf(resourceId)));
            for (uint256 number = 0; number < 34; ++number) {
                hash = keccak256(abi.encode(hash, registry.wordOf(resourceId, number)));
            }
            for (uint256 j = 0; j < groups[i].items.length; ++j) {
                address who = groups[i].items[j].request.requester;
                hash = keccak256(abi.encode(hash, registry.requesterOf(who)));
            }
        }
    }

    function _sendSingles(PackedGroup[] memory groups) private returns (Expected memory expected) {
        for (uint256 i = 0; i < groups.length; ++i) {
            bool[] memory accepted = new bool[](groups[i].items.length);
            for (uint256 j = 0; j < accepted.length; ++j) {
                accepted[j] = _sendSingle(groups[i], j, expected);
            }
            bytes memory group = logged(groups[i], accepted);
            expected.groups = bytes.concat(expected.groups, group);
        }
        _expectBatchEvent(expected);
    }

    /// @dev Groups before one that records its announcement are told of before it.
    function _sendSingle(PackedGroup memory group, uint256 i, Expected memory expected)
        private
        returns (bool accepted)
    {
        SignedRequest memory item = group.items[i];
        uint64 size = registry.size();
        vm.recordLogs();
        (bool done, bytes memory answer) = address(registry).call(_singleCall(group, item));
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        if (!done) {
            bytes32 id = registry.requestId(item.request);
            expected.refused = bytes.concat(expected.refused, abi.encodePacked(id, answer));
            return false;
        }
        if (logs[0].topics[0] == IRegistry.ResourceAnnounced.selector) {
            _expectBatchEvent(expected);
            expected.recorded = bytes.concat(expected.recorded, _bytesOf(logs[0]));
            ++size;
        }
        if (expected.index == 0) expected.index = size;
        return true;
    }

    function _singleCall(PackedGroup memory group, SignedRequest memory item)
        private
        pure
        returns (bytes memory)
    {
        if (!group.carried) {
            return abi.encodeCall(IRegistry.request, (item.request, item.signatures));
        }
        bytes memory signatures = bytes.concat(group.providerSignature, item.signatures);
        return abi.encodeCall(
            IRegistry.announceAndRequest, (group.announcement, item.request, signatures)
        );
    }

    function _expectBatchEvent(Expected memory expected) private pure {
        if (expected.groups.length != 0) {
            VmSafe.Log memory entry;
            entry.topics = new bytes32[](1);
            entry.topics[0] = IRegistry.BatchAllocated.selector;
            entry.data = abi.encode(expected.index, expected.groups);
            expected.recorded = bytes.concat(expected.recorded, _bytesOf(entry));
        }
        (expected.index, expected.groups) = (0, "");
    }

    function _assertLogs(VmSafe.Log[] memory logs, Expected memory expected) private pure {
        bytes memory refused;
        bytes memory recorded;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IRegistry.Refused.selector) {
                bytes memory reason = errorOf(abi.decode(logs[i].data, (Refusal)));
                refused = bytes.concat(refused, abi.encodePacked(logs[i].topics[1], reason));
            } else {
                recorded = bytes.concat(recorded, _bytesOf(logs[i]));
            }
        }
        assertEq(recorded, expected.recorded, "events of what was recorded");
        assertEq(refused, expected.refused, "refusals");
    }

    function _bytesOf(VmSafe.Log memory entry) private pure returns (bytes memory) {
        return abi.encode(entry.topics, entry.data);
    }
}
