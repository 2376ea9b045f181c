//! Random schedules of every message, in batches across block times, through the ledger and the slow
//! reference: same verdicts, same calendar, and no slot is ever over its volume.

use crate::common::{
    NOW, START, World, approver, config, domain, entries_of, key, no_request, provider, signed,
};
use crate::reference::{Batch, Item, Reference};
use alloy_primitives::{Address, B256, Bytes};
use fallow_ledger::{Ahead, Applied, ApplyError, Ledger, Message};
use fallow_protocol::{
    Announcement, Code, Entry, Release, Request, SecretKey, SlotRange, Withdrawal,
};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::collections::HashMap;

const SLOT: u64 = 100;
const SLOTS: u64 = 230;
/// A stranger's account.
const STRANGER: u8 = 99;

/// A random step; most are nearly right.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: u8,
    resource: usize,
    requester: u8,
    volume: u16,
    first: u64,
    count: u64,
    off_grid: u64,
    drift: i64,
    ahead: i64,
    /// Which of the allocations so far.
    pick: usize,
    /// What is wrong with signatures, record or path; nothing from 10 on.
    fault: u8,
}

/// Mostly the first, now and then the second.
fn mostly<S: Strategy + 'static>(
    usual: S,
    odd: impl Strategy<Value = S::Value> + 'static,
) -> BoxedStrategy<S::Value>
where
    S::Value: 'static,
{
    prop_oneof![14 => usual, 1 => odd].boxed()
}

fn step() -> impl Strategy<Value = Step> {
    let fields = (
        (0..100_u8, 0..60_usize, 10..13_u8),
        mostly(1..4_u16, prop_oneof![0..1_u16, 0..=u16::MAX]),
        mostly(0..30_u64, prop_oneof![0..SLOTS + 2, 0..1_u64]),
        mostly(1..30_u64, prop_oneof![0..1_u64, 0..SLOTS, 193..200_u64]),
        mostly(0..1_u64, 0..SLOT),
        mostly(-300..=300_i64, -320..=320_i64),
        mostly(0..3_i64, -140..140_i64),
        any::<usize>(),
        0..45_u8,
    );
    fields.prop_map(
        |(
            (kind, resource, requester),
            volume,
            first,
            count,
            off_grid,
            drift,
            ahead,
            pick,
            fault,
        )| {
            // A few resources get most of the steps.
            let resource = if resource < 50 { resource % 3 } else { resource % OFFERS };
            Step {
                kind,
                resource,
                requester,
                volume,
                first,
                count,
                off_grid,
                drift,
                ahead,
                pick,
                fault,
            }
        },
    )
}

/// A schedule: batches, and how many seconds pass before each.
fn schedule(steps: usize) -> impl Strategy<Value = Vec<(u64, Vec<Step>)>> {
    let batch = prop_oneof![2 => vec(step(), 1), 1 => vec(step(), 1..12)];
    vec((0..60_u64, batch), 1..steps)
}

/// How many offers there are.
const OFFERS: usize = 7;

fn offer(number: usize) -> Announcement {
    let guarded = [1, 4].contains(&number);
    Announcement {
        provider: provider().address(),
        approver: if guarded { approver().address() } else { Address::ZERO },
        // The sixth cannot be recorded.
        volume: [9, 12, u16::MAX, 1, 3, 0, 5][number],
        start_time: START,
        end_time: START + SLOTS * SLOT,
        slot_seconds: SLOT as u32,
        notice_seconds: [0, 60, 250, 0, 1_000, 0, 60][number],
        timestamp: number as u64,
        offer: B256::ZERO,
    }
}

/// Signs with these keys; a stranger's account signs wherever it is named.
fn sign(digests: &[(u8, B256)]) -> (Bytes, Vec<Address>) {
    let signatures: Vec<u8> =
        digests.iter().flat_map(|(seed, digest)| signed(&key(*seed), *digest).to_vec()).collect();
    (signatures.into(), digests.iter().map(|(seed, _)| key(*seed).address()).collect())
}

impl Step {
    fn item(&self, world: &World, reference: &Reference, now: u64, place: i64) -> Item {
        match self.kind {
            0..8 => self.announce(),
            8..46 => self.request(world, now, place),
            46..62 => self.lazy(world, now, place),
            62..98 => self.release(world, reference, now),
            _ => self.withdraw(),
        }
    }

    /// Who signs in somebody's place.
    const fn signer(&self, seed: u8) -> u8 {
        if self.fault == 0 { STRANGER } else { seed }
    }

