//! Checkpoints, sets, proofs of possession and certificates.

use crate::world::{self, bls_key, hex};
use alloy_primitives::{Address, B256, keccak256};
use fallow_log::Tree;
use fallow_protocol::bls::{PublicKey, Signature};
use fallow_protocol::{Certificate, Checkpoint, Member, Set, SetHash};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The log of the example records.
pub(crate) fn tree() -> Tree {
    let mut tree = Tree::new();
    for (_, record) in crate::records::all() {
        tree.push(fallow_log::leaf_hash(&record.encode())).unwrap();
    }
    tree
}

pub(crate) fn example_checkpoint() -> Checkpoint {
    Checkpoint {
        network_id: world::network().id(),
        era: 0,
        set_number: 1,
        block_number: 128,
        block_hash: keccak256("block 128"),
        block_time: world::START - 390,
        size: tree().size(),
        root: tree().root(),
        next_set: SetHash::ZERO,
    }
}

pub(crate) fn checkpoint() -> Value {
    let checkpoint = example_checkpoint();
    let bytes = checkpoint.encode();
    let invalid = [
        ("empty", vec![]),
        ("cut short", bytes[..163].to_vec()),
        ("trailing byte", [&bytes[..], &[0]].concat()),
    ];
    let largest = Checkpoint {
        era: u32::MAX,
        set_number: u64::MAX,
        block_number: u64::MAX,
        block_time: u64::MAX,
        size: u64::MAX,
        next_set: SetHash::repeat_byte(0xff),
        ..checkpoint
    };
    let row = |checkpoint: Checkpoint| {
        json!({
            "checkpoint": checkpoint,
            "bytes": hex(checkpoint.encode()),
            "digest": checkpoint.digest(),
        })
    };
    json!({
        "cases": [row(checkpoint), row(largest)],
        "invalid": invalid.map(|(name, bytes)| {
            assert!(Checkpoint::decode(&bytes).is_err(), "{name}");
            json!({ "name": name, "bytes": hex(bytes) })
        }),
    })
}

/// A point of G2's curve that is not in its subgroup.
fn key_outside_subgroup() -> [u8; 256] {
    let point = (1_u8..)
        .find_map(|x| {
            let mut compressed = [0; 96];
            (compressed[0], compressed[95]) = (0x80, x);
            let key = blst::min_sig::PublicKey::uncompress(&compressed).ok()?;
            key.validate().is_err().then(|| key.serialize())
        })
        .unwrap();
    let mut padded = [0; 256];
    for (slot, element) in padded.chunks_exact_mut(64).zip([1, 0, 3, 2]) {
        slot[16..].copy_from_slice(&point[element * 48..(element + 1) * 48]);
    }
    padded
}

/// A point of G1's curve that is not in its subgroup: compressed, and as EIP-2537 has it.
fn signature_outside_subgroup() -> ([u8; 48], [u8; 128]) {
    let point = (1_u8..)
        .find_map(|x| {
            let mut compressed = [0; 48];
            (compressed[0], compressed[47]) = (0x80, x);
            let signature = blst::min_sig::Signature::uncompress(&compressed).ok()?;
            signature.validate(true).is_err().then_some(signature)
        })
        .unwrap();
    let (mut padded, bytes) = ([0; 128], point.serialize());
    padded[16..64].copy_from_slice(&bytes[..48]);
    padded[80..].copy_from_slice(&bytes[48..]);
    (point.compress(), padded)
}

fn invalid_keys() -> Vec<Value> {
    let key = bls_key(1).public_key().to_eip2537();
    let changed = |change: fn(&mut [u8; 256])| {
        let mut key = key;
        change(&mut key);
        key
    };
    let rows = [
        ("infinity", [0; 256]),
        ("outside the subgroup", key_outside_subgroup()),
        ("swapped halves of x", changed(|key| key[..128].rotate_left(64))),
        (
            "swapped halves of x and y",
            changed(|key| {
                key[..128].rotate_left(64);
                key[128..].rotate_left(64);
            }),
        ),
        ("padding not zero", changed(|key| key[64] = 1)),
        ("flipped bit", changed(|key| key[255] ^= 1)),
        ("not below the field's prime", changed(|key| key[16..64].fill(0xff))),
    ];
    let row = |(name, key): (&str, [u8; 256])| {
        assert!(PublicKey::from_eip2537(&key).is_err(), "{name}");
        json!({ "name": name, "key": hex(key) })
    };
    rows.into_iter().map(row).collect()
}

