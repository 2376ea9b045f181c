// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

/// @notice Collects figures: a JSON file of {"name","value","unit","how"}, and gas snapshots.
abstract contract FigureWriter is Test {
    string private _group;
    string private _entries;

    function beginFigures(string memory directory, string memory group) internal {
        vm.createDir(directory, true);
        _group = group;
    }

    /// @notice A figure in gas.
    function figure(string memory name, uint256 value, string memory how) internal {
        _add(name, vm.toString(value), "gas", how);
        vm.snapshotValue(_group, name, value);
    }

    /// @notice A figure in gas for each item of a batch.
    function figurePerItem(string memory name, uint256 value, string memory how) internal {
        _add(name, vm.toString(value), "gas/item", how);
        vm.snapshotValue(_group, name, value);
    }

    /// @notice A ratio, to four digits.
    function figureRatio(string memory name, uint256 over, uint256 under, string memory how)
        internal
    {
        uint256 scaled = over * 10_000 / under;
        string memory digits = vm.toString(10_000 + scaled % 10_000);
        bytes memory fraction = new bytes(4);
        for (uint256 i = 0; i < 4; ++i) {
            fraction[i] = bytes(digits)[i + 1];
        }
        string memory value = string.concat(vm.toString(scaled / 10_000), ".", string(fraction));
        _add(name, value, "ratio", how);
        vm.snapshotValue(_group, string.concat(name, " x 10000"), scaled);
    }

    /// @notice Writes all figures as one JSON array.
    function writeFigures(string memory path) internal {
        vm.writeFile(path, string.concat("[\n", _entries, "\n]\n"));
    }

    function _add(string memory name, string memory value, string memory unit, string memory how)
        private
    {
        string memory entry = string.concat(
            '  {"name": "', name, '", "value": ', value, ', "unit": "', unit, '", "how": "', how
        );
        string memory separator = bytes(_entries).length == 0 ? "" : ",\n";
        _entries = string.concat(_entries, separator, entry, '"}');
    }
}
