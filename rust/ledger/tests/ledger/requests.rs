//! Section 4.2: each of the five checks, its codes, what was found and what was wanted.

use crate::common::{
    NOW, SLOT, SLOTS, START, announce, announcement, claim, claim_by, domain, key, ledger, request,
    request_for, requester, resource_id, signed,
};
use alloy_primitives::Bytes;
use fallow_ledger::{Ledger, Message};
use fallow_protocol::{Announcement, Code, Refusal, Request, ResourceId, SlotRange};

/// Takes one fault away.
type Mend = fn(&mut Request);

/// The refusal; and a refused item changes nothing.
fn refused_by(ledger: &Ledger, message: &Message, now: u64) -> Refusal {
    let mut after = ledger.clone();
    let refusal = after.apply(message, now).unwrap_err();
    assert_eq!(&after, ledger);
    *refusal.refusal().unwrap()
}

fn refused(request: Request) -> Refusal {
    refused_by(&ledger(), &claim(request), NOW)
}

fn accepted(ledger: &mut Ledger, request: Request) {
    ledger.apply(&claim(request), NOW).unwrap();
}

#[test]
fn signatures_of_another_length_are_001() {
    for length in [0, 1, 63, 65, 127, 129, 192] {
        let message =
            Message::Request { request: request(), signatures: Bytes::from(vec![1; length]) };
        assert_eq!(
            refused_by(&ledger(), &message, NOW),
            Refusal::new(Code::SignaturesLengthInvalid, length, 64_u64)
        );
    }
}

#[test]
fn a_stranger_who_signs_is_101() {
    assert_eq!(
        refused_by(&ledger(), &claim_by(request(), &key(9)), NOW),
        Refusal::new(Code::RequesterSignatureInvalid, key(9).address(), requester().address())
    );
}

#[test]
fn a_second_signature_that_nobody_needs_is_102() {
    let request = request();
    let one = signed(&requester(), request.id(&domain()).0);
    let signatures = Bytes::from([&one[..], &one[..]].concat());
    let message = Message::Request { request, signatures };
    assert_eq!(
        refused_by(&ledger(), &message, NOW),
        Refusal::new(Code::SignatureCountInvalid, 2_u64, 1_u64)
    );
    // How many are needed is not known of a resource that nobody recorded.
    let unknown = Request { resource_id: ResourceId::ZERO, ..request };
    let one = signed(&requester(), unknown.id(&domain()).0);
    let signatures = Bytes::from([&one[..], &one[..]].concat());
    let message = Message::Request { request: unknown, signatures };
    assert_eq!(refused_by(&ledger(), &message, NOW).code, Code::ResourceUnknown);
}

#[test]
fn a_resource_that_nobody_recorded_is_202() {
    let id = ResourceId::repeat_byte(7);
    assert_eq!(
        refused(Request { resource_id: id, ..request() }),
        Refusal::new(Code::ResourceUnknown, id, 0_u64)
    );
}

#[test]
fn sequences_far_from_the_highest_are_302() {
    let mut ledger = ledger();
    for sequence in [0, 129, u64::MAX] {
        assert_eq!(
            refused(Request { sequence, ..request() }),
            Refusal::new(Code::SequenceOutsideWindow, sequence, 0_u64)
        );
    }
    for sequence in [128, 256] {
        accepted(&mut ledger, Request { sequence, ..request() });
    }
    for sequence in [0, 127, 385] {
        assert_eq!(
            refused_by(&ledger, &claim(Request { sequence, ..request() }), NOW),
            Refusal::new(Code::SequenceOutsideWindow, sequence, 256_u64)
        );
    }
}

#[test]
fn a_sequence_used_before_is_303() {
    let mut ledger = ledger();
    for sequence in [5, 3] {
        accepted(&mut ledger, Request { sequence, ..request() });
    }
    for sequence in [5, 3] {
        assert_eq!(
            refused_by(&ledger, &claim(Request { sequence, ..request_for(30, 1, 1, 1) }), NOW),
            Refusal::new(Code::SequenceAlreadyUsed, sequence, 5_u64)
        );
    }
    accepted(&mut ledger, Request { sequence: 4, ..request() });
}

#[test]
fn no_volume_is_401() {
    assert_eq!(
        refused(Request { volume: 0, ..request() }),
        Refusal::new(Code::VolumeTooSmall, 0_u64, 1_u64)
    );
}

#[test]
fn an_empty_window_is_402() {
    for (start_time, end_time) in [(NOW, NOW), (NOW + SLOT, NOW), (u64::MAX, 0)] {
        assert_eq!(
            refused(Request { start_time, end_time, ..request() }),
            Refusal::new(Code::WindowEmpty, start_time, end_time)
        );
    }
}

#[test]
fn a_window_outside_the_resources_is_406() {
    let end = START + SLOTS * SLOT;
    let cases = [
        (START - SLOT, START + SLOT, START - SLOT, START),
        (0, 1, 0, START),
        (START, end + SLOT, end + SLOT, end),
        (end, end + SLOT, end + SLOT, end),
        (START - 1, end + 1, START - 1, START),
        (START, u64::MAX, u64::MAX, end),
    ];
    for (start_time, end_time, got, want) in cases {
        assert_eq!(
            refused(Request { start_time, end_time, ..request() }),
            Refusal::new(Code::OutsideResourceWindow, got, want)
        );
    }
}

#[test]
fn a_time_off_the_grid_is_407() {
    let boundary = START + 3 * SLOT;
    let cases = [
        (boundary + 1, boundary + SLOT, boundary + 1, boundary),
        (boundary, boundary + SLOT - 1, boundary + SLOT - 1, boundary),
        (boundary, boundary + 1, boundary + 1, boundary),
        (boundary - 1, boundary + 7, boundary - 1, boundary - SLOT),
    ];
    for (start_time, end_time, got, want) in cases {
        assert_eq!(
            refused(Request { start_time, end_time, ..request() }),
            Refusal::new(Code::SlotsNotAligned, got, want)
        );
    }
}

