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
import {SignatureLib} from "../libraries/SignatureLib.sol";
import {Packed} from "./Packed.sol";

/// @title Registry
/// @notice The ledger's entry points, its log, and what can be read of it.
contract Registry is Packed {
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
        if (code != 0) RefusalLib.revertWith(code, got, want);
        _log.append(index, leaf);
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
        return _withoutClearing(_request)(ClaimLib.room(), message, signatures, 0);
    }

    /// @inheritdoc IRegistry
    function requestMany(SignedRequest[] calldata items) external {
        Frontier memory frontier = _log.open();
        Claim memory claim;
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 mark = _memoryMark();
            claim.load(items[i].request);
            (uint256 code, bytes32 leaf) = _applyRequest(claim, items[i].signatures, frontier.size);
            if (code == 0) _log.push(frontier, leaf);
            else _refuse(claim.id, code, claim.got, claim.want);
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
        (bytes calldata first, bytes calldata others) = SignatureLib.split(signatures);
        require(
            SignatureLib.isOneOrTwo(others.length),
            SignaturesLengthInvalid(signatures.length, 2 * SignatureLib.LENGTH)
        );
        bytes32 resourceId = announcementId(announcement);
        require(
            resourceId == message.resourceId, AnnouncementMismatch(resourceId, message.resourceId)
        );
        bytes32 announced = _announceFirst(resourceId, announcement, first);
        return _withoutClearing(_request)(ClaimLib.room(), message, others, announced);
    }

    /// @inheritdoc IRegistry
    function release(
        Release calldata message,
        bytes calldata signatures,
        bytes calldata record,
        bytes32[] calldata path
    ) external returns (bytes32) {
        uint256 index = _log.size;
        Claim memory claim;
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
        if (code != 0) RefusalLib.revertWith(code, claim.got, claim.want);
        _log.append(index, leaf);
        return freeing.id;
    }

    /// @inheritdoc IRegistry
    function releaseMany(SignedRelease[] calldata items) external {
        Frontier memory frontier = _log.open();
        Chain memory chain = PathLib.open(_log);
        Claim memory claim;
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
        if (code != 0) RefusalLib.revertWith(code, got, want);
        _log.append(index, leaf);
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
        Claim memory claim;
        claim.load(message);
        claim.resource = _resourceWord(claim.resourceId);
        claim.approver = 0;
        _openRequester(claim);
        for (uint256 i = 0; i < 5; ++i) {
            // checks 4 and 5 need the checks 2 and 4
            if (i == 3) findings[i] = findings[1];
            if (i == 4) findings[i] = findings[3];
            if (findings[i].code != 0) continue;
            uint256 code = _judgeSome(claim, signatures, 1 << i);
            if (code == 0) _compare(claim, i);
            findings[i] = RefusalLib.toRefusal(code, claim.got, claim.want);
        }
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

    /* SINGLE ITEMS */

    /// @param announced leaf of the announcement that goes before the request's record; 0 if none
    /// does
    function _request(
        Claim memory claim,
        Request calldata message,
        bytes calldata signatures,
        bytes32 announced
    ) private returns (bytes32) {
        claim.load(message);
        uint256 size_ = _log.size;
        uint256 index = announced == 0 ? size_ : size_ + 1;
        (uint256 code, bytes32 leaf) = _applyRequest(claim, signatures, index);
        if (code != 0) RefusalLib.revertWith(code, claim.got, claim.want);
        if (announced == 0) _log.append(size_, leaf);
        else _log.appendTwo(size_, announced, leaf);
        return claim.id;
    }

    /// @dev The same function, but it takes a claim's memory address. Solidity would clear the
    /// memory of each variable of type `Claim memory` first, which costs more than a whole check;
    /// it does not for a parameter.
    function _withoutClearing(function(Claim memory, Request calldata, bytes calldata, bytes32)
            internal returns (bytes32) typed)
        private
        pure
        returns (function(uint256, Request calldata, bytes calldata, bytes32)
                internal returns (bytes32) raw)
    {
        assembly ("memory-safe") {
            raw := typed
        }
    }

    /// @dev Records the announcement that a request brings, unless it is recorded. If the request is
    /// refused afterwards, that takes this back.
    /// @return leaf of the announcement's record; 0 if that was recorded before
    function _announceFirst(
        bytes32 resourceId,
        Announcement calldata announcement,
        bytes calldata signature
    ) private returns (bytes32 leaf) {
        if (ResourceLib.indexOf(_resources[resourceId]) != 0) return 0;
        uint256 code;
        uint256 got;
        uint256 want;
        (code, got, want, leaf) = _applyAnnouncement(resourceId, announcement, signature, _log.size);
        if (code != 0) RefusalLib.revertWith(code, got, want);
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
        if (code == 0) _log.push(frontier, leaf);
        else _refuse(id, code, got, want);
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
        if (code == 0) _log.push(frontier, leaf);
        else _refuse(freeing.id, code, claim.got, claim.want);
    }

    function _withdrawOne(SignedWithdrawal calldata item, Frontier memory frontier) private {
        bytes32 id = withdrawalId(item.withdrawal);
        (uint256 code, uint256 got, uint256 want, bytes32 leaf) =
            _applyWithdrawal(id, item.withdrawal, item.announcement, item.signatures, frontier.size);
        if (code == 0) _log.push(frontier, leaf);
        else _refuse(id, code, got, want);
    }

    function _loadRelease(Freeing memory freeing, Release calldata message) private view {
        freeing.id = releaseId(message);
        freeing.requestId = message.requestId;
        freeing.fromTime = message.fromTime;
        freeing.timestamp = message.timestamp;
    }

    /* FINDINGS */

    /// @dev Notes what a check that holds has compared.
    function _compare(Claim memory claim, uint256 number) private view {
        if (number == 0) {
            claim.refuse(claim.requester, claim.requester);
        } else if (number == 1) {
            claim.refuse(ResourceLib.indexOf(claim.resource), 1);
        } else if (number == 2) {
            claim.refuse(claim.sequence, claim.requesterWord >> 192);
        } else if (number == 4) {
            claim.refuse(claim.volume, _free(claim));
        } else {
            uint256 slotSeconds = ResourceLib.slotSecondsOf(claim.resource);
            claim.refuse(claim.startTime + slotSeconds, block.timestamp);
        }
    }
}
