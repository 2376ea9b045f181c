// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, IRegistry, Refusal, Request} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";

/// @notice Several faults at once, messages that are not what they seem, and what a refusal leaves
/// behind: nothing (docs/protocol.md section 4). Single rules are in Announce.t.sol and
/// RegistryRequest.t.sol.
contract RegistryRefusalTest is RefusalBase {
    bytes32 private resourceId;

    function setUp() public override {
        super.setUp();
        resourceId = accept(offer());
    }

    /* ORDER */

    /// @dev Every set of broken rules: the first rule is named.
    function test_announce_RevertWhen_SeveralFaults_FirstRuleIsNamed() public {
        uint16[7] memory codes = [1, 201, 401, 402, 403, 404, 405];
        for (uint256 faults = 1; faults < 128; ++faults) {
            (Announcement memory message, bytes memory signatures) = _faultyAnnouncement(faults);
            Refusal memory reason = ledger.judge(message, signatures);
            assertEq(reason.code, codes[_firstBit(faults)], "the first rule's code");
            assertRefused(message, signatures, reason.code, reason.got, reason.want);
        }
    }

    /// @dev Each rule broken alone and with each other: the first one is named.
    function test_request_RevertWhen_TwoFaults_FirstRuleIsNamed() public {
        _usedBefore();
        for (uint256 i = 0; i < 13; ++i) {
            for (uint256 j = i; j < 13; ++j) {
                _assertFirstRuleIsNamed(1 << i | 1 << j);
            }
        }
    }

    /// @dev As above, any number of faults.
    function testFuzz_request_RevertWhen_SeveralFaults_FirstRuleIsNamed(uint16 faults) public {
        _usedBefore();
        _assertFirstRuleIsNamed(bound(faults, 1, 2 ** 13 - 1));
    }

    function _assertFirstRuleIsNamed(uint256 faults) private {
        vm.warp(faults & 1024 != 0 ? NOW + 400 * SLOT : NOW);
        (Request memory message, bytes memory signatures) = _faultyRequest(faults);
        uint16[13] memory codes = [1, 101, 102, 202, 302, 401, 402, 406, 407, 408, 409, 410, 501];
        // nobody knows how many signatures an unknown resource needs
        if (faults & 8 != 0) faults &= ~uint256(4);
        Refusal memory reason = ledger.judge(message, signatures);
        assertEq(reason.code, codes[_firstBit(faults)], "the first rule's code");
        assertRefused(message, signatures, reason.code, reason.got, reason.want);
    }

    function test_request_RevertWhen_SequenceIsUsedAndWindowEmpty_303IsNamed() public {
        accept(_ask(1));
        Request memory message = _ask(1);
        message.endTime = message.startTime;
        assertRefused(message, 303, 1, 1);
    }

    /* ATTACK 8: sequences */

    function test_request_NeverTakesASequenceThatIsOutOfReach() public {
        uint64[4] memory far = [uint64(0), 129, type(uint64).max - 1, type(uint64).max];
        for (uint256 i = 0; i < far.length; ++i) {
            assertRefused(_ask(far[i]), 302, far[i], 0);
        }
        accept(_ask(128));
        // 0 lies inside the window of 128, and is never a sequence
        assertRefused(_ask(0), 302, 0, 128);
        assertRefused(_ask(257), 302, 257, 128);
        accept(_ask(256));
        assertRefused(_ask(127), 302, 127, 256);
        assertRefused(_ask(128), 303, 128, 256);
        assertRefused(_ask(256), 303, 256, 256);
        accept(_ask(129));
        assertRefused(_ask(129), 303, 129, 256);
        accept(_ask(255));
        accept(_ask(130));
        assertRefused(_ask(255), 303, 255, 256);
    }

    /* ATTACK 9: capacity */

    /// @dev The sum of used and asked is 65 536 or more: in a sum it would carry into the next slot.
    function testFuzz_request_NeverCarriesIntoTheNextSlot(uint16 volume, uint16 used, uint16 asked)
        public
    {
        volume = uint16(bound(volume, 1, type(uint16).max));
        used = uint16(bound(used, 1, volume));
        asked = uint16(bound(asked, uint256(volume) - used + 1, type(uint16).max));
        Announcement memory message = offer();
        message.volume = volume;
        message.offer = keccak256("a large offer");
        resourceId = accept(message);
        Request memory first = _ask(1);
        (first.startTime, first.endTime) = (uint64(NOW + 5 * SLOT), uint64(NOW + 6 * SLOT));
        first.volume = used;
        accept(first);
        Request memory second = _ask(2);
        second.volume = asked;
        (second.startTime, second.endTime) = (uint64(NOW + 5 * SLOT), uint64(NOW + 7 * SLOT));
        assertRefused(second, 501, asked, volume - used);
        assertEq(registry.wordOf(resourceId, 0) << 64, uint256(used) << 160, "slot 5 and no other");
    }

    function test_request_NeverTakesTheLargestVolumeTwice() public {
        Announcement memory message = offer();
        message.volume = type(uint16).max;
        resourceId = accept(message);
        Request memory large = _ask(1);
        large.volume = type(uint16).max;
        large.endTime = uint64(NOW + 12 * SLOT);
        accept(large);
        large.sequence = 2;
        assertRefused(large, 501, type(uint16).max, 0);
        large.volume = 1;
        assertRefused(large, 501, 1, 0);
    }

    /// @dev More than the resource ever had: what is wanted is still what is free in the first slot
    /// that lacks it, not the whole volume.
    function test_request_RevertWhen_AskedIsAboveTheVolume_FirstSlotIsNamed() public {
        Request memory first = _ask(1);
        first.volume = 3;
        accept(first);
        Request memory second = _ask(2);
        second.volume = VOLUME + 1;
        assertRefused(second, 501, VOLUME + 1, VOLUME - 3);
        second.volume = type(uint16).max;
        assertRefused(second, 501, type(uint16).max, VOLUME - 3);
    }

    /* ATTACK 10: signatures */

    function test_request_NeverTakesHighS() public {
        Request memory message = _ask(1);
        bytes memory signature = highS(registry.requestId(message), signed(message));
        assertRefused(message, signature, 101, 0, uint160(requester));
    }

    function test_announce_NeverTakesHighS() public {
        Announcement memory message = _another();
        bytes memory signature = highS(registry.announcementId(message), signed(message));
        assertRefused(message, signature, 201, 0, uint160(provider));
    }

    function test_request_NeverTakesTheOtherParity() public {
        Request memory message = _ask(1);
        bytes memory signature = signed(message);
        signature[32] ^= 0x80;
        address signer = ledger.recover(ledger.idOf(message), signature, 0);
        assertRefused(message, signature, 101, uint160(signer), uint160(requester));
    }

    function test_request_NeverTakes65Bytes() public {
        Request memory message = _ask(1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(requesterKey, registry.requestId(message));
        assertRefused(message, abi.encodePacked(r, s, v), 1, 65, 64);
    }

    /// @dev Nobody is the zero address, though a signature that fails recovers to it.
    function test_request_NeverTakesTheZeroAddressAsRequester() public {
        Request memory message = _ask(1);
        message.requester = address(0);
        assertRefused(message, new bytes(64), 101, 0, 0);
    }

    function test_announce_NeverTakesTheZeroAddressAsProvider() public {
        Announcement memory message = _another();
        message.provider = address(0);
        assertRefused(message, new bytes(64), 201, 0, 0);
    }

    /// @dev A resource that needs an approver but has none stored.
    function test_request_NeverTakesTheZeroAddressAsApprover() public {
        bytes32 place = keccak256(abi.encode(resourceId, 65));
        vm.store(address(registry), place, vm.load(address(registry), place) | bytes32(uint256(1)));
        Request memory message = _ask(1);
        bytes memory signatures = bytes.concat(signed(message), new bytes(64));
        assertRefusedAlone(message, signatures, 103, 0, 0);
    }

    function testFuzz_request_NeverTakesAFieldThatWasNotSigned(uint8 field, uint64 value) public {
        Request memory message = _ask(1);
        bytes memory signature = signed(message);
        bytes32 id = registry.requestId(message);
        _bend(message, field % 7, value);
        vm.assume(registry.requestId(message) != id);
        address signer = ledger.recover(ledger.idOf(message), signature, 0);
        assertRefused(message, signature, 101, uint160(signer), uint160(message.requester));
    }

    /* ATTACK 11: the same address in another network */

    function testFuzz_request_NeverTakesASignatureForAnotherNetwork(bytes32 networkId) public {
        vm.assume(networkId != registry.networkId());
        Request memory message = _ask(1);
        bytes memory signature =
            sign(requesterKey, _elsewhere(address(registry), networkId, message));
        address signer = ledger.recover(ledger.idOf(message), signature, 0);
        assertRefused(message, signature, 101, uint160(signer), uint160(requester));
    }

    function testFuzz_request_NeverTakesASignatureForAnotherRegistry(address other) public {
        vm.assume(other != address(registry));
        Request memory message = _ask(1);
        bytes memory signature =
            sign(requesterKey, _elsewhere(other, registry.networkId(), message));
        address signer = ledger.recover(ledger.idOf(message), signature, 0);
        assertRefused(message, signature, 101, uint160(signer), uint160(requester));
    }

    /* ENCODING */

    /// @dev A message has one encoding: a word with bits above its type is never recorded, whoever
    /// signed it and whatever it hashes to; the same call without them is.
    function test_request_NeverTakesAWordWithSurplusBits() public {
        Request memory message = _ask(1);
        uint16[7] memory bits = [uint16(256), 160, 16, 64, 64, 64, 64];
        for (uint256 i = 1; i < bits.length; ++i) {
            bytes memory words = _surplus(abi.encode(message), i, bits[i]);
            bytes32 id = _idOf(
                "Request(bytes32 resourceId,address requester,uint16 volume,uint64 startTime,"
                "uint64 endTime,uint64 timestamp,uint64 sequence)",
                words
            );
            _assertNeverTaken(IRegistry.request.selector, words, sign(requesterKey, id));
            _assertNeverTaken(IRegistry.request.selector, words, signed(message));
        }
        bytes memory clean = abi.encode(message);
        assertTrue(_send(IRegistry.request.selector, clean, signed(message)), "without them");
    }

    function test_announce_NeverTakesAWordWithSurplusBits() public {
        Announcement memory message = _another();
        uint16[8] memory bits = [uint16(160), 160, 16, 64, 64, 32, 32, 64];
        for (uint256 i = 0; i < bits.length; ++i) {
            bytes memory words = _surplus(abi.encode(message), i, bits[i]);
            bytes32 id = _idOf(
                "Announcement(address provider,address approver,uint16 volume,uint64 startTime,"
                "uint64 endTime,uint32 slotSeconds,uint32 noticeSeconds,uint64 timestamp,"
                "bytes32 offer)",
                words
            );
            _assertNeverTaken(IRegistry.announce.selector, words, sign(providerKey, id));
            _assertNeverTaken(IRegistry.announce.selector, words, signed(message));
        }
        bytes memory clean = abi.encode(message);
        assertTrue(_send(IRegistry.announce.selector, clean, signed(message)), "without them");
    }

    /// @dev Sets the lowest bit above the type of word `i`, which has `bits` bits.
    function _surplus(bytes memory words, uint256 i, uint256 bits)
        private
        pure
        returns (bytes memory bent)
    {
        bent = bytes.concat(words);
        bent[32 * i + 31 - bits / 8] ^= bytes1(uint8(1 << (bits % 8)));
    }

    /// @dev The digest that a signer would sign who hashes the words as they are.
    function _idOf(string memory kind, bytes memory words) private view returns (bytes32) {
        return ledger.digestOf(keccak256(abi.encodePacked(keccak256(bytes(kind)), words)));
    }

    function _assertNeverTaken(bytes4 selector, bytes memory words, bytes memory signature)
        private
    {
        assertFalse(_send(selector, words, signature), "surplus bits are refused");
        assertSame();
    }

    /// @dev The message's words stand in the call itself, the signatures behind their offset.
    function _send(bytes4 selector, bytes memory words, bytes memory signature)
        private
        returns (bool done)
    {
        bytes memory tail = abi.encodePacked(words.length + 32, signature.length, signature);
        (done,) = address(registry).call(abi.encodePacked(selector, words, tail));
    }

    /* FAULTY MESSAGES: bit i breaks rule i; where two rules look at one field, the first is broken */

    function _faultyAnnouncement(uint256 faults)
        private
        view
        returns (Announcement memory message, bytes memory signatures)
    {
        message = _another();
        if (faults & 64 != 0) message.endTime = uint64(NOW + uint256(SLOT) * 2 ** 30);
        if (faults & 32 != 0) message.endTime += 1;
        if (faults & 16 != 0) message.slotSeconds = 0;
        if (faults & 8 != 0) message.endTime = message.startTime;
        if (faults & 4 != 0) message.volume = 0;
        uint256 key = faults & 2 != 0 ? requesterKey : providerKey;
        signatures = sign(key, registry.announcementId(message));
        if (faults & 1 != 0) signatures = bytes.concat(signatures, hex"00");
    }

    function _faultyRequest(uint256 faults)
        private
        view
        returns (Request memory message, bytes memory signatures)
    {
        message = _ask(2);
        message.timestamp = uint64(vm.getBlockTimestamp());
        if (faults & 4096 != 0) message.volume = VOLUME + 1;
        if (faults & 2048 != 0) message.timestamp -= 301;
        if (faults & 512 != 0) message.endTime = uint64(NOW + 193 * SLOT);
        if (faults & 256 != 0) message.endTime += 1;
        if (faults & 128 != 0) message.startTime = uint64(NOW - 1);
        if (faults & 64 != 0) message.endTime = message.startTime;
        if (faults & 32 != 0) message.volume = 0;
        if (faults & 16 != 0) message.sequence = 0;
        if (faults & 8 != 0) message.resourceId = keccak256("unknown");
        uint256 key = faults & 2 != 0 ? providerKey : requesterKey;
        signatures = sign(key, registry.requestId(message));
        if (faults & 4 != 0) signatures = bytes.concat(signatures, signatures);
        if (faults & 1 != 0) signatures = bytes.concat(signatures, hex"00");
    }

    function _firstBit(uint256 bits) private pure returns (uint256 bit) {
        while ((bits >> bit) & 1 == 0) ++bit;
    }

    /* MESSAGES */

    function _usedBefore() private {
        Request memory message = _ask(1);
        message.volume = 1;
        accept(message);
    }

    function _ask(uint64 sequence) private view returns (Request memory message) {
        message = ask(resourceId);
        message.volume = 1;
        message.sequence = sequence;
    }

    function _another() private view returns (Announcement memory message) {
        message = offer();
        message.offer = keccak256("another offer");
    }

    /// @dev Sets field number `field` to a value that fits it.
    function _bend(Request memory message, uint8 field, uint64 value) private pure {
        if (field == 0) message.resourceId = bytes32(uint256(value));
        if (field == 1) message.requester = address(uint160(value));
        if (field == 2) message.volume = uint16(value);
        if (field == 3) message.startTime = value;
        if (field == 4) message.endTime = value;
        if (field == 5) message.timestamp = value;
        if (field == 6) message.sequence = value;
    }
}
