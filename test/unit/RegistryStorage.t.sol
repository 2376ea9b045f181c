// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Parameters, Writer} from "../../contracts/interfaces/INetwork.sol";
import {
    Announcement,
    RegistryConfig,
    Release,
    Request,
    Withdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {Deploy} from "../utils/Deploy.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Where the registry keeps what: docs/protocol.md section 5. Storage proofs rely on it.
contract RegistryStorageTest is RefusalBase {
    /* SLOTS 0 TO 64: THE LOG */

    function test_storage_SizeAndPeaks() public {
        for (uint256 count = 1; count <= 20; ++count) {
            Announcement memory message = offer();
            message.offer = bytes32(count);
            accept(message);
            assertEq(_at(bytes32(0)), ledger.size(), "slot 0: size");
            for (uint256 h = 0; h < 6; ++h) {
                if ((ledger.size() >> h) & 1 == 0) continue;
                assertEq(bytes32(_at(bytes32(1 + h))), _peak(h), "slot 1 + h: peak of height h");
            }
        }
    }

    /// @dev Root of the perfect subtree of 2^h leaves behind those of the higher peaks.
    function _peak(uint256 h) private view returns (bytes32) {
        uint256 size = ledger.size();
        uint256 from = (size >> (h + 1)) << (h + 1);
        bytes32[] memory leaves = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            leaves[i] = ledger.leaves(i);
        }
        return ReferenceLog.root(leaves, from, from + (1 << h));
    }

    /* SLOT 65: RESOURCES */

    function testFuzz_storage_ResourceWord(uint16 volume, uint40 start, uint32 slot, uint32 notice)
        public
    {
        Announcement memory message = offer();
        message.volume = uint16(bound(volume, 1, type(uint16).max));
        message.slotSeconds = uint32(bound(slot, 1, type(uint32).max));
        message.noticeSeconds = notice;
        message.startTime = uint64(bound(start, 0, 2 ** 40 - 1 - message.slotSeconds));
        message.endTime = message.startTime + message.slotSeconds;
        bytes32 id = accept(message);
        bytes memory times = abi.encodePacked(uint40(message.startTime), uint40(message.endTime));
        bytes memory lengths = abi.encodePacked(message.slotSeconds, notice);
        bytes memory word = abi.encodePacked(message.volume, times, lengths, uint64(1), uint32(0));
        assertEq(_at(keccak256(abi.encode(id, 65))), uint256(bytes32(word)), "resource word");
        assertEq(_at(keccak256(abi.encode(id, 66))), 0, "no approver");
    }

    /* SLOT 66 AND FLAGS */

    function testFuzz_storage_ApproverAndFlags(address approver, bool withdrawn) public {
        Announcement memory message = offer();
        message.approver = approver;
        bytes32 id = accept(message);
        if (withdrawn) accept(close(message), message);
        uint256 flags = (approver == address(0) ? 0 : 1) + (withdrawn ? 2 : 0);
        assertEq(_at(keccak256(abi.encode(id, 65))) % 2 ** 32, flags, "flags");
        assertEq(_at(keccak256(abi.encode(id, 66))), uint160(approver), "approver");
    }

    /* SLOT 69: RELEASED ALLOCATIONS */

    /// @dev At any index: the record is moved there, under a log that is nothing but its leaf.
    function testFuzz_storage_ReleasedWord(uint64 index) public {
        index = uint64(bound(index, 3, type(uint64).max - 1));
        Request memory message = ask(accept(offer()));
        message.startTime += SLOT;
        message.endTime += SLOT;
        accept(message);
        bytes memory record = ledger.recordAt(2);
        for (uint256 i = 0; i < 8; ++i) {
            record[22 + i] = bytes8(index)[i];
        }
        bytes32[] memory path = _plant(keccak256(abi.encodePacked(bytes1(0), record)), index);
        Release memory own = giveBack(message, message.startTime);
        registry.release(own, signed(own), record, path);
        uint256 word = _at(keccak256(abi.encode(uint256(index / 256), 69)));
        assertEq(word, 1 << (index % 256), "released word");
        assertTrue(registry.isReleased(index), "isReleased");
        assertFalse(registry.isReleased(index - 1) || registry.isReleased(index + 1), "others");
    }

    /// @dev A log that ends right after `index`; its path's siblings are zeros.
    function _plant(bytes32 node, uint64 index) private returns (bytes32[] memory path) {
        uint256 size = uint256(index) + 1;
        vm.store(address(registry), 0, bytes32(size));
        uint256 height = 0;
        for (; (index >> height) & 1 == 1; ++height) {
            node = ReferenceLog.node(0, node);
        }
        vm.store(address(registry), bytes32(1 + height), node);
        return new bytes32[](height);
    }

    /* SLOTS 67 AND 68: CALENDAR AND REQUESTERS */

    function testFuzz_storage_CalendarAndRequesterWords(uint256 first, uint256 count, uint16 volume)
        public
    {
        bytes32 id = accept(offer());
        Request memory message = ask(id);
        first = bound(first, 0, SLOTS - 1);
        count = bound(count, 1, 180);
        if (first + count > SLOTS) count = SLOTS - first;
        message.volume = uint16(bound(volume, 1, VOLUME));
        message.startTime = uint64(NOW + first * SLOT);
        message.endTime = uint64(NOW + (first + count) * SLOT);
        accept(message);
        for (uint256 number = 0; number <= SLOTS / 12; ++number) {
            uint256 word = 0;
            for (uint256 slot = 12 * number; slot < 12 * number + 12; ++slot) {
                bool asked = slot >= first && slot < first + count;
                word = (word << 16) | (asked ? message.volume : 0);
            }
            // the index of the record that touched the word
            if (word != 0) word |= uint256(2) << 192;
            bytes32 place = keccak256(abi.encode(number, keccak256(abi.encode(id, 67))));
            assertEq(_at(place), word, "calendar word");
            assertEq(registry.wordOf(id, number), word, "wordOf");
        }
    }

    function test_storage_RequesterWord() public {
        bytes32 id = accept(offer());
        uint64[4] memory sequences = [uint64(3), 1, 100, 200];
        uint256[4] memory bitmaps = [
            uint256(4), // 0
            4 | 2, // 0, 1
            1 << 96 | 1 << 98 | 1 << 99, // 3, 1, 0 below 100
            1 << 99 // 100; the rest fell out
        ];
        for (uint256 i = 0; i < sequences.length; ++i) {
            Request memory message = ask(id);
            (message.volume, message.sequence) = (1, sequences[i]);
            accept(message);
            uint256 highest = i == 1 ? 3 : sequences[i];
            uint256 word = highest << 192 | bitmaps[i] << 64 | (i + 2);
            assertEq(_at(keccak256(abi.encode(requester, 68))), word, "requester word");
        }
    }

    /* SLOT 70: WRITERS */

    function test_storage_Writers() public {
        RegistryConfig memory own = config();
        Parameters memory changed = parameters();
        changed.writers = new Writer[](2);
        changed.writers[0] = Writer(16, address(0x16));
        changed.writers[1] = Writer(255, address(0x255));
        own.parameters = changed;
        registry = Deploy.registry(own);
        assertEq(_at(keccak256(abi.encode(16, 70))), 0x16, "writer of kind 16");
        assertEq(_at(keccak256(abi.encode(255, 70))), 0x255, "writer of kind 255");
        assertEq(_at(keccak256(abi.encode(17, 70))), 0, "writer of kind 17");
    }

    /* NOTHING ELSE */

    /// @dev A request writes size, one peak, one calendar word and its requester's word; an
    /// announcement writes size, one peak and its resource's word.
    function test_storage_NoOtherSlotIsWritten() public {
        Announcement memory offered = offer();
        bytes memory signatures = signed(offered);
        vm.startStateDiffRecording();
        bytes32 id = registry.announce(offered, signatures);
        bytes32[] memory places = new bytes32[](3);
        places[0] = bytes32(0);
        places[1] = bytes32(uint256(2)); // sizes 1 to 2: peak of height 1
        places[2] = keccak256(abi.encode(id, 65));
        _assertWritten(places);
        Request memory message = ask(id);
        signatures = signed(message);
        vm.startStateDiffRecording();
        registry.request(message, signatures);
        places = new bytes32[](4);
        places[1] = bytes32(uint256(1)); // sizes 2 to 3: peak of height 0
        places[2] = keccak256(abi.encode(uint256(0), keccak256(abi.encode(id, 67))));
        places[3] = keccak256(abi.encode(requester, 68));
        _assertWritten(places);
    }

    /// @dev A release writes size, one peak, a released word and the calendar words; a withdrawal
    /// writes size, one peak and its resource's word.
    function test_storage_NoOtherSlotIsWrittenByReleasesAndWithdrawals() public {
        Announcement memory offered = offer();
        Request memory message = ask(accept(offered));
        message.startTime += SLOT;
        message.endTime += SLOT;
        accept(message);
        Release memory back = giveBack(message, message.startTime);
        bytes memory signature = signed(back);
        (bytes memory record, bytes32[] memory path) = (ledger.recordAt(2), ledger.pathOf(2));
        vm.startStateDiffRecording();
        registry.release(back, signature, record, path);
        bytes32[] memory places = new bytes32[](4);
        places[1] = bytes32(uint256(3)); // sizes 3 to 4: peak of height 2
        places[2] = keccak256(abi.encode(uint256(0), 69));
        places[3] = keccak256(abi.encode(uint256(0), keccak256(abi.encode(message.resourceId, 67))));
        _assertWritten(places);
        Withdrawal memory end = close(offered);
        signature = signed(end);
        vm.startStateDiffRecording();
        registry.withdraw(end, offered, signature);
        places = new bytes32[](3);
        places[1] = bytes32(uint256(1)); // sizes 4 to 5: peak of height 0
        places[2] = keccak256(abi.encode(message.resourceId, 65));
        _assertWritten(places);
    }

    /// @dev Ends a recording: these slots changed and no other.
    function _assertWritten(bytes32[] memory places) private {
        VmSafe.AccountAccess[] memory calls = vm.stopAndReturnStateDiff();
        uint256 writes = 0;
        for (uint256 i = 0; i < calls.length; ++i) {
            for (uint256 j = 0; j < calls[i].storageAccesses.length; ++j) {
                VmSafe.StorageAccess memory access = calls[i].storageAccesses[j];
                if (!access.isWrite) continue;
                assertEq(access.account, address(registry), "storage of the registry");
                bool expected = false;
                for (uint256 k = 0; k < places.length; ++k) {
                    expected = expected || places[k] == access.slot;
                }
                assertTrue(expected, "a slot that the protocol names");
                ++writes;
            }
        }
        assertEq(writes, places.length, "each of them once");
    }

    function _at(bytes32 slot) private view returns (uint256) {
        return uint256(vm.load(address(registry), slot));
    }
}
