// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Log, LogLib} from "../../contracts/libraries/LogLib.sol";
import {Chain, PathLib} from "../../contracts/libraries/PathLib.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";
import {Test} from "forge-std/Test.sol";

/// @notice A path to prove, and what was found.
struct Step {
    bytes32 leaf;
    uint256 index;
    bytes32[] path;
}

struct Finding {
    bool proven;
    bytes32 got;
    bytes32 want;
}

/// @notice One batch of paths against a log; its arguments have to be calldata.
contract PathLibHarness {
    using LogLib for Log;

    Log private _log;

    function append(bytes32 leaf) external {
        _log.append(_log.size, leaf);
    }

    /// @dev Also sees that the memory allocated around it is untouched by the scratch space used.
    function prove(Step[] calldata steps) external view returns (Finding[] memory findings) {
        findings = new Finding[](steps.length);
        Chain memory chain = PathLib.open(_log);
        for (uint256 i = 0; i < steps.length; ++i) {
            bytes memory before = abi.encode(i);
            Step calldata step = steps[i];
            (bool proven, bytes32 got, bytes32 want) =
                PathLib.prove(_log, chain, step.leaf, step.index, step.path);
            assert(keccak256(before) == keccak256(abi.encode(i)));
            findings[i] = Finding(proven, got, want);
        }
    }
}

