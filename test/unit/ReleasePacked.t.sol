// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Writer} from "../../contracts/interfaces/INetwork.sol";
import {
    IRegistry,
    Refusal,
    RegistryConfig,
    Release,
    Request,
    SignedRelease
} from "../../contracts/interfaces/IRegistry.sol";
import {Registry} from "../../contracts/sidechain/Registry.sol";
import {PackedBase} from "../utils/PackedBase.sol";
import {ReferenceLedger} from "../utils/ReferenceLedger.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice The plain ledger, which also keeps what other writers append.
contract OpenLedger is ReferenceLedger {
    constructor(address registry, bytes32 networkId) ReferenceLedger(registry, networkId) {}

    function append(bytes memory record) external {
        leaves.push(keccak256(abi.encodePacked(bytes1(0), record)));
        _records.push(record);
    }
}

/// @notice Packed releases: docs/protocol.md section 4.6. Every batch of whole items is compared with
/// the same releases in a batch that is not packed.
contract ReleasePackedTest is PackedBase {
    uint8 private constant OTHER_KIND = 16;
    uint64 private constant FIRST = 2;
    uint64 private constant COUNT = 20;

    bytes32 private resourceId;
    /// @dev Index of a record of another kind that is as long as an allocation's.
    uint64 private stranger;

    /// @dev Record 1 is the resource; records 2 to 21 are allocations, each of three slots.
    function setUp() public override {
        super.setUp();
        RegistryConfig memory own = config();
        own.parameters.writers = new Writer[](1);
        own.parameters.writers[0] = Writer(OTHER_KIND, address(this));
        registry = new Registry(own);
        ledger = new OpenLedger(address(registry), registry.networkId());
        resourceId = accept(offer());
        for (uint64 index = FIRST; index < FIRST + COUNT; ++index) {
            accept(_held(index));
        }
        stranger = FIRST + COUNT;
    }

    /* THE SAME AS OTHER BATCHES */

    function test_releasePacked_ReleasesAdjacentRecords() public {
        SignedRelease[] memory items = new SignedRelease[](COUNT);
        for (uint64 i = 0; i < COUNT; ++i) {
            items[i] = _item(FIRST + i);
            if (i != 0) _lean(items[i], FIRST + i - 1);
        }
        assertSameAsReleaseMany(items);
        for (uint64 i = 0; i < COUNT; ++i) {
            assertTrue(registry.isReleased(FIRST + i), "released");
        }
        assertEq(registry.size(), FIRST + 2 * COUNT, "all are recorded");
    }

    function test_releasePacked_EmitsOneEventForTheBatch() public {
        SignedRelease[] memory items = new SignedRelease[](2);
        (items[0], items[1]) = (_item(9), _item(3));
        vm.expectEmit(address(registry));
        emit IRegistry.BatchReleased(
            FIRST + COUNT, bytes.concat(logged(items[0]), logged(items[1]))
        );
        registry.releasePacked(encode(items));
    }

    /// @dev The plain ledger takes them one by one, with paths that are built again.
    function test_releasePacked_LeavesTheRecordsOfSingles() public {
        SignedRelease[] memory items = new SignedRelease[](6);
        uint64[6] memory order = [uint64(20), 2, 3, 17, 16, 5];
        for (uint256 i = 0; i < 6; ++i) {
            items[i] = _item(order[i]);
            if (i != 0) _lean(items[i], order[i - 1]);
        }
        registry.releasePacked(encode(items));
        for (uint256 i = 0; i < 6; ++i) {
            Refusal memory refusal = ledger.release(
                items[i].release, items[i].signatures, items[i].record, ledger.pathOf(order[i])
            );
            assertEq(refusal.code, 0, "the plain ledger takes it");
        }
        assertSame();
    }

    /// @dev Records in any order, paths that lean or not, one item out of two bent.
    function testFuzz_releasePacked_EqualsTheSameReleaseMany(uint256 seed) public {
        _appendStranger();
        SignedRelease[] memory items = new SignedRelease[](1 + seed % 12);
        uint64 last = 0;
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            uint64 index = FIRST + uint64(draw % COUNT);
            items[i] = _bent(index, draw);
            if ((draw >> 64) % 3 != 0 && last != 0 && last != index) _lean(items[i], last);
            last = index;
        }
        assertSameAsReleaseMany(items);
    }

    function test_releasePacked_WhenEmpty_ChangesNothing() public {
        vm.recordLogs();
        vm.startStateDiffRecording();
        registry.releasePacked("");
        assertUnchanged();
        assertEq(vm.getRecordedLogs().length, 0, "no event");
    }

    /* WHAT IS REFUSED */

    /// @dev ATTACK 2: in one batch, with another timestamp.
    function test_releasePacked_NeverReleasesAnAllocationTwice() public {
        SignedRelease[] memory items = new SignedRelease[](3);
        (items[0], items[1], items[2]) = (_item(5), _item(5), _item(6));
        items[1].release.timestamp += 1;
        items[1].signatures = signed(items[1].release);
        assertSameAsReleaseMany(items);
        assertEq(registry.size(), FIRST + COUNT + 2, "two are recorded");
        assertEq(registry.usedOf(resourceId, 5, 1)[0], 2, "of three, one was given back once");
        _expectRefused(items[2], Refusal(304, uint256(items[2].release.requestId), 6));
        registry.releasePacked(encode(_one(items[2])));
    }

    /// @dev ATTACK 3: a record of another kind with the same bytes as an allocation from there on.
    function test_releasePacked_NeverTakesARecordOfAnotherKind() public {
        SignedRelease memory bad = _stranger();
        _appendStranger();
        bad.path = ledger.pathOf(0);
        SignedRelease[] memory items = new SignedRelease[](2);
        (items[0], items[1]) = (bad, _item(4));
        vm.recordLogs();
        registry.releasePacked(encode(items));
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        assertEqual(abi.decode(logs[0].data, (Refusal)), Refusal(3, 0x0110, 0x0102), "kind");
        assertEq(logs.length, 2, "the other is recorded");
    }

    /// @dev Times of the release that are wrong, and good ones between.
    function test_releasePacked_NoBadItemSinksTheGoodOnes() public {
        SignedRelease[] memory items = new SignedRelease[](8);
        for (uint64 i = 0; i < 8; ++i) {
            items[i] = _item(8 + i);
        }
        items[1].signatures = new bytes(64);
        _resign(items[2], items[2].release.fromTime + 3 * SLOT, 0);
        _resign(items[3], items[3].release.fromTime + 1, 0);
        _resign(items[4], items[4].release.fromTime, 301);
        items[5].path[0] = 0;
        _resign(items[6], items[6].release.fromTime + SLOT, 0);
        assertSameAsReleaseMany(items);
        assertEq(registry.size(), FIRST + COUNT + 3, "three good ones");
    }

    /// @dev The notice counts from the block's time: refused, never clipped.
    function test_releasePacked_RefusesWithinTheNotice() public {
        vm.warp(NOW + 8 * SLOT - 599);
        SignedRelease[] memory items = new SignedRelease[](2);
        (items[0], items[1]) = (_item(8), _item(9));
        assertSameAsReleaseMany(items);
        assertEq(registry.size(), FIRST + COUNT + 1, "the second starts an hour later");
    }

    function test_releasePacked_AWrongPathTakesOnlyThoseThatLeanOnIt() public {
        SignedRelease[] memory items = new SignedRelease[](4);
        (items[0], items[1], items[2], items[3]) = (_item(8), _item(12), _item(13), _item(9));
        items[1].path[3] ^= bytes32(uint256(1));
        _lean(items[2], 12);
        _lean(items[3], 8);
        assertSameAsReleaseMany(items);
        assertTrue(registry.isReleased(8), "before");
        assertFalse(registry.isReleased(12), "wrong");
        assertFalse(registry.isReleased(13), "leans on the wrong one");
        assertTrue(registry.isReleased(9), "leans on the first");
    }

    /* BYTES */

    function test_releasePacked_RevertWhen_ItemIsCutOff() public {
        SignedRelease[] memory items = new SignedRelease[](2);
        (items[0], items[1]) = (_item(8), _item(9));
        bytes memory batch = encode(items);
        uint256 first = encode(_one(items[0])).length;
        uint256[8] memory lengths =
            [1, 16, 318, 319, first - 1, first + 1, first + 319, batch.length - 1];
        for (uint256 i = 0; i < 8; ++i) {
            bytes memory cut = _cut(batch, lengths[i]);
            _expectInvalid(lengths[i] > first ? first : 0, lengths[i]);
            registry.releasePacked(cut);
        }
        registry.releasePacked(batch);
        assertEq(registry.size(), FIRST + COUNT + 2, "the whole batch is recorded");
    }

    function test_releasePacked_RevertWhen_BytesTrail() public {
        bytes memory batch = encode(_one(_item(8)));
        _expectInvalid(batch.length, batch.length + 1);
        registry.releasePacked(bytes.concat(batch, hex"00"));
    }

    /// @dev 64 nodes are too many for any log, but an encoding; 65 are none.
    function test_releasePacked_RevertWhen_PathIsTooLong() public {
        SignedRelease memory own = _item(8);
        own.path = new bytes32[](64);
        _expectRefused(own, judge(own));
        registry.releasePacked(encode(_one(own)));
        own.path = new bytes32[](65);
        bytes memory batch = encode(_one(own));
        _expectInvalid(0, batch.length);
        registry.releasePacked(batch);
    }

    function test_releasePacked_RevertWhen_NodesAreOnlyClaimed() public {
        bytes memory batch = encode(_one(_item(8)));
        batch[318] = bytes1(uint8(64));
        _expectInvalid(0, batch.length);
        registry.releasePacked{gas: 100_000}(batch);
    }

    /* EXPECTATIONS */

    function assertSameAsReleaseMany(SignedRelease[] memory items) private {
        uint256 before = vm.snapshotState();
        uint64 size = registry.size();
        vm.recordLogs();
        registry.releaseMany(items);
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        bytes32 state = _state();
        bytes memory refused;
        bytes memory accepted;
        assertEq(logs.length, items.length, "an event for each item");
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IRegistry.Refused.selector) {
                refused = bytes.concat(refused, abi.encode(logs[i].topics, logs[i].data));
            } else {
                accepted = bytes.concat(accepted, logged(items[i]));
            }
        }
        assertTrue(vm.revertToState(before), "taken back");
        vm.recordLogs();
        registry.releasePacked(encode(items));
        _assertLogs(vm.getRecordedLogs(), refused, size, accepted);
        assertEq(_state(), state, "state");
    }

    function _assertLogs(
        VmSafe.Log[] memory logs,
        bytes memory refused,
        uint64 index,
        bytes memory accepted
    ) private pure {
        bytes memory got;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IRegistry.Refused.selector) {
                got = bytes.concat(got, abi.encode(logs[i].topics, logs[i].data));
            } else {
                assertEq(i, logs.length - 1, "the event of the batch comes last");
                assertEq(logs[i].topics[0], IRegistry.BatchReleased.selector, "of releases");
                assertEq(logs[i].data, abi.encode(index, accepted), "what it tells");
                accepted = "";
            }
        }
        assertEq(accepted.length, 0, "it is emitted");
        assertEq(got, refused, "refusals");
    }

    function _state() private view returns (bytes32 hash) {
        hash = keccak256(abi.encode(registry.size(), registry.root()));
        for (uint64 i = 0; i < 40; ++i) {
            hash =
                keccak256(abi.encode(hash, registry.isReleased(i), registry.wordOf(resourceId, i)));
        }
    }

    function _expectInvalid(uint256 offset, uint256 length) private {
        vm.expectRevert(
            abi.encodeWithSelector(IRegistry.PackedBatchInvalid.selector, offset, length)
        );
    }

    function _expectRefused(SignedRelease memory own, Refusal memory reason) private {
        bytes32 id = registry.releaseId(own.release);
        vm.expectEmit(address(registry));
        emit IRegistry.Refused(id, reason);
    }

    /* ITEMS */

    /// @dev Slots `index` to `index + 2`, so that each overlaps with its neighbours.
    function _held(uint64 index) private view returns (Request memory message) {
        message = ask(resourceId);
        message.volume = 1;
        message.startTime = uint64(NOW) + index * SLOT;
        message.endTime = message.startTime + 3 * SLOT;
        message.sequence = index;
    }

    /// @dev With the path to the peak.
    function _item(uint64 index) private view returns (SignedRelease memory) {
        Request memory held = _held(index);
        Release memory message = giveBack(held, held.startTime);
        return SignedRelease(message, signed(message), ledger.recordAt(index), ledger.pathOf(index));
    }

    /// @dev Cuts the path where it meets that of `last`, if both stand under one peak.
    function _lean(SignedRelease memory own, uint64 last) private view {
        uint64 index = uint8(own.record[29]);
        uint256 n = 0;
        while (last >> (n + 1) != index >> (n + 1)) ++n;
        if (n >= own.path.length || ledger.pathOf(last).length != own.path.length) return;
        bytes32[] memory path = new bytes32[](n);
        for (uint256 h = 0; h < n; ++h) {
            path[h] = own.path[h];
        }
        own.path = path;
    }

    function _resign(SignedRelease memory own, uint64 fromTime, uint64 delay) private view {
        own.release.fromTime = fromTime;
        own.release.timestamp += delay;
        own.signatures = signed(own.release);
    }

    function _bent(uint64 index, uint256 draw) private view returns (SignedRelease memory own) {
        own = _item(index);
        uint256 kind = (draw >> 8) % 16;
        if (kind == 0) own.signatures = sign(providerKey, bytes32(draw));
        if (kind == 1) _resign(own, uint64(NOW + (draw >> 16) % (30 * SLOT)), 0);
        if (kind == 2) _resign(own, own.release.fromTime + SLOT, 0);
        if (kind == 3) _resign(own, own.release.fromTime, uint64((draw >> 16) % 400));
        if (kind == 4 && own.path.length != 0) own.path[(draw >> 16) % own.path.length] = 0;
        if (kind == 5) own.path = new bytes32[]((draw >> 16) % 65);
        if (kind == 6) own = _stranger();
        if (kind == 7) {
            // the requester's own words about a record that never was
            own.record[141] = bytes1(uint8(draw >> 16));
            own.release.requestId = registry.requestId(ledger.requestIn(own.record));
            own.signatures = signed(own.release);
        }
    }

    /// @dev A record of another kind whose body is that of an allocation.
    function _stranger() private view returns (SignedRelease memory own) {
        own = _item(FIRST);
        own.record = abi.encodePacked(
            bytes2(0x0110), address(this), stranger, uint64(vm.getBlockTimestamp()), _body()
        );
        own.path = new bytes32[](0);
    }

    function _appendStranger() private {
        assertEq(registry.append(OTHER_KIND, _body()), stranger, "its index");
        OpenLedger(address(ledger)).append(_stranger().record);
        assertSame();
    }

    function _body() private view returns (bytes memory) {
        bytes memory record = ledger.recordAt(FIRST);
        bytes memory body = new bytes(200);
        for (uint256 i = 0; i < 200; ++i) {
            body[i] = record[38 + i];
        }
        return body;
    }

    function _one(SignedRelease memory only) private pure returns (SignedRelease[] memory items) {
        items = new SignedRelease[](1);
        items[0] = only;
    }

    function _cut(bytes memory whole, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = whole[i];
        }
    }
}
