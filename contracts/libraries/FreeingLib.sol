// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @notice A release on its way to its record: what it says, what it came with.
/// @param id the release's id
/// @param requestId as the release says
/// @param fromTime as the release says, unix seconds
/// @param timestamp as the release says, unix seconds
/// @param signature where the requester's signature begins in the calldata, 64 bytes
/// @param record where the allocation's record begins in the calldata, 238 bytes
/// @param index of the allocation's record, as it says
/// @param proven whether the path leads from the record to the log
/// @param node where the path leads
/// @param peak where it should lead
struct Freeing {
    bytes32 id;
    bytes32 requestId;
    uint256 fromTime;
    uint256 timestamp;
    uint256 signature;
    uint256 record;
    uint256 index;
    bool proven;
    bytes32 node;
    bytes32 peak;
}

/// @title FreeingLib: what a release comes with, and the bitmap of what was released
library FreeingLib {
    /// @notice Notes where the signature and the record stand, and the record's index.
    function point(Freeing memory freeing, bytes calldata signatures, bytes calldata bytes_)
        internal
        pure
    {
        uint256 index;
        uint256 signature;
        uint256 record;
        assembly ("memory-safe") {
            signature := signatures.offset
            record := bytes_.offset
            index := shr(192, calldataload(add(record, 22)))
        }
        (freeing.signature, freeing.record, freeing.index) = (signature, record, index);
    }

    /// @notice Whether the allocation of record `index` was released.
    function isSet(mapping(uint256 => uint256) storage released, uint256 index)
        internal
        view
        returns (bool)
    {
        return (released[index >> 8] >> (index & 0xff)) & 1 == 1;
    }

    /// @notice Notes that the allocation of record `index` is released.
    function set(mapping(uint256 => uint256) storage released, uint256 index) internal {
        released[index >> 8] |= 1 << (index & 0xff);
    }
}
