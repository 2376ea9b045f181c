// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Refusal,
    Request,
    SignedRequest
} from "../../contracts/interfaces/IRegistry.sol";
import {PackedBase, PackedGroup} from "../utils/PackedBase.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Packed requests: docs/protocol.md section 4.6. Every batch of whole groups is compared with
/// the same requests sent one by one.
contract RequestPackedTest is PackedBase {
    uint256 private constant APPROVER_KEY = 0x9003;
    uint256 private constant PEOPLE = 5;

    bytes32 private plain;
    bytes32 private approved;

    function setUp() public override {
        super.setUp();
        plain = announced();
        Announcement memory message = _approvedOffer();
        approved = registry.announce(message, signed(message));
    }

    /* THE SAME AS SINGLES */

    function test_requestPacked_RecordsARequest() public {
        Request memory message = ask(plain);
        registry.requestPacked(encode(_group(item(message))));
        assertEq(registry.size(), 4, "recorded");
        assertEq(registry.usedOf(plain, 0, 1)[0], 3, "used");
    }

    function test_requestPacked_EmitsOneEventForTheBatch() public {
        PackedGroup memory group = _group(item(_ask(plain, 0, 1)));
        bytes memory batch = encode(group);
        vm.expectEmit(address(registry));
        emit IRegistry.BatchAllocated(3, batch);
        registry.requestPacked(batch);
    }

    /// @dev Every kind of group and item, bent in every way that an item can be.
    function testFuzz_requestPacked_EqualsTheSameSingles(uint256 seed) public {
        PackedGroup[] memory groups = new PackedGroup[](1 + seed % 5);
        for (uint256 i = 0; i < groups.length; ++i) {
            groups[i] = _randomGroup(uint256(keccak256(abi.encode(seed, i))));
        }
        assertSameAsSingles(groups);
    }

    function test_requestPacked_WhenEmpty_ChangesNothing() public {
        vm.recordLogs();
        vm.startStateDiffRecording();
        registry.requestPacked("");
        assertUnchanged();
        assertEq(vm.getRecordedLogs().length, 0, "no event");
    }

    function test_requestPacked_AppendsAtEverySizeOfTheLog() public {
        uint64 sequence = 0;
        for (uint256 count = 1; count < 10; ++count) {
            SignedRequest[] memory items = new SignedRequest[](count);
            for (uint256 i = 0; i < count; ++i) {
                items[i] = item(_ask(plain, uint64(count), ++sequence));
            }
            assertSameAsSingles(_group(items));
        }
    }

    /* GROUPS AND WORDS */

    function test_requestPacked_ItemsOfAGroupChainTheirWords() public {
        SignedRequest[] memory items = new SignedRequest[](4);
        for (uint64 i = 0; i < 4; ++i) {
            Request memory message = _ask(plain, 0, i + 1);
            message.volume = 3;
            items[i] = item(message);
        }
        PackedGroup memory group = _group(items);
        assertSameAsSingles(group);
        assertEq(registry.usedOf(plain, 0, 1)[0], 6, "two found room, two did not");
        assertEq(registry.wordOf(plain, 0) >> 192, 4, "written last by the second record");
    }

    function test_requestPacked_GroupsThatTouchTheSameWords() public {
        PackedGroup[] memory groups = new PackedGroup[](3);
        groups[0] = _group(item(_long(8, 10, 1)));
        groups[1] = _group(item(_long(11, 2, 2)));
        groups[2] = _group(item(_long(8, 10, 3)));
        assertSameAsSingles(groups);
        assertEq(registry.size(), 6, "all are recorded");
    }

    function test_requestPacked_AcrossAsManyWordsAsARequestMayTouch() public {
        assertSameAsSingles(_group(item(_long(11, 181, 1))));
        assertEq(registry.size(), 4, "16 words");
        assertSameAsSingles(_group(item(_long(11, 182, 2))));
        assertEq(registry.size(), 4, "17 words");
    }

    /// @dev The first and the last slot of a word, and each slot between.
    function test_requestPacked_EverySlotOfAWord() public {
        for (uint64 slot = 0; slot < 13; ++slot) {
            assertSameAsSingles(_group(item(_ask(plain, slot, slot + 1))));
        }
    }

    /* SEQUENCES */

    function test_requestPacked_NeverTakesOneSequenceTwice() public {
        SignedRequest[] memory items = new SignedRequest[](2);
        items[0] = item(_ask(plain, 0, 5));
        items[1] = item(_ask(plain, 0, 5));
        items[1].request.volume = 2;
        items[1] = item(items[1].request);
        assertSameAsSingles(_group(items));
        assertEq(registry.usedOf(plain, 0, 1)[0], 1, "the first one counts");
    }

    function test_requestPacked_SequencesMoveTheWindowFromItemToItem() public {
        uint64[6] memory sequences = [uint64(128), 256, 1, 128, 129, 385];
        SignedRequest[] memory items = new SignedRequest[](6);
        for (uint256 i = 0; i < 6; ++i) {
            items[i] = item(_ask(plain, 0, sequences[i]));
        }
        assertSameAsSingles(_group(items));
        assertEq(registry.size(), 6, "128, 256 and 129");
        assertEq(registry.requesterOf(requester).highest, 256, "385 is too far ahead");
    }

    /* REFUSALS */

    /// @dev Items that are refused for every reason that an item can have, with good ones between.
    function test_requestPacked_NoBadItemSinksTheGoodOnes() public {
        SignedRequest[] memory items = new SignedRequest[](9);
        for (uint64 i = 0; i < 9; ++i) {
            items[i] = item(_ask(plain, 0, i + 1));
        }
        items[1].signatures = new bytes(64);
        items[2].signatures = sign(providerKey, registry.requestId(items[2].request));
        items[3] = _again(items[3], 1, 1, 0);
        items[4] = _again(items[4], 400, 1, 0);
        items[5] = _again(items[5], 6, 0, 0);
        items[6] = _again(items[6], 7, 1, 301);
        items[7] = _again(items[7], 8, 9, 0);
        assertSameAsSingles(_group(items));
        _assertCodes(_group(items), 9);
    }

    /// @dev What is wrong with the window refuses all items of a group, but not the next group.
    function test_requestPacked_AGroupOutsideTheCalendarIsRefusedWhole() public {
        PackedGroup[] memory groups = new PackedGroup[](7);
        for (uint64 i = 0; i < 7; ++i) {
            groups[i] = _pair(i);
        }
        _move(groups[0], uint64(NOW - SLOT), uint64(NOW + SLOT));
        _move(groups[1], uint64(NOW), uint64(NOW + (SLOTS + 1) * SLOT));
        _move(groups[2], uint64(NOW + 1), uint64(NOW + SLOT));
        _move(groups[3], uint64(NOW), uint64(NOW + 193 * SLOT));
        _move(groups[4], uint64(NOW + SLOT), uint64(NOW + SLOT));
        _move(groups[5], uint64(NOW), uint64(NOW + SLOT + 1));
        assertSameAsSingles(groups);
        assertEq(registry.size(), 5, "the last group is recorded");
    }

    function test_requestPacked_RefusesAFirstSlotThatEnded() public {
        vm.warp(NOW + SLOT);
        PackedGroup memory group = _pair(0);
        group.timestamp = uint64(NOW + SLOT);
        for (uint256 i = 0; i < 2; ++i) {
            group.items[i].request.timestamp = uint64(NOW + SLOT);
            group.items[i] = item(group.items[i].request);
        }
        assertSameAsSingles(group);
        assertEq(registry.size(), 3, "refused");
    }

    function test_requestPacked_RefusesAResourceThatNobodyAnnounced() public {
        assertSameAsSingles(_group(item(_ask(keccak256("nobody's"), 0, 1))));
        assertEq(registry.size(), 3, "refused");
    }

    /// @dev 401 comes before what is wrong with the window, 410 after it.
    function test_requestPacked_KeepsTheOrderOfTheChecks() public {
        PackedGroup memory group = _pair(0);
        group.items[0] = _again(group.items[0], 1, 0, 0);
        group.items[1] = _again(group.items[1], 2, 1, 301);
        _move(group, uint64(NOW + 1), uint64(NOW + SLOT));
        assertSameAsSingles(group);
        _assertFirstCode(group, 401);
    }

    /* APPROVERS */

    function test_requestPacked_TakesTheApproversSignatures() public {
        SignedRequest[] memory items = new SignedRequest[](3);
        for (uint64 i = 0; i < 3; ++i) {
            items[i] = _approve(_ask(approved, 0, i + 1), APPROVER_KEY);
        }
        items[1] = _approve(items[1].request, providerKey);
        assertSameAsSingles(_group(items));
        assertEq(registry.size(), 5, "two are approved");
    }

    function test_requestPacked_RefusesTheApproversSignatureWhereNoneIsNeeded() public {
        assertSameAsSingles(_group(_approve(_ask(plain, 0, 1), APPROVER_KEY)));
        _assertFirstCode(_group(_approve(_ask(plain, 0, 1), APPROVER_KEY)), 102);
    }

    function test_requestPacked_RefusesWithoutTheApproversSignature() public {
        assertSameAsSingles(_group(item(_ask(approved, 0, 1))));
        _assertFirstCode(_group(item(_ask(approved, 0, 1))), 102);
    }

    /* MEMORY AND CALLDATA */

    /// @dev The cost of an item does not grow with the number of items.
    function test_requestPacked_TenThousandRefusedItemsCostWhatTheyShould() public {
        PackedGroup memory group = _group(item(_ask(plain, 0, 1)));
        uint256 few = _refusedGas(group, 100) / 100;
        uint256 many = _refusedGas(group, 10_000) / 10_000;
        assertLt(many, few + few / 10, "at most a tenth more");
    }

    function test_requestPacked_RevertWhen_GroupIsCutOff() public {
        PackedGroup[] memory groups = new PackedGroup[](2);
        groups[0] = _pair(0);
        groups[1] = _pair(1);
        bytes memory batch = encode(groups);
        uint256 first = encode(groups[0]).length;
        uint256[8] memory lengths = [1, 17, 18, 49, 50, first - 1, first + 1, batch.length - 1];
        for (uint256 i = 0; i < 8; ++i) {
            bytes memory cut = _cut(batch, lengths[i]);
            _expectInvalid(lengths[i] > first ? first : 0, lengths[i]);
            registry.requestPacked(cut);
        }
        registry.requestPacked(batch);
        assertEq(registry.size(), 7, "the whole batch is recorded");
    }

    function test_requestPacked_RevertWhen_BytesTrail() public {
        bytes memory batch = encode(_pair(0));
        _expectInvalid(batch.length, batch.length + 1);
        registry.requestPacked(bytes.concat(batch, hex"00"));
        _expectInvalid(batch.length, batch.length + 32);
        registry.requestPacked(bytes.concat(batch, new bytes(32)));
    }

    function test_requestPacked_RevertWhen_CountIsZero() public {
        bytes memory batch = encode(_group(item(_ask(plain, 0, 1))));
        batch[2] = 0;
        _expectInvalid(0, batch.length);
        registry.requestPacked(batch);
        _expectInvalid(0, 50);
        registry.requestPacked(_cut(batch, 50));
    }

    function test_requestPacked_RevertWhen_CountIsOnlyClaimed() public {
        bytes memory batch = encode(_group(item(_ask(plain, 0, 1))));
        (batch[1], batch[2]) = (0xff, 0xff);
        _expectInvalid(0, batch.length);
        registry.requestPacked{gas: 100_000}(batch);
    }

    function test_requestPacked_RevertWhen_KindIsUnknown() public {
        bytes memory batch = encode(_group(item(_ask(plain, 0, 1))));
        for (uint256 kind = 1; kind < 256; ++kind) {
            batch[0] = bytes1(uint8(kind));
            _expectInvalid(0, batch.length);
            registry.requestPacked(batch);
        }
    }

    /// @dev The length is the sender's claim; the decoder of Solidity holds it against the calldata.
    function test_requestPacked_RevertWhen_LengthIsOnlyClaimed() public {
        uint256[4] memory lengths = [uint256(1), 1e6, type(uint64).max, type(uint256).max];
        bytes4[2] memory entries =
            [IRegistry.requestPacked.selector, IRegistry.releasePacked.selector];
        for (uint256 i = 0; i < 8; ++i) {
            bytes memory call = abi.encodePacked(entries[i % 2], uint256(32), lengths[i / 2]);
            (bool done,) = address(registry).call{gas: 100_000}(call);
            assertFalse(done, "bytes that are not there");
        }
    }

    function test_requestPacked_RevertWhen_OffsetWrapsRound() public {
        bytes memory batch = encode(_group(item(_ask(plain, 0, 1))));
        for (uint256 back = 0; back < 256; ++back) {
            uint256 offset;
            unchecked {
                offset = 0 - back;
            }
            bytes memory call =
                abi.encodePacked(IRegistry.requestPacked.selector, offset, batch.length, batch);
            if (offset == 0) continue;
            (bool done,) = address(registry).call(call);
            assertFalse(done, "an offset below the calldata");
        }
    }

    /* EXPECTATIONS */

    function _expectInvalid(uint256 offset, uint256 length) private {
        vm.expectRevert(
            abi.encodeWithSelector(IRegistry.PackedBatchInvalid.selector, offset, length)
        );
    }

    function _assertFirstCode(PackedGroup memory group, uint16 code) private {
        vm.recordLogs();
        registry.requestPacked(encode(group));
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[0].topics[0], IRegistry.Refused.selector, "refused");
        assertEq(abi.decode(logs[0].data, (Refusal)).code, code, "code");
    }

    /// @dev The codes of a batch of which everything was recorded before.
    function _assertCodes(PackedGroup memory group, uint256 count) private {
        vm.recordLogs();
        registry.requestPacked(encode(group));
        assertEq(vm.getRecordedLogs().length, count, "nothing is taken twice");
    }

    function _refusedGas(PackedGroup memory group, uint256 count) private returns (uint256) {
        bytes memory whole = encode(group);
        bytes memory one = _between(whole, 50, whole.length);
        bytes memory items;
        for (uint256 length = 1; length <= count; length *= 2) {
            if (count & length != 0) items = bytes.concat(items, one);
            one = bytes.concat(one, one);
        }
        whole = bytes.concat(_cut(whole, 1), bytes2(uint16(count)), _between(whole, 3, 50), items);
        registry.requestPacked(whole);
        uint256 gasUsed = vm.lastCallGas().gasTotalUsed;
        assertLe(registry.size(), 4, "one at most is recorded");
        return gasUsed;
    }

    /* GROUPS */

    function _group(SignedRequest memory only) private pure returns (PackedGroup memory) {
        SignedRequest[] memory items = new SignedRequest[](1);
        items[0] = only;
        return _group(items);
    }

    function _group(SignedRequest[] memory items) private pure returns (PackedGroup memory group) {
        group.timestamp = uint64(NOW);
        group.items = items;
    }

    /// @dev Two requests for one slot.
    function _pair(uint64 slot) private view returns (PackedGroup memory) {
        SignedRequest[] memory items = new SignedRequest[](2);
        items[0] = item(_ask(plain, slot, 2 * slot + 1));
        items[1] = item(_ask(plain, slot, 2 * slot + 2));
        return _group(items);
    }

    /// @dev Signs the requests of a group for another window.
    function _move(PackedGroup memory group, uint64 start, uint64 end) private view {
        for (uint256 i = 0; i < group.items.length; ++i) {
            (group.items[i].request.startTime, group.items[i].request.endTime) = (start, end);
            group.items[i] = item(group.items[i].request);
        }
    }

    /// @dev One unit in one slot.
    function _ask(bytes32 resourceId, uint64 slot, uint64 sequence)
        private
        view
        returns (Request memory message)
    {
        message = ask(resourceId);
        message.volume = 1;
        message.sequence = sequence;
        message.startTime = uint64(NOW) + slot * SLOT;
        message.endTime = message.startTime + SLOT;
    }

    function _long(uint64 slot, uint64 count, uint64 sequence)
        private
        view
        returns (Request memory message)
    {
        message = _ask(plain, slot, sequence);
        message.endTime = message.startTime + count * SLOT;
    }

    /// @dev The request with other numbers, signed anew.
    function _again(SignedRequest memory old, uint64 sequence, uint16 volume, uint64 delay)
        private
        view
        returns (SignedRequest memory)
    {
        Request memory message = old.request;
        (message.sequence, message.volume) = (sequence, volume);
        message.timestamp = uint64(NOW) + delay;
        return item(message);
    }

    /// @dev With the requester's signature, and one of `key`.
    function _approve(Request memory message, uint256 key)
        private
        view
        returns (SignedRequest memory)
    {
        bytes memory second = sign(key, registry.requestId(message));
        return SignedRequest(message, bytes.concat(signed(message), second));
    }

    function _approvedOffer() private view returns (Announcement memory message) {
        message = offer();
        message.approver = vm.addr(APPROVER_KEY);
    }

    /* ANY GROUP */

    /// @dev A resource that is recorded, carried, or known to nobody; slots that may overlap with
    /// those of other groups; one item out of three is bent.
    function _randomGroup(uint256 draw) private returns (PackedGroup memory group) {
        uint256 kind = draw % 6;
        group.timestamp = uint64(NOW - (draw >> 8) % 400);
        group.carried = kind > 2;
        group.announcement = kind % 2 == 0 ? offer() : _approvedOffer();
        if (kind == 4) group.announcement.offer = keccak256("carried");
        if (kind == 5) group.announcement.offer = keccak256("carried, too");
        if ((draw >> 16) % 16 == 0) group.announcement.volume = 0;
        group.providerSignature = signed(group.announcement);
        if ((draw >> 24) % 8 == 0) group.providerSignature = new bytes(64);
        bytes32 resourceId = registry.announcementId(group.announcement);
        if (kind == 2) resourceId = keccak256("nobody's");
        bool two = (draw >> 32) % 8 == 0 ? kind % 2 == 0 : kind % 2 == 1;
        group.items = new SignedRequest[](1 + (draw >> 40) % 4);
        for (uint256 i = 0; i < group.items.length; ++i) {
            group.items[i] = _randomItem(resourceId, draw, i, group.timestamp);
            if (two) group.items[i] = _approve(group.items[i].request, APPROVER_KEY);
        }
    }

    /// @dev `draw` is the group's: its slots are those of all items.
    function _randomItem(bytes32 resourceId, uint256 draw, uint256 i, uint64 timestamp)
        private
        returns (SignedRequest memory)
    {
        Request memory message =
            _ask(resourceId, uint64((draw >> 48) % 20), uint64(1 + (draw >> 56) % 8 + i));
        message.endTime = message.startTime + uint64(1 + (draw >> 64) % 15) * SLOT;
        if ((draw >> 72) % 10 == 0) message.startTime += 1;
        if ((draw >> 80) % 20 == 0) message.startTime = uint64(NOW - SLOT);
        uint256 own = uint256(keccak256(abi.encode(draw, i)));
        message.volume = uint16(own % 5);
        message.timestamp = timestamp + uint64((own >> 8) % 200);
        if ((own >> 16) % 8 == 0) message.sequence = uint64(own >> 64);
        requesterKey = 0xabcd + (own >> 24) % PEOPLE;
        requester = vm.addr(requesterKey);
        message.requester = requester;
        SignedRequest memory only = item(message);
        if ((own >> 32) % 10 == 0) only.signatures = sign(providerKey, bytes32(own));
        return only;
    }

    /* BYTES */

    function _cut(bytes memory whole, uint256 length) private pure returns (bytes memory) {
        return _between(whole, 0, length);
    }

    function _between(bytes memory whole, uint256 from, uint256 to)
        private
        pure
        returns (bytes memory part)
    {
        part = new bytes(to - from);
        for (uint256 i = from; i < to; ++i) {
            part[i - from] = whole[i];
        }
    }
}
