// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Checkpoint, IAnchor, Kept} from "../../contracts/interfaces/IAnchor.sol";
import {AnchorBase} from "../utils/AnchorBase.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";

/// @notice `verifyRecord` and `verifyRecordAt`: docs/protocol.md sections 6, 7 and 11.
contract AnchorRecordsTest is AnchorBase {
    uint64 private constant SIZE = 13;

    Kept private kept;

    function setUp() public {
        vm.warp(START);
        anchor = deploy(equalWeights(4));
        kept = anchorAt(SIZE);
    }

    /* UNDER THE HEAD */

    function test_verifyRecord_ProvesEveryRecord() public view {
        for (uint64 i = 0; i < SIZE; ++i) {
            assertEq(anchor.verifyRecord(_record(i), _path(i)), START, "anchored at");
        }
    }

    function test_verifyRecord_FollowsTheHead() public {
        vm.warp(START + SPACING);
        bytes32[] memory old = _path(2);
        anchorAt(20);
        vm.expectPartialRevert(IAnchor.InclusionProofInvalid.selector);
        anchor.verifyRecord(_record(2), old);
        bytes32[] memory path = ReferenceLog.path(leaves, 2, 0, 20);
        assertEq(anchor.verifyRecord(_record(2), path), START + SPACING, "anchored at");
    }

    function test_verifyRecord_TakesTheSmallestAndLargestRecords() public {
        anchor = deploy(equalWeights(4));
        delete leaves;
        leaves.push(keccak256(bytes.concat(hex"00", recordOf(0, 0))));
        leaves.push(keccak256(bytes.concat(hex"00", recordOf(1, 512))));
        anchorAt(2);
        assertEq(anchor.verifyRecord(recordOf(0, 0), _list(leaves[1])), START, "38 bytes");
        assertEq(anchor.verifyRecord(recordOf(1, 512), _list(leaves[0])), START, "550 bytes");
    }

    function test_RevertWhen_RecordIsTooShortOrTooLong() public {
        bytes memory short = new bytes(37);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.RecordInvalid.selector, 37, 38));
        anchor.verifyRecord(short, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.RecordInvalid.selector, 0, 38));
        anchor.verifyRecord("", new bytes32[](0));
        bytes memory long = new bytes(551);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.RecordInvalid.selector, 551, 550));
        anchor.verifyRecord(long, new bytes32[](0));
    }

    function test_RevertWhen_NothingIsAnchored() public {
        anchor = deploy(equalWeights(4));
        _refuse(_record(0), new bytes32[](0), 0, keccak256(""));
    }

    function test_RevertWhen_RecordIsNotInTheLog() public {
        bytes memory record = _record(4);
        bytes32[] memory path = _path(4);
        record[37] ^= 0x01;
        vm.expectPartialRevert(IAnchor.InclusionProofInvalid.selector);
        anchor.verifyRecord(record, path);
    }

    /// @dev The index is the header's own: a record cannot be shown at another place.
    function test_RevertWhen_RecordStandsElsewhere() public {
        vm.expectPartialRevert(IAnchor.InclusionProofInvalid.selector);
        anchor.verifyRecord(_record(4), _path(5));
    }

    function test_RevertWhen_IndexIsBeyondTheLog() public {
        _refuse(recordOf(SIZE, 40), _path(0), 0, kept.checkpoint.root);
        _refuse(recordOf(type(uint64).max, 40), _path(0), 0, kept.checkpoint.root);
    }

    function test_RevertWhen_PathHasAWrongLength() public {
        bytes32[] memory path = _path(4);
        bytes32[] memory longer = ReferenceLog.append(path, bytes32(0));
        _refuse(_record(4), longer, 0, kept.checkpoint.root);
        _refuse(_record(4), new bytes32[](path.length - 1), 0, kept.checkpoint.root);
    }

    /// @dev Validators may certify any root, zero too: a path that leads nowhere must not fit it.
    function test_RevertWhen_PathHasAWrongLengthAndTheRootIsZero() public {
        anchor = deploy(equalWeights(4));
        Checkpoint memory checkpoint = nextCheckpoint(SIZE);
        checkpoint.root = 0;
        anchor.submit(checkpoint, new bytes32[](0), certify(checkpoint, 4, none()));
        _refuse(_record(4), new bytes32[](0), 0, 0);
        _refuse(recordOf(SIZE, 40), _path(4), 0, 0);
    }

    function test_RevertWhen_PathIsOfAnotherRoot() public {
        bytes32[] memory path = _path(12);
        path[0] ^= bytes32(uint256(1));
        bytes32 got = ReferenceLog.node(path[1], ReferenceLog.node(path[0], leaves[12]));
        assertEq(path.length, 2, "two siblings, both on the left");
        _refuse(_record(12), path, got, kept.checkpoint.root);
    }

    function testFuzz_RevertWhen_ABitOfThePathIsFlipped(uint64 index, uint256 bit) public {
        index = uint64(bound(index, 0, SIZE - 1));
        bytes32[] memory path = _path(index);
        bit = bound(bit, 0, 256 * path.length - 1);
        path[bit / 256] ^= bytes32(1 << (bit % 256));
        vm.expectPartialRevert(IAnchor.InclusionProofInvalid.selector);
        anchor.verifyRecord(_record(index), path);
    }

    /* UNDER A KEPT CHECKPOINT */

    function test_verifyRecordAt_ProvesUnderAnOlderCheckpoint() public {
        vm.warp(START + SPACING);
        bytes32[] memory path = _path(4);
        Kept memory newer = anchorAt(20);
        (uint64 anchoredAt, bool settled) = anchor.verifyRecordAt(kept, _record(4), path);
        assertEq(anchoredAt, START, "anchored at");
        assertFalse(settled, "not settled");
        path = ReferenceLog.path(leaves, 19, 0, 20);
        (anchoredAt, settled) = anchor.verifyRecordAt(newer, _record(19), path);
        assertEq(anchoredAt, START + SPACING, "anchored at");
        assertFalse(settled, "not settled");
    }

    function test_verifyRecordAt_SettlesWhenTheChallengePeriodIsOver() public {
        vm.warp(START + PERIOD - 1);
        (, bool settled) = anchor.verifyRecordAt(kept, _record(4), _path(4));
        assertFalse(settled, "one second to go");
        vm.warp(START + PERIOD);
        (, settled) = anchor.verifyRecordAt(kept, _record(4), _path(4));
        assertTrue(settled, "over");
    }

    function test_RevertWhen_CheckpointWasOverwritten() public {
        bytes32[] memory path = _path(4);
        for (uint64 i = 1; i <= RING; ++i) {
            (uint64 anchoredAt,) = anchor.verifyRecordAt(kept, _record(4), path);
            assertEq(anchoredAt, START, "still kept");
            vm.warp(START + i * SPACING);
            anchorAt(SIZE + i);
        }
        bytes32 got = _entryOf(kept);
        bytes32 want = anchor.ringEntryOf(kept.ringIndex);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotKept.selector, got, want));
        anchor.verifyRecordAt(kept, _record(4), path);
    }

    function test_RevertWhen_RingIndexIsAnother() public {
        bytes32[] memory path = _path(4);
        kept.ringIndex = RING;
        _refuseKept(path);
        kept.ringIndex = 0;
        _refuseKept(path);
        kept.ringIndex = type(uint32).max;
        _refuseKept(path);
    }

    /// @dev Each thing that the entry commits to, changed alone.
    function testFuzz_RevertWhen_AnyFieldOfTheEntryDiffers(uint256 field, uint256 bit) public {
        bytes32[] memory path = _path(4);
        bit = bound(bit, 0, 31);
        field = bound(field, 0, 12);
        Checkpoint storage checkpoint = kept.checkpoint;
        if (field == 0) checkpoint.networkId ^= bytes32(1 << bit);
        if (field == 1) checkpoint.era ^= uint32(1 << bit);
        if (field == 2) checkpoint.setNumber ^= uint64(1 << bit);
        if (field == 3) checkpoint.blockNumber ^= uint64(1 << bit);
        if (field == 4) checkpoint.blockHash ^= bytes32(1 << bit);
        if (field == 5) checkpoint.blockTime ^= uint64(1 << bit);
        if (field == 6) checkpoint.size ^= uint64(1 << bit);
        if (field == 7) checkpoint.root ^= bytes32(1 << bit);
        if (field == 8) checkpoint.nextSet ^= bytes32(1 << bit);
        if (field == 9) kept.previousSize ^= uint64(1 << bit);
        if (field == 10) kept.previousBlockTime ^= uint64(1 << bit);
        if (field == 11) kept.anchoredAt ^= uint64(1 << bit);
        if (field == 12) kept.bitmap = abi.encodePacked(uint8(0x0f ^ (1 << (bit % 8))));
        _refuseKept(path);
    }

    function test_RevertWhen_RecordIsNotUnderTheKeptRoot() public {
        bytes32[] memory path = _path(5);
        vm.expectPartialRevert(IAnchor.InclusionProofInvalid.selector);
        anchor.verifyRecordAt(kept, _record(4), path);
        bytes memory long = new bytes(551);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.RecordInvalid.selector, 551, 550));
        anchor.verifyRecordAt(kept, long, path);
    }

    /* HELPERS */

    function _record(uint64 index) private pure returns (bytes memory) {
        return recordOf(index, 40);
    }

    function _path(uint64 index) private view returns (bytes32[] memory) {
        return ReferenceLog.path(leaves, index, 0, SIZE);
    }

    function _refuse(bytes memory record, bytes32[] memory path, bytes32 got, bytes32 want)
        private
    {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.InclusionProofInvalid.selector, got, want));
        anchor.verifyRecord(record, path);
    }

    function _refuseKept(bytes32[] memory path) private {
        bytes32 want = anchor.ringEntryOf(kept.ringIndex);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotKept.selector, _entryOf(kept), want));
        anchor.verifyRecordAt(kept, _record(4), path);
    }

    function _entryOf(Kept memory what) private pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                referenceDigest(what.checkpoint),
                what.previousSize,
                what.previousBlockTime,
                what.anchoredAt,
                what.bitmap
            )
        );
    }

    function _list(bytes32 node) private pure returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = node;
    }
}
