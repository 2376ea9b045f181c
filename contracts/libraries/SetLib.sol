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
    /// @dev A word that ends with an entry's first 28 bytes, its key, the sum of keys.
    uint256 private constant SUM_BUFFER_BYTES = 544;

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
        require(!BlsLib.isInfinity(set.aggregate), IAnchor.SetInvalid());
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

    /// @notice Takes the keys of those that a bitmap leaves out from the set's aggregate `key`.
    /// @param bitmap docs/protocol.md section 10; of any other form it is refused
    /// @param count members of the set
    /// @return weight sum of the weights of the absent
    function removeAbsent(G2Point memory key, bytes calldata bitmap, uint256 count)
        internal
        view
        returns (uint256 weight)
    {
        bytes memory buffer;
        // numbers of members and their weights are far below 2^256
        unchecked {
            uint256 needed = (count + 7) / 8;
            require(bitmap.length == needed, IAnchor.BitmapInvalid(bitmap.length, needed));
            for (uint256 first = 0; first < count; first += 256) {
                uint256 all = _allOf(count - first);
                uint256 present = _wordAt(bitmap, first / 8);
                require(present & ~all == 0, IAnchor.BitmapInvalid(present & ~all, 0));
                if (present == all) continue;
                if (buffer.length == 0) buffer = new bytes(SUM_BUFFER_BYTES);
                weight += _addMembers(buffer, first, LibBit.reverseBytes(present ^ all));
            }
        }
        if (weight == 0) return 0;
        G2Point memory absent;
        assembly ("memory-safe") {
            absent := add(buffer, 320)
        }
        BlsLib.addTo(key, BlsLib.negate(absent));
    }

    /// @dev Adds the members `first` + each bit of `bits` to the sum in `buffer`; returns their
    /// weight.
    function _addMembers(bytes memory buffer, uint256 first, uint256 bits)
        private
        view
        returns (uint256 weight)
    {
        uint256 loaded = type(uint256).max;
        address chunk;
        // members are at most 512 and weights add up to less than 2^64: nothing overflows
        unchecked {
            for (; bits != 0; bits &= bits - 1) {
                uint256 i = first + LibBit.ffs(bits);
                if (i / CHUNK_MEMBERS != loaded) {
                    loaded = i / CHUNK_MEMBERS;
                    chunk = _chunkOf(loaded);
                }
                weight += _addMember(buffer, chunk, 1 + (i % CHUNK_MEMBERS) * ENTRY_BYTES);
            }
        }
    }

    /// @dev Adds the entry at `offset` of a chunk to the sum in `buffer`; returns its weight. The
    /// buffer is, after its length: 4 bytes unused, account 20, weight 8, key 256, sum 256.
    function _addMember(bytes memory buffer, address chunk, uint256 offset)
        private
        view
        returns (uint256 weight)
    {
        assembly ("memory-safe") {
            extcodecopy(chunk, add(buffer, 36), offset, ENTRY_BYTES)
            weight := and(mload(add(buffer, 32)), 0xffffffffffffffff)
        }
        BlsLib.addPair(buffer, 32);
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

    /// @dev Address of the creation with nonce 1 + i: keccak(rlp([this, 1 + i])). A contract's
    /// nonce starts at 1 (EIP-161); one byte is enough, as 512 members fill 6 chunks.
    function _chunkOf(uint256 i) private view returns (address) {
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes32 hash = keccak256(abi.encodePacked(hex"d694", address(this), uint8(1 + i)));
        return address(uint160(uint256(hash)));
    }

    /// @dev The word of a bitmap in which the next `count` members, 256 at most, are all present:
    /// whole bytes from the left, then the lowest bits of one more.
    function _allOf(uint256 count) private pure returns (uint256) {
        if (count >= 256) return type(uint256).max;
        unchecked {
            uint256 whole = ~(type(uint256).max >> (count & ~uint256(7)));
            uint256 rest = (1 << (count & 7)) - 1;
            return whole | (rest << (248 - (count & ~uint256(7))));
        }
    }

    /// @dev 32 bytes of the bitmap from byte `start` on; zero beyond its end, where other calldata
    /// stands.
    function _wordAt(bytes calldata bitmap, uint256 start) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(bitmap.offset, start))
        }
        unchecked {
            uint256 left = bitmap.length - start;
            if (left < 32) word &= ~(type(uint256).max >> (8 * left));
        }
    }
}
