// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Checkpoint} from "../interfaces/IAnchor.sol";

/// @title CheckpointLib: what validators sign and what the ring keeps
/// @notice docs/protocol.md sections 8 and 11.
library CheckpointLib {
    /// @dev Binds the version and the fields' order.
    bytes32 internal constant TYPE_HASH = keccak256(
        "CheckpointV1(bytes32 networkId,uint32 era,uint64 setNumber,uint64 blockNumber,"
        "bytes32 blockHash,uint64 blockTime,uint64 size,bytes32 root,bytes32 nextSet)"
    );

    /// @notice keccak(abi.encode(TYPE_HASH, the nine fields)).
    /// @dev Takes the nine words as the caller sent them. A word that is too large for its type
    /// makes another digest than any that validators sign; reading the field reverts besides.
    function digestOf(Checkpoint calldata checkpoint) internal pure returns (bytes32 digest) {
        bytes32 typeHash = TYPE_HASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 32), checkpoint, 288)
            digest := keccak256(free, 320)
        }
    }

    /// @notice Ring entry: all that one needs to hold the signers to what they signed.
    function entryOf(
        bytes32 digest,
        uint64 previousSize,
        uint64 previousBlockTime,
        uint64 anchoredAt,
        bytes calldata bitmap
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(digest, previousSize, previousBlockTime, anchoredAt, bitmap)
        );
    }
}
