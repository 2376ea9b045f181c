// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IRegistry, Release, Request, SignedRelease} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Batches of releases, most of them wrong or brought before: whoever reads the events only
/// comes to the same log, and to the same volume held.
contract AttackReleasesTest is RefusalBase {
    uint64 private constant ALLOCATIONS = 13;
    uint64 private constant FIRST = 2;
    /// @dev No node below.
    uint256 private constant NOTHING = type(uint256).max;

    bytes32 private resourceId;

    /// @dev Record 1 is the resource, 2 to 14 are allocations across one, two or three words; peaks
    /// of heights 3, 2, 1 and 0.
    function setUp() public override {
        super.setUp();
        resourceId = accept(offer());
        for (uint64 i = 0; i < ALLOCATIONS; ++i) {
            Request memory message = ask(resourceId);
            message.volume = i % 3 == 0 ? 2 : 1;
            message.startTime = uint64(NOW) + (7 * i % 30) * SLOT;
            message.endTime = message.startTime + (1 + 5 * i % 16) * SLOT;
            message.sequence = i + 1;
            // where it is full already, later
            while (ledger.judge(message, signed(message)).code == 501) {
                message.startTime += SLOT;
                message.endTime += SLOT;
            }
            accept(message);
        }
    }

    /// @dev Readable and packed batches take turns, and bring the same allocations again and again.
    /// The plain ledger applies what the events tell, and has to end with the same log.
    /// forge-config: default.fuzz.runs = 200
    /// forge-config: lite.fuzz.runs = 20
    function testFuzz_NeverFreesWhatIsNotHeld_WhateverTheFormAndOrder(uint256 seed) public {
        for (uint256 round = 0; round < 2; ++round) {
            SignedRelease[] memory items = _random(uint256(keccak256(abi.encode(seed, round))));
            vm.recordLogs();
            if ((seed >> round) % 2 == 0) {
                registry.releasePacked(_pack(items));
                _follow(_packedItems(vm.getRecordedLogs()));
            } else {
                registry.releaseMany(items);
                _follow(_readableItems(vm.getRecordedLogs()));
            }
            assertSame();
        }
        uint16[] memory used = registry.usedOf(resourceId, 0, 60);
        for (uint256 slot = 0; slot < 60; ++slot) {
            assertEq(used[slot], ledger.usedAt(resourceId, slot), "what is not given back is held");
        }
    }

    /// @dev Tells the plain ledger of each release.
    function _follow(bytes memory items) private {
        for (uint256 start = 0; start < items.length; start += 88) {
            uint64 index = uint64(_word(items, start) >> 192);
            bytes memory record = ledger.recordAt(index);
            Release memory own;
            own.requestId = registry.requestId(ledger.requestIn(record));
            own.fromTime = uint64(_word(items, start) >> 128);
            own.timestamp = uint64(_word(items, start) >> 64);
            bytes memory signature = abi.encode(_word(items, start + 24), _word(items, start + 56));
            uint16 code = ledger.release(own, signature, record, ledger.pathOf(index)).code;
            assertEq(code, 0, "the plain ledger takes it");
        }
    }

    function _word(bytes memory items, uint256 start) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(items, 0x20), start))
        }
    }

    /* BATCHES */

    function _random(uint256 seed) private view returns (SignedRelease[] memory items) {
        items = new SignedRelease[](1 + seed % 6);
        uint256 last = NOTHING;
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            uint64 index = FIRST + uint64(draw % ALLOCATIONS);
            items[i].record = ledger.recordAt(index);
            items[i].path = ledger.pathOf(index);
            if (last != NOTHING && (draw >> 16) % 2 == 0) _lean(items[i], index ^ last);
            if (!_bend(items[i], draw >> 32)) last = index;
            _sign(items[i], draw >> 128);
        }
    }

    /// @dev Cuts the path off where it meets the one before. If it meets nothing, it is too short.
    function _lean(SignedRelease memory item_, uint256 differ) private pure {
        uint256 n = 0;
        while (differ >> (n + 1) != 0) ++n;
        if (n < item_.path.length) item_.path = _resized(item_.path, n);
    }

    /// @dev One item out of three is no longer what the log has.
    function _bend(SignedRelease memory item_, uint256 draw) private pure returns (bool) {
        uint256 bit = (draw >> 16) % (238 * 8);
        uint256 n = item_.path.length;
        if (draw % 15 == 0) item_.record[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        else if (draw % 15 == 1) item_.record[bit % 2] ^= bytes1(uint8(1 << (bit % 8)));
        else if (draw % 15 == 2) item_.path = _resized(item_.path, (draw >> 16) % 65);
        else if (draw % 15 == 3 && n != 0) item_.path[bit % n] ^= bytes32(uint256(1));
        else if (draw % 15 == 4) item_.path = _resized(item_.path, n + 1);
        else return false;
        return true;
    }

    /// @dev Most are fine; some begin too early, too late, off the grid, or were signed by somebody
    /// else or long ago. Names the request that the record tells of, as a packed release does.
    function _sign(SignedRelease memory item_, uint256 draw) private view {
        Request memory message = ledger.requestIn(item_.record);
        Release memory own = item_.release;
        own.requestId = registry.requestId(message);
        own.fromTime = message.startTime;
        if (draw % 3 == 0) {
            unchecked {
                own.fromTime += SLOT * uint64((draw >> 8) % 20);
            }
        }
        if (draw % 17 == 1) own.fromTime ^= 1;
        if (draw % 19 == 1) own.fromTime = uint64(draw >> 16);
        own.timestamp = uint64(NOW - 310 + (draw >> 24) % 620);
        item_.signatures =
            sign(draw % 13 == 1 ? providerKey : requesterKey, registry.releaseId(own));
    }

    function _resized(bytes32[] memory path, uint256 n)
        private
        pure
        returns (bytes32[] memory other)
    {
        other = new bytes32[](n);
        for (uint256 i = 0; i < n && i < path.length; ++i) {
            other[i] = path[i];
        }
    }

    function _pack(SignedRelease[] memory items) private pure returns (bytes memory batch) {
        for (uint256 i = 0; i < items.length; ++i) {
            Release memory own = items[i].release;
            bytes memory head = abi.encodePacked(own.fromTime, own.timestamp, items[i].signatures);
            bytes memory tail = abi.encodePacked(uint8(items[i].path.length), items[i].path);
            batch = bytes.concat(batch, head, items[i].record, tail);
        }
    }

    /* EVENTS: index, fromTime, timestamp and signature of each release */

    function _readableItems(VmSafe.Log[] memory logs) private pure returns (bytes memory items) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IRegistry.Refused.selector) continue;
            assertEq(logs[i].topics[0], IRegistry.VolumeReleased.selector, "a release");
            (bytes32 times, bytes32 r, bytes32 vs) =
                abi.decode(logs[i].data, (bytes32, bytes32, bytes32));
            items = abi.encodePacked(items, bytes24(times), r, vs);
        }
    }

    function _packedItems(VmSafe.Log[] memory logs) private pure returns (bytes memory items) {
        if (logs[logs.length - 1].topics[0] == IRegistry.Refused.selector) return "";
        assertEq(logs[logs.length - 1].topics[0], IRegistry.BatchReleased.selector, "the batch");
        (, items) = abi.decode(logs[logs.length - 1].data, (uint64, bytes));
    }
}
