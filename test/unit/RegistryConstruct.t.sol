// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {INetwork, Parameters, Writer} from "../../contracts/interfaces/INetwork.sol";
import {IRegistry, RegistryConfig} from "../../contracts/interfaces/IRegistry.sol";
import {Deploy} from "../utils/Deploy.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";

/// @notice Deployment: the network's id, record 0, and parameters that no network may have
/// (docs/protocol.md section 2).
contract RegistryConstructTest is RegistryBase {
    /* WHAT A DEPLOYMENT FIXES */

    function test_construct_NetworkIdBindsContractsChainsAndParameters() public view {
        assertEq(registry.networkId(), _networkId(config(), address(registry)), "networkId");
    }

    function testFuzz_construct_NetworkIdAsByHand(RegistryConfig memory own, uint64 chain) public {
        vm.chainId(bound(chain, 1, type(uint64).max - 1));
        own.parameters = _mend(own.parameters);
        registry = Deploy.registry(own);
        assertEq(registry.networkId(), _networkId(own, address(registry)), "networkId");
        assertEq(registry.root(), _genesisLeaf(own), "root");
    }

    function test_construct_GenesisIsRecordZero() public {
        RegistryConfig memory own = config();
        own.parentNetwork = keccak256("parent");
        own.parentCheckpoint = keccak256("checkpoint");
        own.parentSize = 77;
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectEmit(next);
        emit IRegistry.NetworkStarted(
            _networkId(own, next), own.parentNetwork, own.parentCheckpoint, 77
        );
        registry = Deploy.registry(own);
        assertEq(address(registry), next, "predicted address");
        assertEq(registry.size(), 1, "size");
        assertEq(registry.root(), _genesisLeaf(own), "root");
    }

    function test_construct_DomainHasNoChainId() public {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,address verifyingContract,"
                    "bytes32 salt)"
                ),
                keccak256("Fallow"),
                keccak256("1"),
                registry,
                registry.networkId()
            )
        );
        assertEq(registry.domainSeparator(), domain, "domain separator");
        vm.chainId(99);
        assertEq(registry.domainSeparator(), domain, "whatever the chain says of itself later");
    }

    function test_eip712Domain_DescribesIt() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = registry.eip712Domain();
        assertEq(fields, bytes1(0x1b), "fields");
        assertEq(name, "Fallow", "name");
        assertEq(version, "1", "version");
        assertEq(chainId, 0, "chainId");
        assertEq(verifyingContract, address(registry), "verifyingContract");
        assertEq(salt, registry.networkId(), "salt");
        assertEq(extensions.length, 0, "extensions");
    }

    /// @dev Each part of the network on its own makes another network.
    function test_construct_NeverTwoNetworksWithOneId() public {
        bytes32[] memory ids = new bytes32[](10);
        for (uint256 part = 0; part < ids.length; ++part) {
            RegistryConfig memory own = config();
            _change(own, part);
            vm.chainId(part == 9 ? 4242 : 31_337);
            // at one address, as in two chains
            vm.setNonce(address(this), uint64(1000 + part));
            address twin = vm.computeCreateAddress(address(this), 1000 + part);
            assertEq(address(Deploy.registry(own)), twin, "predicted address");
            ids[part] = _networkId(own, address(registry));
            assertEq(IRegistry(twin).networkId(), _networkId(own, twin), "networkId");
            for (uint256 i = 0; i < part; ++i) {
                assertNotEq(ids[i], ids[part], "two networks with one id");
            }
        }
    }

    /* PARAMETERS */

    function test_construct_RevertWhen_IntervalIsZero() public {
        Parameters memory own = parameters();
        own.checkpointInterval = 0;
        _assertInvalid(own);
        (own.checkpointInterval, own.heartbeat) = (1, 1);
        _assertValid(own);
    }

    function test_construct_RevertWhen_HeartbeatIsZero() public {
        Parameters memory own = parameters();
        own.heartbeat = 0;
        _assertInvalid(own);
        own.heartbeat = own.checkpointInterval;
        _assertValid(own);
    }

    function test_construct_RevertWhen_HeartbeatIsNotAMultiple() public {
        Parameters memory own = parameters();
        own.heartbeat = own.checkpointInterval - 1;
        _assertInvalid(own);
        own.heartbeat = 2 * own.checkpointInterval + 1;
        _assertInvalid(own);
        own.heartbeat = 2 * own.checkpointInterval;
        _assertValid(own);
        (own.checkpointInterval, own.heartbeat) = (type(uint64).max, type(uint64).max);
        _assertValid(own);
    }

    function test_construct_RevertWhen_RingHasNoOrTooManyEntries() public {
        Parameters memory own = parameters();
        own.ringSize = 0;
        _assertInvalid(own);
        own.ringSize = 2 ** 20 + 1;
        _assertInvalid(own);
        own.ringSize = type(uint32).max;
        _assertInvalid(own);
        own.ringSize = 2 ** 20;
        _assertValid(own);
        own.ringSize = 1;
        _assertValid(own);
    }

    function test_construct_RevertWhen_TooManyWriters() public {
        Parameters memory own = parameters();
        own.writers = _writers(17, 16);
        _assertInvalid(own);
        own.writers = _writers(16, 16);
        _assertValid(own);
        own.writers = _writers(16, 240);
        _assertValid(own);
    }

    function test_construct_RevertWhen_WriterHasAKindOfTheRegistrysOwn() public {
        Parameters memory own = parameters();
        for (uint8 kind = 0; kind < 16; ++kind) {
            own.writers = _writers(1, kind);
            _assertInvalid(own);
        }
    }

    function test_construct_RevertWhen_KindsDoNotAscend() public {
        Parameters memory own = parameters();
        own.writers = _writers(3, 16);
        own.writers[2].kind = 17;
        _assertInvalid(own);
        own.writers[2].kind = 16;
        _assertInvalid(own);
        own.writers[1].kind = 255;
        own.writers[2].kind = 255;
        _assertInvalid(own);
        own.writers[1].kind = 254;
        _assertValid(own);
    }

    function test_construct_RevertWhen_WriterIsZero() public {
        Parameters memory own = parameters();
        own.writers = _writers(3, 16);
        own.writers[1].writer = address(0);
        _assertInvalid(own);
    }

    function _assertValid(Parameters memory own) private {
        RegistryConfig memory all = config();
        all.parameters = own;
        registry = Deploy.registry(all);
        assertEq(registry.networkId(), _networkId(all, address(registry)), "networkId");
        for (uint256 i = 0; i < own.writers.length; ++i) {
            address writer = registry.writerOf(own.writers[i].kind);
            assertEq(writer, own.writers[i].writer, "writer");
        }
    }

    function _assertInvalid(Parameters memory own) private {
        RegistryConfig memory all = config();
        all.parameters = own;
        vm.expectRevert(INetwork.ParametersInvalid.selector);
        Deploy.registry(all);
    }

    function _writers(uint256 count, uint8 from) private pure returns (Writer[] memory writers) {
        writers = new Writer[](count);
        for (uint256 i = 0; i < count; ++i) {
            writers[i] = Writer(uint8(from + i), address(uint160(0x1000 + i)));
        }
    }

    function _change(RegistryConfig memory own, uint256 part) private pure {
        if (part == 1) own.anchorChainId = 5;
        if (part == 2) own.anchor = address(0xbeef);
        if (part == 3) own.parameters.random = keccak256("other");
        if (part == 4) own.parameters.heartbeat = 128;
        if (part == 5) own.parameters.challengePeriod = 1;
        if (part == 6) own.parameters.queryDeadline = 1;
        if (part == 7) own.parameters.ringSize = 65;
        if (part == 8) own.parameters.writers = _writers(1, 16);
    }

    /// @dev The nearest parameters that a network may have.
    function _mend(Parameters memory own) private pure returns (Parameters memory) {
        own.checkpointInterval = uint64(bound(own.checkpointInterval, 1, type(uint32).max));
        own.heartbeat = own.checkpointInterval * uint64(bound(own.heartbeat, 1, type(uint32).max));
        own.ringSize = uint32(bound(own.ringSize, 1, 2 ** 20));
        own.writers = _writers(own.writers.length % 17, 16);
        return own;
    }

    /* BY HAND */

    function _genesisLeaf(RegistryConfig memory own) private view returns (bytes32) {
        bytes memory header = abi.encodePacked(
            uint8(1), uint8(0), registry, uint64(0), uint64(vm.getBlockTimestamp())
        );
        bytes memory body = abi.encodePacked(
            registry.networkId(), own.parentNetwork, own.parentCheckpoint, own.parentSize
        );
        assertEq(header.length + body.length, 142, "size of the genesis record");
        return keccak256(bytes.concat(hex"00", header, body));
    }

    function _networkId(RegistryConfig memory own, address at) private view returns (bytes32) {
        Parameters memory all = own.parameters;
        bytes memory encoded = bytes.concat(
            all.random,
            abi.encodePacked(all.checkpointInterval, all.heartbeat, all.challengePeriod),
            abi.encodePacked(all.queryDeadline, all.ringSize, uint8(all.writers.length))
        );
        for (uint256 i = 0; i < all.writers.length; ++i) {
            encoded = abi.encodePacked(encoded, all.writers[i].kind, all.writers[i].writer);
        }
        bytes memory ends = abi.encode(block.chainid, at, own.anchorChainId, own.anchor);
        return keccak256(abi.encodePacked("fallow.network.v1", ends, keccak256(encoded)));
    }
}
