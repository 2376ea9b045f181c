// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Claim} from "../../contracts/libraries/ClaimLib.sol";
import {Freeing, FreeingLib} from "../../contracts/libraries/FreeingLib.sol";
import {ResourceLib} from "../../contracts/libraries/ResourceLib.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice Proves when a release may be, and that each allocation is released once, for all
/// resources, releases and clocks (docs/protocol.md sections 4.4 and 5). `make prove` runs these; to
/// forge they are no tests.
/// @dev z3, because it divides better than the others.
/// @custom:halmos --solver z3
contract ReleasingProof {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant DRIFT = 300;

    mapping(uint256 group => uint256 bitmap) private _released;

    /// @dev One expression without a branch says what rule 4 says part by part. The allocation is
    /// proven, so it lies inside its resource's window. Before 1970-01-01 00:05 a timestamp could lie
    /// before zero and wrap round.
    function check_fits_IsRule4(
        uint256 resource,
        uint40 start,
        uint40 end,
        uint256 from,
        uint256 timestamp,
        uint40 clock
    ) external {
        uint256 bound = uint40(resource >> 200);
        uint256 slotSeconds = uint32(resource >> 128);
        uint256 notice = uint32(resource >> 96);
        if (slotSeconds == 0 || bound > start || start >= end || clock < DRIFT) return;
        VM.warp(clock);
        Claim memory claim;
        (claim.resource, claim.startTime, claim.endTime) = (resource, start, end);
        Freeing memory freeing;
        (freeing.fromTime, freeing.timestamp) = (from, timestamp);
        bool fine = start <= from && from < end && from >= uint256(clock) + notice;
        if (fine) fine = (from - bound) % slotSeconds == 0;
        uint256 away = timestamp > clock ? timestamp - clock : clock - timestamp;
        assert(FreeingLib.fits(freeing, claim, DRIFT) == (fine && away <= DRIFT));
    }

    /// @dev Exactly one is marked, whatever was before; and both ways of reading agree.
    function check_store_MarksExactlyOne(
        uint64 index,
        uint64 other,
        uint256 word,
        uint256 neighbour
    ) external {
        _released[other >> 8] = neighbour;
        _released[index >> 8] = word;
        bool was = FreeingLib.isSet(_released, other);
        Freeing memory freeing;
        freeing.index = index;
        assert(FreeingLib.load(freeing, _released) == FreeingLib.isSet(_released, index));
        FreeingLib.store(freeing);
        assert(FreeingLib.isSet(_released, index));
        assert(FreeingLib.isSet(_released, other) == (was || other == index));
    }

    /// @dev Recorded, and not withdrawn: a tombstone is neither open nor recorded.
    function check_isOpen_IsRecordedAndNotWithdrawn(uint256 resource) external pure {
        bool open = uint64(resource >> 32) != 0 && (resource >> 1) & 1 == 0;
        assert(ResourceLib.isOpen(resource) == open);
    }
}
