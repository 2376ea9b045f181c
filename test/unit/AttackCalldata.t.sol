// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Release,
    Request,
    SignedAnnouncement,
    SignedRelease,
    SignedRequest,
    SignedWithdrawal,
    Withdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {PackedBase, PackedGroup} from "../utils/PackedBase.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Calldata that no encoder writes: offsets that wrap round, meet or lead elsewhere, bits
/// above a number, lengths that are only claimed; and gas that ends early. A call records what was
/// signed, or nothing.
contract AttackCalldataTest is PackedBase {
    bytes32 private resourceId;
    Announcement private carried;

    /// @dev Record 1 is the resource, records 2 to 5 are allocations.
    function setUp() public override {
        super.setUp();
        resourceId = accept(offer());
        for (uint64 sequence = 1; sequence < 5; ++sequence) {
            Request memory message = ask(resourceId);
            (message.volume, message.sequence) = (1, sequence);
            message.startTime += SLOT;
            message.endTime += 2 * SLOT;
            accept(message);
        }
        carried = offer();
        carried.offer = keccak256("carried");
    }

    /* BENT WORDS */

    function testFuzz_NeverRecordsAnotherMessage_WhenAWordIsBent(
        uint256 call,
        uint256 position,
        uint256 how,
        uint256 value
    ) public {
        bytes memory good = _call(call);
        bytes32 wanted = _rootAfter(good);
        bytes memory bent = _bend(good, position, how, value);
        if (how % 3 == 0) bent = _bend(bent, value, how >> 8, position);
        _assertOneOf(bent, wanted);
    }

    /// @dev Every word of every call, replaced by what wraps round or reaches far.
    function test_NeverRecordsAnotherMessage_WhenAnyWordPointsElsewhere() public {
        for (uint256 call = 0; call < 7; ++call) {
            bytes memory good = _call(call);
            bytes32 wanted = _rootAfter(good);
            for (uint256 position = 0; position < good.length / 32; ++position) {
                for (uint256 how = 0; how < 5; ++how) {
                    _assertOneOf(_bend(good, position, how, 7 * position), wanted);
                }
            }
        }
    }

    function testFuzz_requestPacked_NeverRecordsAnotherMessage_WhenABitIsFlipped(
        uint256 bit,
        bool brings
    ) public {
        _assertBit(abi.encodeCall(IRegistry.requestPacked, (_requests(brings))), bit);
    }

    function testFuzz_releasePacked_NeverRecordsAnotherMessage_WhenABitIsFlipped(uint256 bit)
        public
    {
        _assertBit(abi.encodeCall(IRegistry.releasePacked, (_releases())), bit);
    }

    /* OFFSETS THAT MEET */

    /// @dev Three items of a batch are the same bytes: the message is recorded once, refused twice.
    function test_NeverRecordsTwice_WhenOffsetsMeet() public {
        for (uint256 call = 0; call < 4; ++call) {
            bytes memory good = _call(call);
            bytes32 wanted = _rootAfter(good);
            uint256 before = vm.snapshotState();
            vm.recordLogs();
            (bool done,) = address(registry).call(_repeated(good, 3));
            assertTrue(done, "an encoding of three items");
            VmSafe.Log[] memory logs = vm.getRecordedLogs();
            assertEq(logs.length, 3, "one event for each item");
            assertNotEq(logs[0].topics[0], IRegistry.Refused.selector, "the first is recorded");
            assertEq(logs[1].topics[0], IRegistry.Refused.selector, "the second is refused");
            assertEq(logs[2].topics[0], IRegistry.Refused.selector, "the third is refused");
            assertEq(registry.root(), wanted, "one record");
            assertTrue(vm.revertToState(before), "taken back");
        }
    }

    /// @dev Ten times as many items cost ten times as much, and 1 % for longer offsets: nothing is
    /// kept in memory for each.
    function test_NeverCostsMoreForEachItem_WhenABatchIsLong() public {
        for (uint256 call = 0; call < 4; ++call) {
            bytes memory good = _call(call);
            uint256 few = _gasOf(_repeated(good, 500));
            assertLt(_gasOf(_repeated(good, 5000)), 10 * few + few / 10, "gas of a long batch");
        }
    }

    function _gasOf(bytes memory data) private returns (uint256 gas) {
        uint256 before = vm.snapshotState();
        (bool done,) = address(registry).call(data);
        gas = vm.lastCallGas().gasTotalUsed;
        assertTrue(done, "one is recorded, the others are refused");
        assertTrue(vm.revertToState(before), "taken back");
    }

    /// @dev Selector, offset of the array, its length, and for each item the same offset.
    function _repeated(bytes memory good, uint256 count) private pure returns (bytes memory data) {
        data = new bytes(68 + 32 * count + good.length - 100);
        for (uint256 i = 0; i < 36; ++i) {
            data[i] = good[i];
        }
        for (uint256 i = 0; i <= count; ++i) {
            uint256 word = i == 0 ? count : 32 * count;
            assembly ("memory-safe") {
                mstore(add(add(data, 68), mul(32, i)), word)
            }
        }
        for (uint256 i = 100; i < good.length; ++i) {
            data[32 * count + i - 32] = good[i];
        }
    }

    /* GAS THAT ENDS EARLY */

    /// @dev The precompile gets what is left. Whoever sends the batch must not be able to
    /// leave it so little that a good signature counts as none while the batch goes on.
    function test_NeverRefusesWhatIsFine_WhenGasIsShort() public {
        for (uint256 call = 0; call < 7; ++call) {
            bytes memory good = _call(call);
            bytes32 wanted = _rootAfter(good);
            uint256 before = vm.snapshotState();
            uint256 enough = gasleft();
            (bool done,) = address(registry).call(good);
            enough -= gasleft();
            assertTrue(done, "fine");
            assertTrue(vm.revertToState(before), "taken back");
            for (uint256 limit = 3000; limit < enough; limit += 211) {
                _assertAllOrNothing(good, limit, wanted);
            }
        }
    }

    function _assertAllOrNothing(bytes memory data, uint256 limit, bytes32 wanted) private {
        uint256 before = vm.snapshotState();
        vm.recordLogs();
        (bool done,) = address(registry).call{gas: limit}(data);
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        if (done) {
            assertEq(registry.root(), wanted, "all is recorded");
            for (uint256 i = 0; i < logs.length; ++i) {
                assertNotEq(logs[i].topics[0], IRegistry.Refused.selector, "nothing is refused");
            }
        }
        assertTrue(vm.revertToState(before), "taken back");
    }

    /* CALLS, each of one item that is fine */

    function _call(uint256 which) private view returns (bytes memory) {
        which %= 7;
        if (which == 0) return abi.encodeCall(IRegistry.announceMany, (_announcements()));
        if (which == 1) return abi.encodeCall(IRegistry.requestMany, (_readable()));
        if (which == 2) return abi.encodeCall(IRegistry.releaseMany, (_released()));
        if (which == 3) return abi.encodeCall(IRegistry.withdrawMany, (_withdrawals()));
        if (which == 4) return abi.encodeCall(IRegistry.requestPacked, (_requests(true)));
        if (which == 5) return abi.encodeCall(IRegistry.releasePacked, (_releases()));
        SignedRelease memory own = _released()[0];
        return
            abi.encodeCall(IRegistry.release, (own.release, own.signatures, own.record, own.path));
    }

    function _announcements() private view returns (SignedAnnouncement[] memory items) {
        items = new SignedAnnouncement[](1);
        items[0] = item(carried);
    }

    function _readable() private view returns (SignedRequest[] memory items) {
        items = new SignedRequest[](1);
        items[0] = item(_next(resourceId));
    }

    function _released() private view returns (SignedRelease[] memory items) {
        items = new SignedRelease[](1);
        SignedRelease memory own = items[0];
        (own.record, own.path) = (ledger.recordAt(2), ledger.pathOf(2));
        Request memory message = ledger.requestIn(own.record);
        own.release = giveBack(message, message.startTime);
        own.signatures = signed(own.release);
    }

    function _withdrawals() private view returns (SignedWithdrawal[] memory items) {
        items = new SignedWithdrawal[](1);
        Withdrawal memory message = close(carried);
        items[0] = SignedWithdrawal(message, carried, signed(message));
    }

    function _requests(bool brings) private view returns (bytes memory) {
        PackedGroup memory group;
        group.timestamp = uint64(NOW) - 9;
        group.carried = brings;
        group.announcement = carried;
        group.providerSignature = signed(carried);
        group.items = new SignedRequest[](1);
        bytes32 id = brings ? registry.announcementId(carried) : resourceId;
        group.items[0] = item(_next(id));
        return encode(group);
    }

    function _releases() private view returns (bytes memory) {
        SignedRelease memory own = _released()[0];
        bytes memory head = abi.encodePacked(
            own.release.fromTime, own.release.timestamp, own.signatures, own.record
        );
        return abi.encodePacked(head, uint8(own.path.length), own.path);
    }

    function _next(bytes32 id) private view returns (Request memory message) {
        message = ask(id);
        message.sequence = 9;
    }

    /* BENDING */

    /// @dev Replaces a word behind the selector, or shifts it.
    function _bend(bytes memory good, uint256 position, uint256 how, uint256 value)
        private
        pure
        returns (bytes memory bent)
    {
        bent = bytes.concat(good);
        position = 4 + 32 * (position % (good.length / 32));
        uint256 word;
        assembly ("memory-safe") {
            word := mload(add(add(bent, 0x20), position))
        }
        unchecked {
            if (how % 5 == 0) word = 0 - value % 1024;
            else if (how % 5 == 1) word += 32 * (1 + value % 20);
            else if (how % 5 == 2) word -= 32 * (1 + value % 20);
            else if (how % 5 == 3) word ^= 1 << (64 + value % 192);
            else word = 0 - position - value % 512;
        }
        assembly ("memory-safe") {
            mstore(add(add(bent, 0x20), position), word)
        }
    }

    function _assertBit(bytes memory good, uint256 bit) private {
        bytes32 wanted = _rootAfter(good);
        // behind selector, offset and length
        bit = bound(bit, 8 * 68, 8 * good.length - 1);
        good[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        _assertOneOf(good, wanted);
    }

    function _rootAfter(bytes memory good) private returns (bytes32 wanted) {
        uint256 before = vm.snapshotState();
        bytes32 root = registry.root();
        (bool done,) = address(registry).call(good);
        assertTrue(done, "fine");
        wanted = registry.root();
        assertNotEq(wanted, root, "recorded");
        assertTrue(vm.revertToState(before), "taken back");
    }

    /// @dev Refused, or the very same records.
    function _assertOneOf(bytes memory data, bytes32 wanted) private {
        uint256 before = vm.snapshotState();
        bytes32 root = registry.root();
        // a low-level call, because no encoder writes such calldata
        (bool done,) = address(registry).call(data);
        bytes32 got = registry.root();
        assertTrue(got == root || (done && got == wanted), "nothing, or what was signed");
        assertTrue(vm.revertToState(before), "taken back");
    }
}
