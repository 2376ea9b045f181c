// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {
    Announcement,
    IRegistry,
    RegistryConfig,
    Release,
    Request,
    Withdrawal
} from "../../contracts/interfaces/IRegistry.sol";
import {NetworkLib} from "../../contracts/libraries/NetworkLib.sol";
import {SignatureLib} from "../../contracts/libraries/SignatureLib.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";
import {VectorRegistry} from "../utils/VectorRegistry.sol";

/// @notice Takes signatures from calldata.
contract SignatureHarness {
    function recover(bytes32 digest, bytes calldata signatures) external view returns (address) {
        return address(uint160(SignatureLib.recover(digest, signatures, 0)));
    }
}

/// @notice The registry of the shared vectors, at its own address and time: same network, ids,
/// signers, words and leaves as every other language. The log's own vectors are in LogVectors.t.sol.
/// Records that no decoder may take are of no use here: contracts write records and read none.
contract SidechainVectorsTest is VectorRegistry {
    IRegistry private registry;
    SignatureHarness private signatures;

    function setUp() public {
        registry = deployed();
        signatures = new SignatureHarness();
    }

    /* NETWORK */

    function test_vectors_Network() public view {
        string memory json = read("network");
        bytes32 salt = NetworkLib.saltOf(parametersOf(json));
        assertEq(salt, word(json, ".salt"), "salt");
        bytes32 id = NetworkLib.networkIdOf(
            number(json, ".sidechainId"),
            account(json, ".registry"),
            number(json, ".anchorChainId"),
            account(json, ".anchor"),
            salt
        );
        assertEq(id, word(json, ".networkId"), "networkId by the library");
        assertEq(registry.networkId(), id, "networkId by the contract");
        assertEq(registry.domainSeparator(), word(json, ".domainSeparator"), "domain separator");
    }

    /// @dev One part of the network is another: so is the id, in the constructor too.
    function test_vectors_OtherNetworks() public {
        string memory json = read("network");
        RegistryConfig memory own = configOf(json);
        own.parameters.random = 0;
        _assertOther(json, 0, address(registry), own);
        own = configOf(json);
        vm.chainId(1);
        _assertOther(json, 1, address(registry), own);
        vm.chainId(number(json, ".sidechainId"));
        _assertOther(json, 2, address(bytes20(hex"0101010101010101010101010101010101010101")), own);
        own.anchorChainId = 5;
        _assertOther(json, 3, address(registry), own);
        own = configOf(json);
        own.anchor = address(bytes20(hex"0101010101010101010101010101010101010101"));
        _assertOther(json, 4, address(registry), own);
        assertFalse(vm.keyExistsJson(json, at(".others", 5)), "no other case");
    }

    function _assertOther(string memory json, uint256 i, address place, RegistryConfig memory own)
        private
    {
        string memory where = at(".others", i);
        bytes32 id = deployAt(place, own).networkId();
        assertEq(id, word(json, string.concat(where, ".networkId")), _name(json, where));
        assertNotEq(id, word(json, ".networkId"), "another network");
    }

    /* MESSAGES */

    function test_vectors_Messages() public view {
        string memory json = read("messages");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".cases", i)); ++i) {
            string memory where = at(".cases", i);
            bytes32 id = word(json, string.concat(where, ".id"));
            _assertId(json, where, id);
            bytes memory signature = data(json, string.concat(where, ".signature"));
            address signer = account(json, string.concat(where, ".signer"));
            assertEq(signatures.recover(id, signature), signer, _name(json, where));
            uint256 key = uint256(word(json, string.concat(where, ".secretKey")));
            assertEq(vm.addr(key), signer, "the key's address");
            (bytes32 r, bytes32 vs) = vm.signCompact(key, id);
            assertEq(signature, abi.encodePacked(r, vs), "the signature of RFC 6979");
        }
        assertEq(i, 7, "cases");
    }

    /// @dev Grants have no id in a contract.
    function _assertId(string memory json, string memory where, bytes32 id) private view {
        string memory message = string.concat(where, ".message");
        bytes32 kind = keccak256(bytes(text(json, string.concat(where, ".type"))));
        if (kind == keccak256("Announcement")) {
            assertEq(registry.announcementId(announcementAt(json, message)), id, "announcement");
        }
        if (kind == keccak256("Request")) {
            assertEq(registry.requestId(requestAt(json, message)), id, "request");
        }
        if (kind == keccak256("Release")) {
            assertEq(registry.releaseId(releaseAt(json, message)), id, "release");
        }
        if (kind == keccak256("Withdrawal")) {
            assertEq(registry.withdrawalId(withdrawalAt(json, message)), id, "withdrawal");
        }
    }

    function test_vectors_InvalidSignaturesAreRefused() public {
        string memory json = read("messages");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".invalid", i)); ++i) {
            string memory where = at(".invalid", i);
            bytes32 digest = word(json, string.concat(where, ".digest"));
            bytes memory signature = data(json, string.concat(where, ".signature"));
            address signer = account(json, string.concat(where, ".signer"));
            address got = signatures.recover(digest, signature);
            assertNotEq(got, signer, _name(json, where));
            Request memory message = requestAt(json, ".cases[2].message");
            // those for another network or registry are fine for theirs
            if (registry.requestId(message) != digest) continue;
            vm.expectRevert(
                abi.encodeWithSelector(
                    IRegistry.RequesterSignatureInvalid.selector, got, message.requester
                )
            );
            registry.request(message, signature);
        }
        assertEq(i, 9, "cases");
    }

    /// @dev A failed recovery is the zero address, which must not pass for the zero address.
    function test_vectors_NobodyNeverAnnouncesOrRequests() public {
        string memory json = read("messages");
        Announcement memory announcement = announcementAt(json, ".zeroAddress[0].message");
        Request memory message = requestAt(json, ".zeroAddress[1].message");
        assertEq(announcement.provider, address(0), "provider");
        assertEq(message.requester, address(0), "requester");
        bytes memory signature = data(json, ".zeroAddress[0].signature");
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistry.ProviderSignatureInvalid.selector, address(0), address(0)
            )
        );
        registry.announce(announcement, signature);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistry.RequesterSignatureInvalid.selector, address(0), address(0)
            )
        );
        registry.request(message, signature);
    }

    /// @dev Signed for the vectors' network, sent to the same address of others.
    function test_vectors_NeverTakesAMessageOfAnotherNetwork() public {
        string memory json = read("messages");
        Request memory message = requestAt(json, ".cases[2].message");
        bytes memory signature = data(json, ".cases[2].signature");
        RegistryConfig memory own = configOf(read("network"));
        own.parameters.random = 0;
        deployAt(address(registry), own);
        vm.expectPartialRevert(IRegistry.RequesterSignatureInvalid.selector);
        registry.request(message, signature);
    }

    /* WORDS */

    function test_vectors_ResourceWord() public {
        string memory json = read("words");
        uint256 index = number(json, ".resource.index");
        vm.store(address(registry), 0, bytes32(index));
        Announcement memory message = announcementAt(json, ".resource.announcement");
        bytes32 id = registry.announce(message, data(read("messages"), ".cases[0].signature"));
        assertEq(_load(keccak256(abi.encode(id, 65))), number(json, ".resource.word"), "word");
        assertEq(registry.resourceOf(id).index, index, "index");
    }

    function test_vectors_CalendarWords() public {
        string memory json = read("words");
        bytes32 resourceId = keccak256("some resource");
        bytes memory words;
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".calendar", i)); ++i) {
            string memory where = at(".calendar", i);
            uint256 stored = number(json, string.concat(where, ".word"));
            words = abi.encodePacked(words, stored);
            bytes32 place = keccak256(abi.encode(i, keccak256(abi.encode(resourceId, 67))));
            vm.store(address(registry), place, bytes32(stored));
            assertEq(registry.wordOf(resourceId, i), stored, "word");
            uint256[] memory want = vm.parseJsonUintArray(json, string.concat(where, ".used"));
            uint16[] memory used = registry.usedOf(resourceId, uint64(12 * i), 12);
            for (uint256 lane = 0; lane < 12; ++lane) {
                assertEq(used[lane], want[lane], "used");
            }
            assertEq(stored >> 192, number(json, string.concat(where, ".index")), "index");
        }
        assertEq(i, 4, "cases");
        assertEq(keccak256(words), word(json, ".wordsHash"), "hash of the words");
    }

    /// @dev The requester's word before, a request, and its word after.
    function test_vectors_Window() public {
        Request memory message = _allocatable();
        bytes32 place = keccak256(abi.encode(message.requester, 68));
        string memory json = read("words");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".window", i)); ++i) {
            uint256 state = vm.snapshotState();
            string memory where = at(".window", i);
            vm.store(address(registry), place, bytes32(number(json, _key(where, "before"))));
            vm.store(address(registry), 0, bytes32(number(json, _key(where, "index"))));
            message.sequence = uint64(number(json, _key(where, "sequence")));
            _sendExpecting(message, number(json, _key(where, "code")));
            assertEq(_load(place), number(json, _key(where, "after")), _name(json, where));
            vm.revertToState(state);
        }
        assertEq(i, 19, "cases");
    }

    function _sendExpecting(Request memory message, uint256 code) private {
        (bytes32 r, bytes32 vs) =
            vm.signCompact(uint256(bytes32(_twos())), registry.requestId(message));
        bytes memory signature = abi.encodePacked(r, vs);
        assertEq(registry.check(message, signature)[2].code, code, "code of check 3");
        if (code == 302) vm.expectPartialRevert(IRegistry.SequenceOutsideWindow.selector);
        if (code == 303) vm.expectPartialRevert(IRegistry.SequenceAlreadyUsed.selector);
        registry.request(message, signature);
    }

    /* RECORDS: as the registry itself writes them */

    function test_vectors_Records() public {
        string memory json = read("records");
        bytes32[] memory leaves = new bytes32[](5);
        for (uint256 i = 0; i < 5; ++i) {
            leaves[i] = word(json, _key(at(".cases", i), "leaf"));
        }
        assertEq(registry.root(), leaves[0], "genesis");
        string memory messages = read("messages");
        Announcement memory offered = announcementAt(messages, ".cases[0].message");
        registry.announce(offered, data(messages, ".cases[0].signature"));
        assertEq(registry.root(), ReferenceLog.root(leaves, 0, 2), "announcement");
        Request memory message = requestAt(messages, ".cases[2].message");
        _assertWords(json, message.resourceId, "wordsBefore");
        registry.request(message, data(json, ".allocation.signatures"));
        _assertWords(json, message.resourceId, "wordsAfter");
        assertEq(registry.root(), ReferenceLog.root(leaves, 0, 3), "allocation");
        _release(json);
        uint256 freed = number(json, ".release.wordAfter");
        assertEq(registry.wordOf(message.resourceId, 1), freed, "word 1");
        assertEq(registry.root(), ReferenceLog.root(leaves, 0, 4), "release");
        _withdraw(json, offered);
        assertEq(registry.root(), ReferenceLog.root(leaves, 0, 5), "withdrawal");
    }

    /// @dev The allocation is the last of three records, so it is itself a peak.
    function _release(string memory json) private {
        Release memory message = releaseAt(json, ".release.message");
        bytes memory record = data(json, ".cases[2].record");
        bytes memory signature = data(json, ".release.signatures");
        bytes32 id = registry.release(message, signature, record, new bytes32[](0));
        assertEq(id, word(json, ".release.id"), "release id");
        assertTrue(registry.isReleased(2), "released");
    }

    function _withdraw(string memory json, Announcement memory offered) private {
        Withdrawal memory message = withdrawalAt(json, ".withdrawal.message");
        bytes32 id = registry.withdraw(message, offered, data(json, ".withdrawal.signatures"));
        assertEq(id, word(json, ".withdrawal.id"), "withdrawal id");
        assertTrue(registry.resourceOf(message.resourceId).withdrawn, "withdrawn");
    }

    /// @dev With five records before it, the sixth is hashed with the fifth into the peak of
    /// height 1.
    function test_vectors_OpenRecord() public {
        string memory json = read("records");
        bytes32 left = word(json, ".cases[4].leaf");
        bytes32 right = word(json, ".cases[5].leaf");
        vm.store(address(registry), 0, bytes32(number(json, ".cases[5].index")));
        vm.store(address(registry), bytes32(uint256(1)), left);
        bytes memory record = data(json, ".cases[5].record");
        bytes memory body = new bytes(record.length - 38);
        for (uint256 i = 0; i < body.length; ++i) {
            body[i] = record[38 + i];
        }
        vm.prank(account(json, ".cases[5].writer"));
        registry.append(uint8(number(json, ".cases[5].kind")), body);
        assertEq(_load(bytes32(uint256(2))), uint256(ReferenceLog.node(left, right)), "peak");
    }

    function test_vectors_Leaves() public view {
        string memory json = read("records");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".cases", i)); ++i) {
            string memory where = at(".cases", i);
            bytes memory record = data(json, _key(where, "record"));
            bytes32 leaf = keccak256(bytes.concat(hex"00", record));
            assertEq(leaf, word(json, _key(where, "leaf")), _name(json, where));
        }
        assertEq(i, 6, "cases");
    }

    /// @dev Calendar words 0 and 1.
    function _assertWords(string memory json, bytes32 resourceId, string memory when) private view {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 want = number(json, at(string.concat(".allocation.", when), i));
            assertEq(registry.wordOf(resourceId, i), want, when);
        }
    }

    /// @dev The vectors' request, once its resource is recorded.
    function _allocatable() private returns (Request memory) {
        string memory json = read("messages");
        Announcement memory offered = announcementAt(json, ".cases[0].message");
        registry.announce(offered, data(json, ".cases[0].signature"));
        return requestAt(json, ".cases[2].message");
    }

    /// @dev The requester's secret key: 32 bytes 02.
    function _twos() private pure returns (bytes memory key) {
        key = new bytes(32);
        for (uint256 i = 0; i < 32; ++i) {
            key[i] = 0x02;
        }
    }

    function _load(bytes32 place) private view returns (uint256) {
        return uint256(vm.load(address(registry), place));
    }

    function _key(string memory where, string memory name) private pure returns (string memory) {
        return string.concat(where, ".", name);
    }

    function _name(string memory json, string memory where) private pure returns (string memory) {
        return text(json, _key(where, "name"));
    }
}
