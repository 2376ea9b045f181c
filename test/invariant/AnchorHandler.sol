// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity 0.8.37;

import {Certificate, Checkpoint, Head, Kept} from "../../contracts/interfaces/IAnchor.sol";
import {AnchorBase} from "../utils/AnchorBase.sol";
import {ReferenceLog} from "../utils/ReferenceLog.sol";

/// @title Submits valid and invalid checkpoints of one log, and remembers what must hold
contract AnchorHandler is AnchorBase {
    uint256 private constant MEMBERS = 4;
    /// @dev The whole log, of which checkpoints show more and more.
    uint64 private constant LOG_SIZE = 120;

    uint256 public accepted;
    uint256 public refused;
    uint256 public regressions;
    uint256 public wronglyAccepted;
    uint256 public wronglyRefused;

    /// @dev What each accepted checkpoint left in the ring, oldest first.
    Kept[] private kept;

    constructor() {
        vm.warp(START);
        anchor = deploy(equalWeights(MEMBERS));
        growTo(LOG_SIZE);
    }

    /* ACTIONS */

    /// @dev The fuzzer's clock: seconds to hours, so that spacing and period are crossed.
    function wait_(uint256 time) external {
        vm.warp(vm.getBlockTimestamp() + bound(time, 1, PERIOD / 2));
    }

    /// @dev Good in every way, if the last anchoring is long enough ago.
    function submitValid(uint256 growth, uint256 absent, bool early) external {
        if (!early) _ripen();
        Checkpoint memory checkpoint = _next(growth);
        bool timely = vm.getBlockTimestamp() >= anchor.head().anchoredAt + SPACING;
        timely = timely && vm.getBlockTimestamp() > anchor.head().blockTime;
        Certificate memory certificate = certify(checkpoint, MEMBERS, _absent(absent));
        bool taken = _submit(checkpoint, proofTo(checkpoint.size), certificate);
        if (taken && !timely) ++wronglyAccepted;
        if (!taken && timely) ++wronglyRefused;
    }

    /// @dev Certified by all, but of a log in which one anchored record is another.
    function submitRewritten(uint256 growth, uint256 index, bool withItsOwnProof) external {
        uint64 old = anchor.head().size;
        if (old == 0) return;
        _ripen();
        index = bound(index, 0, old - 1);
        Checkpoint memory honest = _next(growth);
        bytes32[] memory proof = proofTo(honest.size);
        bytes32 record = leaves[index];
        leaves[index] = keccak256(abi.encode("rewritten", record));
        Checkpoint memory rewritten = _next(growth);
        if (withItsOwnProof) proof = proofTo(rewritten.size);
        leaves[index] = record;
        _mustRefuse(rewritten, proof, certify(rewritten, MEMBERS, none()));
    }

    /// @dev One thing is wrong with an otherwise good submission.
    function submitCorrupted(uint256 growth, uint256 what, uint256 bit) external {
        _ripen();
        Checkpoint memory checkpoint = _next(growth);
        bytes32[] memory proof = proofTo(checkpoint.size);
        Certificate memory certificate = certify(checkpoint, MEMBERS, none());
        what = bound(what, 0, 6);
        if (what == 0) certificate.bitmap = abi.encodePacked(uint8(bound(bit, 0, 0x0e)));
        if (what == 1) certificate.signature[bit % 128] ^= 0x04;
        if (what == 2) proof = ReferenceLog.append(proof, bytes32(bit));
        if (what == 3) checkpoint.root ^= bytes32(1 << (bit % 256));
        if (what == 4) checkpoint.size += 1;
        if (what == 5) checkpoint.blockHash ^= bytes32(1 << (bit % 256));
        if (what == 6) checkpoint.blockNumber += 1;
        _mustRefuse(checkpoint, proof, certificate);
    }

    /// @dev Certified by all, but absurd: it must not become the head.
    function submitAbsurd(uint256 growth, uint256 what, uint64 value) external {
        _ripen();
        Checkpoint memory checkpoint = _next(growth);
        what = bound(what, 0, 4);
        uint64 high = uint64(bound(value, 1 << 41, type(uint64).max));
        if (what == 0) checkpoint.blockNumber = high;
        if (what == 1) checkpoint.blockTime = high;
        if (what == 2) checkpoint.size = high;
        if (what == 3) checkpoint.blockNumber = anchor.head().blockNumber;
        if (what == 4) checkpoint.blockTime = anchor.head().blockTime;
        bytes32[] memory proof = new bytes32[](0);
        _mustRefuse(checkpoint, proof, certify(checkpoint, MEMBERS, none()));
    }

    /// @dev The last accepted checkpoint once more.
    function submitAgain() external {
        if (kept.length == 0) return;
        _ripen();
        Checkpoint memory checkpoint = kept[kept.length - 1].checkpoint;
        bytes32[] memory proof = new bytes32[](0);
        _mustRefuse(checkpoint, proof, certify(checkpoint, MEMBERS, none()));
    }

    /* CHECKS */

    function checkHead() external view {
        Head memory head = anchor.head();
        assertEq(head.count, kept.length, "count");
        if (kept.length == 0) return;
        Checkpoint memory last = kept[kept.length - 1].checkpoint;
        assertEq(head.size, last.size, "size");
        assertEq(head.root, last.root, "root");
        assertEq(head.blockNumber, last.blockNumber, "block number");
        assertEq(head.blockTime, last.blockTime, "block time");
        assertEq(head.anchoredAt, kept[kept.length - 1].anchoredAt, "anchored at");
    }

    /// @dev Every entry younger than the challenge period, and the last ones as many as fit.
    function checkRing() external view {
        for (uint256 i = 0; i < kept.length; ++i) {
            Kept memory entry = kept[i];
            bool young = vm.getBlockTimestamp() < entry.anchoredAt + PERIOD;
            if (!young && i + RING < kept.length) continue;
            assertEq(anchor.ringEntryOf(entry.ringIndex), _entryOf(entry), "still kept");
        }
    }

    function checkRoots() external view {
        for (uint256 i = 0; i < kept.length; ++i) {
            Checkpoint memory checkpoint = kept[i].checkpoint;
            assertEq(checkpoint.root, rootAt(checkpoint.size), "root");
        }
    }

    /* HELPERS */

    /// @dev Lets time pass until it is no reason to refuse.
    function _ripen() private {
        uint256 soonest = uint256(anchor.head().anchoredAt) + SPACING;
        if (vm.getBlockTimestamp() < soonest) vm.warp(soonest);
    }

    function _next(uint256 growth) private view returns (Checkpoint memory) {
        uint64 size = anchor.head().size;
        growth = bound(growth, size == 0 ? 1 : 0, 7);
        uint256 next = size + growth;
        return nextCheckpoint(next > LOG_SIZE ? LOG_SIZE : uint64(next));
    }

    /// @dev At most one of four: a quorum signs.
    function _absent(uint256 seed) private pure returns (uint256[] memory) {
        return seed % 5 == 4 ? none() : one(seed % 5);
    }

    function _mustRefuse(
        Checkpoint memory checkpoint,
        bytes32[] memory proof,
        Certificate memory certificate
    ) private {
        if (_submit(checkpoint, proof, certificate)) ++wronglyAccepted;
    }

    function _submit(
        Checkpoint memory checkpoint,
        bytes32[] memory proof,
        Certificate memory certificate
    ) private returns (bool taken) {
        Head memory before = anchor.head();
        // a refused point burns all gas that the pairing is given
        try anchor.submit{gas: 1_000_000}(checkpoint, proof, certificate) {
            taken = true;
            ++accepted;
            kept.push(
                Kept(
                    checkpoint,
                    before.size,
                    before.blockTime,
                    uint64(vm.getBlockTimestamp()),
                    certificate.bitmap,
                    uint32((before.count + 1) % RING)
                )
            );
        } catch {
            ++refused;
        }
        _compare(before, anchor.head(), taken);
    }

    function _compare(Head memory before, Head memory afterwards, bool taken) private {
        bool same = keccak256(abi.encode(before)) == keccak256(abi.encode(afterwards));
        bool grown = afterwards.size >= before.size && afterwards.blockNumber > before.blockNumber
            && afterwards.blockTime > before.blockTime && afterwards.anchoredAt >= before.anchoredAt
            && afterwards.count == before.count + 1;
        if (taken ? !grown : !same) ++regressions;
    }

    function _entryOf(Kept memory entry) private pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                referenceDigest(entry.checkpoint),
                entry.previousSize,
                entry.previousBlockTime,
                entry.anchoredAt,
                entry.bitmap
            )
        );
    }
}
