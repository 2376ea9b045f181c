// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {ReferenceMessages} from "../utils/ReferenceMessages.sol";
import {VectorRegistry} from "../utils/VectorRegistry.sol";

/// @notice A node's promise, as docs/protocol.md section 17 has it.
struct Promise {
    bytes32 messageId;
    address requester;
    uint64 sequence;
    uint64 byTime;
    uint64 logSize;
}

/// @notice A node's refusal, likewise.
struct Refusal {
    bytes32 messageId;
    uint16 code;
    uint256 got;
    uint256 want;
    uint64 time;
    uint64 logSize;
}

/// @notice What a contract will have to compute before it punishes a broken promise.
contract ReferencePromises is ReferenceMessages {
    constructor(address registry_, bytes32 networkId) ReferenceMessages(registry_, networkId) {}

    function idOf(Promise memory promised) public view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "Promise(bytes32 messageId,address requester,uint64 sequence,uint64 byTime,uint64 logSize)"
        );
        return digestOf(keccak256(abi.encode(typeHash, promised)));
    }

    function idOf(Refusal memory refused) public view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "Refusal(bytes32 messageId,uint16 code,uint256 got,uint256 want,uint64 time,uint64 logSize)"
        );
        return digestOf(keccak256(abi.encode(typeHash, refused)));
    }
}

/// @notice Promises and refusals of the shared vectors have the same digests and signers in Solidity.
contract PromiseVectorsTest is VectorRegistry {
    ReferencePromises private promises;
    string private json;

    function setUp() public {
        json = read("promise");
        promises = new ReferencePromises(account(json, ".registry"), word(json, ".networkId"));
    }

    function test_vectors_Promises() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".promises", i)); ++i) {
            string memory where = at(".promises", i);
            bytes32 digest = word(json, string.concat(where, ".digest"));
            assertEq(_promiseDigest(where), digest, _name(where));
            _assertSigned(where, digest);
        }
        assertEq(i, 3, "cases");
    }

    function test_vectors_Refusals() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".refusals", i)); ++i) {
            string memory where = at(".refusals", i);
            bytes32 digest = word(json, string.concat(where, ".digest"));
            assertEq(_refusalDigest(where), digest, _name(where));
            _assertSigned(where, digest);
        }
        assertEq(i, 2, "cases");
    }

    function test_vectors_InvalidPromisesAreNobodys() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".invalidPromises", i)); ++i) {
            string memory where = at(".invalidPromises", i);
            assertFalse(_holds(where, _promiseDigest(where)), _name(where));
        }
        assertEq(i, 12, "cases");
    }

    function test_vectors_InvalidRefusalsAreNobodys() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, at(".invalidRefusals", i)); ++i) {
            string memory where = at(".invalidRefusals", i);
            assertFalse(_holds(where, _refusalDigest(where)), _name(where));
        }
        assertEq(i, 11, "cases");
    }

    function _assertSigned(string memory where, bytes32 digest) private view {
        assertTrue(_holds(where, digest), _name(where));
        uint256 key = uint256(word(json, ".secretKey"));
        (bytes32 r, bytes32 vs) = vm.signCompact(key, digest);
        bytes memory signature = data(json, string.concat(where, ".file.signature"));
        assertEq(signature, abi.encodePacked(r, vs), "the signature of RFC 6979");
        assertEq(vm.addr(key), account(json, string.concat(where, ".file.node")), "the node");
    }

    /// @dev Version and network of the file are looked at like the signature.
    function _holds(string memory where, bytes32 digest) private view returns (bool) {
        string memory file = string.concat(where, ".file");
        if (number(json, string.concat(file, ".version")) != 1) return false;
        bytes32 networkId = word(json, string.concat(file, ".networkId"));
        if (networkId != word(json, ".networkId")) return false;
        bytes memory signature = data(json, string.concat(file, ".signature"));
        address node = account(json, string.concat(file, ".node"));
        return node != address(0) && promises.recover(digest, signature, 0) == node;
    }

    function _promiseDigest(string memory where) private view returns (bytes32) {
        string memory key = string.concat(where, ".file.promise");
        Promise memory promised;
        promised.messageId = word(json, string.concat(key, ".messageId"));
        promised.requester = account(json, string.concat(key, ".requester"));
        promised.sequence = uint64(number(json, string.concat(key, ".sequence")));
        promised.byTime = uint64(number(json, string.concat(key, ".byTime")));
        promised.logSize = uint64(number(json, string.concat(key, ".logSize")));
        return promises.idOf(promised);
    }

    function _refusalDigest(string memory where) private view returns (bytes32) {
        string memory key = string.concat(where, ".file.refusal");
        Refusal memory refused;
        refused.messageId = word(json, string.concat(key, ".messageId"));
        refused.code = uint16(number(json, string.concat(key, ".code")));
        refused.got = uint256(word(json, string.concat(key, ".got")));
        refused.want = uint256(word(json, string.concat(key, ".want")));
        refused.time = uint64(number(json, string.concat(key, ".time")));
        refused.logSize = uint64(number(json, string.concat(key, ".logSize")));
        return promises.idOf(refused);
    }

    function _name(string memory where) private view returns (string memory) {
        return text(json, string.concat(where, ".name"));
    }
}
