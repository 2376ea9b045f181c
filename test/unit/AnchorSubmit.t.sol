// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    AnchorConfig,
    Certificate,
    Checkpoint,
    Head,
    IAnchor,
    Kept
} from "../../contracts/interfaces/IAnchor.sol";
import {AnchorBase} from "../utils/AnchorBase.sol";
import {Deploy} from "../utils/Deploy.sol";

/// @notice Rules 1 to 6 of docs/protocol.md section 11, each at both of its edges.
contract AnchorSubmitTest is AnchorBase {
    function setUp() public {
        vm.warp(START);
        anchor = deploy(equalWeights(4));
    }

    /* ACCEPTED */

    function test_submit_KeepsHeadRingAndEvent() public {
        growTo(5);
        Checkpoint memory checkpoint = nextCheckpoint(5);
        Certificate memory certificate = certify(checkpoint, 4, one(2));
        vm.expectEmit(address(anchor));
        emit IAnchor.CheckpointAnchored(
            checkpoint.blockNumber,
            5,
            checkpoint.root,
            checkpoint.blockHash,
            START,
            0,
            BASE_TIME,
            START,
            1,
            hex"0b"
        );
        anchor.submit(checkpoint, new bytes32[](0), certificate);

        Head memory head = anchor.head();
        assertEq(head.size, 5, "size");
        assertEq(head.blockNumber, BASE_BLOCK + 10, "block number");
        assertEq(head.blockTime, START, "block time");
        assertEq(head.anchoredAt, START, "anchored at");
        assertEq(head.count, 1, "count");
        assertEq(head.root, rootAt(5), "root");
        bytes32 digest = referenceDigest(checkpoint);
        bytes32 entry =
            keccak256(abi.encodePacked(digest, uint64(0), BASE_TIME, START, bytes(hex"0b")));
        assertEq(anchor.ringEntryOf(1), entry, "ring entry");
        assertEq(anchor.ringEntryOf(0), 0, "other ring entry");
    }

    function test_submit_WrapsTheRing() public {
        for (uint64 i = 1; i <= RING + 1; ++i) {
            bytes32 overwritten = anchor.ringEntryOf(uint32(i % RING));
            Kept memory kept = anchorAt(3 * i);
            bytes32 entry = anchor.ringEntryOf(uint32(i % RING));
            assertEq(kept.ringIndex, i % RING, "ring index");
            assertNotEq(entry, overwritten, "entry written");
            assertNotEq(entry, 0, "entry not zero");
            vm.warp(vm.getBlockTimestamp() + SPACING);
        }
        assertEq(anchor.head().count, RING + 1, "count");
    }

    function test_submit_TakesAnEqualSizeWithTheEqualRoot() public {
        anchorAt(5);
        vm.warp(START + SPACING);
        anchorAt(5);
        assertEq(anchor.head().count, 2, "count");
        assertEq(anchor.head().size, 5, "size");
    }

    function testFuzz_submit_FollowsAnyGrowth(uint64 first, uint64 second) public {
        first = uint64(bound(first, 1, 40));
        second = uint64(bound(second, first, 80));
        anchorAt(first);
        vm.warp(START + SPACING);
        anchorAt(second);
        assertEq(anchor.head().root, rootAt(second), "root");
    }

    function testFuzz_digestOf_EqualsTheReference(Checkpoint memory checkpoint) public view {
        assertEq(anchor.digestOf(checkpoint), referenceDigest(checkpoint), "digest");
    }

    /* RULE 1: ITS OWN */

    function test_RevertWhen_CheckpointIsOfAnotherNetwork() public {
        Checkpoint memory checkpoint = _five();
        checkpoint.networkId = keccak256("another");
        bytes32 own = anchor.networkId();
        _refuse(
            checkpoint,
            abi.encodeWithSelector(IAnchor.NetworkMismatch.selector, checkpoint.networkId, own)
        );
    }

    function test_RevertWhen_CheckpointIsOfAnotherEra() public {
        Checkpoint memory checkpoint = _five();
        checkpoint.era = 1;
        _refuse(checkpoint, abi.encodeWithSelector(IAnchor.EraMismatch.selector, 1, 0));
    }

    function test_RevertWhen_CheckpointIsOfAnotherSet() public {
        Checkpoint memory checkpoint = _five();
        checkpoint.setNumber = 2;
        _refuse(checkpoint, abi.encodeWithSelector(IAnchor.SetMismatch.selector, 2, 1));
        checkpoint.setNumber = 0;
        _refuse(checkpoint, abi.encodeWithSelector(IAnchor.SetMismatch.selector, 0, 1));
    }

    function test_RevertWhen_CheckpointNamesANextSet() public {
        Checkpoint memory checkpoint = _five();
        checkpoint.nextSet = bytes32(uint256(1));
        _refuse(
            checkpoint,
            abi.encodeWithSelector(IAnchor.NextSetMismatch.selector, checkpoint.nextSet, bytes32(0))
        );
    }

    /* RULE 2: EXPIRY */

    function test_RevertWhen_SetHasExpired() public {
        uint256 notAfter = anchor.notAfter();
        vm.warp(notAfter + 1);
        _refuse(
            _five(), abi.encodeWithSelector(IAnchor.SetExpired.selector, notAfter + 1, notAfter)
        );
        vm.warp(notAfter);
        anchorAt(5);
        assertEq(anchor.head().size, 5, "the last second is good");
    }

    /* RULE 3: BLOCKS AND TIMES */

    function test_RevertWhen_BlockNumberDoesNotRise() public {
        Checkpoint memory checkpoint = _five();
        checkpoint.blockNumber = BASE_BLOCK;
        _refuse(checkpoint, _blockNumberNotRising(BASE_BLOCK, BASE_BLOCK));
        checkpoint.blockNumber = BASE_BLOCK - 1;
        _refuse(checkpoint, _blockNumberNotRising(BASE_BLOCK - 1, BASE_BLOCK));
        checkpoint.blockNumber = BASE_BLOCK + 1;
        _accept(checkpoint);
    }

    function test_RevertWhen_BlockTimeDoesNotRise() public {
        Checkpoint memory checkpoint = _five();
        checkpoint.blockTime = BASE_TIME;
        _refuse(
            checkpoint,
            abi.encodeWithSelector(IAnchor.BlockTimeNotRising.selector, BASE_TIME, BASE_TIME)
        );
        checkpoint.blockTime = 0;
        _refuse(
            checkpoint, abi.encodeWithSelector(IAnchor.BlockTimeNotRising.selector, 0, BASE_TIME)
        );
        checkpoint.blockTime = BASE_TIME + 1;
        _accept(checkpoint);
    }

    function test_RevertWhen_BlockTimeIsMoreThanAMinuteAhead() public {
        Checkpoint memory checkpoint = _five();
        checkpoint.blockTime = START + 61;
        _refuse(
            checkpoint,
            abi.encodeWithSelector(IAnchor.BlockTimeInFuture.selector, START + 61, START + 60)
        );
        checkpoint.blockTime = START + 60;
        _accept(checkpoint);
    }

    function test_RevertWhen_BlocksAreTooMany() public {
        Checkpoint memory checkpoint = _five();
        // 100 seconds lie between the base and this block
        checkpoint.blockNumber = BASE_BLOCK + 256 + 400 + 1;
        _refuse(checkpoint, abi.encodeWithSelector(IAnchor.TooManyBlocks.selector, 657, 656));
        checkpoint.blockNumber = BASE_BLOCK + 256 + 400;
        _accept(checkpoint);
    }

    /// @dev Attack 17: such a checkpoint would be the last one for ever.
    function test_AnAbsurdBlockNumberOrTimeCannotFreezeTheAnchor() public {
        Checkpoint memory checkpoint = _five();
        checkpoint.blockNumber = type(uint64).max;
        uint256 blocks = type(uint64).max - BASE_BLOCK;
        _refuse(checkpoint, abi.encodeWithSelector(IAnchor.TooManyBlocks.selector, blocks, 656));
        checkpoint = _five();
        checkpoint.blockTime = type(uint64).max;
        _refuse(
            checkpoint,
            abi.encodeWithSelector(IAnchor.BlockTimeInFuture.selector, type(uint64).max, START + 60)
        );
        _accept(_five());
    }

    /* RULE 4: SIZE */

    function test_RevertWhen_SizeFalls() public {
        anchorAt(5);
        vm.warp(START + SPACING);
        Checkpoint memory checkpoint = nextCheckpoint(4);
        _refuse(checkpoint, abi.encodeWithSelector(IAnchor.SizeShrinks.selector, 4, 5));
    }

    /// @dev Attack 16: the nodes of a proof to 2^63 can be invented.
    function test_GrowthIsBounded() public {
        uint64 most = 1 << 24;
        Checkpoint memory checkpoint = _five();
        checkpoint.size = most + 1;
        _refuse(checkpoint, abi.encodeWithSelector(IAnchor.GrowthTooLarge.selector, most + 1, most));
        checkpoint.size = 1 << 63;
        _refuse(checkpoint, abi.encodeWithSelector(IAnchor.GrowthTooLarge.selector, 1 << 63, most));
        checkpoint.size = most;
        _accept(checkpoint);
        assertEq(anchor.head().size, most, "size");
    }

    function test_GrowthIsBoundedFromTheLastSize() public {
        anchorAt(5);
        vm.warp(START + SPACING);
        Checkpoint memory checkpoint = nextCheckpoint(5);
        checkpoint.size = 5 + (1 << 24) + 1;
        _refuse(
            checkpoint,
            abi.encodeWithSelector(IAnchor.GrowthTooLarge.selector, (1 << 24) + 1, 1 << 24)
        );
    }

    function test_RevertWhen_EqualSizeHasAnotherRoot() public {
        anchorAt(5);
        vm.warp(START + SPACING);
        Checkpoint memory checkpoint = nextCheckpoint(5);
        checkpoint.root = keccak256("another history");
        _refuse(checkpoint, _proofInvalid(checkpoint.root, rootAt(5)));
    }

    function test_RevertWhen_SizeStaysZeroWithARoot() public {
        Checkpoint memory checkpoint = _five();
        checkpoint.size = 0;
        _refuse(checkpoint, _proofInvalid(checkpoint.root, keccak256("")));
        checkpoint.root = keccak256("");
        _accept(checkpoint);
        vm.warp(START + SPACING);
        anchorAt(5);
        assertEq(anchor.head().size, 5, "an empty log still grows");
    }

    /* RULE 5: SPACING */

    function test_RevertWhen_LastAnchoringIsTooRecent() public {
        anchorAt(5);
        vm.warp(START + SPACING - 1);
        growTo(6);
        Checkpoint memory checkpoint = nextCheckpoint(6);
        _refuse(
            checkpoint,
            abi.encodeWithSelector(
                IAnchor.AnchoredTooSoon.selector, START + SPACING - 1, START + SPACING
            )
        );
        vm.warp(START + SPACING);
        anchorAt(6);
        assertEq(anchor.head().count, 2, "count");
    }

    /// @dev 1000 seconds over 3 entries: 333 would let the first be overwritten a second early.
    function test_SpacingIsRoundedUp() public {
        AnchorConfig memory config = configOf(equalWeights(4));
        config.parameters.challengePeriod = 1000;
        config.parameters.ringSize = 3;
        possess(config);
        anchor = Deploy.anchor(config);
        anchorAt(5);
        vm.warp(START + 333);
        growTo(6);
        _refuse(
            nextCheckpoint(6),
            abi.encodeWithSelector(IAnchor.AnchoredTooSoon.selector, START + 333, START + 334)
        );
        vm.warp(START + 334);
        anchorAt(6);
        assertEq(anchor.head().count, 2, "count");
    }

    /// @dev Attack 18: an entry leaves the ring only when its challenge period is over.
    function test_TheRingCannotBeSpun() public {
        Kept memory first = anchorAt(1);
        bytes32 entry = anchor.ringEntryOf(first.ringIndex);
        for (uint64 i = 2; anchor.ringEntryOf(first.ringIndex) == entry; ++i) {
            vm.warp(anchor.head().anchoredAt + SPACING);
            anchorAt(i);
        }
        assertGe(vm.getBlockTimestamp(), START + PERIOD, "overwritten after the period");
    }

    /* RULE 6: CONSISTENCY */

    function test_RevertWhen_HistoryWasRewritten() public {
        anchorAt(5);
        vm.warp(START + SPACING);
        growTo(9);
        bytes32[] memory proof = proofTo(9);
        leaves[2] = keccak256("another record");
        Checkpoint memory checkpoint = nextCheckpoint(9);
        Certificate memory certificate = certify(checkpoint, 4, none());
        vm.expectPartialRevert(IAnchor.ConsistencyProofInvalid.selector);
        anchor.submit(checkpoint, proof, certificate);
        proof = proofTo(9);
        vm.expectPartialRevert(IAnchor.ConsistencyProofInvalid.selector);
        anchor.submit(checkpoint, proof, certificate);
    }

    function test_RevertWhen_OldRootDiffers() public {
        anchorAt(5);
        vm.warp(START + SPACING);
        growTo(9);
        bytes32 anchored = rootAt(5);
        leaves[2] = keccak256("another record");
        Checkpoint memory checkpoint = nextCheckpoint(9);
        _refuseWith(checkpoint, proofTo(9), _proofInvalid(rootAt(5), anchored));
    }

    function test_RevertWhen_NewRootDiffers() public {
        anchorAt(5);
        vm.warp(START + SPACING);
        growTo(9);
        Checkpoint memory checkpoint = nextCheckpoint(9);
        checkpoint.root = keccak256("another root");
        _refuseWith(checkpoint, proofTo(9), _proofInvalid(rootAt(9), checkpoint.root));
    }

    function test_RevertWhen_ConsistencyProofHasAWrongLength() public {
        anchorAt(5);
        vm.warp(START + SPACING);
        growTo(9);
        Checkpoint memory checkpoint = nextCheckpoint(9);
        bytes32[] memory proof = proofTo(9);
        bytes32[] memory longer = new bytes32[](proof.length + 1);
        bytes32[] memory shorter = new bytes32[](proof.length - 1);
        for (uint256 i = 0; i < proof.length; ++i) {
            longer[i] = proof[i];
            if (i < shorter.length) shorter[i] = proof[i];
        }
        bytes memory refusal = _proofInvalid(0, checkpoint.root);
        _refuseWith(checkpoint, longer, refusal);
        _refuseWith(checkpoint, shorter, refusal);
        _refuseWith(checkpoint, new bytes32[](0), refusal);
    }

    function test_RevertWhen_AnEmptyProofIsNeededAndNodesAreBrought() public {
        Checkpoint memory checkpoint = _five();
        _refuseWith(checkpoint, new bytes32[](1), _proofInvalid(0, checkpoint.root));
        anchorAt(5);
        vm.warp(START + SPACING);
        checkpoint = nextCheckpoint(5);
        _refuseWith(checkpoint, new bytes32[](1), _proofInvalid(0, checkpoint.root));
    }

    /* RELAYERS */

    /// @dev Attack 21: a second relayer with the same checkpoint loses little.
    function test_TheSecondOfTwoRelayersRevertsBeforeThePairing() public {
        Checkpoint memory checkpoint = _five();
        Certificate memory certificate = certify(checkpoint, 4, none());
        bytes32[] memory proof = new bytes32[](0);
        anchor.submit(checkpoint, proof, certificate);
        vm.expectRevert(_blockNumberNotRising(checkpoint.blockNumber, checkpoint.blockNumber));
        uint256 before = gasleft();
        anchor.submit(checkpoint, proof, certificate);
        assertLt(before - gasleft(), 60_000, "no pairing, of 102 900 gas, was paid");
    }

    function test_RevertWhen_AnOlderCheckpointFollowsANewerOne() public {
        growTo(9);
        Checkpoint memory older = nextCheckpoint(5);
        vm.warp(START + 20);
        Checkpoint memory newer = nextCheckpoint(9);
        newer.blockNumber += 10;
        _accept(newer);
        vm.warp(START + 20 + SPACING);
        _refuse(older, _blockNumberNotRising(older.blockNumber, newer.blockNumber));
    }

    /* HELPERS */

    function _five() internal returns (Checkpoint memory) {
        growTo(5);
        return nextCheckpoint(5);
    }

    function _accept(Checkpoint memory checkpoint) internal {
        anchor.submit(checkpoint, new bytes32[](0), certify(checkpoint, 4, none()));
    }

    /// @dev Certified by all, so that nothing but the rule can refuse it.
    function _refuse(Checkpoint memory checkpoint, bytes memory refusal) internal {
        _refuseWith(checkpoint, new bytes32[](0), refusal);
    }

    function _refuseWith(Checkpoint memory checkpoint, bytes32[] memory proof, bytes memory refusal)
        internal
    {
        Certificate memory certificate = certify(checkpoint, 4, none());
        vm.expectRevert(refusal);
        anchor.submit(checkpoint, proof, certificate);
    }

    function _blockNumberNotRising(uint64 got, uint64 want) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAnchor.BlockNumberNotRising.selector, got, want);
    }

    function _proofInvalid(bytes32 got, bytes32 want) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAnchor.ConsistencyProofInvalid.selector, got, want);
    }
}
