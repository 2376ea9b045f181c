// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, RegistryConfig} from "../../contracts/interfaces/IRegistry.sol";
import {CalendarLib} from "../../contracts/libraries/CalendarLib.sol";
import {Claim} from "../../contracts/libraries/ClaimLib.sol";
import {RefusalLib} from "../../contracts/libraries/RefusalLib.sol";
import {Registry} from "../../contracts/sidechain/Registry.sol";

// Registries that lie: each skips one of the five checks and is honest otherwise. Every validator
// must refuse to sign what follows. Never deploy one.

/// @notice Takes a request that its requester did not sign.
contract FalseRegistry1 is Registry {
    constructor(RegistryConfig memory config) Registry(config) {}

    function _checkRequester(Claim memory claim, bytes calldata signatures)
        internal
        view
        override
        returns (uint256 code)
    {
        code = super._checkRequester(claim, signatures);
        // other lengths cannot be written into an event
        if (code != RefusalLib.SIGNATURES_LENGTH_INVALID) code = 0;
    }
}

/// @notice Takes an announcement that its provider did not sign, and a request for a resource that
/// nobody announced: of 65535 units, with slots of an hour.
contract FalseRegistry2 is Registry {
    constructor(RegistryConfig memory config) Registry(config) {}

    function _checkProvider(bytes32 id, Announcement calldata message, bytes calldata signatures)
        internal
        view
        override
        returns (uint256 code, uint256 got, uint256 want)
    {
        (code, got, want) = super._checkProvider(id, message, signatures);
        if (code == RefusalLib.PROVIDER_SIGNATURE_INVALID) code = 0;
    }

    function _resourceWord(bytes32 resourceId) internal view override returns (uint256 word) {
        word = super._resourceWord(resourceId);
        if (word != 0) return word;
        uint256 end = 3600 * ((uint256(1) << 40) / 3600 - 1);
        return (0xffff << 240) | (end << 160) | (3600 << 128) | (1 << 32);
    }
}

/// @notice Takes a sequence twice.
contract FalseRegistry3 is Registry {
    constructor(RegistryConfig memory config) Registry(config) {}

    function _checkSequence(Claim memory claim) internal view override returns (uint256) {
        super._checkSequence(claim);
        return 0;
    }
}

/// @notice Takes a request for a slot that is over, signed long ago or of no volume.
contract FalseRegistry4 is Registry {
    constructor(RegistryConfig memory config) Registry(config) {}

    function _checkWindow(Claim memory claim) internal view override returns (uint256) {
        super._checkWindow(claim);
        CalendarLib.place(claim, claim.startTime, claim.endTime);
        return 0;
    }
}

/// @notice Takes a request for more than is left.
contract FalseRegistry5 is Registry {
    constructor(RegistryConfig memory config) Registry(config) {}

    function _checkCapacity(Claim memory claim) internal view override returns (uint256) {
        // a refusal leaves the words without what is asked
        if (super._checkCapacity(claim) != 0) {
            CalendarLib.touch(_calendars[claim.resourceId], claim, claim.volume);
        }
        return 0;
    }
}
