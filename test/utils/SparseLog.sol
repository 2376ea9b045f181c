// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {ReferenceLog} from "./ReferenceLog.sol";

/// @notice The subtree under one peak of a log that is too large to be built: the leaves that matter
/// are set, every other node is invented.
abstract contract SparseLog {
    mapping(uint256 height => mapping(uint256 number => bytes32)) private _nodes;

    /// @notice Sets leaves, in ascending order, and all their ancestors up to the peak.
    function plant(uint256[] memory indexes, bytes32[] memory leaves, uint256 height)
        internal
        returns (bytes32 peak)
    {
        for (uint256 i = 0; i < indexes.length; ++i) {
            _nodes[0][indexes[i]] = leaves[i];
        }
        for (uint256 h = 0; h < height; ++h) {
            for (uint256 i = 0; i < indexes.length; ++i) {
                uint256 parent = indexes[i] >> (h + 1);
                _nodes[h + 1][parent] =
                    ReferenceLog.node(nodeAt(h, 2 * parent), nodeAt(h, 2 * parent + 1));
            }
        }
        return nodeAt(height, indexes[0] >> height);
    }

    function nodeAt(uint256 height, uint256 number) internal view returns (bytes32 node) {
        node = _nodes[height][number];
        if (node == 0) node = keccak256(abi.encode("invented", height, number));
    }

    /// @notice The lowest `n` siblings on the way up from a leaf.
    function pathOf(uint256 index, uint256 n) internal view returns (bytes32[] memory path) {
        path = new bytes32[](n);
        for (uint256 h = 0; h < n; ++h) {
            path[h] = nodeAt(h, (index >> h) ^ 1);
        }
    }
}
