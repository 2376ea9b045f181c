// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    Refusal,
    Request,
    SignedAnnouncement,
    SignedRelease,
    SignedRequest,
    SignedWithdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalLib} from "../../contracts/libraries/RefusalLib.sol";
import {ReferenceLedger} from "../utils/ReferenceLedger.sol";
import {RegistryBatches} from "./RegistryBatches.sol";
import {Held, RegistryMessages} from "./RegistryMessages.sol";

/// @notice Sends random messages, alone, in readable batches and in packed ones, to the registry and
/// to the plain ledger. Answers to single ones have to be the same, batches leave the same log.
///
/// Transitions that must not happen, each asserted where a message was accepted:
/// - withdrawn resource -> allocated (`_note`)
/// - withdrawn, or recorded -> recorded (`_noteAnnounced`)
/// - released allocation -> released (`_noteReleased`)
/// - withdrawn -> withdrawn (`_noteWithdrawn`)
contract RegistryHandler is RegistryBatches {
    /// @notice The plain ledger refuses what `first` was to apply, which takes back all of it.
    error Declined(Refusal refusal);

    mapping(bytes32 resourceId => bool) public recorded;
    mapping(bytes32 resourceId => bool) public closed;
    mapping(uint64 index => bool) public given;
    uint256 public accepted;
    uint256 public refused;
    uint256 public withdrawals;
    uint256 public releases;

    constructor(IRegistry registry_, ReferenceLedger ledger_) RegistryMessages(registry_, ledger_) {
        for (uint256 i = 0; i < 3; ++i) {
            _announce(_announcement(i, false));
        }
    }

    /// @notice Number of allocations.
    function allocations() external view returns (uint256) {
        return _held.length;
    }

    /* ACTIONS: announcements and requests */

    function announce(uint256 seed) external {
        _announce(_announcement(seed % OFFERS, _oneIn(seed, "forged", 20) == 1));
    }

    function announceMany(uint256 seed) external {
        SignedAnnouncement[] memory items = new SignedAnnouncement[](seed % 4);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = _announcement((seed % OFFERS) + i, _oneIn(seed, "forged", 20) == 1);
        }
        registry.announceMany(items);
        for (uint256 i = 0; i < items.length; ++i) {
            _announcedAs(items[i]);
        }
    }

    function request(uint256 seed) external {
        Held memory held = _ask(seed, seed % RESOURCES);
        SignedRequest memory item = _signed(seed, held);
        Refusal memory want = _requested(held, item);
        _send(abi.encodeCall(IRegistry.request, (item.request, item.signatures)), want);
    }

    function requestMany(uint256 seed) external {
        Held[] memory held = new Held[](seed % 5);
        SignedRequest[] memory items = new SignedRequest[](held.length);
        for (uint256 i = 0; i < items.length; ++i) {
            held[i] = _ask(_seed(seed, i), _draw(seed, "resource", RESOURCES));
            items[i] = _signed(_seed(seed, i), held[i]);
        }
        registry.requestMany(items);
        for (uint256 i = 0; i < items.length; ++i) {
            _requested(held[i], items[i]);
        }
    }

    function announceAndRequest(uint256 seed) external {
        Held memory held = _ask(seed, seed % RESOURCES);
        uint256 brought = _oneIn(seed, "other", 20) == 1 ? held.number + 1 : held.number;
        SignedAnnouncement memory own = _announcement(brought, _oneIn(seed, "forger", 20) == 1);
        SignedRequest memory item = _signed(seed, held);
        Refusal memory want = _requestedFirst(held, own, item);
        bytes memory signatures = bytes.concat(own.signatures, item.signatures);
        _send(
            abi.encodeCall(
                IRegistry.announceAndRequest, (own.announcement, item.request, signatures)
            ),
            want
        );
    }

    /// @dev Up to three groups, of one resource and one window each, some with their announcement.
    function requestPacked(uint256 seed) external {
        uint256 groups = seed % 4;
        Held[][] memory held = new Held[][](groups);
        SignedRequest[][] memory items = new SignedRequest[][](groups);
        SignedAnnouncement[] memory brought = new SignedAnnouncement[](groups);
        bytes memory batch;
        for (uint256 g = 0; g < groups; ++g) {
            (held[g], items[g], brought[g]) = _group(_seed(seed, g));
            batch = bytes.concat(batch, _packed(items[g], brought[g]));
        }
        registry.requestPacked(batch);
        for (uint256 g = 0; g < groups; ++g) {
            for (uint256 i = 0; i < items[g].length; ++i) {
                if (brought[g].signatures.length == 0) _requested(held[g][i], items[g][i]);
                else _requestedFirst(held[g][i], brought[g], items[g][i]);
            }
        }
    }

    /* ACTIONS: what gives back and what closes */

    function release(uint256 seed) external {
        if (_held.length == 0) return;
        Held memory held = _held[seed % _held.length];
        (SignedRelease memory item,) = _release(seed, held);
        Refusal memory want = _released(held, item);
        _send(
            abi.encodeCall(
                IRegistry.release, (item.release, item.signatures, item.record, item.path)
            ),
            want
        );
    }

    function releaseMany(uint256 seed) external {
        (Held[] memory held, SignedRelease[] memory items, bool[] memory sound) =
            _releases(seed, false);
        SignedRelease[] memory sent = _leaning(held, items, sound);
        registry.releaseMany(sent);
        _releasedAll(held, items, sound);
    }

    function releasePacked(uint256 seed) external {
        (Held[] memory held, SignedRelease[] memory items, bool[] memory sound) =
            _releases(seed, true);
        SignedRelease[] memory sent = _leaning(held, items, sound);
        bytes memory batch;
        for (uint256 i = 0; i < sent.length; ++i) {
            batch = bytes.concat(batch, _packed(sent[i]));
        }
        registry.releasePacked(batch);
        _releasedAll(held, items, sound);
    }

    function withdraw(uint256 seed) external {
        SignedWithdrawal memory item = _withdrawal(seed);
        Refusal memory want = _withdrawn(item);
        _send(
            abi.encodeCall(
                IRegistry.withdraw, (item.withdrawal, item.announcement, item.signatures)
            ),
            want
        );
    }

    function withdrawMany(uint256 seed) external {
        SignedWithdrawal[] memory items = new SignedWithdrawal[](seed % 3);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = _withdrawal(_seed(seed, i));
        }
        registry.withdrawMany(items);
        for (uint256 i = 0; i < items.length; ++i) {
            _withdrawn(items[i]);
        }
    }

    function pass(uint256 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 600);
    }

    /* THE PLAIN LEDGER */

    /// @dev Not an action. Applies both or neither.
    function first(
        Announcement memory announcement,
        Request memory message,
        bytes memory signatures
    ) external {
        Refusal memory refusal = ledger.announceAndRequest(announcement, message, signatures);
        if (refusal.code != 0) revert Declined(refusal);
    }

    function _announce(SignedAnnouncement memory item) private {
        Refusal memory want = _announcedAs(item);
        _send(abi.encodeCall(IRegistry.announce, (item.announcement, item.signatures)), want);
    }

    function _announcedAs(SignedAnnouncement memory item) private returns (Refusal memory want) {
        want = ledger.announce(item.announcement, item.signatures);
        if (_count(want)) _noteAnnounced(ledger.idOf(item.announcement));
    }

    function _requested(Held memory held, SignedRequest memory item)
        private
        returns (Refusal memory want)
    {
        want = ledger.request(item.request, item.signatures);
        if (_count(want)) _note(held);
    }

    function _requestedFirst(
        Held memory held,
        SignedAnnouncement memory own,
        SignedRequest memory item
    ) private returns (Refusal memory want) {
        bytes memory signatures = bytes.concat(own.signatures, item.signatures);
        uint256 before = ledger.size();
        try this.first(own.announcement, item.request, signatures) {}
        catch (bytes memory reason) {
            want = _declined(reason);
        }
        if (!_count(want)) return want;
        if (ledger.size() == before + 2) _noteAnnounced(item.request.resourceId);
        _note(held);
    }

    function _released(Held memory held, SignedRelease memory item)
        private
        returns (Refusal memory want)
    {
        want = ledger.release(item.release, item.signatures, item.record, item.path);
        if (_count(want)) _noteReleased(held);
    }

    /// @dev Their paths lead into the log as it is now: the plain ledger knows no other.
    function _releasedAll(Held[] memory held, SignedRelease[] memory items, bool[] memory sound)
        private
    {
        for (uint256 i = 0; i < items.length; ++i) {
            if (sound[i]) items[i].path = ledger.pathOf(held[i].index);
            _released(held[i], items[i]);
        }
    }

    function _withdrawn(SignedWithdrawal memory item) private returns (Refusal memory want) {
        want = ledger.withdraw(item.withdrawal, item.announcement, item.signatures);
        if (_count(want)) _noteWithdrawn(item.withdrawal.resourceId);
    }

    /* TRANSITIONS */

    function _noteAnnounced(bytes32 resourceId) private {
        assertFalse(recorded[resourceId], "recorded twice");
        assertFalse(closed[resourceId], "recorded although withdrawn");
        recorded[resourceId] = true;
    }

    function _note(Held memory held) private {
        assertTrue(recorded[held.request.resourceId], "allocated although unknown");
        assertFalse(closed[held.request.resourceId], "allocated although withdrawn");
        held.index = uint64(ledger.size() - 1);
        _held.push(held);
    }

    function _noteReleased(Held memory held) private {
        assertFalse(given[held.index], "released twice");
        given[held.index] = true;
        ++releases;
    }

    function _noteWithdrawn(bytes32 resourceId) private {
        assertFalse(closed[resourceId], "withdrawn twice");
        closed[resourceId] = true;
        ++withdrawals;
    }

    function _count(Refusal memory refusal) private returns (bool taken) {
        taken = refusal.code == 0;
        if (taken) ++accepted;
        else ++refused;
    }

    /* ANSWERS */

    /// @dev The registry takes it, or reverts with the error of the plain ledger's refusal.
    function _send(bytes memory message, Refusal memory want) private {
        (bool taken, bytes memory answer) = address(registry).call(message);
        assertEq(taken, want.code == 0, "taken");
        if (taken) return;
        bytes4 selector = RefusalLib.selectorOf(want.code);
        assertEq(answer, abi.encodeWithSelector(selector, want.got, want.want), "refusal");
    }

    function _declined(bytes memory reason) private pure returns (Refusal memory) {
        require(bytes4(reason) == Declined.selector, "the plain ledger broke");
        bytes memory arguments = new bytes(96);
        for (uint256 i = 0; i < 96; ++i) {
            arguments[i] = reason[4 + i];
        }
        return abi.decode(arguments, (Refusal));
    }
}
