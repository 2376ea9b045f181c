// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, Requester} from "../../contracts/interfaces/IRegistry.sol";
import {ReferenceLedger} from "../utils/ReferenceLedger.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";
import {RegistryHandler} from "./RegistryHandler.sol";

/// @notice Whatever is sent, good or bad, alone or in batches: the registry does what the slow
/// ledger does, which keeps every allocation.
contract RegistryInvariantTest is RegistryBase {
    ReferenceLedger internal ledger;
    RegistryHandler internal handler;

    function setUp() public override {
        super.setUp();
        ledger = new ReferenceLedger(address(registry), registry.networkId());
        handler = new RegistryHandler(registry, ledger);
        targetContract(address(handler));
    }

    /// @dev No slot of any resource is ever over its volume, and each is what all allocations sum
    /// up to.
    function invariant_NoSlotIsOverItsVolume() public view {
        for (uint256 r = 0; r < handler.RESOURCES(); ++r) {
            bytes32 resourceId = handler.resourceIds(r);
            uint16[] memory used = registry.usedOf(resourceId, 0, uint16(handler.SLOTS()));
            for (uint256 slot = 0; slot < used.length; ++slot) {
                assertLe(used[slot], handler.VOLUME(), "used above volume");
                assertEq(used[slot], ledger.usedAt(resourceId, slot), "used is not the sum");
            }
        }
    }

    /// @dev Also holds that batches and singles, and refused items, leave the same records.
    function invariant_LogIsThatOfTheReference() public view {
        assertEq(registry.size(), ledger.size(), "size");
        assertEq(registry.root(), ledger.root(), "root");
    }

    function invariant_RequestersAreThoseOfTheReference() public view {
        for (uint256 i = 0; i < handler.REQUESTERS(); ++i) {
            address requester = vm.addr(handler.keyOf(i));
            Requester memory kept = registry.requesterOf(requester);
            assertEq(kept.highest, ledger.highestOf(requester), "highest");
            assertEq(kept.lastIndex, ledger.lastOf(requester), "last index");
            if (kept.highest != 0) {
                assertEq(kept.bitmap, ledger.bitmapOf(requester), "bitmap");
            }
        }
    }

    /// @dev The handler would be useless if nothing were accepted, or nothing refused.
    function test_HandlerReachesBothSides() public {
        for (uint256 i = 0; i < 200; ++i) {
            handler.request(uint256(keccak256(abi.encode("seed", i))));
        }
        assertGt(handler.accepted(), 20, "accepted");
        assertGt(handler.refused(), 20, "refused");
        invariant_NoSlotIsOverItsVolume();
        invariant_LogIsThatOfTheReference();
        invariant_RequestersAreThoseOfTheReference();
    }
}
