// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, Release, Request} from "../../contracts/interfaces/IRegistry.sol";
import {FigureWriter} from "../utils/FigureWriter.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";
import {SparseLog} from "../utils/SparseLog.sol";

/// @notice What packed batches cost: whole transactions, as a receipt would say. Figures go to
/// out/figures/packed.json and, for the diff, to test/snapshots.
contract PackedGasTest is RegistryBase, FigureWriter, SparseLog {
    uint256 internal constant BATCH = 100;
    uint256 internal constant LOG_SIZE = 1000;
    /// @dev The releases' log: 2^20 records and a few more, so all of these stand under one peak.
    uint256 internal constant HEIGHT = 20;
    /// @dev The slot that is asked and released starts so late that the notice is kept.
    uint64 internal constant START = uint64(NOW) + SLOT;

    string private constant REQUEST = "requestPacked of 100 at log size 1000: one group of one slot, "
        "returning requesters, calendar word in use; total / 100";
    string private constant REQUEST_SPREAD = "requestPacked of 100 at log size 1000: 100 groups of one "
        "request, each of another resource and a new requester, calendar words in use; total / 100";
    string private constant ADJACENT = "releasePacked of 100 in a log of 2^20: adjacent records of one "
        "resource and one slot, each path leans on the one before; total / 100";
    string private constant SCATTERED = "releasePacked of 100 in a log of 2^20: records at random, each "
        "of another resource, in ascending order, so that paths lean on each other; in each group of "
        "256 records another was released before; total / 100";
    string private constant FRESH = "the same, but nothing was released before: each release opens a "
        "word of storage; total / 100";

    /// @dev By number: its resource.
    bytes32[] private resources;

    function setUp() public override {
        super.setUp();
        beginFigures("out/figures", "PackedGas");
    }

    /// @dev All figures in one test, so that they are written to one file in one order. Each begins
    /// with the state that this one finds.
    function test_packed_gas() public {
        uint256 start = vm.snapshotState();
        uint256[5] memory figures;
        figures[0] = _requestsOfOne();
        require(vm.revertToState(start));
        figures[1] = _requestsSpread();
        require(vm.revertToState(start));
        figures[2] = _releasesAdjacent();
        require(vm.revertToState(start));
        figures[3] = _releasesScattered(true);
        require(vm.revertToState(start));
        figures[4] = _releasesScattered(false);
        figurePerItem("gas.request.packed100", figures[0] / BATCH, REQUEST);
        figurePerItem("gas.request.packed100.spread", figures[1] / BATCH, REQUEST_SPREAD);
        figurePerItem("gas.release.packed100.adjacent", figures[2] / BATCH, ADJACENT);
        figurePerItem("gas.release.packed100.scattered", figures[3] / BATCH, SCATTERED);
        figurePerItem("gas.release.packed100.scattered.fresh", figures[4] / BATCH, FRESH);
        writeFigures("out/figures/packed.json");
    }

    /* REQUESTS */

    function _requestsOfOne() private returns (uint256) {
        _announce(1);
        for (uint256 i = 0; i < BATCH; ++i) {
            _become(i);
            Request memory message = _ask(0, 1);
            registry.request(message, signed(message));
        }
        _fillLog(LOG_SIZE);
        bytes memory batch = _header(BATCH, 0);
        for (uint256 i = 0; i < BATCH; ++i) {
            batch = bytes.concat(batch, _item(i, 0, 2));
        }
        return _request(batch);
    }

    function _requestsSpread() private returns (uint256) {
        _announce(BATCH);
        _use();
        _fillLog(LOG_SIZE);
        bytes memory batch;
        for (uint256 i = 0; i < BATCH; ++i) {
            batch = bytes.concat(batch, _header(1, i), _item(i, i, 1));
        }
        return _request(batch);
    }

    function _request(bytes memory batch) private returns (uint256 gasUsed) {
        registry.requestPacked(batch);
        gasUsed = vm.lastCallGas().gasTotalUsed;
        assertEq(registry.size(), LOG_SIZE + BATCH, "all are recorded");
    }

    function _header(uint256 count, uint256 resource) private view returns (bytes memory) {
        return abi.encodePacked(
            uint8(0),
            uint16(count),
            uint40(START),
            uint40(START + SLOT),
            uint40(NOW),
            resources[resource]
        );
    }

    function _item(uint256 number, uint256 resource, uint64 sequence)
        private
        returns (bytes memory)
    {
        _become(number);
        Request memory message = _ask(resource, sequence);
        bytes memory signature = signed(message);
        return abi.encodePacked(requester, message.volume, uint16(0), sequence, signature);
    }

    /* RELEASES */

    function _releasesAdjacent() private returns (uint256) {
        _announce(1);
        _use();
        uint256[] memory indexes = new uint256[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            indexes[i] = 700_000 + i;
        }
        return _release(indexes);
    }

    function _releasesScattered(bool opened) private returns (uint256) {
        _announce(BATCH);
        _use();
        uint256[] memory indexes = _scatter();
        for (uint256 i = 0; opened && i < BATCH; ++i) {
            uint256 other = (indexes[i] + 1) % 256;
            vm.store(address(registry), _releasedSlot(indexes[i] / 256), bytes32(1 << other));
        }
        return _release(indexes);
    }

    /// @dev Random, one in each hundredth of the log and none in another's group.
    function _scatter() private pure returns (uint256[] memory indexes) {
        indexes = new uint256[](BATCH);
        uint256 share = (1 << HEIGHT) / BATCH;
        for (uint256 i = 0; i < BATCH; ++i) {
            indexes[i] = i * share + uint256(keccak256(abi.encode(i))) % (share - 512);
        }
    }

    /// @dev Slot 69: docs/protocol.md section 5.
    function _releasedSlot(uint256 group) private pure returns (bytes32) {
        return keccak256(abi.encode(group, 69));
    }

    function _release(uint256[] memory indexes) private returns (uint256 gasUsed) {
        bytes[] memory records = _records(indexes);
        uint256 size = (1 << HEIGHT) + LOG_SIZE;
        _fillLog(size);
        bytes memory batch;
        uint256 last = indexes[0] + (1 << HEIGHT);
        for (uint256 i = 0; i < BATCH; ++i) {
            uint256 n = _highestBit(last ^ indexes[i]);
            bytes32[] memory path = pathOf(indexes[i], n);
            bytes memory end = abi.encodePacked(records[i], uint8(n), path);
            batch = bytes.concat(batch, _signedRelease(i), end);
            last = indexes[i];
        }
        registry.releasePacked(batch);
        gasUsed = vm.lastCallGas().gasTotalUsed;
        assertEq(registry.size(), size + BATCH, "all are recorded");
        for (uint256 i = 0; i < BATCH; ++i) {
            assertTrue(registry.isReleased(uint64(indexes[i])), "released");
        }
    }

    /// @dev The records of allocations, and a log that holds them.
    function _records(uint256[] memory indexes) private returns (bytes[] memory records) {
        records = new bytes[](BATCH);
        bytes32[] memory leaves = new bytes32[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            records[i] = _record(i, uint64(indexes[i]));
            leaves[i] = keccak256(abi.encodePacked(bytes1(0x00), records[i]));
        }
        bytes32 peak = plant(indexes, leaves, HEIGHT);
        vm.store(address(registry), bytes32(1 + HEIGHT), peak);
    }

    /// @dev docs/protocol.md section 6; what a release does not look at is invented.
    function _record(uint256 number, uint64 index) private returns (bytes memory) {
        _become(number);
        uint256 resource = number % resources.length;
        Request memory message = _ask(resource, 1);
        bytes memory head = abi.encodePacked(
            bytes2(0x0102), address(registry), index, uint64(NOW - 1000), message.resourceId
        );
        bytes memory request = abi.encodePacked(
            uint64(resource + 1),
            requester,
            message.volume,
            message.startTime,
            message.endTime,
            uint64(1),
            uint16(1),
            message.timestamp,
            message.sequence
        );
        bytes memory chain = abi.encodePacked(index - 1, message.sequence, uint128(0));
        return bytes.concat(head, request, chain, keccak256("words"), keccak256("evidence"));
    }

    function _signedRelease(uint256 number) private returns (bytes memory) {
        _become(number);
        Request memory message = _ask(number % resources.length, 1);
        Release memory own = Release(registry.requestId(message), START, uint64(NOW));
        bytes memory signature = sign(requesterKey, registry.releaseId(own));
        return abi.encodePacked(own.fromTime, own.timestamp, signature);
    }

    /* STATE */

    function _announce(uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            Announcement memory message = offer();
            message.volume = type(uint16).max;
            message.offer = keccak256(abi.encode(i));
            resources.push(registry.announce(message, signed(message)));
        }
    }

    /// @dev Puts the calendar word of each resource in use, with enough to be released.
    function _use() private {
        for (uint256 i = 0; i < resources.length; ++i) {
            _become(BATCH + i);
            Request memory message = _ask(i, 1);
            message.volume = 1000;
            registry.request(message, signed(message));
        }
    }

    /// @dev A log of that size. Other peaks than that of the releases are arbitrary: only the cost of
    /// appending depends on them.
    function _fillLog(uint256 size) private {
        vm.store(address(registry), 0, bytes32(size));
        for (uint256 h = 0; h < HEIGHT; ++h) {
            vm.store(address(registry), bytes32(1 + h), keccak256(abi.encode("peak", h)));
        }
    }

    function _become(uint256 number) private {
        requesterKey = 0xabcd0000 + number;
        requester = vm.addr(requesterKey);
    }

    function _ask(uint256 resource, uint64 sequence) private view returns (Request memory message) {
        message = ask(resources[resource]);
        message.volume = 1;
        message.sequence = sequence;
        (message.startTime, message.endTime) = (START, START + SLOT);
    }

    function _highestBit(uint256 bits) private pure returns (uint256 place) {
        while (bits >> (place + 1) != 0) ++place;
    }
}
