// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, Request} from "../../contracts/interfaces/IRegistry.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleTree} from "@openzeppelin/contracts/utils/structs/MerkleTree.sol";

/// @notice What announcements and requests are signed as, for both baselines.
abstract contract PlainMessages is EIP712("Fallow", "1") {
    bytes32 internal constant ANNOUNCEMENT = keccak256(
        "Announcement(address provider,address approver,uint16 volume,uint64 startTime,uint64 endTime,uint32 slotSeconds,uint32 noticeSeconds,uint64 timestamp,bytes32 offer)"
    );
    bytes32 internal constant REQUEST = keccak256(
        "Request(bytes32 resourceId,address requester,uint16 volume,uint64 startTime,uint64 endTime,uint64 timestamp,uint64 sequence)"
    );

    function announcementId(Announcement calldata message) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ANNOUNCEMENT, message)));
    }

    function requestId(Request calldata message) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REQUEST, message)));
    }

    function _requireSigner(bytes32 id, bytes calldata signature, address signer) internal pure {
        (bytes32 r, bytes32 vs) = abi.decode(signature, (bytes32, bytes32));
        require(ECDSA.recover(id, r, vs) == signer, "signer");
    }
}

/// @title A registry as one writes it first: OpenZeppelin's parts, structs in mappings
/// @notice A yardstick for gas, not for use. The same messages and rules as the real one: every
/// allocation and every slot has storage of its own, the log is OpenZeppelin's Merkle tree.
contract PlainRegistry is PlainMessages {
    using MerkleTree for MerkleTree.Bytes32PushTree;

    event Announced(bytes32 indexed id, Announcement message, bytes signature);
    event Allocated(bytes32 indexed id, Request message, bytes signature);

    mapping(bytes32 id => Announcement) public resources;
    mapping(bytes32 id => Request) public allocations;
    mapping(bytes32 resourceId => mapping(uint256 slot => uint256)) public used;
    mapping(address requester => mapping(uint256 sequence => bool)) public seen;
    MerkleTree.Bytes32PushTree private _log;
    bytes32 public root;

    constructor() {
        root = _log.setup(32, 0);
    }

    function announce(Announcement calldata message, bytes calldata signature) external {
        bytes32 id = announcementId(message);
        _requireSigner(id, signature, message.provider);
        require(resources[id].provider == address(0), "recorded");
        uint256 window = message.endTime - message.startTime;
        require(message.volume > 0 && window > 0 && window % message.slotSeconds == 0, "window");
        resources[id] = message;
        (, root) = _log.push(keccak256(abi.encode(id, signature)));
        emit Announced(id, message, signature);
    }

    function request(Request calldata message, bytes calldata signature) external {
        bytes32 id = requestId(message);
        _requireSigner(id, signature, message.requester);
        Announcement storage resource = resources[message.resourceId];
        require(resource.provider != address(0), "unknown");
        require(!seen[message.requester][message.sequence], "seen");
        seen[message.requester][message.sequence] = true;
        _book(message, resource);
        allocations[id] = message;
        (, root) = _log.push(keccak256(abi.encode(id, signature)));
        emit Allocated(id, message, signature);
    }

    function _book(Request calldata message, Announcement storage resource) private {
        (uint256 start, uint256 length) = (resource.startTime, resource.slotSeconds);
        require(message.volume > 0 && message.startTime < message.endTime, "empty");
        require(message.startTime >= start && message.endTime <= resource.endTime, "outside");
        require((message.startTime - start) % length == 0, "aligned");
        require((message.endTime - start) % length == 0, "aligned");
        require(message.startTime + length > block.timestamp, "ended");
        uint256 last = (message.endTime - start) / length;
        for (uint256 slot = (message.startTime - start) / length; slot < last; ++slot) {
            uint256 taken = used[message.resourceId][slot] + message.volume;
            require(taken <= resource.volume, "capacity");
            used[message.resourceId][slot] = taken;
        }
    }
}
