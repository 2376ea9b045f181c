// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IAnchor, Member} from "../interfaces/IAnchor.sol";
import {BlsLib, G1Point, G2Point} from "./BlsLib.sol";
import {LibBit} from "solady/utils/LibBit.sol";
import {LibBytes} from "solady/utils/LibBytes.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

/// @notice A set whose rules were checked.
/// @param total sum of the weights
/// @param aggregate sum of the keys
/// @param entries n x (account 20, weight 8, key 256)
struct CheckedSet {
    uint64 total;
    G2Point aggregate;
    bytes entries;
}

/// @title SetLib: the validator set, kept as contract code
/// @notice docs/protocol.md section 9. Reading code costs a tenth of reading storage. The contract
/// that uses this library creates nothing else, so the addresses of its chunks follow from its own
/// and need no storage either.
library SetLib {
    /// @dev docs/protocol.md section 9.
    uint256 internal constant MAX_MEMBERS = 512;
    /// @dev account 20, weight 8, key 256.
    uint256 internal constant ENTRY_BYTES = 284;
    /// @dev As many whole entries as contract code holds (EIP-170: 24 576), after a STOP byte.
    uint256 internal constant CHUNK_MEMBERS = 86;

    /// @notice Checks every rule for members and their proofs of possession.
    function check(Member[] memory members, bytes32 networkId)
        internal
        view
        returns (CheckedSet memory set)
    {
        uint256 count = members.length;
        require(count >= 1 && count <= MAX_MEMBERS, IAnchor.SetInvalid());
        set.entries = new bytes(count * ENTRY_BYTES);
        bytes32[] memory keyHashes = new bytes32[](count);
        uint256 total = 0;
        for (uint256 i = 0; i < count; ++i) {
            Member memory member = members[i];
            bool ascends = i == 0 || members[i - 1].account < member.account;
            keyHashes[i] = keccak256(abi.encodePacked(member.key));
            require(ascends && member.weight >= 1, IAnchor.MemberInvalid(i));
            require(!_appearsBefore(keyHashes, i), IAnchor.MemberInvalid(i));
            require(_possessesKey(member, networkId), IAnchor.MemberInvalid(i));
            total += member.weight;
            G2Point memory key = BlsLib.toG2(member.key);
            BlsLib.addTo(set.aggregate, key);
            _writeEntry(set.entries, i, member);
        }
        require(total <= type(uint64).max, IAnchor.SetInvalid());
        // forge-lint: disable-next-line(unsafe-typecast)
        set.total = uint64(total);
    }

    /// @notice Hash of a set (docs/protocol.md section 9).
    function hashOf(bytes32 networkId, uint64 number, uint64 notAfter, CheckedSet memory set)
        internal
        pure
        returns (bytes32)
    {
        // forge-lint: disable-next-line(unsafe-typecast)
        uint16 count = uint16(set.entries.length / ENTRY_BYTES); // at most 512
        return keccak256(
            abi.encodePacked(
                "fallow.set.v1", networkId, number, notAfter, set.total, count, set.entries
            )
        );
    }

    /// @notice Keeps the entries as code. To be called in the constructor, before any other
    /// creation.
    function store(bytes memory entries) internal {
        uint256 chunkBytes = CHUNK_MEMBERS * ENTRY_BYTES;
        for (uint256 start = 0; start < entries.length; start += chunkBytes) {
            address chunk = SSTORE2.write(LibBytes.slice(entries, start, start + chunkBytes));
            assert(chunk == _chunkOf(start / chunkBytes));
        }
    }

    /// @notice The entries of `count` members as `store` kept them.
    function load(uint256 count) internal view returns (bytes memory entries) {
        for (uint256 first = 0; first < count; first += CHUNK_MEMBERS) {
            entries = bytes.concat(entries, SSTORE2.read(_chunkOf(first / CHUNK_MEMBERS)));
        }
    }

    /// @notice Weight and keys of those that a bitmap leaves out.
    /// @param bitmap docs/protocol.md section 10; of any other form it is refused
    /// @param count members of the set
    /// @return weight sum of the weights of the absent
    /// @return keys sum of the keys of the absent; infinity if there are none
    function absentees(bytes calldata bitmap, uint256 count)
        internal
        view
        returns (uint256 weight, G2Point memory keys)
    {
        uint256 bytesNeeded = (count + 7) / 8;
        require(bitmap.length == bytesNeeded, IAnchor.BitmapInvalid(bitmap.length, bytesNeeded));
        G2Point memory key;
        for (uint256 first = 0; first < count; first += 256) {
            uint256 present = _wordAt(bitmap, first / 8);
            uint256 all = count - first < 256 ? (1 << (count - first)) - 1 : type(uint256).max;
            require(present & ~all == 0, IAnchor.BitmapInvalid(present & ~all, 0));
            for (uint256 absent = present ^ all; absent != 0; absent &= absent - 1) {
                weight += _readInto(key, first + LibBit.ffs(absent));
                BlsLib.addTo(keys, key);
            }
        }
    }

    /// @dev The pairing sees the key unaggregated here, so it lies in the subgroup. Infinity is
    /// refused by hand: its pairings are 1, so an infinite key and proof would fit any message.
    function _possessesKey(Member memory member, bytes32 networkId) private view returns (bool) {
        G2Point memory key = BlsLib.toG2(member.key);
        G1Point memory proof = BlsLib.toG1(member.proofOfPossession);
        if (BlsLib.isInfinity(key) || BlsLib.isInfinity(proof)) return false;
        bytes memory message =
            abi.encodePacked("fallow.pop.v1", networkId, address(this), member.account, member.key);
        G1Point memory hash = BlsLib.hashToG1(BlsLib.POSSESSION_TAG, message);
        (, bool valid) = BlsLib.verify(proof, hash, key);
        return valid;
    }

    function _appearsBefore(bytes32[] memory hashes, uint256 i) private pure returns (bool) {
        for (uint256 j = 0; j < i; ++j) {
            if (hashes[j] == hashes[i]) return true;
        }
        return false;
    }

    function _writeEntry(bytes memory entries, uint256 i, Member memory member) private pure {
        bytes memory entry = abi.encodePacked(member.account, member.weight, member.key);
        assert(entry.length == ENTRY_BYTES && (i + 1) * ENTRY_BYTES <= entries.length);
        assembly ("memory-safe") {
            mcopy(add(add(entries, 32), mul(i, ENTRY_BYTES)), add(entry, 32), ENTRY_BYTES)
        }
    }

    /// @dev Writes member i's key over `key` and returns its weight.
    function _readInto(G2Point memory key, uint256 i) private view returns (uint256 weight) {
        address chunk = _chunkOf(i / CHUNK_MEMBERS);
        uint256 offset = 1 + (i % CHUNK_MEMBERS) * ENTRY_BYTES; // 1: the STOP byte
        assembly ("memory-safe") {
            // so that the weight ends one word and the key begins the next
            let free := mload(0x40)
            extcodecopy(chunk, add(free, 4), offset, ENTRY_BYTES)
            weight := and(mload(free), 0xffffffffffffffff)
            mcopy(key, add(free, 32), 256)
        }
    }

    /// @dev Address of the creation with nonce 1 + i: keccak(rlp([this, 1 + i])). A contract's
    /// nonce starts at 1 (EIP-161); one byte is enough, as 512 members fill 6 chunks.
    function _chunkOf(uint256 i) private view returns (address) {
        bytes32 hash = keccak256(abi.encodePacked(hex"d694", address(this), uint8(1 + i)));
        return address(uint160(uint256(hash)));
    }

    /// @dev 256 bits of the bitmap from byte `start` on, member `8 * start` lowest; bits beyond its
    /// end, where other calldata stands, are cut off.
    function _wordAt(bytes calldata bitmap, uint256 start) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(bitmap.offset, start))
        }
        word = LibBit.reverseBytes(word);
        uint256 left = bitmap.length - start;
        if (left < 32) word &= (1 << (8 * left)) - 1;
    }
}
