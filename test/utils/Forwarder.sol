// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

/// @notice Sends many calls in one transaction and goes on when one of them reverts, so that the
/// differential test (rust/differential) needs no transaction for each message. It is also the
/// further writer of that test's network.
contract Forwarder {
    /// @param number place of the call in its transaction, from 0
    /// @param ok whether it returned
    /// @param answer what it returned or reverted with
    event Outcome(uint256 number, bool ok, bytes answer);

    /// @notice Calls `to` with each of `calls` in order and emits how each ended.
    function forward(address to, bytes[] calldata calls) external {
        for (uint256 number = 0; number < calls.length; number++) {
            (bool ok, bytes memory answer) = to.call(calls[number]);
            emit Outcome(number, ok, answer);
        }
    }
}
