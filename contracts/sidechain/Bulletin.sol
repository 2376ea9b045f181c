// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IBulletin} from "../interfaces/IBulletin.sol";

/// @title Bulletin
/// @notice Where validators post their signature shares: docs/protocol.md section 10.
/// @dev Anybody may post under its own address; readers look at the members of their set only.
contract Bulletin is IBulletin {
    /// @dev A share of scheme 1 has 48 bytes; a compressed G2 point, the longest there may be, 96.
    uint256 internal constant MAX_SHARE = 96;

    /// @inheritdoc IBulletin
    mapping(address validator => mapping(uint32 era => mapping(uint64 blockNumber => bytes32)))
        public digestOf;

    /// @inheritdoc IBulletin
    function post(uint32 era, uint64 blockNumber, bytes32 digest, bytes calldata share) external {
        uint256 length = share.length;
        require(length != 0 && length <= MAX_SHARE, ShareLengthInvalid(length, MAX_SHARE));
        require(digest != 0, DigestZero());
        bytes32 posted = digestOf[msg.sender][era][blockNumber];
        require(posted == 0, ShareAlreadyPosted(digest, posted));
        digestOf[msg.sender][era][blockNumber] = digest;
        emit SharePosted(msg.sender, blockNumber, era, digest, share);
    }
}
