// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement} from "../../contracts/interfaces/IRegistry.sol";
import {CalendarLib} from "../../contracts/libraries/CalendarLib.sol";
import {Claim} from "../../contracts/libraries/ClaimLib.sol";
import {Frontier, Log, LogLib} from "../../contracts/libraries/LogLib.sol";
import {RecordLib} from "../../contracts/libraries/RecordLib.sol";
import {SequenceLib} from "../../contracts/libraries/SequenceLib.sol";
import {SignatureLib} from "../../contracts/libraries/SignatureLib.sol";

/// @notice The libraries that are written in assembly, one function each, for tests to call.
contract WordsHarness {
    using LogLib for Log;

    Log private _log;
    mapping(uint256 => uint256) private _calendar;

    /* CALENDAR */

    function setWord(uint256 number, uint256 word) external {
        _calendar[number] = word;
    }

    function wordOf(uint256 number) external view returns (uint256) {
        return _calendar[number];
    }

    /// @notice Touches slots, and stores them for record `index` if enough is free.
    function take(
        uint256 firstSlot,
        uint256 slotCount,
        uint256 asked,
        uint256 volume,
        uint256 index
    ) external returns (bool taken, bytes32 words, uint256 free) {
        Claim memory claim;
        (claim.resource, claim.volume) = (volume << 240, asked);
        claim.firstSlot = firstSlot;
        claim.slotCount = slotCount;
        claim.wordCount = (firstSlot + slotCount - 1) / 12 - firstSlot / 12 + 1;
        CalendarLib.touch(_calendar, claim, 0);
        free = CalendarLib.freeIn(claim.buffer, claim);
        taken = CalendarLib.touch(_calendar, claim, asked) == 0;
        if (!taken) return (false, 0, free);
        words = _hash(claim);
        CalendarLib.store(claim, index);
    }

    /// @dev Of the items that `touch` left: what a record commits to.
    function _hash(Claim memory claim) private pure returns (bytes32 words) {
        (uint256 item, uint256 length) = (claim.buffer, 32 * claim.wordCount);
        assembly ("memory-safe") {
            words := keccak256(item, length)
        }
    }

    /* SEQUENCE */

    function judge(uint256 word, uint256 sequence) external pure returns (uint256) {
        return SequenceLib.judge(word, sequence);
    }

    function mark(uint256 word, uint256 sequence, uint256 index) external pure returns (uint256) {
        return SequenceLib.mark(word, sequence, index);
    }

    /* SIGNATURES */

    function recover(bytes32 digest, bytes calldata signatures, uint256 position)
        external
        view
        returns (uint256)
    {
        return SignatureLib.recover(digest, signatures, position);
    }

    function isBy(uint256 signer, uint256 wanted) external pure returns (bool) {
        return SignatureLib.isBy(signer, wanted);
    }

    function isOneOrTwo(uint256 length) external pure returns (bool) {
        return SignatureLib.isOneOrTwo(length);
    }

    /* RECORDS */

    function announcementLeaf(Announcement calldata message, uint64 index, bytes32 evidence)
        external
        view
        returns (bytes32)
    {
        return RecordLib.announcementLeaf(message, index, evidence);
    }

    /// @param items words as `words` of the record hashes them
    function allocationLeaf(
        Claim calldata fields,
        uint256[] calldata items,
        uint64 index,
        uint256 requesterAfter,
        bytes32 evidence
    ) external view returns (bytes32) {
        Claim memory claim = fields;
        uint256[] memory copy = items;
        claim.wordCount = copy.length;
        uint256 buffer;
        assembly ("memory-safe") {
            buffer := add(copy, 0x20)
        }
        claim.buffer = buffer;
        return RecordLib.allocationLeaf(claim, index, requesterAfter, evidence);
    }

    /* LOG */

    /// @notice Peaks as an earlier append may have left them, where no bit of the size is set.
    function litter(bytes32 rubbish) external {
        for (uint256 h = 0; h < 64; ++h) {
            _log.peaks[h] = rubbish;
        }
    }

    function append(bytes32[] calldata leaves) external {
        for (uint256 i = 0; i < leaves.length; ++i) {
            _log.append(_log.size, leaves[i]);
        }
    }

    function appendBatch(bytes32[] calldata leaves) external {
        Frontier memory frontier = _log.open();
        for (uint256 i = 0; i < leaves.length; ++i) {
            _log.push(frontier, leaves[i]);
        }
        _log.close(frontier);
    }

    function size() external view returns (uint256) {
        return _log.size;
    }

    function root() external view returns (bytes32) {
        return _log.root();
    }

    function peakOf(uint256 height) external view returns (bytes32) {
        return _log.peaks[height];
    }
}
