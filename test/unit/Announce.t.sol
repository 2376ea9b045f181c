// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, IRegistry, Refusal, Resource} from "../../contracts/interfaces/IRegistry.sol";
import {ReferenceLedger} from "../utils/ReferenceLedger.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";

/// @notice Announcements: docs/protocol.md section 4.1, each rule at both edges.
contract AnnounceTest is RefusalBase {
    /* ACCEPTED */

    function test_announce_RecordsTheOffer() public {
        Announcement memory message = offer();
        bytes32 id = registry.announcementId(message);
        assertEq(accept(message), id, "the announcement's id is returned");
        Resource memory resource = registry.resourceOf(id);
        assertEq(resource.volume, message.volume, "volume");
        assertEq(resource.startTime, message.startTime, "startTime");
        assertEq(resource.endTime, message.endTime, "endTime");
        assertEq(resource.slotSeconds, message.slotSeconds, "slotSeconds");
        assertEq(resource.noticeSeconds, message.noticeSeconds, "noticeSeconds");
        assertEq(resource.index, 1, "index of its record");
        assertFalse(resource.hasApprover, "no approver");
        assertFalse(resource.withdrawn, "not withdrawn");
    }

    /// @dev A re-execution reads all it needs from the event, so no bit of it may be off.
    function testFuzz_announce_EmitsEveryField(
        uint16 volume,
        uint32 slotSeconds,
        uint32 noticeSeconds,
        uint64 timestamp,
        bytes32 document
    ) public {
        Announcement memory message = offer();
        message.volume = uint16(bound(volume, 1, type(uint16).max));
        message.slotSeconds = uint32(bound(slotSeconds, 1, type(uint32).max));
        message.endTime = message.startTime + 3 * uint64(message.slotSeconds);
        message.noticeSeconds = noticeSeconds;
        message.timestamp = timestamp;
        message.offer = document;
        bytes memory signatures = signed(message);
        expectAnnounced(message, signatures, 1);
        registry.announce(message, signatures);
    }

    function test_announce_GivenNothingRecorded_ResourceIsAllZero() public view {
        Resource memory resource = registry.resourceOf(keccak256("nothing"));
        assertEq(abi.encode(resource), new bytes(256), "all zero");
    }

    function test_announce_WhenSenderIsAStranger() public {
        vm.prank(makeAddr("stranger"));
        accept(offer());
    }

    function testFuzz_announce_WhenTimestampIsAny(uint64 timestamp) public {
        Announcement memory message = offer();
        message.timestamp = timestamp;
        accept(message);
    }

    function test_announce_WhenWindowIsOver() public {
        Announcement memory message = offer();
        message.startTime = 0;
        message.endTime = SLOT;
        accept(message);
    }

    function test_announce_WhenOffersDifferInOneField() public {
        Announcement memory message = offer();
        bytes32 first = accept(message);
        message.timestamp += 1;
        bytes32 second = accept(message);
        assertNotEq(first, second, "two ids");
        assertEq(registry.resourceOf(first).index, 1, "first index");
        assertEq(registry.resourceOf(second).index, 2, "second index");
    }

    /// @dev Any fields, half of them bent so that they are fine: the plain ledger's verdict and leaf.
    function testFuzz_announce_AsThePlainLedger(
        Announcement memory message,
        uint256 slots,
        bool fine
    ) public {
        message.provider = provider;
        if (fine) {
            message.slotSeconds = uint32(bound(message.slotSeconds, 1, type(uint32).max));
            message.startTime = uint64(bound(message.startTime, 0, 2 ** 39));
            slots = bound(slots, 0, (2 ** 40 - 1 - message.startTime) / message.slotSeconds);
            message.endTime = uint64(message.startTime + slots * message.slotSeconds);
        }
        Refusal memory reason = ledger.judge(message, signed(message));
        if (reason.code != 0) return assertRefused(message, reason.code, reason.got, reason.want);
        Resource memory resource = registry.resourceOf(accept(message));
        assertEq(resource.volume, message.volume, "volume");
        assertEq(resource.startTime, message.startTime, "startTime");
        assertEq(resource.endTime, message.endTime, "endTime");
        assertEq(resource.slotSeconds, message.slotSeconds, "slotSeconds");
        assertEq(resource.noticeSeconds, message.noticeSeconds, "noticeSeconds");
        assertEq(resource.hasApprover, message.approver != address(0), "hasApprover");
    }

    /* 001 SIGNATURES' LENGTH */

    function test_RevertWhen_AnnouncementSignatureHasAnotherLength() public {
        Announcement memory message = offer();
        bytes memory signature = signed(message);
        uint16[7] memory lengths = [uint16(0), 1, 63, 65, 127, 128, 192];
        for (uint256 i = 0; i < lengths.length; ++i) {
            bytes memory bent = bytes.concat(signature, new bytes(128));
            uint256 length = lengths[i];
            assembly ("memory-safe") {
                mstore(bent, length)
            }
            assertRefused(message, bent, 1, length, 64);
        }
    }

    /* 201 PROVIDER'S SIGNATURE */

    function test_RevertWhen_SignerIsNotTheProvider() public {
        Announcement memory message = offer();
        bytes memory signature = sign(requesterKey, registry.announcementId(message));
        assertRefused(message, signature, 201, uint160(requester), uint160(provider));
    }

    /// @dev The same registry address in another network, as predeploys have it.
    function testFuzz_RevertWhen_AnnouncementIsSignedForAnotherNetwork(bytes32 networkId) public {
        vm.assume(networkId != registry.networkId());
        Announcement memory message = offer();
        ReferenceLedger elsewhere = new ReferenceLedger(address(registry), networkId);
        bytes memory signature = sign(providerKey, elsewhere.idOf(message));
        address signer = ledger.recover(ledger.idOf(message), signature, 0);
        assertRefused(message, signature, 201, uint160(signer), uint160(provider));
    }

    function testFuzz_RevertWhen_FieldIsNotAsSigned(uint8 field, uint64 value) public {
        Announcement memory message = offer();
        bytes memory signature = signed(message);
        bytes32 id = registry.announcementId(message);
        _bend(message, field % 8, value);
        vm.assume(registry.announcementId(message) != id);
        address signer = ledger.recover(ledger.idOf(message), signature, 0);
        assertRefused(message, signature, 201, uint160(signer), uint160(message.provider));
    }

    /* APPROVER */

    function testFuzz_announce_StoresTheApprover(address approver) public {
        Announcement memory message = offer();
        message.approver = approver;
        bytes32 id = accept(message);
        assertEq(registry.approverOf(id), approver, "approver");
        assertEq(registry.resourceOf(id).hasApprover, approver != address(0), "flag");
        assertFalse(registry.resourceOf(id).withdrawn, "not withdrawn");
    }

    /* 301 AND 203 */

    function test_RevertWhen_AnnouncementIsRecorded() public {
        accept(offer());
        bytes32 id = accept(_another());
        assertRefused(_another(), 301, uint256(id), 2);
    }

    /// @dev A tombstone: flag 1 and no index. This version writes none; the rule stands.
    function test_RevertWhen_AnnouncementIsWithdrawnBeforeItIsRecorded() public {
        Announcement memory message = offer();
        bytes32 id = registry.announcementId(message);
        vm.store(address(registry), keccak256(abi.encode(id, 65)), bytes32(uint256(2)));
        bytes memory signatures = signed(message);
        vm.expectRevert(refusal(IRegistry.ResourceWithdrawn.selector, uint256(id), 0));
        registry.announce(message, signatures);
    }

    function test_RevertWhen_AnnouncementIsRecordedAndWithdrawn() public {
        Announcement memory message = offer();
        bytes32 id = accept(message);
        bytes32 place = keccak256(abi.encode(id, 65));
        vm.store(address(registry), place, vm.load(address(registry), place) | bytes32(uint256(2)));
        bytes memory signatures = signed(message);
        vm.expectRevert(refusal(IRegistry.ResourceAlreadyRecorded.selector, uint256(id), 1));
        registry.announce(message, signatures);
    }

    /* 401 TO 405 */

    function test_RevertWhen_OfferedVolumeIsZero() public {
        Announcement memory message = offer();
        message.volume = 0;
        assertRefused(message, 401, 0, 1);
        message.volume = 1;
        accept(message);
        message.volume = type(uint16).max;
        accept(message);
    }

    function test_RevertWhen_OfferedWindowIsEmpty() public {
        Announcement memory message = offer();
        message.endTime = message.startTime;
        assertRefused(message, 402, NOW, NOW);
        message.endTime = message.startTime - SLOT;
        assertRefused(message, 402, NOW, NOW - SLOT);
        message.endTime = message.startTime + SLOT;
        accept(message);
    }

    function test_RevertWhen_SlotHasNoSeconds() public {
        Announcement memory message = offer();
        message.slotSeconds = 0;
        assertRefused(message, 403, 0, 1);
        message.slotSeconds = 1;
        accept(message);
    }

    function test_RevertWhen_OfferedWindowIsNotWholeSlots() public {
        Announcement memory message = offer();
        message.endTime = message.startTime + 2 * SLOT + 1;
        assertRefused(message, 404, 2 * SLOT + 1, SLOT);
        message.endTime = message.startTime + 2 * SLOT - 1;
        assertRefused(message, 404, 2 * SLOT - 1, SLOT);
        message.endTime = message.startTime + 1;
        assertRefused(message, 404, 1, SLOT);
        message.endTime = message.startTime + 2 * SLOT;
        accept(message);
    }

    function test_RevertWhen_OfferedWindowEndsTooLate() public {
        Announcement memory message = offer();
        message.slotSeconds = 1;
        message.endTime = 2 ** 40;
        assertRefused(message, 405, 2 ** 40, 2 ** 40 - 1);
        message.endTime = type(uint64).max;
        assertRefused(message, 405, type(uint64).max, 2 ** 40 - 1);
        message.endTime = 2 ** 40 - 1;
        accept(message);
        message.startTime = 2 ** 40 - 2;
        accept(message);
    }

    /* ORDER: more in RegistryRefusal.t.sol */

    /// @dev The rules about fields never meet an announcement that is recorded, but by this.
    function test_RevertWhen_RecordedAndFieldsAreFaulty_301Wins() public {
        Announcement memory message = offer();
        message.volume = 0;
        bytes32 id = registry.announcementId(message);
        vm.store(address(registry), keccak256(abi.encode(id, 65)), bytes32(uint256(7) << 32));
        bytes memory signatures = signed(message);
        vm.expectRevert(refusal(IRegistry.ResourceAlreadyRecorded.selector, uint256(id), 7));
        registry.announce(message, signatures);
    }

    function _another() private view returns (Announcement memory message) {
        message = offer();
        message.offer = keccak256("another offer");
    }

    /// @dev Sets field number `field` to a value that fits it.
    function _bend(Announcement memory message, uint8 field, uint64 value) private pure {
        if (field == 0) message.provider = address(uint160(value));
        if (field == 1) message.volume = uint16(value);
        if (field == 2) message.startTime = value;
        if (field == 3) message.endTime = value;
        if (field == 4) message.slotSeconds = uint32(value);
        if (field == 5) message.noticeSeconds = uint32(value);
        if (field == 6) message.timestamp = value;
        if (field == 7) message.offer = bytes32(uint256(value));
    }
}