fn invalid_sets() -> Vec<Value> {
    let bytes = world::set().encode();
    let mut rows = vec![
        ("empty", vec![]),
        ("cut short", bytes[..bytes.len() - 1].to_vec()),
        ("trailing byte", [&bytes[..], &[0]].concat()),
    ];
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        bytes
    };
    let member = 284;
    rows.extend([
        ("total too large", changed(&|set| set[55] = 5)),
        (
            "no members",
            changed(&|set| {
                set.truncate(58);
                set[57] = 0;
            }),
        ),
        ("members out of order", changed(&|set| set[58..58 + 2 * member].rotate_left(member))),
        ("same address twice", changed(&|set| set.copy_within(58..78, 58 + member))),
        ("same key twice", changed(&|set| set.copy_within(86..86 + 256, 86 + member))),
        ("weight zero", changed(&|set| set[85] = 0)),
        ("key of infinity", changed(&|set| set[86..86 + 256].fill(0))),
    ]);
    rows.into_iter()
        .map(|(name, set)| {
            assert!(Set::decode(&set).is_err(), "{name}");
            json!({ "name": name, "set": hex(set) })
        })
        .collect()
}

pub(crate) fn set() -> Value {
    let set = world::set();
    let members: Vec<_> =
        (1_u8..).zip(set.members()).map(|(seed, member)| row(seed, member)).collect();
    json!({
        "networkId": set.network_id(),
        "anchor": world::network().anchor,
        "number": set.number().to_string(),
        "notAfter": set.not_after().to_string(),
        "total": set.total().to_string(),
        "members": members,
        "aggregateKey": hex(set.aggregate().to_eip2537()),
        "bytes": hex(set.encode()),
        "setHash": set.hash(),
        "invalidKeys": invalid_keys(),
        "invalidProofs": invalid_proofs(),
        "invalidSets": invalid_sets(),
    })
}

fn row(seed: u8, member: &Member) -> Value {
    let key = bls_key(seed);
    let proof = key.prove_possession(&world::possession(member.address));
    assert!(member.key.proves_possession(&world::possession(member.address), &proof));
    json!({
        "address": member.address,
        "weight": member.weight.to_string(),
        "key": hex(member.key.to_eip2537()),
        "secretKey": hex(key.to_bytes()),
        "proofOfPossession": hex(proof.to_eip2537()),
        "proofCompressed": hex(proof.to_bytes()),
    })
}

/// Proofs of possession that must not convince anybody about member 0.
fn invalid_proofs() -> Vec<Value> {
    let member = world::members()[0];
    let own = world::possession(member.address);
    let possession = |change: fn(&mut fallow_protocol::bls::Possession)| {
        let mut other = own;
        change(&mut other);
        bls_key(1).prove_possession(&other)
    };
    let rows = [
        ("of another member", possession(|other| other.member = Address::repeat_byte(0x20))),
        (
            "of another network",
            possession(|other| other.network_id = world::other_domain().network_id),
        ),
        ("of another anchor", possession(|other| other.anchor = Address::ZERO)),
        ("by another key", bls_key(2).prove_possession(&own)),
        ("a share instead", bls_key(1).sign(example_checkpoint().digest())),
    ];
    let row = |(name, proof): (&str, Signature)| {
        assert!(!member.key.proves_possession(&own, &proof), "{name}");
        json!({ "name": name, "proofOfPossession": hex(proof.to_eip2537()) })
    };
    rows.into_iter().map(row).collect()
}

