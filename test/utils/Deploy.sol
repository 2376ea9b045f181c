// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AnchorConfig, IAnchor} from "../../contracts/interfaces/IAnchor.sol";
import {IBulletin} from "../../contracts/interfaces/IBulletin.sol";
import {IRegistry, RegistryConfig} from "../../contracts/interfaces/IRegistry.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @title Deploys the contracts from forge's artifacts, as `new` would
/// @notice A test that imported a contract would have to be compiled like it, which takes minutes
/// for all tests together (foundry.toml); tests import interfaces and deploy from here.
library Deploy {
    VmSafe private constant VM = VmSafe(address(uint160(uint256(keccak256("hevm cheat code")))));

    function registry(RegistryConfig memory config) internal returns (IRegistry) {
        return IRegistry(_create(registryCode(), abi.encode(config)));
    }

    /// @notice The registry that skips check `check`.
    function falseRegistry(uint256 check, RegistryConfig memory config)
        internal
        returns (IRegistry)
    {
        string memory name = string.concat("FalseRegistries.sol:FalseRegistry", VM.toString(check));
        return IRegistry(_create(VM.getCode(name), abi.encode(config)));
    }

    function anchor(AnchorConfig memory config) internal returns (IAnchor) {
        return IAnchor(_create(anchorCode(), abi.encode(config)));
    }

    function bulletin() internal returns (IBulletin) {
        return IBulletin(_create(VM.getCode("Bulletin.sol:Bulletin"), ""));
    }

    /// @notice Creation code, without arguments.
    function registryCode() internal view returns (bytes memory) {
        return VM.getCode("Registry.sol:Registry");
    }

    /// @notice Creation code, without arguments.
    function anchorCode() internal view returns (bytes memory) {
        return VM.getCode("Anchor.sol:Anchor");
    }

    function _create(bytes memory code, bytes memory arguments) private returns (address created) {
        bytes memory all = bytes.concat(code, arguments);
        assembly ("memory-safe") {
            created := create(0, add(all, 0x20), mload(all))
            if iszero(created) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }
}
