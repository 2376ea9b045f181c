// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @title SignatureLib: secp256k1 signatures of 64 bytes (docs/protocol.md section 3.1)
library SignatureLib {
    /// @dev Bytes of one signature: r, then the parity of y in the top bit of s (EIP-2098).
    uint256 internal constant LENGTH = 64;
    /// @dev Half the order of secp256k1. Of the two s that verify only the lower is taken, so that a
    /// message has one signature (EIP-2).
    uint256 internal constant HALF_ORDER =
        0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    /// @dev Scheme 1 of evidence: secp256k1 signatures.
    uint256 internal constant SCHEME = 1;

    /// @notice Recovers the signer of `digest` from the signature number `position`.
    /// @dev The precompile itself answers nothing for r or s of zero or above the order.
    /// *Requirements:* `signatures` holds at least `position + 1` signatures.
    /// @return signer address of the signer as a number, 0 if there is none
    function recover(bytes32 digest, bytes calldata signatures, uint256 position)
        internal
        view
        returns (uint256)
    {
        uint256 source;
        assembly ("memory-safe") {
            source := add(signatures.offset, shl(6, position))
        }
        return recoverAt(digest, source);
    }

    /// @notice The same for the signature that begins at `source` in the calldata.
    function recoverAt(bytes32 digest, uint256 source) internal view returns (uint256 signer) {
        uint256 halfOrder = HALF_ORDER;
        assembly ("memory-safe") {
            let m := mload(0x40)
            let yParityAndS := calldataload(add(source, 0x20))
            let s := shr(1, shl(1, yParityAndS))
            if iszero(gt(s, halfOrder)) {
                mstore(m, digest)
                mstore(add(m, 0x20), add(27, shr(255, yParityAndS)))
                mstore(add(m, 0x40), calldataload(source))
                mstore(add(m, 0x60), s)
                // no answer leaves the zero in scratch space
                mstore(0x00, 0)
                pop(staticcall(gas(), 1, m, 0x80, 0x00, 0x20))
                signer := mload(0x00)
            }
        }
    }

    /// @notice Whether somebody signed, and it was `wanted`: nobody's signature is not one of the
    /// zero address. One jump where `&&` takes two.
    function isBy(uint256 signer, uint256 wanted) internal pure returns (bool by) {
        assembly ("memory-safe") {
            by := gt(eq(signer, wanted), iszero(signer))
        }
    }

    /// @notice Whether `length` is that of one or two signatures.
    function isOneOrTwo(uint256 length) internal pure returns (bool fits) {
        uint256 one = LENGTH;
        assembly ("memory-safe") {
            fits := or(eq(length, one), eq(length, shl(1, one)))
        }
    }

    /// @notice Hash of the evidence: the scheme, then the signatures.
    function evidenceOf(bytes calldata signatures) internal pure returns (bytes32 evidence) {
        uint256 scheme = SCHEME;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore8(m, scheme)
            calldatacopy(add(m, 1), signatures.offset, signatures.length)
            evidence := keccak256(m, add(signatures.length, 1))
        }
    }

    /// @notice Splits off the first signature. If there is none the others have a length of nearly
    /// 2^256.
    function split(bytes calldata signatures)
        internal
        pure
        returns (bytes calldata first, bytes calldata others)
    {
        uint256 one = LENGTH;
        assembly ("memory-safe") {
            first.offset := signatures.offset
            first.length := one
            others.offset := add(signatures.offset, one)
            others.length := sub(signatures.length, one)
        }
    }
}
