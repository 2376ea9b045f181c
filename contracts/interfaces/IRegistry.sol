// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {INetwork, Parameters} from "./INetwork.sol";

/// @notice How the registry is deployed (docs/protocol.md section 2). The parent fields are zero
/// unless the network continues another one, whose last checkpoint they name.
/// @param anchorChainId chain of the anchor
/// @param anchor address of the anchor, predicted if it is not deployed yet
struct RegistryConfig {
    uint256 anchorChainId;
    address anchor;
    Parameters parameters;
    bytes32 parentNetwork;
    bytes32 parentCheckpoint;
    uint64 parentSize;
}

/// @notice A provider's signed offer of capacity (docs/protocol.md section 3). Times in unix
/// seconds, durations in seconds, volume in units of the offer.
struct Announcement {
    address provider;
    address approver;
    uint16 volume;
    uint64 startTime;
    uint64 endTime;
    uint32 slotSeconds;
    uint32 noticeSeconds;
    uint64 timestamp;
    bytes32 offer;
}

/// @notice A requester's signed claim on volume over some slots (docs/protocol.md section 3).
struct Request {
    bytes32 resourceId;
    address requester;
    uint16 volume;
    uint64 startTime;
    uint64 endTime;
    uint64 timestamp;
    uint64 sequence;
}

/// @notice A requester's signed word that gives back the slots of one allocation from `fromTime` on
/// (docs/protocol.md section 4.4).
struct Release {
    bytes32 requestId;
    uint64 fromTime;
    uint64 timestamp;
}

/// @notice A provider's signed word that closes a resource to new requests
/// (docs/protocol.md section 4.5).
struct Withdrawal {
    bytes32 resourceId;
    uint64 timestamp;
}

/// @notice An announcement with the provider's signature: 64 bytes, EIP-2098.
struct SignedAnnouncement {
    Announcement announcement;
    bytes signatures;
}

/// @notice A request with the requester's signature and, if the resource has an approver, the
/// approver's: 64 or 128 bytes, EIP-2098.
struct SignedRequest {
    Request request;
    bytes signatures;
}

/// @notice A release with the requester's signature, the allocation's record (238 bytes) and the
/// path from its leaf to a node of the log, lowest sibling first.
struct SignedRelease {
    Release release;
    bytes signatures;
    bytes record;
    bytes32[] path;
}

/// @notice A withdrawal with the announcement that it closes and the provider's signature.
struct SignedWithdrawal {
    Withdrawal withdrawal;
    Announcement announcement;
    bytes signatures;
}

/// @notice Why an item was refused: a code of docs/protocol.md section 15, what was found and what
/// was wanted. Code 0 means that nothing was refused.
struct Refusal {
    uint16 code;
    uint256 got;
    uint256 want;
}

/// @notice A recorded resource, unpacked from its storage word.
struct Resource {
    uint16 volume;
    uint64 startTime;
    uint64 endTime;
    uint32 slotSeconds;
    uint32 noticeSeconds;
    uint64 index;
    bool hasApprover;
    bool withdrawn;
}

/// @notice What the ledger remembers of a requester (docs/protocol.md section 5).
struct Requester {
    uint64 highest;
    uint128 bitmap;
    uint64 lastIndex;
}

/// @title Registry: checks every message and appends the accepted ones to the log
/// @notice Anybody may submit anybody's signed message. There is no owner and no setter.
/// Refusals of single items revert with the error of the code's name; batches emit `Refused`.
interface IRegistry is INetwork {
    // Refusals (docs/protocol.md section 15 names got and want of each)

