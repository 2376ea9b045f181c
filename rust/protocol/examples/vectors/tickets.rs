//! Tickets and access grants, valid and not.

use crate::certificates::{certify, example_checkpoint, tree};
use crate::world::{self, SLOT, START, hex};
use crate::{messages, records};
use alloy_primitives::{B256, keccak256};
use fallow_protocol::{
    AnchorChain, Checkpoint, Code, CodeHashes, NetworkFile, NetworkPart, Set, Sidechain, Ticket,
    Trust,
};
use serde_json::{Value, json};

/// A clock inside the example allocation.
const NOW: u64 = START + 10 * SLOT + 60;

pub(crate) fn network_file() -> NetworkFile {
    let network = world::network();
    let part = NetworkPart {
        sidechain: Sidechain {
            chain_id: network.sidechain_id,
            registry: network.registry,
            bulletin: alloy_primitives::Address::repeat_byte(0xb0),
            block: 3,
        },
        anchor_chain: AnchorChain {
            chain_id: network.anchor_chain_id,
            anchor: network.anchor,
            block: 20_000_000,
        },
        random: world::random(),
        parameters: world::parameters(),
        code_hashes: CodeHashes {
            registry: keccak256("registry code"),
            bulletin: keccak256("bulletin code"),
            anchor: keccak256("anchor code"),
        },
    };
    let trust = Trust { era: 0, set_number: 1, set_hash: world::set().hash(), checkpoint: None };
    NetworkFile::new(part, trust)
}

pub(crate) fn example_ticket() -> Ticket {
    let checkpoint = example_checkpoint();
    Ticket {
        record: records::allocation(),
        evidence: records::allocation_evidence().encode(),
        path: tree().prove_inclusion(2, tree().size()).unwrap(),
        checkpoint,
        certificate: certify(&world::set(), checkpoint.digest(), &[0, 1, 2, 3]),
    }
}

/// The example ticket under a checkpoint that was changed and then certified all the same.
fn recertified(change: fn(&mut Checkpoint)) -> Ticket {
    let mut checkpoint = example_checkpoint();
    change(&mut checkpoint);
    let certificate = certify(&world::set(), checkpoint.digest(), &[0, 1, 2, 3]);
    Ticket { checkpoint, certificate, ..example_ticket() }
}

/// The example ticket with one part changed after certification.
fn changed(change: fn(&mut Ticket)) -> Ticket {
    let mut ticket = example_ticket();
    change(&mut ticket);
    ticket
}

fn refused() -> Vec<(&'static str, Ticket, u64, Code)> {
    let digest = example_checkpoint().digest();
    let few = Ticket { certificate: certify(&world::set(), digest, &[0, 1]), ..example_ticket() };
    let smaller =
        Set::new(world::network().id(), 1, world::NOT_AFTER, world::members()[..3].to_vec());
    let other_set =
        Ticket { certificate: certify(&smaller.unwrap(), digest, &[0, 1, 2]), ..example_ticket() };
    let forge = |change: fn(&mut Ticket)| changed(change);
    let forged_checkpoint = forge(|ticket| ticket.checkpoint.size += 1);
    vec![
        (
            "of another network",
            recertified(|at| at.network_id = world::other_domain().network_id),
            NOW,
            Code::NetworkMismatch,
        ),
        ("of another era", recertified(|at| at.era = 1), NOW, Code::EraMismatch),
        ("of another set", recertified(|at| at.set_number = 2), NOW, Code::SetMismatch),
        ("expired set", example_ticket(), world::NOT_AFTER + 1, Code::SetExpired),
        ("certificate of a smaller set", other_set, NOW, Code::CertificateMalformed),
        ("two of four signed", few, NOW, Code::QuorumMissing),
        (
            "checkpoint changed after it was signed",
            forged_checkpoint,
            NOW,
            Code::CertificateSignatureInvalid,
        ),
        ("other evidence", forge(|ticket| ticket.evidence[10] ^= 1), NOW, Code::EvidenceMismatch),
        (
            "sibling missing",
            forge(|ticket| ticket.path.truncate(ticket.path.len() - 1)),
            NOW,
            Code::InclusionPathInvalid,
        ),
        (
            "surplus sibling",
            forge(|ticket| ticket.path.push(B256::ZERO)),
            NOW,
            Code::InclusionPathInvalid,
        ),
        (
            "flipped bit in a sibling",
            forge(|ticket| ticket.path[0].0[0] ^= 1),
            NOW,
            Code::InclusionRootMismatch,
        ),
        ("other index", forge(|ticket| ticket.record.index = 3), NOW, Code::InclusionRootMismatch),
        (
            "other block time",
            forge(|ticket| ticket.record.block_time += 1),
            NOW,
            Code::InclusionRootMismatch,
        ),
    ]
}