    fn announce(&self) -> Item {
        let announcement = offer(self.resource);
        let digest = announcement.id(&domain()).0;
        let mut digests = vec![(self.signer(1), digest)];
        if self.fault == 1 {
            digests.push((1, digest));
        }
        let (signatures, signers) = sign(&digests);
        Item { message: Message::Announce { announcement, signatures }, signers }
    }

    fn asked(&self, world: &World, now: u64, place: i64) -> Request {
        let requester = key(self.requester).address();
        let highest = world.ledger.requester(requester).highest;
        let start = START + ((now - START) / SLOT + self.first) * SLOT + self.off_grid;
        Request {
            resource_id: offer(self.resource).id(&domain()),
            requester,
            volume: self.volume,
            start_time: start - if self.fault == 5 { 2 * SLOT } else { 0 },
            end_time: start + self.count * SLOT - self.off_grid,
            timestamp: now.saturating_add_signed(self.drift),
            sequence: highest.saturating_add_signed(self.ahead + place),
        }
    }

    /// Who signs a request.
    fn claimants(&self, request: &Request) -> Vec<(u8, B256)> {
        let digest = request.id(&domain()).0;
        let guarded = !offer(self.resource).approver.is_zero();
        let approval = match self.fault {
            1 => !guarded,
            _ => guarded,
        };
        let mut digests = vec![(self.signer(self.requester), digest)];
        if approval {
            digests.push((if self.fault == 2 { STRANGER } else { 3 }, digest));
        }
        if self.fault == 3 {
            digests.extend([(3, digest); 2]);
        }
        digests
    }

    fn request(&self, world: &World, now: u64, place: i64) -> Item {
        let request = self.asked(world, now, place);
        let (signatures, signers) = sign(&self.claimants(&request));
        Item { message: Message::Request { request, signatures }, signers }
    }

    fn lazy(&self, world: &World, now: u64, place: i64) -> Item {
        let request = self.asked(world, now, place);
        let brought = if self.fault == 4 { (self.resource + 1) % OFFERS } else { self.resource };
        let announcement = offer(brought);
        let provider = if self.fault == 6 { STRANGER } else { 1 };
        let mut digests = vec![(provider, announcement.id(&domain()).0)];
        digests.extend(self.claimants(&request));
        let (signatures, signers) = sign(&digests);
        Item { message: Message::AnnounceAndRequest { announcement, request, signatures }, signers }
    }

    fn withdraw(&self) -> Item {
        let named = if self.fault == 4 { (self.resource + 1) % OFFERS } else { self.resource };
        let resource_id = offer(named).id(&domain());
        let withdrawal = Withdrawal { resource_id, timestamp: self.pick as u64 };
        let digest = withdrawal.id(&domain());
        let mut digests = vec![(self.signer(1), digest)];
        if self.fault == 1 {
            digests.push((1, digest));
        }
        let (signatures, signers) = sign(&digests);
        let announcement = offer(self.resource);
        Item { message: Message::Withdraw { withdrawal, announcement, signatures }, signers }
    }

    fn release(&self, world: &World, reference: &Reference, now: u64) -> Item {
        let all: Vec<_> = reference.allocations().collect();
        // Mostly one of the last, as those have not begun.
        let (index, request) = match (all.len(), self.kind) {
            (0, _) => return self.announce(),
            (count, 62..70) => all[self.pick % count],
            (count, _) => all[count - 1 - self.pick % count.min(8)],
        };
        let slots = (request.end_time - request.start_time) / SLOT;
        let from = match self.fault {
            5 => request.end_time,
            7 => request.start_time - SLOT,
            _ => request.start_time + (self.pick as u64 / 16 % slots.min(3)) * SLOT + self.off_grid,
        };
        let request_id = if self.fault == 2 { no_request() } else { request.id(&domain()) };
        let timestamp = now.saturating_add_signed(self.drift);
        let release = Release { request_id, from_time: from, timestamp };
        let seed = (10..13).find(|seed| key(*seed).address() == request.requester).unwrap();
        let digest = release.id(&domain());
        let mut digests = vec![(self.signer(seed), digest)];
        if self.fault == 1 {
            digests.push((seed, digest));
        }
        let (signatures, signers) = sign(&digests);
        let (record, path) = self.proof(world, index);
        Item { message: Message::Release { release, signatures, record, path }, signers }
    }

