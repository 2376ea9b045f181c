//! A log alone leads to the state, and only an honest one does.

use crate::common::{
    NOW, WRITER, World, announce, announcement, approver, claim, config, domain, entries_of,
    lazily, request_for, requester, signed, withdraw,
};
use alloy_primitives::Bytes;
use fallow_ledger::{EntryError, Ledger, Message, ReplayError, message_of};
use fallow_protocol::{Announcement, Body, Code, Entry, Record, Request};

/// A log with records of all kinds: 1 and 2 came at once, 3 has an approver, 4 is a request of it, 5
/// a release of 2, 6 withdraws 1, 7 bars what was never recorded, 8 is a further writer's.
fn log() -> (World, Vec<Message>, Vec<Entry>) {
    let mut world = World::empty();
    let mut entries = vec![Entry { record: world.records[0].clone(), ..Entry::default() }];
    let guarded = Announcement { approver: approver().address(), ..announcement() };
    let ask = Request { resource_id: guarded.id(&domain()), ..request_for(30, 1, 2, 2) };
    let digest = ask.id(&domain()).0;
    let signatures = [signed(&requester(), digest), signed(&approver(), digest)].concat().into();
    let body = Bytes::from_static(b"anything");
    let release = |world: &World| world.release(2);
    let messages: [&dyn Fn(&World) -> Message; 7] = [
        &|_| lazily(announcement(), request_for(40, 2, 1, 1)),
        &|_| announce(guarded),
        &|_| Message::Request { request: ask, signatures: Bytes::clone(&signatures) },
        &release,
        &|_| withdraw(announcement()),
        &|_| withdraw(Announcement { timestamp: 77, ..announcement() }),
        &|_| Message::Append { kind: 16, writer: WRITER, body: body.clone() },
    ];
    let mut applied = Vec::new();
    for message in messages {
        let message = message(&world);
        let result = world.apply(&message, NOW + world.tree.size()).unwrap();
        entries.extend(entries_of(&message, &result));
        applied.push(message);
    }
    assert_eq!(entries.len(), 9);
    (world, applied, entries)
}

fn find(entries: &[Entry]) -> impl Fn(u64) -> Option<Entry> + '_ {
    |index| entries.get(usize::try_from(index).ok()?).cloned()
}

fn replayed(entries: &[Entry]) -> Result<Ledger, ReplayError> {
    let genesis = Record::decode(&entries[0].record).unwrap();
    let mut ledger = Ledger::new(config(), genesis.block_time).0;
    for entry in &entries[1..] {
        ledger.replay(entry, find(entries))?;
    }
    Ok(ledger)
}

#[test]
fn a_log_leads_to_the_same_state() {
    let (world, _, entries) = log();
    let ledger = replayed(&entries).unwrap();
    assert_eq!((&ledger, ledger.root()), (&world.ledger, world.ledger.root()));
}

#[test]
fn messages_are_as_they_were_sent() {
    let (_, sent, entries) = log();
    let found: Vec<_> =
        entries[1..].iter().map(|one| message_of(one, find(&entries)).unwrap()).collect();
    // The first one came as two.
    assert_eq!(found[0], announce(announcement()));
    assert_eq!(found[1], claim(request_for(40, 2, 1, 1)));
    let (mut rest, mut want) = (found[2..].to_vec(), sent[1..].to_vec());
    for message in rest.iter_mut().chain(&mut want) {
        if let Message::Release { path, .. } = message {
            path.clear();
        }
    }
    assert_eq!(rest, want);
}

#[test]
fn an_entry_that_lacks_something_has_no_message() {
    let (_, _, entries) = log();
    assert_eq!(error(&entries[0]), EntryError::Genesis(0));
    assert_eq!(error(&entries[5]), EntryError::Referred { index: 5, of: 2, want: "allocation" });
    assert_eq!(error(&entries[6]), EntryError::Referred { index: 6, of: 1, want: "announcement" });
    let other = |_| Some(entries[2].clone());
    let wrong = message_of(&entries[6], other).unwrap_err();
    assert_eq!(wrong, EntryError::Referred { index: 6, of: 1, want: "announcement" });
    let bare = Entry { announcement: None, ..entries[7].clone() };
    assert_eq!(error(&bare), EntryError::AnnouncementMissing(7));
    for index in [1, 2, 3, 4, 5, 7] {
        let entry = Entry { evidence: Vec::new(), ..entries[index].clone() };
        let undecodable = message_of(&entry, find(&entries)).unwrap_err();
        assert!(matches!(undecodable, EntryError::Decode(_)), "{index}: {undecodable}");
        let entry =
            Entry { record: entries[index].record[..40].to_vec(), ..entries[index].clone() };
        assert!(matches!(error(&entry), EntryError::Decode(_)), "{index}");
    }
}

