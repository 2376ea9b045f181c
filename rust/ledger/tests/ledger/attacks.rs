//! What must not happen, whoever tries.

use crate::common::{
    NOW, REGISTRY, announce, announcement, claim, domain, empty, key, ledger, provider, request,
    request_for, requester, resource_id, signed,
};
use alloy_primitives::{Address, Bytes, U256};
use fallow_ledger::Message;
use fallow_protocol::{
    Announcement, Code, Domain, NetworkId, Refusal, Request, SecretKey, SlotRange,
};

/// Half the order of secp256k1: the highest `s` that is taken.
fn half_order() -> U256 {
    let text = "0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
    text.parse().unwrap()
}

/// Why a message is refused; and a refused item changes nothing.
fn refused(message: &Message) -> Refusal {
    let mut ledger = ledger();
    let before = ledger.clone();
    let error = ledger.apply(message, NOW).unwrap_err();
    assert_eq!(ledger, before);
    *error.refusal().unwrap()
}

fn code(message: &Message) -> Code {
    refused(message).code
}

fn with_signatures(signatures: Vec<u8>) -> Message {
    Message::Request { request: request(), signatures: signatures.into() }
}

fn signature() -> Vec<u8> {
    signed(&requester(), request().id(&domain()).0).to_vec()
}

#[test]
fn a_sequence_of_the_far_future_does_not_burn_the_key() {
    let mut ledger = ledger();
    let far = Request { sequence: u64::MAX, ..request() };
    assert!(ledger.apply(&claim(far), NOW).is_err());
    assert!(ledger.apply(&claim(request()), NOW).is_ok());
}

#[test]
fn sequences_arrive_in_any_order_inside_the_window_and_never_twice() {
    let mut ledger = ledger();
    let order = [128, 1, 100, 2, 127, 256, 129, 130, 384];
    for sequence in order {
        let item = claim(request_for(12 + sequence, 1, 1, sequence));
        assert!(ledger.apply(&item, NOW).is_ok(), "{sequence}");
    }
    for sequence in order {
        let item = claim(request_for(500, 1, 1, sequence));
        assert!(ledger.apply(&item, NOW).is_err(), "{sequence} again");
    }
    for sequence in [0, 255, 257, 385, 512] {
        let inside = sequence >= 256;
        let item = claim(request_for(501, 1, 1, sequence));
        assert_eq!(ledger.clone().apply(&item, NOW).is_ok(), inside, "{sequence}");
    }
}

#[test]
fn volume_does_not_carry_into_the_neighbouring_slot() {
    let mut ledger = empty();
    let large = Announcement { volume: u16::MAX, ..announcement() };
    ledger.apply(&announce(large), NOW).unwrap();
    let resource_id = large.id(&domain());
    let mut ask = |volume, sequence| {
        let item = Request { resource_id, ..request_for(13, 1, volume, sequence) };
        ledger.apply(&claim(item), NOW).map_err(|error| error.refusal().unwrap().code)
    };
    assert_eq!(ask(0, 1).unwrap_err(), Code::VolumeTooSmall);
    assert!(ask(1, 1).is_ok());
    assert_eq!(ask(u16::MAX, 2).unwrap_err(), Code::CapacityExceeded);
    assert!(ask(u16::MAX - 1, 2).is_ok());
    assert_eq!(ask(1, 3).unwrap_err(), Code::CapacityExceeded);
    let around = SlotRange { first: 12, last: 14 };
    assert_eq!(ledger.used(resource_id, around), [0, u16::MAX, 0]);
}

#[test]
fn a_request_across_words_takes_just_its_slots() {
    let mut ledger = ledger();
    ledger.apply(&claim(request_for(22, 26, 3, 1)), NOW).unwrap();
    let used = ledger.used(resource_id(), SlotRange { first: 12, last: 59 });
    let inside = |slot: u64| (22..48).contains(&slot);
    let want: Vec<u16> = (12..60).map(|slot| if inside(slot) { 3 } else { 0 }).collect();
    assert_eq!(used, want);
}

#[test]
fn a_signature_has_one_form_only() {
    let good = signature();
    let mut other_parity = good.clone();
    other_parity[32] ^= 0x80;
    let mut long = good.clone();
    long.push(27);
    assert_eq!(code(&with_signatures(other_parity)), Code::RequesterSignatureInvalid);
    assert_eq!(code(&with_signatures(long)), Code::SignaturesLengthInvalid);
    assert!(ledger().apply(&with_signatures(good), NOW).is_ok());
}

/// The mirrored `s` of most signatures has its top bit set, where EIP-2098 has the parity; what is
/// left between half the order and 2^255 has to be refused all the same.
#[test]
fn a_high_s_is_nobodys() {
    let with_s = |s: U256| {
        let mut signature = signature();
        signature[32..].copy_from_slice(&s.to_be_bytes::<32>());
        refused(&with_signatures(signature))
    };
    for high in [half_order() + U256::ONE, (U256::ONE << 255) - U256::ONE] {
        let refusal = with_s(high);
        assert_eq!(refusal.code, Code::RequesterSignatureInvalid);
        assert_eq!(refusal.got, U256::ZERO, "nobody");
    }
    let refusal = with_s(half_order());
    assert_eq!(refusal.code, Code::RequesterSignatureInvalid);
    assert_ne!(refusal.got, U256::ZERO, "somebody, if not the requester");
}

#[test]
fn a_signature_that_recovers_to_nobody_is_nobodys() {
    for bytes in [vec![0; 64], vec![0xff; 64]] {
        assert_eq!(code(&with_signatures(bytes.clone())), Code::RequesterSignatureInvalid);
        let nobody = Request { requester: Address::ZERO, ..request() };
        let message = Message::Request { request: nobody, signatures: bytes.clone().into() };
        assert_eq!(code(&message), Code::RequesterSignatureInvalid);
        let nobody = Announcement { provider: Address::ZERO, ..announcement() };
        let message = Message::Announce { announcement: nobody, signatures: bytes.into() };
        assert_eq!(code(&message), Code::ProviderSignatureInvalid);
    }
}

/// A registry may have the same address on two chains; the network still differs.
#[test]
fn a_signature_for_another_network_is_nobodys() {
    let other = Domain::new(REGISTRY, NetworkId::repeat_byte(0xdd));
    let sign = |key: &SecretKey, digest| Bytes::copy_from_slice(key.sign(digest).0.as_slice());
    let request = request();
    let message =
        Message::Request { request, signatures: sign(&requester(), request.id(&other).0) };
    assert_eq!(code(&message), Code::RequesterSignatureInvalid);
    let announcement = Announcement { timestamp: 9, ..announcement() };
    let message = Message::Announce {
        announcement,
        signatures: sign(&provider(), announcement.id(&other).0),
    };
    assert_eq!(code(&message), Code::ProviderSignatureInvalid);
}

#[test]
fn a_signature_does_not_cover_a_changed_field() {
    let signatures: Bytes = signature().into();
    let changes: [fn(&mut Request); 6] = [
        |request| request.volume += 1,
        |request| request.start_time -= 600,
        |request| request.end_time += 600,
        |request| request.timestamp += 1,
        |request| request.sequence += 1,
        |request| request.requester = key(9).address(),
    ];
    for change in changes {
        let mut request = request();
        change(&mut request);
        let message = Message::Request { request, signatures: signatures.clone() };
        assert_eq!(code(&message), Code::RequesterSignatureInvalid, "{request:?}");
    }
}