    /// Record and path; cut so that it may lean on another, or wrong in some way.
    fn proof(&self, world: &World, index: u64) -> (Bytes, Vec<B256>) {
        let (mut record, mut path) = (world.records[index as usize].clone(), world.path(index));
        match self.fault {
            3 => record.truncate(237),
            4 => record[1] = 3,
            6 => record[100] ^= 1,
            8 => path.push(B256::ZERO),
            9 if !path.is_empty() => path[0].0[0] ^= 1,
            10..20 => path.truncate(self.pick % 4),
            _ => {}
        }
        (record.into(), path)
    }
}

/// Cuts the paths of releases to where they meet that of the release before, if they do.
fn lean(items: &mut [Item]) {
    let mut last: Option<u64> = None;
    for item in items {
        let Message::Release { record, path, .. } = &mut item.message else { continue };
        let Some(bytes) = record.get(22..30) else { continue };
        let index = u64::from_be_bytes(bytes.try_into().unwrap());
        if let Some(before) = last.filter(|before| *before != index) {
            path.truncate((before ^ index).ilog2() as usize);
        }
        last = Some(index);
    }
}

/// What became of one item.
type Verdict = Result<Applied, ApplyError>;

/// What a schedule led to: how often each verdict was given.
type Verdicts = HashMap<Option<Code>, usize>;

fn run(schedule: &[(u64, Vec<Step>)]) -> Verdicts {
    let (mut world, mut reference, mut now) = (World::empty(), Reference::new(), NOW);
    let (mut verdicts, mut entries) = (Verdicts::new(), Vec::new());
    for number in 0..2 {
        let step = Step { resource: number, ..usual() };
        let results = batch(&mut world, &mut reference, &[step.announce()], now, &mut verdicts);
        keep(&mut entries, &[step.announce()], &results);
    }
    // From here on the ledger goes on under what stands on it.
    let mut ahead = world.ledger.ahead();
    for (passed, steps) in schedule {
        now += passed;
        let mut items: Vec<Item> = (0..)
            .zip(steps)
            .map(|(place, step)| step.item(&world, &reference, now, place))
            .collect();
        if steps[0].pick % 2 == 0 {
            lean(&mut items);
        }
        let results = batch(&mut world, &mut reference, &items, now, &mut verdicts);
        keep(&mut entries, &items, &results);
        same_ahead(&mut ahead, &items, &results, now);
    }
    same_log(&entries, &world.ledger);
    same_words(&ahead, &world.ledger);
    same_calendar(&world.ledger, &reference);
    same_snapshot(&world.ledger);
    verdicts
}

const fn usual() -> Step {
    Step {
        kind: 0,
        resource: 0,
        requester: 10,
        volume: 1,
        first: 5,
        count: 1,
        off_grid: 0,
        drift: 0,
        ahead: 1,
        pick: 0,
        fault: 50,
    }
}

/// One batch through both.
fn batch(
    world: &mut World,
    reference: &mut Reference,
    items: &[Item],
    now: u64,
    verdicts: &mut Verdicts,
) -> Vec<Verdict> {
    let before = world.clone();
    let mut facts = Batch::new(&before, now);
    let messages: Vec<Message> = items.iter().map(|item| item.message.clone()).collect();
    let results = world.ledger.apply_batch(&messages, now);
    for (item, result) in items.iter().zip(&results) {
        let got = result.as_ref().err().map(|error| error.refusal().unwrap().code);
        let want = reference.judge(item, &mut facts);
        assert_eq!(got, want, "{item:?}");
        if let Ok(applied) = result {
            let index = reference.size();
            reference.keep(item);
            let announced = applied.announced.as_ref().map_or(0, |_| 1);
            assert_eq!(applied.record.index, index + announced);
            assert_eq!(reference.size(), index + 1 + announced);
        }
        *verdicts.entry(got).or_insert(0) += 1;
    }
    world.note(results.iter().flatten());
    if results.iter().all(Result::is_err) {
        assert_eq!(world.ledger, before.ledger, "refused items change nothing");
    }
    if let ([Message::Request { request, signatures }], [result]) = (&messages[..], &results[..]) {
        let findings = before.ledger.check(request, signatures, now);
        let checked = findings.iter().find_map(|finding| finding.refusal());
        assert_eq!(result.as_ref().err().map(|error| *error.refusal().unwrap()), checked);
    }
    results
}

fn keep(entries: &mut Vec<Entry>, items: &[Item], results: &[Verdict]) {
    for (item, applied) in items.iter().zip(results) {
        let applied = applied.iter();
        entries.extend(applied.flat_map(|applied| entries_of(&item.message, applied)));
    }
}

