// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, Request} from "../../contracts/interfaces/IRegistry.sol";
import {Claim} from "../../contracts/libraries/ClaimLib.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";
import {WordsHarness} from "../utils/WordsHarness.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Everything that is packed or written in assembly, against code that takes one lane, one
/// bit, one field after the other.
contract WordsTest is Test {
    /// @notice Slots somebody wants, of a resource of some volume, for a record of that index.
    struct Wish {
        uint256 first;
        uint256 count;
        uint16 volume;
        uint16 asked;
        uint64 index;
    }

    /// @notice What an allocation's record holds beside the request.
    struct RecordFields {
        uint256 resource;
        uint256 requester;
        uint256 requesterAfter;
        uint64 firstSlot;
        uint16 slotCount;
        uint64 index;
        bytes32 evidence;
    }

    WordsHarness internal harness;
    mapping(uint64 => bool) internal _seen;

    function setUp() public {
        harness = new WordsHarness();
    }

    /* CALENDAR */

    /// @dev Lanes of one word are judged together: as if slot by slot, for any volume and use.
    function testFuzz_Calendar_LanesAreSlots(Wish memory wish, uint256 seed) public {
        wish.first = bound(wish.first, 0, 40);
        wish.count = bound(wish.count, 1, 40);
        if (seed % 3 != 0) wish.asked = uint16(bound(wish.asked, 0, wish.volume / 2 + 1));
        uint16[] memory used = _draw(seed, wish.volume);
        _setWords(used, 7);
        (bool enough, uint256 free) = _judge(wish, used);
        (bool taken, bytes32 words, uint256 found) =
            harness.take(wish.first, wish.count, wish.asked, wish.volume, wish.index);
        assertEq(taken, enough, "taken");
        assertEq(found, free, "free volume");
        if (!taken) return _requireWords(used, 7, 0, 7);
        for (uint256 slot = wish.first; slot < wish.first + wish.count; ++slot) {
            used[slot] += wish.asked;
        }
        (uint256 from, uint256 last) = (wish.first / 12, (wish.first + wish.count - 1) / 12);
        assertEq(words, _hashWords(used, 7, from, last), "words");
        _requireWords(used, wish.index, from, last + 1);
    }

    /// @dev A full lane beside an empty one, at both ends of a word.
    function test_Calendar_NoLaneCarriesIntoItsNeighbour() public {
        uint16[] memory used = new uint16[](84);
        for (uint256 slot = 0; slot < 24; slot += 2) {
            used[slot] = type(uint16).max;
        }
        _setWords(used, 1);
        for (uint256 slot = 0; slot < 24; ++slot) {
            uint16 asked = type(uint16).max;
            (bool taken,, uint256 free) = harness.take(slot, 1, asked, asked, 2);
            assertEq(taken, slot % 2 == 1, "taken");
            assertEq(free, slot % 2 == 1 ? asked : 0, "free");
            if (taken) used[slot] = asked;
        }
        _requireWords(used, 2, 0, 2);
        (bool again,,) = harness.take(0, 24, 1, type(uint16).max, 3);
        assertFalse(again, "all full");
    }

    /* SEQUENCE */

    /// @dev A walk through the window: the word answers as a set of all that was ever used.
    function testFuzz_Sequence_WindowIsASet(uint256 seed, uint64 highest) public {
        highest = uint64(bound(highest, 0, type(uint64).max - 20_000));
        uint256 word = uint256(highest) << 192;
        _seen[highest] = true;
        for (uint256 i = 0; i < 25; ++i) {
            uint256 drawn = uint256(keccak256(abi.encode(seed, i)));
            // around the highest: up to 140 on either side
            uint256 sequence = uint256(highest) + 140;
            sequence -= bound(drawn % 281, 0, sequence);
            uint256 code = _naive(highest, sequence);
            assertEq(harness.judge(word, sequence), code, "code");
            if (code != 0) continue;
            word = harness.mark(word, sequence, i);
            _seen[uint64(sequence)] = true;
            if (sequence > highest) highest = uint64(sequence);
            assertEq(word >> 192, highest, "highest");
            assertEq(uint64(word), i, "index");
        }
        for (uint64 j = 0; j < 128; ++j) {
            bool bit = (word >> (64 + j)) & 1 == 1;
            assertEq(bit, j < highest && _seen[highest - 1 - j], "bitmap");
        }
    }

    function test_Sequence_BothEdgesOfTheWindow() public view {
        uint256 word = uint256(1000) << 192;
        assertEq(harness.judge(word, 1128), 0, "128 ahead");
        assertEq(harness.judge(word, 1129), 302, "129 ahead");
        assertEq(harness.judge(word, 872), 0, "128 behind");
        assertEq(harness.judge(word, 871), 302, "129 behind");
        assertEq(harness.judge(word, 1000), 303, "the highest");
        assertEq(harness.judge(word, type(uint64).max), 302, "out of reach");
        uint256 marked = harness.mark(word, 872, 5);
        assertEq(marked, word | (1 << 191) | 5, "last bit");
        assertEq(harness.judge(marked, 872), 303, "used");
        marked = harness.mark(marked, 1001, 6);
        assertEq(uint128(marked >> 64), 1, "fell out of the bitmap");
        assertEq(harness.judge(marked, 872), 302, "too far behind");
    }

    function test_Sequence_ZeroIsNeverFine() public view {
        assertEq(harness.judge(0, 0), 302, "never seen");
        assertEq(harness.judge(uint256(5) << 192, 0), 302, "inside the window");
        assertEq(harness.judge(uint256(type(uint64).max) << 192, 0), 302, "far away");
    }

    function test_Sequence_AtTheEndOfAllNumbers() public view {
        uint256 word = uint256(type(uint64).max - 1) << 192;
        assertEq(harness.judge(word, type(uint64).max), 0, "the last");
        word = harness.mark(word, type(uint64).max, 9);
        assertEq(word, (uint256(type(uint64).max) << 192) | (1 << 64) | 9, "word");
        assertEq(harness.judge(word, type(uint64).max), 303, "used");
    }

    /* SIGNATURES */

    function testFuzz_Signature_RecoversAsThePrecompileDoes(uint256 key, bytes32 digest)
        public
        view
    {
        key = bound(key, 1, 2 ** 255);
        (bytes32 r, bytes32 vs) = vm.signCompact(key, digest);
        bytes memory second = abi.encodePacked(bytes32(0), bytes32(0), r, vs);
        assertEq(harness.recover(digest, abi.encodePacked(r, vs), 0), uint160(vm.addr(key)), "0");
        assertEq(harness.recover(digest, second, 1), uint160(vm.addr(key)), "1");
        assertEq(harness.recover(digest, second, 0), 0, "zeros");
    }

    function testFuzz_Signature_NoOtherFormIsTaken(uint256 key, bytes32 digest) public view {
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        key = bound(key, 1, order - 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        address signer = vm.addr(key);
        assertEq(
            ecrecover(digest, v ^ 7, r, bytes32(order - uint256(s))), signer, "high s is valid"
        );
        uint256 high = order - uint256(s);
        uint256 parity = uint256(v ^ 7) - 27;
        // the top bit of a high s is set: it cannot even be written beside the parity
        bytes memory malleated = abi.encodePacked(r, (high & (2 ** 255 - 1)) | (parity << 255));
        assertTrue(harness.recover(digest, malleated, 0) != uint160(signer), "high s");
        bytes memory flipped = abi.encodePacked(r, uint256(s) | (uint256(28 - v) << 255));
        assertTrue(harness.recover(digest, flipped, 0) != uint160(signer), "other parity");
        assertEq(harness.recover(digest, abi.encodePacked(r, uint256(0)), 0), 0, "s 0");
        assertEq(harness.recover(digest, abi.encodePacked(uint256(0), s), 0), 0, "r 0");
        assertEq(harness.recover(digest, abi.encodePacked(order, s), 0), 0, "r too large");
    }

    function test_Signature_EdgeOfLowS() public view {
        uint256 half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
        bytes32 r =
            bytes32(uint256(0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798));
        assertTrue(harness.recover(keccak256("m"), abi.encodePacked(r, half), 0) != 0, "half");
        assertEq(harness.recover(keccak256("m"), abi.encodePacked(r, half + 1), 0), 0, "above");
    }

    function testFuzz_Signature_NobodyIsNotTheZeroAddress(uint256 signer, uint256 other)
        public
        view
    {
        assertEq(harness.isBy(signer, signer), signer != 0, "same");
        assertEq(harness.isBy(signer, other), signer == other && signer != 0, "other");
        assertFalse(harness.isBy(0, 0), "zero");
        uint256 length = other % 200;
        assertEq(harness.isOneOrTwo(length), length == 64 || length == 128, "length");
    }

    /* RECORDS */

    function testFuzz_Record_Announcement(
        Announcement calldata message,
        uint64 index,
        bytes32 evidence,
        uint64 time
    ) public {
        vm.warp(time);
        bytes memory record = abi.encodePacked(
            _header(1, index),
            message.provider,
            message.approver,
            message.volume,
            message.startTime,
            message.endTime
        );
        record = abi.encodePacked(
            record,
            message.slotSeconds,
            message.noticeSeconds,
            message.timestamp,
            message.offer,
            evidence
        );
        assertEq(record.length, 176, "size");
        bytes32 leaf = keccak256(abi.encodePacked(bytes1(0), record));
        assertEq(harness.announcementLeaf(message, index, evidence), leaf, "leaf");
    }

    function testFuzz_Record_Allocation(
        Request calldata message,
        RecordFields calldata fields,
        uint256[] calldata items
    ) public view {
        Claim memory claim;
        claim.resourceId = message.resourceId;
        claim.requester = uint160(message.requester);
        claim.volume = message.volume;
        claim.startTime = message.startTime;
        claim.endTime = message.endTime;
        claim.timestamp = message.timestamp;
        claim.sequence = message.sequence;
        claim.resource = fields.resource;
        claim.requesterWord = fields.requester;
        claim.firstSlot = fields.firstSlot;
        claim.slotCount = fields.slotCount;
        bytes32 got = harness.allocationLeaf(
            claim, items, fields.index, fields.requesterAfter, fields.evidence
        );
        bytes memory record = _allocation(message, fields, keccak256(abi.encodePacked(items)));
        assertEq(record.length, 238, "size");
        assertEq(got, keccak256(abi.encodePacked(bytes1(0), record)), "leaf");
    }

    /* LOG */

    /// @dev Rubbish where no bit of the size is set, singles and batches in any order.
    function testFuzz_Log_RootIsTheNaiveRecursion(uint256 seed, bytes32 rubbish) public {
        harness.litter(rubbish);
        bytes32[] memory all = new bytes32[](0);
        for (uint256 round = 0; round < 6; ++round) {
            uint256 drawn = uint256(keccak256(abi.encode(seed, round)));
            bytes32[] memory leaves = new bytes32[](drawn % 23);
            for (uint256 i = 0; i < leaves.length; ++i) {
                leaves[i] = keccak256(abi.encode(drawn, i));
                all = ReferenceLog.append(all, leaves[i]);
            }
            if (drawn >> 255 == 1) harness.append(leaves);
            else harness.appendBatch(leaves);
            assertEq(harness.size(), all.length, "size");
            if (all.length > 0) {
                assertEq(harness.root(), ReferenceLog.root(all, 0, all.length), "root");
            }
        }
        _requirePeaks(all);
    }

    /* PLAIN WAYS */

    function _allocation(Request calldata message, RecordFields calldata fields, bytes32 words)
        private
        view
        returns (bytes memory record)
    {
        record = abi.encodePacked(
            _header(2, fields.index),
            message.resourceId,
            uint64(fields.resource >> 32),
            message.requester,
            message.volume,
            message.startTime,
            message.endTime
        );
        record = abi.encodePacked(
            record,
            fields.firstSlot,
            fields.slotCount,
            message.timestamp,
            message.sequence,
            uint64(fields.requester)
        );
        uint192 after_ = uint192(fields.requesterAfter >> 64);
        return abi.encodePacked(record, after_, words, fields.evidence);
    }

    /// @dev What is used of 84 slots: nothing of most, some of a quarter.
    function _draw(uint256 seed, uint16 volume) private pure returns (uint16[] memory used) {
        used = new uint16[](84);
        for (uint256 slot = 0; slot < 84; ++slot) {
            uint256 drawn = uint256(keccak256(abi.encode(seed, slot)));
            if (drawn % 4 == 0) used[slot] = uint16((drawn >> 8) % (uint256(volume) + 1));
        }
    }

    /// @dev One slot after the other, up to the first that lacks volume.
    function _judge(Wish memory wish, uint16[] memory used)
        private
        pure
        returns (bool enough, uint256 free)
    {
        (enough, free) = (true, wish.volume);
        for (uint256 slot = wish.first; slot < wish.first + wish.count && enough; ++slot) {
            uint256 left = wish.volume - used[slot];
            if (left < free) free = left;
            enough = wish.asked <= left;
        }
    }

    function _requirePeaks(bytes32[] memory all) private view {
        uint256 end = all.length;
        for (uint256 h = 0; h < 8; ++h) {
            if ((all.length >> h) & 1 == 0) continue;
            assertEq(harness.peakOf(h), ReferenceLog.root(all, end - 2 ** h, end), "peak");
            end -= 2 ** h;
        }
    }

    function _header(uint8 kind, uint64 index) private view returns (bytes memory) {
        return
            abi.encodePacked(
                uint8(1), kind, address(harness), index, uint64(vm.getBlockTimestamp())
            );
    }

    function _naive(uint256 highest, uint256 sequence) private view returns (uint256) {
        if (sequence == 0) return 302;
        if (sequence > highest + 128 || sequence + 128 < highest) return 302;
        return _seen[uint64(sequence)] ? 303 : 0;
    }

    function _word(uint16[] memory used, uint64 index, uint256 number)
        private
        pure
        returns (bytes memory word)
    {
        word = abi.encodePacked(index);
        for (uint256 i = 0; i < 12; ++i) {
            word = abi.encodePacked(word, used[12 * number + i]);
        }
    }

    function _setWords(uint16[] memory used, uint64 index) private {
        for (uint256 number = 0; number < used.length / 12; ++number) {
            harness.setWord(number, abi.decode(_word(used, index, number), (uint256)));
        }
    }

    function _hashWords(uint16[] memory used, uint64 index, uint256 first, uint256 last)
        private
        pure
        returns (bytes32)
    {
        bytes memory items;
        for (uint256 number = first; number <= last; ++number) {
            items = abi.encodePacked(items, _word(used, index, number));
        }
        return keccak256(items);
    }

    /// @dev All words hold `used`; those from `from` to `to - 1` were written by `index`.
    function _requireWords(uint16[] memory used, uint64 index, uint256 from, uint256 to)
        private
        view
    {
        for (uint256 number = 0; number < used.length / 12; ++number) {
            uint256 word = harness.wordOf(number);
            uint64 writer = number >= from && number < to ? index : uint64(word >> 192);
            assertEq(word, abi.decode(_word(used, writer, number), (uint256)), "word");
        }
    }
}
