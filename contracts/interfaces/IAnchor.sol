// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {INetwork, Parameters} from "./INetwork.sol";

/// @notice What validators sign about one sidechain block (docs/protocol.md section 8).
struct Checkpoint {
    bytes32 networkId;
    uint32 era;
    uint64 setNumber;
    uint64 blockNumber;
    bytes32 blockHash;
    uint64 blockTime;
    uint64 size;
    bytes32 root;
    bytes32 nextSet;
}

/// @notice The signature of a quorum (docs/protocol.md section 10).
/// @param bitmap bit i of byte i / 8, least significant first, stands for member i
/// @param signature G1 point as EIP-2537 has it, 128 bytes
struct Certificate {
    bytes bitmap;
    bytes signature;
}

/// @notice One member of the first set.
/// @dev Fixed arrays: all members travel in the creation code, which EIP-3860 limits to 49 152
/// bytes; with dynamic bytes a set of 64 would not fit.
/// @param account the address that posts the member's shares
/// @param weight its share of the votes, at least 1
/// @param key BLS12-381 G2 point as EIP-2537 has it, 256 bytes
/// @param proofOfPossession G1 point as EIP-2537 has it, 128 bytes (docs/protocol.md section 9)
struct Member {
    address account;
    uint64 weight;
    bytes32[8] key;
    bytes32[4] proofOfPossession;
}

/// @notice A checkpoint that the anchor keeps, with all that its ring entry commits to.
struct Kept {
    Checkpoint checkpoint;
    uint64 previousSize;
    uint64 previousBlockTime;
    uint64 anchoredAt;
    bytes bitmap;
    uint32 ringIndex;
}

/// @notice The last anchored checkpoint.
/// @param size records in the log
/// @param blockNumber sidechain block
/// @param blockTime time of that block, unix seconds
/// @param anchoredAt mainnet time of the anchoring, unix seconds
/// @param count checkpoints anchored so far
/// @param root root of the log
struct Head {
    uint64 size;
    uint64 blockNumber;
    uint64 blockTime;
    uint64 anchoredAt;
    uint64 count;
    bytes32 root;
}

/// @notice How the anchor is deployed.
struct AnchorConfig {
    uint256 sidechainId;
    address registry;
    Parameters parameters;
    uint64 baseBlock;
    uint64 baseTime;
    uint64 notAfter;
    Member[] members;
}

/// @title Anchor: keeps certified checkpoints of one sidechain log on mainnet
/// @notice Anybody may submit. No owner, no setter. docs/protocol.md section 11.
interface IAnchor is INetwork {
    /// @notice Thrown when the checkpoint is of another network.
    error NetworkMismatch(bytes32 got, bytes32 want);
    /// @notice Thrown when the checkpoint is of another era.
    error EraMismatch(uint32 got, uint32 want);
    /// @notice Thrown when the checkpoint is of another set.
    error SetMismatch(uint64 got, uint64 want);
    /// @notice Thrown when the checkpoint names a next set that is not sealed.
    error NextSetMismatch(bytes32 got, bytes32 want);
    /// @notice Thrown when the set expired at `want`.
    error SetExpired(uint256 got, uint256 want);
    /// @notice Thrown when the block number does not rise above `want`.
    error BlockNumberNotRising(uint64 got, uint64 want);
    /// @notice Thrown when the block time does not rise above `want`.
    error BlockTimeNotRising(uint64 got, uint64 want);
    /// @notice Thrown when the block time is later than `want`, a minute from now.
    error BlockTimeInFuture(uint256 got, uint256 want);
    /// @notice Thrown when more than `want` blocks lie between two checkpoints.
    error TooManyBlocks(uint256 got, uint256 want);
    /// @notice Thrown when the log's size falls below `want`.
    error SizeShrinks(uint64 got, uint64 want);
    /// @notice Thrown when the log grew by more than `want` records.
    error GrowthTooLarge(uint256 got, uint256 want);
    /// @notice Thrown when the last checkpoint was anchored too recently; `want` is the first time.
    error AnchoredTooSoon(uint256 got, uint256 want);
    /// @notice Thrown when the log is not an extension of the one anchored last.
    error ConsistencyProofInvalid(bytes32 got, bytes32 want);
    /// @notice Thrown when the bitmap has a wrong length or padding bits.
    error BitmapInvalid(uint256 got, uint256 want);
    /// @notice Thrown when 3 x the signed weight `got` is not above 2 x the total `want`.
    error QuorumMissing(uint256 got, uint256 want);
    /// @notice Thrown when the aggregate signature does not verify over the digest `got`.
    error CertificateSignatureInvalid(bytes32 got);
    /// @notice Thrown when a point is malformed, at infinity or outside its subgroup.
    error PointInvalid();
    /// @notice Thrown by the constructor when member `index` of the set breaks a rule.
    error MemberInvalid(uint256 index);
    /// @notice Thrown by the constructor when the set is empty, too large, or lives too long.
    error SetInvalid();
    /// @notice Thrown when the ring does not hold the checkpoint that the caller brought.
    error NotKept(bytes32 got, bytes32 want);
    /// @notice Thrown when a record is not under the root.
    error InclusionProofInvalid(bytes32 got, bytes32 want);
    /// @notice Thrown when a record is too short for its header, or too long.
    error RecordInvalid(uint256 got, uint256 want);

