//! Section 13: each check, its code, what was found and what was wanted, and their order.

use crate::common::{Config, END, NONCE, NOW, Network, Pass, START, provider, requester, stranger};
use alloy_primitives::{Address, B256};
use fallow_light_client::AccessReport;
use fallow_log::{Tree, leaf_hash};
use fallow_protocol::{AccessGrant, Code, Refusal, RequestId, Signature, Ticket};

/// Takes one fault away, given a good pass.
type Mend = fn(&mut Pass, &Pass);

fn verdict(network: &Network, pass: &Pass, now: u64) -> Result<AccessReport, Refusal> {
    network.verifier().verify_access(&network.ticket(7), &pass.access(), now)
}

/// What the requester signs after a change to its grant.
fn changed(network: &Network, change: impl FnOnce(&mut AccessGrant)) -> Pass {
    let mut grant = network.grant();
    change(&mut grant);
    network.pass(grant, &requester())
}

#[test]
fn the_requester_is_let_in() {
    let network = Network::of(4);
    let report = verdict(&network, &network.valid_pass(), NOW).unwrap();
    assert_eq!(report.requester, requester().address());
    assert_eq!(report.provider, provider().address());
    assert_eq!(report.request_id, network.request().id(&network.domain()));
    assert_eq!(report.resource_id, network.announcement().id(&network.domain()));
    assert_eq!((report.start_time, report.end_time, report.volume), (START, END, 2));
    assert_eq!((report.nonce, report.grant_expires_at), (NONCE, NOW + 60));
    assert_eq!(report.session_key, network.grant().session_key);
    assert_eq!(report.ticket.signed_weight, 4);
}

#[test]
fn a_ticket_that_is_refused_opens_nothing() {
    let network = Network::of(4);
    let other = Network::new(&Config { seed: 2, ..Config::of(vec![1; 4]) });
    let pass = network.valid_pass();
    let refusal = network.verifier().verify_access(&other.ticket(7), &pass.access(), NOW);
    assert_eq!(refusal.unwrap_err().code, Code::NetworkMismatch);
}

/// The ticket of the announcement, whose evidence is the provider's signature.
fn announcement_ticket(network: &Network) -> Ticket {
    let mut tree = Tree::new();
    let records = network.records();
    for record in &records {
        tree.push(leaf_hash(&record.encode())).unwrap();
    }
    let id = network.announcement().id(&network.domain());
    let evidence = [&[1], &provider().sign(id.0).0[..]].concat();
    let [_, announced, _] = records;
    network.ticket_of(announced, evidence, &tree)
}

#[test]
fn a_record_of_another_kind_is_611() {
    let network = Network::of(4);
    let (ticket, pass) = (announcement_ticket(&network), network.valid_pass());
    assert_eq!(
        network.verifier().verify_access(&ticket, &pass.access(), NOW),
        Err(Refusal::new(Code::RecordKindMismatch, 1_u64, 2_u64))
    );
}

#[test]
fn a_grant_for_another_provider_is_701() {
    let network = Network::of(4);
    let pass = changed(&network, |grant| grant.provider = stranger().address());
    assert_eq!(
        verdict(&network, &pass, NOW),
        Err(Refusal::new(Code::ProviderMismatch, stranger().address(), provider().address()))
    );
}

#[test]
fn a_grant_that_answers_another_nonce_is_702() {
    let (network, other) = (Network::of(4), B256::repeat_byte(0x78));
    let pass = changed(&network, |grant| grant.nonce = other);
    assert_eq!(verdict(&network, &pass, NOW), Err(Refusal::new(Code::NonceMismatch, other, NONCE)));
}

#[test]
fn a_replayed_grant_meets_a_new_nonce() {
    let network = Network::of(4);
    let (mut pass, next) = (network.valid_pass(), B256::repeat_byte(0x79));
    assert!(verdict(&network, &pass, NOW).is_ok());
    pass.nonce = next;
    assert_eq!(verdict(&network, &pass, NOW), Err(Refusal::new(Code::NonceMismatch, NONCE, next)));
}

#[test]
fn nonce_zero_is_703_even_if_it_was_issued() {
    let network = Network::of(4);
    let mut pass = changed(&network, |grant| grant.nonce = B256::ZERO);
    let want = Err(Refusal::new(Code::NonceSpent, B256::ZERO, 0_u64));
    assert_eq!(verdict(&network, &pass, NOW), want);
    pass.nonce = B256::ZERO;
    assert_eq!(verdict(&network, &pass, NOW), want);
}

#[test]
fn a_grant_is_704_from_the_second_after_its_last() {
    let network = Network::of(4);
    let pass = changed(&network, |grant| grant.expires_at = NOW);
    assert!(verdict(&network, &pass, NOW).is_ok());
    assert_eq!(
        verdict(&network, &pass, NOW + 1),
        Err(Refusal::new(Code::GrantExpired, NOW, NOW + 1))
    );
}

#[test]
fn a_grant_for_another_allocation_is_705() {
    let (network, other) = (Network::of(4), RequestId::repeat_byte(5));
    let pass = changed(&network, |grant| grant.request_id = other);
    let want = network.request().id(&network.domain());
    assert_eq!(
        verdict(&network, &pass, NOW),
        Err(Refusal::new(Code::RequestMismatch, other, want))
    );
}

