// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice What the next checkpoint is measured against, in one word of storage. From the most
/// significant bit:
///
///     size 64 | blockNumber 64 | blockTime 40 | anchoredAt 40 | count 48
type PackedHead is uint256;

using HeadLib for PackedHead global;

/// @title HeadLib: the anchor's last checkpoint
library HeadLib {
    /// @notice The word of these values. Times MUST be below 2^40, which the next 34 000 years are,
    /// and the number of anchorings below 2^48: one a second takes nine million years to get there.
    function pack(uint64 records, uint64 number, uint64 time, uint64 mainnetTime, uint64 anchorings)
        internal
        pure
        returns (PackedHead)
    {
        uint256 places = uint256(records) << 192 | uint256(number) << 128;
        uint256 times = uint256(time) << 88 | uint256(mainnetTime) << 48;
        return PackedHead.wrap(places | times | anchorings);
    }

    /// @notice Records in the log.
    function size(PackedHead self) internal pure returns (uint64) {
        return uint64(PackedHead.unwrap(self) >> 192);
    }

    /// @notice Sidechain block.
    function blockNumber(PackedHead self) internal pure returns (uint64) {
        return uint64(PackedHead.unwrap(self) >> 128);
    }

    /// @notice Time of that block, unix seconds.
    function blockTime(PackedHead self) internal pure returns (uint64) {
        return uint40(PackedHead.unwrap(self) >> 88);
    }

    /// @notice Mainnet time of the anchoring, unix seconds.
    function anchoredAt(PackedHead self) internal pure returns (uint64) {
        return uint40(PackedHead.unwrap(self) >> 48);
    }

    /// @notice Checkpoints anchored so far.
    function count(PackedHead self) internal pure returns (uint64) {
        return uint48(PackedHead.unwrap(self));
    }
}
