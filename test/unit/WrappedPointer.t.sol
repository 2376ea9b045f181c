// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IRegistry, Request} from "../../contracts/interfaces/IRegistry.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";

/// @notice Solidity lets an item of a calldata array have a negative offset, so the item may begin
/// a few bytes before the end of the address space. A copy reads zeros there, while single loads
/// wrap round to the start of the calldata: such an item would be hashed as one message and read as
/// another. It has to be refused whole.
contract WrappedPointerTest is RegistryBase {
    /// @dev How far before the end of the address space the item begins.
    uint256 private constant BEFORE_END = 9;

    /// @dev One item whose requester reads as the attacker's address and whose volume as all ones,
    /// with the attacker's signature over the request of zeros.
    function test_requestMany_NeverHashesOneMessageAndReadsAnother() public {
        Request memory zeros;
        uint256 key = _attacker();
        bytes memory signature = sign(key, registry.requestId(zeros));
        vm.recordLogs();
        // A low-level call, because no encoder writes such calldata.
        (bool done, bytes memory answer) =
            address(registry).call(_calldata(vm.addr(key), signature));
        assertFalse(done, "refused");
        assertEq(answer.length, 0, "as no encoding of messages");
        assertEq(vm.getRecordedLogs().length, 0, "nothing is said of a message");
    }

    /// @dev An address whose first byte can serve as the offset of the array as well: the item's
    /// second word begins with the end of that offset.
    function _attacker() private pure returns (uint256 key) {
        key = 1;
        while (uint160(vm.addr(key)) >> 152 < 0xf8) ++key;
    }

    function _calldata(address attacker, bytes memory signature)
        private
        pure
        returns (bytes memory data)
    {
        uint256 array = uint160(attacker) >> 152;
        uint256 item = 4 + array + 32;
        data = new bytes(item + 128);
        _put(data, 0, uint256(bytes32(IRegistry.requestMany.selector)));
        _put(data, 4, array);
        _put(data, 36, uint256(uint160(attacker)) << 104);
        _put(data, 0x40 - BEFORE_END, type(uint256).max);
        // where the item's signatures are, from its beginning
        _put(data, 0xe0 - BEFORE_END, item + 32 + BEFORE_END);
        _put(data, 4 + array, 1);
        unchecked {
            _put(data, item, 0 - BEFORE_END - item);
        }
        _put(data, item + 32, 64);
        (bytes32 r, bytes32 vs) = abi.decode(signature, (bytes32, bytes32));
        _put(data, item + 64, uint256(r));
        _put(data, item + 96, uint256(vs));
    }

    function _put(bytes memory data, uint256 position, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), position), word)
        }
    }
}
