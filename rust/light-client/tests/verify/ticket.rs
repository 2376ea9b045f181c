//! Section 12: each check, its code, what was found and what was wanted, and their order.

use crate::common::{Config, NOT_AFTER, NOW, Network, allocation_mut};
use alloy_primitives::{B256, U256, keccak256};
use fallow_log::{Tree, leaf_hash};
use fallow_protocol::{Code, NetworkId, Refusal, Ticket};

/// Takes one fault away, given a good ticket.
type Mend = fn(&mut Ticket, &Ticket);

fn refusal(network: &Network, ticket: &Ticket, now: u64) -> Refusal {
    network.verifier().verify_ticket(ticket, now).unwrap_err()
}

/// Changes the checkpoint and lets all validators sign it again.
fn recertified(network: &Network, change: impl FnOnce(&mut Ticket)) -> Ticket {
    let mut ticket = network.ticket(7);
    change(&mut ticket);
    ticket.certificate = network.certify_all(&ticket.checkpoint);
    ticket
}

fn tree_of(network: &Network) -> Tree {
    let mut tree = Tree::new();
    for record in network.records() {
        tree.push(leaf_hash(&record.encode())).unwrap();
    }
    tree
}

#[test]
fn a_ticket_verifies_in_logs_of_every_small_size() {
    let network = Network::of(4);
    for size in 3..40 {
        for index in 2..size {
            let ticket = network.ticket_at(index, size);
            let report = network.verifier().verify_ticket(&ticket, NOW).unwrap();
            assert_eq!(report.leaf, leaf_hash(&ticket.record.encode()));
        }
    }
}

#[test]
fn a_report_says_what_was_compared() {
    let network = Network::of(4);
    let ticket = network.ticket(7);
    let report = network.verifier().verify_ticket(&ticket, NOW).unwrap();
    assert_eq!((report.clock, report.not_after), (NOW, NOT_AFTER));
    assert_eq!((report.signed_weight, report.total_weight), (4, 4));
    assert_eq!(report.set_hash, network.set.hash());
    assert_eq!(report.digest, ticket.checkpoint.digest());
    assert_eq!(report.evidence, Some(keccak256(&ticket.evidence)));
    assert!(!report.known_checkpoint);
}

#[test]
fn records_of_every_kind_are_proven() {
    let network = Network::of(4);
    let tree = tree_of(&network);
    let [genesis, announced, _] = network.records();
    let announcement_id = network.announcement().id(&network.domain());
    let signature = crate::common::provider().sign(announcement_id.0);
    let evidence = [&[1], &signature.0[..]].concat();
    for (record, evidence) in [(genesis, vec![]), (announced, evidence)] {
        let ticket = network.ticket_of(record, evidence, &tree);
        assert!(network.verifier().verify_ticket(&ticket, NOW).is_ok());
    }
}

#[test]
fn a_ticket_of_another_network_is_601() {
    let (network, other) =
        (Network::of(4), Network::new(&Config { seed: 2, ..Config::of(vec![1; 4]) }));
    let (got, want) = (other.file.network_id, network.file.network_id);
    assert_ne!(got, want);
    assert_eq!(
        refusal(&network, &other.ticket(7), NOW),
        Refusal::new(Code::NetworkMismatch, got, want)
    );
}

/// The same keys, registry and chain id: only the random bytes of the two networks differ.
#[test]
fn validators_of_two_networks_do_not_vouch_for_the_other_one() {
    let network = Network::of(4);
    let ticket = recertified(&network, |ticket| {
        ticket.checkpoint.network_id = NetworkId::repeat_byte(9);
    });
    assert_eq!(refusal(&network, &ticket, NOW).code, Code::NetworkMismatch);
    // Claiming the own network afterwards breaks the signature.
    let mut claimed = ticket;
    claimed.checkpoint.network_id = network.file.network_id;
    assert_eq!(refusal(&network, &claimed, NOW).code, Code::CertificateSignatureInvalid);
}

#[test]
fn a_ticket_of_another_era_is_602() {
    let network = Network::of(4);
    let ticket = recertified(&network, |ticket| ticket.checkpoint.era = 1);
    assert_eq!(refusal(&network, &ticket, NOW), Refusal::new(Code::EraMismatch, 1_u64, 0_u64));
    let next = Network::new(&Config { era: 1, ..Config::of(vec![1; 4]) });
    assert!(next.verifier().verify_ticket(&ticket, NOW).is_ok());
    assert_eq!(
        refusal(&next, &network.ticket(7), NOW),
        Refusal::new(Code::EraMismatch, 0_u64, 1_u64)
    );
}

#[test]
fn a_ticket_of_another_set_is_603() {
    let network = Network::of(4);
    let ticket = recertified(&network, |ticket| ticket.checkpoint.set_number = 2);
    assert_eq!(refusal(&network, &ticket, NOW), Refusal::new(Code::SetMismatch, 2_u64, 1_u64));
}

#[test]
fn a_handover_is_603_because_networks_of_this_version_have_none() {
    let (network, next) = (Network::of(4), B256::repeat_byte(8));
    let ticket = recertified(&network, |ticket| ticket.checkpoint.next_set = next.into());
    assert_eq!(refusal(&network, &ticket, NOW), Refusal::new(Code::SetMismatch, next, 0_u64));
}

