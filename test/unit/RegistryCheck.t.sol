// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Refusal, Request} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";

/// @notice `check`: one finding for each of the five checks, without sending anything.
contract RegistryCheckTest is RefusalBase {
    bytes32 private resourceId;

    function setUp() public override {
        super.setUp();
        resourceId = accept(offer());
    }

    function test_check_WhenAllHold_SaysWhatWasCompared() public {
        Request memory first = ask(resourceId);
        (first.startTime, first.endTime) = (uint64(NOW + SLOT), uint64(NOW + 2 * SLOT));
        first.sequence = 7;
        accept(first);
        Request memory message = ask(resourceId);
        (message.volume, message.sequence) = (2, 9);
        message.endTime = uint64(NOW + 3 * SLOT);
        Refusal[5] memory found = registry.check(message, signed(message));
        assertEqual(found[0], Refusal(0, uint160(requester), uint160(requester)), "1");
        assertEqual(found[1], Refusal(0, 1, 1), "2");
        assertEqual(found[2], Refusal(0, 9, 7), "3");
        assertEqual(found[3], Refusal(0, NOW + SLOT, NOW), "4");
        // slot 1 is the fullest: 3 of 8 are used
        assertEqual(found[4], Refusal(0, 2, 5), "5");
    }

    function test_check_WhenLastUnitsAreAsked_Holds() public view {
        Request memory message = ask(resourceId);
        message.volume = VOLUME;
        assertEqual(registry.check(message, signed(message))[4], Refusal(0, 8, 8), "5");
    }

    /// @dev Checks 1 and 3 fail; 2, 4 and 5 are judged all the same.
    function test_check_JudgesEachCheckOnItsOwn() public view {
        Request memory message = ask(resourceId);
        message.sequence = 0;
        Refusal[5] memory found = registry.check(message, new bytes(64));
        assertEqual(found[0], Refusal(101, 0, uint160(requester)), "1");
        assertEqual(found[1], Refusal(0, 1, 1), "2");
        assertEqual(found[2], Refusal(302, 0, 0), "3");
        assertEqual(found[3], Refusal(0, NOW + SLOT, NOW), "4");
        assertEqual(found[4], Refusal(0, 3, 8), "5");
    }

    function test_check_WhenLengthIsWrong_NamesIt() public view {
        Request memory message = ask(resourceId);
        assertEqual(registry.check(message, new bytes(65))[0], Refusal(1, 65, 64), "1");
    }

    function test_check_WhenOneSignatureTooMany_NamesIt() public view {
        Request memory message = ask(resourceId);
        bytes memory signatures = bytes.concat(signed(message), signed(message));
        assertEqual(registry.check(message, signatures)[0], Refusal(102, 2, 1), "1");
    }

    /// @dev 4 and 5 cannot be judged without the resource: they repeat what refused it.
    function test_check_WhenResourceIsUnknown_4And5RepeatIt() public view {
        bytes32 unknown = keccak256("unknown");
        Request memory message = ask(unknown);
        Refusal[5] memory found = registry.check(message, signed(message));
        assertEqual(found[0], Refusal(0, uint160(requester), uint160(requester)), "1");
        assertEqual(found[1], Refusal(202, uint256(unknown), 0), "2");
        assertEqual(found[2], Refusal(0, 1, 0), "3");
        assertEqual(found[3], found[1], "4");
        assertEqual(found[4], found[1], "5");
    }

    function test_check_WhenResourceIsWithdrawn_4And5RepeatIt() public {
        bytes32 place = keccak256(abi.encode(resourceId, 65));
        vm.store(address(registry), place, vm.load(address(registry), place) | bytes32(uint256(2)));
        Request memory message = ask(resourceId);
        Refusal[5] memory found = registry.check(message, signed(message));
        assertEqual(found[1], Refusal(203, uint256(resourceId), 0), "2");
        assertEqual(found[3], found[1], "4");
        assertEqual(found[4], found[1], "5");
    }

    function test_check_WhenWindowIsRefused_5RepeatsIt() public view {
        Request memory message = ask(resourceId);
        message.endTime += 1;
        Refusal[5] memory found = registry.check(message, signed(message));
        assertEqual(found[3], Refusal(407, message.endTime, message.endTime - 1), "4");
        assertEqual(found[4], found[3], "5");
    }

    function test_check_WhenFull_NamesTheFirstSlotThatLacks() public {
        Request memory first = ask(resourceId);
        (first.startTime, first.endTime) = (uint64(NOW + SLOT), uint64(NOW + 2 * SLOT));
        accept(first);
        Request memory message = ask(resourceId);
        (message.volume, message.sequence) = (VOLUME, 2);
        message.endTime = uint64(NOW + 20 * SLOT);
        Refusal[5] memory found = registry.check(message, signed(message));
        assertEqual(found[3], Refusal(0, NOW + SLOT, NOW), "4");
        assertEqual(found[4], Refusal(501, VOLUME, 5), "5");
    }

    /// @dev Any message at all, with times and sequences of any size: `check` answers, and its first
    /// refusal is the verdict.
    function testFuzz_check_AgreesWithRequest(Request memory message, uint8 bend, uint64 time)
        public
    {
        accept(ask(resourceId));
        vm.warp(bound(time, NOW - 400, NOW + 3 * SLOT));
        message.requester = requester;
        if (bend & 1 == 0) message.resourceId = resourceId;
        if (bend & 2 == 0) message.sequence = uint64(bound(message.sequence, 0, 130));
        if (bend & 4 == 0) {
            message.startTime = uint64(NOW + SLOT * (message.startTime % 410));
            message.endTime = message.startTime + SLOT * (message.endTime % 210);
        }
        if (bend & 8 == 0) message.timestamp = uint64(vm.getBlockTimestamp());
        message.volume %= VOLUME + 1;
        bytes memory signature = signed(message);
        Refusal memory reason = firstOf(registry.check(message, signature));
        assertEqual(reason, ledger.judge(message, signature), "plain ledger");
        if (reason.code == 0) accept(message, signature);
        else assertRefused(message, signature, reason.code, reason.got, reason.want);
    }
}
