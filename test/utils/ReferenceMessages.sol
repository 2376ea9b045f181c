// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Announcement, Release, Request, Withdrawal} from "../../contracts/interfaces/IRegistry.sol";

/// @notice Ids and signatures as EIP-712, EIP-2098 and docs/protocol.md section 3 write them down.
abstract contract ReferenceMessages {
    address public immutable registry;
    bytes32 public immutable domainSeparator;

    constructor(address registry_, bytes32 networkId) {
        registry = registry_;
        domainSeparator = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,address verifyingContract,bytes32 salt)"
                ),
                keccak256("Fallow"),
                keccak256("1"),
                registry_,
                networkId
            )
        );
    }

    function idOf(Announcement memory message) public view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "Announcement(address provider,address approver,uint16 volume,uint64 startTime,uint64 endTime,uint32 slotSeconds,uint32 noticeSeconds,uint64 timestamp,bytes32 offer)"
        );
        return digestOf(keccak256(abi.encode(typeHash, message)));
    }

    function idOf(Request memory message) public view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "Request(bytes32 resourceId,address requester,uint16 volume,uint64 startTime,uint64 endTime,uint64 timestamp,uint64 sequence)"
        );
        return digestOf(keccak256(abi.encode(typeHash, message)));
    }

    function idOf(Release memory message) public view returns (bytes32) {
        bytes32 typeHash = keccak256("Release(bytes32 requestId,uint64 fromTime,uint64 timestamp)");
        return digestOf(keccak256(abi.encode(typeHash, message)));
    }

    function idOf(Withdrawal memory message) public view returns (bytes32) {
        bytes32 typeHash = keccak256("Withdrawal(bytes32 resourceId,uint64 timestamp)");
        return digestOf(keccak256(abi.encode(typeHash, message)));
    }

    function digestOf(bytes32 structHash) public view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator, structHash));
    }

    /// @notice Signer number `position`, zero if there is none.
    function recover(bytes32 digest, bytes memory signatures, uint256 position)
        public
        pure
        returns (address)
    {
        (bytes32 r, uint256 vs) = (bytes32(0), 0);
        for (uint256 i = 0; i < 32; ++i) {
            r |= bytes32(signatures[64 * position + i]) >> (8 * i);
            vs = (vs << 8) | uint8(signatures[64 * position + 32 + i]);
        }
        uint256 s = vs % 2 ** 255;
        if (s > 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0) {
            return address(0);
        }
        return ecrecover(digest, vs >= 2 ** 255 ? 28 : 27, r, bytes32(s));
    }

    function evidenceOf(bytes memory signatures) public pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(1), signatures));
    }
}
