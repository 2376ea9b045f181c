// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Refusal,
    Request,
    SignedAnnouncement,
    SignedRequest
} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalLib} from "../../contracts/libraries/RefusalLib.sol";
import {ReferenceLedger} from "../utils/ReferenceLedger.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Sends random messages, most of them nearly right, to the registry and to the reference,
/// and compares the answers.
contract RegistryHandler is Test {
    uint256 public constant RESOURCES = 3;
    uint256 public constant REQUESTERS = 3;
    uint256 public constant SLOTS = 40;
    uint16 public constant VOLUME = 9;
    uint256 internal constant PROVIDER_KEY = 0x9001;

    IRegistry public immutable registry;
    ReferenceLedger public immutable ledger;
    uint64 internal immutable _start;
    bytes32[] public resourceIds;
    uint256 public accepted;
    uint256 public refused;

    constructor(IRegistry registry_, ReferenceLedger ledger_) {
        registry = registry_;
        ledger = ledger_;
        _start = uint64(block.timestamp);
        for (uint256 i = 0; i < RESOURCES; ++i) {
            SignedAnnouncement memory item = _announcement(i, VOLUME);
            resourceIds.push(registry.announce(item.announcement, item.signatures));
            ledger.announce(item.announcement, item.signatures);
        }
    }

    /* ACTIONS */

    function request(uint256 seed) external {
        SignedRequest memory item = _request(seed);
        Refusal memory refusal = ledger.request(item.request, item.signatures);
        _count(refusal);
        if (refusal.code != 0) {
            vm.expectRevert(_errorOf(refusal));
        }
        registry.request(item.request, item.signatures);
    }

    function requestMany(uint256 seed) external {
        SignedRequest[] memory items = new SignedRequest[](seed % 8);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = _request(uint256(keccak256(abi.encode(seed, i))));
        }
        registry.requestMany(items);
        for (uint256 i = 0; i < items.length; ++i) {
            _count(ledger.request(items[i].request, items[i].signatures));
        }
    }

    function announce(uint256 seed) external {
        SignedAnnouncement memory item = _announcement(seed % 50, uint16(seed % 3));
        Refusal memory refusal = ledger.announce(item.announcement, item.signatures);
        if (refusal.code != 0) vm.expectRevert(_errorOf(refusal));
        registry.announce(item.announcement, item.signatures);
    }

    function announceMany(uint256 seed) external {
        SignedAnnouncement[] memory items = new SignedAnnouncement[](seed % 6);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = _announcement(seed % 50 + i, uint16((seed + i) % 3));
        }
        registry.announceMany(items);
        for (uint256 i = 0; i < items.length; ++i) {
            ledger.announce(items[i].announcement, items[i].signatures);
        }
    }

    function pass(uint256 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 30);
    }

    /* MESSAGES */

    function keyOf(uint256 number) public pure returns (uint256) {
        return 0x7000 + number;
    }

    function _announcement(uint256 number, uint16 volume)
        private
        view
        returns (SignedAnnouncement memory)
    {
        Announcement memory message = Announcement({
            provider: vm.addr(PROVIDER_KEY),
            approver: address(0),
            volume: volume,
            startTime: _start,
            endTime: uint64(_start + SLOTS * _slotSeconds(number)),
            slotSeconds: _slotSeconds(number),
            noticeSeconds: 0,
            timestamp: _start,
            offer: keccak256(abi.encode(number))
        });
        return SignedAnnouncement(message, _sign(PROVIDER_KEY, ledger.idOf(message)));
    }

    /// @dev Fields are drawn so that about half of the requests are fine as long as there is room.
    function _request(uint256 seed) private view returns (SignedRequest memory) {
        uint256 r = _draw(seed, "resource", RESOURCES);
        uint256 key = keyOf(_draw(seed, "requester", REQUESTERS));
        address requester = vm.addr(key);
        uint256 first = _draw(seed, "first", SLOTS);
        uint256 count = 1 + _draw(seed, "count", 20);
        uint256 offset = _draw(seed, "off", 40) == 0 ? 1 : 0;
        Request memory message = Request({
            resourceId: _draw(seed, "unknown", 40) == 0 ? bytes32(seed) : resourceIds[r],
            requester: requester,
            volume: uint16(_draw(seed, "volume", 4)),
            startTime: uint64(_start + first * _slotSeconds(r) + offset),
            endTime: uint64(_start + (first + count) * _slotSeconds(r)),
            timestamp: uint64(block.timestamp + _draw(seed, "drift", 610) - 305),
            sequence: _sequence(seed, requester)
        });
        if (_draw(seed, "forged", 30) == 0) key = PROVIDER_KEY;
        return SignedRequest(message, _sign(key, ledger.idOf(message)));
    }

    /// @dev Around the highest seen, mostly above it.
    function _sequence(uint256 seed, address requester) private view returns (uint64) {
        uint256 highest = ledger.highestOf(requester);
        uint256 step = _draw(seed, "step", 20);
        if (step == 0) return uint64(highest + _draw(seed, "far", 140));
        if (step == 1) return uint64(highest - _draw(seed, "near", highest + 1));
        return uint64(highest + step - 1);
    }

    function _slotSeconds(uint256 number) private pure returns (uint32) {
        return uint32(600 + 60 * (number % RESOURCES));
    }

    function _draw(uint256 seed, string memory what, uint256 bound) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what))) % bound;
    }

    function _sign(uint256 key, bytes32 id) private pure returns (bytes memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(key, id);
        return abi.encodePacked(r, vs);
    }

    function _errorOf(Refusal memory refusal) private pure returns (bytes memory) {
        return
            abi.encodeWithSelector(RefusalLib.selectorOf(refusal.code), refusal.got, refusal.want);
    }

    function _count(Refusal memory refusal) private {
        if (refusal.code == 0) ++accepted;
        else ++refused;
    }
}
