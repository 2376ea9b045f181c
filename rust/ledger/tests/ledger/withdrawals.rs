//! Section 4.5: withdrawals and tombstones.

use crate::common::{
    NOW, REGISTRY, World, announce, announcement, approver, claim, domain, key, lazily, provider,
    refused, refused_code, request, request_for, resource_id, signed, withdraw,
};
use alloy_primitives::{B256, Bytes, hex, keccak256};
use fallow_ledger::Message;
use fallow_protocol::{
    Announcement, Code, Domain, NetworkId, Refusal, ResourceId, ResourceWord, Withdrawal,
};

fn withdrawal(timestamp: u64) -> Withdrawal {
    Withdrawal { resource_id: resource_id(), timestamp }
}

fn signed_by(withdrawal: Withdrawal, signer: u8) -> Message {
    let signatures = signed(&key(signer), withdrawal.id(&domain()));
    Message::Withdraw { withdrawal, announcement: announcement(), signatures }
}

#[test]
fn a_withdrawn_resource_takes_no_requests_and_keeps_its_allocations() {
    let mut world = World::new();
    world.accept(&claim(request_for(12, 3, 4, 1)));
    world.accept(&withdraw(announcement()));
    let word = ResourceWord { withdrawn: true, ..ResourceWord::of(&announcement(), 1) };
    assert_eq!(world.ledger.resource(resource_id()), Some(word));
    for message in
        [claim(request_for(12, 1, 1, 2)), lazily(announcement(), request_for(12, 1, 1, 2))]
    {
        assert_eq!(
            refused(&world.ledger, &message, NOW),
            Refusal::new(Code::ResourceWithdrawn, resource_id(), 0_u64)
        );
    }
    assert_eq!(world.ledger.word(resource_id(), 1).used[..4], [4, 4, 4, 0]);
}

#[test]
fn a_withdrawals_record_has_its_fields_in_order() {
    for (mut world, index, resource_index) in [(World::new(), 2_u64, 1_u64), (World::empty(), 1, 0)]
    {
        let record = world.apply(&withdraw(announcement()), NOW + 1).unwrap().record;
        let signature = signed(&provider(), withdrawal(NOW).id(&domain()));
        let want = [
            &hex!("0104")[..],
            REGISTRY.as_slice(),
            &index.to_be_bytes(),
            &(NOW + 1).to_be_bytes(),
            &resource_id().0.0,
            &resource_index.to_be_bytes(),
            &provider().address().0.0,
            &NOW.to_be_bytes(),
            &keccak256([&[1], &signature[..]].concat()).0,
        ];
        assert_eq!(record.encode(), want.concat());
    }
}

/// A tombstone's word has one bit, whatever the announcement says.
#[test]
fn a_tombstone_is_the_flag_alone() {
    let guarded = Announcement { approver: approver().address(), volume: 0, ..announcement() };
    let mut world = World::empty();
    world.accept(&withdraw(guarded));
    let word = world.ledger.resource(guarded.id(&domain())).unwrap();
    assert_eq!(word, ResourceWord { withdrawn: true, ..ResourceWord::default() });
    assert_eq!(word.to_word(), alloy_primitives::U256::from(2));
    assert!(world.ledger.approver(guarded.id(&domain())).is_zero());
}

/// Attack: gossiped, withdrawn, then recorded by somebody else.
#[test]
fn a_tombstone_bars_its_announcement_for_ever() {
    let mut world = World::empty();
    world.accept(&withdraw(announcement()));
    let barred = Refusal::new(Code::ResourceWithdrawn, resource_id(), 0_u64);
    for now in [NOW, NOW + 1_000_000] {
        assert_eq!(refused(&world.ledger, &announce(announcement()), now), barred);
    }
    assert_eq!(refused(&world.ledger, &lazily(announcement(), request()), NOW), barred);
    // To requests it is not there at all.
    assert_eq!(
        refused(&world.ledger, &claim(request()), NOW),
        Refusal::new(Code::ResourceUnknown, resource_id(), 0_u64)
    );
    // Other announcements of the provider are none of its business.
    world.accept(&announce(Announcement { timestamp: 6, ..announcement() }));
}

