// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, Withdrawal} from "../interfaces/IRegistry.sol";
import {CalendarLib} from "../libraries/CalendarLib.sol";
import {Claim, ClaimLib} from "../libraries/ClaimLib.sol";
import {EventLib} from "../libraries/EventLib.sol";
import {Freeing, FreeingLib} from "../libraries/FreeingLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {RecordLib} from "../libraries/RecordLib.sol";
import {RefusalLib} from "../libraries/RefusalLib.sol";
import {ResourceLib} from "../libraries/ResourceLib.sol";
import {SequenceLib} from "../libraries/SequenceLib.sol";
import {SignatureLib} from "../libraries/SignatureLib.sol";
import {Checks} from "./Checks.sol";

/// @title Ledger: what an accepted message changes
/// @notice docs/protocol.md sections 4 to 6.
/// @dev `_apply...` judges a message and applies it as record `index`, or says why not;
/// `_record...` does what an accepted message does, and returns the leaf of its record.
abstract contract Ledger is Checks {
    using ClaimLib for Claim;
    using FreeingLib for Freeing;

    /* ANNOUNCEMENTS */

    function _applyAnnouncement(
        bytes32 id,
        Announcement calldata message,
        bytes calldata signatures,
        uint256 index
    ) internal returns (uint256 code, uint256 got, uint256 want, bytes32 leaf) {
        (code, got, want) = _judgeAnnouncement(id, _resources[id], message, signatures);
        if (code == 0) leaf = _recordAnnouncement(id, message, signatures, index);
    }

    function _recordAnnouncement(
        bytes32 id,
        Announcement calldata message,
        bytes calldata signatures,
        uint256 index
    ) internal returns (bytes32 leaf) {
        _resources[id] = ResourceLib.pack(message, index);
        uint256 approver = MessageLib.approverOf(message);
        // an id bounds each field by its type
        // forge-lint: disable-next-line(unsafe-typecast)
        if (approver != 0) _approvers[id] = address(uint160(approver));
        bytes32 evidence = EventLib.resourceAnnounced(id, index, message, signatures);
        return RecordLib.announcementLeaf(message, index, evidence);
    }

    /* REQUESTS */

    /// @dev The claim holds the request; why it is refused is in its got and want.
    function _applyRequest(Claim memory claim, bytes calldata signatures, uint256 index)
        internal
        returns (uint256 code, bytes32 leaf)
    {
        code = _judgeRequest(claim, signatures);
        if (code == 0) {
            bytes32 evidence = EventLib.volumeAllocated(index, claim, signatures);
            if (signatures.length != SignatureLib.LENGTH) _emitApproved(index, signatures);
            leaf = _recordRequest(claim, index, evidence);
        }
    }

    /// @dev All that is stored about a request, and the five checks.
    function _judgeRequest(Claim memory claim, bytes calldata signatures)
        internal
        view
        returns (uint256 code)
    {
        claim.resource = _resourceWord(claim.resourceId);
        claim.approver = 0;
        _openRequester(claim);
        return _judge(claim, signatures, ALL_CHECKS);
    }

    /// @dev Without its event.
    function _recordRequest(Claim memory claim, uint256 index, bytes32 evidence)
        internal
        returns (bytes32 leaf)
    {
        CalendarLib.store(claim, index);
        return RecordLib.allocationLeaf(claim, index, _useSequence(claim, index), evidence);
    }

    function _emitApproved(uint256 index, bytes calldata signatures) private {
        (bytes32 r, bytes32 vs) = abi.decode(signatures[SignatureLib.LENGTH:], (bytes32, bytes32));
        // nobody appends 2^64 records
        // forge-lint: disable-next-line(unsafe-typecast)
        emit VolumeApproved(uint64(index), r, vs);
    }

    /// @dev Uses up the claim's sequence.
    /// @return word the requester's, as it is stored
    function _useSequence(Claim memory claim, uint256 index) internal returns (uint256 word) {
        word = SequenceLib.mark(claim.requesterWord, claim.sequence, index);
        SequenceLib.store(claim.requesterSlot, word);
    }

    /* RELEASES */

    /// @dev `freeing` is complete; the claim is opened here, and says why it is refused.
    function _applyRelease(Claim memory claim, Freeing memory freeing, uint256 index)
        internal
        returns (uint256 code, bytes32 leaf)
    {
        _openRelease(claim, freeing);
        code = _judgeRelease(claim, freeing);
        if (code == 0) {
            bytes32 evidence = EventLib.volumeReleased(index, claim.resourceId, freeing);
            leaf = _recordRelease(claim, freeing, index, evidence);
        }
    }

    /// @dev Without its event.
    function _recordRelease(
        Claim memory claim,
        Freeing memory freeing,
        uint256 index,
        bytes32 evidence
    ) internal returns (bytes32 leaf) {
        freeing.store();
        CalendarLib.place(claim, freeing.fromTime, claim.endTime);
        CalendarLib.giveBack(_calendars[claim.resourceId], claim, index);
        return RecordLib.releaseLeaf(claim, freeing, index, evidence);
    }

    /* WITHDRAWALS */

    function _applyWithdrawal(
        bytes32 id,
        Withdrawal calldata message,
        Announcement calldata announcement,
        bytes calldata signatures,
        uint256 index
    ) internal returns (uint256 code, uint256 got, uint256 want, bytes32 leaf) {
        bytes32 resourceId = message.resourceId;
        (code, got, want) = _judgeWithdrawal(id, resourceId, announcement, signatures);
        if (code == 0) {
            leaf = _recordWithdrawal(message, announcement, signatures, index);
        }
    }

    function _recordWithdrawal(
        Withdrawal calldata message,
        Announcement calldata announcement,
        bytes calldata signatures,
        uint256 index
    ) private returns (bytes32 leaf) {
        bytes32 resourceId = message.resourceId;
        uint256 word = _resources[resourceId];
        _resources[resourceId] = word | ResourceLib.FLAG_WITHDRAWN;
        uint256 timestamp = message.timestamp;
        bytes32 evidence =
            EventLib.withdrawalRecorded(resourceId, index, timestamp, announcement, signatures);
        return RecordLib.withdrawalLeaf(
            resourceId,
            ResourceLib.indexOf(word),
            MessageLib.providerOf(announcement),
            timestamp,
            index,
            evidence
        );
    }

    /* BATCHES */

    /// @dev An item of a batch is skipped.
    function _refuse(bytes32 id, uint256 code, uint256 got, uint256 want) internal {
        emit Refused(id, RefusalLib.toRefusal(code, got, want));
    }

    /// @dev A batch uses the same memory for each item: else it would pay for its growth, which is
    /// quadratic. Nothing that an item allocates outlives it.
    function _memoryMark() internal pure returns (uint256 mark) {
        assembly ("memory-safe") {
            mark := mload(0x40)
        }
    }

    /// @dev Gives back what was allocated since `mark`.
    function _memoryRelease(uint256 mark) internal pure {
        assembly ("memory-safe") {
            mstore(0x40, mark)
        }
    }
}