#[test]
fn an_allocation_on_another_resource_is_706() {
    let network = Network::of(4);
    let mut pass = network.valid_pass();
    pass.announcement.volume += 1;
    let got = network.announcement().id(&network.domain());
    let want = pass.announcement.id(&network.domain());
    assert_eq!(verdict(&network, &pass, NOW), Err(Refusal::new(Code::ResourceMismatch, got, want)));
}

#[test]
fn a_strangers_grant_is_707() {
    let network = Network::of(4);
    let pass = network.pass(network.grant(), &stranger());
    let (got, want) = (stranger().address(), requester().address());
    assert_eq!(
        verdict(&network, &pass, NOW),
        Err(Refusal::new(Code::GrantSignatureInvalid, got, want))
    );
}

#[test]
fn a_signature_that_nobody_can_have_made_is_707_of_address_zero() {
    let network = Network::of(4);
    let mut pass = network.valid_pass();
    for bytes in [[0; 64], [0xff; 64]] {
        pass.signature = Signature::from(bytes);
        assert_eq!(
            verdict(&network, &pass, NOW),
            Err(Refusal::new(Code::GrantSignatureInvalid, Address::ZERO, requester().address()))
        );
    }
}

#[test]
fn a_session_key_cannot_be_exchanged() {
    let network = Network::of(4);
    let mut pass = network.valid_pass();
    pass.grant.session_key = B256::repeat_byte(0x66);
    let refusal = verdict(&network, &pass, NOW).unwrap_err();
    assert_eq!(refusal.code, Code::GrantSignatureInvalid);
}

#[test]
fn a_grant_signed_for_another_network_is_707() {
    let network = Network::of(4);
    let other = Network::new(&Config { seed: 2, ..Config::of(vec![1; 4]) });
    assert_eq!(network.domain().registry, other.domain().registry, "only the network differs");
    let mut pass = network.valid_pass();
    pass.signature = requester().sign(pass.grant.id(&other.domain()));
    let refusal = verdict(&network, &pass, NOW).unwrap_err();
    assert_eq!(refusal.code, Code::GrantSignatureInvalid);
}

#[test]
fn the_slot_opens_with_its_first_second_and_closes_before_its_end() {
    let network = Network::of(4);
    let pass = changed(&network, |grant| grant.expires_at = u64::MAX);
    assert_eq!(
        verdict(&network, &pass, START - 1),
        Err(Refusal::new(Code::SlotNotStarted, START - 1, START))
    );
    assert!(verdict(&network, &pass, START).is_ok());
    assert!(verdict(&network, &pass, END - 1).is_ok());
    assert_eq!(verdict(&network, &pass, END), Err(Refusal::new(Code::SlotEnded, END, END)));
}

/// A provider whose clock is wrong refuses, and says by how much; it never opens by mistake more
/// than its clock is off.
#[test]
fn a_wrong_clock_shows_in_the_refusal() {
    let network = Network::of(4);
    let pass = changed(&network, |grant| grant.expires_at = END);
    let (minutes, year) = (300, 365 * 86_400);
    let cases = [
        (START + 100 - minutes, Code::SlotNotStarted),
        (END - 100 + minutes, Code::GrantExpired),
        (NOW + year, Code::SetExpired),
        (0, Code::SlotNotStarted),
    ];
    for (clock, code) in cases {
        let refusal = verdict(&network, &pass, clock).unwrap_err();
        assert_eq!(refusal.code, code, "clock {clock}");
        assert!([refusal.got, refusal.want].contains(&alloy_primitives::U256::from(clock)));
    }
}

/// Everything is wrong at once; what is mended is no longer complained about.
#[test]
fn checks_are_made_in_the_order_of_the_specification() {
    let network = Network::of(4);
    let (good, mut verifier) = (network.valid_pass(), network.verifier());
    let mut pass = good;
    pass.announcement.volume += 1;
    pass.grant.provider = Address::ZERO;
    pass.grant.nonce = B256::ZERO;
    pass.grant.expires_at = 0;
    pass.grant.request_id = RequestId::ZERO;
    let other = announcement_ticket(&network);
    let refusal = verifier.verify_access(&other, &pass.access(), START - 1).unwrap_err();
    assert_eq!(refusal.code, Code::RecordKindMismatch);
    let mends: [(Code, Mend); 8] = [
        (Code::ResourceMismatch, |pass, good| pass.announcement = good.announcement),
        (Code::ProviderMismatch, |pass, good| pass.grant.provider = good.grant.provider),
        (Code::NonceSpent, |pass, _| pass.grant.nonce = B256::repeat_byte(1)),
        (Code::NonceMismatch, |pass, good| pass.grant.nonce = good.grant.nonce),
        (Code::GrantExpired, |pass, _| pass.grant.expires_at = NOW),
        (Code::RequestMismatch, |pass, good| pass.grant.request_id = good.grant.request_id),
        (Code::GrantSignatureInvalid, |pass, good| pass.grant.expires_at = good.grant.expires_at),
        (Code::SlotNotStarted, |_, _| {}),
    ];
    let ticket = network.ticket(7);
    for (code, mend) in mends {
        let refusal = verifier.verify_access(&ticket, &pass.access(), START - 1).unwrap_err();
        assert_eq!(refusal.code, code);
        mend(&mut pass, &good);
    }
    assert!(verifier.verify_access(&ticket, &pass.access(), NOW).is_ok());
}
