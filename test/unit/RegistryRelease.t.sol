// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    Refusal,
    Release,
    Request,
    SignedRelease
} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";

/// @notice Allocations that are given back: docs/protocol.md section 4.4. Slot 0 is running, so the
/// allocations here begin later.
contract RegistryReleaseTest is RefusalBase {
    bytes32 private resourceId;
    Request private held;

    /// @dev Record 1 is the resource, record 2 an allocation of 3 units in slots 10 to 15, so of two
    /// calendar words.
    function setUp() public override {
        super.setUp();
        resourceId = accept(offer());
        held = _ask(10, 6, 1);
        accept(held);
    }

    /* WHAT IS GIVEN BACK */

    function test_release_FreesAllSlots() public {
        Release memory message = giveBack(held, held.startTime);
        SignedRelease memory own = _item(message, 2);
        ledger.release(message, own.signatures, own.record, own.path);
        expectReleased(resourceId, message, own.signatures, 2, 3);
        registry.release(message, own.signatures, own.record, own.path);
        assertSame();
        assertUsed(10, 6, 0);
        assertTrue(registry.isReleased(2), "released");
        assertFalse(registry.isReleased(1) || registry.isReleased(3), "no other one");
        assertEq(registry.wordOf(resourceId, 0) >> 192, 3, "who wrote the first word");
        assertEq(registry.wordOf(resourceId, 1) >> 192, 3, "who wrote the second word");
        assertEq(registry.requesterOf(requester).lastIndex, 2, "the requester's word stays");
    }

    function test_release_FromASlotOn_KeepsTheEarlierOnes() public {
        accept(giveBack(held, held.startTime + 4 * SLOT), 2);
        assertUsed(10, 4, 3);
        assertUsed(14, 2, 0);
        assertEq(registry.wordOf(resourceId, 0) >> 192, 2, "a word that was not touched");
        assertEq(registry.wordOf(resourceId, 1) >> 192, 3, "the word that was");
    }

    function test_release_LeavesWhatOthersHold() public {
        Request memory other = _ask(9, 8, 2);
        other.volume = 5;
        accept(other);
        accept(giveBack(held, held.startTime), 2);
        assertUsed(9, 8, 5);
    }

    function test_release_TheFreedVolumeCanBeAllocatedAtOnce() public {
        Request memory all = _ask(12, 2, 2);
        all.volume = VOLUME;
        assertRefused(all, 501, VOLUME, VOLUME - 3);
        accept(giveBack(held, held.startTime + 2 * SLOT), 2);
        accept(all);
        assertUsed(12, 2, VOLUME);
    }

    /// @dev By anybody; the bitmaps of the 256 allocations before and after are others.
    function test_release_AnyAllocationByAnySender() public {
        for (uint64 i = 2; i < 260; ++i) {
            _fill();
        }
        Request memory late = _ask(20, 1, 2);
        accept(late);
        uint64 index = uint64(registry.size() - 1);
        SignedRelease memory own = _item(giveBack(late, late.startTime), index);
        ledger.release(own.release, own.signatures, own.record, own.path);
        vm.prank(address(0xbeef));
        registry.release(own.release, own.signatures, own.record, own.path);
        assertSame();
        assertTrue(registry.isReleased(index), "released");
        assertFalse(registry.isReleased(index - 256) || registry.isReleased(2), "no other one");
    }

    /// @dev Random allocations and releases, one after the other: as the plain ledger, used volume of
    /// each slot included.
    function testFuzz_release_AsThePlainLedger(uint256 seed) public {
        Request[] memory asked = new Request[](5);
        for (uint64 i = 0; i < 5; ++i) {
            uint256 drawn = uint256(keccak256(abi.encode(seed, i)));
            asked[i] = _ask(uint64(10 + drawn % 20), 1 + uint64((drawn >> 32) % 30), 2 + i);
            asked[i].volume = 1;
            accept(asked[i]);
        }
        for (uint64 i = 0; i < 5; ++i) {
            uint256 drawn = uint256(keccak256(abi.encode(seed, i, "release")));
            if (drawn % 4 == 0) continue;
            uint64 slots = (asked[i].endTime - asked[i].startTime) / SLOT;
            uint64 from = asked[i].startTime + uint64((drawn >> 32) % slots) * SLOT;
            accept(giveBack(asked[i], from), 3 + i);
        }
        uint16[] memory used = registry.usedOf(resourceId, 0, 72);
        for (uint256 slot = 0; slot < 72; ++slot) {
            assertEq(used[slot], ledger.usedAt(resourceId, slot), "used");
        }
    }

    /* DECODING: 001, 002, 003 */

    function test_RevertWhen_001_SignatureHasAnotherLength() public {
        SignedRelease memory bad = _fine();
        uint16[6] memory lengths = [uint16(0), 1, 63, 65, 128, 192];
        for (uint256 i = 0; i < lengths.length; ++i) {
            bad.signatures = new bytes(lengths[i]);
            // whatever else is wrong
            bad.record = new bytes(i);
            assertRefused(bad, 1, lengths[i], 64);
        }
    }

    function test_RevertWhen_002_RecordHasAnotherLength() public {
        SignedRelease memory bad = _fine();
        uint16[6] memory lengths = [uint16(0), 1, 176, 237, 239, 246];
        for (uint256 i = 0; i < lengths.length; ++i) {
            bad.record = new bytes(lengths[i]);
            assertRefused(bad, 2, lengths[i], 238);
        }
    }

    function test_RevertWhen_003_RecordIsNoAllocations() public {
        for (uint256 i = 0; i < 16; ++i) {
            SignedRelease memory bad = _fine();
            bad.record[i / 8] ^= bytes1(uint8(1 << (i % 8)));
            uint256 got = (uint256(uint8(bad.record[0])) << 8) | uint8(bad.record[1]);
            assertRefused(bad, 3, got, 0x0102);
        }
    }

    /* 101 */

    function test_RevertWhen_101_RequesterDidNotSign() public {
        SignedRelease memory bad = _fine();
        bytes32 id = registry.releaseId(bad.release);
        bytes memory good = bad.signatures;
        bad.signatures = sign(providerKey, id);
        assertRefused(bad, 101, uint160(provider), uint160(requester));
        bad.signatures = new bytes(64);
        assertRefused(bad, 101, 0, uint160(requester));
        bad.signatures = highS(id, good);
        assertRefused(bad, 101, 0, uint160(requester));
        // the request's own signature says nothing about a release
        bad.signatures = signed(held);
        address signer = ledger.recover(id, bad.signatures, 0);
        assertRefused(bad, 101, uint160(signer), uint160(requester));
    }

    /// @dev ATTACK 3: of another requester, whose record and path are fine.
    function test_RevertWhen_101_RecordIsOfAnotherRequester() public {
        uint256 key = requesterKey;
        (requesterKey, requester) = (0x9005, vm.addr(0x9005));
        Request memory other = _ask(10, 1, 1);
        accept(other);
        requesterKey = key;
        SignedRelease memory bad = _item(giveBack(other, other.startTime), 3);
        assertRefused(bad, 101, uint160(vm.addr(key)), uint160(requester));
    }

    function testFuzz_NeverTakesAFieldThatWasNotSigned(uint8 field, uint64 value) public {
        SignedRelease memory bad = _fine();
        bytes32 id = registry.releaseId(bad.release);
        if (field % 3 == 0) bad.release.requestId = bytes32(uint256(value));
        if (field % 3 == 1) bad.release.fromTime = value;
        if (field % 3 == 2) bad.release.timestamp = value;
        bytes32 bent = registry.releaseId(bad.release);
        vm.assume(bent != id);
        address signer = ledger.recover(bent, bad.signatures, 0);
        assertRefused(bad, 101, uint160(signer), uint160(requester));
    }

    /* 206 */

    /// @dev ATTACK 1: two requests signed with one sequence; the one that was not recorded is
    /// released, with the record of the other.
    function test_RevertWhen_206_TheOtherOfTwoRequestsWithOneSequence() public {
        Request memory other = held;
        other.volume = 5;
        assertRefused(other, 303, 1, 1);
        SignedRelease memory bad = _item(giveBack(other, other.startTime), 2);
        uint256 want = uint256(registry.requestId(held));
        assertRefused(bad, 206, uint256(bad.release.requestId), want);
        assertUsed(10, 6, 3);
    }

    /// @dev A record that was bent so that it tells of the request that was not recorded.
    function test_RevertWhen_207_RecordIsBentToTellOfTheOtherRequest() public {
        Request memory other = held;
        other.volume = 5;
        SignedRelease memory bad = _item(giveBack(other, other.startTime), 2);
        bad.record[99] = 0x05;
        Refusal memory reason = judge(bad);
        assertEq(reason.code, 207, "the path leads elsewhere");
        assertRefused(bad, 207, reason.got, reason.want);
    }

    function test_RevertWhen_206_IsNamedBefore207() public {
        SignedRelease memory bad = _fine();
        bad.release.requestId = keccak256("another");
        bad.signatures = signed(bad.release);
        bad.path = new bytes32[](5);
        uint256 want = uint256(registry.requestId(held));
        assertRefused(bad, 206, uint256(keccak256("another")), want);
    }

    /* 304: ATTACK 2 */

    function test_RevertWhen_304_ReleasedBefore() public {
        accept(giveBack(held, held.startTime + SLOT), 2);
        for (uint64 i = 0; i < 3; ++i) {
            // the same again, the rest, in another block with another timestamp
            if (i == 2) vm.warp(NOW + 1);
            SignedRelease memory bad =
                _item(giveBack(held, held.startTime + (i == 0 ? SLOT : 0)), 2);
            assertRefused(bad, 304, uint256(bad.release.requestId), 2);
        }
        assertUsed(10, 1, 3);
        assertUsed(11, 5, 0);
    }

    /* 411, 407, 412, 410: ATTACKS 4 AND 5 */

    function test_RevertWhen_411_FromTimeIsOutsideTheAllocation() public {
        uint64[5] memory times =
            [held.startTime - SLOT, held.startTime - 1, held.endTime, held.endTime + SLOT, 0];
        for (uint256 i = 0; i < times.length; ++i) {
            uint64 want = times[i] < held.startTime ? held.startTime : held.endTime;
            assertRefused(_item(giveBack(held, times[i]), 2), 411, times[i], want);
        }
        uint64 last = type(uint64).max;
        assertRefused(_item(giveBack(held, last), 2), 411, last, held.endTime);
    }

    function testFuzz_RevertWhen_407_FromTimeIsOffTheGrid(uint64 slot, uint64 off) public {
        uint64 start = held.startTime + uint64(bound(slot, 0, 5)) * SLOT;
        off = uint64(bound(off, 1, SLOT - 1));
        assertRefused(_item(giveBack(held, start + off), 2), 407, start + off, start);
    }

    /// @dev The notice is 600 seconds: refused from one second less on, never clipped.
    function test_RevertWhen_412_NoticeIsTooShort() public {
        vm.warp(held.startTime - 600);
        uint256 before = vm.snapshotState();
        accept(giveBack(held, held.startTime), 2);
        assertTrue(vm.revertToState(before), "taken back");
        vm.warp(held.startTime - 599);
        assertRefused(
            _item(giveBack(held, held.startTime), 2), 412, held.startTime, held.startTime + 1
        );
        vm.warp(held.endTime);
        uint64 last = held.endTime - SLOT;
        assertRefused(_item(giveBack(held, last), 2), 412, last, held.endTime + 600);
    }

    function test_release_GivenNoNotice_TheSlotThatStartsNow() public {
        Announcement memory message = offer();
        message.noticeSeconds = 0;
        resourceId = accept(message);
        Request memory now_ = _ask(1, 1, 2);
        accept(now_);
        vm.warp(now_.startTime + 1);
        assertRefused(
            _item(giveBack(now_, now_.startTime), 4), 412, now_.startTime, now_.startTime + 1
        );
        vm.warp(now_.startTime);
        accept(giveBack(now_, now_.startTime), 4);
    }

    /// @dev A node sits on a signed release.
    function test_RevertWhen_410_TimestampIsOutsideTheDrift() public {
        int64[4] memory off = [int64(-301), 301, -100_000, 100_000];
        for (uint256 i = 0; i < off.length; ++i) {
            Release memory message = giveBack(held, held.startTime);
            message.timestamp = uint64(int64(message.timestamp) + off[i]);
            assertRefused(_item(message, 2), 410, message.timestamp, NOW);
        }
        for (uint256 i = 0; i < 2; ++i) {
            uint256 before = vm.snapshotState();
            Release memory message = giveBack(held, held.startTime);
            message.timestamp = i == 0 ? message.timestamp - 300 : message.timestamp + 300;
            accept(message, 2);
            assertTrue(vm.revertToState(before), "taken back");
        }
    }

    /* ORDER */

    /// @dev Every set of broken rules: the first one is named.
    function testFuzz_RevertWhen_SeveralFaults_FirstRuleIsNamed(uint16 drawn) public {
        uint256 faults = bound(drawn, 1, 2 ** 10 - 1);
        if (faults & 64 != 0) accept(giveBack(held, held.startTime), 2);
        uint16[10] memory codes = [1, 2, 3, 101, 206, 207, 304, 411, 412, 410];
        SignedRelease memory bad = _faulty(faults);
        Refusal memory reason = judge(bad);
        uint256 first;
        while ((faults >> first) & 1 == 0) ++first;
        assertEq(reason.code, codes[first], "the first rule's code");
        assertRefused(bad, reason.code, reason.got, reason.want);
    }

    function _faulty(uint256 faults) private returns (SignedRelease memory bad) {
        // a time inside the notice is inside the allocation, one outside may be anything
        if (faults & 256 != 0) vm.warp(held.startTime);
        uint64 from = faults & 128 != 0 ? held.startTime - SLOT : held.startTime;
        Release memory message = giveBack(held, from);
        if (faults & 512 != 0) message.timestamp -= 301;
        if (faults & 16 != 0) message.requestId = keccak256("another");
        bad = _item(message, 2);
        if (faults & 32 != 0) bad.path = new bytes32[](7);
        if (faults & 8 != 0) bad.signatures = sign(providerKey, registry.releaseId(message));
        if (faults & 4 != 0) bad.record[1] = 0x01;
        if (faults & 2 != 0) bad.record = bytes.concat(bad.record, hex"00");
        if (faults & 1 != 0) bad.signatures = bytes.concat(bad.signatures, hex"00");
    }

    /* HELPERS */

    function _fine() private view returns (SignedRelease memory) {
        return _item(giveBack(held, held.startTime), 2);
    }

    function _item(Release memory message, uint64 index)
        private
        view
        returns (SignedRelease memory)
    {
        return SignedRelease(message, signed(message), ledger.recordAt(index), ledger.pathOf(index));
    }

    function _ask(uint64 slot, uint64 count, uint64 sequence)
        private
        view
        returns (Request memory message)
    {
        message = ask(resourceId);
        message.startTime = uint64(NOW) + slot * SLOT;
        message.endTime = message.startTime + count * SLOT;
        message.sequence = sequence;
    }

    /// @dev One more record.
    function _fill() private {
        Announcement memory message = offer();
        message.offer = bytes32(uint256(registry.size()));
        bytes memory signature = signed(message);
        ledger.announce(message, signature);
        registry.announce(message, signature);
    }

    function assertUsed(uint64 slot, uint16 count, uint16 want) private view {
        uint16[] memory used = registry.usedOf(resourceId, slot, count);
        for (uint256 i = 0; i < count; ++i) {
            assertEq(used[i], want, "used");
        }
    }
}
