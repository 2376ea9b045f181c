// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Refusal,
    Request,
    SignedRequest
} from "../../contracts/interfaces/IRegistry.sol";
import {PackedBase, PackedGroup} from "../utils/PackedBase.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Packed requests that bring their announcement: docs/protocol.md sections 4.3 and 4.6.
contract RequestCarriedTest is PackedBase {
    uint256 private constant APPROVER_KEY = 0x9003;

    function test_requestPacked_RecordsACarriedAnnouncementOnce() public {
        PackedGroup memory group = _carried(offer(), 3);
        assertSameAsSingles(group);
        assertEq(registry.size(), 5, "the announcement and three requests");
        assertEq(registry.resourceOf(_id(group)).index, 1, "the announcement comes first");
    }

    function test_requestPacked_EmitsTheAnnouncementBeforeItsRequests() public {
        PackedGroup memory group = _carried(offer(), 2);
        expectAnnounced(group.announcement, group.providerSignature, 1);
        vm.expectEmit(address(registry));
        bool[] memory accepted = new bool[](2);
        (accepted[0], accepted[1]) = (true, true);
        emit IRegistry.BatchAllocated(2, logged(group, accepted));
        registry.requestPacked(encode(group));
    }

    /// @dev What was recorded before an announcement is told of before it.
    function test_requestPacked_KeepsTheOrderOfRecordsInItsEvents() public {
        PackedGroup[] memory groups = new PackedGroup[](6);
        Announcement[3] memory offers = [offer(), _other(1), _other(2)];
        groups[0] = _carried(offers[0], 1);
        groups[1] = _plain(groups[0], 10);
        groups[2] = _carried(offers[1], 2);
        groups[2].items = _items(_id(groups[2]), 2, 12);
        groups[3] = _carried(offers[2], 1);
        groups[3].items = _items(_id(groups[3]), 1, 15);
        groups[4] = _plain(groups[2], 20);
        groups[5] = _plain(groups[0], 30);
        vm.recordLogs();
        uint256 before = vm.snapshotState();
        registry.requestPacked(encode(groups));
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 6, "three announcements, and three events of the batch");
        for (uint256 i = 0; i < 6; ++i) {
            bytes32 topic = i % 2 == 0
                ? IRegistry.ResourceAnnounced.selector
                : IRegistry.BatchAllocated.selector;
            assertEq(logs[i].topics[0], topic, "one after the other");
        }
        assertTrue(vm.revertToState(before), "taken back");
        assertSameAsSingles(groups);
    }

    function test_requestPacked_GroupsThatCarryTheSameAnnouncement() public {
        PackedGroup[] memory groups = new PackedGroup[](2);
        groups[0] = _carried(offer(), 1);
        groups[1] = _carried(offer(), 3);
        assertSameAsSingles(groups);
        assertEq(registry.size(), 5, "one announcement, one request, and two that are new");
    }

    /// @dev The signature of an announcement that is recorded is not looked at.
    function test_requestPacked_TakesAnyProviderSignatureOnceRecorded() public {
        registry.announce(offer(), signed(offer()));
        PackedGroup memory group = _carried(offer(), 2);
        group.providerSignature = bytes.concat(keccak256("any"), keccak256("bytes"));
        assertSameAsSingles(group);
        assertEq(registry.size(), 4, "both requests");
    }

    function test_requestPacked_RecordsTheAnnouncementWithTheFirstAcceptedItem() public {
        PackedGroup memory group = _carried(offer(), 3);
        group.items[0].signatures = new bytes(64);
        assertSameAsSingles(group);
        assertEq(registry.size(), 4, "the announcement and two requests");
    }

    function test_requestPacked_WhenNoItemIsAccepted_RecordsNoAnnouncement() public {
        PackedGroup memory group = _carried(offer(), 2);
        group.items[0].signatures = new bytes(64);
        group.items[1].request.volume = VOLUME + 1;
        group.items[1] = item(group.items[1].request);
        vm.startStateDiffRecording();
        registry.requestPacked(encode(group));
        assertUnchanged();
        assertSameAsSingles(group);
        assertEq(registry.size(), 1, "nothing");
    }

    /// @dev A request that is refused beside a good one says why, as if the resource were recorded.
    function test_requestPacked_JudgesAsIfTheAnnouncementWereRecorded() public {
        PackedGroup memory group = _carried(offer(), 1);
        group.items[0].request.startTime += 1;
        group.items[0] = item(group.items[0].request);
        assertSameAsSingles(group);
        _expectRefused(group, Refusal(407, NOW + 1, NOW));
        registry.requestPacked(encode(group));
    }

    /// @dev ATTACK 7: a tombstone bars the announcement for ever.
    function test_requestPacked_NeverRecordsAWithdrawnAnnouncement() public {
        Announcement memory announcement = offer();
        registry.withdraw(close(announcement), announcement, signed(close(announcement)));
        PackedGroup memory group = _carried(announcement, 2);
        assertSameAsSingles(group);
        _expectRefused(group, Refusal(203, uint256(_id(group)), 0));
        registry.requestPacked(encode(group));
        assertEq(registry.size(), 2, "the withdrawal only");
    }

    /// @dev Its own rules, which come before those of the request.
    function test_requestPacked_RefusesItemsOfABadAnnouncement() public {
        PackedGroup memory group;
        uint16[6] memory codes = [201, 401, 402, 403, 404, 405];
        for (uint256 i = 0; i < 6; ++i) {
            Announcement memory bad = offer();
            if (i == 1) bad.volume = 0;
            if (i == 2) bad.endTime = bad.startTime;
            if (i == 3) bad.slotSeconds = 0;
            if (i == 4) bad.endTime += 1;
            if (i == 5) bad.endTime += uint64(SLOT) << 32;
            group = _carried(bad, 2);
            if (i == 0) group.providerSignature = sign(requesterKey, _id(group));
            // worse than the announcement
            group.items[1].signatures = new bytes(64);
            assertSameAsSingles(group);
            vm.recordLogs();
            registry.requestPacked(encode(group));
            VmSafe.Log[] memory logs = vm.getRecordedLogs();
            assertEq(logs.length, 2, "each item is refused");
            assertEq(abi.decode(logs[1].data, (Refusal)).code, codes[i], "for the announcement");
        }
    }

    /* APPROVERS */

    function test_requestPacked_TakesTheApproverFromTheAnnouncement() public {
        Announcement memory announcement = offer();
        announcement.approver = vm.addr(APPROVER_KEY);
        PackedGroup memory group = _carried(announcement, 3);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 key = i == 0 ? providerKey : APPROVER_KEY;
            bytes memory second = sign(key, registry.requestId(group.items[i].request));
            group.items[i].signatures = bytes.concat(group.items[i].signatures, second);
        }
        assertSameAsSingles(group);
        assertEq(registry.size(), 4, "the announcement and those that are approved");
        assertEq(registry.approverOf(_id(group)), vm.addr(APPROVER_KEY), "stored");
    }

    function test_requestPacked_RefusesWithoutTheApproverOfTheAnnouncement() public {
        Announcement memory announcement = offer();
        announcement.approver = vm.addr(APPROVER_KEY);
        PackedGroup memory group = _carried(announcement, 1);
        assertSameAsSingles(group);
        _expectRefused(group, Refusal(102, 1, 2));
        registry.requestPacked(encode(group));
    }

    /* BYTES */

    /// @dev A word with bits above its type is no announcement: as in every entry point.
    function test_requestPacked_RevertWhen_WordHasSurplusBits() public {
        bytes memory batch = encode(_carried(offer(), 1));
        uint8[8] memory widths = [20, 20, 2, 8, 8, 4, 4, 8];
        for (uint256 i = 0; i < 8; ++i) {
            // the byte above the number
            uint256 place = 18 + 32 * i + 31 - widths[i];
            batch[place] = 0x01;
            (bool done, bytes memory answer) =
                address(registry).call(abi.encodeCall(IRegistry.requestPacked, (batch)));
            assertFalse(done, "surplus bits");
            assertEq(answer.length, 0, "as no encoding of messages");
            batch[place] = 0x00;
        }
        registry.requestPacked(batch);
        assertEq(registry.size(), 3, "without surplus bits");
    }

    function test_requestPacked_RevertWhen_AnnouncementIsCutOff() public {
        bytes memory batch = encode(_carried(offer(), 1));
        uint256[4] memory lengths = [uint256(50), 50 + 96, 18 + 288 + 64, batch.length - 1];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory cut = new bytes(lengths[i]);
            for (uint256 j = 0; j < lengths[i]; ++j) {
                cut[j] = batch[j];
            }
            vm.expectRevert(
                abi.encodeWithSelector(IRegistry.PackedBatchInvalid.selector, 0, lengths[i])
            );
            registry.requestPacked(cut);
        }
    }

    /* GROUPS */

    function _carried(Announcement memory announcement, uint256 count)
        private
        view
        returns (PackedGroup memory group)
    {
        group.timestamp = uint64(NOW);
        group.carried = true;
        group.announcement = announcement;
        group.providerSignature = signed(announcement);
        group.items = _items(_id(group), count, 1);
    }

    /// @dev A request of the same resource, which is recorded by then.
    function _plain(PackedGroup memory carried, uint64 sequence)
        private
        view
        returns (PackedGroup memory group)
    {
        group.timestamp = uint64(NOW);
        group.items = _items(_id(carried), 1, sequence);
    }

    function _items(bytes32 resourceId, uint256 count, uint64 sequence)
        private
        view
        returns (SignedRequest[] memory items)
    {
        items = new SignedRequest[](count);
        for (uint64 i = 0; i < count; ++i) {
            Request memory message = ask(resourceId);
            (message.volume, message.sequence) = (1, sequence + i);
            items[i] = item(message);
        }
    }

    function _other(uint256 number) private view returns (Announcement memory announcement) {
        announcement = offer();
        announcement.offer = bytes32(number);
    }

    function _id(PackedGroup memory group) private view returns (bytes32) {
        return registry.announcementId(group.announcement);
    }

    /// @dev The first item.
    function _expectRefused(PackedGroup memory group, Refusal memory reason) private {
        bytes32 id = registry.requestId(group.items[0].request);
        vm.expectEmit(address(registry));
        emit IRegistry.Refused(id, reason);
    }
}
