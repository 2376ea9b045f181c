// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    AnchorConfig,
    Certificate,
    Checkpoint,
    IAnchor
} from "../../contracts/interfaces/IAnchor.sol";
import {BlsLib} from "../../contracts/libraries/BlsLib.sol";
import {ProofLib} from "../../contracts/libraries/ProofLib.sol";
import {Anchor} from "../../contracts/mainnet/Anchor.sol";
import {AnchorBase} from "../utils/AnchorBase.sol";
import {FigureWriter} from "../utils/FigureWriter.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";

/// @notice Measures what `submit` is made of, alone.
contract AnchorParts {
    /// @notice Gas of the hash to the curve.
    function hashToCurve(bytes32 digest) external view returns (uint256) {
        bytes memory message = bytes.concat(digest);
        uint256 before = gasleft();
        BlsLib.hashToG1(BlsLib.SIGNATURE_TAG, message);
        return before - gasleft();
    }

    /// @notice Gas of folding a consistency proof.
    function consistency(bytes32[] calldata proof, uint64 oldSize, uint64 newSize, bytes32 oldRoot)
        external
        view
        returns (uint256)
    {
        uint256 before = gasleft();
        ProofLib.consistencyRoots(proof, oldSize, newSize, oldRoot);
        return before - gasleft();
    }
}

/// @notice Calls from a transaction, as contracts do, and tells what was charged.
contract AnchorCaller {
    function verifyRecord(IAnchor anchor, bytes calldata record, bytes32[] calldata path)
        external
        view
        returns (uint256)
    {
        uint256 before = gasleft();
        anchor.verifyRecord(record, path);
        return before - gasleft();
    }

    /// @dev Of the creation alone: 21 000 and the calldata of the transaction come on top.
    function deploy(AnchorConfig memory config) external returns (uint256) {
        uint256 before = gasleft();
        new Anchor(config);
        return before - gasleft();
    }
}