/// @notice Paths that lead to peaks and paths that lean on each other, against the recursion of
/// RFC 9162 and a plain reading of docs/protocol.md sections 4.4 and 4.6.
contract PathLibTest is Test {
    uint256 private constant MOST = 150;

    PathLibHarness private lib;
    bytes32[] private leaves;

    function setUp() public {
        lib = new PathLibHarness();
    }

    /* TO THE PEAK */

    function test_prove_EveryRecordOfEverySmallSize() public {
        for (uint256 size = 1; size <= 20; ++size) {
            _grow(size);
            for (uint256 index = 0; index < size; ++index) {
                Finding memory found = _prove(_full(index));
                assertTrue(found.proven, "a full path");
                assertEq(found.got, found.want, "leads to the peak");
            }
        }
    }

    function test_prove_KnowsNoRecordAtTheSizeOrAbove() public {
        _grow(6);
        uint256[3] memory indexes = [uint256(6), 7, type(uint64).max];
        for (uint256 i = 0; i < 3; ++i) {
            Step memory step = Step(leaves[5], indexes[i], _full(5).path);
            _assertFinding(_prove(step), false, 0, 0);
            step.path = new bytes32[](0);
            _assertFinding(_prove(step), false, 0, 0);
        }
    }

    function test_prove_RefusesAPathOfAnotherLength() public {
        _grow(8);
        bytes32 peak = _node(0, 8);
        for (uint256 n = 0; n < 70; ++n) {
            if (n == 3) continue;
            Step memory step = Step(leaves[2], 2, new bytes32[](n));
            _assertFinding(_prove(step), false, 0, peak);
        }
    }

    function test_prove_NeverLeadsToAnOldPeak() public {
        _grow(4);
        Step memory step = _full(1);
        _grow(8);
        _assertFinding(_prove(step), false, 0, _node(0, 8));
    }

    function testFuzz_prove_RevealsEveryFlippedBit(uint256 size, uint256 index, uint256 flip)
        public
    {
        size = bound(size, 1, MOST);
        _grow(size);
        index = bound(index, 0, size - 1);
        Step memory step = _full(index);
        flip = bound(flip, 0, 256 * (step.path.length + 1) - 1);
        _flip(step, flip);
        Finding memory found = _prove(step);
        assertFalse(found.proven, "flipped bit");
        assertEq(found.want, _peakOf(index), "wanted is the peak");
        assertNotEq(found.got, found.want, "got is another node");
        assertNotEq(found.got, 0, "and a node");
    }

    function test_prove_WithTheHighestPeak() public {
        // a log of 2^64 - 1 records, of which the first 2^63 stand under the highest peak
        uint256 size = type(uint64).max;
        vm.store(address(lib), 0, bytes32(size));
        Step memory step = Step(keccak256("leaf"), 1 << 62, new bytes32[](63));
        bytes32 node = step.leaf;
        for (uint256 h = 0; h < 63; ++h) {
            step.path[h] = keccak256(abi.encode(h));
            bool right = (step.index >> h) & 1 == 1;
            node = right
                ? ReferenceLog.node(step.path[h], node)
                : ReferenceLog.node(node, step.path[h]);
        }
        vm.store(address(lib), bytes32(uint256(1 + 63)), node);
        _assertFinding(_prove(step), true, node, node);
        step.path = new bytes32[](64);
        _assertFinding(_prove(step), false, 0, node);
    }

    /* LEANING */

    function test_prove_LeansOnTheRecordProvenLast() public {
        _grow(8);
        Step[] memory steps = new Step[](6);
        steps[0] = _full(2);
        steps[1] = _cut(_full(5), 2);
        steps[2] = _cut(_full(4), 0);
        steps[3] = _cut(_full(6), 1);
        steps[4] = _cut(_full(0), 2);
        steps[5] = _full(0);
        Finding[] memory findings = lib.prove(steps);
        bytes32[6] memory wants =
            [_node(0, 8), _node(4, 8), leaves[4], _node(6, 8), _node(0, 4), _node(0, 8)];
        for (uint256 i = 0; i < 6; ++i) {
            _assertFinding(findings[i], true, wants[i], wants[i]);
        }
    }

    function test_prove_NothingLeansOnNothing() public {
        _grow(8);
        _assertFinding(_prove(_cut(_full(5), 2)), false, 0, _node(0, 8));
    }

    function test_prove_NothingLeansOnItself() public {
        _grow(8);
        for (uint256 n = 0; n < 3; ++n) {
            Finding memory found = _second(_full(5), _cut(_full(5), n));
            _assertFinding(found, false, 0, _node(0, 8));
        }
    }

    function test_prove_NothingLeansWhereTheTwoDoNotMeet() public {
        _grow(8);
        for (uint256 n = 0; n < 2; ++n) {
            _assertFinding(_second(_full(2), _cut(_full(5), n)), false, 0, _node(0, 8));
        }
    }

    function test_prove_NothingLeansAcrossPeaks() public {
        // peaks of heights 3 and 2: records 7 and 8 differ in bit 3
        _grow(12);
        for (uint256 n = 0; n < 4; ++n) {
            if (n == 2) continue;
            Step memory step = Step(leaves[8], 8, new bytes32[](n));
            _assertFinding(_second(_full(7), step), false, 0, _node(8, 12));
        }
        Finding memory found = _second(_full(7), _full(8));
        _assertFinding(found, true, _node(8, 12), _node(8, 12));
    }

    function test_prove_AWrongLeaningPathNamesTheSibling() public {
        _grow(8);
        Step memory step = _cut(_full(5), 2);
        step.leaf = leaves[4];
        Finding memory found = _second(_full(2), step);
        assertFalse(found.proven, "another leaf");
        assertEq(found.want, _node(4, 8), "the sibling, not the peak");
    }

    /// @dev A wrong path between two good ones changes nothing for the second.
    function test_prove_AWrongPathTakesNothingWithIt() public {
        _grow(8);
        Step[] memory steps = new Step[](4);
        steps[0] = _full(2);
        steps[1] = _full(7);
        steps[1].path[2] = 0;
        steps[2] = _cut(_full(5), 2);
        steps[2].path[0] = 0;
        steps[3] = _cut(_full(3), 0);
        Finding[] memory findings = lib.prove(steps);
        assertTrue(findings[0].proven, "first");
        assertFalse(findings[1].proven, "a wrong full path");
        assertFalse(findings[2].proven, "a wrong leaning path");
        assertTrue(findings[3].proven, "leans on the first");
    }

    /// @dev Any order of records, leaning wherever the two meet or not; a third of them bent.
    function testFuzz_prove_EqualsThePlainReading(uint256 size, uint256 seed) public {
        size = bound(size, 1, MOST);
        _grow(size);
        Step[] memory steps = new Step[](20);
        Finding[] memory wanted = new Finding[](20);
        uint256 last = type(uint256).max;
        for (uint256 i = 0; i < 20; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            steps[i] = _full(draw % size);
            if ((draw >> 64) % 3 == 0) steps[i] = _cut(steps[i], (draw >> 96) % 8);
            bool leans = _leans(last, steps[i].index);
            if ((draw >> 64) % 3 == 1 && leans) {
                steps[i] = _cut(steps[i], _meeting(last, steps[i].index));
            }
            uint256 bits = 256 * (steps[i].path.length + 1);
            if ((draw >> 128) % 3 == 0) _flip(steps[i], (draw >> 160) % bits);
            wanted[i] = _read(last, steps[i]);
            if (wanted[i].proven) last = steps[i].index;
        }
        assertEq(abi.encode(lib.prove(steps)), abi.encode(wanted), "the plain reading");
    }

    /* THE PLAIN READING: every node is computed anew from all leaves */

    function _read(uint256 last, Step memory step) private view returns (Finding memory found) {
        uint256 n = step.path.length;
        (uint256 from, uint256 to) = _peakRange(step.index);
        found.want = _node(from, to);
        if (2 ** n != to - from) {
            if (!_leans(last, step.index) || n != _meeting(last, step.index)) return found;
            uint256 subtree = step.index / 2 ** n;
            found.want = _node(subtree * 2 ** n, (subtree + 1) * 2 ** n);
        }
        found.got = step.leaf;
        for (uint256 h = 0; h < n; ++h) {
            found.got = step.index / 2 ** h % 2 == 1
                ? ReferenceLog.node(step.path[h], found.got)
                : ReferenceLog.node(found.got, step.path[h]);
        }
        found.proven = found.got == found.want;
    }

    /// @dev Whether the two are different records under one peak.
    function _leans(uint256 last, uint256 index) private view returns (bool) {
        if (last >= leaves.length || last == index) return false;
        (uint256 from, uint256 to) = _peakRange(index);
        return last >= from && last < to;
    }

    /// @dev Height of the two subtrees that part two records.
    function _meeting(uint256 a, uint256 b) private pure returns (uint256 height) {
        while (a / 2 ** (height + 1) != b / 2 ** (height + 1)) ++height;
    }

    /// @dev The leaves under a record's peak: the log is split into powers of two, largest first.
    function _peakRange(uint256 index) private view returns (uint256 from, uint256 to) {
        while (true) {
            uint256 power = 1;
            while (power * 2 <= leaves.length - from) power *= 2;
            to = from + power;
            if (index < to) return (from, to);
            from = to;
        }
    }

    function _peakOf(uint256 index) private view returns (bytes32) {
        (uint256 from, uint256 to) = _peakRange(index);
        return _node(from, to);
    }

    function _node(uint256 from, uint256 to) private view returns (bytes32) {
        return ReferenceLog.root(leaves, from, to);
    }

    /* STEPS */

    function _grow(uint256 size) private {
        for (uint256 i = leaves.length; i < size; ++i) {
            leaves.push(keccak256(abi.encode("leaf", i)));
            lib.append(leaves[i]);
        }
    }

    /// @dev The whole path from a record to its peak.
    function _full(uint256 index) private view returns (Step memory) {
        (uint256 from, uint256 to) = _peakRange(index);
        return Step(leaves[index], index, ReferenceLog.path(leaves, index, from, to));
    }

    /// @dev The first `n` nodes of a path.
    function _cut(Step memory step, uint256 n) private pure returns (Step memory) {
        if (n >= step.path.length) return step;
        bytes32[] memory path = new bytes32[](n);
        for (uint256 h = 0; h < n; ++h) {
            path[h] = step.path[h];
        }
        return Step(step.leaf, step.index, path);
    }

    /// @dev Flips one bit of the leaf or of a node of the path.
    function _flip(Step memory step, uint256 bit) private pure {
        bytes32 mask = bytes32(1 << (bit % 256));
        if (bit < 256) step.leaf ^= mask;
        else step.path[bit / 256 - 1] ^= mask;
    }

    function _prove(Step memory step) private view returns (Finding memory) {
        Step[] memory steps = new Step[](1);
        steps[0] = step;
        return lib.prove(steps)[0];
    }

    /// @dev What is found of the second, after the first was proven.
    function _second(Step memory first, Step memory second) private view returns (Finding memory) {
        Step[] memory steps = new Step[](2);
        (steps[0], steps[1]) = (first, second);
        Finding[] memory findings = lib.prove(steps);
        assertTrue(findings[0].proven, "the first is proven");
        return findings[1];
    }

    function _assertFinding(Finding memory found, bool proven, bytes32 got, bytes32 want)
        private
        pure
    {
        assertEq(found.proven, proven, "proven");
        assertEq(found.got, got, "got");
        assertEq(found.want, want, "want");
    }
}
