// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IRegistry, Refusal} from "../../contracts/interfaces/IRegistry.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";
import {VectorRegistry} from "../utils/VectorRegistry.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice Packed batches of the shared vectors, sent to the registry of their network: the same
/// records, events and refusals as every other language, and the same batches are none.
contract PackedVectorsTest is VectorRegistry {
    IRegistry private registry;
    bytes32[] private leaves;

    function setUp() public {
        registry = deployed();
        leaves.push(registry.root());
    }

    function test_vectors_PackedRequests() public {
        string memory json = read("packed");
        vm.recordLogs();
        registry.requestPacked(data(json, ".requests.batch"));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _assertRefusals(json, ".requests", logs);
        _assertRoot(json, ".requests");
        // what comes before an announcement is emitted before it
        bytes32[4] memory order = [
            IRegistry.ResourceAnnounced.selector,
            IRegistry.BatchAllocated.selector,
            IRegistry.ResourceAnnounced.selector,
            IRegistry.BatchAllocated.selector
        ];
        uint256 events = 0;
        uint256 batches = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IRegistry.Refused.selector) continue;
            assertEq(logs[i].topics[0], order[events], "order of events");
            ++events;
            if (logs[i].topics[0] != IRegistry.BatchAllocated.selector) continue;
            _assertEvent(json, at(".requests.events", batches), ".groups", logs[i]);
            ++batches;
        }
        assertEq(events, 4, "events");
    }

    function test_vectors_PackedReleases() public {
        string memory json = read("packed");
        registry.requestPacked(data(json, ".requests.batch"));
        _assertRoot(json, ".requests");
        vm.recordLogs();
        registry.releasePacked(data(json, ".releases.batch"));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _assertRefusals(json, ".releases", logs);
        _assertRoot(json, ".releases");
        assertEq(logs.length, 3, "two refusals and one event");
        assertEq(logs[2].topics[0], IRegistry.BatchReleased.selector, "event");
        _assertEvent(json, ".releases.events[0]", ".items", logs[2]);
        for (uint64 index = 2; index <= 4; ++index) {
            assertTrue(registry.isReleased(index), "released");
        }
    }

    function test_vectors_WhatIsNoBatchRevertsWhole() public {
        string memory json = read("packed");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".invalid", i)); ++i) {
            string memory where = at(".invalid", i);
            bytes memory batch = data(json, string.concat(where, ".batch"));
            uint256 offset = number(json, string.concat(where, ".offset"));
            uint256 length = number(json, string.concat(where, ".length"));
            bytes memory want =
                abi.encodeWithSelector(IRegistry.PackedBatchInvalid.selector, offset, length);
            bool requests = _is(text(json, string.concat(where, ".type")), "requests");
            bytes memory call = requests
                ? abi.encodeCall(IRegistry.requestPacked, (batch))
                : abi.encodeCall(IRegistry.releasePacked, (batch));
            (bool done, bytes memory got) = address(registry).call(call);
            string memory name = text(json, string.concat(where, ".name"));
            assertFalse(done, name);
            assertEq(got, want, name);
            assertEq(registry.size(), 1, "nothing is recorded");
        }
        assertEq(i, 21, "cases");
    }

    /// @dev Every item that is refused is, in order, and with its code.
    function _assertRefusals(string memory json, string memory part, Vm.Log[] memory logs)
        private
        view
    {
        uint256 item = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IRegistry.Refused.selector) continue;
            item = _nextRefused(json, part, item);
            string memory where = at(string.concat(part, ".items"), item);
            assertEq(logs[i].topics[1], word(json, string.concat(where, ".id")), "id");
            Refusal memory reason = abi.decode(logs[i].data, (Refusal));
            assertEq(reason.code, number(json, string.concat(where, ".code")), "code");
            ++item;
        }
        item = _nextRefused(json, part, item);
        assertFalse(vm.keyExistsJson(json, at(string.concat(part, ".items"), item)), "all refused");
    }

    /// @dev The first item from `item` on that has a code, or the number of items.
    function _nextRefused(string memory json, string memory part, uint256 item)
        private
        view
        returns (uint256)
    {
        string memory items = string.concat(part, ".items");
        while (vm.keyExistsJson(json, at(items, item))) {
            if (number(json, string.concat(at(items, item), ".code")) != 0) break;
            ++item;
        }
        return item;
    }

    function _assertEvent(
        string memory json,
        string memory where,
        string memory field,
        Vm.Log memory entry
    ) private pure {
        (uint64 index, bytes memory packed) = abi.decode(entry.data, (uint64, bytes));
        assertEq(index, number(json, string.concat(where, ".index")), "index of the first");
        assertEq(packed, data(json, string.concat(where, field)), "what is emitted");
        assertEq(entry.data, abi.encode(index, packed), "one encoding");
    }

    /// @dev The records of a part follow those before it.
    function _assertRoot(string memory json, string memory part) private {
        string memory records = string.concat(part, ".records");
        for (uint256 i = 0; vm.keyExistsJson(json, at(records, i)); ++i) {
            leaves.push(word(json, string.concat(at(records, i), ".leaf")));
        }
        bytes32 want = word(json, string.concat(part, ".root"));
        assertEq(ReferenceLog.root(leaves, 0, leaves.length), want, "root by the reference");
        assertEq(registry.root(), want, "root by the contract");
        assertEq(registry.size(), leaves.length, "size");
    }

    function _is(string memory got, string memory want) private pure returns (bool) {
        return keccak256(bytes(got)) == keccak256(bytes(want));
    }
}
