// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Release,
    Request,
    SignedAnnouncement,
    SignedRelease,
    SignedRequest,
    SignedWithdrawal,
    Withdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {ReferenceLedger} from "../utils/ReferenceLedger.sol";
import {Test} from "forge-std/Test.sol";

/// @notice An allocation, whose it is, and the number of its resource.
struct Held {
    uint64 index;
    uint256 key;
    uint256 number;
    Request request;
}

/// @notice Draws random messages from seeds, most of them nearly right.
abstract contract RegistryMessages is Test {
    /// @dev Announcements that requests are for; the first three are recorded from the beginning.
    uint256 public constant RESOURCES = 6;
    /// @dev Announcements that are recorded and withdrawn; those above the first ones only that.
    uint256 internal constant OFFERS = 40;
    uint256 public constant REQUESTERS = 3;
    uint256 public constant SLOTS = 40;
    uint16 public constant VOLUME = 9;
    uint256 internal constant PROVIDER_KEY = 0x9001;
    uint256 internal constant APPROVER_KEY = 0x9002;

    IRegistry public immutable registry;
    ReferenceLedger public immutable ledger;
    uint64 internal immutable _start;
    address private immutable _provider = vm.addr(PROVIDER_KEY);
    address private immutable _approver = vm.addr(APPROVER_KEY);

    constructor(IRegistry registry_, ReferenceLedger ledger_) {
        registry = registry_;
        ledger = ledger_;
        _start = uint64(block.timestamp);
    }

    function keyOf(uint256 number) public pure returns (uint256) {
        return 0x7000 + number;
    }

    /* ANNOUNCEMENTS */

    /// @notice Every third names an approver, some offer nothing and can never be recorded.
    function offer(uint256 number) public view returns (Announcement memory) {
        return Announcement({
            provider: _provider,
            approver: number % 3 == 1 ? _approver : address(0),
            volume: number % 8 == 7 ? 0 : VOLUME,
            startTime: _start,
            endTime: uint64(_start + SLOTS * _slotSeconds(number)),
            slotSeconds: _slotSeconds(number),
            noticeSeconds: uint32(600 * (number % 3)),
            timestamp: _start,
            offer: keccak256(abi.encode(number))
        });
    }

    function _announcement(uint256 number, bool forged)
        internal
        view
        returns (SignedAnnouncement memory)
    {
        Announcement memory message = offer(number);
        uint256 key = forged ? APPROVER_KEY : PROVIDER_KEY;
        return SignedAnnouncement(message, _sign(key, ledger.idOf(message)));
    }

    function _slotSeconds(uint256 number) internal pure returns (uint32) {
        return uint32(600 + 60 * (number % 3));
    }

    /* REQUESTS */

    /// @dev Fields are drawn so that about half of the requests are fine as long as there is room.
    function _ask(uint256 seed, uint256 number) internal view returns (Held memory held) {
        held.number = number;
        held.key = keyOf(_draw(seed, "requester", REQUESTERS));
        address requester = vm.addr(held.key);
        uint256 first = _draw(seed, "first", SLOTS);
        uint256 count = 1 + _draw(seed, "count", 14);
        bool unknown = _draw(seed, "unknown", 40) == 0;
        held.request = Request({
            resourceId: unknown ? bytes32(seed) : ledger.idOf(offer(number)),
            requester: requester,
            volume: uint16(_draw(seed, "volume", 5)),
            startTime: _start + uint64(first * _slotSeconds(number) + _oneIn(seed, "off", 40)),
            endTime: _start + uint64((first + count) * _slotSeconds(number)),
            timestamp: uint64(block.timestamp + _draw(seed, "drift", 610) - 305),
            sequence: _sequence(seed, requester)
        });
    }

    /// @dev Around the highest seen, mostly above it.
    function _sequence(uint256 seed, address requester) private view returns (uint64) {
        uint256 highest = ledger.highestOf(requester);
        uint256 step = _draw(seed, "step", 20);
        if (step == 0) return uint64(highest + _draw(seed, "far", 140));
        if (step == 1) return uint64(highest - _draw(seed, "near", highest + 1));
        return uint64(highest + step - 1);
    }

    /// @dev With as many signatures as the resource needs, mostly, and by the right ones, mostly.
    function _signed(uint256 seed, Held memory held) internal view returns (SignedRequest memory) {
        return _signed(seed, held, _isApproved(seed, held.number));
    }

    function _signed(uint256 seed, Held memory held, bool approved)
        internal
        view
        returns (SignedRequest memory)
    {
        bytes32 id = ledger.idOf(held.request);
        uint256 key = _oneIn(seed, "forged", 30) == 1 ? PROVIDER_KEY : held.key;
        bytes memory signatures = _sign(key, id);
        if (approved) {
            key = _oneIn(seed, "unapproved", 20) == 1 ? PROVIDER_KEY : APPROVER_KEY;
            signatures = bytes.concat(signatures, _sign(key, id));
        }
        return SignedRequest(held.request, signatures);
    }

    function _isApproved(uint256 seed, uint256 number) internal pure returns (bool) {
        return (number % 3 == 1) != (_oneIn(seed, "count of signatures", 20) == 1);
    }

    /* RELEASES */

    /// @dev What is bent makes the path wrong too, so that nothing in a batch can lean on it.
    /// @return item the release
    /// @return sound whether its path is right
    function _release(uint256 seed, Held memory held)
        internal
        view
        returns (SignedRelease memory item, bool sound)
    {
        uint256 slotSeconds = _slotSeconds(held.number);
        uint256 slots = (held.request.endTime - held.request.startTime) / slotSeconds;
        uint256 from = _draw(seed, "from", 4) == 0 ? _draw(seed, "slot", slots + 1) : 0;
        bytes32 id = ledger.idOf(held.request);
        item.release = Release({
            requestId: _oneIn(seed, "other", 40) == 1 ? ~id : id,
            fromTime: held.request.startTime + uint64(from * slotSeconds + _oneIn(seed, "off", 40)),
            timestamp: uint64(block.timestamp + _draw(seed, "drift", 606) - 303)
        });
        uint256 key = _oneIn(seed, "forged", 30) == 1 ? PROVIDER_KEY : held.key;
        item.signatures = _sign(key, ledger.idOf(item.release));
        item.record = ledger.recordAt(held.index);
        item.path = ledger.pathOf(held.index);
        sound = _oneIn(seed, "bent", 15) == 0;
        if (!sound) _bend(seed, item);
    }

    /// @dev Changes a bit of the record, or a node, or the length of the path.
    function _bend(uint256 seed, SignedRelease memory item) private pure {
        uint256 drawn = _draw(seed, "where", 238 * 8);
        if (drawn % 2 == 0) {
            item.record[drawn / 8] ^= bytes1(uint8(1 << (drawn % 8)));
        } else if (item.path.length != 0 && drawn % 4 == 1) {
            item.path[drawn % item.path.length] ^= bytes32(uint256(1));
        } else {
            item.path = new bytes32[](item.path.length + 1);
        }
    }

    /* WITHDRAWALS */

    function _withdrawal(uint256 seed) internal view returns (SignedWithdrawal memory item) {
        uint256 number = _draw(seed, "number", OFFERS);
        item.announcement = offer(number);
        item.withdrawal = Withdrawal(ledger.idOf(item.announcement), uint64(seed));
        if (_oneIn(seed, "other", 20) == 1) item.announcement = offer(number + 1);
        uint256 key = _oneIn(seed, "forged", 20) == 1 ? APPROVER_KEY : PROVIDER_KEY;
        item.signatures = _sign(key, ledger.idOf(item.withdrawal));
    }

    /* RANDOMNESS */

    function _draw(uint256 seed, string memory what, uint256 bound)
        internal
        pure
        returns (uint256)
    {
        return uint256(keccak256(abi.encode(seed, what))) % bound;
    }

    /// @dev 1 in one of `many` cases, else 0.
    function _oneIn(uint256 seed, string memory what, uint256 many)
        internal
        pure
        returns (uint256)
    {
        return _draw(seed, what, many) == 0 ? 1 : 0;
    }

    /// @dev The seed of item number `i`.
    function _seed(uint256 seed, uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i)));
    }

    function _sign(uint256 key, bytes32 id) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(key, id);
        return abi.encodePacked(r, vs);
    }
}
