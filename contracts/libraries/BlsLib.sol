// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice A point of BLS12-381 G1 as EIP-2537 encodes it: each coordinate is 16 zero bytes and 48
/// bytes, so its upper word holds 16 bytes and its lower word 32. Infinity is all zero.
struct G1Point {
    uint256 xHigh;
    uint256 xLow;
    uint256 yHigh;
    uint256 yLow;
}

/// @notice A point of G2: coordinates are c0 + c1 * u, and c0 stands first (EIP-2537; other
/// libraries put c1 first).
struct G2Point {
    uint256 x0High;
    uint256 x0Low;
    uint256 x1High;
    uint256 x1Low;
    uint256 y0High;
    uint256 y0Low;
    uint256 y1High;
    uint256 y1Low;
}

/// @title BlsLib: BLS12-381 signatures in G1 with keys in G2
/// @notice docs/protocol.md section 10, with the precompiles of EIP-2537. They refuse padding that
/// is not zero, coordinates that are not below the field's order and points off the curve. Only the
/// pairing checks that a point lies in the subgroup; the additions do not.
library BlsLib {
    /// @dev Tag of a checkpoint's signatures (docs/protocol.md section 10).
    string internal constant SIGNATURE_TAG = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    /// @dev Tag of proofs of possession (docs/protocol.md section 9).
    string internal constant POSSESSION_TAG = "BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

    /// @dev Precompiles: SHA-256, EIP-198 and EIP-2537.
    uint256 private constant SHA256 = 0x02;
    uint256 private constant MODEXP = 0x05;
    uint256 private constant G1ADD = 0x0b;
    uint256 private constant G2ADD = 0x0d;
    uint256 private constant PAIRING = 0x0f;
    uint256 private constant MAP_FP_TO_G1 = 0x10;

    /// @dev Order of the base field, as two words.
    uint256 private constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LOW =
        0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    /// @dev The generator of G2, negated: e(signature, -G) * e(H(m), key) = 1 says that
    /// e(signature, G) = e(H(m), key).
    uint256 private constant G_X0_HIGH = 0x024aa2b2f08f0a91260805272dc51051;
    uint256 private constant G_X0_LOW =
        0xc6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8;
    uint256 private constant G_X1_HIGH = 0x13e02b6052719f607dacd3a088274f65;
    uint256 private constant G_X1_LOW =
        0x596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e;
    uint256 private constant G_Y0_HIGH = 0x0d1b3cc2c7027888be51d9ef691d77bc;
    uint256 private constant G_Y0_LOW =
        0xb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa;
    uint256 private constant G_Y1_HIGH = 0x13fa4d4a0ad8b1ce186ed5061789213d;
    uint256 private constant G_Y1_LOW =
        0x993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed;

    /// @notice Whether the point is infinity, which proves nothing: its pairings are all 1.
    function isInfinity(G1Point memory point) internal pure returns (bool) {
        return point.xHigh | point.xLow | point.yHigh | point.yLow == 0;
    }

    /// @notice Whether the point is infinity, which proves nothing: its pairings are all 1.
    function isInfinity(G2Point memory point) internal pure returns (bool) {
        uint256 x = point.x0High | point.x0Low | point.x1High | point.x1Low;
        return x | point.y0High | point.y0Low | point.y1High | point.y1Low == 0;
    }

    /// @notice The point whose encoding stands in the words of `encoded`. Nothing is checked.
    function toG1(bytes32[4] memory encoded) internal pure returns (G1Point memory point) {
        assembly ("memory-safe") {
            mcopy(point, encoded, 128)
        }
    }

    /// @notice The point that `encoded` is. Nothing but the length is checked.
    /// @return whole whether there were 128 bytes
    function toG1(bytes calldata encoded) internal pure returns (bool whole, G1Point memory point) {
        whole = encoded.length == 128;
        if (whole) {
            assembly ("memory-safe") {
                calldatacopy(point, encoded.offset, 128)
            }
        }
    }

    /// @notice The point whose encoding stands in the words of `encoded`. Nothing is checked.
    function toG2(bytes32[8] memory encoded) internal pure returns (G2Point memory point) {
        assembly ("memory-safe") {
            mcopy(point, encoded, 256)
        }
    }

    /// @notice Adds `key` to `sum`. EIP-2537's addition checks no subgroup: both MUST have been
    /// through the pairing, or be sums of such.
    function addTo(G2Point memory sum, G2Point memory key) internal view {
        bool done;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mcopy(free, sum, 256)
            mcopy(add(free, 256), key, 256)
            done := staticcall(gas(), G2ADD, free, 512, sum, 256)
        }
        // both points came out of a pairing or an addition: they lie on the curve
        assert(done);
    }

    /// @notice Adds the key at `offset` of `buffer` to the sum that follows it: `addTo` without a
    /// copy.
    function addPair(bytes memory buffer, uint256 offset) internal view {
        assert(offset + 512 <= buffer.length);
        bool done;
        assembly ("memory-safe") {
            let pair := add(add(buffer, 32), offset)
            done := staticcall(gas(), G2ADD, pair, 512, add(pair, 256), 256)
        }
        assert(done);
    }

    /// @notice The point that adds up to infinity with `point`.
    function negate(G2Point memory point) internal pure returns (G2Point memory negated) {
        negated = G2Point(point.x0High, point.x0Low, point.x1High, point.x1Low, 0, 0, 0, 0);
        (negated.y0High, negated.y0Low) = _negate(point.y0High, point.y0Low);
        (negated.y1High, negated.y1Low) = _negate(point.y1High, point.y1Low);
    }

    /// @notice hash_to_curve of RFC 9380, suite BLS12381G1_XMD:SHA-256_SSWU_RO_.
    /// @param tag domain separation tag, at most 255 bytes
    function hashToG1(string memory tag, bytes memory message)
        internal
        view
        returns (G1Point memory point)
    {
        // the point's words hold what it is made from until it is there
        uint256 uniform;
        assembly ("memory-safe") {
            uniform := point
        }
        _expandTo(uniform, tag, message);
        bool done;
        assembly ("memory-safe") {
            // EIP-198 input for 64 bytes modulo p: lengths, base, exponent 1, modulus of 64 bytes,
            // so that the result has the form of EIP-2537 already
            let free := mload(0x40)
            mstore(free, 64)
            mstore(add(free, 32), 1)
            mstore(add(free, 64), 64)
            mstore8(add(free, 160), 1)
            mstore(add(free, 161), P_HIGH)
            mstore(add(free, 193), P_LOW)
            mcopy(add(free, 96), uniform, 64)
            done := staticcall(gas(), MODEXP, free, 225, uniform, 64)
            mcopy(add(free, 96), add(uniform, 64), 64)
            done := and(done, staticcall(gas(), MODEXP, free, 225, add(uniform, 64), 64))
            // clearing the cofactor distributes over the sum, so each map may clear its own
            done := and(done, staticcall(gas(), MAP_FP_TO_G1, uniform, 64, free, 128))
            done := and(
                done,
                staticcall(gas(), MAP_FP_TO_G1, add(uniform, 64), 64, add(free, 128), 128)
            )
            done := and(done, staticcall(gas(), G1ADD, free, 256, point, 128))
        }
        // each input is well-formed whatever the message is: only missing gas can fail here
        assert(done);
    }

    /// @notice expand_message_xmd of RFC 9380 section 5.3.1 with SHA-256, 128 bytes.
    function expandMessage(string memory tag, bytes memory message)
        internal
        view
        returns (uint256[4] memory uniform)
    {
        uint256 pointer;
        assembly ("memory-safe") {
            pointer := uniform
        }
        _expandTo(pointer, tag, message);
    }

    /// @dev Writes the 128 bytes to memory at `uniform`, which the caller has allocated.
    function _expandTo(uint256 uniform, string memory tag, bytes memory message) private view {
        uint256 length = bytes(tag).length;
        assert(length <= 255);
        bool done;
        assembly ("memory-safe") {
            let free := mload(0x40)
            // Z_pad || msg || I2OSP(128, 2) || I2OSP(0, 1) || DST_prime
            mstore(free, 0)
            mstore(add(free, 32), 0)
            let end := add(free, 64)
            mcopy(end, add(message, 32), mload(message))
            end := add(end, mload(message))
            mstore(end, shl(232, 0x008000))
            end := add(end, 3)
            mcopy(end, add(tag, 32), length)
            end := add(end, length)
            mstore8(end, length)
            end := add(end, 1)
            done := staticcall(gas(), SHA256, free, sub(end, free), 0x00, 32)
            let first := mload(0x00)
            // b_i = SHA-256(b_0 xor b_(i-1) || I2OSP(i, 1) || DST_prime), b_0 xor nothing at first
            mcopy(add(free, 33), add(tag, 32), length)
            mstore8(add(add(free, 33), length), length)
            length := add(length, 34)
            end := add(free, 32)
            mstore(free, first)
            mstore8(end, 1)
            done := and(done, staticcall(gas(), SHA256, free, length, uniform, 32))
            mstore(free, xor(first, mload(uniform)))
            mstore8(end, 2)
            done := and(done, staticcall(gas(), SHA256, free, length, add(uniform, 32), 32))
            mstore(free, xor(first, mload(add(uniform, 32))))
            mstore8(end, 3)
            done := and(done, staticcall(gas(), SHA256, free, length, add(uniform, 64), 32))
            mstore(free, xor(first, mload(add(uniform, 64))))
            mstore8(end, 4)
            done := and(done, staticcall(gas(), SHA256, free, length, add(uniform, 96), 32))
        }
        // SHA-256 takes any input: only missing gas can fail here
        assert(done);
    }

    /// @notice Whether `signature` over the message that hashes to `hash` verifies under `key`.
    /// @return wellFormed false if the precompile refused a point: padding, coordinate, curve or
    /// subgroup
    /// @return valid whether the pairings cancel out
    function verify(G1Point memory signature, G1Point memory hash, G2Point memory key)
        internal
        view
        returns (bool wellFormed, bool valid)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mcopy(free, signature, 128)
            mstore(add(free, 128), G_X0_HIGH)
            mstore(add(free, 160), G_X0_LOW)
            mstore(add(free, 192), G_X1_HIGH)
            mstore(add(free, 224), G_X1_LOW)
            mstore(add(free, 256), G_Y0_HIGH)
            mstore(add(free, 288), G_Y0_LOW)
            mstore(add(free, 320), G_Y1_HIGH)
            mstore(add(free, 352), G_Y1_LOW)
            mcopy(add(free, 384), hash, 128)
            mcopy(add(free, 512), key, 256)
            wellFormed := staticcall(gas(), PAIRING, free, 768, 0x00, 32)
            valid := and(wellFormed, eq(mload(0x00), 1))
        }
    }

    /// @dev p - value for 0 < value < p, and 0 for 0.
    function _negate(uint256 high, uint256 low) private pure returns (uint256, uint256) {
        if (high | low == 0) return (0, 0);
        unchecked {
            // value is below p, so the borrow of the low word never makes the high word negative
            uint256 borrow = low > P_LOW ? 1 : 0;
            return (P_HIGH - high - borrow, P_LOW - low);
        }
    }
}
