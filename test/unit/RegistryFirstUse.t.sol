// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, IRegistry, Refusal, Request} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";

/// @notice Requests that bring their announcement: docs/protocol.md section 4.3.
contract RegistryFirstUseTest is RefusalBase {
    uint256 private constant APPROVER_KEY = 0x9004;

    /* WHEN BOTH ARE FINE */

    function test_GivenUnknownResource_BothAreRecorded_AnnouncementFirst() public {
        (Announcement memory announcement, Request memory message) = _both();
        bytes memory signatures = _signed(announcement, message);
        bytes memory own = signed(message);
        ledger.announceAndRequest(announcement, message, signatures);
        expectAnnounced(announcement, signatures, 1);
        expectAllocated(message, own, 2);
        registry.announceAndRequest(announcement, message, signatures);
        assertSame();
        assertEq(registry.size(), 3, "two records");
        assertEq(registry.resourceOf(message.resourceId).index, 1, "index of the resource");
        assertEq(registry.requesterOf(requester).lastIndex, 2, "index of the allocation");
        assertEq(registry.usedOf(message.resourceId, 0, 2)[0], 3, "used");
        assertEq(registry.wordOf(message.resourceId, 0) >> 192, 2, "who wrote the word");
    }

    /// @dev Neither the announcement's signature nor its rules matter any more.
    function test_GivenRecordedResource_OnlyTheRequestIsRecorded() public {
        (Announcement memory announcement, Request memory message) = _both();
        accept(announcement);
        bytes memory own = signed(message);
        ledger.request(message, own);
        expectAllocated(message, own, 2);
        registry.announceAndRequest(announcement, message, bytes.concat(new bytes(64), own));
        assertSame();
        assertEq(registry.size(), 3, "one more record");
        assertEq(registry.resourceOf(message.resourceId).index, 1, "index of the resource");
    }

    function test_GivenApprover_WhenAllThreeSigned() public {
        (Announcement memory announcement, Request memory message) = _approvedBoth();
        bytes memory approval = sign(APPROVER_KEY, registry.requestId(message));
        bytes memory own = signed(message);
        bytes memory signatures = bytes.concat(signed(announcement), own, approval);
        ledger.announceAndRequest(announcement, message, signatures);
        expectAnnounced(announcement, signatures, 1);
        expectAllocated(message, own, 2);
        expectApproved(2, approval);
        registry.announceAndRequest(announcement, message, signatures);
        assertSame();
        assertEq(registry.approverOf(message.resourceId), announcement.approver, "approver");
    }

    function test_GivenRecordedResourceWithApprover_WhenAllThreeSigned() public {
        (Announcement memory announcement, Request memory message) = _approvedBoth();
        accept(announcement);
        bytes memory approval = sign(APPROVER_KEY, registry.requestId(message));
        accept(announcement, message, bytes.concat(_signed(announcement, message), approval));
    }

    /// @dev Both records, at any size of the log: peaks, root and leaves are those of two appends.
    function testFuzz_AtAnySizeOfTheLog(uint8 size) public {
        uint256 before = bound(size, 0, 40);
        for (uint256 i = 0; i < before; ++i) {
            Announcement memory filler = offer();
            filler.offer = bytes32(i);
            accept(filler);
        }
        (Announcement memory announcement, Request memory message) = _both();
        accept(announcement, message, _signed(announcement, message));
        // what follows merges the peaks that were stored
        for (uint256 i = 0; i < 3; ++i) {
            Announcement memory filler = offer();
            filler.offer = bytes32(before + i);
            accept(filler);
        }
    }

    /// @dev One item leaves what the two items leave.
    function test_StateIsThatOfTheTwoItems() public {
        (Announcement memory announcement, Request memory message) = _both();
        bytes memory signatures = _signed(announcement, message);
        uint256 before = vm.snapshotState();
        registry.announce(announcement, signed(announcement));
        registry.request(message, signed(message));
        bytes32 apart = _state(message);
        assertTrue(vm.revertToState(before), "taken back");
        registry.announceAndRequest(announcement, message, signatures);
        assertEq(_state(message), apart, "state");
    }

    /* 001, 205 */

    function test_RevertWhen_NeitherTwoNorThreeSigned() public {
        (Announcement memory announcement, Request memory message) = _both();
        uint16[9] memory lengths = [uint16(0), 1, 63, 64, 127, 129, 191, 193, 256];
        for (uint256 i = 0; i < lengths.length; ++i) {
            assertRefused(announcement, message, new bytes(lengths[i]), 1, lengths[i], 128);
        }
    }

    function test_RevertWhen_RequestIsForAnotherResource() public {
        (Announcement memory announcement, Request memory message) = _both();
        bytes32 id = message.resourceId;
        // also when that is recorded
        Announcement memory other = offer();
        other.offer = keccak256("another");
        message.resourceId = accept(other);
        bytes memory signatures = _signed(announcement, message);
        uint256 want = uint256(message.resourceId);
        assertRefused(announcement, message, signatures, 205, uint256(id), want);
    }

    /* THE ANNOUNCEMENT IS REFUSED */

    function test_RevertWhen_ProviderDidNotSign() public {
        (Announcement memory announcement, Request memory message) = _both();
        bytes memory first = sign(requesterKey, message.resourceId);
        bytes memory signatures = bytes.concat(first, signed(message));
        uint256 want = uint160(provider);
        assertRefused(announcement, message, signatures, 201, uint160(requester), want);
        signatures = bytes.concat(new bytes(64), signed(message));
        assertRefused(announcement, message, signatures, 201, 0, want);
        signatures = bytes.concat(highS(message.resourceId, signed(announcement)), signed(message));
        assertRefused(announcement, message, signatures, 201, 0, want);
    }

    function test_RevertWhen_AnnouncementIsFaulty() public {
        for (uint256 i = 0; i < 5; ++i) {
            Announcement memory announcement = offer();
            if (i == 0) announcement.volume = 0;
            if (i == 1) announcement.endTime = announcement.startTime;
            if (i == 2) announcement.slotSeconds = 0;
            if (i == 3) ++announcement.endTime;
            if (i == 4) announcement.endTime = uint64(NOW + uint256(SLOT) * 2 ** 30);
            Request memory message = ask(registry.announcementId(announcement));
            bytes memory signatures = _signed(announcement, message);
            Refusal memory reason = ledger.judge(announcement, signed(announcement));
            assertEq(reason.code, 401 + i, "the rule's code");
            assertRefused(announcement, message, signatures, reason.code, reason.got, reason.want);
        }
    }

    /* THE REQUEST IS REFUSED: nothing is recorded */

    function test_RevertWhen_RequesterDidNotSign_NothingIsRecorded() public {
        (Announcement memory announcement, Request memory message) = _both();
        bytes memory twice = bytes.concat(signed(announcement), signed(announcement));
        address signer = ledger.recover(registry.requestId(message), signed(announcement), 0);
        uint256 want = uint160(requester);
        assertRefused(announcement, message, twice, 101, uint160(signer), want);
        _assertNothingIsRecorded(message);
    }

    /// @dev ATTACK 14: the approver of an announcement that nobody recorded yet.
    function test_RevertWhen_ApproverOfTheNewResourceDidNotSign() public {
        (Announcement memory announcement, Request memory message) = _approvedBoth();
        bytes memory two = _signed(announcement, message);
        assertRefused(announcement, message, two, 102, 1, 2);
        bytes memory wrong = bytes.concat(two, signed(message));
        uint256 want = uint160(announcement.approver);
        assertRefused(announcement, message, wrong, 103, uint160(requester), want);
        wrong = bytes.concat(two, new bytes(64));
        assertRefused(announcement, message, wrong, 103, 0, want);
        _assertNothingIsRecorded(message);
        assertEq(registry.approverOf(message.resourceId), address(0), "no approver");
    }

    function test_RevertWhen_ThreeSignedForAResourceWithoutApprover() public {
        (Announcement memory announcement, Request memory message) = _both();
        bytes memory three = bytes.concat(_signed(announcement, message), signed(message));
        assertRefused(announcement, message, three, 102, 2, 1);
    }

    /// @dev Each rule of checks 3 to 5.
    function test_RevertWhen_RequestIsFaulty_NothingIsRecorded() public {
        uint16[8] memory codes = [302, 401, 402, 406, 407, 408, 410, 501];
        for (uint256 i = 0; i < codes.length; ++i) {
            (Announcement memory announcement, Request memory message) = _both();
            if (i == 0) message.sequence = 0;
            if (i == 1) message.volume = 0;
            if (i == 2) message.endTime = message.startTime;
            if (i == 3) message.endTime = announcement.endTime + SLOT;
            if (i == 4) ++message.endTime;
            if (i == 5) message.endTime = uint64(NOW + 193 * SLOT);
            if (i == 6) message.timestamp -= 301;
            if (i == 7) message.volume = VOLUME + 1;
            Refusal memory reason = _plainly(announcement, message);
            assertEq(reason.code, codes[i], "the rule's code");
            bytes memory signatures = _signed(announcement, message);
            assertRefused(announcement, message, signatures, reason.code, reason.got, reason.want);
            _assertNothingIsRecorded(message);
        }
    }

    function test_RevertWhen_SentTwice() public {
        (Announcement memory announcement, Request memory message) = _both();
        bytes memory signatures = _signed(announcement, message);
        accept(announcement, message, signatures);
        assertRefused(announcement, message, signatures, 303, 1, 1);
    }

    /* ATTACK 7: an announcement that travels, withdrawn before somebody records it */

    function test_GivenTombstone_NeverRecordsTheAnnouncement() public {
        (Announcement memory announcement, Request memory message) = _both();
        accept(close(announcement), announcement);
        bytes memory signatures = _signed(announcement, message);
        uint256 id = uint256(message.resourceId);
        assertRefused(announcement, message, signatures, 203, id, 0);
        assertRefused(announcement, 203, id, 0);
    }

    function test_GivenWithdrawnResource_RequestIsRefusedAfterItsSignature() public {
        (Announcement memory announcement, Request memory message) = _both();
        accept(announcement);
        accept(close(announcement), announcement);
        uint256 id = uint256(message.resourceId);
        assertRefused(announcement, message, _signed(announcement, message), 203, id, 0);
        bytes memory unsigned = bytes.concat(signed(announcement), new bytes(64));
        assertRefused(announcement, message, unsigned, 101, 0, uint160(requester));
    }

    /* ENCODING */

    /// @dev Words with bits above their type: in the announcement, then in the request.
    function test_NeverTakesAWordWithSurplusBits() public {
        (Announcement memory announcement, Request memory message) = _both();
        bytes memory call = abi.encodeCall(
            IRegistry.announceAndRequest, (announcement, message, _signed(announcement, message))
        );
        uint16[16] memory bits =
            [uint16(160), 160, 16, 64, 64, 32, 32, 64, 256, 256, 160, 16, 64, 64, 64, 64];
        for (uint256 i = 0; i < bits.length; ++i) {
            if (bits[i] == 256) continue;
            bytes memory bent = bytes.concat(call);
            // the bit above the type of word i
            bent[4 + 32 * i + 31 - bits[i] / 8] ^= 0x01;
            (bool done,) = address(registry).call(bent);
            assertFalse(done, "refused");
        }
        (bool sent,) = address(registry).call(call);
        assertTrue(sent, "the same without surplus bits");
    }

    /* HELPERS */

    function _both()
        private
        view
        returns (Announcement memory announcement, Request memory message)
    {
        announcement = offer();
        message = ask(registry.announcementId(announcement));
    }

    function _approvedBoth()
        private
        view
        returns (Announcement memory announcement, Request memory message)
    {
        announcement = offer();
        announcement.approver = vm.addr(APPROVER_KEY);
        message = ask(registry.announcementId(announcement));
    }

    function _signed(Announcement memory announcement, Request memory message)
        private
        view
        returns (bytes memory)
    {
        return bytes.concat(signed(announcement), signed(message));
    }

    /// @dev What the plain ledger says of the two items, one after the other.
    function _plainly(Announcement memory announcement, Request memory message)
        private
        returns (Refusal memory reason)
    {
        uint256 before = vm.snapshotState();
        ledger.announce(announcement, signed(announcement));
        reason = ledger.judge(message, signed(message));
        assertTrue(vm.revertToState(before), "taken back");
    }

    function _assertNothingIsRecorded(Request memory message) private view {
        assertEq(registry.size(), 1, "no record");
        assertEq(registry.resourceOf(message.resourceId).index, 0, "no resource");
        assertEq(registry.requesterOf(message.requester).highest, 0, "sequence not used");
        assertEq(registry.wordOf(message.resourceId, 0), 0, "no volume");
    }

    function _state(Request memory message) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                registry.size(),
                registry.root(),
                registry.resourceOf(message.resourceId),
                registry.wordOf(message.resourceId, 0),
                registry.requesterOf(message.requester)
            )
        );
    }
}
