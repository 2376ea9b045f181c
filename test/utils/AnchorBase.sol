// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    AnchorConfig,
    Certificate,
    Checkpoint,
    IAnchor,
    Kept,
    Member
} from "../../contracts/interfaces/IAnchor.sol";
import {Writer} from "../../contracts/interfaces/INetwork.sol";
import {BlsLib} from "../../contracts/libraries/BlsLib.sol";
import {NetworkLib} from "../../contracts/libraries/NetworkLib.sol";
import {BlsSigner} from "./BlsSigner.sol";
import {Deploy} from "./Deploy.sol";
import {ReferenceLog} from "./ReferenceLog.sol";
import {Test} from "forge-std/Test.sol";

/// @title An anchor with validators whose secrets the test knows, and a log to anchor
abstract contract AnchorBase is Test {
    uint256 internal constant SIDECHAIN = 4242;
    address internal constant REGISTRY = address(0xbeef);
    uint64 internal constant PERIOD = 1 hours;
    uint32 internal constant RING = 8;
    /// @dev PERIOD / RING: seconds between two anchorings.
    uint64 internal constant SPACING = 450;
    uint64 internal constant BASE_BLOCK = 1000;
    uint64 internal constant START = 1_800_000_000;
    /// @dev The sidechain's clock when the anchor is deployed.
    uint64 internal constant BASE_TIME = START - 100;

    IAnchor internal anchor;
    /// @dev Who deploys the next anchor.
    address internal deployer = address(this);
    bytes32[] internal leaves;

    /* DEPLOYMENT */

    /// @dev Configuration of a set with one weight each, without keys and proofs.
    function configOf(uint64[] memory weights) internal view returns (AnchorConfig memory config) {
        config.sidechainId = SIDECHAIN;
        config.registry = REGISTRY;
        config.parameters.random = keccak256("random");
        config.parameters.checkpointInterval = 5;
        config.parameters.heartbeat = 50;
        config.parameters.challengePeriod = PERIOD;
        config.parameters.queryDeadline = 600;
        config.parameters.ringSize = RING;
        config.parameters.writers = new Writer[](0);
        config.baseBlock = BASE_BLOCK;
        config.baseTime = BASE_TIME;
        config.notAfter = uint64(vm.getBlockTimestamp() + 30 days);
        config.members = new Member[](weights.length);
        for (uint256 i = 0; i < weights.length; ++i) {
            config.members[i].account = accountOf(i);
            config.members[i].weight = weights[i];
        }
    }

    /// @dev Fills in keys and proofs of possession for the anchor that is deployed next.
    function possess(AnchorConfig memory config) internal view {
        for (uint256 i = 0; i < config.members.length; ++i) {
            possessAs(config, i, secretOf(i));
        }
    }

    /// @dev Gives member i the key of `secret`.
    function possessAs(AnchorConfig memory config, uint256 i, uint256 secret) internal view {
        Member memory member = config.members[i];
        bytes memory key = BlsSigner.keyOf(secret);
        member.key = BlsSigner.words8(key);
        bytes memory message = possessionMessage(config, nextAnchor(), member.account, key);
        member.proofOfPossession =
            BlsSigner.words4(BlsSigner.sign(secret, BlsLib.POSSESSION_TAG, message));
    }

    /// @dev docs/protocol.md section 9.
    function possessionMessage(
        AnchorConfig memory config,
        address target,
        address account,
        bytes memory key
    ) internal view returns (bytes memory) {
        bytes32 id = networkIdOf(config, target);
        return abi.encodePacked("fallow.pop.v1", id, target, account, key);
    }

    function networkIdOf(AnchorConfig memory config, address target)
        internal
        view
        returns (bytes32)
    {
        return NetworkLib.networkIdOf(
            config.sidechainId,
            config.registry,
            block.chainid,
            target,
            NetworkLib.saltOf(config.parameters)
        );
    }

    function deploy(uint64[] memory weights) internal returns (IAnchor) {
        AnchorConfig memory config = configOf(weights);
        possess(config);
        return Deploy.anchor(config);
    }

    /// @dev Address of the anchor that is deployed next: proofs of possession name it.
    function nextAnchor() internal view returns (address) {
        return vm.computeCreateAddress(deployer, vm.getNonce(deployer));
    }

    function equalWeights(uint256 count) internal pure returns (uint64[] memory weights) {
        weights = new uint64[](count);
        for (uint256 i = 0; i < count; ++i) {
            weights[i] = 1;
        }
    }

    function accountOf(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    function secretOf(uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("validator", i))) % BlsSigner.ORDER;
    }

    /* LOG */

    /// @dev A record of a further writer, as large as `bodyBytes` makes it.
    function recordOf(uint64 index, uint256 bodyBytes) internal pure returns (bytes memory) {
        bytes memory body = new bytes(bodyBytes);
        return abi.encodePacked(uint8(1), uint8(16), REGISTRY, index, uint64(START), body);
    }

    /// @dev Lets the log grow to `size` records.
    function growTo(uint256 size) internal {
        for (uint256 i = leaves.length; i < size; ++i) {
            leaves.push(keccak256(bytes.concat(bytes1(0x00), recordOf(uint64(i), 40))));
        }
    }

    function rootAt(uint256 size) internal view returns (bytes32) {
        return ReferenceLog.root(leaves, 0, size);
    }

    /* CHECKPOINTS */

    /// @dev A checkpoint of the log at `size` that the anchor takes as soon as it is certified.
    function nextCheckpoint(uint64 size) internal view returns (Checkpoint memory checkpoint) {
        checkpoint.networkId = anchor.networkId();
        checkpoint.setNumber = 1;
        checkpoint.blockNumber = anchor.head().blockNumber + 10;
        checkpoint.blockHash = keccak256(abi.encode(checkpoint.blockNumber));
        checkpoint.blockTime = uint64(vm.getBlockTimestamp());
        checkpoint.size = size;
        checkpoint.root = rootAt(size);
    }

    /// @dev Consistency proof from the anchored size.
    function proofTo(uint64 size) internal view returns (bytes32[] memory) {
        uint64 old = anchor.head().size;
        if (old == 0 || old == size) return new bytes32[](0);
        return ReferenceLog.consistency(leaves, old, size);
    }

    /// @dev Signature of all `count` members but the absent ones.
    function certify(Checkpoint memory checkpoint, uint256 count, uint256[] memory absent)
        internal
        view
        returns (Certificate memory certificate)
    {
        bytes memory bitmap = new bytes((count + 7) / 8);
        uint256 secret = 0;
        for (uint256 i = 0; i < count; ++i) {
            if (_contains(absent, i)) continue;
            bitmap[i / 8] |= bytes1(uint8(1 << (i % 8)));
            secret = addmod(secret, secretOf(i), BlsSigner.ORDER);
        }
        certificate.bitmap = bitmap;
        certificate.signature = signature(secret, checkpoint);
    }

    function signature(uint256 secret, Checkpoint memory checkpoint)
        internal
        view
        returns (bytes memory)
    {
        bytes memory message = abi.encode(referenceDigest(checkpoint));
        return BlsSigner.sign(secret, BlsLib.SIGNATURE_TAG, message);
    }

    /// @dev docs/protocol.md section 8, field by field.
    function referenceDigest(Checkpoint memory checkpoint) internal pure returns (bytes32) {
        bytes32 typeHash = keccak256(
            "CheckpointV1(bytes32 networkId,uint32 era,uint64 setNumber,uint64 blockNumber,"
            "bytes32 blockHash,uint64 blockTime,uint64 size,bytes32 root,bytes32 nextSet)"
        );
        return keccak256(
            bytes.concat(
                abi.encode(
                    typeHash,
                    checkpoint.networkId,
                    checkpoint.era,
                    checkpoint.setNumber,
                    checkpoint.blockNumber
                ),
                abi.encode(
                    checkpoint.blockHash,
                    checkpoint.blockTime,
                    checkpoint.size,
                    checkpoint.root,
                    checkpoint.nextSet
                )
            )
        );
    }

    function none() internal pure returns (uint256[] memory) {
        return new uint256[](0);
    }

    function one(uint256 i) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = i;
    }

    /// @dev Anchors the log at `size`, certified by all of four members, and returns what the ring
    /// keeps of it.
    function anchorAt(uint64 size) internal returns (Kept memory kept) {
        growTo(size);
        kept.checkpoint = nextCheckpoint(size);
        Certificate memory certificate = certify(kept.checkpoint, 4, none());
        kept.previousSize = anchor.head().size;
        kept.previousBlockTime = anchor.head().blockTime;
        kept.anchoredAt = uint64(vm.getBlockTimestamp());
        kept.bitmap = certificate.bitmap;
        kept.ringIndex = uint32((anchor.head().count + 1) % RING);
        anchor.submit(kept.checkpoint, proofTo(size), certificate);
    }

    function _contains(uint256[] memory list, uint256 value) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] == value) return true;
        }
        return false;
    }
}
