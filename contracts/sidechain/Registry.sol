// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {INetwork, Writer} from "../interfaces/INetwork.sol";
import {
    Announcement,
    IRegistry,
    Refusal,
    RegistryConfig,
    Release,
    Request,
    Requester,
    Resource,
    SignedAnnouncement,
    SignedRelease,
    SignedRequest,
    SignedWithdrawal,
    Withdrawal
} from "../interfaces/IRegistry.sol";
import {CalendarLib} from "../libraries/CalendarLib.sol";
import {Claim, ClaimLib} from "../libraries/ClaimLib.sol";
import {Freeing, FreeingLib} from "../libraries/FreeingLib.sol";
import {Frontier, Log, LogLib} from "../libraries/LogLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {NetworkLib} from "../libraries/NetworkLib.sol";
import {Chain, PathLib} from "../libraries/PathLib.sol";
import {RecordLib} from "../libraries/RecordLib.sol";
import {RefusalLib} from "../libraries/RefusalLib.sol";
import {ResourceLib} from "../libraries/ResourceLib.sol";
import {Ledger} from "./Ledger.sol";

/// @title Registry
/// @notice The ledger's entry points, its log, and what can be read of it.
contract Registry is Ledger {
    using ClaimLib for Claim;
    using LogLib for Log;

    /* CONSTRUCTOR */

    /// @param config the network's other half and its parameters
    constructor(RegistryConfig memory config) {
        NetworkLib.requireValid(config.parameters);
        bytes32 id = NetworkLib.networkIdOf(
            block.chainid,
            address(this),
            config.anchorChainId,
            config.anchor,
            NetworkLib.saltOf(config.parameters)
        );
        _networkId = id;
        domainSeparator = MessageLib.domainSeparatorOf(address(this), id);
        for (uint256 i = 0; i < config.parameters.writers.length; ++i) {
            Writer memory entry = config.parameters.writers[i];
            _writers[entry.kind] = entry.writer;
        }
        bytes32 leaf = RecordLib.genesisLeaf(
            id, config.parentNetwork, config.parentCheckpoint, config.parentSize
        );
        _log.append(0, leaf);
        emit NetworkStarted(id, config.parentNetwork, config.parentCheckpoint, config.parentSize);
    }

    /* MESSAGES */

    /// @inheritdoc IRegistry
    function announce(Announcement calldata announcement, bytes calldata signatures)
        external
        returns (bytes32 resourceId)
    {
        resourceId = announcementId(announcement);
        uint256 index = _log.size;
        (uint256 code, uint256 got, uint256 want, bytes32 leaf) =
            _applyAnnouncement(resourceId, announcement, signatures, index);
        _settle(index, leaf, code, got, want);
    }

    /// @inheritdoc IRegistry
    function announceMany(SignedAnnouncement[] calldata items) external {
        Frontier memory frontier = _log.open();
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 mark = _memoryMark();
            _announceOne(items[i].announcement, items[i].signatures, frontier);
            _memoryRelease(mark);
        }
        _log.close(frontier);
    }

    /// @inheritdoc IRegistry
    function request(Request calldata message, bytes calldata signatures)
        external
        returns (bytes32)
    {
        uint256 index = _log.size;
        Claim memory claim = ClaimLib.allocate();
        claim.load(message);
        (uint256 code, bytes32 leaf) = _applyRequest(claim, signatures, index);
        _settle(index, leaf, code, claim.got, claim.want);
        return claim.id;
    }

    /// @inheritdoc IRegistry
    function requestMany(SignedRequest[] calldata items) external {
        Frontier memory frontier = _log.open();
        Claim memory claim = ClaimLib.allocate();
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 mark = _memoryMark();
            claim.load(items[i].request);
            (uint256 code, bytes32 leaf) = _applyRequest(claim, items[i].signatures, frontier.size);
            _settle(frontier, leaf, claim.id, code, claim.got, claim.want);
            _memoryRelease(mark);
        }
        _log.close(frontier);
    }

    /// @inheritdoc IRegistry
    function announceAndRequest(
        Announcement calldata announcement,
        Request calldata message,
        bytes calldata signatures
    ) external returns (bytes32) {
        uint256 index = _log.size;
        Claim memory claim = ClaimLib.allocate();
        claim.load(message);
        (uint256 code, bytes32 announced, bytes32 leaf) =
            _applyFirstUse(claim, announcement, signatures, index);
        if (announced == 0) _settle(index, leaf, code, claim.got, claim.want);
        else _log.appendTwo(index, announced, leaf);
        return claim.id;
    }

    /// @inheritdoc IRegistry
    function release(
        Release calldata message,
        bytes calldata signatures,
        bytes calldata record,
        bytes32[] calldata path
    ) external returns (bytes32) {
        uint256 index = _log.size;
        Claim memory claim = ClaimLib.allocate();
        Freeing memory freeing;
        _loadRelease(freeing, message);
        uint256 code = _decodeRelease(claim, freeing, signatures, record);
        bytes32 leaf;
        if (code == 0) {
            (freeing.proven, freeing.node, freeing.peak) = PathLib.prove(
                _log, PathLib.open(_log), RecordLib.leafOf(record), freeing.index, path
            );
            (code, leaf) = _applyRelease(claim, freeing, index);
        }
        _settle(index, leaf, code, claim.got, claim.want);
        return freeing.id;
    }

    /// @inheritdoc IRegistry
    function releaseMany(SignedRelease[] calldata items) external {
        Frontier memory frontier = _log.open();
        Chain memory chain = PathLib.open(_log);
        Claim memory claim = ClaimLib.allocate();
        Freeing memory freeing;
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 mark = _memoryMark();
            _releaseOne(items[i], claim, freeing, chain, frontier);
            _memoryRelease(mark);
        }
        _log.close(frontier);
    }

    /// @inheritdoc IRegistry
    function withdraw(
        Withdrawal calldata message,
        Announcement calldata announcement,
        bytes calldata signatures
    ) external returns (bytes32 id) {
        id = withdrawalId(message);
        uint256 index = _log.size;
        (uint256 code, uint256 got, uint256 want, bytes32 leaf) =
            _applyWithdrawal(id, message, announcement, signatures, index);
        _settle(index, leaf, code, got, want);
    }

    /// @inheritdoc IRegistry
    function withdrawMany(SignedWithdrawal[] calldata items) external {
        Frontier memory frontier = _log.open();
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 mark = _memoryMark();
            _withdrawOne(items[i], frontier);
            _memoryRelease(mark);
        }
        _log.close(frontier);
    }

    /* FURTHER WRITERS */

    /// @inheritdoc IRegistry
    function append(uint8 kind, bytes calldata body) external returns (uint64 index) {
        require(msg.sender == _writers[kind], WriterInvalid(kind, msg.sender, _writers[kind]));
        require(body.length <= RecordLib.MAX_BODY, BodyTooLong(body.length, RecordLib.MAX_BODY));
        index = uint64(_log.size);
        _log.append(index, RecordLib.bodyLeaf(kind, msg.sender, index, body));
        emit RecordAppended(kind, msg.sender, index, body);
    }

    /* VIEWS */

    /// @inheritdoc IRegistry
    function check(Request calldata message, bytes calldata signatures)
        external
        view
        returns (Refusal[5] memory findings)
    {
        Claim memory claim = ClaimLib.allocate();
        claim.load(message);
        _open(claim);
        uint256 code = _judge(claim, signatures, CHECK_1);
        findings[0] = _finding(claim, code, claim.requester, claim.requester);
        code = _judge(claim, signatures, CHECK_2);
        findings[1] = _finding(claim, code, ResourceLib.indexOf(claim.resource), 1);
        bool recorded = code == 0;
        code = _judge(claim, signatures, CHECK_3);
        findings[2] = _finding(claim, code, claim.sequence, claim.requesterWord >> 192);
        findings[3] = recorded ? _findWindow(claim, signatures) : findings[1];
        findings[4] = findings[3].code == 0 ? _findCapacity(claim, signatures) : findings[3];
    }

    /// @inheritdoc IRegistry
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (
            MessageLib.DOMAIN_FIELDS,
            MessageLib.NAME,
            MessageLib.VERSION,
            0,
            address(this),
            _networkId,
            new uint256[](0)
        );
    }

    /// @inheritdoc INetwork
    function networkId() external view returns (bytes32) {
        return _networkId;
    }

    /// @inheritdoc IRegistry
    function size() external view returns (uint64) {
        return uint64(_log.size);
    }

    /// @inheritdoc IRegistry
    function root() external view returns (bytes32) {
        return _log.root();
    }

    /// @inheritdoc IRegistry
    function resourceOf(bytes32 resourceId) external view returns (Resource memory) {
        return ResourceLib.unpack(_resources[resourceId]);
    }

    /// @inheritdoc IRegistry
    function approverOf(bytes32 resourceId) external view returns (address) {
        return _approvers[resourceId];
    }

    /// @inheritdoc IRegistry
    function isReleased(uint64 index) external view returns (bool) {
        return FreeingLib.isSet(_released, index);
    }

    /// @inheritdoc IRegistry
    function usedOf(bytes32 resourceId, uint64 firstSlot, uint16 count)
        external
        view
        returns (uint16[] memory used)
    {
        used = new uint16[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 slot = uint256(firstSlot) + i;
            uint256 word = _calendars[resourceId][slot / CalendarLib.SLOTS_PER_WORD];
            // forge-lint: disable-next-line(unsafe-typecast)
            used[i] = uint16(CalendarLib.usedIn(word, slot));
        }
    }

    /// @inheritdoc IRegistry
    function wordOf(bytes32 resourceId, uint256 number) external view returns (uint256) {
        return _calendars[resourceId][number];
    }

    /// @inheritdoc IRegistry
    function requesterOf(address requester) external view returns (Requester memory) {
        uint256 word = _requesters[requester];
        // each cast cuts a field out of the word
        // forge-lint: disable-next-line(unsafe-typecast)
        return Requester(uint64(word >> 192), uint128(word >> 64), uint64(word));
    }

    /// @inheritdoc IRegistry
    function writerOf(uint8 kind) external view returns (address) {
        return _writers[kind];
    }

    /* BATCHES */

    function _announceOne(
        Announcement calldata message,
        bytes calldata signatures,
        Frontier memory frontier
    ) private {
        bytes32 id = announcementId(message);
        (uint256 code, uint256 got, uint256 want, bytes32 leaf) =
            _applyAnnouncement(id, message, signatures, frontier.size);
        _settle(frontier, leaf, id, code, got, want);
    }

    function _releaseOne(
        SignedRelease calldata item,
        Claim memory claim,
        Freeing memory freeing,
        Chain memory chain,
        Frontier memory frontier
    ) private {
        _loadRelease(freeing, item.release);
        uint256 code = _decodeRelease(claim, freeing, item.signatures, item.record);
        bytes32 leaf;
        if (code == 0) {
            (freeing.proven, freeing.node, freeing.peak) =
                PathLib.prove(_log, chain, RecordLib.leafOf(item.record), freeing.index, item.path);
            (code, leaf) = _applyRelease(claim, freeing, frontier.size);
        }
        _settle(frontier, leaf, freeing.id, code, claim.got, claim.want);
    }

    function _withdrawOne(SignedWithdrawal calldata item, Frontier memory frontier) private {
        bytes32 id = withdrawalId(item.withdrawal);
        (uint256 code, uint256 got, uint256 want, bytes32 leaf) =
            _applyWithdrawal(id, item.withdrawal, item.announcement, item.signatures, frontier.size);
        _settle(frontier, leaf, id, code, got, want);
    }

    function _loadRelease(Freeing memory freeing, Release calldata message) private view {
        freeing.id = releaseId(message);
        freeing.requestId = message.requestId;
        freeing.fromTime = message.fromTime;
        freeing.timestamp = message.timestamp;
    }

    /* ENDS */

    /// @dev A single item: its record is appended, or it reverts.
    function _settle(uint256 index, bytes32 leaf, uint256 code, uint256 got, uint256 want) private {
        if (code != 0) RefusalLib.revertWith(code, got, want);
        _log.append(index, leaf);
    }

    /// @dev An item of a batch: its record is appended, or it is skipped.
    function _settle(
        Frontier memory frontier,
        bytes32 leaf,
        bytes32 id,
        uint256 code,
        uint256 got,
        uint256 want
    ) private {
        if (code == 0) _log.push(frontier, leaf);
        else _refuse(id, code, got, want);
    }

    /* FINDINGS */

    function _findWindow(Claim memory claim, bytes calldata signatures)
        private
        view
        returns (Refusal memory)
    {
        uint256 code = _judge(claim, signatures, CHECK_4);
        uint256 firstSlotEnd = claim.startTime + ResourceLib.slotSecondsOf(claim.resource);
        return _finding(claim, code, firstSlotEnd, block.timestamp);
    }

    function _findCapacity(Claim memory claim, bytes calldata signatures)
        private
        view
        returns (Refusal memory)
    {
        uint256 code = _judge(claim, signatures, CHECK_5);
        return _finding(claim, code, claim.volume, _free(claim));
    }

    /// @dev The refusal that the claim notes, or what was compared if there is none.
    function _finding(Claim memory claim, uint256 code, uint256 got, uint256 want)
        private
        pure
        returns (Refusal memory)
    {
        if (code != 0) (got, want) = (claim.got, claim.want);
        return RefusalLib.toRefusal(code, got, want);
    }
}
