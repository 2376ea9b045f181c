// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IRegistry, Request, Requester} from "../../contracts/interfaces/IRegistry.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";

/// @notice Requests, one at a time: the five checks of docs/protocol.md section 4.2.
contract RegistryRequestTest is RegistryBase {
    bytes32 internal resourceId;

    function setUp() public override {
        super.setUp();
        resourceId = announced();
    }

    /* WHEN FINE */

    function test_WhenFine_VolumeIsAllocated() public {
        Request memory message = ask(resourceId);
        message.startTime += 11 * SLOT;
        message.endTime += 12 * SLOT;
        bytes memory signatures = signed(message);
        bytes32 id = registry.requestId(message);
        expectAllocated(message, signatures, 2);
        assertEq(registry.request(message, signatures), id, "id");
        // slots 11 and 12 lie in two words, both written by record 2
        assertEq(registry.wordOf(resourceId, 0), (uint256(2) << 192) | 3, "first word");
        assertEq(registry.wordOf(resourceId, 1), (uint256(2) << 192) | (3 << 176), "second word");
        uint16[] memory used = registry.usedOf(resourceId, 10, 4);
        assertEq(used[0], 0, "slot 10");
        assertEq(used[1], 3, "slot 11");
        assertEq(used[2], 3, "slot 12");
        assertEq(used[3], 0, "slot 13");
        Requester memory kept = registry.requesterOf(requester);
        assertEq(kept.highest, 1, "highest");
        assertEq(kept.bitmap, 1, "bitmap");
        assertEq(kept.lastIndex, 2, "last index");
    }

    function test_WhenStrangerSends_VolumeIsAllocated() public {
        Request memory message = ask(resourceId);
        bytes memory signatures = signed(message);
        vm.prank(address(0xdead));
        registry.request(message, signatures);
        assertEq(registry.usedOf(resourceId, 0, 1)[0], 3, "used");
    }

    function test_WhenLastUnitIsAsked_SlotIsFull() public {
        Request memory message = ask(resourceId);
        message.volume = VOLUME;
        registry.request(message, signed(message));
        message.sequence = 2;
        message.volume = 1;
        expectRefused(message, IRegistry.CapacityExceeded.selector, 1, 0);
    }

    function test_WhenClockIsAtTheEdges_VolumeIsAllocated() public {
        Request memory message = ask(resourceId);
        message.volume = 1;
        vm.warp(NOW + SLOT - 1);
        message.timestamp = uint64(NOW + SLOT - 1 - 300);
        registry.request(message, signed(message));
        message.timestamp = uint64(NOW + SLOT - 1 + 300);
        message.sequence = 2;
        registry.request(message, signed(message));
        assertEq(registry.usedOf(resourceId, 0, 1)[0], 2, "used");
    }

    /* CHECK 1 */

    function test_RevertWhen_001_SignaturesLengthInvalid() public {
        Request memory message = ask(resourceId);
        uint8[7] memory lengths = [0, 1, 63, 65, 127, 129, 192];
        for (uint256 i = 0; i < lengths.length; ++i) {
            vm.expectRevert(refusal(IRegistry.SignaturesLengthInvalid.selector, lengths[i], 64));
            registry.request(message, new bytes(lengths[i]));
        }
    }

    function test_RevertWhen_101_RequesterSignatureInvalid() public {
        Request memory message = ask(resourceId);
        bytes memory forged = sign(providerKey, registry.requestId(message));
        vm.expectRevert(refusal(IRegistry.RequesterSignatureInvalid.selector, provider, requester));
        registry.request(message, forged);
        vm.expectRevert(
            refusal(IRegistry.RequesterSignatureInvalid.selector, address(0), requester)
        );
        registry.request(message, new bytes(64));
    }

    function test_RevertWhen_102_SignatureCountInvalid() public {
        Request memory message = ask(resourceId);
        bytes memory both = bytes.concat(signed(message), signed(message));
        vm.expectRevert(refusal(IRegistry.SignatureCountInvalid.selector, 2, 1));
        registry.request(message, both);
        _setApprover(provider);
        bytes memory one = signed(message);
        vm.expectRevert(refusal(IRegistry.SignatureCountInvalid.selector, 1, 2));
        registry.request(message, one);
    }

    function test_RevertWhen_103_ApproverSignatureInvalid() public {
        _setApprover(provider);
        Request memory message = ask(resourceId);
        bytes memory both = bytes.concat(signed(message), signed(message));
        vm.expectRevert(refusal(IRegistry.ApproverSignatureInvalid.selector, requester, provider));
        registry.request(message, both);
        both = bytes.concat(signed(message), new bytes(64));
        vm.expectRevert(refusal(IRegistry.ApproverSignatureInvalid.selector, address(0), provider));
        registry.request(message, both);
    }

    /// @dev No announcement gets an approver in this version; the rule is there all the same.
    function test_GivenApprover_WhenBothSigned_VolumeIsAllocated() public {
        _setApprover(provider);
        Request memory message = ask(resourceId);
        bytes memory both =
            bytes.concat(signed(message), sign(providerKey, registry.requestId(message)));
        bytes memory second = sign(providerKey, registry.requestId(message));
        (bytes32 r, bytes32 vs) = abi.decode(second, (bytes32, bytes32));
        expectAllocated(message, both, 2);
        vm.expectEmit(address(registry));
        emit IRegistry.VolumeApproved(2, r, vs);
        registry.request(message, both);
    }

    /* CHECK 2 */

    function test_RevertWhen_202_ResourceUnknown() public {
        Request memory message = ask(keccak256("unknown"));
        expectRefused(message, IRegistry.ResourceUnknown.selector, uint256(message.resourceId), 0);
        // whose number of signatures nobody can judge
        bytes memory both = bytes.concat(signed(message), signed(message));
        vm.expectRevert(refusal(IRegistry.ResourceUnknown.selector, uint256(message.resourceId), 0));
        registry.request(message, both);
    }

    function test_RevertWhen_203_ResourceWithdrawn() public {
        _setFlags(2);
        expectRefused(ask(resourceId), IRegistry.ResourceWithdrawn.selector, uint256(resourceId), 0);
    }

    /* CHECK 3: more in Sequence.t.sol */

    function test_RevertWhen_302_SequenceOutsideWindow() public {
        Request memory message = ask(resourceId);
        message.sequence = 0;
        expectRefused(message, IRegistry.SequenceOutsideWindow.selector, 0, 0);
        message.sequence = 129;
        expectRefused(message, IRegistry.SequenceOutsideWindow.selector, 129, 0);
    }

    function test_RevertWhen_303_SequenceAlreadyUsed() public {
        Request memory message = ask(resourceId);
        registry.request(message, signed(message));
        expectRefused(message, IRegistry.SequenceAlreadyUsed.selector, 1, 1);
        message.sequence = 5;
        message.volume = 1;
        registry.request(message, signed(message));
        message.sequence = 1;
        expectRefused(message, IRegistry.SequenceAlreadyUsed.selector, 1, 5);
    }

    /* CHECK 4 */

    function test_RevertWhen_401_VolumeTooSmall() public {
        Request memory message = ask(resourceId);
        message.volume = 0;
        expectRefused(message, IRegistry.VolumeTooSmall.selector, 0, 1);
    }

    function test_RevertWhen_402_WindowEmpty() public {
        Request memory message = ask(resourceId);
        message.endTime = message.startTime;
        expectRefused(message, IRegistry.WindowEmpty.selector, NOW, NOW);
        message.startTime += 2 * SLOT;
        message.endTime += SLOT;
        expectRefused(message, IRegistry.WindowEmpty.selector, NOW + 2 * SLOT, NOW + SLOT);
    }

    function test_RevertWhen_406_OutsideResourceWindow() public {
        Request memory message = ask(resourceId);
        uint256 end = NOW + SLOTS * SLOT;
        message.startTime = uint64(NOW - SLOT);
        expectRefused(message, IRegistry.OutsideResourceWindow.selector, NOW - SLOT, NOW);
        message.startTime = uint64(end - SLOT);
        message.endTime = uint64(end + SLOT);
        expectRefused(message, IRegistry.OutsideResourceWindow.selector, end + SLOT, end);
        message.endTime = type(uint64).max;
        expectRefused(message, IRegistry.OutsideResourceWindow.selector, type(uint64).max, end);
    }

    function test_RevertWhen_407_SlotsNotAligned() public {
        Request memory message = ask(resourceId);
        message.startTime += SLOT + 5;
        message.endTime += 2 * SLOT;
        expectRefused(message, IRegistry.SlotsNotAligned.selector, NOW + SLOT + 5, NOW + SLOT);
        message.startTime -= 5;
        message.endTime -= 1;
        expectRefused(
            message, IRegistry.SlotsNotAligned.selector, NOW + 3 * SLOT - 1, NOW + 2 * SLOT
        );
        message.endTime = message.startTime + 1;
        expectRefused(message, IRegistry.SlotsNotAligned.selector, NOW + SLOT + 1, NOW + SLOT);
    }

    function test_RevertWhen_408_TooManyWords() public {
        Request memory message = ask(resourceId);
        message.endTime = message.startTime + 193 * SLOT;
        expectRefused(message, IRegistry.TooManyWords.selector, 17, 16);
        message.startTime += SLOT;
        message.endTime = message.startTime + 192 * SLOT;
        expectRefused(message, IRegistry.TooManyWords.selector, 17, 16);
        message.endTime -= SLOT;
        registry.request(message, signed(message));
        uint16[] memory used = registry.usedOf(resourceId, 0, 193);
        for (uint256 i = 0; i < 193; ++i) {
            assertEq(used[i], i == 0 || i == 192 ? 0 : 3, "used");
        }
    }

    function test_RevertWhen_409_FirstSlotEnded() public {
        Request memory message = ask(resourceId);
        message.endTime += SLOT;
        vm.warp(NOW + SLOT);
        message.timestamp = uint64(block.timestamp);
        expectRefused(message, IRegistry.FirstSlotEnded.selector, NOW + SLOT, NOW + SLOT);
    }

    function test_RevertWhen_410_TimestampOutsideDrift() public {
        Request memory message = ask(resourceId);
        uint64[4] memory wrong = [uint64(NOW - 301), uint64(NOW + 301), uint64(0), type(uint64).max];
        for (uint256 i = 0; i < wrong.length; ++i) {
            message.timestamp = wrong[i];
            expectRefused(message, IRegistry.TimestampOutsideDrift.selector, wrong[i], NOW);
        }
    }

    /* CHECK 5 */

    function test_RevertWhen_501_CapacityExceeded_NamesFirstSlotThatLacks() public {
        Request memory message = ask(resourceId);
        message.startTime += 3 * SLOT;
        message.endTime += 3 * SLOT;
        message.volume = 2;
        registry.request(message, signed(message));
        message.startTime += SLOT;
        message.endTime += SLOT;
        message.volume = 7;
        message.sequence = 2;
        registry.request(message, signed(message));
        message.startTime = uint64(NOW);
        message.endTime = uint64(NOW + 20 * SLOT);
        message.sequence = 3;
        // slot 3 has 6 units left, slot 4 has 1
        expectRefused(message, IRegistry.CapacityExceeded.selector, 7, 6);
        message.volume = 6;
        expectRefused(message, IRegistry.CapacityExceeded.selector, 6, 1);
        message.volume = 1;
        registry.request(message, signed(message));
        assertEq(registry.usedOf(resourceId, 4, 1)[0], VOLUME, "full");
    }

    /* ORDER */

    /// @dev Mends one fault after the other: each time the next rule speaks.
    function test_FirstFailingRuleIsNamed() public {
        Request memory message = ask(keccak256("unknown"));
        message.sequence = 0;
        message.volume = 0;
        message.startTime = uint64(NOW + SLOTS * SLOT);
        message.endTime = uint64(NOW - 1);
        message.timestamp = 0;
        expectRefused(message, IRegistry.ResourceUnknown.selector, uint256(message.resourceId), 0);
        message.resourceId = resourceId;
        expectRefused(message, IRegistry.SequenceOutsideWindow.selector, 0, 0);
        message.sequence = 1;
        expectRefused(message, IRegistry.VolumeTooSmall.selector, 0, 1);
        message.volume = VOLUME + 1;
        expectRefused(message, IRegistry.WindowEmpty.selector, message.startTime, NOW - 1);
        message.startTime = uint64(NOW - 7);
        expectRefused(message, IRegistry.OutsideResourceWindow.selector, NOW - 7, NOW);
        message.startTime = uint64(NOW + 7);
        message.endTime = uint64(NOW + 300 * SLOT);
        expectRefused(message, IRegistry.SlotsNotAligned.selector, NOW + 7, NOW);
        message.startTime = uint64(NOW);
        expectRefused(message, IRegistry.TooManyWords.selector, 25, 16);
        message.endTime = uint64(NOW + SLOT);
        expectRefused(message, IRegistry.TimestampOutsideDrift.selector, 0, NOW);
        message.timestamp = uint64(NOW);
        expectRefused(message, IRegistry.CapacityExceeded.selector, VOLUME + 1, VOLUME);
        message.volume = VOLUME;
        registry.request(message, signed(message));
    }

    /* STATE THAT NO MESSAGE MAKES YET */

    function _setFlags(uint256 flags) private {
        bytes32 slot = keccak256(abi.encode(resourceId, 65));
        vm.store(address(registry), slot, vm.load(address(registry), slot) | bytes32(flags));
    }

    function _setApprover(address approver) private {
        _setFlags(1);
        bytes32 slot = keccak256(abi.encode(resourceId, 66));
        vm.store(address(registry), slot, bytes32(uint256(uint160(approver))));
    }
}
