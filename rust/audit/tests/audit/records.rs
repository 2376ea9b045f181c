//! Doctored records: each is named, with the check that it fails.

use crate::world::World;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use fallow_audit::Flaw;
use fallow_history::HistoryNetwork;
use fallow_ledger::{ApplyError, EntryError, Ledger, Message};
use fallow_protocol::{
    Announcement, Body, CalendarWord, Code, DecodeError, Entry, Evidence, Record, Release, Request,
    SecretKey, words_hash,
};

fn code_of(flaw: &Flaw) -> (u64, u16) {
    (flaw.record().unwrap(), flaw.code().unwrap())
}

/// A new evidence in a record that commits to it.
fn resign(world: &mut World, index: usize, evidence: Vec<u8>) {
    let hash = keccak256(&evidence);
    world.entries[index].evidence = evidence;
    world.change(index, |record| match &mut record.body {
        Body::Announcement(body) => body.evidence = hash,
        Body::Allocation(body) => body.evidence = hash,
        Body::Release(body) => body.evidence = hash,
        Body::Withdrawal(body) => body.evidence = hash,
        Body::Genesis(_) | Body::Open { .. } => panic!("no evidence"),
    });
}

#[test]
fn a_forged_signature_is_named_for_every_kind_of_message() {
    for (kind, code) in [
        (1, Code::ProviderSignatureInvalid),
        (2, Code::RequesterSignatureInvalid),
        (3, Code::RequesterSignatureInvalid),
        (4, Code::ProviderSignatureInvalid),
    ] {
        let mut world = World::honest();
        let index = world.find(300, |record| record.body.kind() == kind);
        let mut evidence = world.entries[index].evidence.clone();
        evidence[10] ^= 1;
        resign(&mut world, index, evidence);
        assert_eq!(code_of(&world.flaw()), (index as u64, code.number()));
    }
}

#[test]
fn a_forged_approval_is_named() {
    let mut world = World::honest();
    let index = (0..).find(|index| world.entries[*index].evidence.len() == 129).unwrap();
    let mut evidence = world.entries[index].evidence.clone();
    evidence[100] ^= 1;
    resign(&mut world, index, evidence.clone());
    let want = (index as u64, Code::ApproverSignatureInvalid.number());
    assert_eq!(code_of(&world.flaw()), want);
    evidence.truncate(65);
    resign(&mut world, index, evidence);
    let want = (index as u64, Code::SignatureCountInvalid.number());
    assert_eq!(code_of(&world.flaw()), want);
}

#[test]
fn evidence_that_a_record_does_not_commit_to_is_named() {
    let mut world = World::honest();
    let index = world.allocation(300);
    world.change(index, |record| {
        if let Body::Allocation(body) = &mut record.body {
            body.evidence = B256::ZERO;
        }
    });
    let want = Flaw::Differs { index: index as u64, field: "evidence" };
    assert_eq!(world.flaw(), want);
}

#[test]
fn every_field_that_a_rule_fixes_is_named() {
    type Change = fn(&mut fallow_protocol::AllocationBody);
    let changes: [(&str, Change); 8] = [
        ("resourceIndex", |body| body.resource_index += 1),
        ("firstSlot", |body| body.first_slot += 1),
        ("slotCount", |body| body.slot_count += 1),
        ("previousIndex", |body| body.previous_index += 1),
        ("highestAfter", |body| body.highest_after += 1),
        ("bitmapAfter", |body| body.bitmap_after ^= 1),
        ("words", |body| body.words = B256::ZERO),
        ("evidence", |body| body.evidence = B256::ZERO),
    ];
    for (field, change) in changes {
        let mut world = World::honest();
        let index = world.allocation(500);
        world.change(index, |record| match &mut record.body {
            Body::Allocation(body) => change(body),
            _ => panic!("an allocation"),
        });
        assert_eq!(world.flaw(), Flaw::Differs { index: index as u64, field });
    }
}

#[test]
fn a_field_that_was_signed_breaks_the_signature() {
    type Change = fn(&mut fallow_protocol::AllocationBody);
    let changes: [Change; 4] = [
        |body| body.volume += 1,
        |body| body.end_time += 3_600,
        |body| body.sequence += 1,
        |body| body.requester = Address::repeat_byte(7),
    ];
    for change in changes {
        let mut world = World::honest();
        let index = world.allocation(400);
        world.change(index, |record| match &mut record.body {
            Body::Allocation(body) => change(body),
            _ => panic!("an allocation"),
        });
        let want = (index as u64, Code::RequesterSignatureInvalid.number());
        assert_eq!(code_of(&world.flaw()), want);
    }
}

#[test]
fn a_dropped_record_is_missed_where_it_was() {
    let mut world = World::honest();
    world.entries.remove(321);
    assert_eq!(world.flaw(), Flaw::Index { index: 321, got: 322 });
}

#[test]
fn a_record_that_is_there_twice_is_named() {
    let mut world = World::honest();
    world.entries.insert(322, world.entries[321].clone());
    assert_eq!(world.flaw(), Flaw::Index { index: 322, got: 321 });
}