#[test]
fn an_expired_set_is_604_from_the_second_after_its_last() {
    let network = Network::of(4);
    let ticket = network.ticket(7);
    assert!(network.verifier().verify_ticket(&ticket, NOT_AFTER).is_ok());
    assert_eq!(
        refusal(&network, &ticket, NOT_AFTER + 1),
        Refusal::new(Code::SetExpired, NOT_AFTER + 1, NOT_AFTER)
    );
}

/// Keys of an expired set may be sold: what was verified before does not outlive the set either.
#[test]
fn an_expired_set_is_604_also_for_a_known_checkpoint() {
    let network = Network::of(4);
    let (ticket, mut verifier) = (network.ticket(7), network.verifier());
    verifier.verify_ticket(&ticket, NOW).unwrap();
    let refusal = verifier.verify_ticket(&ticket, NOT_AFTER + 1).unwrap_err();
    assert_eq!(refusal.code, Code::SetExpired);
}

#[test]
fn other_evidence_is_608() {
    let network = Network::of(4);
    let mut ticket = network.ticket(7);
    let want = keccak256(&ticket.evidence);
    ticket.evidence.push(0);
    let got = keccak256(&ticket.evidence);
    assert_eq!(refusal(&network, &ticket, NOW), Refusal::new(Code::EvidenceMismatch, got, want));
    ticket.evidence.clear();
    assert_eq!(refusal(&network, &ticket, NOW).got, U256::from_be_bytes(keccak256([]).0));
}

#[test]
fn evidence_of_a_record_without_any_is_608() {
    let network = Network::of(4);
    let [genesis, ..] = network.records();
    let ticket = network.ticket_of(genesis, vec![1], &tree_of(&network));
    assert_eq!(
        refusal(&network, &ticket, NOW),
        Refusal::new(Code::EvidenceMismatch, keccak256([1]), B256::ZERO)
    );
}

#[test]
fn a_missing_or_surplus_node_is_609() {
    let network = Network::of(4);
    let mut ticket = network.ticket(7);
    ticket.path.push(B256::ZERO);
    assert_eq!(
        refusal(&network, &ticket, NOW),
        Refusal::new(Code::InclusionPathInvalid, 4_u64, 3_u64)
    );
    ticket.path.truncate(2);
    assert_eq!(
        refusal(&network, &ticket, NOW),
        Refusal::new(Code::InclusionPathInvalid, 2_u64, 3_u64)
    );
}

#[test]
fn an_index_beyond_the_log_is_609() {
    let network = Network::of(4);
    for index in [7, u64::MAX] {
        let mut ticket = network.ticket(7);
        ticket.record.index = index;
        assert_eq!(
            refusal(&network, &ticket, NOW),
            Refusal::new(Code::InclusionPathInvalid, 3_u64, 0_u64)
        );
    }
}

#[test]
fn a_log_larger_than_any_is_609() {
    let network = Network::of(4);
    let ticket = recertified(&network, |ticket| ticket.checkpoint.size = u64::MAX);
    assert_eq!(refusal(&network, &ticket, NOW).code, Code::InclusionPathInvalid);
}

#[test]
fn another_record_sibling_or_order_is_610() {
    let network = Network::of(4);
    let changes: [fn(&mut Ticket); 5] = [
        |ticket| allocation_mut(&mut ticket.record).volume += 1,
        |ticket| ticket.record.block_time += 1,
        |ticket| ticket.record.index += 1,
        |ticket| ticket.path[1] = B256::repeat_byte(1),
        |ticket| ticket.path.swap(0, 1),
    ];
    for (position, change) in changes.into_iter().enumerate() {
        let mut ticket = network.ticket(8);
        change(&mut ticket);
        let refusal = refusal(&network, &ticket, NOW);
        assert_eq!(refusal.code, Code::InclusionRootMismatch, "change {position}");
        assert_eq!(refusal.want, U256::from_be_bytes(ticket.checkpoint.root.0));
        assert_ne!(refusal.got, refusal.want);
    }
}

/// Everything is wrong at once; what is mended is no longer complained about.
#[test]
fn checks_are_made_in_the_order_of_the_specification() {
    let (network, now) = (Network::of(4), NOT_AFTER + 1);
    let mut ticket = network.ticket(7);
    let good = ticket.clone();
    ticket.checkpoint.network_id = NetworkId::ZERO;
    ticket.checkpoint.era = 9;
    ticket.checkpoint.set_number = 9;
    ticket.certificate = Network::of(5).ticket(7).certificate;
    ticket.evidence.clear();
    ticket.path.clear();
    let mends: [(Code, Mend, u64); 7] = [
        (
            Code::NetworkMismatch,
            |ticket, good| ticket.checkpoint.network_id = good.checkpoint.network_id,
            now,
        ),
        (Code::EraMismatch, |ticket, _| ticket.checkpoint.era = 0, now),
        (Code::SetExpired, |_, _| {}, now),
        (Code::SetMismatch, |ticket, _| ticket.checkpoint.set_number = 1, NOW),
        (
            Code::CertificateMalformed,
            |ticket, good| ticket.certificate = good.certificate.clone(),
            NOW,
        ),
        (Code::EvidenceMismatch, |ticket, good| ticket.evidence = good.evidence.clone(), NOW),
        (Code::InclusionPathInvalid, |ticket, good| ticket.path = good.path.clone(), NOW),
    ];
    for (code, mend, now) in mends {
        assert_eq!(refusal(&network, &ticket, now).code, code);
        mend(&mut ticket, &good);
    }
    assert!(network.verifier().verify_ticket(&ticket, NOW).is_ok());
}
