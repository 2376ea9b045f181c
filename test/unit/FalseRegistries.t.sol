// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, IRegistry, Request} from "../../contracts/interfaces/IRegistry.sol";
// compiled whatever tests are chosen
import {Deploy} from "../utils/Deploy.sol";
import {FalseRegistry1} from "../utils/FalseRegistries.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";

/// @notice Each false registry takes what the honest one refuses, and nothing else: the validators'
/// tests stand on that.
contract FalseRegistriesTest is RegistryBase {
    function test_FalseRegistry1_TakesForgedRequest() public {
        registry = Deploy.falseRegistry(1, config());
        Request memory message = ask(announced());
        bytes memory forged = sign(providerKey, registry.requestId(message));
        registry.request(message, forged);
        assertEq(registry.size(), 3, "forged request not taken");
        _requireOtherChecks(message.resourceId, 1);
    }

    function test_FalseRegistry2_TakesForgedAnnouncementAndUnknownResource() public {
        registry = Deploy.falseRegistry(2, config());
        Announcement memory message = offer();
        bytes memory forged = sign(requesterKey, registry.announcementId(message));
        bytes32 resourceId = registry.announce(message, forged);
        assertEq(registry.size(), 2, "forged announcement not taken");
        Request memory unknown = ask(keccak256("nobody announced this"));
        registry.request(unknown, signed(unknown));
        assertEq(registry.size(), 3, "unknown resource not taken");
        _requireOtherChecks(resourceId, 2);
    }

    function test_FalseRegistry3_TakesSequenceTwice() public {
        registry = Deploy.falseRegistry(3, config());
        Request memory message = ask(announced());
        registry.request(message, signed(message));
        registry.request(message, signed(message));
        assertEq(registry.size(), 4, "sequence not taken twice");
        _requireOtherChecks(message.resourceId, 3);
    }

    function test_FalseRegistry4_TakesStaleRequest() public {
        registry = Deploy.falseRegistry(4, config());
        Request memory message = ask(announced());
        vm.warp(NOW + 2 * SLOT);
        registry.request(message, signed(message));
        assertEq(registry.size(), 3, "stale request not taken");
        _requireOtherChecks(message.resourceId, 4);
    }

    function test_FalseRegistry5_TakesMoreThanIsLeft() public {
        registry = Deploy.falseRegistry(5, config());
        Request memory message = ask(announced());
        message.volume = VOLUME + 1;
        registry.request(message, signed(message));
        assertEq(registry.usedOf(message.resourceId, 0, 1)[0], VOLUME + 1, "used");
        _requireOtherChecks(message.resourceId, 5);
    }

    /// @dev The checks that this registry does not skip still hold.
    function _requireOtherChecks(bytes32 resourceId, uint256 skipped) private {
        Request memory message = ask(resourceId);
        message.sequence = 100;
        if (skipped != 1) {
            bytes memory forged = sign(0xbad, registry.requestId(message));
            vm.expectPartialRevert(IRegistry.RequesterSignatureInvalid.selector);
            registry.request(message, forged);
        }
        message.sequence = 1000;
        if (skipped != 3) {
            expectRefused(message, IRegistry.SequenceOutsideWindow.selector, 1000, _highest());
        }
        message.sequence = 100;
        message.timestamp = uint64(block.timestamp - 301);
        if (skipped != 4) {
            expectRefused(
                message,
                IRegistry.TimestampOutsideDrift.selector,
                message.timestamp,
                block.timestamp
            );
        }
        message.timestamp = uint64(block.timestamp);
        message.volume = 100;
        message.startTime += 20 * SLOT;
        message.endTime += 20 * SLOT;
        if (skipped != 5) {
            expectRefused(message, IRegistry.CapacityExceeded.selector, 100, VOLUME);
        }
    }

    function _highest() private view returns (uint256) {
        return registry.requesterOf(requester).highest;
    }
}
