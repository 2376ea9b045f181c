// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    AnchorConfig,
    Certificate,
    Checkpoint,
    IAnchor,
    Member
} from "../../contracts/interfaces/IAnchor.sol";
import {Writer} from "../../contracts/interfaces/INetwork.sol";
import {BlsLib, G2Point} from "../../contracts/libraries/BlsLib.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {Deploy} from "../utils/Deploy.sol";
import {Test} from "forge-std/Test.sol";

/// @notice The vectors that other languages read, too: the set, checkpoints and certificates of one
/// network, whose anchor is deployed at the address that they name.
contract MainnetVectorsTest is Test {
    /// @dev Sets live for 30 days at most.
    uint256 private constant SET_LIFE = 30 days;

    string private network;
    string private set;
    string private certificates;
    string private checkpoints;
    address private target;

    function setUp() public {
        network = vm.readFile("test/vectors/network.json");
        set = vm.readFile("test/vectors/set.json");
        certificates = vm.readFile("test/vectors/certificate.json");
        checkpoints = vm.readFile("test/vectors/checkpoint.json");
        target = vm.parseJsonAddress(network, ".anchor");
        vm.chainId(vm.parseJsonUint(network, ".anchorChainId"));
        vm.warp(vm.parseJsonUint(set, ".notAfter") - SET_LIFE);
    }

    /* NETWORK AND SET */

    function test_vectors_NetworkAndSet() public {
        IAnchor anchor = _deploy(_config());
        assertEq(anchor.networkId(), vm.parseJsonBytes32(network, ".networkId"), "networkId");
        assertEq(anchor.setHash(), vm.parseJsonBytes32(set, ".setHash"), "set hash");
        bytes memory file = vm.parseJsonBytes(set, ".bytes");
        bytes memory header = abi.encodePacked(
            anchor.networkId(),
            anchor.setNumber(),
            anchor.notAfter(),
            uint64(vm.parseJsonUint(set, ".total")),
            uint16(_config().members.length)
        );
        assertEq(file, bytes.concat(header, anchor.members()), "set file");
    }

    function test_vectors_KeysOfSecrets() public view {
        G2Point memory sum;
        for (uint256 i = 0; vm.keyExistsJson(set, _at(".members", i)); ++i) {
            string memory where = _at(".members", i);
            uint256 secret = uint256(vm.parseJsonBytes32(set, string.concat(where, ".secretKey")));
            bytes memory key = vm.parseJsonBytes(set, string.concat(where, ".key"));
            assertEq(BlsSigner.keyOf(secret), key, "key");
            BlsLib.addTo(sum, abi.decode(key, (G2Point)));
        }
        assertEq(abi.encode(sum), vm.parseJsonBytes(set, ".aggregateKey"), "aggregate");
    }

    function test_vectors_InvalidKeysAreRefused() public {
        uint256 i = 0;
        for (; vm.keyExistsJson(set, _at(".invalidKeys", i)); ++i) {
            AnchorConfig memory config = _config();
            string memory where = _at(".invalidKeys", i);
            config.members[0].key =
                BlsSigner.words8(vm.parseJsonBytes(set, string.concat(where, ".key")));
            _refuseDeployment(config, vm.parseJsonString(set, string.concat(where, ".name")));
        }
        assertGe(i, 7, "invalid keys");
    }

    function test_vectors_InvalidProofsAreRefused() public {
        uint256 i = 0;
        for (; vm.keyExistsJson(set, _at(".invalidProofs", i)); ++i) {
            AnchorConfig memory config = _config();
            string memory where = _at(".invalidProofs", i);
            bytes memory proof = vm.parseJsonBytes(set, string.concat(where, ".proofOfPossession"));
            config.members[0].proofOfPossession = BlsSigner.words4(proof);
            _refuseDeployment(config, vm.parseJsonString(set, string.concat(where, ".name")));
        }
        assertGe(i, 5, "invalid proofs");
    }

    /* CHECKPOINTS */

    function test_vectors_Digests() public {
        IAnchor anchor = _deploy(_config());
        uint256 i = 0;
        for (; vm.keyExistsJson(checkpoints, _at(".cases", i)); ++i) {
            bytes32 want =
                vm.parseJsonBytes32(checkpoints, string.concat(_at(".cases", i), ".digest"));
            assertEq(anchor.digestOf(_checkpoint(i)), want, "digest");
        }
        assertGe(i, 2, "checkpoints");
    }

    /* CERTIFICATES */

    function test_vectors_CertificatesCountTheirQuorum() public {
        uint256 total = vm.parseJsonUint(set, ".total");
        uint256 i = 0;
        for (; vm.keyExistsJson(certificates, _at(".cases", i)); ++i) {
            string memory where = _at(".cases", i);
            uint256 code = vm.parseJsonUint(certificates, string.concat(where, ".code"));
            uint256 weight = vm.parseJsonUint(certificates, string.concat(where, ".weight"));
            bytes memory refusal = code == 0
                ? bytes("")
                : abi.encodeWithSelector(IAnchor.QuorumMissing.selector, weight, total);
            _submit(where, refusal);
        }
        assertGe(i, 4, "cases");
    }

    function test_vectors_InvalidCertificatesAreRefused() public {
        bytes32 digest = vm.parseJsonBytes32(checkpoints, ".cases[0].digest");
        uint256 i = 0;
        for (; vm.keyExistsJson(certificates, _at(".invalid", i)); ++i) {
            string memory where = _at(".invalid", i);
            string memory name = vm.parseJsonString(certificates, string.concat(where, ".name"));
            bytes memory refusal = _isOfAPoint(name)
                ? abi.encodeWithSelector(IAnchor.PointInvalid.selector)
                : abi.encodeWithSelector(IAnchor.CertificateSignatureInvalid.selector, digest);
            _submit(where, refusal);
        }
        assertGe(i, 5, "invalid");
    }

    /* HELPERS */

    /// @dev One code of the verifier, two errors of the anchor.
    function _isOfAPoint(string memory name) private pure returns (bool) {
        bytes32 hash = keccak256(bytes(name));
        return hash == keccak256("signature of infinity")
            || hash == keccak256("signature outside the subgroup");
    }

    /// @dev Submits the first checkpoint to a fresh anchor with the certificate at `where`.
    function _submit(string memory where, bytes memory refusal) private {
        uint256 state = vm.snapshotState();
        IAnchor anchor = _deploy(_config());
        Checkpoint memory checkpoint = _checkpoint(0);
        vm.warp(checkpoint.blockTime);
        Certificate memory certificate = Certificate({
            bitmap: vm.parseJsonBytes(certificates, string.concat(where, ".bitmap")),
            signature: vm.parseJsonBytes(certificates, string.concat(where, ".signature"))
        });
        if (refusal.length != 0) vm.expectRevert(refusal);
        // a refused point burns all gas that the pairing is given
        anchor.submit{gas: 2_000_000}(checkpoint, new bytes32[](0), certificate);
        assertEq(anchor.head().count, refusal.length == 0 ? 1 : 0, where);
        assertTrue(vm.revertToState(state), "state");
    }

    function _refuseDeployment(AnchorConfig memory config, string memory name) private {
        (bool success, bytes memory output) = _construct(config);
        assertFalse(success, name);
        bytes memory want = abi.encodeWithSelector(IAnchor.MemberInvalid.selector, 0);
        assertEq(output, want, name);
    }

    function _deploy(AnchorConfig memory config) private returns (IAnchor) {
        (bool success, bytes memory code) = _construct(config);
        assertTrue(success, "deployed");
        vm.etch(target, code);
        return IAnchor(target);
    }

    /// @dev Runs the creation code at the address of the vectors.
    function _construct(AnchorConfig memory config) private returns (bool, bytes memory) {
        vm.etch(target, bytes.concat(Deploy.anchorCode(), abi.encode(config)));
        vm.setNonceUnsafe(target, 1);
        // a refused point burns all gas that the pairing is given
        return target.call{gas: 20_000_000}("");
    }

    function _config() private view returns (AnchorConfig memory config) {
        config.sidechainId = vm.parseJsonUint(network, ".sidechainId");
        config.registry = vm.parseJsonAddress(network, ".registry");
        config.parameters.random = vm.parseJsonBytes32(network, ".random");
        config.parameters.checkpointInterval = _parameter("checkpointInterval");
        config.parameters.heartbeat = _parameter("heartbeat");
        config.parameters.challengePeriod = _parameter("challengePeriod");
        config.parameters.queryDeadline = _parameter("queryDeadline");
        config.parameters.ringSize = uint32(_parameter("ringSize"));
        config.parameters.writers = new Writer[](1);
        config.parameters.writers[0] = Writer({
            kind: uint8(_parameter("writers[0].kind")),
            writer: vm.parseJsonAddress(network, ".parameters.writers[0].writer")
        });
        Checkpoint memory first = _checkpoint(0);
        config.baseBlock = first.blockNumber - 1;
        config.baseTime = first.blockTime - 1;
        config.notAfter = uint64(vm.parseJsonUint(set, ".notAfter"));
        uint256 count = 0;
        while (vm.keyExistsJson(set, _at(".members", count))) {
            ++count;
        }
        config.members = new Member[](count);
        for (uint256 i = 0; i < count; ++i) {
            config.members[i] = _member(_at(".members", i));
        }
    }

    function _member(string memory where) private view returns (Member memory member) {
        member.account = vm.parseJsonAddress(set, string.concat(where, ".address"));
        member.weight = uint64(vm.parseJsonUint(set, string.concat(where, ".weight")));
        member.key = BlsSigner.words8(vm.parseJsonBytes(set, string.concat(where, ".key")));
        member.proofOfPossession =
            BlsSigner.words4(vm.parseJsonBytes(set, string.concat(where, ".proofOfPossession")));
    }

    function _checkpoint(uint256 i) private view returns (Checkpoint memory) {
        string memory where = string.concat(_at(".cases", i), ".checkpoint.");
        return Checkpoint({
            networkId: vm.parseJsonBytes32(checkpoints, string.concat(where, "networkId")),
            era: uint32(vm.parseJsonUint(checkpoints, string.concat(where, "era"))),
            setNumber: uint64(vm.parseJsonUint(checkpoints, string.concat(where, "setNumber"))),
            blockNumber: uint64(vm.parseJsonUint(checkpoints, string.concat(where, "blockNumber"))),
            blockHash: vm.parseJsonBytes32(checkpoints, string.concat(where, "blockHash")),
            blockTime: uint64(vm.parseJsonUint(checkpoints, string.concat(where, "blockTime"))),
            size: uint64(vm.parseJsonUint(checkpoints, string.concat(where, "size"))),
            root: vm.parseJsonBytes32(checkpoints, string.concat(where, "root")),
            nextSet: vm.parseJsonBytes32(checkpoints, string.concat(where, "nextSet"))
        });
    }

    function _parameter(string memory name) private view returns (uint64) {
        return uint64(vm.parseJsonUint(network, string.concat(".parameters.", name)));
    }

    function _at(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }
}
