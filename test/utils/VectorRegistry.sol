// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Parameters, Writer} from "../../contracts/interfaces/INetwork.sol";
import {
    Announcement,
    IRegistry,
    RegistryConfig,
    Release,
    Request,
    Withdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {Deploy} from "./Deploy.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Reads shared vectors, and deploys the registry of their network at its own address.
abstract contract VectorRegistry is Test {
    /// @dev Time of the block in which all records of the vectors stand.
    uint64 internal constant BLOCK_TIME = 1_799_999_600;

    /* FILES */

    function read(string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat("test/vectors/", name, ".json"));
    }

    function at(string memory list, uint256 i) internal pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }

    function number(string memory json, string memory key) internal pure returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function account(string memory json, string memory key) internal pure returns (address) {
        return vm.parseJsonAddress(json, key);
    }

    function word(string memory json, string memory key) internal pure returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }

    function data(string memory json, string memory key) internal pure returns (bytes memory) {
        return vm.parseJsonBytes(json, key);
    }

    function text(string memory json, string memory key) internal pure returns (string memory) {
        return vm.parseJsonString(json, key);
    }

    /* MESSAGES */

    function announcementAt(string memory json, string memory key)
        internal
        pure
        returns (Announcement memory message)
    {
        message.provider = account(json, string.concat(key, ".provider"));
        message.approver = account(json, string.concat(key, ".approver"));
        message.volume = uint16(number(json, string.concat(key, ".volume")));
        message.startTime = uint64(number(json, string.concat(key, ".startTime")));
        message.endTime = uint64(number(json, string.concat(key, ".endTime")));
        message.slotSeconds = uint32(number(json, string.concat(key, ".slotSeconds")));
        message.noticeSeconds = uint32(number(json, string.concat(key, ".noticeSeconds")));
        message.timestamp = uint64(number(json, string.concat(key, ".timestamp")));
        message.offer = word(json, string.concat(key, ".offer"));
    }

    function requestAt(string memory json, string memory key)
        internal
        pure
        returns (Request memory message)
    {
        message.resourceId = word(json, string.concat(key, ".resourceId"));
        message.requester = account(json, string.concat(key, ".requester"));
        message.volume = uint16(number(json, string.concat(key, ".volume")));
        message.startTime = uint64(number(json, string.concat(key, ".startTime")));
        message.endTime = uint64(number(json, string.concat(key, ".endTime")));
        message.timestamp = uint64(number(json, string.concat(key, ".timestamp")));
        message.sequence = uint64(number(json, string.concat(key, ".sequence")));
    }

    function releaseAt(string memory json, string memory key)
        internal
        pure
        returns (Release memory message)
    {
        message.requestId = word(json, string.concat(key, ".requestId"));
        message.fromTime = uint64(number(json, string.concat(key, ".fromTime")));
        message.timestamp = uint64(number(json, string.concat(key, ".timestamp")));
    }

    function withdrawalAt(string memory json, string memory key)
        internal
        pure
        returns (Withdrawal memory message)
    {
        message.resourceId = word(json, string.concat(key, ".resourceId"));
        message.timestamp = uint64(number(json, string.concat(key, ".timestamp")));
    }

    /* NETWORK */

    function parametersOf(string memory json) internal pure returns (Parameters memory own) {
        own.random = word(json, ".random");
        own.checkpointInterval = uint64(number(json, ".parameters.checkpointInterval"));
        own.heartbeat = uint64(number(json, ".parameters.heartbeat"));
        own.challengePeriod = uint64(number(json, ".parameters.challengePeriod"));
        own.queryDeadline = uint64(number(json, ".parameters.queryDeadline"));
        own.ringSize = uint32(number(json, ".parameters.ringSize"));
        own.writers = new Writer[](1);
        own.writers[0] = Writer(
            uint8(number(json, ".parameters.writers[0].kind")),
            account(json, ".parameters.writers[0].writer")
        );
    }

    function configOf(string memory json) internal pure returns (RegistryConfig memory own) {
        own.anchorChainId = number(json, ".anchorChainId");
        own.anchor = account(json, ".anchor");
        own.parameters = parametersOf(json);
    }

    /// @dev Runs the constructor where the vectors' registry is, on their chain and at their time.
    function deployed() internal returns (IRegistry registry) {
        string memory json = read("network");
        vm.chainId(number(json, ".sidechainId"));
        vm.warp(BLOCK_TIME);
        return deployAt(account(json, ".registry"), configOf(json));
    }

    function deployAt(address place, RegistryConfig memory own) internal returns (IRegistry) {
        vm.etch(place, abi.encodePacked(Deploy.registryCode(), abi.encode(own)));
        (bool done, bytes memory code) = place.call("");
        assertTrue(done, "the constructor takes the vectors' network");
        vm.etch(place, code);
        return IRegistry(place);
    }
}
