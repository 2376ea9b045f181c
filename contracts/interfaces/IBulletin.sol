// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @title Bulletin: where validators post their signature shares
/// @notice Shares are verified off chain. Each is kept under the address of its sender, so nobody
/// takes a member's place: readers look at the members of the set that they trust.
interface IBulletin {
    /// @notice Thrown when a share is empty or longer than 96 bytes.
    error ShareLengthInvalid(uint256 got, uint256 want);
    /// @notice Thrown when the digest is zero, which stands for "none posted".
    error DigestZero();
    /// @notice Thrown when the sender has posted a share for this era and block before.
    error ShareAlreadyPosted(bytes32 got, bytes32 want);

    /// @notice Emitted for every share. `digest` is what the sender says it signed.
    event SharePosted(
        address indexed validator,
        uint64 indexed blockNumber,
        uint32 era,
        bytes32 digest,
        bytes share
    );

    /// @notice Posts the sender's share over the checkpoint of one block.
    /// @param era era of the checkpoint
    /// @param blockNumber sidechain block of the checkpoint
    /// @param digest digest of the checkpoint (docs/protocol.md section 8), not zero
    /// @param share BLS12-381 signature, 48 bytes compressed in scheme 1
    function post(uint32 era, uint64 blockNumber, bytes32 digest, bytes calldata share) external;

    /// @notice The digest for which `validator` has posted a share; zero if none.
    function digestOf(address validator, uint32 era, uint64 blockNumber)
        external
        view
        returns (bytes32);
}
