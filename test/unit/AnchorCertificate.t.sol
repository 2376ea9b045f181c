// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    AnchorConfig,
    Certificate,
    Checkpoint,
    IAnchor
} from "../../contracts/interfaces/IAnchor.sol";
import {AnchorBase} from "../utils/AnchorBase.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {Deploy} from "../utils/Deploy.sol";

/// @notice Rule 7 of docs/protocol.md section 11: bitmap, quorum, points, pairing.
contract AnchorCertificateTest is AnchorBase {
    Checkpoint private checkpoint;

    function setUp() public {
        vm.warp(START);
        _use(equalWeights(4));
    }

    /* QUORUM */

    function test_submit_TakesMoreThanTwoThirdsOfTheWeight() public {
        _submit(certify(checkpoint, 4, one(3)));
        assertEq(anchor.head().count, 1, "three of four");
    }

    function test_RevertWhen_HalfIsAbsent() public {
        Certificate memory certificate = certify(checkpoint, 4, _two(0, 3));
        _refuse(certificate, _quorumMissing(2, 4));
    }

    function test_RevertWhen_NobodySigned() public {
        Certificate memory certificate = Certificate(hex"00", new bytes(128));
        _refuse(certificate, _quorumMissing(0, 4));
    }

    /// @dev Exactly two thirds are not above two thirds.
    function test_RevertWhen_ExactlyTwoThirdsSigned() public {
        _use(equalWeights(3));
        _refuse(certify(checkpoint, 3, one(1)), _quorumMissing(2, 3));
        _submit(certify(checkpoint, 3, none()));
        assertEq(anchor.head().count, 1, "all of three");
    }

    /// @dev Weights 5, 3, 1, 1: two members of four are 8 of 10; three of them may be 5 of 10.
    function test_QuorumCountsWeightNotMembers() public {
        uint64[] memory weights = new uint64[](4);
        (weights[0], weights[1], weights[2], weights[3]) = (5, 3, 1, 1);
        _use(weights);
        _refuse(certify(checkpoint, 4, one(0)), _quorumMissing(5, 10));
        _refuse(certify(checkpoint, 4, _three(1, 2, 3)), _quorumMissing(5, 10));
        _refuse(certify(checkpoint, 4, _two(1, 2)), _quorumMissing(6, 10));
        _submit(certify(checkpoint, 4, one(1)));
        assertEq(anchor.head().count, 1, "7 of 10");
    }

    function test_QuorumOfTheLargestWeights() public {
        uint64[] memory weights = new uint64[](3);
        weights[0] = type(uint64).max - 4;
        (weights[1], weights[2]) = (2, 2);
        _use(weights);
        _refuse(certify(checkpoint, 3, one(0)), _quorumMissing(4, type(uint64).max));
        _submit(certify(checkpoint, 3, _two(1, 2)));
        assertEq(anchor.head().count, 1, "the heavy one alone");
    }

    /// @dev Sets with every kind of last byte, one beyond a word and one beyond a chunk of code,
    /// each with any minority absent.
    /// forge-config: default.fuzz.runs = 200
    function testFuzz_submit_TakesAnyQuorum(uint256 seed) public {
        uint256 count = _pick(seed);
        _use(equalWeights(count));
        uint256 most = (count - 1) / 3;
        uint256[] memory absent = new uint256[](uint256(keccak256(abi.encode(seed))) % (most + 1));
        uint256 stride = absent.length == 0 ? 1 : count / absent.length;
        for (uint256 i = 0; i < absent.length; ++i) {
            absent[i] = i * stride + seed % stride;
        }
        _submit(certify(checkpoint, count, absent));
        assertEq(anchor.head().count, 1, "accepted");
    }

    /// forge-config: default.fuzz.runs = 12
    /// forge-config: lite.fuzz.runs = 3
    /// forge-config: coverage.fuzz.runs = 3
    function testFuzz_submit_TakesAnyQuorumOfALargeSet(uint256 seed) public {
        uint256 count = bound(seed, 250, 300);
        _use(equalWeights(count));
        uint256[] memory absent = new uint256[]((count - 1) / 3);
        for (uint256 i = 0; i < absent.length; ++i) {
            absent[i] = 3 * i + seed % 3;
        }
        _submit(certify(checkpoint, count, absent));
        assertEq(anchor.head().count, 1, "accepted");
        absent = new uint256[]((count + 2) / 3);
        for (uint256 i = 0; i < absent.length; ++i) {
            absent[i] = count - 1 - i;
        }
        Certificate memory certificate = certify(checkpoint, count, absent);
        vm.warp(START + SPACING);
        checkpoint = nextCheckpoint(5);
        _refuse(certificate, _quorumMissing(count - absent.length, count));
    }

    /* BITMAP */

    function test_RevertWhen_BitmapHasPaddingBits() public {
        Certificate memory certificate = certify(checkpoint, 4, none());
        certificate.bitmap = hex"1f";
        _refuse(certificate, _bitmapInvalid(uint256(0x10) << 248, 0));
        certificate.bitmap = hex"8f";
        _refuse(certificate, _bitmapInvalid(uint256(0x80) << 248, 0));
    }

    function test_RevertWhen_BitmapHasPaddingBitsBeyondAWord() public {
        _use(equalWeights(258));
        Certificate memory certificate = certify(checkpoint, 258, none());
        certificate.bitmap[32] = 0x07;
        _refuse(certificate, _bitmapInvalid(uint256(0x04) << 248, 0));
        certificate.bitmap[32] = 0x03;
        _submit(certificate);
        assertEq(anchor.head().count, 1, "without padding bits");
    }

    function test_RevertWhen_BitmapHasAWrongLength() public {
        Certificate memory certificate = certify(checkpoint, 4, none());
        certificate.bitmap = hex"0f00";
        _refuse(certificate, _bitmapInvalid(2, 1));
        certificate.bitmap = "";
        _refuse(certificate, _bitmapInvalid(0, 1));
    }

    function test_BitmapsOfWholeBytesHaveNoPadding() public {
        _use(equalWeights(8));
        _submit(certify(checkpoint, 8, one(7)));
        assertEq(anchor.head().count, 1, "eight members");
    }

    /// @dev A caller may leave anything behind the bytes of the bitmap: it is no part of it.
    function test_WhatFollowsTheBitmapInCalldataDoesNotCount() public {
        _submitDirty(4);
        _submitDirty(64);
        _submitDirty(248);
    }

    /// @dev Attack 19: the signature of three, with a bitmap that names all four.
    function test_TheAbsentAreNotCounted() public {
        Certificate memory certificate = certify(checkpoint, 4, one(1));
        certificate.bitmap = hex"0f";
        _refuse(certificate, _signatureInvalid());
        certificate.bitmap = hex"07";
        _refuse(certificate, _signatureInvalid());
        certificate.bitmap = hex"0d";
        _submit(certificate);
        assertEq(anchor.head().count, 1, "the right bitmap");
    }

    function test_RevertWhen_SignersAreMoreThanTheBitmapNames() public {
        Certificate memory certificate = certify(checkpoint, 4, none());
        certificate.bitmap = hex"07";
        _refuse(certificate, _signatureInvalid());
    }

    /* SIGNATURE */

    function test_RevertWhen_SignatureIsOfAnotherCheckpoint() public {
        Certificate memory certificate = certify(checkpoint, 4, none());
        checkpoint.blockHash = keccak256("another block");
        _refuse(certificate, _signatureInvalid());
    }

    /// @dev Each field is bound: none can be changed under a certificate.
    function test_RevertWhen_AnyFieldIsChangedUnderTheCertificate() public {
        Certificate memory certificate = certify(checkpoint, 4, none());
        Checkpoint memory signed = checkpoint;
        checkpoint.blockNumber += 1;
        _refuse(certificate, _signatureInvalid());
        checkpoint = signed;
        checkpoint.blockTime -= 1;
        _refuse(certificate, _signatureInvalid());
        checkpoint = signed;
        checkpoint.size += 1;
        _refuse(certificate, _signatureInvalid());
        checkpoint = signed;
        checkpoint.root = keccak256("another root");
        _refuse(certificate, _signatureInvalid());
    }

    function test_RevertWhen_SignatureIsAPossessionProof() public {
        bytes memory message = abi.encode(referenceDigest(checkpoint));
        bytes memory proof =
            BlsSigner.sign(_secretOfAll(), "BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_", message);
        _refuse(Certificate(hex"0f", proof), _signatureInvalid());
    }

    /// @dev Attack 11: the same validators for another network, whose digest differs.
    function test_RevertWhen_SignatureIsForAnotherNetwork() public {
        Checkpoint memory other = checkpoint;
        other.networkId = keccak256("another network");
        _refuse(certify(other, 4, none()), _signatureInvalid());
    }

    /// @dev Attack 19: the pairing of infinity is 1, whatever is signed.
    function test_InfinityIsNoSignature() public {
        _refusePoint(Certificate(hex"0f", new bytes(128)));
    }

    /// @dev Two keys that cancel out: each proves its own possession, their sum proves nothing.
    function test_InfinityIsNoSumOfKeys() public {
        uint64[] memory weights = equalWeights(3);
        (weights[0], weights[1]) = (10, 10);
        AnchorConfig memory config = configOf(weights);
        possessAs(config, 0, 7);
        possessAs(config, 1, BlsSigner.ORDER - 7);
        possessAs(config, 2, 8);
        anchor = Deploy.anchor(config);
        checkpoint = nextCheckpoint(5);
        _refusePoint(Certificate(hex"03", new bytes(128)));
        _refusePoint(Certificate(hex"03", signature(7, checkpoint)));
    }

    /// @dev The same with a third member: the two that cancel out may be the absent ones, too.
    function test_AbsentKeysMayCancelOut() public {
        uint64[] memory weights = equalWeights(3);
        weights[1] = 10;
        AnchorConfig memory config = configOf(weights);
        possessAs(config, 0, 7);
        possessAs(config, 1, 8);
        possessAs(config, 2, BlsSigner.ORDER - 7);
        anchor = Deploy.anchor(config);
        checkpoint = nextCheckpoint(5);
        _submit(Certificate(hex"02", signature(8, checkpoint)));
        assertEq(anchor.head().count, 1, "accepted");
    }

    function test_RevertWhen_SignatureIsOutsideTheSubgroup() public {
        Certificate memory certificate = certify(checkpoint, 4, none());
        certificate.signature =
            BlsSigner.addG1(certificate.signature, BlsSigner.g1OutsideSubgroup());
        _refusePoint(certificate);
        certificate.signature = BlsSigner.g1OutsideSubgroup();
        _refusePoint(certificate);
    }

    function test_RevertWhen_SignatureIsOffTheCurve() public {
        Certificate memory certificate = certify(checkpoint, 4, none());
        certificate.signature[127] ^= 0x01;
        _refusePoint(certificate);
    }

    function test_RevertWhen_SignatureHasPadding() public {
        Certificate memory certificate = certify(checkpoint, 4, none());
        certificate.signature[0] = 0x01;
        _refusePoint(certificate);
        certificate.signature[0] = 0x00;
        certificate.signature[79] = 0x01;
        _refusePoint(certificate);
    }

    function test_RevertWhen_SignatureHasAWrongLength() public {
        Certificate memory certificate = certify(checkpoint, 4, none());
        bytes memory whole = certificate.signature;
        certificate.signature = bytes.concat(whole, hex"00");
        _refusePoint(certificate);
        certificate.signature = new bytes(127);
        _refusePoint(certificate);
        certificate.signature = "";
        _refusePoint(certificate);
        certificate.signature = whole;
        _submit(certificate);
        assertEq(anchor.head().count, 1, "128 bytes");
    }

    /// @dev Every bit of the signature matters.
    function testFuzz_RevertWhen_ABitOfTheSignatureIsFlipped(uint256 bit) public {
        bit = bound(bit, 0, 1023);
        Certificate memory certificate = certify(checkpoint, 4, none());
        certificate.signature[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        bytes32[] memory proof = new bytes32[](0);
        vm.expectRevert(IAnchor.PointInvalid.selector);
        anchor.submit{gas: 1_000_000}(checkpoint, proof, certificate);
    }

    /* HELPERS */

    function _use(uint64[] memory weights) private {
        anchor = deploy(weights);
        growTo(5);
        checkpoint = nextCheckpoint(5);
    }

    /// @dev A number of members: every remainder of eight, and both sides of a chunk of 86.
    function _pick(uint256 seed) private pure returns (uint256) {
        uint8[12] memory counts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 64, 86, 87];
        // large sets cost seconds: one in sixteen
        return seed % 16 == 0 ? counts[9 + (seed >> 8) % 3] : counts[(seed >> 8) % 9];
    }

    function _submit(Certificate memory certificate) private {
        anchor.submit(checkpoint, new bytes32[](0), certificate);
    }

    /// @dev Fills the bitmap's last word in calldata with ones behind its end.
    function _submitDirty(uint256 count) private {
        _use(equalWeights(count));
        Certificate memory certificate = certify(checkpoint, count, one(1));
        bytes memory data =
            abi.encodeCall(IAnchor.submit, (checkpoint, new bytes32[](0), certificate));
        // nine fields, two offsets, no nodes, two offsets, the bitmap's length
        uint256 start = 4 + 32 * (9 + 2 + 1 + 2 + 1);
        for (uint256 i = certificate.bitmap.length; i < 32; ++i) {
            data[start + i] = 0xff;
        }
        (bool success,) = address(anchor).call(data);
        assertTrue(success, "accepted");
    }

    function _refuse(Certificate memory certificate, bytes memory refusal) private {
        vm.expectRevert(refusal);
        anchor.submit(checkpoint, new bytes32[](0), certificate);
    }

    /// @dev A refused point burns all gas that the pairing is given.
    function _refusePoint(Certificate memory certificate) private {
        vm.expectRevert(IAnchor.PointInvalid.selector);
        anchor.submit{gas: 1_000_000}(checkpoint, new bytes32[](0), certificate);
    }

    function _secretOfAll() private pure returns (uint256 secret) {
        for (uint256 i = 0; i < 4; ++i) {
            secret = addmod(secret, secretOf(i), BlsSigner.ORDER);
        }
    }

    function _quorumMissing(uint256 got, uint256 want) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAnchor.QuorumMissing.selector, got, want);
    }

    function _bitmapInvalid(uint256 got, uint256 want) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAnchor.BitmapInvalid.selector, got, want);
    }

    function _signatureInvalid() private view returns (bytes memory) {
        return abi.encodeWithSelector(
            IAnchor.CertificateSignatureInvalid.selector, referenceDigest(checkpoint)
        );
    }

    function _two(uint256 a, uint256 b) private pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (a, b);
    }

    function _three(uint256 a, uint256 b, uint256 c) private pure returns (uint256[] memory list) {
        list = new uint256[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }
}