pub(crate) fn ticket() -> Value {
    let ticket = example_ticket();
    let bytes = ticket.encode();
    let refused: Vec<_> = refused()
        .into_iter()
        .map(|(name, ticket, now, code)| {
            json!({
                "name": name, "ticket": hex(ticket.encode()), "now": now.to_string(),
                "code": code.number(),
            })
        })
        .collect();
    let with = |position: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[position] = value;
        changed
    };
    let malformed = [
        ("empty", vec![]),
        ("other magic", with(0, b'X')),
        ("other version", with(4, 2)),
        ("record's length too large", with(5, 0xff)),
        ("cut short", bytes[..bytes.len() - 1].to_vec()),
        ("trailing byte", [&bytes[..], &[0]].concat()),
    ];
    json!({
        "network": network_file(),
        "set": hex(world::set().encode()),
        "now": NOW.to_string(),
        "ticket": hex(&bytes),
        "json": ticket,
        "refused": refused,
        "malformed": malformed.map(|(name, bytes)| {
            assert!(Ticket::decode(&bytes).is_err(), "{name}");
            json!({ "name": name, "ticket": hex(bytes) })
        }),
    })
}

pub(crate) fn access() -> Value {
    let domain = world::domain();
    let (grant, key) = (messages::grant(), world::requester());
    let row = |name: &str,
               grant: fallow_protocol::AccessGrant,
               key: &fallow_protocol::SecretKey,
               now: u64,
               code: u16| {
        json!({
            "name": name, "grant": grant, "signature": key.sign(grant.id(&domain)),
            "now": now.to_string(), "code": code,
        })
    };
    let of = |change: fn(&mut fallow_protocol::AccessGrant)| {
        let mut changed = grant;
        change(&mut changed);
        changed
    };
    let late = of(|grant| grant.expires_at = world::NOT_AFTER);
    let code = |code: Code| code.number();
    json!({
        "network": network_file(),
        "set": hex(world::set().encode()),
        "ticket": hex(example_ticket().encode()),
        "announcement": world::announcement(),
        "nonce": grant.nonce,
        "cases": [
            row("admitted", grant, &key, NOW, 0),
            row("a stranger signed", grant, &world::stranger(), NOW, code(Code::GrantSignatureInvalid)),
            row("for another provider", of(|grant| grant.provider = world::stranger().address()), &key, NOW, code(Code::ProviderMismatch)),
            row("another nonce", of(|grant| grant.nonce.0[0] ^= 1), &key, NOW, code(Code::NonceMismatch)),
            row("expired", of(|grant| grant.expires_at = NOW - 1), &key, NOW, code(Code::GrantExpired)),
            row("of another request", of(|grant| grant.request_id = fallow_protocol::RequestId::ZERO), &key, NOW, code(Code::RequestMismatch)),
            row("before the first slot", late, &key, START + 10 * SLOT - 1, code(Code::SlotNotStarted)),
            row("in the first second", late, &key, START + 10 * SLOT, 0),
            row("in the last second", late, &key, START + 14 * SLOT - 1, 0),
            row("after the last slot", late, &key, START + 14 * SLOT, code(Code::SlotEnded)),
        ],
    })
}
