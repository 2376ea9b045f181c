// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {INetwork, Parameters, Writer} from "../interfaces/INetwork.sol";

/// @title NetworkLib: what makes a network, computed alike by both deployed contracts
/// @notice docs/protocol.md section 2.
library NetworkLib {
    /// @dev The count of writers is one byte in the salt; few enough to read them all at deployment.
    uint256 internal constant MAX_WRITERS = 16;
    /// @dev Kinds below are the registry's own (docs/protocol.md section 6).
    uint8 internal constant FIRST_WRITER_KIND = 16;
    /// @dev With the challenge period it fixes how often one can anchor.
    uint256 internal constant MAX_RING_SIZE = 1 << 20;

    /// @notice Reverts with `ParametersInvalid` if no network may have these parameters.
    function requireValid(Parameters memory parameters) internal pure {
        uint64 interval = parameters.checkpointInterval;
        require(interval >= 1 && parameters.heartbeat >= 1, INetwork.ParametersInvalid());
        require(parameters.heartbeat % interval == 0, INetwork.ParametersInvalid());
        uint32 ringSize = parameters.ringSize;
        require(ringSize >= 1 && ringSize <= MAX_RING_SIZE, INetwork.ParametersInvalid());
        _requireValidWriters(parameters.writers);
    }

    /// @notice Hash of the parameters in their canonical encoding.
    function saltOf(Parameters memory parameters) internal pure returns (bytes32) {
        bytes memory encoded = abi.encodePacked(
            parameters.random,
            parameters.checkpointInterval,
            parameters.heartbeat,
            parameters.challengePeriod,
            parameters.queryDeadline,
            parameters.ringSize,
            uint8(parameters.writers.length)
        );
        for (uint256 i = 0; i < parameters.writers.length; ++i) {
            Writer memory entry = parameters.writers[i];
            encoded = abi.encodePacked(encoded, entry.kind, entry.writer);
        }
        return keccak256(encoded);
    }

    /// @notice The network's id. Binds both contracts, so both must be known before either exists.
    function networkIdOf(
        uint256 sidechainId,
        address registry,
        uint256 anchorChainId,
        address anchor,
        bytes32 salt
    ) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(
                "fallow.network.v1", abi.encode(sidechainId, registry, anchorChainId, anchor, salt)
            )
        );
    }

    function _requireValidWriters(Writer[] memory writers) private pure {
        require(writers.length <= MAX_WRITERS, INetwork.ParametersInvalid());
        uint256 lowest = FIRST_WRITER_KIND;
        for (uint256 i = 0; i < writers.length; ++i) {
            require(writers[i].kind >= lowest, INetwork.ParametersInvalid());
            require(writers[i].writer != address(0), INetwork.ParametersInvalid());
            lowest = uint256(writers[i].kind) + 1;
        }
    }
}
