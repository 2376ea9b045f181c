// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Request, SignedRequest} from "../../contracts/interfaces/IRegistry.sol";
import {PackedBase, PackedGroup} from "../utils/PackedBase.sol";

/// @notice A log of 2^63 records and more: whatever earlier appends left in storage, and however
/// many peaks a batch merges, packed and readable items leave the same records. Indexes take all of
/// their 64 bits, in words next to other fields.
contract AttackHugeLogTest is PackedBase {
    uint256 private constant APPROVER_KEY = 0xa9903;

    bytes32 private resourceId;

    function setUp() public override {
        super.setUp();
        resourceId = announced();
    }

    /// forge-config: default.fuzz.runs = 300
    /// forge-config: lite.fuzz.runs = 30
    /// @dev Records are appended where the size has many trailing ones: up to 63 peaks are merged,
    /// some from storage, some from the batch itself.
    function testFuzz_requestPacked_NeverDiffersFromSingles_WhenTheLogIsHuge(
        uint256 size,
        uint256 ones,
        uint256 seed
    ) public {
        _grow(bound(size, 1 << 20, 1 << 63) | ((1 << bound(ones, 2, 62)) - 3), seed);
        PackedGroup[] memory groups = new PackedGroup[](3);
        groups[0] = _group(seed, 1);
        groups[1] = _group(seed >> 8, 4);
        groups[1].carried = true;
        groups[1].announcement = offer();
        groups[1].announcement.approver = vm.addr(APPROVER_KEY);
        groups[1].providerSignature = signed(groups[1].announcement);
        bytes32 id = registry.announcementId(groups[1].announcement);
        for (uint256 i = 0; i < groups[1].items.length; ++i) {
            Request memory message = groups[1].items[i].request;
            message.resourceId = id;
            bytes memory second = sign(APPROVER_KEY, registry.requestId(message));
            groups[1].items[i].signatures = bytes.concat(signed(message), second);
        }
        groups[2] = _group(seed >> 16, 7);
        assertSameAsSingles(groups);
    }

    function testFuzz_requestMany_NeverDiffersFromSingles_WhenTheLogIsHuge(
        uint256 size,
        uint256 ones,
        uint256 seed
    ) public {
        _grow(bound(size, 1 << 20, 1 << 63) | ((1 << bound(ones, 2, 62)) - 3), seed);
        SignedRequest[] memory items = _group(seed, 1).items;
        uint256 before = vm.snapshotState();
        for (uint256 i = 0; i < items.length; ++i) {
            registry.request(items[i].request, items[i].signatures);
        }
        (bytes32 root, uint64 length) = (registry.root(), registry.size());
        assertTrue(vm.revertToState(before), "taken back");
        registry.requestMany(items);
        assertEq(registry.size(), length, "size");
        assertEq(registry.root(), root, "root");
    }

    /// @dev Three requests that are fine.
    function _group(uint256 seed, uint64 sequence) private view returns (PackedGroup memory group) {
        group.timestamp = uint64(NOW) - 5;
        group.items = new SignedRequest[](3);
        for (uint64 i = 0; i < 3; ++i) {
            Request memory message = ask(resourceId);
            (message.volume, message.sequence) = (1, sequence + i);
            message.startTime += uint64(seed % 20) * SLOT;
            message.endTime = message.startTime + uint64(1 + (seed >> 5) % 30) * SLOT;
            message.timestamp = uint64(NOW) - i;
            group.items[i] = item(message);
        }
    }

    /// @dev Peaks are invented, also those at heights where the size has none.
    function _grow(uint256 size, uint256 seed) private {
        vm.store(address(registry), 0, bytes32(size));
        for (uint256 height = 0; height < 64; ++height) {
            bytes32 peak = keccak256(abi.encode(seed, height));
            vm.store(address(registry), bytes32(1 + height), peak);
        }
    }
}