    /// @notice 001 Thrown when the signatures are not a whole number of 64 byte signatures.
    error SignaturesLengthInvalid(uint256 got, uint256 want);
    /// @notice 002 Thrown when the record has not the length of an allocation's.
    error RecordLengthInvalid(uint256 got, uint256 want);
    /// @notice 003 Thrown when the record does not begin with version 1 and kind 2.
    error RecordNotAllocation(uint256 got, uint256 want);
    /// @notice 101 Thrown when the requester's signature recovers to somebody else or to nobody.
    error RequesterSignatureInvalid(address got, address want);
    /// @notice 102 Thrown when there are more or fewer signatures than the resource needs.
    error SignatureCountInvalid(uint256 got, uint256 want);
    /// @notice 103 Thrown when the approver's signature recovers to somebody else or to nobody.
    error ApproverSignatureInvalid(address got, address want);
    /// @notice 201 Thrown when the provider's signature recovers to somebody else or to nobody.
    error ProviderSignatureInvalid(address got, address want);
    /// @notice 202 Thrown when nobody recorded the resource.
    error ResourceUnknown(bytes32 got, uint256 want);
    /// @notice 203 Thrown when the provider has withdrawn the resource.
    error ResourceWithdrawn(bytes32 got, uint256 want);
    /// @notice 205 Thrown when the announcement brought along is not that of the resource.
    error AnnouncementMismatch(bytes32 got, bytes32 want);
    /// @notice 206 Thrown when the release names another request than the record's.
    error AllocationMismatch(bytes32 got, bytes32 want);
    /// @notice 207 Thrown when the path leads to `got`, not to the node `want` of the log.
    error AllocationUnproven(bytes32 got, bytes32 want);
    /// @notice 301 Thrown when the announcement is recorded already, at index `want`.
    error ResourceAlreadyRecorded(bytes32 got, uint256 want);
    /// @notice 302 Thrown when the sequence is 0 or more than 128 from the highest seen, `want`.
    error SequenceOutsideWindow(uint256 got, uint256 want);
    /// @notice 303 Thrown when the sequence was used before; `want` is the highest seen.
    error SequenceAlreadyUsed(uint256 got, uint256 want);
    /// @notice 304 Thrown when the allocation of the request, at index `want`, was released before.
    error AllocationAlreadyReleased(bytes32 got, uint256 want);
    /// @notice 401 Thrown when the volume is 0.
    error VolumeTooSmall(uint256 got, uint256 want);
    /// @notice 402 Thrown when startTime `got` is not before endTime `want`.
    error WindowEmpty(uint256 got, uint256 want);
    /// @notice 403 Thrown when slotSeconds is 0.
    error SlotTooShort(uint256 got, uint256 want);
    /// @notice 404 Thrown when the window of `got` seconds is not whole slots of `want` seconds.
    error WindowNotWholeSlots(uint256 got, uint256 want);
    /// @notice 405 Thrown when endTime is not below 2^40.
    error EndTimeTooLate(uint256 got, uint256 want);
    /// @notice 406 Thrown when the time `got` lies outside the resource's window that ends at `want`.
    error OutsideResourceWindow(uint256 got, uint256 want);
    /// @notice 407 Thrown when the time `got` is off the slot grid; `want` is the boundary before it.
    error SlotsNotAligned(uint256 got, uint256 want);
    /// @notice 408 Thrown when the request touches `got` calendar words.
    error TooManyWords(uint256 got, uint256 want);
    /// @notice 409 Thrown when the first slot ended at `got`, not after the block time `want`.
    error FirstSlotEnded(uint256 got, uint256 want);
    /// @notice 410 Thrown when the timestamp is more than 300 seconds from the block time `want`.
    error TimestampOutsideDrift(uint256 got, uint256 want);
    /// @notice 411 Thrown when the release begins at `got`, before the allocation or at its end.
    error ReleaseOutsideAllocation(uint256 got, uint256 want);
    /// @notice 412 Thrown when the release begins at `got`, before the earliest time `want` that the
    /// resource's notice still lets go.
    error NoticeTooShort(uint256 got, uint256 want);
    /// @notice 501 Thrown when some slot has only `want` units free.
    error CapacityExceeded(uint256 got, uint256 want);

    // Misuse of the entry points

    /// @notice Thrown when the caller of `append` is not the writer named for the kind.
    error WriterInvalid(uint8 kind, address got, address want);
    /// @notice Thrown when a body is longer than 512 bytes.
    error BodyTooLong(uint256 got, uint256 want);
    /// @notice Thrown when a packed batch of `length` bytes has no whole and known group or item at
    /// `offset`.
    error PackedBatchInvalid(uint256 offset, uint256 length);

    /// @notice Emitted once, by the constructor: record 0. `networkId` first.
    event NetworkStarted(
        bytes32 indexed networkId,
        bytes32 parentNetwork,
        bytes32 parentCheckpoint,
        uint64 parentSize
    );
    // The next four events carry every field of the message and the signatures. Numbers are packed:
    // a word of data costs 256 gas, as much as everything that is checked about a sequence, and
    // every message pays for it.

