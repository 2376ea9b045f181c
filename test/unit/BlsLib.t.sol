// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {BlsLib, G1Point, G2Point} from "../../contracts/libraries/BlsLib.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {Test} from "forge-std/Test.sol";

/// @notice BlsLib against the vectors of RFC 9380 and a plain writing of its algorithms.
contract BlsLibTest is Test {
    string private constant TAG = BlsLib.SIGNATURE_TAG;
    /// @dev RFC 9380 appendix J.9.1.
    string private constant RFC_TAG = "QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
    bytes private constant FIELD = hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f624"
        hex"1eabfffeb153ffffb9feffffffffaaab";

    /* HASH TO THE CURVE */

    function test_hashToG1_EqualsTheVectorsOfRfc9380() public view {
        _checkRfc(
            "",
            hex"052926add2207b76ca4fa57a8734416c8dc95e24501772c8"
            hex"14278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1",
            hex"08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6b"
            hex"e0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265"
        );
        _checkRfc(
            "abc",
            hex"03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0"
            hex"a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903",
            hex"0b9c15f3fe6e5cf4211f346271d7b01c8f3b28be689c8429"
            hex"c85b67af215533311f0b8dfaaa154fa6b88176c229f2885d"
        );
        _checkRfc(
            "abcdef0123456789",
            hex"11e0b079dea29a68f0383ee94fed1b940995272407e3bb91"
            hex"6bbf268c263ddd57a6a27200a784cbc248e84f357ce82d98",
            hex"03a87ae2caf14e8ee52e51fa2ed8eefe80f02457004ba4d4"
            hex"86d6aa1f517c0889501dc7413753f9599b099ebcbbd2d709"
        );
        _checkRfc(
            bytes.concat("q128_", _repeat("q", 128)),
            hex"15f68eaa693b95ccb85215dc65fa81038d69629f70aeee0d"
            hex"0f677cf22285e7bf58d7cb86eefe8f2e9bc3f8cb84fac488",
            hex"1807a1d50c29f430b8cafc4f8638dfeeadf51211e1602a5f"
            hex"184443076715f91bb90a48ba1e370edce6ae1062f5e6dd38"
        );
        _checkRfc(
            bytes.concat("a512_", _repeat("a", 512)),
            hex"082aabae8b7dedb0e78aeb619ad3bfd9277a2f77ba7fad20"
            hex"ef6aabdc6c31d19ba5a6d12283553294c1825c4b3ca2dcfe",
            hex"05b84ae5a942248eea39e1d91030458c40153f3b654ab787"
            hex"2d779ad1e942856a20c438e8d99bc8abfbf74729ce1f7ac8"
        );
    }

    function testFuzz_hashToG1_EqualsTheReference(string memory tag, bytes memory message)
        public
        view
    {
        vm.assume(bytes(tag).length <= 255);
        _dirtyMemory();
        G1Point memory got = BlsLib.hashToG1(tag, message);
        assertEq(abi.encode(got), _referenceHash(tag, message), "point");
    }

    function testFuzz_expandMessage_EqualsTheReference(string memory tag, bytes memory message)
        public
        view
    {
        vm.assume(bytes(tag).length <= 255);
        _dirtyMemory();
        bytes memory got = abi.encode(BlsLib.expandMessage(tag, message));
        assertEq(got, _referenceExpand(tag, message), "bytes");
    }

    function test_expandMessage_TakesTagsOf255Bytes() public {
        string memory tag = string(_repeat("t", 255));
        assertEq(
            abi.encode(BlsLib.expandMessage(tag, "m")), _referenceExpand(tag, "m"), "255 bytes"
        );
        vm.expectRevert();
        this.expand(string(_repeat("t", 256)));
    }

    function expand(string memory tag) external view {
        BlsLib.expandMessage(tag, "");
    }

    function test_TheTwoTagsDiffer() public view {
        G1Point memory a = BlsLib.hashToG1(BlsLib.SIGNATURE_TAG, "m");
        G1Point memory b = BlsLib.hashToG1(BlsLib.POSSESSION_TAG, "m");
        assertNotEq(keccak256(abi.encode(a)), keccak256(abi.encode(b)), "hash");
    }

    /* GROUP OF KEYS */

    function testFuzz_addTo_EqualsTheKeyOfTheSum(uint256 a, uint256 b) public view {
        (a, b) = (_secret(a), _secret(b));
        G2Point memory sum = _key(a);
        BlsLib.addTo(sum, _key(b));
        assertEq(abi.encode(sum), _keyBytes(addmod(a, b, BlsSigner.ORDER)), "sum");
    }

    function testFuzz_addPair_EqualsAddTo(uint256 a, uint256 b, uint8 offset) public view {
        (a, b) = (_secret(a), _secret(b));
        bytes memory before = new bytes(offset);
        bytes memory buffer = bytes.concat(before, _keyBytes(a), _keyBytes(b), hex"ff");
        BlsLib.addPair(buffer, offset);
        bytes memory sum = _keyBytes(addmod(a, b, BlsSigner.ORDER));
        assertEq(buffer, bytes.concat(before, _keyBytes(a), sum, hex"ff"), "buffer");
    }

    function test_addPair_StaysInsideTheBuffer() public {
        bytes memory buffer = new bytes(512);
        BlsLib.addPair(buffer, 0);
        vm.expectRevert();
        this.addPair(buffer, 1);
    }

    function addPair(bytes memory buffer, uint256 offset) external view {
        BlsLib.addPair(buffer, offset);
    }

    function testFuzz_negate_EqualsTheKeyOfTheNegatedSecret(uint256 a) public view {
        a = _secret(a);
        assertEq(abi.encode(BlsLib.negate(_key(a))), _keyBytes(BlsSigner.ORDER - a), "negated");
    }

    function testFuzz_negate_CancelsOut(uint256 a) public view {
        G2Point memory key = _key(_secret(a));
        G2Point memory sum = BlsLib.negate(key);
        BlsLib.addTo(sum, key);
        assertTrue(BlsLib.isInfinity(sum), "infinity");
    }

    function test_negate_KeepsInfinityAndZeroComponents() public pure {
        G2Point memory infinity;
        assertTrue(BlsLib.isInfinity(BlsLib.negate(infinity)), "infinity");
        G2Point memory point = G2Point(1, 2, 3, 4, 0, 0, 0, 1);
        G2Point memory got = BlsLib.negate(point);
        assertEq(got.y0High | got.y0Low, 0, "a component of zero stays zero");
        assertEq(
            abi.encode(got.y1High, got.y1Low),
            abi.encodePacked(
                bytes16(0), bytes32(FIELD), bytes16(hex"1eabfffeb153ffffb9feffffffffaaaa")
            ),
            "p - 1"
        );
        assertEq(abi.encode(got.x0High, got.x0Low, got.x1High, got.x1Low), abi.encode(1, 2, 3, 4));
    }

    /// @dev Both ways of borrowing from the upper word.
    function testFuzz_negate_AddsUpToTheField(uint256 high, uint256 low) public pure {
        uint256 fieldHigh = uint256(uint128(bytes16(FIELD)));
        high = bound(high, 0, fieldHigh - 1);
        vm.assume(high | low != 0);
        G2Point memory got = BlsLib.negate(G2Point(0, 0, 0, 0, high, low, 0, 0));
        unchecked {
            uint256 sum = got.y0Low + low;
            uint256 carry = sum < low ? 1 : 0;
            assertEq(got.y0High + high + carry, fieldHigh, "upper word");
            assertEq(
                sum, 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab, "lower"
            );
        }
    }

    /* VERIFICATION */

    function testFuzz_verify_TakesWhatTheKeySigned(uint256 secret, bytes memory message)
        public
        view
    {
        secret = _secret(secret);
        G1Point memory signature = _sign(secret, message);
        _expect(signature, message, _key(secret), true, true);
    }

    function testFuzz_verify_RefusesAnotherMessageOrKey(uint256 secret, bytes memory message)
        public
        view
    {
        secret = _secret(secret);
        G1Point memory signature = _sign(secret, message);
        _expect(signature, bytes.concat(message, hex"00"), _key(secret), true, false);
        _expect(signature, message, BlsLib.negate(_key(secret)), true, false);
    }

    function test_verify_RefusesPointsOutsideTheSubgroup() public view {
        bytes memory signature = BlsSigner.sign(7, TAG, "m");
        bytes memory moved = BlsSigner.addG1(signature, BlsSigner.g1OutsideSubgroup());
        _expect(abi.decode(moved, (G1Point)), "m", _key(7), false, false);
        moved = BlsSigner.addG2(_keyBytes(7), BlsSigner.g2OutsideSubgroup());
        _expect(_sign(7, "m"), "m", abi.decode(moved, (G2Point)), false, false);
    }

    function test_verify_RefusesPointsOffTheCurve() public view {
        G1Point memory signature = _sign(7, "m");
        signature.yLow ^= 1;
        _expect(signature, "m", _key(7), false, false);
        G2Point memory key = _key(7);
        key.x0Low ^= 1;
        _expect(_sign(7, "m"), "m", key, false, false);
    }

    /// @dev EIP-2537 writes c0 first, other libraries c1.
    function test_verify_RefusesSwappedHalves() public view {
        G2Point memory k = _key(7);
        G2Point memory swapped =
            G2Point(k.x1High, k.x1Low, k.x0High, k.x0Low, k.y1High, k.y1Low, k.y0High, k.y0Low);
        _expect(_sign(7, "m"), "m", swapped, false, false);
    }

    function test_verify_RefusesPadding() public view {
        for (uint256 bit = 128; bit < 256; bit += 127) {
            G1Point memory signature = _sign(7, "m");
            signature.xHigh |= 1 << bit;
            _expect(signature, "m", _key(7), false, false);
            G2Point memory key = _key(7);
            key.y1High |= 1 << bit;
            _expect(_sign(7, "m"), "m", key, false, false);
        }
    }

    /// @dev x + p is the same element, and another encoding of it.
    function test_verify_RefusesCoordinatesThatAreNotBelowTheField() public view {
        G1Point memory signature = _sign(7, "m");
        uint256 fieldLow = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;
        unchecked {
            uint256 low = signature.xLow + fieldLow;
            signature.xHigh += uint128(bytes16(FIELD)) + (low < fieldLow ? 1 : 0);
            signature.xLow = low;
        }
        _expect(signature, "m", _key(7), false, false);
    }

    /// @dev Why infinity has to be refused by hand.
    function test_verify_InfinityFitsAnyMessage() public view {
        G1Point memory signature;
        G2Point memory key;
        assertTrue(BlsLib.isInfinity(signature) && BlsLib.isInfinity(key), "infinity");
        _expect(signature, "m", key, true, true);
        _expect(signature, "m", _key(7), true, false);
    }

    function testFuzz_isInfinity_OnlyIfAllIsZero(uint256 word, uint256 bit) public pure {
        word = bound(word, 0, 11);
        uint256[12] memory words;
        words[word] = 1 << bound(bit, 0, 255);
        G1Point memory a = G1Point(words[0], words[1], words[2], words[3]);
        G2Point memory b = G2Point(
            words[4], words[5], words[6], words[7], words[8], words[9], words[10], words[11]
        );
        assertEq(BlsLib.isInfinity(a), word >= 4, "G1");
        assertEq(BlsLib.isInfinity(b), word < 4, "G2");
    }

    /* ENCODINGS */

    function testFuzz_toG1_TakesTheBytesAsTheyAre(bytes calldata encoded) public view {
        (bool whole, G1Point memory point) = this.pointOf(encoded);
        assertEq(whole, encoded.length == 128, "whole");
        bytes memory want = whole ? encoded : new bytes(128);
        assertEq(abi.encode(point), want, "bytes");
    }

    function testFuzz_toG1_TakesItsWords(bytes32[4] memory words) public view {
        assertEq(abi.encode(BlsLib.toG1(words)), abi.encode(words), "words");
        (bool whole, G1Point memory point) = this.pointOf(abi.encode(words));
        assertTrue(whole, "whole");
        assertEq(abi.encode(point), abi.encode(words), "bytes");
    }

    function testFuzz_toG2_TakesItsWords(bytes32[8] memory words) public pure {
        assertEq(abi.encode(BlsLib.toG2(words)), abi.encode(words), "words");
    }

    function pointOf(bytes calldata encoded) external pure returns (bool, G1Point memory) {
        return BlsLib.toG1(encoded);
    }

    /* HELPERS */

    function _expect(
        G1Point memory signature,
        bytes memory message,
        G2Point memory key,
        bool wantWellFormed,
        bool wantValid
    ) private view {
        G1Point memory hash = BlsLib.hashToG1(TAG, message);
        // a refused point burns all gas that the pairing is given
        (bool wellFormed, bool valid) = this.verify{gas: 1_000_000}(signature, hash, key);
        assertEq(wellFormed, wantWellFormed, "well-formed");
        assertEq(valid, wantValid, "valid");
    }

    function verify(G1Point memory signature, G1Point memory hash, G2Point memory key)
        external
        view
        returns (bool, bool)
    {
        return BlsLib.verify(signature, hash, key);
    }

    function _checkRfc(bytes memory message, bytes memory x, bytes memory y) private view {
        bytes memory want = bytes.concat(bytes16(0), x, bytes16(0), y);
        assertEq(abi.encode(BlsLib.hashToG1(RFC_TAG, message)), want, "J.9.1");
    }

    /// @dev RFC 9380 section 3: hash_to_field, two maps, their sum.
    function _referenceHash(string memory tag, bytes memory message)
        private
        view
        returns (bytes memory)
    {
        bytes memory uniform = _referenceExpand(tag, message);
        bytes memory sum = "";
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory half = new bytes(64);
            for (uint256 j = 0; j < 64; ++j) {
                half[j] = uniform[64 * i + j];
            }
            bytes memory reduced = BlsSigner.call(
                address(0x05),
                abi.encodePacked(uint256(64), uint256(1), uint256(48), half, uint8(1), FIELD)
            );
            bytes memory element = bytes.concat(bytes16(0), reduced);
            bytes memory mapped = BlsSigner.call(address(0x10), element);
            sum = i == 0 ? mapped : BlsSigner.addG1(sum, mapped);
        }
        return sum;
    }

    /// @dev RFC 9380 section 5.3.1, line by line.
    function _referenceExpand(string memory tag, bytes memory message)
        private
        pure
        returns (bytes memory uniform)
    {
        bytes memory dstPrime = abi.encodePacked(tag, uint8(bytes(tag).length));
        bytes32 b0 =
            sha256(bytes.concat(new bytes(64), message, bytes2(uint16(128)), bytes1(0), dstPrime));
        bytes32 b = 0;
        for (uint8 i = 1; i <= 4; ++i) {
            b = sha256(bytes.concat(b0 ^ b, bytes1(i), dstPrime));
            uniform = bytes.concat(uniform, b);
        }
    }

    /// @dev What lies beyond the free memory pointer need not be zero.
    function _dirtyMemory() private pure {
        assembly ("memory-safe") {
            let free := mload(0x40)
            for { let i := 0 } lt(i, 4096) { i := add(i, 32) } {
                mstore(add(free, i), not(0))
            }
        }
    }

    function _sign(uint256 secret, bytes memory message) private view returns (G1Point memory) {
        return abi.decode(BlsSigner.sign(secret, TAG, message), (G1Point));
    }

    function _key(uint256 secret) private view returns (G2Point memory) {
        return abi.decode(_keyBytes(secret), (G2Point));
    }

    function _keyBytes(uint256 secret) private view returns (bytes memory) {
        return BlsSigner.keyOf(secret);
    }

    function _secret(uint256 seed) private pure returns (uint256) {
        return bound(seed, 1, BlsSigner.ORDER - 1);
    }

    function _repeat(bytes1 byte_, uint256 times) private pure returns (bytes memory repeated) {
        repeated = new bytes(times);
        for (uint256 i = 0; i < times; ++i) {
            repeated[i] = byte_;
        }
    }
}
