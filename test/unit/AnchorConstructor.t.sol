// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {AnchorConfig, Head, IAnchor, Member} from "../../contracts/interfaces/IAnchor.sol";
import {INetwork} from "../../contracts/interfaces/INetwork.sol";
import {BlsLib} from "../../contracts/libraries/BlsLib.sol";
import {AnchorBase} from "../utils/AnchorBase.sol";
import {BlsSigner} from "../utils/BlsSigner.sol";
import {Deploy} from "../utils/Deploy.sol";
import {LibBytes} from "solady/utils/LibBytes.sol";

/// @notice Deploys from an address of its own, whose nonce stays when a deployment is refused.
contract AnchorFactory {
    function create(AnchorConfig memory config) external returns (IAnchor) {
        return Deploy.anchor(config);
    }
}

/// @notice What an anchor may be deployed with: docs/protocol.md sections 2, 9 and 11.
contract AnchorConstructorTest is AnchorBase {
    AnchorFactory private factory;

    function setUp() public {
        vm.warp(START);
        factory = new AnchorFactory();
        deployer = address(factory);
    }

    /* ACCEPTED */

    function test_constructor_FixesTheNetwork() public {
        AnchorConfig memory config = _config();
        bytes memory parameters = abi.encodePacked(
            keccak256("random"), uint64(5), uint64(50), PERIOD, uint64(600), RING, uint8(0)
        );
        bytes32 id = keccak256(
            bytes.concat(
                "fallow.network.v1",
                abi.encode(SIDECHAIN, REGISTRY, block.chainid, nextAnchor(), keccak256(parameters))
            )
        );
        anchor = factory.create(config);
        assertEq(anchor.networkId(), id, "networkId");
        assertEq(anchor.era(), 0, "era");
        assertEq(anchor.setNumber(), 1, "set number");
        assertEq(anchor.notAfter(), START + 30 days, "not after");
        assertEq(anchor.challengePeriod(), PERIOD, "challenge period");
        assertEq(anchor.ringSize(), RING, "ring size");
    }

    function test_constructor_StartsAtTheBase() public {
        anchor = factory.create(_config());
        Head memory head = anchor.head();
        assertEq(head.size, 0, "size");
        assertEq(head.blockNumber, BASE_BLOCK, "block number");
        assertEq(head.blockTime, BASE_TIME, "block time");
        assertEq(head.anchoredAt, 0, "anchored at");
        assertEq(head.count, 0, "count");
        assertEq(head.root, keccak256(""), "root of nothing");
        for (uint32 i = 0; i < RING; ++i) {
            assertEq(anchor.ringEntryOf(i), 0, "empty ring");
        }
        assertEq(anchor.ringEntryOf(type(uint32).max), 0, "beyond the ring");
    }

    function test_constructor_HashesAndKeepsTheSet() public {
        uint64[] memory weights = new uint64[](3);
        (weights[0], weights[1], weights[2]) = (7, 1, type(uint64).max - 8);
        _checkSet(weights, type(uint64).max);
    }

    function test_constructor_TakesOneMember() public {
        _checkSet(equalWeights(1), 1);
    }

    /// @dev More than one chunk of code: 86 members fill the first.
    function test_constructor_KeepsLargeSets() public {
        _checkSet(equalWeights(86), 86);
        _checkSet(equalWeights(87), 87);
    }

    function test_constructor_Takes512Members() public {
        _checkSet(equalWeights(512), 512);
    }

    function test_constructor_TakesTheEdgesOfTheParameters() public {
        AnchorConfig memory config = _config();
        config.parameters.ringSize = 1 << 20;
        config.parameters.challengePeriod = 365 days;
        possess(config);
        assertEq(factory.create(config).ringSize(), 1 << 20, "largest ring");
        config.parameters.ringSize = 1;
        config.parameters.challengePeriod = 1;
        possess(config);
        assertEq(factory.create(config).challengePeriod(), 1, "shortest period");
    }

    /* PARAMETERS */

    function test_RevertWhen_ParametersAreOfNoNetwork() public {
        AnchorConfig memory config = _config();
        config.parameters.ringSize = 0;
        _refuseParameters(config);
        config.parameters.ringSize = (1 << 20) + 1;
        _refuseParameters(config);
        config = _config();
        config.parameters.challengePeriod = 0;
        _refuseParameters(config);
        config.parameters.challengePeriod = 365 days + 1;
        _refuseParameters(config);
        config = _config();
        config.parameters.heartbeat = 51;
        _refuseParameters(config);
    }

    function test_RevertWhen_BaseTimeIsMoreThanAMinuteAhead() public {
        AnchorConfig memory config = _config();
        config.baseTime = START + 61;
        _refuse(
            config,
            abi.encodeWithSelector(IAnchor.BlockTimeInFuture.selector, START + 61, START + 60)
        );
        config = _config();
        config.baseTime = START + 60;
        assertEq(factory.create(config).head().blockTime, START + 60, "a minute ahead");
    }

    /* SET */

    function test_RevertWhen_SetIsEmptyOrTooLarge() public {
        _refuseSet(configOf(new uint64[](0)));
        _refuseSet(configOf(equalWeights(513)));
    }

    function test_RevertWhen_SetHasExpiredOrLivesTooLong() public {
        AnchorConfig memory config = _config();
        config.notAfter = START;
        _refuseSet(config);
        config.notAfter = START + 30 days + 1;
        _refuseSet(config);
        config = _config();
        config.notAfter = START + 1;
        assertEq(factory.create(config).notAfter(), START + 1, "one second");
    }

    function test_RevertWhen_TotalWeightOverflows() public {
        uint64[] memory weights = equalWeights(2);
        weights[0] = type(uint64).max;
        AnchorConfig memory config = configOf(weights);
        possess(config);
        _refuseSet(config);
    }

    function test_RevertWhen_MembersDoNotAscend() public {
        AnchorConfig memory config = _config();
        config.members[2].account = config.members[1].account;
        possess(config);
        _refuseMember(config, 2);
        config.members[2].account = accountOf(0);
        possess(config);
        _refuseMember(config, 2);
    }

    function test_RevertWhen_AWeightIsZero() public {
        AnchorConfig memory config = _config();
        config.members[3].weight = 0;
        _refuseMember(config, 3);
        config = _config();
        config.members[0].weight = 0;
        _refuseMember(config, 0);
    }

    /// @dev Attack 19: one key in two places would count twice. The proofs are both good.
    function test_TheSameKeyTwiceIsRefused() public {
        AnchorConfig memory config = _config();
        possessAs(config, 3, secretOf(1));
        _refuseMember(config, 3);
    }

    /// @dev Nobody could verify a certificate of all members.
    function test_KeysThatCancelEachOtherOutAreRefused() public {
        AnchorConfig memory config = _config();
        uint256 sum = secretOf(0) + secretOf(1) + secretOf(2);
        possessAs(config, 3, BlsSigner.ORDER - sum % BlsSigner.ORDER);
        vm.expectRevert(IAnchor.SetInvalid.selector);
        factory.create(config);
    }

    /* KEYS AND PROOFS OF POSSESSION */

    /// @dev Attack 19: the pairings of an infinite key and an infinite proof are both 1.
    function test_AnInfiniteKeyWithAnInfiniteProofIsRefused() public {
        AnchorConfig memory config = _config();
        delete config.members[1].key;
        delete config.members[1].proofOfPossession;
        _refuseMember(config, 1);
    }

    function test_RevertWhen_OnlyTheKeyOrTheProofIsInfinity() public {
        AnchorConfig memory config = _config();
        delete config.members[1].key;
        _refuseMember(config, 1);
        config = _config();
        delete config.members[1].proofOfPossession;
        _refuseMember(config, 1);
    }

    function test_RevertWhen_AKeyIsOutsideTheSubgroup() public {
        AnchorConfig memory config = _config();
        bytes memory key = BlsSigner.keyOf(secretOf(1));
        key = BlsSigner.addG2(key, BlsSigner.g2OutsideSubgroup());
        _giveKey(config, 1, secretOf(1), key);
        _refuseMember(config, 1);
        _giveKey(config, 1, secretOf(1), BlsSigner.g2OutsideSubgroup());
        _refuseMember(config, 1);
    }

    function test_RevertWhen_AProofIsOutsideTheSubgroup() public {
        AnchorConfig memory config = _config();
        bytes memory proof = abi.encode(config.members[1].proofOfPossession);
        proof = BlsSigner.addG1(proof, BlsSigner.g1OutsideSubgroup());
        config.members[1].proofOfPossession = BlsSigner.words4(proof);
        _refuseMember(config, 1);
    }

    /// @dev Attack 19: c1 before c0, as other libraries write it.
    function test_RevertWhen_TheHalvesOfAKeyAreSwapped() public {
        AnchorConfig memory config = _config();
        bytes32[8] memory k = config.members[1].key;
        bytes32[8] memory swapped = [k[2], k[3], k[0], k[1], k[6], k[7], k[4], k[5]];
        _giveKey(config, 1, secretOf(1), abi.encode(swapped));
        _refuseMember(config, 1);
    }

    function test_RevertWhen_AKeyHasPadding() public {
        AnchorConfig memory config = _config();
        bytes memory key = BlsSigner.keyOf(secretOf(1));
        key[15] = 0x01;
        _giveKey(config, 1, secretOf(1), key);
        _refuseMember(config, 1);
    }

    function testFuzz_RevertWhen_ABitOfAKeyOrProofIsFlipped(uint256 bit) public {
        AnchorConfig memory config = _config();
        bit = bound(bit, 0, 8 * 384 - 1);
        Member memory member = config.members[2];
        bytes32 mask = bytes32(1 << (bit % 256));
        if (bit < 2048) member.key[bit / 256] ^= mask;
        else member.proofOfPossession[(bit - 2048) / 256] ^= mask;
        _refuseMember(config, 2);
    }

    /// @dev Attack 19: whoever copies a proof from the mempool is another member.
    function test_AProofCopiedFromAnotherMemberIsRefused() public {
        AnchorConfig memory config = _config();
        config.members[2].account = address(0x1002f);
        config.members[3].account = address(0x1003f);
        _refuseMember(config, 2);
    }

    /// @dev Attack 11: the same deployer and address, other parameters.
    function test_AProofForAnotherNetworkIsRefused() public {
        AnchorConfig memory config = _config();
        config.parameters.random = keccak256("another");
        _refuseMember(config, 0);
    }

    function test_AProofForAnotherAnchorIsRefused() public {
        AnchorConfig memory config = _config();
        bytes memory key = abi.encode(config.members[0].key);
        bytes32 id = networkIdOf(config, nextAnchor());
        bytes memory message =
            abi.encodePacked("fallow.pop.v1", id, address(0xdead), accountOf(0), key);
        _giveProof(config, 0, BlsLib.POSSESSION_TAG, message);
        _refuseMember(config, 0);
    }

    /// @dev A certificate's signature must never be taken for a proof of possession.
    function test_AProofUnderTheTagOfSignaturesIsRefused() public {
        AnchorConfig memory config = _config();
        bytes memory key = abi.encode(config.members[0].key);
        bytes memory message = possessionMessage(config, nextAnchor(), accountOf(0), key);
        _giveProof(config, 0, BlsLib.SIGNATURE_TAG, message);
        _refuseMember(config, 0);
        _giveProof(config, 0, BlsLib.POSSESSION_TAG, message);
        assertEq(factory.create(config).era(), 0, "the right tag");
    }

    /* HELPERS */

    /// @dev Four members, good in every way.
    function _config() private view returns (AnchorConfig memory config) {
        config = configOf(equalWeights(4));
        possess(config);
    }

    function _checkSet(uint64[] memory weights, uint64 total) private {
        AnchorConfig memory config = configOf(weights);
        possess(config);
        anchor = factory.create(config);
        bytes memory entries = anchor.members();
        assertEq(entries.length, 284 * weights.length, "bytes of the members");
        for (uint256 i = 0; i < weights.length; ++i) {
            bytes memory entry = LibBytes.slice(entries, 284 * i, 284 * (i + 1));
            bytes memory key = abi.encode(config.members[i].key);
            assertEq(entry, abi.encodePacked(accountOf(i), weights[i], key), "member");
        }
        bytes memory set = abi.encodePacked(
            anchor.networkId(), uint64(1), config.notAfter, total, uint16(weights.length), entries
        );
        assertEq(anchor.setHash(), keccak256(bytes.concat("fallow.set.v1", set)), "set hash");
    }

    function _giveKey(AnchorConfig memory config, uint256 i, uint256 secret, bytes memory key)
        private
        view
    {
        config.members[i].key = BlsSigner.words8(key);
        bytes memory message = possessionMessage(config, nextAnchor(), accountOf(i), key);
        config.members[i].proofOfPossession =
            BlsSigner.words4(BlsSigner.sign(secret, BlsLib.POSSESSION_TAG, message));
    }

    function _giveProof(
        AnchorConfig memory config,
        uint256 i,
        string memory tag,
        bytes memory message
    ) private view {
        config.members[i].proofOfPossession =
            BlsSigner.words4(BlsSigner.sign(secretOf(i), tag, message));
    }

    function _refuse(AnchorConfig memory config, bytes memory refusal) private {
        vm.expectRevert(refusal);
        // a refused point burns all gas that the pairing is given
        factory.create{gas: 10_000_000}(config);
    }

    function _refuseParameters(AnchorConfig memory config) private {
        _refuse(config, abi.encodeWithSelector(INetwork.ParametersInvalid.selector));
    }

    function _refuseSet(AnchorConfig memory config) private {
        _refuse(config, abi.encodeWithSelector(IAnchor.SetInvalid.selector));
    }

    function _refuseMember(AnchorConfig memory config, uint256 i) private {
        _refuse(config, abi.encodeWithSelector(IAnchor.MemberInvalid.selector, i));
    }
}
