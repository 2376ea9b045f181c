// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Refusal,
    Request,
    SignedAnnouncement,
    SignedWithdrawal,
    Withdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";

/// @notice Resources that are closed, and announcements that never can be recorded: docs/protocol.md
/// section 4.5.
contract RegistryWithdrawTest is RefusalBase {
    /* A RESOURCE */

    function test_GivenRecordedResource_WithdrawalIsRecorded() public {
        Announcement memory announcement = offer();
        bytes32 id = accept(announcement);
        uint256 word = _wordAt(id);
        Withdrawal memory message = close(announcement);
        bytes memory signature = signed(message);
        ledger.withdraw(message, announcement, signature);
        expectWithdrawn(message, announcement, signature, 2);
        registry.withdraw(message, announcement, signature);
        assertSame();
        assertEq(_wordAt(id), word | 2, "nothing but the flag has changed");
        assertTrue(registry.resourceOf(id).withdrawn, "withdrawn");
        assertEq(registry.resourceOf(id).index, 1, "still recorded");
    }

    function test_GivenWithdrawnResource_TakesNoRequest_KeepsItsAllocations() public {
        Announcement memory announcement = offer();
        bytes32 id = accept(announcement);
        Request memory message = ask(id);
        accept(message);
        accept(close(announcement), announcement);
        assertEq(registry.usedOf(id, 0, 1)[0], 3, "the allocation stands");
        message.sequence = 2;
        assertRefused(message, 203, uint256(id), 0);
        assertRefused(announcement, 301, uint256(id), 1);
    }

    function test_GivenWithdrawnResource_ItsAllocationsCanBeReleased() public {
        Announcement memory announcement = offer();
        Request memory message = ask(accept(announcement));
        message.startTime += SLOT;
        message.endTime += SLOT;
        accept(message);
        accept(close(announcement), announcement);
        accept(giveBack(message, message.startTime), 2);
        assertEq(registry.usedOf(message.resourceId, 1, 1)[0], 0, "given back");
        assertTrue(registry.resourceOf(message.resourceId).withdrawn, "still withdrawn");
    }

    function test_GivenApprover_WithdrawalNeedsTheProviderOnly() public {
        Announcement memory announcement = offer();
        announcement.approver = requester;
        bytes32 id = accept(announcement);
        accept(close(announcement), announcement);
        assertEq(_wordAt(id) & 3, 3, "both flags");
        assertEq(registry.approverOf(id), requester, "approver");
    }

    /* A TOMBSTONE */

    function test_GivenUnknownAnnouncement_TombstoneIsRecorded() public {
        Announcement memory announcement = offer();
        announcement.approver = requester;
        Withdrawal memory message = close(announcement);
        bytes memory signature = signed(message);
        ledger.withdraw(message, announcement, signature);
        expectWithdrawn(message, announcement, signature, 1);
        registry.withdraw(message, announcement, signature);
        assertSame();
        assertEq(_wordAt(message.resourceId), 2, "nothing but the flag is set");
        assertEq(registry.approverOf(message.resourceId), address(0), "no approver");
    }

    /// @dev ATTACK 7: gossiped, withdrawn, then recorded by somebody else.
    function test_GivenTombstone_AnnouncementIsNeverRecorded() public {
        Announcement memory announcement = offer();
        accept(close(announcement), announcement);
        uint256 id = uint256(registry.announcementId(announcement));
        assertRefused(announcement, 203, id, 0);
        assertRefused(ask(bytes32(id)), 202, id, 0);
        Request memory message = ask(bytes32(id));
        bytes memory signatures = bytes.concat(signed(announcement), signed(message));
        assertRefused(announcement, message, signatures, 203, id, 0);
    }

    /// @dev ATTACK 7 in one block, in both orders.
    function test_GivenOneBlock_TombstoneAndFirstUseInBothOrders() public {
        Announcement memory announcement = offer();
        Request memory message = ask(registry.announcementId(announcement));
        bytes memory signatures = bytes.concat(signed(announcement), signed(message));
        uint256 before = vm.snapshotState();
        accept(close(announcement), announcement);
        uint256 id = uint256(message.resourceId);
        assertRefused(announcement, message, signatures, 203, id, 0);
        assertTrue(vm.revertToState(before), "taken back");
        accept(announcement, message, signatures);
        accept(close(announcement), announcement);
        assertEq(registry.usedOf(message.resourceId, 0, 1)[0], 3, "the allocation stands");
        message.sequence = 2;
        signatures = bytes.concat(signed(announcement), signed(message));
        assertRefused(announcement, message, signatures, 203, id, 0);
    }

    /// @dev The rules of an announcement are not looked at.
    function test_GivenAnnouncementThatBreaksEveryRule_TombstoneIsRecorded() public {
        Announcement memory announcement = offer();
        announcement.volume = 0;
        announcement.endTime = type(uint64).max;
        announcement.startTime = type(uint64).max;
        announcement.slotSeconds = 0;
        accept(close(announcement), announcement);
        assertEq(_wordAt(registry.announcementId(announcement)), 2, "tombstone");
    }

    function testFuzz_withdraw_TombstoneOfAnyAnnouncement(
        Announcement memory announcement,
        uint64 timestamp
    ) public {
        announcement.provider = provider;
        Withdrawal memory message = close(announcement);
        message.timestamp = timestamp;
        bytes memory signature = signed(message);
        ledger.withdraw(message, announcement, signature);
        expectWithdrawn(message, announcement, signature, 1);
        registry.withdraw(message, announcement, signature);
        assertSame();
        assertEq(_wordAt(message.resourceId), 2, "tombstone");
    }

    /* BY ANYBODY, AT ANY TIME */

    function testFuzz_withdraw_ByAnybodyAtAnyTime(address sender, uint64 timestamp) public {
        vm.assume(sender != address(vm));
        Announcement memory announcement = offer();
        bytes32 id = accept(announcement);
        Withdrawal memory message = close(announcement);
        message.timestamp = timestamp;
        bytes memory signature = signed(message);
        vm.warp(NOW + 10_000 days);
        vm.prank(sender);
        registry.withdraw(message, announcement, signature);
        assertTrue(registry.resourceOf(id).withdrawn, "withdrawn");
    }

    /* REFUSALS, in their order */

    function test_RevertWhen_001_SignatureHasAnotherLength() public {
        uint16[6] memory lengths = [uint16(0), 1, 63, 65, 128, 192];
        for (uint256 i = 0; i < lengths.length; ++i) {
            SignedWithdrawal memory bad = _item(offer());
            // whatever else is wrong
            bad.announcement.volume = 1;
            bad.signatures = new bytes(lengths[i]);
            assertRefused(bad, 1, lengths[i], 64);
        }
    }

    function test_RevertWhen_205_AnnouncementIsOfAnotherResource() public {
        SignedWithdrawal memory bad = _item(offer());
        ++bad.announcement.timestamp;
        // whatever else is wrong
        bad.signatures = new bytes(64);
        uint256 got = uint256(registry.announcementId(bad.announcement));
        assertRefused(bad, 205, got, uint256(bad.withdrawal.resourceId));
    }

    function test_RevertWhen_201_ProviderDidNotSign() public {
        SignedWithdrawal memory bad = _item(offer());
        accept(bad.withdrawal, bad.announcement);
        // whatever else is wrong: it is withdrawn
        bytes32 id = registry.withdrawalId(bad.withdrawal);
        bytes memory good = bad.signatures;
        bad.signatures = sign(requesterKey, id);
        assertRefused(bad, 201, uint160(requester), uint160(provider));
        bad.signatures = new bytes(64);
        assertRefused(bad, 201, 0, uint160(provider));
        bad.signatures = highS(id, good);
        assertRefused(bad, 201, 0, uint160(provider));
        // the announcement's own signature says nothing about a withdrawal
        bad.signatures = signed(bad.announcement);
        address signer = ledger.recover(id, bad.signatures, 0);
        assertRefused(bad, 201, uint160(signer), uint160(provider));
    }

    function test_RevertWhen_203_AlreadyWithdrawn() public {
        Announcement memory announcement = offer();
        accept(close(announcement), announcement);
        SignedWithdrawal memory again = _item(announcement);
        uint256 id = uint256(again.withdrawal.resourceId);
        assertRefused(again, 203, id, 0);
        again.withdrawal.timestamp += 1;
        again.signatures = signed(again.withdrawal);
        assertRefused(again, 203, id, 0);
    }

    function test_NeverTakesTheZeroAddressAsProvider() public {
        SignedWithdrawal memory bad = _item(offer());
        bad.announcement.provider = address(0);
        bad.withdrawal = close(bad.announcement);
        bad.signatures = new bytes(64);
        assertRefused(bad, 201, 0, 0);
    }

    /// @dev A stranger that signs over the provider's announcement, or over one that names the
    /// stranger: only its own id is closed.
    function testFuzz_NeverClosesTheResourceOfAnother(uint256 key) public {
        key = bound(key, 1, 2 ** 255);
        vm.assume(key != providerKey);
        Announcement memory announcement = offer();
        bytes32 id = accept(announcement);
        SignedWithdrawal memory bad = _item(announcement);
        bad.signatures = sign(key, registry.withdrawalId(bad.withdrawal));
        assertRefused(bad, 201, uint160(vm.addr(key)), uint160(provider));
        bad.announcement.provider = vm.addr(key);
        uint256 own = uint256(registry.announcementId(bad.announcement));
        assertRefused(bad, 205, own, uint256(id));
        assertFalse(registry.resourceOf(id).withdrawn, "still open");
    }

    /// @dev An announcement has one encoding here, too: no rule bounds a tombstone's fields.
    function test_NeverTakesAWordWithSurplusBits() public {
        SignedWithdrawal memory good = _item(offer());
        bytes memory call = abi.encodeCall(
            IRegistry.withdraw, (good.withdrawal, good.announcement, good.signatures)
        );
        uint16[11] memory bits = [uint16(256), 64, 160, 160, 16, 64, 64, 32, 32, 64, 256];
        for (uint256 i = 0; i < bits.length; ++i) {
            if (bits[i] == 256) continue;
            bytes memory bent = bytes.concat(call);
            bent[4 + 32 * i + 31 - bits[i] / 8] ^= 0x01;
            (bool done, bytes memory answer) = address(registry).call(bent);
            assertFalse(done, "refused");
            assertEq(answer.length, 0, "as no encoding of messages");
        }
        (bool sent,) = address(registry).call(call);
        assertTrue(sent, "the same without surplus bits");
    }

    /* BATCHES */

    function test_withdrawMany_SkipsTheBad_RecordsTheOthersInOrder() public {
        SignedWithdrawal[] memory items = new SignedWithdrawal[](5);
        for (uint256 i = 0; i < 5; ++i) {
            Announcement memory announcement = offer();
            // the third is the first again
            announcement.offer = bytes32(i % 2 == 0 && i < 4 ? 0 : i);
            if (i == 1) accept(announcement);
            items[i] = _item(announcement);
            if (i == 3) items[i].signatures = new bytes(64);
        }
        for (uint256 i = 0; i < 5; ++i) {
            ledger.withdraw(items[i].withdrawal, items[i].announcement, items[i].signatures);
        }
        bytes32 id = items[2].withdrawal.resourceId;
        bytes32 refused = registry.withdrawalId(items[2].withdrawal);
        vm.expectEmit(address(registry));
        emit IRegistry.Refused(refused, Refusal(203, uint256(id), 0));
        registry.withdrawMany(items);
        assertSame();
        assertEq(registry.size(), 5, "three of five, after the announcement");
    }

    function test_withdrawMany_GivenNone_ChangesNothing() public {
        registry.withdrawMany(new SignedWithdrawal[](0));
        assertSame();
    }

    /// @dev ATTACK 7: a batch of announcements after a batch of tombstones, and the other way round.
    function testFuzz_withdrawMany_WithAnnounceManyInBothOrders(bool tombstonesFirst) public {
        SignedWithdrawal[] memory closed = new SignedWithdrawal[](3);
        SignedAnnouncement[] memory offers = new SignedAnnouncement[](3);
        for (uint256 i = 0; i < 3; ++i) {
            Announcement memory announcement = offer();
            announcement.offer = bytes32(i);
            closed[i] = _item(announcement);
            offers[i] = item(announcement);
        }
        if (tombstonesFirst) registry.withdrawMany(closed);
        registry.announceMany(offers);
        if (!tombstonesFirst) registry.withdrawMany(closed);
        assertEq(registry.size(), tombstonesFirst ? 4 : 7, "records");
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 id = closed[i].withdrawal.resourceId;
            assertEq(registry.resourceOf(id).index, tombstonesFirst ? 0 : 1 + i, "index");
            assertTrue(registry.resourceOf(id).withdrawn, "withdrawn");
        }
    }

    /* HELPERS */

    function _item(Announcement memory announcement)
        private
        view
        returns (SignedWithdrawal memory)
    {
        Withdrawal memory message = close(announcement);
        return SignedWithdrawal(message, announcement, signed(message));
    }

    function _wordAt(bytes32 id) private view returns (uint256) {
        return uint256(vm.load(address(registry), keccak256(abi.encode(id, 65))));
    }
}
