// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {IBulletin} from "../../contracts/interfaces/IBulletin.sol";
import {Deploy} from "../utils/Deploy.sol";
import {Test} from "forge-std/Test.sol";

contract BulletinTest is Test {
    IBulletin internal bulletin = Deploy.bulletin();
    address internal validator = address(0xa11ce);
    bytes32 internal digest = keccak256("digest");

    function test_WhenFine_ShareIsPosted() public {
        bytes memory share = new bytes(48);
        vm.expectEmit(address(bulletin));
        emit IBulletin.SharePosted(validator, 64, 0, digest, share);
        vm.prank(validator);
        bulletin.post(0, 64, digest, share);
        assertEq(bulletin.digestOf(validator, 0, 64), digest, "digest");
    }

    function testFuzz_LengthIsBounded(uint256 length) public {
        length = bound(length, 0, 200);
        if (length == 0 || length > 96) {
            vm.expectRevert(
                abi.encodeWithSelector(IBulletin.ShareLengthInvalid.selector, length, 96)
            );
        }
        bulletin.post(0, 64, digest, new bytes(length));
    }

    function test_RevertWhen_DigestIsZero() public {
        vm.expectRevert(IBulletin.DigestZero.selector);
        bulletin.post(0, 64, 0, new bytes(48));
    }

    function test_RevertWhen_MemberPostsTwoShares() public {
        vm.startPrank(validator);
        bulletin.post(0, 64, digest, new bytes(48));
        bytes32 other = keccak256("other");
        vm.expectRevert(
            abi.encodeWithSelector(IBulletin.ShareAlreadyPosted.selector, other, digest)
        );
        bulletin.post(0, 64, other, new bytes(48));
        vm.expectRevert(
            abi.encodeWithSelector(IBulletin.ShareAlreadyPosted.selector, digest, digest)
        );
        bulletin.post(0, 64, digest, new bytes(48));
    }

    function test_WhenEraOrBlockDiffers_SecondShareIsPosted() public {
        vm.startPrank(validator);
        bulletin.post(0, 64, digest, new bytes(48));
        bulletin.post(1, 64, digest, new bytes(48));
        bulletin.post(0, 68, digest, new bytes(48));
        assertEq(bulletin.digestOf(validator, 1, 64), digest, "era 1");
        assertEq(bulletin.digestOf(validator, 0, 68), digest, "block 68");
        assertEq(bulletin.digestOf(validator, 1, 68), 0, "never posted");
    }

    function testFuzz_NoStrangerTakesAMembersPlace(address other, bytes32 otherDigest) public {
        vm.assume(other != validator && otherDigest != 0);
        vm.prank(other);
        bulletin.post(0, 64, otherDigest, new bytes(48));
        assertEq(bulletin.digestOf(validator, 0, 64), 0, "place taken");
        vm.prank(validator);
        bulletin.post(0, 64, digest, new bytes(48));
        assertEq(bulletin.digestOf(validator, 0, 64), digest, "member");
        assertEq(bulletin.digestOf(other, 0, 64), otherDigest, "stranger");
    }
}
