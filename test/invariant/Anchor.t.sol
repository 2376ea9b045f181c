// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AnchorHandler} from "./AnchorHandler.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Whatever is submitted, in whatever order and at whatever time.
contract AnchorInvariantTest is Test {
    AnchorHandler private handler;

    function setUp() public {
        handler = new AnchorHandler();
        targetContract(address(handler));
    }

    /// @dev The handler compares the head before and after every call.
    function invariant_HeadOnlyGrows() public view {
        assertEq(handler.regressions(), 0, "the head fell back");
    }

    function invariant_HeadIsTheLastAcceptedCheckpoint() public view {
        handler.checkHead();
    }

    function invariant_EntriesStayForTheChallengePeriod() public view {
        handler.checkRing();
    }

    function invariant_NothingInvalidIsAccepted() public view {
        assertEq(handler.wronglyAccepted(), 0, "an invalid checkpoint was accepted");
    }

    function invariant_NothingValidIsRefused() public view {
        assertEq(handler.wronglyRefused(), 0, "a valid checkpoint was refused");
    }

    /// @dev A rewritten history would have another root at some anchored size.
    function invariant_EveryAnchoredRootIsOfTheOneLog() public view {
        handler.checkRoots();
    }

    /// @dev The handler would prove nothing if it never got anything accepted.
    function afterInvariant() public view {
        uint256 calls = handler.accepted() + handler.refused();
        assertTrue(calls < 40 || handler.accepted() > 1, "hardly anything was ever accepted");
    }
}