/// @notice What anchoring costs: whole transactions, as a receipt would say (21 000 and calldata
/// included, all storage cold), which is what `isolate` in foundry.toml makes of each call. Steady
/// state: the ring has wrapped, so that no slot is written for the first time. Figures go to
/// out/figures/anchor.json, and with their parts to test/snapshots.
contract AnchorGasTest is AnchorBase, FigureWriter {
    uint64 private constant OLD_SIZE = 999_000;
    uint64 private constant NEW_SIZE = 1_000_000;
    /// @dev EIP-3860: creation code and arguments together.
    uint256 private constant MAX_INITCODE = 49_152;
    string private constant GROUP = "AnchorGas";

    string private constant ALL_SIGN = "transaction: Anchor.submit, all members sign, ring wrapped, "
        "consistency proof from 999000 to 10^6 leaves; members: ";
    string private constant THIRD_ABSENT = "the same, 64 members, 21 of them absent";

    AnchorCaller private caller;

    function setUp() public {
        vm.warp(START);
        caller = new AnchorCaller();
        beginFigures("out/figures", GROUP);
    }

    /// @dev All figures in one test, so that they are written to one file in one order.
    function test_anchor_gas() public {
        figure("gas.checkpoint.v4", _submitGas(4, 0), string.concat(ALL_SIGN, "4"));
        figure("gas.checkpoint.v64", _submitGas(64, 0), string.concat(ALL_SIGN, "64"));
        figure("gas.checkpoint.v64.third_absent", _submitGas(64, 21), THIRD_ABSENT);
        writeFigures("out/figures/anchor.json");
        vm.snapshotValue(GROUP, "submit, 512 members", _submitGas(512, 0));
        vm.snapshotValue(GROUP, "submit, 512 members, 170 absent", _submitGas(512, 170));
        _parts();
    }

    function test_verifyRecord_gas() public {
        anchor = deploy(equalWeights(4));
        // a log of 2^20, of which only the path is known
        bytes memory record = recordOf(777_777, 200);
        bytes32 root = keccak256(bytes.concat(hex"00", record));
        bytes32[] memory path = new bytes32[](20);
        for (uint256 i = 0; i < 20; ++i) {
            path[i] = keccak256(abi.encode("sibling", i));
            bool isRight = (777_777 >> i) & 1 == 1;
            root = isRight ? ReferenceLog.node(path[i], root) : ReferenceLog.node(root, path[i]);
        }
        Checkpoint memory checkpoint = nextCheckpoint(0);
        (checkpoint.size, checkpoint.root) = (1 << 20, root);
        anchor.submit(checkpoint, new bytes32[](0), certify(checkpoint, 4, none()));
        uint256 used = caller.verifyRecord(anchor, record, path);
        vm.snapshotValue(GROUP, "verifyRecord by a contract, log of 2^20", used);
    }

    function test_deployment_gas() public {
        _deployment(4, "4 members");
        uint256 initcode = _deployment(64, "64 members");
        // the other profiles compile for speed, and far larger code
        if (
            keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("default")))) == keccak256("default")
        ) {
            assertLe(initcode, MAX_INITCODE, "64 members can be deployed");
        }
    }

    /* PARTS */

    function _deployment(uint256 count, string memory name) private returns (uint256 initcode) {
        AnchorConfig memory config = configOf(equalWeights(count));
        deployer = address(caller);
        possess(config);
        uint256 used = caller.deploy(config);
        initcode = type(Anchor).creationCode.length + abi.encode(config).length;
        vm.snapshotValue(GROUP, string.concat("deployment, ", name), used);
        vm.snapshotValue(GROUP, string.concat("deployment bytes, ", name), initcode);
    }

    function _parts() private {
        AnchorParts parts = new AnchorParts();
        (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof) =
            ReferenceLog.invent(OLD_SIZE, NEW_SIZE, "gas");
        vm.snapshotValue(GROUP, "part: hash to the curve", parts.hashToCurve(newRoot));
        uint256 folding = parts.consistency(proof, OLD_SIZE, NEW_SIZE, oldRoot);
        vm.snapshotValue(GROUP, "part: consistency proof without calldata", folding);
        anchor = deploy(equalWeights(4));
        Checkpoint memory checkpoint = _checkpoint(NEW_SIZE, newRoot);
        bytes memory data =
            abi.encodeCall(Anchor.submit, (checkpoint, proof, certify(checkpoint, 4, none())));
        vm.snapshotValue(GROUP, "part: calldata, 4 members", _calldataGas(data));
        vm.snapshotValue(GROUP, "nodes of the consistency proof", proof.length);
    }

    /// @dev EIP-2028; the floor of EIP-7623 is far below what `submit` computes.
    function _calldataGas(bytes memory data) private pure returns (uint256 total) {
        for (uint256 i = 0; i < data.length; ++i) {
            total += data[i] == 0 ? 4 : 16;
        }
    }

    function _submitGas(uint256 count, uint256 absentCount) private returns (uint256) {
        anchor = deploy(equalWeights(count));
        (bytes32 oldRoot, bytes32 newRoot, bytes32[] memory proof) =
            ReferenceLog.invent(OLD_SIZE, NEW_SIZE, "gas");
        for (uint256 i = 0; i <= RING; ++i) {
            _submit(_checkpoint(OLD_SIZE, oldRoot), new bytes32[](0), count, none());
        }
        uint256[] memory absent = new uint256[](absentCount);
        for (uint256 i = 0; i < absentCount; ++i) {
            absent[i] = 3 * i;
        }
        return _submit(_checkpoint(NEW_SIZE, newRoot), proof, count, absent);
    }

    function _submit(
        Checkpoint memory checkpoint,
        bytes32[] memory proof,
        uint256 count,
        uint256[] memory absent
    ) private returns (uint256) {
        Certificate memory certificate = certify(checkpoint, count, absent);
        anchor.submit(checkpoint, proof, certificate);
        return vm.lastCallGas().gasTotalUsed;
    }

    /// @dev As soon as the last anchoring allows it.
    function _checkpoint(uint64 size, bytes32 root) private returns (Checkpoint memory checkpoint) {
        vm.warp(vm.getBlockTimestamp() + SPACING);
        checkpoint = nextCheckpoint(0);
        (checkpoint.size, checkpoint.root) = (size, root);
    }
}
