// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {ReferenceLog} from "../utils/ReferenceLog.sol";
import {ProofLibHarness} from "./ProofLib.t.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Proofs that other languages made, and such that they must refuse.
contract LogVectorsTest is Test {
    string private constant FILE = "test/vectors/log.json";

    ProofLibHarness private lib;

    function setUp() public {
        lib = new ProofLibHarness();
    }

    function test_vectors_Roots() public view {
        string memory json = vm.readFile(FILE);
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, ".roots");
        assertEq(roots.length, leaves.length + 1, "a root for each size");
        for (uint256 size = 0; size < roots.length; ++size) {
            assertEq(ReferenceLog.root(leaves, 0, size), roots[size], "root");
        }
    }

    function test_vectors_Inclusion() public view {
        assertGe(_checkInclusions(".inclusion", true), 50, "cases");
    }

    function test_vectors_InvalidInclusionIsRefused() public view {
        assertGe(_checkInclusions(".invalidInclusion", false), 12, "cases");
    }

    function test_vectors_Consistency() public view {
        assertGe(_checkConsistencies(".consistency", true), 50, "cases");
    }

    function test_vectors_InvalidConsistencyIsRefused() public view {
        assertGe(_checkConsistencies(".invalidConsistency", false), 11, "cases");
    }

    function _checkInclusions(string memory list, bool want) private view returns (uint256 i) {
        uint256 count = this.lengthOf(list);
        for (; i < count; ++i) {
            (bool holds, string memory name) = this.includes(_at(list, i));
            assertEq(holds, want, name);
        }
    }

    function _checkConsistencies(string memory list, bool want) private view returns (uint256 i) {
        uint256 count = this.lengthOf(list);
        for (; i < count; ++i) {
            (bool holds, string memory name) = this.consistent(_at(list, i));
            assertEq(holds, want, name);
        }
    }

    /* ONE CASE EACH: a call of its own gives the file's memory back */

    function lengthOf(string memory list) external view returns (uint256 count) {
        string memory json = vm.readFile(FILE);
        while (vm.keyExistsJson(json, _at(list, count))) {
            ++count;
        }
    }

    function includes(string memory where) external view returns (bool, string memory) {
        string memory json = vm.readFile(FILE);
        (bool complete, bytes32 root) = lib.inclusionRoot(
            _word(json, where, ".leaf"),
            _number(json, where, ".index"),
            _number(json, where, ".size"),
            _path(json, where)
        );
        return (complete && root == _word(json, where, ".root"), _name(json, where));
    }

    /// @dev docs/protocol.md section 7: from size 0 and between equal sizes a proof is empty.
    function consistent(string memory where) external view returns (bool, string memory) {
        string memory json = vm.readFile(FILE);
        uint64 oldSize = _number(json, where, ".oldSize");
        uint64 newSize = _number(json, where, ".newSize");
        bytes32 oldRoot = _word(json, where, ".oldRoot");
        bytes32 newRoot = _word(json, where, ".newRoot");
        bytes32[] memory path = _path(json, where);
        bool holds = path.length == 0;
        if (oldSize == newSize) {
            holds = holds && oldRoot == newRoot;
        } else if (oldSize != 0) {
            (bool complete, bytes32 oldGot, bytes32 newGot) =
                lib.consistencyRoots(path, oldSize, newSize, oldRoot);
            holds = complete && oldGot == oldRoot && newGot == newRoot;
        }
        return (holds, _name(json, where));
    }

    /* HELPERS */

    function _path(string memory json, string memory where)
        private
        pure
        returns (bytes32[] memory)
    {
        return vm.parseJsonBytes32Array(json, string.concat(where, ".path"));
    }

    function _word(string memory json, string memory where, string memory name)
        private
        pure
        returns (bytes32)
    {
        return vm.parseJsonBytes32(json, string.concat(where, name));
    }

    function _number(string memory json, string memory where, string memory name)
        private
        pure
        returns (uint64)
    {
        return uint64(vm.parseJsonUint(json, string.concat(where, name)));
    }

    function _name(string memory json, string memory where) private pure returns (string memory) {
        return vm.parseJsonString(json, string.concat(where, ".name"));
    }

    function _at(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }
}
