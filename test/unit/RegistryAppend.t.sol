// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Parameters, Writer} from "../../contracts/interfaces/INetwork.sol";
import {IRegistry, RegistryConfig} from "../../contracts/interfaces/IRegistry.sol";
import {Deploy} from "../utils/Deploy.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";

/// @notice Further writers: docs/protocol.md section 4.5.
contract RegistryAppendTest is RegistryBase {
    address private constant MARKET = address(0x3a7);
    address private constant OTHER = address(0x07e7);
    bytes32[] private leaves;

    function setUp() public override {
        super.setUp();
        RegistryConfig memory own = config();
        Parameters memory changed = parameters();
        changed.writers = new Writer[](3);
        changed.writers[0] = Writer(16, MARKET);
        changed.writers[1] = Writer(17, OTHER);
        changed.writers[2] = Writer(255, MARKET);
        own.parameters = changed;
        registry = Deploy.registry(own);
        leaves.push(registry.root());
    }

    function test_append_WhenFine_RecordIsAppended() public {
        bytes memory body = "what the market wrote";
        vm.expectEmit(address(registry));
        emit IRegistry.RecordAppended(16, MARKET, 1, body);
        _append(16, MARKET, body);
    }

    /// @dev Bodies of each length that is allowed, of each kind that there is.
    function testFuzz_append_SameLeafAsByHand(uint256 kind, bytes memory body, uint256 length)
        public
    {
        length = bound(length, 0, 512);
        body = abi.encodePacked(body, new bytes(512));
        assembly ("memory-safe") {
            mstore(body, length)
        }
        uint8[3] memory kinds = [16, 17, 255];
        _append(16, MARKET, "");
        vm.warp(NOW + length);
        uint8 drawn = kinds[kind % 3];
        _append(drawn, drawn == 17 ? OTHER : MARKET, body);
    }

    function test_append_GivenThirtyRecords_RootIsThatOfTheRecursion() public {
        for (uint256 i = 0; i < 30; ++i) {
            _append(16, MARKET, abi.encode(i));
        }
    }

    function test_writerOf_NamesTheWriters() public view {
        for (uint256 kind = 0; kind < 256; ++kind) {
            address want = kind == 16 || kind == 255 ? MARKET : address(0);
            if (kind == 17) want = OTHER;
            assertEq(registry.writerOf(uint8(kind)), want, "writer");
        }
    }

    /* REFUSED */

    function test_append_RevertWhen_BodyIsTooLong() public {
        vm.startPrank(MARKET);
        uint256[3] memory lengths = [uint256(513), 544, 24_576];
        for (uint256 i = 0; i < lengths.length; ++i) {
            vm.expectRevert(refusal(IRegistry.BodyTooLong.selector, lengths[i], 512));
            registry.append(16, new bytes(lengths[i]));
        }
        assertEq(registry.size(), 1, "nothing was appended");
        registry.append(16, new bytes(512));
        assertEq(registry.size(), 2, "the longest body is fine");
    }

    function testFuzz_append_RevertWhen_CallerIsNotTheWriter(uint8 kind, address caller) public {
        address writer = registry.writerOf(kind);
        vm.assume(caller != writer && caller != address(0));
        vm.prank(caller);
        vm.expectRevert(
            abi.encodeWithSelector(IRegistry.WriterInvalid.selector, kind, caller, writer)
        );
        registry.append(kind, "");
        assertEq(registry.size(), 1, "nothing was appended");
    }

    /// @dev A writer of one kind is a stranger to the next.
    function test_append_NeverTakesAWriterOfAnotherKind() public {
        vm.prank(MARKET);
        vm.expectRevert(
            abi.encodeWithSelector(IRegistry.WriterInvalid.selector, uint8(17), MARKET, OTHER)
        );
        registry.append(17, "");
    }

    /// @dev Not even the registry itself: nobody forges an announcement or an allocation.
    function test_append_NeverTakesAKindOfTheRegistrysOwn() public {
        for (uint8 kind = 0; kind < 16; ++kind) {
            address[3] memory callers = [MARKET, address(registry), address(this)];
            for (uint256 i = 0; i < callers.length; ++i) {
                vm.prank(callers[i]);
                vm.expectPartialRevert(IRegistry.WriterInvalid.selector);
                registry.append(kind, "");
            }
        }
        assertEq(registry.size(), 1, "nothing was appended");
    }

    function test_append_RevertWhen_CallerAndBodyAreWrong_CallerIsNamed() public {
        vm.expectRevert(
            abi.encodeWithSelector(IRegistry.WriterInvalid.selector, uint8(16), this, MARKET)
        );
        registry.append(16, new bytes(513));
    }

    /// @dev Appends, and holds size and root against records put together by hand.
    function _append(uint8 kind, address writer, bytes memory body) private {
        uint64 index = uint64(leaves.length);
        bytes memory record =
            abi.encodePacked(uint8(1), kind, writer, index, uint64(vm.getBlockTimestamp()), body);
        leaves.push(keccak256(bytes.concat(hex"00", record)));
        vm.prank(writer);
        assertEq(registry.append(kind, body), index, "index of the record");
        assertEq(registry.size(), leaves.length, "size");
        assertEq(registry.root(), ReferenceLog.root(leaves, 0, leaves.length), "root");
    }
}