    /// @notice Emitted for every announcement recorded.
    /// @param terms provider 160 | volume 16 | slotSeconds 32 | noticeSeconds 32 | zero 16
    /// @param times startTime 64 | endTime 64 | timestamp 64 | index of the record 64
    /// @param r first half of the provider's signature
    /// @param vs second half
    event ResourceAnnounced(
        bytes32 indexed resourceId,
        uint256 terms,
        uint256 times,
        address approver,
        bytes32 offer,
        bytes32 r,
        bytes32 vs
    );
    /// @notice Emitted for every request recorded. The request's id follows from the fields.
    /// @param terms requester 160 | sequence 64 | volume 16 | zero 16
    /// @param times startTime 64 | endTime 64 | timestamp 64 | index of the record 64
    /// @param r first half of the requester's signature
    /// @param vs second half
    event VolumeAllocated(
        bytes32 indexed resourceId, uint256 terms, uint256 times, bytes32 r, bytes32 vs
    );
    /// @notice Emitted right after `VolumeAllocated` when an approver signed, too.
    event VolumeApproved(uint64 indexed index, bytes32 r, bytes32 vs);
    /// @notice Emitted for every release recorded.
    /// @param times index of the allocation 64 | fromTime 64 | timestamp 64 | index of the record 64
    /// @param r first half of the requester's signature
    /// @param vs second half
    event VolumeReleased(bytes32 indexed resourceId, uint256 times, bytes32 r, bytes32 vs);
    /// @notice Emitted for every withdrawal recorded, with the announcement, which may be nowhere
    /// else on the ledger.
    event WithdrawalRecorded(
        bytes32 indexed resourceId,
        uint64 index,
        uint64 timestamp,
        Announcement announcement,
        bytes32 r,
        bytes32 vs
    );
    /// @notice Emitted for requests that a packed batch recorded.
    /// @param index index of the first one's record; the others follow
    /// @param groups as in the calldata (docs/protocol.md section 4.6), without the items that were
    /// refused, without groups of which none is left; bit 1 of each kind is clear
    event BatchAllocated(uint64 index, bytes groups);
    /// @notice Emitted for releases that a packed batch recorded.
    /// @param index index of the first one's record; the others follow
    /// @param items n x (index of the allocation 8 | fromTime 8 | timestamp 8 | signature 64)
    event BatchReleased(uint64 index, bytes items);
    /// @notice Emitted for every record of kind 16 and up.
    event RecordAppended(uint8 indexed kind, address indexed writer, uint64 index, bytes body);
    /// @notice Emitted by a batch for every item that it skipped; `id` is the message's id.
    event Refused(bytes32 indexed id, Refusal reason);

    /// @notice Records an announcement. Reverts with the refusal.
    /// @return resourceId the announcement's id
    function announce(Announcement calldata announcement, bytes calldata signatures)
        external
        returns (bytes32 resourceId);

    /// @notice Records every valid announcement in order, emits `Refused` for the rest.
    function announceMany(SignedAnnouncement[] calldata items) external;

    /// @notice Allocates volume. Reverts with the refusal of the first check that fails.
    /// @return requestId the request's id
    function request(Request calldata message, bytes calldata signatures)
        external
        returns (bytes32 requestId);

    /// @notice Records every valid request in order, emits `Refused` for the rest.
    function requestMany(SignedRequest[] calldata items) external;

    /// @notice The same for requests that are packed (docs/protocol.md section 4.6), some of which may
    /// bring their announcement. Emits one `BatchAllocated`, or one before each announcement that it
    /// records and one at the end. *Requirements:* every group is whole, and of a known kind.
    function requestPacked(bytes calldata batch) external;

    /// @notice Allocates volume of a resource whose announcement the request brings along: records
    /// the announcement first, unless it is recorded, in which case neither it nor its signature is
    /// looked at. Records both or neither; reverts with the refusal.
    /// @param signatures the provider's, the requester's and, if the resource has an approver, the
    /// approver's
    /// @return requestId the request's id
    function announceAndRequest(
        Announcement calldata announcement,
        Request calldata message,
        bytes calldata signatures
    ) external returns (bytes32 requestId);