#[test]
fn signatures_of_another_length_are_001() {
    for length in [0, 63, 65, 128] {
        let signatures = Bytes::from(vec![1; length]);
        let (withdrawal, announcement) = (withdrawal(NOW), announcement());
        let message = Message::Withdraw { withdrawal, announcement, signatures };
        assert_eq!(
            refused(&World::new().ledger, &message, NOW),
            Refusal::new(Code::SignaturesLengthInvalid, length, 64_u64)
        );
    }
}

#[test]
fn another_announcement_than_the_resources_is_205() {
    let other = Announcement { provider: key(9).address(), ..announcement() };
    let named = Withdrawal { resource_id: ResourceId::repeat_byte(7), timestamp: NOW };
    let cases = [(withdrawal(NOW), other), (named, announcement())];
    for (withdrawal, announcement) in cases {
        let signatures = signed(&key(9), withdrawal.id(&domain()));
        let message = Message::Withdraw { withdrawal, announcement, signatures };
        assert_eq!(
            refused(&World::new().ledger, &message, NOW),
            Refusal::new(
                Code::AnnouncementMismatch,
                announcement.id(&domain()),
                withdrawal.resource_id
            )
        );
    }
}

#[test]
fn a_stranger_who_withdraws_is_201() {
    for world in [World::empty(), World::new()] {
        assert_eq!(
            refused(&world.ledger, &signed_by(withdrawal(NOW), 9), NOW),
            Refusal::new(Code::ProviderSignatureInvalid, key(9).address(), provider().address())
        );
    }
}

/// Attack: the provider's signature over the announcement, or for another network, closes nothing.
#[test]
fn no_other_signature_of_the_provider_withdraws() {
    let other = Domain::new(domain().registry, NetworkId::repeat_byte(0xdd));
    let digests: [B256; 2] = [resource_id().0, withdrawal(NOW).id(&other)];
    for digest in digests {
        let signatures = signed(&provider(), digest);
        let (withdrawal, announcement) = (withdrawal(NOW), announcement());
        let message = Message::Withdraw { withdrawal, announcement, signatures };
        let code = refused_code(&World::new().ledger, &message, NOW);
        assert_eq!(code, Code::ProviderSignatureInvalid);
    }
}

#[test]
fn a_second_withdrawal_is_203() {
    for mut world in [World::empty(), World::new()] {
        world.accept(&withdraw(announcement()));
        for timestamp in [NOW, NOW + 1] {
            assert_eq!(
                refused(&world.ledger, &signed_by(withdrawal(timestamp), 1), NOW),
                Refusal::new(Code::ResourceWithdrawn, resource_id(), 0_u64)
            );
        }
    }
}

#[test]
fn a_withdrawal_may_travel_for_years_and_its_offer_may_be_nonsense() {
    for timestamp in [0, u64::MAX] {
        let mut world = World::new();
        world.apply(&signed_by(withdrawal(timestamp), 1), NOW).unwrap();
    }
    let nonsense = Announcement { volume: 0, slot_seconds: 0, end_time: 0, ..announcement() };
    World::empty().accept(&withdraw(nonsense));
}

/// Everything is wrong at once; what is mended is no longer complained about.
#[test]
fn rules_are_checked_in_the_order_of_the_specification() {
    let mut world = World::new();
    world.accept(&withdraw(announcement()));
    let mut bad = Withdrawal { resource_id: ResourceId::ZERO, timestamp: NOW };
    let empty = Message::Withdraw {
        withdrawal: bad,
        announcement: announcement(),
        signatures: Bytes::new(),
    };
    assert_eq!(refused_code(&world.ledger, &empty, NOW), Code::SignaturesLengthInvalid);
    let code = |bad, signer| refused_code(&world.ledger, &signed_by(bad, signer), NOW);
    assert_eq!(code(bad, 9), Code::AnnouncementMismatch);
    bad.resource_id = resource_id();
    assert_eq!(code(bad, 9), Code::ProviderSignatureInvalid);
    assert_eq!(code(bad, 1), Code::ResourceWithdrawn);
    World::new().accept(&signed_by(bad, 1));
}
