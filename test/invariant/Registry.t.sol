// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Requester, Resource} from "../../contracts/interfaces/IRegistry.sol";
import {ReferenceLedger} from "../utils/ReferenceLedger.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";
import {RegistryHandler} from "./RegistryHandler.sol";

/// @notice Whatever is sent, good or bad, alone or in batches: the registry does what the plain
/// ledger does, which keeps every allocation.
contract RegistryInvariantTest is RegistryBase {
    ReferenceLedger internal ledger;
    RegistryHandler internal handler;

    function setUp() public override {
        super.setUp();
        ledger = new ReferenceLedger(address(registry), registry.networkId());
        handler = new RegistryHandler(registry, ledger);
        targetContract(address(handler));
        targetSelector(FuzzSelector(address(handler), _actions()));
    }

    /// @dev One function, so that each call of the handler serves all of these. Many short runs: the
    /// plain ledger walks through everything that was ever allocated. 2^20 calls at night.
    /// forge-config: deep.invariant.runs = 16384
    /// forge-config: deep.invariant.depth = 64
    /// forge-config: deep.invariant.check_interval = 64
    function invariant_RegistryIsThePlainLedger() public view {
        _requireSameLog();
        _requireNoSlotOverItsVolume();
        _requireSameResources();
        _requireSameRequesters();
        _requireSameReleases();
    }

    /// @dev The handler would be useless if nothing were accepted, or nothing refused.
    function test_HandlerReachesEverything() public {
        bytes4[] memory actions = _actions();
        for (uint256 i = 0; i < 260; ++i) {
            bytes32 seed = keccak256(abi.encode("seed", i));
            (bool done, bytes memory reason) =
                address(handler).call(abi.encodePacked(actions[i % actions.length], seed));
            assertTrue(done, string(reason));
        }
        assertGt(handler.allocations(), 30, "allocations");
        assertGt(handler.refused(), 50, "refused");
        assertGt(handler.withdrawals(), 5, "withdrawals");
        assertGt(handler.releases(), 5, "releases");
        invariant_RegistryIsThePlainLedger();
    }

    /* WHAT HOLDS */

    /// @dev Records commit to every calendar word and requester's word that they write. Also says
    /// that batches and singles leave the same records, and refused items none.
    function _requireSameLog() private view {
        assertEq(registry.size(), ledger.size(), "size");
        assertEq(registry.root(), ledger.root(), "root");
    }

    /// @dev Used volume is what all allocations sum up to, without what was given back.
    function _requireNoSlotOverItsVolume() private view {
        uint256 slots = handler.SLOTS();
        uint256[] memory sums = _sums(slots);
        for (uint256 r = 0; r < handler.RESOURCES(); ++r) {
            bytes32 resourceId = ledger.idOf(handler.offer(r));
            uint16[] memory used = registry.usedOf(resourceId, 0, uint16(slots));
            for (uint256 slot = 0; slot < slots; ++slot) {
                assertLe(used[slot], handler.VOLUME(), "used above volume");
                assertEq(used[slot], sums[r * slots + slot], "used is not the sum");
            }
        }
    }

    function _requireSameResources() private view {
        for (uint256 r = 0; r < handler.RESOURCES(); ++r) {
            bytes32 resourceId = ledger.idOf(handler.offer(r));
            Resource memory kept = registry.resourceOf(resourceId);
            bool recorded = handler.recorded(resourceId);
            assertEq(kept.index, ledger.indexOf(resourceId), "index");
            assertEq(kept.index != 0, recorded, "recorded");
            assertEq(kept.withdrawn, handler.closed(resourceId), "withdrawn");
            assertEq(kept.volume, recorded ? handler.VOLUME() : 0, "a tombstone has no terms");
            address approver = recorded ? handler.offer(r).approver : address(0);
            assertEq(registry.approverOf(resourceId), approver, "approver");
            assertEq(kept.hasApprover, approver != address(0), "flag of the approver");
        }
    }

    function _requireSameRequesters() private view {
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

    function _requireSameReleases() private view {
        uint64 size = registry.size();
        for (uint64 index = 0; index < size + 2; ++index) {
            assertEq(registry.isReleased(index), ledger.released(index), "released");
            assertEq(registry.isReleased(index), handler.given(index), "given back");
        }
    }

    /// @dev What is held of each slot of each resource, in one pass over all allocations.
    function _sums(uint256 slots) private view returns (uint256[] memory sums) {
        bytes32[] memory ids = new bytes32[](handler.RESOURCES());
        for (uint256 r = 0; r < ids.length; ++r) {
            ids[r] = ledger.idOf(handler.offer(r));
        }
        sums = new uint256[](ids.length * slots);
        for (uint256 i = 0; i < handler.allocations(); ++i) {
            (bytes32 resourceId, uint256 first, uint256 count, uint16 volume,) = ledger.bookings(i);
            uint256 r = 0;
            while (ids[r] != resourceId) ++r;
            for (uint256 slot = first; slot < first + count; ++slot) {
                sums[r * slots + slot] += volume;
            }
        }
    }

    function _actions() private pure returns (bytes4[] memory actions) {
        actions = new bytes4[](13);
        actions[0] = RegistryHandler.announce.selector;
        actions[1] = RegistryHandler.announceMany.selector;
        actions[2] = RegistryHandler.request.selector;
        actions[3] = RegistryHandler.requestMany.selector;
        actions[4] = RegistryHandler.announceAndRequest.selector;
        actions[5] = RegistryHandler.requestPacked.selector;
        actions[6] = RegistryHandler.release.selector;
        actions[7] = RegistryHandler.releaseMany.selector;
        actions[8] = RegistryHandler.releasePacked.selector;
        actions[9] = RegistryHandler.withdraw.selector;
        actions[10] = RegistryHandler.withdrawMany.selector;
        actions[11] = RegistryHandler.pass.selector;
        actions[12] = RegistryHandler.request.selector;
    }
}
