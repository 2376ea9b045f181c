//! A re-execution whose records stand elsewhere: it goes on after a restart, and survives an archive
//! that cannot be read.

use crate::replay::{FIRST, Honest, announce, ask, block, key, network, withdraw};
use fallow_chain::{
    Archive, BlockError, BlockEvents, Disagreement, Event, MemoryArchive, Recorded, ReleaseFlaw,
    Released, Replay,
};
use fallow_ledger::{Message, Recoverer};
use fallow_protocol::{Checkpoint, Entry, Record, Release};
use std::num::NonZeroUsize;

/// Records on a disk that may fail.
#[derive(Debug, Default)]
struct Disk {
    memory: MemoryArchive,
    is_broken: bool,
}

impl Archive for Disk {
    type Error = &'static str;

    fn entry(&self, index: u64) -> Result<Option<Entry>, &'static str> {
        if self.is_broken {
            return Err("disk on fire");
        }
        self.memory.entry(index).map_err(|never| match never {})
    }

    fn append(&mut self, recorded: Recorded) {
        self.memory.append(recorded);
    }

    fn note(&mut self, checkpoint: Checkpoint) {
        self.memory.note(checkpoint);
    }
}

/// The event and message of a release of the whole allocation at index 2.
fn release(honest: &Honest, archive: &MemoryArchive) -> (Event, Message) {
    let entry = archive.record(2).unwrap().entry.clone();
    let fallow_protocol::Body::Allocation(body) = Record::decode(&entry.record).unwrap().body
    else {
        panic!("no allocation");
    };
    let domain = network().domain();
    let release = Release {
        request_id: body.request_id(&domain),
        from_time: body.start_time,
        timestamp: body.timestamp,
    };
    let signature = key(2).sign(release.id(&domain));
    let index = honest.ledger.size();
    let event = Event::Released(Released {
        index,
        allocation: 2,
        resource_id: None,
        from_time: release.from_time,
        timestamp: release.timestamp,
        signature,
    });
    let signatures = signature.0.into();
    let record = entry.record.into();
    (event, Message::Release { release, signatures, record, path: vec![] })
}

/// Up to an allocation at index 2, and the block that releases it.
fn world() -> (Honest, Replay<Disk>, BlockEvents) {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::with_archive(&network(), Disk::default());
    replay.apply(&first).unwrap();
    replay.apply(&honest.next(&[announce(), ask(1)])).unwrap();
    let (event, message) = release(&honest, &replay.archive().memory);
    let applied = honest.ledger.apply_proven(&message, block(FIRST + 2).time).unwrap();
    assert_eq!(applied.record.index, 3);
    let claim = Some((honest.ledger.size(), honest.ledger.root()));
    let next = BlockEvents { block: block(FIRST + 2), events: vec![event], claim };
    (honest, replay, next)
}

#[test]
fn an_archive_that_cannot_be_read_is_no_disagreement_and_changes_nothing() {
    let (honest, mut replay, next) = world();
    let before = (replay.size(), replay.root(), replay.next_block());
    replay.archive_mut().is_broken = true;
    assert_eq!(replay.apply(&next), Err(BlockError::Archive("disk on fire")));
    assert_eq!((replay.size(), replay.root(), replay.next_block()), before);
    assert_eq!(replay.claims(std::slice::from_ref(&next)), [], "only a hint");
    replay.archive_mut().is_broken = false;
    replay.apply(&next).unwrap();
    assert_eq!((replay.size(), replay.root()), (4, honest.ledger.root()));
}

#[test]
fn a_block_that_is_refused_leaves_nothing_in_the_archive() {
    let (_, mut replay, mut next) = world();
    next.claim = next.claim.map(|(size, _)| (size, key(1).address().into_word()));
    let refused = replay.apply(&next).unwrap_err();
    assert!(matches!(refused, BlockError::Disagreement(Disagreement::Root { .. })), "{refused}");
    assert_eq!(replay.archive().memory.records().len(), 3);
}

