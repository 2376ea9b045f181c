// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Refusal,
    Request,
    SignedAnnouncement,
    SignedRequest
} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Batches: docs/protocol.md section 4.3. A batch leaves the same state, records and events
/// as its items sent one by one, but for `Refused`.
contract RegistryBatchTest is RefusalBase {
    bytes32 private resourceId;

    function setUp() public override {
        super.setUp();
        resourceId = accept(offer());
    }

    /* THE SAME AS SINGLES */

    function testFuzz_requestMany_EqualsTheSameSingles(uint256 seed, uint8 count) public {
        SignedRequest[] memory items = _requests(seed, bound(count, 0, 12));
        uint256 before = vm.snapshotState();
        vm.recordLogs();
        for (uint256 i = 0; i < items.length; ++i) {
            _sendAlone(abi.encodeCall(IRegistry.request, (items[i].request, items[i].signatures)));
        }
        (bytes32 singles, bytes32 state) = (_accepted(), _state());
        vm.revertToState(before);
        vm.recordLogs();
        registry.requestMany(items);
        assertEq(_accepted(), singles, "events");
        assertEq(_state(), state, "state");
        for (uint256 i = 0; i < items.length; ++i) {
            ledger.request(items[i].request, items[i].signatures);
        }
        assertSame();
    }

    function testFuzz_announceMany_EqualsTheSameSingles(uint256 seed, uint8 count) public {
        SignedAnnouncement[] memory items = _announcements(seed, bound(count, 0, 12));
        uint256 before = vm.snapshotState();
        vm.recordLogs();
        for (uint256 i = 0; i < items.length; ++i) {
            _sendAlone(
                abi.encodeCall(IRegistry.announce, (items[i].announcement, items[i].signatures))
            );
        }
        (bytes32 singles, bytes32 state) = (_accepted(), _state());
        vm.revertToState(before);
        vm.recordLogs();
        registry.announceMany(items);
        assertEq(_accepted(), singles, "events");
        assertEq(_state(), state, "state");
        for (uint256 i = 0; i < items.length; ++i) {
            ledger.announce(items[i].announcement, items[i].signatures);
        }
        assertSame();
    }

    /// @dev Starting at each small size, so that the frontier is merged at each height.
    function test_announceMany_AppendsAtEverySizeOfTheLog() public {
        uint256 number = 0;
        for (uint256 count = 0; count < 20; ++count) {
            SignedAnnouncement[] memory items = new SignedAnnouncement[](count);
            for (uint256 i = 0; i < count; ++i) {
                items[i] = item(_offer(1000 + number));
                ++number;
                ledger.announce(items[i].announcement, items[i].signatures);
            }
            registry.announceMany(items);
            assertSame();
        }
    }

    function test_requestMany_ChainsItemsToEachOther() public {
        SignedRequest[] memory items = new SignedRequest[](3);
        for (uint64 i = 0; i < 3; ++i) {
            Request memory message = ask(resourceId);
            message.volume = 4;
            message.sequence = i + 1;
            items[i] = item(message);
            ledger.request(message, items[i].signatures);
        }
        vm.recordLogs();
        registry.requestMany(items);
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 3, "an event for each item");
        assertEq(logs[2].topics[0], IRegistry.Refused.selector, "the third found no room");
        Refusal memory reason = abi.decode(logs[2].data, (Refusal));
        assertEqual(reason, Refusal(501, 4, 0), "third");
        assertEq(registry.requesterOf(requester).highest, 2, "its sequence stays free");
        assertSame();
    }

    /* ATTACK 13: what must not sink a batch */

    function test_requestMany_NoBadItemSinksTheGoodOnes() public {
        SignedRequest[] memory items = new SignedRequest[](7);
        Request memory message = ask(resourceId);
        message.volume = 1;
        items[0] = SignedRequest(message, "");
        items[1] = SignedRequest(message, new bytes(64));
        items[2] = SignedRequest(message, new bytes(100_000));
        items[3] = item(message);
        items[4] = item(message);
        Request memory extreme = _request(0, type(uint64).max);
        extreme.startTime = type(uint64).max;
        extreme.endTime = type(uint64).max;
        extreme.timestamp = type(uint64).max;
        items[5] = item(extreme);
        items[6] = item(_request(8, 2));
        uint16[7] memory codes = [uint16(1), 101, 1, 0, 303, 302, 0];
        _assertCodes(items, codes);
        assertEq(registry.size(), 4, "two good ones");
    }

    function test_announceMany_NoBadItemSinksTheGoodOnes() public {
        SignedAnnouncement[] memory items = new SignedAnnouncement[](4);
        items[0] = SignedAnnouncement(_offer(1), "");
        items[1] = item(_offer(1));
        items[2] = item(_offer(1));
        Announcement memory extreme = _offer(2);
        extreme.startTime = 0;
        (extreme.endTime, extreme.timestamp) = (type(uint64).max, type(uint64).max);
        (extreme.slotSeconds, extreme.noticeSeconds) = (type(uint32).max, type(uint32).max);
        items[3] = item(extreme);
        vm.recordLogs();
        registry.announceMany(items);
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 4, "an event for each item");
        assertEq(_codeOf(logs[0]), 1, "no signature");
        assertEq(_codeOf(logs[1]), 0, "the good one");
        assertEq(_codeOf(logs[2]), 301, "the same again");
        assertEq(_codeOf(logs[3]), 405, "the year 584 554 051 049");
        assertEq(registry.size(), 3, "one good one");
    }

    /// @dev Two of one requester with one sequence, in either order: the first one counts.
    function test_requestMany_NeverTakesOneSequenceTwice() public {
        SignedRequest[] memory items = new SignedRequest[](2);
        items[0] = item(_request(8, 5));
        items[1] = item(_request(9, 5));
        uint256 before = vm.snapshotState();
        registry.requestMany(items);
        _assertUsed(8, 1, 0);
        vm.revertToState(before);
        (items[0], items[1]) = (items[1], items[0]);
        registry.requestMany(items);
        _assertUsed(8, 0, 1);
    }

    /// @dev A length of 10^6 that is only claimed: refused before anything is done or paid for.
    function test_requestMany_RevertWhen_LengthIsOnlyClaimed() public {
        bytes4 selector = IRegistry.requestMany.selector;
        uint256[3] memory lengths = [uint256(1), 1e6, type(uint256).max];
        for (uint256 i = 0; i < lengths.length; ++i) {
            bytes memory call = abi.encodePacked(selector, uint256(32), lengths[i]);
            (bool done,) = address(registry).call{gas: 100_000}(call);
            assertFalse(done, "items that are not there");
        }
        assertSame();
    }

    function test_requestMany_RevertWhen_SignaturesReachBeyondTheCalldata() public {
        SignedRequest[] memory items = new SignedRequest[](1);
        items[0] = item(_request(0, 1));
        bytes memory call = abi.encodeCall(IRegistry.requestMany, (items));
        // the last three words are the length of the signatures and the signatures
        uint256 at = call.length - 65;
        call[at] = bytes1(uint8(65));
        (bool done,) = address(registry).call(call);
        assertFalse(done, "signatures that are not there");
        call[at] = bytes1(uint8(64));
        (done,) = address(registry).call(call);
        assertTrue(done, "the same call with the right length");
    }

    /// @dev Malformed calldata is the sender's own: unlike a bad message it reverts the whole batch.
    function test_requestMany_RevertWhen_WordHasSurplusBits() public {
        SignedRequest[] memory items = new SignedRequest[](1);
        items[0] = item(_request(0, 1));
        bytes memory call = abi.encodeCall(IRegistry.requestMany, (items));
        // selector, offset, length, offset of the item, resourceId, requester, volume
        call[4 + 32 * 5 + 29] = 0x01;
        (bool done,) = address(registry).call(call);
        assertFalse(done, "surplus bits");
        assertSame();
    }

    /* NOTHING */

    function test_requestMany_WhenEmpty_ChangesNothing() public {
        vm.startStateDiffRecording();
        registry.requestMany(new SignedRequest[](0));
        assertUnchanged();
        assertSame();
    }

    function test_announceMany_WhenEmpty_ChangesNothing() public {
        vm.startStateDiffRecording();
        registry.announceMany(new SignedAnnouncement[](0));
        assertUnchanged();
        assertSame();
    }

    /// @dev The order of events is that of the items.
    function _assertCodes(SignedRequest[] memory items, uint16[7] memory codes) private {
        vm.recordLogs();
        registry.requestMany(items);
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, codes.length, "an event for each item");
        for (uint256 i = 0; i < codes.length; ++i) {
            assertEq(_codeOf(logs[i]), codes[i], vm.toString(i));
            Refusal memory reason = ledger.request(items[i].request, items[i].signatures);
            assertEq(reason.code, codes[i], "the plain ledger says the same");
        }
        assertSame();
    }

    /// @dev Code of a `Refused`, 0 for every other event.
    function _codeOf(VmSafe.Log memory entry) private pure returns (uint256) {
        if (entry.topics[0] != IRegistry.Refused.selector) return 0;
        return abi.decode(entry.data, (Refusal)).code;
    }

    function _sendAlone(bytes memory call) private {
        (bool done, bytes memory answer) = address(registry).call(call);
        assertTrue(done || answer.length == 68, "accepted, or refused with got and want");
    }

    /// @dev All events but `Refused`, hashed in order.
    function _accepted() private returns (bytes32 hash) {
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IRegistry.Refused.selector) continue;
            hash = keccak256(abi.encode(hash, logs[i].topics, logs[i].data));
        }
    }

    /// @dev The log's head, and every word that the items may have touched.
    function _state() private view returns (bytes32 hash) {
        hash = keccak256(abi.encode(registry.size(), registry.root()));
        hash = keccak256(abi.encode(hash, registry.requesterOf(requester)));
        hash = keccak256(abi.encode(hash, registry.requesterOf(provider)));
        for (uint256 i = 0; i < 20; ++i) {
            bytes32 id = registry.announcementId(_offer(i));
            hash = keccak256(abi.encode(hash, registry.resourceOf(id)));
            hash = keccak256(abi.encode(hash, registry.wordOf(resourceId, i)));
        }
    }

    /* ITEMS */

    /// @dev One out of four is bent in a way that is refused, or is refused for want of room.
    function _requests(uint256 seed, uint256 count)
        private
        view
        returns (SignedRequest[] memory items)
    {
        items = new SignedRequest[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            Request memory message = _request(uint64(draw % 20), uint64(i + 1));
            message.volume = uint16((draw >> 8) % 5);
            message.endTime = message.startTime + uint64(1 + (draw >> 16) % 15) * SLOT;
            uint256 kind = (draw >> 32) % 16;
            if (kind == 0) message.resourceId = bytes32(draw);
            if (kind == 1) message.sequence = uint64(draw >> 64);
            if (kind == 2) message.startTime += 1;
            if (kind == 3) message.timestamp -= 301;
            if (kind == 4) message.requester = provider;
            items[i] = item(message);
            if (kind == 4) items[i].signatures = sign(providerKey, registry.requestId(message));
            if (kind == 5) items[i].signatures = bytes.concat(items[i].signatures, hex"00");
        }
    }

    function _announcements(uint256 seed, uint256 count)
        private
        view
        returns (SignedAnnouncement[] memory items)
    {
        items = new SignedAnnouncement[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            Announcement memory message = _offer(draw % 20);
            uint256 kind = (draw >> 32) % 16;
            if (kind == 0) message.volume = 0;
            if (kind == 1) message.endTime += 1;
            if (kind == 2) message.slotSeconds = 0;
            items[i] = item(message);
            if (kind == 3) items[i].signatures = sign(requesterKey, bytes32(draw));
        }
    }

    /// @dev One unit in one slot.
    function _request(uint64 slot, uint64 sequence) private view returns (Request memory message) {
        message = ask(resourceId);
        message.volume = 1;
        message.sequence = sequence;
        message.startTime = uint64(NOW) + slot * SLOT;
        message.endTime = message.startTime + SLOT;
    }

    function _offer(uint256 number) private view returns (Announcement memory message) {
        message = offer();
        message.offer = bytes32(number);
    }

    function _assertUsed(uint64 slot, uint16 first, uint16 second) private view {
        uint16[] memory used = registry.usedOf(resourceId, slot, 2);
        assertEq(used[0], first, "used of the first slot");
        assertEq(used[1], second, "used of the second slot");
    }
}