#[test]
fn a_dropped_record_is_missed_even_if_all_after_it_are_renumbered() {
    let mut world = World::honest();
    let dropped = world.allocation(400);
    world.entries.remove(dropped);
    for index in dropped..world.entries.len() {
        world.change(index, |record| record.index = index as u64);
    }
    // What refers to earlier records by their index shows it: the next record of the same requester,
    // of the same calendar words, or of a resource that was announced later.
    let flaw = world.flaw();
    let index = usize::try_from(flaw.record().unwrap()).unwrap();
    assert!((dropped..dropped + 60).contains(&index), "{flaw}");
    let Flaw::Differs { field, .. } = flaw else { panic!("{flaw}") };
    assert!(["resourceIndex", "previousIndex", "words"].contains(&field), "{field}");
}

#[test]
fn swapped_records_are_named() {
    let mut world = World::honest();
    world.entries.swap(300, 301);
    assert_eq!(world.flaw(), Flaw::Index { index: 300, got: 301 });
}

#[test]
fn time_that_goes_back_is_named() {
    let mut world = World::honest();
    let before = world.record(449).block_time;
    world.change(450, |record| record.block_time = before - 1);
    let max = world.block.1;
    assert_eq!(world.flaw(), Flaw::Time { index: 450, got: before - 1, min: before, max });
}

#[test]
fn a_record_from_after_its_checkpoint_is_named() {
    let mut world = World::honest();
    let (min, max) = (world.record(698).block_time, world.block.1);
    world.change(699, |record| record.block_time = max + 1);
    assert_eq!(world.flaw(), Flaw::Time { index: 699, got: max + 1, min, max });
}

#[test]
fn a_time_that_breaks_a_rule_is_refused_by_it() {
    let mut world = World::honest();
    let index = world.allocation(600);
    for later in index..world.entries.len() {
        world.change(later, |record| record.block_time += 1_000);
    }
    world.block.1 += 1_000;
    let want = (index as u64, Code::TimestampOutsideDrift.number());
    assert_eq!(code_of(&world.flaw()), want);
}

#[test]
fn another_writer_is_named() {
    let mut world = World::honest();
    let index = world.find(0, |record| record.body.kind() == 16);
    world.change(index, |record| record.writer = Address::repeat_byte(1));
    let flaw = world.flaw();
    assert_eq!((flaw.record(), flaw.name()), (Some(index as u64), "AppendRefused"));
    let mut world = World::honest();
    let index = world.allocation(100);
    world.change(index, |record| record.writer = Address::repeat_byte(1));
    assert_eq!(world.flaw(), Flaw::Differs { index: index as u64, field: "writer" });
}

#[test]
fn another_genesis_is_named() {
    let mut world = World::honest();
    world.change(0, |record| match &mut record.body {
        Body::Genesis(body) => body.network_id = fallow_protocol::NetworkId::ZERO,
        _ => panic!("the genesis record"),
    });
    assert_eq!(world.flaw(), Flaw::Genesis);
    let mut world = World::honest();
    let mut copy = world.record(0);
    copy.index = 300;
    world.entries[300].record = copy.encode();
    world.entries[300].evidence.clear();
    world.entries[300].announcement = None;
    world.change(300, |record| record.block_time = 1_800_000_900);
    let before = world.record(299).block_time;
    world.change(300, |record| record.block_time = before);
    let error = EntryError::Genesis(300);
    assert_eq!(world.flaw(), Flaw::Message { index: 300, error });
    let mut world = World::honest();
    world.entries.remove(0);
    for index in 0..world.entries.len() {
        world.change(index, |record| record.index = index as u64);
    }
    assert_eq!(world.flaw(), Flaw::Genesis);
}

#[test]
fn what_a_record_refers_to_has_to_be_there() {
    let mut world = World::honest();
    let index = world.find(200, |record| matches!(record.body, Body::Release(_)));
    let mut refer = |to: u64| {
        world.change(index, |record| match &mut record.body {
            Body::Release(body) => body.request_index = to,
            _ => panic!("a release"),
        });
        world.flaw()
    };
    let missing = |of| {
        let index = index as u64;
        let error = EntryError::Referred { index, of, want: "allocation" };
        Flaw::Message { index, error }
    };
    assert_eq!(refer(index as u64), missing(index as u64), "itself");
    assert_eq!(refer(u64::MAX), missing(u64::MAX));
    assert_eq!(code_of(&refer(1)), (index as u64, Code::RecordLengthInvalid.number()));
}

#[test]
fn bytes_that_are_no_record_are_named() {
    let mut world = World::honest();
    world.entries[515].record[0] = 2;
    let error = DecodeError::Version { got: 2, want: 1 };
    assert_eq!(world.flaw(), Flaw::Unreadable { index: 515, error });
}

const SLOT: u64 = 3_600;

