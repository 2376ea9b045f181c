// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, Request} from "../../contracts/interfaces/IRegistry.sol";
import {PlainMessages} from "./PlainRegistry.sol";

/// @title The scheme that Fallow started from: walk through all earlier allocations
/// @notice A yardstick for gas, not for use. One slot is the whole window. What is left of a
/// resource is its volume less that of every allocation recorded before, which are read one by one;
/// that a request is new is found out on the same walk. The Merkle root is made off chain.
contract PaperRegistry is PlainMessages {
    event Announced(bytes32 indexed id, Announcement message, bytes signature);
    event Allocated(bytes32 indexed id, Request message, bytes signature);

    struct Allocation {
        bytes32 id;
        address requester;
        uint16 volume;
        uint64 timestamp;
    }

    mapping(bytes32 id => Announcement) public resources;
    mapping(bytes32 resourceId => Allocation[]) private _allocations;

    function announce(Announcement calldata message, bytes calldata signature) external {
        bytes32 id = announcementId(message);
        _requireSigner(id, signature, message.provider);
        require(resources[id].provider == address(0), "recorded");
        resources[id] = message;
        emit Announced(id, message, signature);
    }

    function request(Request calldata message, bytes calldata signature) external {
        bytes32 id = requestId(message);
        _requireSigner(id, signature, message.requester);
        Announcement storage resource = resources[message.resourceId];
        require(resource.provider != address(0), "unknown");
        require(block.timestamp < resource.endTime, "ended");
        Allocation[] storage earlier = _allocations[message.resourceId];
        uint256 left = resource.volume;
        for (uint256 i = 0; i < earlier.length; ++i) {
            require(earlier[i].id != id, "recorded");
            left -= earlier[i].volume;
        }
        require(message.volume <= left, "capacity");
        earlier.push(Allocation(id, message.requester, message.volume, message.timestamp));
        emit Allocated(id, message, signature);
    }
}