    /// @notice Gives back the slots of an allocation from `message.fromTime` on. Reverts with the
    /// refusal.
    /// @param record the allocation's record, 238 bytes
    /// @param path siblings from the record's leaf up to a peak of the log as it is now
    /// @return releaseId the release's id
    function release(
        Release calldata message,
        bytes calldata signatures,
        bytes calldata record,
        bytes32[] calldata path
    ) external returns (bytes32 releaseId);

    /// @notice Records every valid release in order, emits `Refused` for the rest. Paths lead into
    /// the log as it is before the batch (docs/protocol.md section 4.6).
    function releaseMany(SignedRelease[] calldata items) external;

    /// @notice The same for releases that are packed (docs/protocol.md section 4.6). Emits one
    /// `BatchReleased`. *Requirements:* every item is whole, no path has more than 64 nodes.
    function releasePacked(bytes calldata batch) external;

    /// @notice Closes a resource to new requests; its announcement need not be recorded, and never
    /// can be from then on. Reverts with the refusal.
    /// @return withdrawalId the withdrawal's id
    function withdraw(
        Withdrawal calldata message,
        Announcement calldata announcement,
        bytes calldata signatures
    ) external returns (bytes32 withdrawalId);

    /// @notice Records every valid withdrawal in order, emits `Refused` for the rest.
    function withdrawMany(SignedWithdrawal[] calldata items) external;

    /// @notice Appends a record of kind 16 or more. *Requirements:* the caller is the writer named
    /// for the kind; the body has at most 512 bytes.
    function append(uint8 kind, bytes calldata body) external returns (uint64 index);

    /// @notice Answers the five checks for a request at this block's time, without sending it.
    /// @return findings one for each check, in order. Code 0: the check holds, got and want say what
    /// was compared: 1 signer and requester; 2 resource's index and 1; 3 sequence and highest seen;
    /// 4 first slot's end and block time; 5 volume asked and volume free in the fullest slot. Else
    /// the refusal of that check. A check that cannot be judged because an earlier one failed
    /// (4 and 5 need the resource, 5 needs 4) repeats that earlier refusal.
    function check(Request calldata message, bytes calldata signatures)
        external
        view
        returns (Refusal[5] memory findings);

    /// @notice EIP-712 domain separator; the domain has no chainId (docs/protocol.md section 3).
    function domainSeparator() external view returns (bytes32);

    /// @notice ERC-5267 description of the domain.
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
        );

    /// @notice The id of an announcement: its EIP-712 digest.
    function announcementId(Announcement calldata announcement) external view returns (bytes32);

    /// @notice The id of a request: its EIP-712 digest.
    function requestId(Request calldata message) external view returns (bytes32);

    /// @notice The id of a release: its EIP-712 digest.
    function releaseId(Release calldata message) external view returns (bytes32);

    /// @notice The id of a withdrawal: its EIP-712 digest.
    function withdrawalId(Withdrawal calldata message) external view returns (bytes32);

    /// @notice Number of records in the log, at least 1.
    function size() external view returns (uint64);

    /// @notice Root of the log, RFC 9162 with Keccak-256.
    function root() external view returns (bytes32);

    /// @notice A resource; all zero if its announcement is not recorded.
    function resourceOf(bytes32 resourceId) external view returns (Resource memory);

    /// @notice The address whose signature requests for a resource need; zero if none.
    function approverOf(bytes32 resourceId) external view returns (address);

    /// @notice Whether the allocation of the record at `index` was released.
    function isReleased(uint64 index) external view returns (bool);

    /// @notice Used volume of `count` slots from slot number `firstSlot`.
    function usedOf(bytes32 resourceId, uint64 firstSlot, uint16 count)
        external
        view
        returns (uint16[] memory used);

    /// @notice One calendar word, as stored (docs/protocol.md section 5).
    function wordOf(bytes32 resourceId, uint256 number) external view returns (uint256);

    /// @notice What the ledger remembers of a requester; all zero if it never saw it.
    function requesterOf(address requester) external view returns (Requester memory);

    /// @notice The contract that may append records of a kind; zero if none.
    function writerOf(uint8 kind) external view returns (address);
}
