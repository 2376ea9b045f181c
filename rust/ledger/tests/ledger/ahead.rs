//! What is ahead of the ledger stands on it and changes nothing of it.

use crate::common::{
    NOW, World, announce, announcement, claim, domain, key, lazily, ledger, request, request_for,
    requester, resource_id, withdraw,
};
use fallow_ledger::{Ahead, Finding, Message};
use fallow_protocol::{Announcement, Code, Request};

fn code(ahead: &mut Ahead, message: &Message) -> Option<Code> {
    let result = ahead.apply(message, NOW);
    result.err().map(|error| error.refusal().unwrap().code)
}

#[test]
fn what_is_ahead_counts_for_what_comes_after_it() {
    let ledger = ledger();
    let mut ahead = ledger.ahead();
    let whole = |sequence| claim(request_for(12, 1, 10, sequence));
    assert_eq!(code(&mut ahead, &whole(1)), None);
    assert_eq!(code(&mut ahead, &whole(1)), Some(Code::SequenceAlreadyUsed));
    assert_eq!(code(&mut ahead, &whole(2)), Some(Code::CapacityExceeded));
    assert_eq!(code(&mut ahead, &announce(announcement())), Some(Code::ResourceAlreadyRecorded));
    assert_eq!(code(&mut ahead, &withdraw(announcement())), None);
    assert_eq!(code(&mut ahead, &whole(2)), Some(Code::ResourceWithdrawn));
    assert_eq!((ahead.size(), ledger.size()), (4, 2));
}

#[test]
fn the_ledger_stays_as_it_was() {
    let (ledger, untouched) = (ledger(), ledger());
    let mut ahead = ledger.ahead();
    let other = Announcement { timestamp: 9, ..announcement() };
    ahead
        .apply(&lazily(other, Request { resource_id: other.id(&domain()), ..request() }), NOW)
        .unwrap();
    ahead.apply(&claim(request_for(30, 20, 1, 2)), NOW).unwrap();
    ahead.apply(&withdraw(announcement()), NOW).unwrap();
    assert_eq!((&ledger, ledger.commitment()), (&untouched, untouched.commitment()));
    assert!(ahead.resource(resource_id()).unwrap().withdrawn);
    assert!(!ledger.resource(resource_id()).unwrap().withdrawn);
    assert_eq!(ahead.requester(requester().address()).highest, 2);
}

#[test]
fn what_is_ahead_does_not_see_what_the_ledger_does_later() {
    let mut ledger = ledger();
    let mut ahead = ledger.ahead();
    let before = ahead.clone();
    ledger.apply(&claim(request_for(12, 1, 10, 1)), NOW).unwrap();
    ledger.apply(&withdraw(announcement()), NOW).unwrap();
    assert_eq!(ahead.resource(resource_id()), before.resource(resource_id()));
    assert_eq!(code(&mut ahead, &claim(request_for(12, 1, 10, 1))), None);
    assert_eq!(ledger.size(), 4);
}

#[test]
fn a_release_is_ahead_of_an_allocation_in_the_log_or_ahead_itself() {
    let mut world = World::new();
    let recorded = world.accept(&claim(request_for(30, 1, 10, 1)));
    let mut ahead = world.ledger.ahead();
    assert_eq!(code(&mut ahead, &world.release(recorded)), None);
    assert_eq!(code(&mut ahead, &world.release(recorded)), Some(Code::AllocationUnproven), "grew");
    let again = ahead.apply_proven(&world.release(recorded), NOW).unwrap_err();
    assert_eq!(again.refusal().unwrap().code, Code::AllocationAlreadyReleased);
    assert_eq!((ahead.is_released(recorded), world.ledger.is_released(recorded)), (true, false));
    // Its slot is free again, ahead only.
    assert_eq!(code(&mut ahead, &claim(request_for(30, 1, 10, 2))), None);
    let taken = world.ledger.apply(&claim(request_for(30, 1, 10, 2)), NOW).unwrap_err();
    assert_eq!(taken.refusal().unwrap().code, Code::CapacityExceeded);
    // An allocation that is not in the log yet.
    world.accept(&claim(request_for(31, 1, 1, 3)));
    let mut ahead = world.ledger.ahead();
    let mut later = world.clone();
    let index = later.accept(&claim(request_for(32, 1, 1, 4)));
    ahead.apply(&claim(request_for(32, 1, 1, 4)), NOW).unwrap();
    ahead.apply_proven(&later.release(index), NOW).unwrap();
    assert!(ahead.is_released(index));
}

/// A caller that vouches for a record vouches for nothing else.
#[test]
fn a_vouched_record_needs_all_other_rules() {
    let mut world = World::new();
    let index = world.accept(&claim(request_for(30, 1, 1, 1)));
    world.accept(&claim(request_for(31, 1, 1, 2)));
    let Message::Release { release, signatures, record, .. } = world.release(index) else {
        unreachable!()
    };
    let brought =
        |signatures, record| Message::Release { release, signatures, record, path: vec![] };
    let code = |message: &Message| {
        let error = world.ledger.clone().apply_proven(message, NOW).unwrap_err();
        error.refusal().unwrap().code
    };
    let forged = world.release_by(world.release_of(index, 0), index, &key(9));
    assert_eq!(code(&forged), Code::RequesterSignatureInvalid);
    assert_eq!(code(&brought(signatures.clone(), record.slice(..237))), Code::RecordLengthInvalid);
    let genesis = world.records[1].clone().into();
    assert_eq!(code(&brought(signatures.clone(), genesis)), Code::RecordLengthInvalid);
    let fine = brought(signatures, record);
    assert!(world.ledger.clone().apply_proven(&fine, NOW).is_ok());
    let unproven = world.ledger.clone().apply(&fine, NOW).unwrap_err();
    assert_eq!(unproven.refusal().unwrap().code, Code::AllocationUnproven);
}

#[test]
fn checks_see_what_is_ahead() {
    let ledger = ledger();
    let mut ahead = ledger.ahead();
    let Message::Request { request, signatures } = claim(request_for(12, 1, 4, 2)) else {
        unreachable!()
    };
    assert_eq!(ahead.check(&request, &signatures, NOW), ledger.check(&request, &signatures, NOW));
    ahead.apply(&claim(request_for(12, 1, 7, 1)), NOW).unwrap();
    let codes = |findings: [Finding; 5]| findings.map(|finding| finding.code);
    let full = [None, None, None, None, Some(Code::CapacityExceeded)];
    assert_eq!(codes(ahead.check(&request, &signatures, NOW)), full);
    assert_eq!(codes(ledger.check(&request, &signatures, NOW)), [None; 5]);
}
