// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, Request} from "../../contracts/interfaces/IRegistry.sol";
import {PaperRegistry} from "../baselines/PaperRegistry.sol";
import {PlainMessages, PlainRegistry} from "../baselines/PlainRegistry.sol";
import {FigureWriter} from "../utils/FigureWriter.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";

/// @notice The same messages through the real registry and through two simpler ones, whole
/// transactions. Figures go to out/baselines/gas.json; docs/performance.md shows them side by side.
contract BaselineGasTest is RegistryBase, FigureWriter {
    PlainRegistry private plain;
    PaperRegistry private paper;

    function setUp() public override {
        super.setUp();
        beginFigures("out/baselines", "BaselineGas");
        plain = new PlainRegistry();
        paper = new PaperRegistry();
    }

    string private constant ANNOUNCED = "one announcement, log of 100 records";
    string private constant FIRST = "one request, 1 slot, the first of its requester";
    string private constant WALK = "one request on a resource with so many allocations before it";

    function test_baseline_gas() public {
        _warmUp();
        figure("plain.announce", _announce(address(plain), 101), ANNOUNCED);
        figure("paper.announce", _announce(address(paper), 101), ANNOUNCED);
        figure("fallow.announce", _announceReal(101), ANNOUNCED);
        _walk(10);
        _walk(100);
        _walk(1000);
        writeFigures("out/baselines/gas.json");
    }

    /// @dev A log of a hundred records in each of the three.
    function _warmUp() private {
        for (uint256 i = 0; i < 100; ++i) {
            _announce(address(plain), i);
            _announce(address(paper), i);
            _announceReal(i);
        }
    }

    /// @dev Requests after `count` earlier ones on one resource.
    function _walk(uint256 count) private {
        string memory suffix = string.concat(".after", vm.toString(count));
        Announcement memory message = _fresh(10_000 + count);
        _announceReal(10_000 + count);
        _announce(address(plain), 10_000 + count);
        _announce(address(paper), 10_000 + count);
        bytes32 id = registry.announcementId(message);
        bytes32 other = plain.announcementId(message);
        bytes32 third = paper.announcementId(message);
        uint256[3] memory used;
        for (uint256 i = 0; i <= count; ++i) {
            _become(count * 10_000 + i);
            used[0] = _requestReal(id);
            used[1] = _request(address(plain), other);
            used[2] = _request(address(paper), third);
        }
        figure(string.concat("fallow.request", suffix), used[0], WALK);
        figure(string.concat("plain.request", suffix), used[1], WALK);
        figure(string.concat("paper.request", suffix), used[2], WALK);
    }

    function _announce(address target, uint256 number) private returns (uint256) {
        Announcement memory message = _fresh(number);
        bytes memory signature = sign(providerKey, PlainMessages(target).announcementId(message));
        PlainRegistry(target).announce(message, signature);
        return vm.lastCallGas().gasTotalUsed;
    }

    function _announceReal(uint256 number) private returns (uint256) {
        Announcement memory message = _fresh(number);
        registry.announce(message, signed(message));
        return vm.lastCallGas().gasTotalUsed;
    }

    function _request(address target, bytes32 resourceId) private returns (uint256) {
        Request memory message = ask(resourceId);
        message.volume = 1;
        bytes memory signature = sign(requesterKey, PlainMessages(target).requestId(message));
        PlainRegistry(target).request(message, signature);
        return vm.lastCallGas().gasTotalUsed;
    }

    function _requestReal(bytes32 resourceId) private returns (uint256) {
        Request memory message = ask(resourceId);
        message.volume = 1;
        registry.request(message, signed(message));
        return vm.lastCallGas().gasTotalUsed;
    }

    function _become(uint256 number) private {
        requesterKey = 0xabcd000000 + number;
        requester = vm.addr(requesterKey);
    }

    function _fresh(uint256 number) private view returns (Announcement memory message) {
        message = offer();
        message.volume = type(uint16).max;
        message.offer = keccak256(abi.encode(number));
    }
}
