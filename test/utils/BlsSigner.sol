// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {BlsLib, G1Point} from "../../contracts/libraries/BlsLib.sol";

/// @title Signs with BLS12-381 in a test, by the multiplications of EIP-2537
/// @notice Secret keys are small test numbers. The points that it returns go through no code of the
/// contracts but the hash to the curve, which the vectors of RFC 9380 hold.
library BlsSigner {
    /// @dev Order of the subgroups.
    uint256 internal constant ORDER =
        0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    /// @dev The generator of G2 as EIP-2537 prints it.
    bytes internal constant GENERATOR = hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051"
        hex"c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65"
        hex"596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351a"
        hex"adfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99"
        hex"cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";

    /// @notice Public key of `secret`, 256 bytes.
    function keyOf(uint256 secret) internal view returns (bytes memory) {
        return call(address(0x0e), abi.encodePacked(GENERATOR, secret));
    }

    /// @notice Signature of `secret` over `message` under `tag`, 128 bytes.
    function sign(uint256 secret, string memory tag, bytes memory message)
        internal
        view
        returns (bytes memory)
    {
        G1Point memory hash = BlsLib.hashToG1(tag, message);
        return call(address(0x0c), abi.encodePacked(abi.encode(hash), secret));
    }

    /// @notice Sum of two G1 points.
    function addG1(bytes memory a, bytes memory b) internal view returns (bytes memory) {
        return call(address(0x0b), bytes.concat(a, b));
    }

    /// @notice Sum of two G2 points.
    function addG2(bytes memory a, bytes memory b) internal view returns (bytes memory) {
        return call(address(0x0d), bytes.concat(a, b));
    }

    /// @notice (0, 2): on the curve y^2 = x^3 + 4, but of order three, so outside the subgroup.
    function g1OutsideSubgroup() internal pure returns (bytes memory) {
        return abi.encode(uint256(0), uint256(0), uint256(0), uint256(2));
    }

    /// @notice The point with x = 2 on y^2 = x^3 + 4 (1 + u): outside the subgroup.
    function g2OutsideSubgroup() internal pure returns (bytes memory) {
        return abi.encodePacked(
            uint256(0),
            uint256(2),
            uint256(0),
            uint256(0),
            hex"0000000000000000000000000000000018c6b864ae17dc9da64203ffefb96630",
            hex"6425a7bc6aeb7c75247438372716284a4173830420cd476ba1a365b95bfcec38",
            hex"00000000000000000000000000000000172e93db764a8400a7d5071b6b6f5de0",
            hex"da2f0f4a063119abca014006b7c40a2cfe291a1924e65db0d6d0fcfbf3bf3d5c"
        );
    }

    /// @notice The precompile's answer. It must take the input.
    function call(address precompile, bytes memory input) internal view returns (bytes memory) {
        (bool success, bytes memory output) = precompile.staticcall(input);
        require(success && output.length != 0, "precompile refused the input");
        return output;
    }

    /// @notice 256 bytes as the words of a member's key.
    function words8(bytes memory encoded) internal pure returns (bytes32[8] memory words) {
        require(encoded.length == 256, "not a G2 point");
        return abi.decode(encoded, (bytes32[8]));
    }

    /// @notice 128 bytes as the words of a proof of possession.
    function words4(bytes memory encoded) internal pure returns (bytes32[4] memory words) {
        require(encoded.length == 128, "not a G1 point");
        return abi.decode(encoded, (bytes32[4]));
    }
}
