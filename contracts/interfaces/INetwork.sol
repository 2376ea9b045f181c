// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice Parameters that fix a network for ever (docs/protocol.md section 2).
/// @param random 32 random bytes drawn at deployment
/// @param checkpointInterval sidechain blocks between two blocks that may be checkpoints
/// @param heartbeat sidechain blocks after which an idle network is checkpointed all the same
/// @param challengePeriod seconds from anchoring until a checkpoint is settled
/// @param queryDeadline seconds to answer a query on mainnet
/// @param ringSize how many checkpoints the anchor keeps
/// @param writers contracts that may append records of kind 16 and up, kinds strictly ascending
struct Parameters {
    bytes32 random;
    uint64 checkpointInterval;
    uint64 heartbeat;
    uint64 challengePeriod;
    uint64 queryDeadline;
    uint32 ringSize;
    Writer[] writers;
}

/// @notice A contract that may append records of one kind.
struct Writer {
    uint8 kind;
    address writer;
}

/// @notice What both deployed contracts have in common.
interface INetwork {
    /// @notice Thrown by a constructor whose parameters no network may have.
    error ParametersInvalid();

    /// @notice The id that every signed message, record and checkpoint binds.
    function networkId() external view returns (bytes32);
}
