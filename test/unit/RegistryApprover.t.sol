// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    Refusal,
    Request,
    SignedRequest
} from "../../contracts/interfaces/IRegistry.sol";
import {RefusalBase} from "../utils/RefusalBase.sol";

/// @notice Resources whose requests an approver has to sign, too.
contract RegistryApproverTest is RefusalBase {
    uint256 private constant APPROVER_KEY = 0x9004;
    address private approver;
    bytes32 private resourceId;

    function setUp() public override {
        super.setUp();
        approver = vm.addr(APPROVER_KEY);
        Announcement memory message = offer();
        message.approver = approver;
        resourceId = accept(message);
    }

    /* WHEN BOTH SIGNED */

    function test_request_WhenBothSigned_VolumeIsAllocatedAndApproved() public {
        Request memory message = ask(resourceId);
        bytes memory both = _approved(message);
        bytes memory approval = sign(APPROVER_KEY, registry.requestId(message));
        ledger.request(message, both);
        expectAllocated(message, both, 2);
        expectApproved(2, approval);
        registry.request(message, both);
        assertSame();
        assertEq(registry.usedOf(resourceId, 0, 1)[0], 3, "used");
    }

    function test_requestMany_WhenBothSigned_EachIsApproved() public {
        SignedRequest[] memory items = new SignedRequest[](3);
        for (uint64 i = 0; i < 3; ++i) {
            Request memory message = _ask(i + 1);
            items[i] = SignedRequest(message, i == 1 ? signed(message) : _approved(message));
            uint16 code = ledger.request(message, items[i].signatures).code;
            assertEq(code, i == 1 ? 102 : 0, "plain ledger");
        }
        registry.requestMany(items);
        assertSame();
        assertEq(registry.usedOf(resourceId, 0, 1)[0], 2, "the unapproved one is skipped");
    }

    /// @dev One key may be both; it signs twice, with the same signature.
    function test_request_GivenRequesterIsApprover_WhenSignedTwice() public {
        Announcement memory own = offer();
        own.approver = requester;
        resourceId = accept(own);
        Request memory message = ask(resourceId);
        assertRefused(message, 102, 1, 2);
        accept(message, bytes.concat(signed(message), signed(message)));
    }

    function test_check_GivenApprover() public view {
        Request memory message = ask(resourceId);
        Refusal[5] memory findings = registry.check(message, _approved(message));
        assertEqual(firstOf(findings), Refusal(0, 0, 0), "nothing refuses");
        findings = registry.check(message, signed(message));
        assertEqual(findings[0], Refusal(102, 1, 2), "check 1");
        assertEqual(findings[1], Refusal(0, 1, 1), "check 2 holds all the same");
    }

    /* ATTACK 14: missing, surplus, reused */

    function test_request_RevertWhen_ApproverDidNotSign() public {
        assertRefused(ask(resourceId), 102, 1, 2);
    }

    function test_request_RevertWhen_ApproverSignedAlone() public {
        Request memory message = ask(resourceId);
        bytes memory alone = sign(APPROVER_KEY, registry.requestId(message));
        assertRefused(message, alone, 101, uint160(approver), uint160(requester));
    }

    function test_request_RevertWhen_SignaturesAreSwapped() public {
        Request memory message = ask(resourceId);
        bytes memory swapped =
            bytes.concat(sign(APPROVER_KEY, registry.requestId(message)), signed(message));
        assertRefused(message, swapped, 101, uint160(approver), uint160(requester));
    }

    function test_request_RevertWhen_ThereIsNoApprover_ButTwoSigned() public {
        Announcement memory own = offer();
        own.offer = keccak256("another");
        resourceId = accept(own);
        Request memory message = ask(resourceId);
        assertRefused(message, _approved(message), 102, 2, 1);
    }

    /// @dev What the approver signed for one request, in another: other sequence, other requester,
    /// other resource with the same approver.
    function test_request_NeverTakesAnApprovalOfAnotherRequest() public {
        Request memory first = _ask(1);
        accept(first, _approved(first));
        bytes memory approval = sign(APPROVER_KEY, registry.requestId(first));
        Announcement memory own = offer();
        own.approver = approver;
        own.offer = keccak256("another");
        bytes32 other = accept(own);
        for (uint256 i = 0; i < 3; ++i) {
            Request memory message = _ask(2);
            if (i == 1) message.resourceId = other;
            if (i == 2) {
                requesterKey = 0x9005;
                requester = vm.addr(requesterKey);
                message.requester = requester;
            }
            address signer = ledger.recover(registry.requestId(message), approval, 0);
            bytes memory both = bytes.concat(signed(message), approval);
            assertRefused(message, both, 103, uint160(signer), uint160(approver));
        }
    }

    function testFuzz_request_NeverTakesAnotherKeyThanTheApprovers(uint256 key) public {
        key = bound(key, 1, 2 ** 255);
        vm.assume(key != APPROVER_KEY);
        Request memory message = ask(resourceId);
        bytes memory both = bytes.concat(signed(message), sign(key, registry.requestId(message)));
        assertRefused(message, both, 103, uint160(vm.addr(key)), uint160(approver));
    }

    /* ATTACK 10: forms of the second signature */

    function test_request_NeverTakesAnotherFormOfTheApproval() public {
        Request memory message = ask(resourceId);
        bytes32 id = registry.requestId(message);
        bytes memory approval = sign(APPROVER_KEY, id);
        bytes memory zero = bytes.concat(signed(message), new bytes(64));
        assertRefused(message, zero, 103, 0, uint160(approver));
        bytes memory high = bytes.concat(signed(message), highS(id, approval));
        assertRefused(message, high, 103, 0, uint160(approver));
        approval[32] ^= 0x80;
        address signer = ledger.recover(id, approval, 0);
        bytes memory flipped = bytes.concat(signed(message), approval);
        assertRefused(message, flipped, 103, uint160(signer), uint160(approver));
    }

    function test_request_RevertWhen_SignaturesAreNoWholeNumber() public {
        Request memory message = ask(resourceId);
        uint16[5] memory lengths = [uint16(0), 65, 127, 129, 192];
        for (uint256 i = 0; i < lengths.length; ++i) {
            assertRefused(message, new bytes(lengths[i]), 1, lengths[i], 64);
        }
    }

    /* HELPERS */

    function _ask(uint64 sequence) private view returns (Request memory message) {
        message = ask(resourceId);
        message.volume = 1;
        message.sequence = sequence;
    }

    function _approved(Request memory message) private view returns (bytes memory) {
        return bytes.concat(signed(message), sign(APPROVER_KEY, registry.requestId(message)));
    }
}