    /// @notice Emitted for every checkpoint: all that a ring entry commits to.
    event CheckpointAnchored(
        uint64 indexed blockNumber,
        uint64 indexed size,
        bytes32 root,
        bytes32 blockHash,
        uint64 blockTime,
        uint64 previousSize,
        uint64 previousBlockTime,
        uint64 anchoredAt,
        uint64 count,
        bytes bitmap
    );

    /// @notice Anchors a checkpoint.
    /// @param checkpoint what was certified
    /// @param consistencyProof RFC 9162 2.1.4 proof from the last anchored size to the new one
    /// @param certificate signature of a quorum of the set
    function submit(
        Checkpoint calldata checkpoint,
        bytes32[] calldata consistencyProof,
        Certificate calldata certificate
    ) external;

    /// @notice The last anchored checkpoint; size 0 before the first.
    function head() external view returns (Head memory);

    /// @notice Proves a record under the last anchored checkpoint. Reverts if it is not there. What
    /// the record says, its version and kind included, is for the caller to read.
    /// @param record the record's bytes; its index is read from its header
    /// @param path RFC 9162 2.1.3 inclusion path
    /// @return anchoredAt mainnet time at which that checkpoint was anchored
    function verifyRecord(bytes calldata record, bytes32[] calldata path)
        external
        view
        returns (uint64 anchoredAt);

    /// @notice Proves a record under a checkpoint that the ring still keeps.
    /// @return anchoredAt mainnet time at which that checkpoint was anchored
    /// @return settled whether the challenge period of that checkpoint is over
    function verifyRecordAt(Kept calldata kept, bytes calldata record, bytes32[] calldata path)
        external
        view
        returns (uint64 anchoredAt, bool settled);

    /// @notice Digest of a checkpoint (docs/protocol.md section 8).
    function digestOf(Checkpoint calldata checkpoint) external pure returns (bytes32);

    /// @notice Ring entry `ringIndex`; zero if it was never written.
    function ringEntryOf(uint32 ringIndex) external view returns (bytes32);

    /// @notice Hash of the validator set (docs/protocol.md section 9).
    function setHash() external view returns (bytes32);

    /// @notice Number of the validator set.
    function setNumber() external view returns (uint64);

    /// @notice Era of the network.
    function era() external view returns (uint32);

    /// @notice Last second, mainnet time, at which the set may certify.
    function notAfter() external view returns (uint64);

    /// @notice Seconds from anchoring until a checkpoint is settled.
    function challengePeriod() external view returns (uint64);

    /// @notice How many checkpoints the ring keeps.
    function ringSize() external view returns (uint32);

    /// @notice The set's members as stored: n x (account 20, weight 8, key 256).
    function members() external view returns (bytes memory);
}