#[test]
fn seventeen_words_are_408_and_sixteen_are_not() {
    for (first, count) in [(12, 193), (23, 182), (0, SLOTS)] {
        let words = (first + count - 1) / 12 - first / 12 + 1;
        assert_eq!(
            refused(request_for(first, count, 1, 1)),
            Refusal::new(Code::TooManyWords, words, 16_u64)
        );
    }
    accepted(&mut ledger(), request_for(12, 192, 1, 1));
    accepted(&mut ledger(), request_for(23, 181, 1, 1));
}

#[test]
fn a_first_slot_that_is_over_is_409() {
    // Slot 1 ends now, slot 2 is running.
    assert_eq!(refused(request_for(1, 5, 1, 1)), Refusal::new(Code::FirstSlotEnded, NOW, NOW));
    accepted(&mut ledger(), request_for(2, 1, 1, 1));
    let message = claim(request_for(2, 1, 1, 1));
    assert!(ledger().apply(&message, NOW + 300).is_ok());
}

#[test]
fn a_timestamp_301_seconds_off_is_410() {
    for timestamp in [0, NOW - 301, NOW + 301, u64::MAX] {
        assert_eq!(
            refused(Request { timestamp, ..request() }),
            Refusal::new(Code::TimestampOutsideDrift, timestamp, NOW)
        );
    }
    for timestamp in [NOW - 300, NOW + 300] {
        accepted(&mut ledger(), Request { timestamp, ..request() });
    }
}

#[test]
fn more_than_is_free_is_501_with_what_is_free_in_the_first_slot_that_lacks_it() {
    let mut ledger = ledger();
    accepted(&mut ledger, request_for(14, 1, 4, 1));
    accepted(&mut ledger, request_for(15, 1, 9, 2));
    let refusal = |volume| refused_by(&ledger, &claim(request_for(12, 6, volume, 3)), NOW);
    assert_eq!(refusal(11), Refusal::new(Code::CapacityExceeded, 11_u64, 10_u64));
    assert_eq!(refusal(7), Refusal::new(Code::CapacityExceeded, 7_u64, 6_u64));
    assert_eq!(refusal(6), Refusal::new(Code::CapacityExceeded, 6_u64, 1_u64));
    let slots = SlotRange { first: 13, last: 16 };
    assert_eq!(ledger.used(resource_id(), slots), [0, 4, 9, 0]);
    accepted(&mut ledger, request_for(12, 6, 1, 3));
    assert_eq!(ledger.used(resource_id(), slots), [1, 5, 10, 1]);
}

#[test]
fn resources_do_not_share_their_slots() {
    let (mut ledger, other) = (ledger(), Announcement { timestamp: 6, ..announcement() });
    ledger.apply(&announce(other), NOW).unwrap();
    let full = request_for(12, 2, 10, 1);
    accepted(&mut ledger, full);
    let elsewhere = Request { resource_id: other.id(&domain()), sequence: 2, ..full };
    accepted(&mut ledger, elsewhere);
    assert_eq!(
        refused_by(&ledger, &claim(request_for(13, 1, 1, 3)), NOW).code,
        Code::CapacityExceeded
    );
}

/// Everything is wrong at once; what is mended is no longer complained about.
#[test]
fn checks_are_made_in_the_order_of_the_specification() {
    let mut ledger = ledger();
    accepted(&mut ledger, request_for(2, 300 - 288, 10, 1));
    let mut bad = Request {
        resource_id: ResourceId::ZERO,
        requester: requester().address(),
        volume: 0,
        start_time: START + 1,
        end_time: START,
        timestamp: 0,
        sequence: 0,
    };
    let length = Message::Request { request: bad, signatures: Bytes::new() };
    assert_eq!(refused_by(&ledger, &length, NOW).code, Code::SignaturesLengthInvalid);
    let stranger = claim_by(bad, &key(9));
    assert_eq!(refused_by(&ledger, &stranger, NOW).code, Code::RequesterSignatureInvalid);
    let mends: [(Code, Mend); 11] = [
        (Code::ResourceUnknown, |bad| bad.resource_id = resource_id()),
        (Code::SequenceOutsideWindow, |bad| bad.sequence = 1),
        (Code::SequenceAlreadyUsed, |bad| bad.sequence = 2),
        (Code::VolumeTooSmall, |bad| bad.volume = 1),
        (Code::WindowEmpty, |bad| bad.end_time = START + SLOTS * SLOT + 1),
        (Code::OutsideResourceWindow, |bad| bad.end_time = START + SLOTS * SLOT - 1),
        (Code::SlotsNotAligned, |bad| bad.start_time = START),
        (Code::SlotsNotAligned, |bad| bad.end_time = START + SLOTS * SLOT),
        (Code::TooManyWords, |bad| bad.end_time = START + 14 * SLOT),
        (Code::FirstSlotEnded, |bad| bad.start_time = START + 2 * SLOT),
        (Code::TimestampOutsideDrift, |bad| bad.timestamp = NOW),
    ];
    for (code, mend) in mends {
        assert_eq!(refused_by(&ledger, &claim(bad), NOW).code, code);
        mend(&mut bad);
    }
    assert_eq!(refused_by(&ledger, &claim(bad), NOW).code, Code::CapacityExceeded);
    (bad.start_time, bad.end_time) = (START + 14 * SLOT, START + 15 * SLOT);
    accepted(&mut ledger, bad);
}
