// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Refusal,
    Release,
    Request,
    SignedAnnouncement,
    SignedRelease,
    SignedRequest,
    SignedWithdrawal,
    Withdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {ReferenceLedger} from "./ReferenceLedger.sol";
import {RegistryBase} from "./RegistryBase.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice Expects refusals: of an item alone, in a batch, by `check`; and that nothing changed.
/// Beside the registry runs the plain ledger, which has to say the same.
abstract contract RefusalBase is RegistryBase {
    ReferenceLedger internal ledger;

    function setUp() public virtual override {
        super.setUp();
        ledger = new ReferenceLedger(address(registry), registry.networkId());
    }

    /* WHAT IS ACCEPTED */

    function accept(Announcement memory message) internal returns (bytes32 resourceId) {
        bytes memory signatures = signed(message);
        assertEq(ledger.announce(message, signatures).code, 0, "the plain ledger takes it");
        resourceId = registry.announce(message, signatures);
        assertSame();
    }

    function accept(Request memory message) internal {
        accept(message, signed(message));
    }

    function accept(Request memory message, bytes memory signatures) internal {
        assertEq(ledger.request(message, signatures).code, 0, "the plain ledger takes it");
        bytes32 id = registry.requestId(message);
        assertEq(registry.request(message, signatures), id, "the request's id is returned");
        assertSame();
    }

    function accept(
        Announcement memory announcement,
        Request memory message,
        bytes memory signatures
    ) internal {
        uint16 code = ledger.announceAndRequest(announcement, message, signatures).code;
        assertEq(code, 0, "the plain ledger takes it");
        bytes32 id = registry.requestId(message);
        bytes32 got = registry.announceAndRequest(announcement, message, signatures);
        assertEq(got, id, "the request's id is returned");
        assertSame();
    }

    /// @dev With the record of the allocation at `index`, and the path that leads to its peak now.
    function accept(Release memory message, uint64 index) internal {
        (bytes memory record, bytes32[] memory path) =
            (ledger.recordAt(index), ledger.pathOf(index));
        bytes memory signature = signed(message);
        uint16 code = ledger.release(message, signature, record, path).code;
        assertEq(code, 0, "the plain ledger takes it");
        bytes32 id = registry.releaseId(message);
        bytes32 got = registry.release(message, signature, record, path);
        assertEq(got, id, "the release's id is returned");
        assertSame();
    }

    function accept(Withdrawal memory message, Announcement memory announcement) internal {
        bytes memory signature = signed(message);
        uint16 code = ledger.withdraw(message, announcement, signature).code;
        assertEq(code, 0, "the plain ledger takes it");
        bytes32 id = registry.withdrawalId(message);
        bytes32 got = registry.withdraw(message, announcement, signature);
        assertEq(got, id, "the withdrawal's id is returned");
        assertSame();
    }

    /// @dev The log is the plain ledger's.
    function assertSame() internal view {
        assertEq(registry.size(), ledger.size(), "size of the log");
        assertEq(registry.root(), ledger.root(), "root of the log");
    }

    /* WHAT IS REFUSED */

    function assertRefused(Announcement memory message, uint16 code, uint256 got, uint256 want)
        internal
    {
        assertRefused(message, signed(message), code, got, want);
    }

    /// @dev The item alone reverts, a batch emits, the plain ledger says the same.
    function assertRefused(
        Announcement memory message,
        bytes memory signatures,
        uint16 code,
        uint256 got,
        uint256 want
    ) internal {
        Refusal memory reason = Refusal(code, got, want);
        assertEqual(ledger.judge(message, signatures), reason, "plain ledger");
        vm.expectRevert(errorOf(reason));
        registry.announce(message, signatures);
        SignedAnnouncement[] memory items = new SignedAnnouncement[](1);
        items[0] = SignedAnnouncement(message, signatures);
        _beginBatch();
        registry.announceMany(items);
        _endBatch(registry.announcementId(message), reason);
    }

    function assertRefused(Request memory message, uint16 code, uint256 got, uint256 want)
        internal
    {
        assertRefused(message, signed(message), code, got, want);
    }

    function assertRefused(
        Request memory message,
        bytes memory signatures,
        uint16 code,
        uint256 got,
        uint256 want
    ) internal {
        assertEqual(ledger.judge(message, signatures), Refusal(code, got, want), "plain ledger");
        assertRefusedAlone(message, signatures, code, got, want);
    }

    /// @dev As above, for states that the plain ledger does not know.
    function assertRefusedAlone(
        Request memory message,
        bytes memory signatures,
        uint16 code,
        uint256 got,
        uint256 want
    ) internal {
        Refusal memory reason = Refusal(code, got, want);
        assertEqual(firstOf(registry.check(message, signatures)), reason, "check");
        vm.expectRevert(errorOf(reason));
        registry.request(message, signatures);
        SignedRequest[] memory items = new SignedRequest[](1);
        items[0] = SignedRequest(message, signatures);
        _beginBatch();
        registry.requestMany(items);
        _endBatch(registry.requestId(message), reason);
    }

    /// @dev There is no batch of these.
    function assertRefused(
        Announcement memory announcement,
        Request memory message,
        bytes memory signatures,
        uint16 code,
        uint256 got,
        uint256 want
    ) internal {
        Refusal memory reason = Refusal(code, got, want);
        vm.expectRevert(errorOf(reason));
        registry.announceAndRequest(announcement, message, signatures);
        uint256 before = vm.snapshotState();
        Refusal memory plain = ledger.announceAndRequest(announcement, message, signatures);
        assertTrue(vm.revertToState(before), "taken back");
        assertEqual(plain, reason, "plain ledger");
        assertSame();
    }

    function assertRefused(SignedRelease memory item_, uint16 code, uint256 got, uint256 want)
        internal
    {
        Refusal memory reason = Refusal(code, got, want);
        assertEqual(judge(item_), reason, "plain ledger");
        vm.expectRevert(errorOf(reason));
        registry.release(item_.release, item_.signatures, item_.record, item_.path);
        SignedRelease[] memory items = new SignedRelease[](1);
        items[0] = item_;
        _beginBatch();
        registry.releaseMany(items);
        _endBatch(registry.releaseId(item_.release), reason);
    }

    function judge(SignedRelease memory item_) internal view returns (Refusal memory) {
        return ledger.judge(item_.release, item_.signatures, item_.record, item_.path);
    }

    function assertRefused(SignedWithdrawal memory item_, uint16 code, uint256 got, uint256 want)
        internal
    {
        Refusal memory reason = Refusal(code, got, want);
        Refusal memory plain = ledger.judge(item_.withdrawal, item_.announcement, item_.signatures);
        assertEqual(plain, reason, "plain ledger");
        vm.expectRevert(errorOf(reason));
        registry.withdraw(item_.withdrawal, item_.announcement, item_.signatures);
        SignedWithdrawal[] memory items = new SignedWithdrawal[](1);
        items[0] = item_;
        _beginBatch();
        registry.withdrawMany(items);
        _endBatch(registry.withdrawalId(item_.withdrawal), reason);
    }

    /// @dev The first finding that refuses.
    function firstOf(Refusal[5] memory findings) internal pure returns (Refusal memory) {
        for (uint256 i = 0; i < 5; ++i) {
            if (findings[i].code != 0) return findings[i];
        }
        return Refusal(0, 0, 0);
    }

    function assertEqual(Refusal memory got, Refusal memory want, string memory what)
        internal
        pure
    {
        assertEq(got.code, want.code, string.concat(what, ": code"));
        assertEq(got.got, want.got, string.concat(what, ": got"));
        assertEq(got.want, want.want, string.concat(what, ": want"));
    }

    /* SIGNATURES */

    /// @dev The lowest s above half the order. The second signature of a message, order - s, has
    /// more than the 255 bits of EIP-2098 almost always; these few are the ones that it can express.
    function highS(bytes32 digest, bytes memory signature) internal pure returns (bytes memory) {
        (bytes32 r, uint256 yParityAndS) = abi.decode(signature, (bytes32, uint256));
        bytes32 s = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1;
        uint256 parity = yParityAndS >> 255;
        address signer = ecrecover(digest, uint8(27 + parity), r, s);
        assertNotEq(signer, address(0), "the precompile itself takes it");
        return abi.encodePacked(r, uint256(s) | (parity << 255));
    }

    /// @dev Id of a request in another network, or for another registry.
    function _elsewhere(address other, bytes32 networkId, Request memory message)
        internal
        returns (bytes32)
    {
        return new ReferenceLedger(other, networkId).idOf(message);
    }

    /* STATE */

    /// @dev Ends a recording: no storage of the registry may have another value than before.
    function assertUnchanged() internal {
        VmSafe.AccountAccess[] memory calls = vm.stopAndReturnStateDiff();
        bool called = false;
        for (uint256 i = 0; i < calls.length; ++i) {
            called = called || calls[i].account == address(registry);
            for (uint256 j = 0; j < calls[i].storageAccesses.length; ++j) {
                VmSafe.StorageAccess memory access = calls[i].storageAccesses[j];
                if (!access.isWrite || access.reverted) continue;
                assertEq(access.newValue, access.previousValue, "a refused item changes nothing");
            }
        }
        assertTrue(called, "the registry was called while changes were recorded");
    }

    function _beginBatch() private {
        vm.recordLogs();
        vm.startStateDiffRecording();
    }

    function _endBatch(bytes32 id, Refusal memory reason) private {
        assertUnchanged();
        VmSafe.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].topics[0], IRegistry.Refused.selector, "it is Refused");
        assertEq(logs[0].topics[1], id, "id of the refused message");
        assertEqual(abi.decode(logs[0].data, (Refusal)), reason, "batch");
        assertSame();
    }

    /* CODES (docs/protocol.md section 15) */

    /// @dev The error that a single item reverts with.
    function errorOf(Refusal memory reason) internal pure returns (bytes memory) {
        bytes4 selector = bytes4(keccak256(bytes(signatureOf(reason.code))));
        return abi.encodePacked(selector, reason.got, reason.want);
    }

    function signatureOf(uint16 code) internal pure returns (string memory) {
        if (code == 1) return "SignaturesLengthInvalid(uint256,uint256)";
        if (code == 2) return "RecordLengthInvalid(uint256,uint256)";
        if (code == 3) return "RecordNotAllocation(uint256,uint256)";
        if (code == 101) return "RequesterSignatureInvalid(address,address)";
        if (code == 102) return "SignatureCountInvalid(uint256,uint256)";
        if (code == 103) return "ApproverSignatureInvalid(address,address)";
        if (code == 201) return "ProviderSignatureInvalid(address,address)";
        if (code == 202) return "ResourceUnknown(bytes32,uint256)";
        if (code == 203) return "ResourceWithdrawn(bytes32,uint256)";
        if (code == 205) return "AnnouncementMismatch(bytes32,bytes32)";
        if (code == 206) return "AllocationMismatch(bytes32,bytes32)";
        if (code == 207) return "AllocationUnproven(bytes32,bytes32)";
        if (code == 301) return "ResourceAlreadyRecorded(bytes32,uint256)";
        if (code == 302) return "SequenceOutsideWindow(uint256,uint256)";
        if (code == 303) return "SequenceAlreadyUsed(uint256,uint256)";
        if (code == 304) return "AllocationAlreadyReleased(bytes32,uint256)";
        return _fieldError(code);
    }

    function _fieldError(uint16 code) private pure returns (string memory) {
        if (code == 401) return "VolumeTooSmall(uint256,uint256)";
        if (code == 402) return "WindowEmpty(uint256,uint256)";
        if (code == 403) return "SlotTooShort(uint256,uint256)";
        if (code == 404) return "WindowNotWholeSlots(uint256,uint256)";
        if (code == 405) return "EndTimeTooLate(uint256,uint256)";
        if (code == 406) return "OutsideResourceWindow(uint256,uint256)";
        if (code == 407) return "SlotsNotAligned(uint256,uint256)";
        if (code == 408) return "TooManyWords(uint256,uint256)";
        if (code == 409) return "FirstSlotEnded(uint256,uint256)";
        if (code == 410) return "TimestampOutsideDrift(uint256,uint256)";
        if (code == 411) return "ReleaseOutsideAllocation(uint256,uint256)";
        if (code == 412) return "NoticeTooShort(uint256,uint256)";
        if (code == 501) return "CapacityExceeded(uint256,uint256)";
        revert("not a code of the ledger");
    }
}
