// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    Request,
    SignedAnnouncement,
    SignedRequest
} from "../../contracts/interfaces/IRegistry.sol";
import {Registry} from "../../contracts/sidechain/Registry.sol";
import {FigureWriter} from "../utils/FigureWriter.sol";
import {RegistryBase} from "../utils/RegistryBase.sol";

/// @notice What messages cost: whole transactions, as a receipt would say (21 000 and calldata
/// included, all storage cold), which is what `isolate` in foundry.toml makes of each call. Asserts
/// only that the right thing was measured: figures go to out/figures/registry.json and, for the
/// diff, to test/snapshots.
contract RegistryGasTest is RegistryBase, FigureWriter {
    uint256 internal constant RUNS = 1000;
    uint256 internal constant BATCH = 100;
    uint256 internal constant LOG_SIZE = 1000;

    bytes32 internal resourceId;

    function setUp() public override {
        super.setUp();
        beginFigures("out/figures", "RegistryGas");
    }

    /// @dev All figures in one test, so that they are written to one file in one order.
    function test_registry_gas() public {
        figure("gas.request.returning", _requests(LOG_SIZE, false) / RUNS, RETURNING);
        figure("gas.request.first", _requests(LOG_SIZE, true) / RUNS, FIRST);
        figure("gas.announce", _announcements() / RUNS, ANNOUNCE);
        figurePerItem("gas.request.batch100", _requestBatch() / BATCH, REQUEST_BATCH);
        figurePerItem("gas.announce.batch100", _announceBatch() / BATCH, ANNOUNCE_BATCH);
        uint256 small = _requests(1000, false);
        uint256 large = _requests(1_000_000, false);
        figureRatio("gas.request.growth.log", large, small, GROWTH);
        large = _requestsAfter(10_000);
        figureRatio("gas.request.growth.allocations", large, _requestsAfter(10), GROWTH_EARLIER);
        figure("gas.announce_and_request", _firstUses() / RUNS, FIRST_USE);
        _slots();
        writeFigures("out/figures/registry.json");
    }

    string private constant RETURNING = "mean of 1000 transactions at log size 1000: one request, 1 "
        "slot in a calendar word in use, requester known, event with all fields and signatures";
    string private constant FIRST = "the same, each the first request of its requester";
    string private constant ANNOUNCE =
        "mean of 1000 transactions at log size 1000: one announcement";
    string private constant REQUEST_BATCH = "requestMany of 100 at log size 1000, one resource, "
        "returning requesters, one bad item skipped; total / 100";
    string private constant ANNOUNCE_BATCH = "announceMany of 100 at log size 1000; total / 100";
    string private constant GROWTH = "gas of 1000 requests at log size 10^6 over the same at 10^3";
    string private constant GROWTH_EARLIER = "gas of 100 requests on a resource with 10^4 earlier "
        "allocations over the same on one with 10, log size 1000";
    string private constant FIRST_USE = "mean of 1000 transactions at log size 1000: an announcement "
        "with the first request for it, 1 slot, requester new, calendar word new";
    string private constant SLOTS_HOW = "one request over so many slots, calendar words in use, "
        "requester known; mean of 10 transactions";

    /* ONE AT A TIME */

    function _requests(uint256 logSize, bool first) private returns (uint256 total) {
        _prepare();
        if (!first) _meet(0, RUNS);
        _fillLog(logSize);
        for (uint256 i = 0; i < RUNS; ++i) {
            _become(i);
            Request memory message = _next(first ? 1 : 2);
            bytes memory signatures = signed(message);
            registry.request(message, signatures);
            total += vm.lastCallGas().gasTotalUsed;
        }
    }

    function _announcements() private returns (uint256 total) {
        registry = new Registry(config());
        _fillLog(LOG_SIZE);
        for (uint256 i = 0; i < RUNS; ++i) {
            Announcement memory message = _fresh(i);
            registry.announce(message, signed(message));
            total += vm.lastCallGas().gasTotalUsed;
        }
    }

    function _firstUses() private returns (uint256 total) {
        registry = new Registry(config());
        _fillLog(LOG_SIZE);
        for (uint256 i = 0; i < RUNS; ++i) {
            _become(i);
            Announcement memory message = _fresh(i);
            resourceId = registry.announcementId(message);
            Request memory first = _next(1);
            bytes memory signatures = bytes.concat(signed(message), signed(first));
            registry.announceAndRequest(message, first, signatures);
            total += vm.lastCallGas().gasTotalUsed;
        }
        assertEq(registry.size(), LOG_SIZE + 2 * RUNS, "each is two records");
    }

    /// @dev 100 requests, one for each of 100 requesters, after so many by the same.
    function _requestsAfter(uint256 earlier) private returns (uint256 total) {
        _prepare();
        for (uint256 i = 0; i < earlier; i += 10) {
            SignedRequest[] memory items = new SignedRequest[](10);
            for (uint256 k = 0; k < 10; ++k) {
                _become((i + k) % BATCH);
                items[k] = item(_next(uint64(1 + (i + k) / BATCH)));
            }
            registry.requestMany(items);
        }
        assertEq(registry.usedOf(resourceId, 0, 1)[0], earlier, "all are recorded");
        // those who were not here before are known from now on
        for (uint256 i = earlier; i < BATCH; ++i) {
            _meet(i, 1);
        }
        _fillLog(LOG_SIZE);
        for (uint256 i = 0; i < BATCH; ++i) {
            _become(i);
            Request memory message = _next(uint64(earlier / BATCH + 2));
            registry.request(message, signed(message));
            total += vm.lastCallGas().gasTotalUsed;
        }
    }

    function _slots() private {
        _prepare();
        uint16[3] memory counts = [uint16(1), 12, 100];
        string[3] memory names = ["1", "12", "100"];
        _meet(0, 1);
        _use(120);
        _fillLog(LOG_SIZE);
        uint64 sequence = 200;
        for (uint256 k = 0; k < 3; ++k) {
            uint256 total;
            for (uint256 i = 0; i < 10; ++i) {
                _become(0);
                Request memory message = _next(++sequence);
                message.volume = 1;
                message.endTime = message.startTime + SLOT * counts[k];
                registry.request(message, signed(message));
                total += vm.lastCallGas().gasTotalUsed;
            }
            figure(string.concat("gas.request.slots", names[k]), total / 10, SLOTS_HOW);
        }
    }

    /* BATCHES */

    function _requestBatch() private returns (uint256) {
        _prepare();
        _meet(0, BATCH);
        _fillLog(LOG_SIZE);
        SignedRequest[] memory items = new SignedRequest[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            _become(i);
            // one has used its sequence before
            items[i] = item(_next(i == 50 ? 1 : 2));
        }
        registry.requestMany(items);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertEq(registry.size(), LOG_SIZE + BATCH - 1, "one is refused, the others recorded");
        return used;
    }

    function _announceBatch() private returns (uint256) {
        registry = new Registry(config());
        _fillLog(LOG_SIZE);
        SignedAnnouncement[] memory items = new SignedAnnouncement[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            items[i] = item(_fresh(i));
        }
        registry.announceMany(items);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertEq(registry.size(), LOG_SIZE + BATCH, "all are recorded");
        return used;
    }

    /* STATE */

    /// @dev A resource large enough for all runs, with its first calendar word in use.
    function _prepare() private {
        registry = new Registry(config());
        Announcement memory message = offer();
        message.volume = type(uint16).max;
        resourceId = registry.announce(message, signed(message));
    }

    /// @dev A first request of each requester from `from`.
    function _meet(uint256 from, uint256 count) private {
        for (uint256 i = from; i < from + count; ++i) {
            _become(i);
            Request memory message = _next(1);
            registry.request(message, signed(message));
        }
    }

    /// @dev Puts all calendar words of the first slots in use.
    function _use(uint64 slots) private {
        Request memory message = _next(100);
        message.endTime = message.startTime + SLOT * slots;
        registry.request(message, signed(message));
    }

    /// @dev A log of that size, its peaks arbitrary: only the cost of appending depends on them.
    function _fillLog(uint256 logSize) private {
        vm.store(address(registry), 0, bytes32(logSize));
        for (uint256 h = 0; h < 40; ++h) {
            vm.store(address(registry), bytes32(1 + h), keccak256(abi.encode("peak", h)));
        }
    }

    function _become(uint256 number) private {
        requesterKey = 0xabcd0000 + number;
        requester = vm.addr(requesterKey);
    }

    function _next(uint64 sequence) private view returns (Request memory message) {
        message = ask(resourceId);
        message.volume = 1;
        message.sequence = sequence;
    }

    function _fresh(uint256 number) private view returns (Announcement memory message) {
        message = offer();
        message.offer = keccak256(abi.encode(number));
    }
}