/// The certificate of these members over a digest.
pub(crate) fn certify(set: &Set, digest: B256, signers: &[usize]) -> Certificate {
    let share = |position: &usize| (*position, bls_key(*position as u8 + 1).sign(digest));
    let shares: BTreeMap<_, _> = signers.iter().map(share).collect();
    Certificate::aggregate(set, &shares).unwrap()
}

fn point(certificate: &Certificate) -> String {
    hex(Signature::from_bytes(certificate.signature()).unwrap().to_eip2537())
}

pub(crate) fn certificate() -> Value {
    let (set, digest) = (world::set(), example_checkpoint().digest());
    let case = |(name, signers): (&str, &[usize])| {
        let certificate = certify(&set, digest, signers);
        let outcome = certificate.verify(&set, digest);
        json!({
            "name": name,
            "digest": digest,
            "certificate": hex(certificate.encode()),
            "bitmap": hex(certificate.bitmap()),
            "signature": point(&certificate),
            "weight": signers.len().to_string(),
            "code": outcome.err().map_or(0, |refusal| refusal.code.number()),
        })
    };
    let cases: [(&str, &[usize]); 4] = [
        ("all sign", &[0, 1, 2, 3]),
        ("three of four sign", &[0, 2, 3]),
        ("half of them are no quorum", &[1, 2]),
        ("one is no quorum", &[0]),
    ];
    json!({
        "set": hex(set.encode()),
        "cases": cases.map(case),
        "invalid": invalid_certificates(&set, digest),
        "malformed": malformed_certificates(&set, digest),
    })
}

/// Well-formed certificates that no quorum signed.
fn invalid_certificates(set: &Set, digest: B256) -> Vec<Value> {
    let all = certify(set, digest, &[0, 1, 2, 3]).encode();
    let three = certify(set, digest, &[0, 1, 2]).encode();
    let other = certify(set, B256::ZERO, &[0, 1, 2, 3]).encode();
    let (outside, outside_point) = signature_outside_subgroup();
    let mut infinity = [0; 48];
    infinity[0] = 0xc0;
    let with_bitmap = |bytes: &[u8], bitmap| [&bytes[..4], &[bitmap], &bytes[5..]].concat();
    let signed = |signature: &[u8]| [&all[..5], signature].concat();
    let point = |bytes: &[u8]| point(&Certificate::decode(bytes).unwrap());
    let rows = [
        ("signature over another digest", other.clone(), point(&other)),
        ("absent member counted", with_bitmap(&three, 0x0f), point(&three)),
        ("present member not counted", with_bitmap(&all, 0x07), point(&all)),
        ("signature of infinity", signed(&infinity), hex([0; 128])),
        ("signature outside the subgroup", signed(&outside), hex(outside_point)),
    ];
    rows.into_iter()
        .map(|(name, bytes, signature)| {
            let certificate = Certificate::decode(&bytes).unwrap();
            let code = certificate.verify(set, digest).unwrap_err().code.number();
            json!({
                "name": name, "digest": digest, "certificate": hex(&bytes),
                "bitmap": hex(certificate.bitmap()), "signature": signature, "code": code,
            })
        })
        .collect()
}

/// Bytes that are no certificate.
fn malformed_certificates(set: &Set, digest: B256) -> Vec<Value> {
    let all = certify(set, digest, &[0, 1, 2, 3]).encode();
    let with = |position: usize, value: u8| {
        let mut bytes = all.clone();
        bytes[position] = value;
        bytes
    };
    let rows = [
        ("empty", vec![]),
        ("other version", with(0, 2)),
        ("other scheme", with(1, 2)),
        ("no members", with(3, 0)),
        ("513 members", [&[1, 1, 2, 1][..], &[0; 65], &[0; 48]].concat()),
        ("padding not zero", with(4, 0x1f)),
        ("cut short", all[..all.len() - 1].to_vec()),
        ("trailing byte", [&all[..], &[0]].concat()),
    ];
    rows.into_iter()
        .map(|(name, bytes)| {
            assert!(Certificate::decode(&bytes).is_err(), "{name}");
            json!({ "name": name, "certificate": hex(bytes) })
        })
        .collect()
}