/// What stands on an older state judges as the ledger does. Paths are not its matter.
fn same_ahead(ahead: &mut Ahead, items: &[Item], results: &[Verdict], now: u64) {
    for (item, result) in items.iter().zip(results) {
        let refusal = result.as_ref().err().and_then(ApplyError::refusal);
        if refusal.is_none_or(|refusal| refusal.code != Code::AllocationUnproven) {
            assert_eq!(&ahead.apply_proven(&item.message, now), result, "{item:?}");
        }
    }
}

/// Words are the same, wherever they are read from.
fn same_words(ahead: &Ahead, ledger: &Ledger) {
    assert_eq!(ahead.size(), ledger.size());
    for number in 0..OFFERS {
        let id = offer(number).id(&domain());
        assert_eq!(ahead.resource(id), ledger.resource(id));
        assert_eq!(ahead.approver(id), ledger.approver(id));
        let index = ledger.resource(id).map_or(0, |word| word.index);
        for word in 0..SLOTS.div_ceil(12) {
            assert_eq!(ahead.calendar_word(index, word), ledger.calendar_word(index, word));
            assert_eq!(ledger.calendar_word(index, word), ledger.word(id, word));
        }
    }
    for seed in 10..13 {
        let requester = key(seed).address();
        assert_eq!(ahead.requester(requester), ledger.requester(requester));
    }
    for index in 0..ledger.size() {
        assert_eq!(ahead.is_released(index), ledger.is_released(index));
    }
}

/// The log alone leads to the same state.
fn same_log(entries: &[Entry], want: &Ledger) {
    let mut ledger = World::empty().ledger;
    for entry in entries {
        let find = |index: u64| entries.get(usize::try_from(index.checked_sub(1)?).ok()?).cloned();
        ledger.replay(entry, find).unwrap();
    }
    assert_eq!(&ledger, want);
    assert_eq!(ledger.commitment(), want.commitment());
}

/// Calendar and volume as the ledger has them are those of all allocations together.
fn same_calendar(ledger: &Ledger, reference: &Reference) {
    let all = SlotRange { first: 0, last: SLOTS - 1 };
    for announcement in reference.announcements() {
        let id = announcement.id(&domain());
        let want = (0..SLOTS).map(|slot| reference.used(id, START + slot * SLOT));
        let used = ledger.used(id, all);
        assert!(used.iter().all(|used| *used <= announcement.volume), "over its volume");
        assert!(used.into_iter().map(u32::from).eq(want));
    }
    for number in 0..OFFERS {
        let id = offer(number).id(&domain());
        let word = ledger.resource(id);
        assert_eq!(word.is_some_and(|word| word.withdrawn), reference.is_withdrawn(id));
        assert_eq!(word.is_some_and(|word| word.index != 0), reference.announced(id).is_some());
    }
    for (index, _) in reference.allocations() {
        assert_eq!(ledger.is_released(index), reference.released_from(index).is_some());
    }
}

fn same_snapshot(ledger: &Ledger) {
    let mut bytes = Vec::new();
    ledger.save(&mut bytes).unwrap();
    let loaded = Ledger::load(config(), &bytes[..]).unwrap();
    assert_eq!(&loaded, ledger);
    assert_eq!(loaded.commitment(), ledger.commitment());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn verdicts_and_calendars_equal_those_of_the_reference(schedule in schedule(40)) {
        run(&schedule);
    }
}

/// The strategy above is worth nothing if it never meets a rule.
#[test]
fn random_schedules_meet_every_rule() {
    let mut runner = TestRunner::deterministic();
    let mut verdicts = Verdicts::new();
    for _ in 0..40 {
        let schedule = schedule(60).new_tree(&mut runner).unwrap().current();
        for (verdict, count) in run(&schedule) {
            *verdicts.entry(verdict).or_insert(0) += count;
        }
    }
    let unmet = |code: &Code| {
        // Codes of the ledger that no offer above can meet; the tests of announcements do.
        let others =
            [Code::SlotTooShort, Code::WindowNotWholeSlots, Code::EndTimeTooLate].contains(code);
        code.number() < 600 && !others && !verdicts.contains_key(&Some(*code))
    };
    let unmet: Vec<_> = Code::ALL.iter().copied().filter(unmet).collect();
    assert!(unmet.is_empty(), "never met: {unmet:?} of {verdicts:?}");
    assert!(verdicts[&None] > 300, "{verdicts:?}");
}

/// The account of a stranger is nobody else's.
#[test]
fn the_stranger_is_a_stranger() {
    let stranger: SecretKey = key(STRANGER);
    assert!([1, 3, 10, 11, 12].iter().all(|seed| key(*seed).address() != stranger.address()));
}
