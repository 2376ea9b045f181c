// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Parameters, Writer} from "../../contracts/interfaces/INetwork.sol";
import {
    Announcement,
    IRegistry,
    RegistryConfig,
    Release,
    Request,
    SignedAnnouncement,
    SignedRequest,
    Withdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {Deploy} from "./Deploy.sol";
import {Test} from "forge-std/Test.sol";

/// @notice A registry, a provider, a requester, and messages that are fine until a test bends them.
abstract contract RegistryBase is Test {
    uint256 internal constant NOW = 1_800_000_000;
    uint32 internal constant SLOT = 3600;
    uint64 internal constant SLOTS = 400;
    uint16 internal constant VOLUME = 8;
    address internal constant ANCHOR = address(0xa17c40);
    uint256 internal constant ANCHOR_CHAIN = 1;

    IRegistry internal registry;
    uint256 internal providerKey = 0x9001;
    uint256 internal requesterKey = 0x9002;
    address internal provider;
    address internal requester;

    function setUp() public virtual {
        vm.warp(NOW);
        provider = vm.addr(providerKey);
        requester = vm.addr(requesterKey);
        registry = Deploy.registry(config());
    }

    /* WHAT IS FINE */

    function parameters() internal pure returns (Parameters memory) {
        return Parameters({
            random: keccak256("random"),
            checkpointInterval: 4,
            heartbeat: 64,
            challengePeriod: 3600,
            queryDeadline: 86_400,
            ringSize: 64,
            writers: new Writer[](0)
        });
    }

    function config() internal pure returns (RegistryConfig memory) {
        return RegistryConfig({
            anchorChainId: ANCHOR_CHAIN,
            anchor: ANCHOR,
            parameters: parameters(),
            parentNetwork: 0,
            parentCheckpoint: 0,
            parentSize: 0
        });
    }

    function offer() internal view returns (Announcement memory) {
        return Announcement({
            provider: provider,
            approver: address(0),
            volume: VOLUME,
            startTime: uint64(NOW),
            endTime: uint64(NOW + SLOTS * SLOT),
            slotSeconds: SLOT,
            noticeSeconds: 600,
            timestamp: uint64(NOW - 86_400),
            offer: keccak256("offer")
        });
    }

    function ask(bytes32 resourceId) internal view returns (Request memory) {
        return Request({
            resourceId: resourceId,
            requester: requester,
            volume: 3,
            startTime: uint64(NOW),
            endTime: uint64(NOW + SLOT),
            timestamp: uint64(NOW),
            sequence: 1
        });
    }

    /// @dev Gives back all of a request's slots, or those from `fromTime` on.
    function giveBack(Request memory message, uint64 fromTime)
        internal
        view
        returns (Release memory)
    {
        bytes32 id = registry.requestId(message);
        return
            Release({requestId: id, fromTime: fromTime, timestamp: uint64(vm.getBlockTimestamp())});
    }

    function close(Announcement memory announcement) internal view returns (Withdrawal memory) {
        bytes32 id = registry.announcementId(announcement);
        return Withdrawal({resourceId: id, timestamp: uint64(vm.getBlockTimestamp())});
    }

    function announced() internal returns (bytes32 resourceId) {
        Announcement memory message = offer();
        return registry.announce(message, signed(message));
    }

    /* SIGNATURES */

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(key, digest);
        return abi.encodePacked(r, vs);
    }

    function signed(Announcement memory message) internal view returns (bytes memory) {
        return sign(providerKey, registry.announcementId(message));
    }

    function signed(Request memory message) internal view returns (bytes memory) {
        return sign(requesterKey, registry.requestId(message));
    }

    function signed(Release memory message) internal view returns (bytes memory) {
        return sign(requesterKey, registry.releaseId(message));
    }

    function signed(Withdrawal memory message) internal view returns (bytes memory) {
        return sign(providerKey, registry.withdrawalId(message));
    }

    function item(Request memory message) internal view returns (SignedRequest memory) {
        return SignedRequest(message, signed(message));
    }

    function item(Announcement memory message) internal view returns (SignedAnnouncement memory) {
        return SignedAnnouncement(message, signed(message));
    }

    /* EXPECTATIONS */

    /// @dev Error of a refusal: selector, got, want.
    function refusal(bytes4 selector, uint256 got, uint256 want)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(selector, got, want);
    }

    function refusal(bytes4 selector, address got, address want)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(selector, got, want);
    }

    function expectRefused(Request memory message, bytes4 selector, uint256 got, uint256 want)
        internal
    {
        bytes memory signatures = signed(message);
        vm.expectRevert(refusal(selector, got, want));
        registry.request(message, signatures);
    }

    function expectRefused(Announcement memory message, bytes4 selector, uint256 got, uint256 want)
        internal
    {
        bytes memory signatures = signed(message);
        vm.expectRevert(refusal(selector, got, want));
        registry.announce(message, signatures);
    }

    /* EVENTS, as plain `emit` writes them */

    function expectAnnounced(Announcement memory message, bytes memory signatures, uint64 index)
        internal
    {
        bytes memory terms = abi.encodePacked(
            message.provider, message.volume, message.slotSeconds, message.noticeSeconds, uint16(0)
        );
        bytes memory times =
            abi.encodePacked(message.startTime, message.endTime, message.timestamp, index);
        (bytes32 r, bytes32 vs) = abi.decode(signatures, (bytes32, bytes32));
        bytes32 id = registry.announcementId(message);
        vm.expectEmit(address(registry));
        emit IRegistry.ResourceAnnounced(
            id, _word(terms), _word(times), message.approver, message.offer, r, vs
        );
    }

    function expectAllocated(Request memory message, bytes memory signatures, uint64 index)
        internal
    {
        bytes memory terms = abi.encodePacked(
            message.requester, message.sequence, message.volume, uint16(0)
        );
        bytes memory times =
            abi.encodePacked(message.startTime, message.endTime, message.timestamp, index);
        (bytes32 r, bytes32 vs) = abi.decode(signatures, (bytes32, bytes32));
        vm.expectEmit(address(registry));
        emit IRegistry.VolumeAllocated(message.resourceId, _word(terms), _word(times), r, vs);
    }

    function expectApproved(uint64 index, bytes memory signature) internal {
        (bytes32 r, bytes32 vs) = abi.decode(signature, (bytes32, bytes32));
        vm.expectEmit(address(registry));
        emit IRegistry.VolumeApproved(index, r, vs);
    }

    function expectReleased(
        bytes32 resourceId,
        Release memory message,
        bytes memory signature,
        uint64 allocation,
        uint64 index
    ) internal {
        bytes memory times = abi.encodePacked(
            allocation, message.fromTime, message.timestamp, index
        );
        (bytes32 r, bytes32 vs) = abi.decode(signature, (bytes32, bytes32));
        vm.expectEmit(address(registry));
        emit IRegistry.VolumeReleased(resourceId, _word(times), r, vs);
    }

    function expectWithdrawn(
        Withdrawal memory message,
        Announcement memory announcement,
        bytes memory signature,
        uint64 index
    ) internal {
        (bytes32 r, bytes32 vs) = abi.decode(signature, (bytes32, bytes32));
        vm.expectEmit(address(registry));
        emit IRegistry.WithdrawalRecorded(
            message.resourceId, index, message.timestamp, announcement, r, vs
        );
    }

    function _word(bytes memory packed) private pure returns (uint256) {
        return abi.decode(packed, (uint256));
    }
}
