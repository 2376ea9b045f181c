// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Refusal,
    Release,
    Request,
    SignedRelease
} from "../../contracts/interfaces/IRegistry.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice What proves that an allocation stands in the log (207), and batches of releases.
contract RegistryReleasePathTest is RefusalBase {
    bytes32 private resourceId;

    /// @dev Record 1 is the resource; records 2 to 9 are allocations of one unit, slot `index` each.
    function setUp() public override {
        super.setUp();
        resourceId = accept(offer());
        for (uint64 index = 2; index < 10; ++index) {
            accept(_held(index));
        }
    }

    /* ONE PATH */

    /// @dev The log has grown since the path was built: built again, it is taken.
    function test_RevertWhen_207_PathIsStale() public {
        SignedRelease memory stale = _item(8);
        for (uint256 i = 0; i < 7; ++i) {
            _grow(i);
        }
        Refusal memory reason = judge(stale);
        assertEq(reason.code, 207, "stale");
        assertRefused(stale, 207, 0, reason.want);
        accept(stale.release, 8);
    }

    function test_RevertWhen_207_PathHasAnotherLength() public {
        SignedRelease memory bad = _item(4);
        bytes32 peak = ReferenceLog.root(_leaves(), 0, 8);
        for (uint256 n = 0; n < 70; ++n) {
            if (n == 3) continue;
            bad.path = new bytes32[](n);
            for (uint256 i = 0; i < n && i < 3; ++i) {
                bad.path[i] = ledger.pathOf(4)[i];
            }
            assertRefused(bad, 207, 0, uint256(peak));
        }
    }

    function testFuzz_RevertWhen_207_AnyBitOfThePathIsFlipped(uint256 bit) public {
        SignedRelease memory bad = _item(4);
        bit = bound(bit, 0, 3 * 256 - 1);
        bad.path[bit / 256] ^= bytes32(uint256(1) << (bit % 256));
        Refusal memory reason = judge(bad);
        assertEq(reason.code, 207, "leads elsewhere");
        assertEq(reason.want, uint256(ReferenceLog.root(_leaves(), 0, 8)), "the peak");
        assertRefused(bad, 207, reason.got, reason.want);
    }

    function test_RevertWhen_207_NodesAreSwapped() public {
        SignedRelease memory bad = _item(4);
        (bad.path[0], bad.path[1]) = (bad.path[1], bad.path[0]);
        Refusal memory reason = judge(bad);
        assertRefused(bad, 207, reason.got, reason.want);
    }

    /// @dev Bytes of the record that are no field of the request: the leaf is another. Those that
    /// name the request are judged before (206), those that name the signer earlier still (101).
    function testFuzz_RevertWhen_207_AnyOtherBitOfTheRecordIsFlipped(uint256 drawn) public {
        SignedRelease memory bad = _item(4);
        uint256 bit = bound(drawn, 16, 238 * 8 - 1);
        bad.record[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        Refusal memory reason = judge(bad);
        assertTrue(reason.code == 207 || reason.code == 206 || reason.code == 101, "refused");
        assertRefused(bad, reason.code, reason.got, reason.want);
    }

    /// @dev An index at or behind the end of the log has no peak.
    function testFuzz_RevertWhen_207_RecordIsBehindTheEnd(uint64 index) public {
        SignedRelease memory bad = _item(9);
        index = uint64(bound(index, 10, type(uint64).max));
        _setIndex(bad.record, index);
        assertRefused(bad, 207, 0, 0);
        bad.path = new bytes32[](index % 65);
        assertRefused(bad, 207, 0, 0);
    }

    /// @dev ATTACK 3: the height follows from index and size, never from the caller. The leaf of an
    /// invented allocation stands wherever no bit of the size is set, as if an earlier append had
    /// left it there, and its path leads to it from any index.
    function test_NeverProvesAgainstAPeakAtAnUnsetHeight() public {
        SignedRelease memory bad = _item(9);
        Request memory invented = _held(9);
        invented.sequence = 99;
        bad.record[141] = bytes1(uint8(99));
        bad.release.requestId = registry.requestId(invented);
        bad.signatures = signed(bad.release);
        for (uint64 index = 0; index < 10; ++index) {
            _setIndex(bad.record, index);
            bytes32 node = keccak256(abi.encodePacked(bytes1(0), bad.record));
            for (uint256 height = 0; height < 5; ++height) {
                // 10 is 8 + 2
                if (height != 1 && height != 3) {
                    vm.store(address(registry), bytes32(1 + height), node);
                }
                bad.path = new bytes32[](height);
                Refusal memory reason = judge(bad);
                assertEq(reason.code, 207, "not proven");
                assertRefused(bad, 207, reason.got, reason.want);
                bool right = (index >> height) & 1 == 1;
                node = right ? ReferenceLog.node(0, node) : ReferenceLog.node(node, 0);
            }
        }
    }

    /// @dev A true leaf that an append left behind at a height that is no longer set.
    function test_NeverProvesAgainstAnOldPeak() public {
        SignedRelease memory bad = _item(8);
        // record 8 was a peak of height 0 while the log had nine records
        bad.path = new bytes32[](0);
        bytes32 leaf = keccak256(abi.encodePacked(bytes1(0), bad.record));
        assertEq(vm.load(address(registry), bytes32(uint256(1))), leaf, "it is still there");
        assertRefused(bad, 207, 0, uint256(ReferenceLog.root(_leaves(), 8, 10)));
    }

    /* BATCHES */

    /// @dev State and log are those of the same releases one by one in the same block, whose paths
    /// have to be built again each time. In a batch all lead into the log before it.
    function test_releaseMany_EqualsTheSameSingles() public {
        SignedRelease[] memory items = _items();
        uint256 before = vm.snapshotState();
        for (uint64 index = 2; index < 10; ++index) {
            accept(items[index - 2].release, index);
        }
        bytes32 state = _state();
        assertTrue(vm.revertToState(before), "taken back");
        registry.releaseMany(items);
        assertEq(_state(), state, "state");
        assertEq(registry.usedOf(resourceId, 2, 1)[0], 0, "given back");
    }

    function test_releaseMany_EmitsInTheOrderOfRecords() public {
        SignedRelease[] memory items = _items();
        for (uint64 i = 0; i < 8; ++i) {
            expectReleased(resourceId, items[i].release, items[i].signatures, 2 + i, 10 + i);
        }
        registry.releaseMany(items);
    }

    /// @dev ATTACK 2: released twice in one batch.
    function test_releaseMany_TheSameTwice_TheSecondIsSkipped() public {
        SignedRelease[] memory items = new SignedRelease[](3);
        (items[0], items[1], items[2]) = (_item(5), _item(5), _item(6));
        items[1].release.timestamp += 1;
        items[1].signatures = signed(items[1].release);
        uint256 id = uint256(items[0].release.requestId);
        _expectSkipped(items[1], Refusal(304, id, 5));
        registry.releaseMany(items);
        assertEq(registry.size(), 12, "two records");
        assertEq(registry.usedOf(resourceId, 5, 1)[0], 0, "given back once");
        assertEq(registry.usedOf(resourceId, 4, 1)[0], 1, "its neighbour stands");
    }

    /// @dev Records 4 and 5 meet at height 1: the second path ends where the first has passed.
    function test_releaseMany_PathLeansOnTheOneBefore() public {
        SignedRelease[] memory items = new SignedRelease[](4);
        (items[0], items[1], items[2], items[3]) = (_item(4), _item(5), _item(7), _item(2));
        items[1].path = new bytes32[](0);
        items[2].path = _cut(items[2].path, 1);
        items[3].path = _cut(items[3].path, 2);
        registry.releaseMany(items);
        assertEq(registry.size(), 14, "all are recorded");
        for (uint256 i = 0; i < 4; ++i) {
            ledger.release(
                items[i].release,
                items[i].signatures,
                items[i].record,
                ledger.pathOf(_index(items[i]))
            );
        }
        assertSame();
    }

    /// @dev A path is proven by itself, whatever else the release is refused for.
    function test_releaseMany_PathLeansOnOneThatIsRefused() public {
        SignedRelease[] memory items = new SignedRelease[](2);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 before = vm.snapshotState();
            (items[0], items[1]) = (_item(4), _item(5));
            items[1].path = new bytes32[](0);
            Refusal memory reason = Refusal(410, NOW - 301, NOW);
            if (i == 0) items[0].release.timestamp -= 301;
            if (i == 1) items[0].release.requestId = 0;
            items[0].signatures = signed(items[0].release);
            if (i == 1) reason = Refusal(206, 0, uint256(registry.requestId(_held(4))));
            if (i == 2) {
                items[0].signatures = new bytes(64);
                reason = Refusal(101, 0, uint160(requester));
            }
            if (i == 3) {
                accept(items[0].release, 4);
                items[0] = _item(4);
                reason = Refusal(304, uint256(items[0].release.requestId), 4);
            }
            uint256 size = registry.size();
            _expectSkipped(items[0], reason);
            registry.releaseMany(items);
            assertEq(registry.size(), size + 1, "the second is recorded");
            assertTrue(vm.revertToState(before), "taken back");
        }
    }

    /// @dev What was not proven carries nothing, neither does what is no allocation's record.
    function test_releaseMany_NeverLeansOnWhatIsNotProven() public {
        SignedRelease[] memory items = new SignedRelease[](2);
        for (uint256 i = 0; i < 4; ++i) {
            (items[0], items[1]) = (_item(4), _item(5));
            items[1].path = new bytes32[](0);
            if (i == 0) items[0].path[0] ^= bytes32(uint256(1));
            if (i == 1) items[0].record[1] = 0x01;
            if (i == 2) items[0].signatures = new bytes(65);
            if (i == 3) items[0].record = bytes.concat(items[0].record, hex"00");
            bytes32 peak = ReferenceLog.root(_leaves(), 0, 8);
            vm.startStateDiffRecording();
            vm.recordLogs();
            registry.releaseMany(items);
            assertUnchanged();
            (, bytes memory data) = _lastRefusal();
            assertEqual(abi.decode(data, (Refusal)), Refusal(207, 0, uint256(peak)), "the second");
        }
    }

    /// @dev A single release has nothing to lean on.
    function test_release_NeverLeansOnAnEarlierTransaction() public {
        accept(_item(4).release, 4);
        SignedRelease memory bad = _item(5);
        bad.path = new bytes32[](0);
        Refusal memory reason = judge(bad);
        assertEq(reason.code, 207, "not proven");
        assertRefused(bad, 207, 0, reason.want);
    }

    /// @dev The log grows while a batch runs, but what it records cannot be released in it.
    function test_releaseMany_NeverProvesAgainstItsOwnRecords() public {
        SignedRelease[] memory items = new SignedRelease[](2);
        (items[0], items[1]) = (_item(4), _item(9));
        _setIndex(items[1].record, 10);
        items[1].path = new bytes32[](0);
        _expectSkipped(items[1], Refusal(207, 0, 0));
        registry.releaseMany(items);
        assertEq(registry.size(), 11, "one record");
    }

    function test_releaseMany_GivenNone_ChangesNothing() public {
        registry.releaseMany(new SignedRelease[](0));
        assertSame();
    }

    /* HELPERS */

    function _held(uint64 index) private view returns (Request memory message) {
        message = ask(resourceId);
        message.volume = 1;
        message.startTime = uint64(NOW) + index * SLOT;
        message.endTime = message.startTime + SLOT;
        message.sequence = index - 1;
    }

    function _item(uint64 index) private view returns (SignedRelease memory) {
        Request memory held = _held(index);
        Release memory message = giveBack(held, held.startTime);
        return SignedRelease(message, signed(message), ledger.recordAt(index), ledger.pathOf(index));
    }

    function _items() private view returns (SignedRelease[] memory items) {
        items = new SignedRelease[](8);
        for (uint64 i = 0; i < 8; ++i) {
            items[i] = _item(2 + i);
        }
    }

    function _index(SignedRelease memory own) private pure returns (uint256) {
        return uint8(own.record[29]);
    }

    function _setIndex(bytes memory record, uint64 index) private pure {
        for (uint256 i = 0; i < 8; ++i) {
            record[22 + i] = bytes8(index)[i];
        }
    }

    function _cut(bytes32[] memory path, uint256 n) private pure returns (bytes32[] memory part) {
        part = new bytes32[](n);
        for (uint256 i = 0; i < n; ++i) {
            part[i] = path[i];
        }
    }

    function _grow(uint256 number) private {
        Announcement memory filler = offer();
        filler.offer = bytes32(number);
        accept(filler);
    }

    function _leaves() private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](ledger.size());
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = ledger.leaves(i);
        }
    }

    function _expectSkipped(SignedRelease memory own, Refusal memory reason) private {
        bytes32 id = registry.releaseId(own.release);
        vm.expectEmit(address(registry));
        emit IRegistry.Refused(id, reason);
    }

    function _lastRefusal() private returns (bytes32 id, bytes memory data) {
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 2, "both are skipped");
        return (logs[1].topics[1], logs[1].data);
    }

    function _state() private view returns (bytes32) {
        bytes32 words =
            keccak256(abi.encode(registry.wordOf(resourceId, 0), registry.wordOf(resourceId, 1)));
        bytes32 released = vm.load(address(registry), keccak256(abi.encode(0, 69)));
        return keccak256(abi.encode(registry.size(), registry.root(), words, released));
    }
}