#[test]
fn a_release_may_be_of_an_allocation_of_the_same_block_but_of_no_later_one() {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    let mut next = honest.next(&[announce(), ask(1)]);
    let mut other = Replay::new(&network());
    other.apply(&first).unwrap();
    other.apply(&next).unwrap();
    let (event, message) = release(&honest, other.archive());
    let Event::Released(released) = event else { unreachable!() };
    let later = Event::Released(Released { allocation: 3, ..released });
    let mut wrong = next.clone();
    wrong.events.push(later);
    let refused = Disagreement::from(replay.apply(&wrong).unwrap_err());
    let flaw = ReleaseFlaw::Missing;
    let block = FIRST + 1;
    assert_eq!(refused, Disagreement::Release { block, index: 3, allocation: 3, flaw });

    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    honest.ledger.apply_proven(&message, self::block(block).time).unwrap();
    next.events.push(Event::Released(released));
    next.claim = Some((honest.ledger.size(), honest.ledger.root()));
    replay.apply(&next).unwrap();
    assert_eq!(replay.records().len(), 4);
}

#[test]
fn a_re_execution_goes_on_where_another_one_stopped() {
    let (mut honest, mut whole, release) = world();
    whole.apply(&release).unwrap();
    let (mut blocks, mut messages) = (vec![], vec![withdraw()]);
    honest.next(&[]);
    for _ in FIRST + 3..=FIRST + 30 {
        blocks.push(honest.next(&std::mem::take(&mut messages)));
    }
    for stop in 0..blocks.len() {
        let (_, mut first, release) = world();
        first.apply(&release).unwrap();
        blocks[..stop].iter().for_each(|block| first.apply(block).unwrap());
        let (ledger, head) = (first.ledger().unwrap().clone(), *first.head().unwrap());
        let candidate = first.candidate();
        let archive = std::mem::take(first.archive_mut());
        let mut second = Replay::resume(&network(), ledger, head, candidate, archive);
        assert_eq!(second.next_block(), head.number + 1);
        blocks[stop..].iter().for_each(|block| second.apply(block).unwrap());
        let all = |replay: &Replay<Disk>| replay.archive().memory.checkpoints_after(0, 99);
        if stop == 0 {
            blocks.iter().for_each(|block| whole.apply(block).unwrap());
            let blocks = all(&whole).into_iter().map(|one| one.block_number);
            assert_eq!(blocks.collect::<Vec<_>>(), [12, 16, 32]);
        }
        assert_eq!(all(&second), all(&whole), "stopped after {stop}");
        assert_eq!(second.root(), whole.root());
    }
}

#[test]
fn claims_show_who_signed_what_of_releases_too() {
    let (_, replay, next) = world();
    let recoverer = Recoverer::remembering(NonZeroUsize::new(10).unwrap());
    let mut replay = replay.with_recoverer(recoverer.clone());
    let claims = replay.claims(std::slice::from_ref(&next));
    assert_eq!(claims.len(), 1);
    recoverer.warm(&claims);
    assert_eq!(recoverer.len(), 1);
    replay.apply(&next).unwrap();
    assert_eq!(recoverer.len(), 1, "nothing else had to be recovered");
}

#[test]
fn a_tombstones_entry_has_the_announcement_and_the_log_leads_to_the_same_ledger() {
    let (mut honest, first) = Honest::start();
    let mut replay = Replay::new(&network());
    replay.apply(&first).unwrap();
    replay.apply(&honest.next(&[withdraw()])).unwrap();
    let Message::Withdraw { announcement, .. } = withdraw() else { unreachable!() };
    assert_eq!(replay.record(1).unwrap().entry.announcement, Some(announcement));
    let mut ledger = Honest::start().0.ledger;
    ledger.replay(&replay.record(1).unwrap().entry, |_| None).unwrap();
    assert_eq!(&ledger, replay.ledger().unwrap());
}
