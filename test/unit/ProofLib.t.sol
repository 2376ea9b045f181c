// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {ProofLib} from "../../contracts/libraries/ProofLib.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";
import {Test} from "forge-std/Test.sol";

/// @notice The library's functions, whose arguments have to be calldata.
contract ProofLibHarness {
    function leafHash(bytes calldata record) external pure returns (bytes32) {
        return ProofLib.leafHash(record);
    }

    function inclusionRoot(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path)
        external
        pure
        returns (bool complete, bytes32 root)
    {
        return ProofLib.inclusionRoot(leaf, index, size, path);
    }

    /// @dev Also sees that the memory that follows is untouched by the scratch space used.
    function consistencyRoots(
        bytes32[] calldata proof,
        uint64 oldSize,
        uint64 newSize,
        bytes32 oldRoot
    ) external pure returns (bool complete, bytes32 oldGot, bytes32 newGot) {
        bytes memory before = hex"fa110111";
        (complete, oldGot, newGot) = ProofLib.consistencyRoots(proof, oldSize, newSize, oldRoot);
        bytes memory afterwards = hex"fa110112";
        assert(keccak256(before) == keccak256(hex"fa110111"));
        assert(keccak256(afterwards) == keccak256(hex"fa110112"));
    }
}

/// @notice ProofLib against the recursion of RFC 9162. Inputs that must fail are never told apart
/// from those that succeed by the library itself.
contract ProofLibTest is Test {
    /// @dev Each (index, size) and (old, new) up to here is tried.
    uint64 private constant SMALL = 20;

    ProofLibHarness private lib;
    bytes32[] private leaves;

    function setUp() public {
        lib = new ProofLibHarness();
        for (uint256 i = 0; i < 300; ++i) {
            leaves.push(keccak256(abi.encode("leaf", i)));
        }
    }

    /* INCLUSION */

    function test_inclusion_EveryIndexOfEverySmallSize() public view {
        for (uint64 size = 1; size <= SMALL; ++size) {
            for (uint64 index = 0; index < size; ++index) {
                _checkInclusion(index, size);
            }
        }
    }

    function testFuzz_inclusion_AnyIndexOfAnySize(uint64 index, uint64 size) public view {
        size = uint64(bound(size, 1, leaves.length));
        _checkInclusion(uint64(bound(index, 0, size - 1)), size);
    }

    function testFuzz_inclusion_RevealsEveryFlippedBit(uint64 index, uint64 size, uint256 flip)
        public
        view
    {
        size = uint64(bound(size, 2, leaves.length));
        index = uint64(bound(index, 0, size - 1));
        bytes32[] memory path = ReferenceLog.path(leaves, index, 0, size);
        flip = bound(flip, 0, path.length * 256 - 1);
        path[flip / 256] ^= bytes32(1 << (flip % 256));
        assertFalse(_includes(leaves[index], index, size, path), "flipped bit");
    }

    function testFuzz_inclusion_RevealsSwappedNodes(uint64 index, uint64 size, uint256 a)
        public
        view
    {
        size = uint64(bound(size, 3, leaves.length));
        index = uint64(bound(index, 0, size - 1));
        bytes32[] memory path = ReferenceLog.path(leaves, index, 0, size);
        vm.assume(path.length >= 2);
        a = bound(a, 0, path.length - 2);
        (path[a], path[a + 1]) = (path[a + 1], path[a]);
        assertFalse(_includes(leaves[index], index, size, path), "swapped nodes");
    }

    function testFuzz_inclusion_RevealsAnotherIndex(uint64 index, uint64 other, uint64 size)
        public
        view
    {
        size = uint64(bound(size, 2, leaves.length));
        index = uint64(bound(index, 0, size - 1));
        other = uint64(bound(other, 0, size + 3));
        vm.assume(index != other);
        bytes32[] memory path = ReferenceLog.path(leaves, index, 0, size);
        assertFalse(_includes(leaves[index], other, size, path), "another index");
    }

    function testFuzz_inclusion_RevealsAMissingNode(uint64 index, uint64 size) public view {
        size = uint64(bound(size, 2, leaves.length));
        index = uint64(bound(index, 0, size - 1));
        bytes32[] memory path = ReferenceLog.path(leaves, index, 0, size);
        (bool complete, bytes32 root) =
            lib.inclusionRoot(leaves[index], index, size, _cut(path, path.length - 1));
        assertFalse(complete, "incomplete");
        assertEq(root, 0, "no root");
    }

    function testFuzz_inclusion_RevealsASurplusNode(uint64 index, uint64 size, bytes32 surplus)
        public
        view
    {
        size = uint64(bound(size, 1, leaves.length));
        index = uint64(bound(index, 0, size - 1));
        bytes32[] memory path =
            ReferenceLog.append(ReferenceLog.path(leaves, index, 0, size), surplus);
        (bool complete, bytes32 root) = lib.inclusionRoot(leaves[index], index, size, path);
        assertFalse(complete, "incomplete");
        assertEq(root, 0, "no root");
    }

    /// @dev A tree of another size has another path length or another root.
    function testFuzz_inclusion_AnotherSizeHasAnotherRoot(uint64 index, uint64 size, uint64 other)
        public
        view
    {
        size = uint64(bound(size, 1, leaves.length));
        index = uint64(bound(index, 0, size - 1));
        other = uint64(bound(other, 1, leaves.length));
        vm.assume(other != size);
        bytes32[] memory path = ReferenceLog.path(leaves, index, 0, size);
        (bool complete, bytes32 root) = lib.inclusionRoot(leaves[index], index, other, path);
        if (complete) assertNotEq(root, ReferenceLog.root(leaves, 0, other), "another size");
    }

    /// @dev Attack 15: a node above the leaves, offered as a record's hash.
    function test_ANodeIsNoLeaf() public view {
        bytes32 left = ReferenceLog.node(leaves[0], leaves[1]);
        bytes memory asRecord = abi.encodePacked(leaves[0], leaves[1]);
        assertNotEq(lib.leafHash(asRecord), left, "the prefix tells them apart");
        bytes32[] memory path = new bytes32[](1);
        path[0] = ReferenceLog.node(leaves[2], leaves[3]);
        assertFalse(_includes(left, 0, 4, path), "node as a leaf of the same size");
    }

    /// @dev Attack 15: two leaves, offered as if they were a node's children.
    function test_ALeafIsNoNode() public view {
        bytes memory record = abi.encodePacked(leaves[0], leaves[1]);
        assertEq(lib.leafHash(record), keccak256(bytes.concat(hex"00", record)), "leaf prefix");
        bytes32[] memory path = new bytes32[](2);
        path[0] = leaves[1];
        path[1] = lib.leafHash(abi.encodePacked(leaves[2], leaves[3]));
        assertFalse(_includes(leaves[0], 0, 4, path), "leaf as a node");
    }

    function test_inclusion_NothingIsInAnEmptyLog() public view {
        bytes32[] memory path = new bytes32[](0);
        assertFalse(_includes(ProofLib.EMPTY_ROOT, 0, 0, path), "size 0");
        assertFalse(_includes(leaves[0], 0, 0, path), "size 0");
        assertTrue(_includes(leaves[0], 0, 1, path), "size 1");
        assertFalse(_includes(leaves[0], 1, 1, path), "index 1 of size 1");
    }

    function test_inclusion_TakesTheLargestSize() public view {
        uint64 size = type(uint64).max;
        bytes32[] memory path = new bytes32[](64);
        (bool complete,) = lib.inclusionRoot(leaves[0], 0, size, path);
        assertTrue(complete, "64 nodes");
        (complete,) = lib.inclusionRoot(leaves[0], size - 1, size, _cut(path, 63));
        assertTrue(complete, "the last leaf has as many siblings as set bits in its index");
        (complete,) = lib.inclusionRoot(leaves[0], 0, size, _cut(path, 63));
        assertFalse(complete, "63 nodes");
        (complete,) = lib.inclusionRoot(leaves[0], size, size, path);
        assertFalse(complete, "index out of range");
    }

    /* CONSISTENCY */

    function test_consistency_EveryPairOfSmallSizes() public view {
        for (uint64 newSize = 2; newSize <= SMALL; ++newSize) {
            for (uint64 oldSize = 1; oldSize < newSize; ++oldSize) {
                _checkConsistency(oldSize, newSize);
            }
        }
    }

    function testFuzz_consistency_AnyPairOfSizes(uint64 oldSize, uint64 newSize) public view {
        newSize = uint64(bound(newSize, 2, leaves.length));
        _checkConsistency(uint64(bound(oldSize, 1, newSize - 1)), newSize);
    }

    /// @dev Trees of any size, whose subtrees are invented.
    function testFuzz_consistency_AnySizeAtAll(uint64 oldSize, uint64 newSize, bytes32 seed)
        public
        view
    {
        newSize = uint64(bound(newSize, 2, 1 << 63));
        oldSize = uint64(bound(oldSize, 1, newSize - 1));
        (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof) =
            ReferenceLog.invent(oldSize, newSize, seed);
        assertTrue(_consistent(proof, oldSize, newSize, oldRoot, newRoot), "consistent");
        assertLe(proof.length, 64, "at most 64 nodes");
    }

    function testFuzz_consistency_RevealsEveryFlippedBit(
        uint64 oldSize,
        uint64 newSize,
        uint256 flip
    ) public view {
        (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof) = _pair(oldSize, newSize);
        (oldSize, newSize) = _sizes(oldSize, newSize);
        flip = bound(flip, 0, proof.length * 256 - 1);
        proof[flip / 256] ^= bytes32(1 << (flip % 256));
        assertFalse(_consistent(proof, oldSize, newSize, oldRoot, newRoot), "flipped bit");
    }

    function testFuzz_consistency_RevealsSwappedNodes(uint64 oldSize, uint64 newSize, uint256 a)
        public
        view
    {
        (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof) = _pair(oldSize, newSize);
        (oldSize, newSize) = _sizes(oldSize, newSize);
        vm.assume(proof.length >= 2);
        a = bound(a, 0, proof.length - 2);
        (proof[a], proof[a + 1]) = (proof[a + 1], proof[a]);
        assertFalse(_consistent(proof, oldSize, newSize, oldRoot, newRoot), "swapped nodes");
    }

    function testFuzz_consistency_RevealsMissingAndSurplusNodes(
        uint64 oldSize,
        uint64 newSize,
        bytes32 surplus
    ) public view {
        (bytes32 oldRoot,, bytes32[] memory proof) = _pair(oldSize, newSize);
        (oldSize, newSize) = _sizes(oldSize, newSize);
        _checkIncomplete(_cut(proof, proof.length - 1), oldSize, newSize, oldRoot);
        _checkIncomplete(ReferenceLog.append(proof, surplus), oldSize, newSize, oldRoot);
        _checkIncomplete(new bytes32[](0), oldSize, newSize, oldRoot);
    }

    function testFuzz_consistency_RevealsOtherSizes(
        uint64 oldSize,
        uint64 newSize,
        uint64 otherOld,
        uint64 otherNew
    ) public view {
        (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof) = _pair(oldSize, newSize);
        (oldSize, newSize) = _sizes(oldSize, newSize);
        (otherOld, otherNew) = _sizes(otherOld, otherNew);
        vm.assume(otherOld != oldSize || otherNew != newSize);
        bytes32 wantOld = ReferenceLog.root(leaves, 0, otherOld);
        bytes32 wantNew = ReferenceLog.root(leaves, 0, otherNew);
        assertFalse(_consistent(proof, otherOld, otherNew, wantOld, wantNew), "roots of others");
        if (otherOld != oldSize) {
            assertFalse(_consistent(proof, otherOld, newSize, wantOld, newRoot), "old size");
        }
        if (otherNew != newSize) {
            assertFalse(_consistent(proof, oldSize, otherNew, oldRoot, wantNew), "new size");
        }
    }

    function test_consistency_HasNothingToFoldFromZeroOrToTheSame() public view {
        bytes32[] memory proof = new bytes32[](0);
        _checkIncomplete(proof, 0, 1, ProofLib.EMPTY_ROOT);
        _checkIncomplete(proof, 0, 0, ProofLib.EMPTY_ROOT);
        _checkIncomplete(proof, 1, 1, leaves[0]);
        _checkIncomplete(proof, 2, 1, leaves[0]);
        _checkIncomplete(proof, type(uint64).max, type(uint64).max, leaves[0]);
    }

    /// @dev Attack 16: this is why growth is bounded by the anchor, and not by the proof.
    function test_consistency_NodesTo2Pow63CanBeInvented() public view {
        bytes32 oldRoot = ReferenceLog.root(leaves, 0, 13);
        bytes32[] memory proof = ReferenceLog.consistency(leaves, 13, 16);
        uint256 honest = proof.length;
        for (uint256 level = 4; level < 63; ++level) {
            proof = ReferenceLog.append(proof, keccak256(abi.encode(level)));
        }
        (bool complete, bytes32 oldGot,) = lib.consistencyRoots(proof, 13, 1 << 63, oldRoot);
        assertTrue(complete && oldGot == oldRoot, "verifies");
        assertEq(proof.length, honest + 59, "nodes");
    }

    /* HELPERS */

    function _checkInclusion(uint64 index, uint64 size) private view {
        bytes32[] memory path = ReferenceLog.path(leaves, index, 0, size);
        assertTrue(_includes(leaves[index], index, size, path), "included");
        bytes32 stranger = keccak256("stranger");
        assertFalse(_includes(stranger, index, size, path), "another leaf");
    }

    function _includes(bytes32 leaf, uint64 index, uint64 size, bytes32[] memory path)
        private
        view
        returns (bool)
    {
        (bool complete, bytes32 root) = lib.inclusionRoot(leaf, index, size, path);
        return complete && root == ReferenceLog.root(leaves, 0, size);
    }

    function _checkConsistency(uint64 oldSize, uint64 newSize) private view {
        (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof) = (
            ReferenceLog.root(leaves, 0, oldSize),
            ReferenceLog.root(leaves, 0, newSize),
            ReferenceLog.consistency(leaves, oldSize, newSize)
        );
        assertTrue(_consistent(proof, oldSize, newSize, oldRoot, newRoot), "consistent");
        bytes32 other = keccak256("another root");
        assertFalse(_consistent(proof, oldSize, newSize, oldRoot, other), "another new root");
        assertFalse(_consistent(proof, oldSize, newSize, other, newRoot), "another old root");
    }

    function _checkIncomplete(
        bytes32[] memory proof,
        uint64 oldSize,
        uint64 newSize,
        bytes32 oldRoot
    ) private view {
        (bool complete, bytes32 oldGot, bytes32 newGot) =
            lib.consistencyRoots(proof, oldSize, newSize, oldRoot);
        assertFalse(complete, "incomplete");
        assertEq(oldGot | newGot, 0, "no roots");
    }

    function _consistent(
        bytes32[] memory proof,
        uint64 oldSize,
        uint64 newSize,
        bytes32 oldRoot,
        bytes32 newRoot
    ) private view returns (bool) {
        (bool complete, bytes32 oldGot, bytes32 newGot) =
            lib.consistencyRoots(proof, oldSize, newSize, oldRoot);
        return complete && oldGot == oldRoot && newGot == newRoot;
    }

    function _pair(uint64 oldSize, uint64 newSize)
        private
        view
        returns (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof)
    {
        (oldSize, newSize) = _sizes(oldSize, newSize);
        oldRoot = ReferenceLog.root(leaves, 0, oldSize);
        newRoot = ReferenceLog.root(leaves, 0, newSize);
        proof = ReferenceLog.consistency(leaves, oldSize, newSize);
    }

    /// @dev 1 <= old < new <= 60.
    function _sizes(uint64 oldSize, uint64 newSize) private pure returns (uint64, uint64) {
        newSize = 2 + newSize % 59;
        return (1 + oldSize % (newSize - 1), newSize);
    }

    function _cut(bytes32[] memory list, uint256 length)
        private
        pure
        returns (bytes32[] memory shorter)
    {
        shorter = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            shorter[i] = list[i];
        }
    }
}