fn error(entry: &Entry) -> EntryError {
    message_of(entry, |_| None).unwrap_err()
}

#[test]
fn an_entry_that_has_too_much_has_no_message() {
    let (_, _, entries) = log();
    for index in [1, 2, 3, 4, 5, 6, 8] {
        let entry = Entry { announcement: Some(announcement()), ..entries[index].clone() };
        let error = message_of(&entry, find(&entries)).unwrap_err();
        assert!(matches!(error, EntryError::Needless { what: "an announcement", .. }), "{index}");
    }
    let entry = Entry { evidence: vec![0], ..entries[8].clone() };
    assert_eq!(error(&entry), EntryError::Needless { index: 8, what: "evidence" });
}

/// Attack: an entry altered anywhere, so that somebody else re-executes another log.
#[test]
fn no_byte_of_an_entry_can_be_changed() {
    let (world, _, entries) = log();
    for index in 1..entries.len() {
        for place in 0..entries[index].record.len() {
            let mut forged = entries.clone();
            forged[index].record[place] ^= 1;
            // Another time, or another writer's bytes, can be as good: but then the root tells.
            let other = replayed(&forged).map(|ledger| ledger.root());
            assert_ne!(other, Ok(world.ledger.root()), "record {index}, byte {place}");
            assert!(other.is_err() || index == 8 || (30..38).contains(&place), "{index}, {place}");
        }
        for place in 0..entries[index].evidence.len() {
            let mut forged = entries.clone();
            forged[index].evidence[place] ^= 1;
            assert!(replayed(&forged).is_err(), "evidence {index}, byte {place}");
        }
    }
    let mut forged = entries;
    forged[7].announcement = Some(Announcement { timestamp: 78, ..announcement() });
    assert!(replayed(&forged).is_err(), "the barred announcement");
}

/// Attack: a true entry left out, brought twice, or in another place.
#[test]
fn no_entry_can_be_left_out_or_moved() {
    let (_, _, entries) = log();
    for index in 1..entries.len() - 1 {
        let mut forged = entries.clone();
        forged.remove(index);
        assert!(replayed(&forged).is_err(), "{index} left out");
        let mut forged = entries.clone();
        forged.insert(index, entries[index].clone());
        assert!(replayed(&forged).is_err(), "{index} twice");
        let mut forged = entries.clone();
        forged.swap(index, index + 1);
        assert!(replayed(&forged).is_err(), "{index} later");
    }
}

#[test]
fn what_differs_is_named() {
    let (world, _, entries) = log();
    let refused = |index: usize, forge: &dyn Fn(&mut Record)| {
        let mut forged = entries.clone();
        let mut record = Record::decode(&entries[index].record).unwrap();
        forge(&mut record);
        forged[index].record = record.encode();
        replayed(&forged).unwrap_err()
    };
    let want = Box::new(Record::decode(&world.records[4]).unwrap());
    let differs = refused(4, &|record| match &mut record.body {
        Body::Allocation(body) => body.bitmap_after ^= 1,
        other => panic!("{other:?}"),
    });
    assert_eq!(differs, ReplayError::Differs { index: 4, want });
    let late = refused(4, &|record| record.block_time += 1_000);
    let ReplayError::Refused { index: 4, error } = late else { panic!("{late}") };
    assert_eq!(error.refusal().unwrap().code, Code::TimestampOutsideDrift);
    // A release of a true record that is not its own.
    let mut ledger =
        Ledger::new(config(), Record::decode(&entries[0].record).unwrap().block_time).0;
    for entry in &entries[1..5] {
        ledger.replay(entry, find(&entries)).unwrap();
    }
    let other = |_| Some(entries[4].clone());
    let mismatch = ledger.replay(&entries[5], other).unwrap_err();
    let ReplayError::Refused { index: 5, error } = mismatch else { panic!("{mismatch}") };
    assert_eq!(error.refusal().unwrap().code, Code::AllocationMismatch);
}
