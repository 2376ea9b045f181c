// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Request,
    SignedAnnouncement,
    SignedRelease,
    SignedRequest
} from "../../contracts/interfaces/IRegistry.sol";
import {Held, RegistryMessages} from "./RegistryMessages.sol";

/// @notice Draws batches, and packs them.
abstract contract RegistryBatches is RegistryMessages {
    /// @dev All allocations.
    Held[] internal _held;

    function _group(uint256 seed)
        internal
        view
        returns (
            Held[] memory held,
            SignedRequest[] memory items,
            SignedAnnouncement memory brought
        )
    {
        held = new Held[](1 + seed % 4);
        items = new SignedRequest[](held.length);
        uint256 number = _draw(seed, "number", RESOURCES);
        bool approved = _isApproved(seed, number);
        for (uint256 i = 0; i < items.length; ++i) {
            held[i] = _ask(_seed(seed, i), number);
            held[i].request.resourceId = held[0].request.resourceId;
            held[i].request.startTime = held[0].request.startTime;
            held[i].request.endTime = held[0].request.endTime;
            items[i] = _signed(_seed(seed, i), held[i], approved);
        }
        // one that brings its announcement can be for no other resource
        bool known = held[0].request.resourceId == ledger.idOf(offer(number));
        if (known && _draw(seed, "brought", 2) == 0) {
            brought = _announcement(number, _oneIn(seed, "forger", 20) == 1);
        }
    }

    /// @dev docs/protocol.md section 4.6. All timestamps are at most 305 seconds from now.
    function _packed(SignedRequest[] memory items, SignedAnnouncement memory brought)
        internal
        view
        returns (bytes memory group)
    {
        Request memory head = items[0].request;
        bool carried = brought.signatures.length != 0;
        uint8 kind = (items[0].signatures.length == 128 ? 1 : 0) + (carried ? 2 : 0);
        uint256 stamp = block.timestamp - 305;
        group = abi.encodePacked(
            kind,
            uint16(items.length),
            uint40(head.startTime),
            uint40(head.endTime),
            uint40(stamp),
            carried
                ? abi.encodePacked(abi.encode(brought.announcement), brought.signatures)
                : abi.encodePacked(head.resourceId)
        );
        for (uint256 i = 0; i < items.length; ++i) {
            Request memory message = items[i].request;
            uint16 delay = uint16(message.timestamp - stamp);
            group = abi.encodePacked(
                group,
                message.requester,
                message.volume,
                delay,
                message.sequence,
                items[i].signatures
            );
        }
    }

    /// @dev docs/protocol.md section 4.6.
    function _packed(SignedRelease memory item) internal pure returns (bytes memory) {
        return abi.encodePacked(
            item.release.fromTime,
            item.release.timestamp,
            item.signatures,
            item.record,
            uint8(item.path.length),
            item.path
        );
    }

    /// @dev A packed one names its request by the record, so that it cannot name another.
    function _releases(uint256 seed, bool packed)
        internal
        view
        returns (Held[] memory held, SignedRelease[] memory items, bool[] memory sound)
    {
        uint256 count = _held.length == 0 ? 0 : seed % 4;
        (held, items, sound) = (new Held[](count), new SignedRelease[](count), new bool[](count));
        for (uint256 i = 0; i < count; ++i) {
            held[i] = _held[_draw(_seed(seed, i), "held", _held.length)];
            (items[i], sound[i]) = _release(_seed(seed, i), held[i]);
            if (!packed) continue;
            items[i].release.requestId = ledger.idOf(ledger.requestIn(items[i].record));
            items[i].signatures = _sign(held[i].key, ledger.idOf(items[i].release));
        }
    }

    /// @dev Shortens each path that can lean on the one proven before it.
    function _leaning(Held[] memory held, SignedRelease[] memory items, bool[] memory sound)
        internal
        view
        returns (SignedRelease[] memory sent)
    {
        sent = new SignedRelease[](items.length);
        uint256 size = ledger.size();
        uint256 last = type(uint256).max;
        for (uint256 i = 0; i < items.length; ++i) {
            sent[i] = SignedRelease(
                items[i].release, items[i].signatures, items[i].record, items[i].path
            );
            if (!sound[i]) continue;
            uint256 index = held[i].index;
            uint256 fork = _height(index ^ last);
            if (last != index && fork < _height(index ^ size)) {
                sent[i].path = new bytes32[](fork);
                for (uint256 h = 0; h < fork; ++h) {
                    sent[i].path[h] = items[i].path[h];
                }
            }
            last = index;
        }
    }

    /// @dev Place of the highest bit.
    function _height(uint256 bits) private pure returns (uint256 height) {
        while (bits > 1) {
            bits /= 2;
            ++height;
        }
    }
}
