//! Section 4.1: each rule of announcements, its code, what was found and what was wanted.

use crate::common::{
    NOW, announce, announce_by, announcement, domain, empty, key, ledger, provider, recorded,
};
use alloy_primitives::{Address, Bytes};
use fallow_ledger::{ApplyError, Message};
use fallow_protocol::{Announcement, Code, Refusal, ResourceWord};

const LAST: u64 = (1 << 40) - 1;

/// Takes one fault away.
type Mend = fn(&mut Announcement);

/// The refusal; and a refused item changes nothing.
fn refused(message: &Message) -> Refusal {
    let mut ledger = ledger();
    let before = ledger.clone();
    let refusal = ledger.apply(message, NOW).unwrap_err();
    assert_eq!(ledger, before);
    *refusal.refusal().unwrap()
}

fn refused_if(change: impl FnOnce(&mut Announcement)) -> Refusal {
    refused(&announce(changed(change)))
}

fn changed(change: impl FnOnce(&mut Announcement)) -> Announcement {
    let mut announcement = announcement();
    announcement.timestamp += 1;
    change(&mut announcement);
    announcement
}

#[test]
fn a_recorded_announcement_is_a_resource() {
    let ledger = ledger();
    let resource = ledger.resource(announcement().id(&domain())).unwrap();
    assert_eq!(resource, ResourceWord::of(&announcement(), 1));
    assert_eq!(ledger.size(), 2);
}

#[test]
fn signatures_of_another_length_are_001() {
    for length in [0, 63, 65, 128, 129] {
        let message = Message::Announce {
            announcement: changed(|_| {}),
            signatures: Bytes::from(vec![1; length]),
        };
        let want = Refusal::new(Code::SignaturesLengthInvalid, length, 64_u64);
        assert_eq!(refused(&message), want);
    }
}

#[test]
fn a_stranger_who_signs_is_201() {
    let message = announce_by(changed(|_| {}), &key(9));
    assert_eq!(
        refused(&message),
        Refusal::new(Code::ProviderSignatureInvalid, key(9).address(), provider().address())
    );
}

#[test]
fn any_approver_is_stored() {
    let mut ledger = ledger();
    for (approver, index) in [(key(9).address(), 2), (provider().address(), 3)] {
        let announcement = changed(|announcement| announcement.approver = approver);
        ledger.apply(&announce(announcement), NOW).unwrap();
        let id = announcement.id(&domain());
        assert_eq!(ledger.resource(id), Some(ResourceWord::of(&announcement, index)));
        assert!(ledger.resource(id).unwrap().has_approver);
        assert_eq!(ledger.approver(id), approver);
    }
    assert_eq!(ledger.approver(announcement().id(&domain())), Address::ZERO);
}

#[test]
fn the_same_announcement_again_is_301() {
    let id = announcement().id(&domain());
    assert_eq!(
        refused(&announce(announcement())),
        Refusal::new(Code::ResourceAlreadyRecorded, id, 1_u64)
    );
}

#[test]
fn no_volume_is_401() {
    assert_eq!(
        refused_if(|announcement| announcement.volume = 0),
        Refusal::new(Code::VolumeTooSmall, 0_u64, 1_u64)
    );
}

#[test]
fn an_empty_window_is_402() {
    for (start, end) in [(7, 7), (8, 7), (u64::MAX, 0)] {
        let refusal = refused_if(|announcement| {
            (announcement.start_time, announcement.end_time) = (start, end);
        });
        assert_eq!(refusal, Refusal::new(Code::WindowEmpty, start, end));
    }
}

#[test]
fn a_slot_without_length_is_403() {
    assert_eq!(
        refused_if(|announcement| announcement.slot_seconds = 0),
        Refusal::new(Code::SlotTooShort, 0_u64, 1_u64)
    );
}

#[test]
fn a_window_of_no_whole_slots_is_404() {
    let refusal = refused_if(|announcement| {
        (announcement.start_time, announcement.end_time) = (100, 1_599);
        announcement.slot_seconds = 500;
    });
    assert_eq!(refusal, Refusal::new(Code::WindowNotWholeSlots, 1_499_u64, 500_u64));
}

#[test]
fn an_end_of_2_to_the_40_is_405() {
    for end in [LAST + 1, u64::MAX] {
        let refusal = refused_if(|announcement| {
            (announcement.start_time, announcement.end_time) = (end - 10, end);
            announcement.slot_seconds = 1;
        });
        assert_eq!(refusal, Refusal::new(Code::EndTimeTooLate, end, LAST));
    }
    let last = changed(|announcement| {
        (announcement.start_time, announcement.end_time) = (0, LAST);
        announcement.slot_seconds = 1;
    });
    assert!(ledger().apply(&announce(last), NOW).is_ok());
}

#[test]
fn an_announcement_may_travel_for_years() {
    for timestamp in [0, 1, u64::MAX] {
        let message = announce(Announcement { timestamp, ..announcement() });
        assert!(empty().apply(&message, NOW).is_ok());
    }
}

/// Everything is wrong at once; what is mended is no longer complained about.
#[test]
fn rules_are_checked_in_the_order_of_the_specification() {
    let mut bad = Announcement {
        approver: key(9).address(),
        volume: 0,
        start_time: LAST + 3,
        end_time: LAST + 2,
        slot_seconds: 0,
        ..announcement()
    };
    let length = Message::Announce { announcement: bad, signatures: Bytes::new() };
    assert_eq!(refused(&length).code, Code::SignaturesLengthInvalid);
    assert_eq!(refused(&announce_by(bad, &key(9))).code, Code::ProviderSignatureInvalid);
    let mends: [(Code, Mend); 5] = [
        (Code::VolumeTooSmall, |bad| bad.volume = 1),
        (Code::WindowEmpty, |bad| bad.start_time = LAST - 1),
        (Code::SlotTooShort, |bad| bad.slot_seconds = 2),
        (Code::WindowNotWholeSlots, |bad| bad.slot_seconds = 1),
        (Code::EndTimeTooLate, |bad| bad.end_time = LAST),
    ];
    for (code, mend) in mends {
        assert_eq!(refused(&announce(bad)).code, code);
        mend(&mut bad);
    }
    let (mut ledger, message) = (ledger(), announce(bad));
    ledger.apply(&message, NOW).unwrap();
    let again = ledger.apply(&message, NOW).unwrap_err();
    assert!(matches!(again, ApplyError::Refused(refusal)
        if refusal.code == Code::ResourceAlreadyRecorded));
}

#[test]
fn anybody_may_bring_anybodys_announcement_once() {
    let (mut ledger, announcement) = (empty(), announcement());
    let record = recorded(&mut ledger, &announce(announcement), NOW);
    assert_eq!((record.index, record.block_time), (1, NOW));
}
