// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    AnchorConfig,
    Certificate,
    Checkpoint,
    Head,
    IAnchor,
    Kept
} from "../interfaces/IAnchor.sol";
import {INetwork, Parameters} from "../interfaces/INetwork.sol";
import {BlsLib, G1Point, G2Point} from "../libraries/BlsLib.sol";
import {CheckpointLib} from "../libraries/CheckpointLib.sol";
import {HeadLib, PackedHead} from "../libraries/HeadLib.sol";
import {NetworkLib} from "../libraries/NetworkLib.sol";
import {ProofLib} from "../libraries/ProofLib.sol";
import {CheckedSet, SetLib} from "../libraries/SetLib.sol";

/// @title Anchor
/// @notice docs/protocol.md section 11.
contract Anchor is IAnchor {
    /* CONSTANTS */

    /// @inheritdoc IAnchor
    uint32 public constant era = 0;
    /// @inheritdoc IAnchor
    uint64 public constant setNumber = 1;

    /// @dev Seconds by which a sidechain's clock may run ahead of mainnet's.
    uint256 internal constant MAX_CLOCK_AHEAD = 60;
    /// @dev Blocks between two checkpoints: a burst, and four a second. A certified number of
    /// 2^64-1 would otherwise freeze the anchor for ever.
    uint256 internal constant BLOCKS_BURST = 256;
    uint256 internal constant BLOCKS_PER_SECOND = 4;
    /// @dev Records between two checkpoints: a consistency proof to 2^63 can be invented.
    uint256 internal constant MAX_GROWTH = 1 << 24;
    /// @dev docs/protocol.md section 9.
    uint256 internal constant MAX_SET_LIFE = 30 days;
    /// @dev A longer one would hold up anchoring, with a small ring, for ever.
    uint256 internal constant MAX_CHALLENGE_PERIOD = 365 days;
    /// @dev docs/protocol.md section 6: a header alone, and the largest body of a further writer.
    uint256 internal constant MIN_RECORD_BYTES = 38;
    uint256 internal constant MAX_RECORD_BYTES = 550;

    /* IMMUTABLES */

    /// @inheritdoc INetwork
    bytes32 public immutable networkId;
    /// @inheritdoc IAnchor
    bytes32 public immutable setHash;
    /// @inheritdoc IAnchor
    uint64 public immutable notAfter;
    /// @inheritdoc IAnchor
    uint64 public immutable challengePeriod;
    /// @inheritdoc IAnchor
    uint32 public immutable ringSize;

    /// @dev Seconds between two anchorings, so that ringSize of them take the challenge period.
    uint256 internal immutable SPACING;
    uint256 internal immutable MEMBER_COUNT;
    uint256 internal immutable TOTAL_WEIGHT;

    /// @dev Sum of all keys: with all members signing no key has to be read.
    uint256 internal immutable KEY_X0_HIGH;
    uint256 internal immutable KEY_X0_LOW;
    uint256 internal immutable KEY_X1_HIGH;
    uint256 internal immutable KEY_X1_LOW;
    uint256 internal immutable KEY_Y0_HIGH;
    uint256 internal immutable KEY_Y0_LOW;
    uint256 internal immutable KEY_Y1_HIGH;
    uint256 internal immutable KEY_Y1_LOW;

    /* STORAGE */

    /// @dev Slot 0.
    PackedHead internal _head;
    /// @dev Slot 1: root of the log at `_head.size`.
    bytes32 internal _root;
    /// @dev Slot 2: the ring, indexes below `ringSize`.
    mapping(uint256 ringIndex => bytes32 entry) internal _ring;

    /* CONSTRUCTOR */

    /// @param config The network's parameters and its first validator set.
    constructor(AnchorConfig memory config) {
        _requireSound(config);
        Parameters memory parameters = config.parameters;
        networkId = NetworkLib.networkIdOf(
            config.sidechainId,
            config.registry,
            block.chainid,
            address(this),
            NetworkLib.saltOf(parameters)
        );
        challengePeriod = parameters.challengePeriod;
        ringSize = parameters.ringSize;
        uint256 period = parameters.challengePeriod;
        SPACING = (period + parameters.ringSize - 1) / parameters.ringSize;

        _head = HeadLib.pack(0, config.baseBlock, config.baseTime, 0, 0);
        _root = ProofLib.EMPTY_ROOT;

        notAfter = config.notAfter;
        CheckedSet memory set = SetLib.check(config.members, networkId);
        setHash = SetLib.hashOf(networkId, setNumber, config.notAfter, set);
        MEMBER_COUNT = config.members.length;
        TOTAL_WEIGHT = set.total;
        KEY_X0_HIGH = set.aggregate.x0High;
        KEY_X0_LOW = set.aggregate.x0Low;
        KEY_X1_HIGH = set.aggregate.x1High;
        KEY_X1_LOW = set.aggregate.x1Low;
        KEY_Y0_HIGH = set.aggregate.y0High;
        KEY_Y0_LOW = set.aggregate.y0Low;
        KEY_Y1_HIGH = set.aggregate.y1High;
        KEY_Y1_LOW = set.aggregate.y1Low;
        SetLib.store(set.entries);
    }

    /* ANYBODY */

    /// @inheritdoc IAnchor
    function submit(
        Checkpoint calldata checkpoint,
        bytes32[] calldata consistencyProof,
        Certificate calldata certificate
    ) external {
        PackedHead last = _head;
        _requireOwn(checkpoint);
        _requirePlausible(checkpoint, last);
        _requireExtension(checkpoint, consistencyProof, last.size());
        bytes32 digest = CheckpointLib.digestOf(checkpoint);
        _requireCertified(digest, certificate);
        _keep(checkpoint, digest, certificate.bitmap, last);
    }

    /* VIEWS */

    /// @inheritdoc IAnchor
    function verifyRecord(bytes calldata record, bytes32[] calldata path)
        external
        view
        returns (uint64 anchoredAt)
    {
        PackedHead last = _head;
        _requireIncluded(record, path, last.size(), _root);
        return last.anchoredAt();
    }

    /// @inheritdoc IAnchor
    function verifyRecordAt(Kept calldata kept, bytes calldata record, bytes32[] calldata path)
        external
        view
        returns (uint64 anchoredAt, bool settled)
    {
        bytes32 entry = CheckpointLib.entryOf(
            CheckpointLib.digestOf(kept.checkpoint),
            kept.previousSize,
            kept.previousBlockTime,
            kept.anchoredAt,
            kept.bitmap
        );
        bytes32 stored = ringEntryOf(kept.ringIndex);
        require(entry == stored, NotKept(entry, stored));
        _requireIncluded(record, path, kept.checkpoint.size, kept.checkpoint.root);
        anchoredAt = kept.anchoredAt;
        settled = block.timestamp >= uint256(anchoredAt) + challengePeriod;
    }

    /// @inheritdoc IAnchor
    function head() external view returns (Head memory) {
        PackedHead last = _head;
        return Head({
            size: last.size(),
            blockNumber: last.blockNumber(),
            blockTime: last.blockTime(),
            anchoredAt: last.anchoredAt(),
            count: last.count(),
            root: _root
        });
    }

    /// @inheritdoc IAnchor
    function digestOf(Checkpoint calldata checkpoint) external pure returns (bytes32) {
        return CheckpointLib.digestOf(checkpoint);
    }

    /// @inheritdoc IAnchor
    function members() external view returns (bytes memory) {
        return SetLib.load(MEMBER_COUNT);
    }

    /// @inheritdoc IAnchor
    function ringEntryOf(uint32 ringIndex) public view returns (bytes32) {
        return _ring[ringIndex];
    }

    /* INTERNAL */

    /// @dev What can be said of a configuration without its keys.
    function _requireSound(AnchorConfig memory config) internal view {
        NetworkLib.requireValid(config.parameters);
        uint256 period = config.parameters.challengePeriod;
        require(period >= 1 && period <= MAX_CHALLENGE_PERIOD, ParametersInvalid());
        uint256 latest = block.timestamp + MAX_CLOCK_AHEAD;
        require(config.baseTime <= latest, BlockTimeInFuture(config.baseTime, latest));
        require(config.notAfter > block.timestamp, SetInvalid());
        require(config.notAfter <= block.timestamp + MAX_SET_LIFE, SetInvalid());
    }

    /// @dev Rules 1 and 2.
    function _requireOwn(Checkpoint calldata checkpoint) internal view {
        bytes32 network = checkpoint.networkId;
        require(network == networkId, NetworkMismatch(network, networkId));
        require(checkpoint.era == era, EraMismatch(checkpoint.era, era));
        require(checkpoint.setNumber == setNumber, SetMismatch(checkpoint.setNumber, setNumber));
        require(checkpoint.nextSet == 0, NextSetMismatch(checkpoint.nextSet, 0));
        require(block.timestamp <= notAfter, SetExpired(block.timestamp, notAfter));
    }

    /// @dev Rules 3 to 5, but for the equal root of an equal size.
    function _requirePlausible(Checkpoint calldata checkpoint, PackedHead last) internal view {
        uint64 number = checkpoint.blockNumber;
        require(number > last.blockNumber(), BlockNumberNotRising(number, last.blockNumber()));
        uint64 time = checkpoint.blockTime;
        require(time > last.blockTime(), BlockTimeNotRising(time, last.blockTime()));
        uint64 size = checkpoint.size;
        // differences are taken of what was compared before, sums of times far below 2^64
        unchecked {
            uint256 latest = block.timestamp + MAX_CLOCK_AHEAD;
            require(time <= latest, BlockTimeInFuture(time, latest));
            uint256 blocks = number - last.blockNumber();
            uint256 most = BLOCKS_BURST + BLOCKS_PER_SECOND * (time - last.blockTime());
            require(blocks <= most, TooManyBlocks(blocks, most));

            require(size >= last.size(), SizeShrinks(size, last.size()));
            uint256 growth = size - last.size();
            require(growth <= MAX_GROWTH, GrowthTooLarge(growth, MAX_GROWTH));

            uint256 soonest = last.anchoredAt() + SPACING;
            require(block.timestamp >= soonest, AnchoredTooSoon(block.timestamp, soonest));
        }
    }

    /// @dev Rule 6, and the equal root of rule 4. From size 0 everything is an extension.
    function _requireExtension(
        Checkpoint calldata checkpoint,
        bytes32[] calldata proof,
        uint64 oldSize
    ) internal view {
        bytes32 root = checkpoint.root;
        bytes32 oldRoot = _root;
        if (oldSize == checkpoint.size || oldSize == 0) {
            bool equal = oldSize != checkpoint.size || root == oldRoot;
            require(equal, ConsistencyProofInvalid(root, oldRoot));
            require(proof.length == 0, ConsistencyProofInvalid(0, root));
            return;
        }
        (bool complete, bytes32 oldGot, bytes32 newGot) =
            ProofLib.consistencyRoots(proof, oldSize, checkpoint.size, oldRoot);
        require(complete, ConsistencyProofInvalid(0, root));
        require(oldGot == oldRoot, ConsistencyProofInvalid(oldGot, oldRoot));
        require(newGot == root, ConsistencyProofInvalid(newGot, root));
    }

    /// @dev Rule 7.
    function _requireCertified(bytes32 digest, Certificate calldata certificate) internal view {
        G2Point memory key = G2Point({
            x0High: KEY_X0_HIGH,
            x0Low: KEY_X0_LOW,
            x1High: KEY_X1_HIGH,
            x1Low: KEY_X1_LOW,
            y0High: KEY_Y0_HIGH,
            y0Low: KEY_Y0_LOW,
            y1High: KEY_Y1_HIGH,
            y1Low: KEY_Y1_LOW
        });
        uint256 absent = SetLib.removeAbsent(key, certificate.bitmap, MEMBER_COUNT);
        unchecked {
            // the absent are part of the total, which is below 2^64
            uint256 signed = TOTAL_WEIGHT - absent;
            require(3 * signed > 2 * TOTAL_WEIGHT, QuorumMissing(signed, TOTAL_WEIGHT));
        }
        (bool whole, G1Point memory signature) = BlsLib.toG1(certificate.signature);
        require(whole, PointInvalid());
        // the pairing of infinity is 1: two of them would certify anything
        require(!BlsLib.isInfinity(signature) && !BlsLib.isInfinity(key), PointInvalid());
        G1Point memory hash = BlsLib.hashToG1(BlsLib.SIGNATURE_TAG, bytes.concat(digest));
        (bool wellFormed, bool valid) = BlsLib.verify(signature, hash, key);
        require(wellFormed, PointInvalid());
        require(valid, CertificateSignatureInvalid(digest));
    }

    /// @dev The head's count, which the event shows, names the ring entry too.
    function _keep(
        Checkpoint calldata checkpoint,
        bytes32 digest,
        bytes calldata bitmap,
        PackedHead last
    ) internal {
        uint64 anchoredAt = uint64(block.timestamp);
        uint64 count;
        unchecked {
            count = last.count() + 1; // one a second fills 48 bits in nine million years
        }
        _head = HeadLib.pack(
            checkpoint.size, checkpoint.blockNumber, checkpoint.blockTime, anchoredAt, count
        );
        _root = checkpoint.root;
        _ring[count % ringSize] =
            CheckpointLib.entryOf(digest, last.size(), last.blockTime(), anchoredAt, bitmap);
        emit CheckpointAnchored(
            checkpoint.blockNumber,
            checkpoint.size,
            checkpoint.root,
            checkpoint.blockHash,
            checkpoint.blockTime,
            last.size(),
            last.blockTime(),
            anchoredAt,
            count,
            bitmap
        );
    }

    function _requireIncluded(
        bytes calldata record,
        bytes32[] calldata path,
        uint64 size,
        bytes32 root
    ) internal pure {
        uint256 length = record.length;
        require(length >= MIN_RECORD_BYTES, RecordInvalid(length, MIN_RECORD_BYTES));
        require(length <= MAX_RECORD_BYTES, RecordInvalid(length, MAX_RECORD_BYTES));
        // the header: version 1, kind 1, writer 20, index 8 (docs/protocol.md section 6)
        uint64 index = uint64(bytes8(record[22:30]));
        (bool complete, bytes32 got) =
            ProofLib.inclusionRoot(ProofLib.leafHash(record), index, size, path);
        require(complete, InclusionProofInvalid(0, root));
        require(got == root, InclusionProofInvalid(got, root));
    }
}