/// A log by hand: a resource of four units, all of which are allocated in its second slot.
struct Small {
    world: World,
    ledger: Ledger,
    announcement: Announcement,
    requester: SecretKey,
}

impl Small {
    fn new() -> Self {
        let network = HistoryNetwork::new(1);
        let (start, domain) = (network.start(), network.file().domain());
        let (provider, requester) =
            (SecretKey::from_bytes([1; 32]).unwrap(), SecretKey::from_bytes([2; 32]).unwrap());
        let announcement = Announcement {
            provider: provider.address(),
            approver: Address::ZERO,
            volume: 4,
            start_time: start - start % SLOT,
            end_time: start - start % SLOT + 100 * SLOT,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: start,
            offer: B256::ZERO,
        };
        let (mut ledger, genesis) = Ledger::new(network.config(), start);
        let announced = provider.sign(announcement.id(&domain).0);
        let signatures = Bytes::copy_from_slice(announced.0.as_slice());
        let record = ledger.apply(&Message::Announce { announcement, signatures }, start).unwrap();
        let entry = Entry {
            record: record.record.encode(),
            evidence: Evidence::of(announced).encode(),
            announcement: None,
        };
        let genesis = Entry { record: genesis.encode(), ..Entry::default() };
        let world = World { network, entries: vec![genesis, entry], block: (9, start) };
        let mut small = Self { world, ledger, announcement, requester };
        small.allocate(small.request(4, 1));
        small
    }

    fn request(&self, volume: u16, sequence: u64) -> Request {
        let start_time = self.announcement.start_time + SLOT;
        Request {
            resource_id: self.announcement.id(self.ledger.domain()),
            requester: self.requester.address(),
            volume,
            start_time,
            end_time: start_time + SLOT,
            timestamp: self.world.block.1,
            sequence,
        }
    }

    fn allocate(&mut self, request: Request) {
        let signature = self.requester.sign(request.id(self.ledger.domain()).0);
        let signatures = Bytes::copy_from_slice(signature.0.as_slice());
        let applied =
            self.ledger.apply(&Message::Request { request, signatures }, self.world.block.1);
        self.push(&applied.unwrap().record, Evidence::of(signature));
    }

    fn push(&mut self, record: &Record, evidence: Evidence) {
        let (record, evidence) = (record.encode(), evidence.encode());
        self.world.entries.push(Entry { record, evidence, announcement: None });
    }

    /// What a network writes that does not look at the volume: all else is as it should be.
    fn allocate_beyond(&mut self) {
        let request = self.request(1, 2);
        let evidence = Evidence::of(self.requester.sign(request.id(self.ledger.domain()).0));
        let mut record = self.world.record(2);
        let mut used = [0; 12];
        used[1] = 5;
        record.index = 3;
        let Body::Allocation(body) = &mut record.body else { unreachable!() };
        body.volume = 1;
        body.sequence = 2;
        body.previous_index = 2;
        body.highest_after = 2;
        body.bitmap_after = 3;
        body.words = words_hash([CalendarWord { index: 2, used }]);
        body.evidence = evidence.hash();
        self.push(&record, evidence);
    }

    /// A release of the allocation, recorded by a network that does not look at what is released.
    fn release(&mut self) {
        let (domain, now) = (*self.ledger.domain(), self.world.block.1);
        let request = self.request(4, 1);
        let release = Release {
            request_id: request.id(&domain),
            from_time: request.start_time,
            timestamp: now,
        };
        let signature = self.requester.sign(release.id(&domain));
        let signatures = Bytes::copy_from_slice(signature.0.as_slice());
        let record = self.world.entries[2].record.clone().into();
        let message = Message::Release { release, signatures, record, path: vec![] };
        let applied = self.ledger.apply_proven(&message, now).unwrap();
        self.push(&applied.record, Evidence::of(signature));
    }
}

#[test]
fn an_allocation_beyond_the_volume_is_named() {
    let mut small = Small::new();
    let report = small.world.report(&small.world.write(), None, &Default::default());
    assert!(report.is_honest(), "{:?}", report.flaw);
    small.allocate_beyond();
    let flaw = small.world.flaw();
    assert_eq!(code_of(&flaw), (3, Code::CapacityExceeded.number()));
    assert_eq!(flaw.name(), "CapacityExceeded");
    let Flaw::Refused { error: ApplyError::Refused(refusal), .. } = flaw else { panic!("{flaw}") };
    assert_eq!((refusal.got.to(), refusal.want.to()), (1_u64, 0_u64));
}

#[test]
fn a_second_release_of_an_allocation_is_named() {
    let mut small = Small::new();
    small.release();
    let report = small.world.report(&small.world.write(), None, &Default::default());
    assert!(report.is_honest(), "{:?}", report.flaw);
    let mut again = small.world.record(3);
    again.index = 4;
    let mut entry = small.world.entries[3].clone();
    entry.record = again.encode();
    small.world.entries.push(entry);
    let flaw = small.world.flaw();
    assert_eq!(code_of(&flaw), (4, Code::AllocationAlreadyReleased.number()));
}
