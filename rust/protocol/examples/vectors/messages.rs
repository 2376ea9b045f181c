//! Networks, messages, ids and signatures.

use crate::world::{self, hex};
use alloy_primitives::{Address, B256, b256, keccak256};
use fallow_protocol::{AccessGrant, Domain, Network, Release, SecretKey, Signature, Withdrawal};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use serde_json::{Value, json};

pub(crate) fn network() -> Value {
    let network = world::network();
    let others = [
        ("other random", Network { salt: world::parameters().salt(B256::ZERO), ..network }),
        ("other sidechain", Network { sidechain_id: 1, ..network }),
        ("other registry", Network { registry: Address::repeat_byte(1), ..network }),
        ("other anchor chain", Network { anchor_chain_id: 5, ..network }),
        ("other anchor", Network { anchor: Address::repeat_byte(1), ..network }),
    ];
    let others = others.map(|(name, other)| json!({ "name": name, "networkId": other.id() }));
    json!({
        "random": world::random(),
        "parameters": world::parameters(),
        "salt": network.salt,
        "sidechainId": network.sidechain_id.to_string(),
        "registry": network.registry,
        "anchorChainId": network.anchor_chain_id.to_string(),
        "anchor": network.anchor,
        "networkId": network.id(),
        "domainSeparator": world::domain().separator,
        "others": others,
    })
}

struct Case {
    name: &'static str,
    primary_type: &'static str,
    message: Value,
    id: B256,
    key: SecretKey,
}

pub(crate) fn grant() -> AccessGrant {
    AccessGrant {
        request_id: world::request().id(&world::domain()),
        provider: world::provider().address(),
        nonce: keccak256("example nonce"),
        expires_at: world::START + 11 * world::SLOT,
        session_key: B256::ZERO,
    }
}

pub(crate) fn release() -> Release {
    Release {
        request_id: world::request().id(&world::domain()),
        from_time: world::START + 12 * world::SLOT,
        timestamp: world::START,
    }
}

pub(crate) fn withdrawal() -> Withdrawal {
    let resource_id = world::announcement().id(&world::domain());
    Withdrawal { resource_id, timestamp: world::START + 7 }
}

fn cases(domain: &Domain) -> Vec<Case> {
    let (announcement, request) = (world::announcement(), world::request());
    let (release, withdrawal) = (release(), withdrawal());
    let approved = fallow_protocol::Announcement {
        approver: world::approver().address(),
        volume: u16::MAX,
        slot_seconds: u32::MAX,
        notice_seconds: u32::MAX,
        end_time: (1 << 40) - 1,
        ..announcement
    };
    let far = fallow_protocol::Request { sequence: u64::MAX, volume: u16::MAX, ..request };
    let of = |name, primary_type, message, id, key| Case { name, primary_type, message, id, key };
    let (provider, requester) = (world::provider(), world::requester());
    vec![
        of(
            "announcement",
            "Announcement",
            json!(announcement),
            announcement.id(domain).0,
            provider.clone(),
        ),
        of(
            "announcement of largest values",
            "Announcement",
            json!(approved),
            approved.id(domain).0,
            provider.clone(),
        ),
        of("request", "Request", json!(request), request.id(domain).0, requester.clone()),
        of("request of largest values", "Request", json!(far), far.id(domain).0, requester.clone()),
        of("release", "Release", json!(release), release.id(domain), requester.clone()),
        of("withdrawal", "Withdrawal", json!(withdrawal), withdrawal.id(domain), provider),
        of("access grant", "AccessGrant", json!(grant()), grant().id(domain), requester),
    ]
}

pub(crate) fn messages() -> Value {
    let domain = world::domain();
    let cases: Vec<_> = cases(&domain)
        .into_iter()
        .map(|case| {
            json!({
                "name": case.name,
                "type": case.primary_type,
                "message": case.message,
                "id": case.id,
                "signer": case.key.address(),
                "secretKey": hex(case.key.to_bytes()),
                "signature": case.key.sign(case.id),
            })
        })
        .collect();
    json!({
        "registry": domain.registry,
        "networkId": domain.network_id,
        "domainSeparator": domain.separator,
        "cases": cases,
        "zeroAddress": zero_addresses(&domain),
        "invalid": invalid_signatures(&domain),
    })
}

/// Messages in the name of the zero address, with a signature that recovers to nobody: a checker
/// that compares a failed recovery with the zero address would accept them.
fn zero_addresses(domain: &Domain) -> Vec<Value> {
    let nobody = Signature::from([0; 64]);
    let announcement =
        fallow_protocol::Announcement { provider: Address::ZERO, ..world::announcement() };
    let request = fallow_protocol::Request { requester: Address::ZERO, ..world::request() };
    let rows = [
        ("announcement of nobody", "Announcement", json!(announcement), announcement.id(domain).0),
        ("request of nobody", "Request", json!(request), request.id(domain).0),
    ];
    let row = |(name, primary_type, message, id): (&str, &str, Value, B256)| {
        assert!(nobody.recover(id).is_err(), "{name}");
        json!({
            "name": name, "type": primary_type, "message": message, "id": id, "signature": nobody,
        })
    };
    rows.into_iter().map(row).collect()
}

/// A signature with the smallest high `s`, and the signer whom a recovery without the rule finds.
/// (The form has no bit for most high values: the top one is the parity.)
fn high_s(digest: B256) -> (Signature, Address) {
    const HALF_ORDER_PLUS_ONE: B256 =
        b256!("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1");
    let mut bytes = world::requester().sign(digest).0.0;
    bytes[32..].copy_from_slice(HALF_ORDER_PLUS_ONE.as_slice());
    let key = RecoverableSignature::from_compact(&bytes, RecoveryId::Zero)
        .unwrap()
        .recover_ecdsa(secp256k1::Message::from_digest(digest.0))
        .unwrap();
    (bytes.into(), Address::from_raw_public_key(&key.serialize_uncompressed()[1..]))
}

/// Signatures that must not recover to `signer` over `digest`.
fn invalid_signatures(domain: &Domain) -> Vec<Value> {
    let request = world::request();
    let (id, key) = (request.id(domain).0, world::requester());
    let signature = key.sign(id);
    let mut flipped = signature;
    flipped.0.0[32] ^= 0x80;
    let mut zero_r = signature;
    zero_r.0.0[..32].fill(0);
    let mut zero_s = signature;
    zero_s.0.0[32..].fill(0);
    let elsewhere = world::other_domain();
    let other_registry = Domain::new(Address::repeat_byte(1), domain.network_id);
    let (high, unchecked) = high_s(id);
    let signer = key.address();
    let rows = [
        ("other parity", id, flipped, signer),
        ("zero r", id, zero_r, signer),
        ("zero s", id, zero_s, signer),
        ("all zero", id, Signature::from([0; 64]), signer),
        ("all ones", id, Signature::from([255; 64]), signer),
        ("high s", id, high, unchecked),
        ("other network", request.id(&elsewhere).0, signature, signer),
        ("other registry", request.id(&other_registry).0, signature, signer),
        ("signed by a stranger", id, world::stranger().sign(id), signer),
    ];
    rows.into_iter()
        .map(|(name, digest, signature, signer)| {
            assert_ne!(signature.recover(digest), Ok(signer), "{name}");
            json!({ "name": name, "digest": digest, "signature": signature, "signer": signer })
        })
        .collect()
}
