//! The ledger against a slow reference that keeps every allocation and every sequence for ever and
//! judges with plain loops: same verdicts, and no slot is ever over its volume.

use crate::common::{NOW, START, announce, claim_by, domain, empty, key, provider};
use alloy_primitives::Address;
use fallow_ledger::{Ledger, Message};
use fallow_protocol::{Announcement, Code, Request, SlotRange};
use proptest::{prelude::*, strategy::ValueTree};
use std::collections::{HashMap, HashSet};

const SLOT: u64 = 100;
const SLOTS: u64 = 230;

/// Everything that ever happened.
#[derive(Default)]
struct Reference {
    announcements: Vec<Announcement>,
    allocations: Vec<Request>,
}

impl Reference {
    fn resource(&self, request: &Request) -> Option<&Announcement> {
        let mut all = self.announcements.iter();
        all.find(|announcement| announcement.id(&domain()) == request.resource_id)
    }

    fn sequences(&self, requester: Address) -> HashSet<u64> {
        let own = self.allocations.iter().filter(|request| request.requester == requester);
        own.map(|request| request.sequence).collect()
    }

    fn used(&self, request: &Request, second: u64) -> u32 {
        let here = self.allocations.iter().filter(|other| {
            other.resource_id == request.resource_id
                && (other.start_time..other.end_time).contains(&second)
        });
        here.map(|other| u32::from(other.volume)).sum()
    }

    /// The code of the first rule that a signed request breaks.
    fn judge(&self, request: &Request, now: u64) -> Option<Code> {
        let Some(resource) = self.resource(request) else {
            return Some(Code::ResourceUnknown);
        };
        self.judge_sequence(request)
            .or_else(|| judge_window(resource, request, now))
            .or_else(|| self.judge_capacity(resource, request))
    }

    fn judge_sequence(&self, request: &Request) -> Option<Code> {
        let seen = self.sequences(request.requester);
        let highest = seen.iter().max().copied().unwrap_or(0);
        if request.sequence == 0 || request.sequence.abs_diff(highest) > 128 {
            return Some(Code::SequenceOutsideWindow);
        }
        seen.contains(&request.sequence).then_some(Code::SequenceAlreadyUsed)
    }

    fn judge_capacity(&self, resource: &Announcement, request: &Request) -> Option<Code> {
        let over = (request.start_time..request.end_time).step_by(SLOT as usize).any(|second| {
            self.used(request, second) + u32::from(request.volume) > u32::from(resource.volume)
        });
        over.then_some(Code::CapacityExceeded)
    }
}

fn judge_window(resource: &Announcement, request: &Request, now: u64) -> Option<Code> {
    let (start, end) = (request.start_time, request.end_time);
    let grid: HashSet<u64> =
        (resource.start_time..=resource.end_time).step_by(SLOT as usize).collect();
    let words: HashSet<u64> = (start..end)
        .filter(|second| *second >= resource.start_time)
        .map(|second| (second - resource.start_time) / SLOT / 12)
        .collect();
    let rules = [
        (request.volume >= 1, Code::VolumeTooSmall),
        (start < end, Code::WindowEmpty),
        (start >= resource.start_time && end <= resource.end_time, Code::OutsideResourceWindow),
        (grid.contains(&start) && grid.contains(&end), Code::SlotsNotAligned),
        (words.len() <= 16, Code::TooManyWords),
        (start + SLOT > now, Code::FirstSlotEnded),
        (
            request.timestamp + 300 >= now && request.timestamp <= now + 300,
            Code::TimestampOutsideDrift,
        ),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map(|(_, code)| code)
}

/// A random item; most are nearly right.
#[derive(Clone, Copy, Debug)]
struct Item {
    resource: usize,
    requester: u8,
    volume: u16,
    first: u64,
    count: u64,
    off_grid: u64,
    drift: i64,
    ahead: i64,
}

/// Mostly the first, now and then the second.
fn mostly<S: Strategy + 'static>(
    usual: S,
    odd: impl Strategy<Value = S::Value> + 'static,
) -> BoxedStrategy<S::Value>
where
    S::Value: 'static,
{
    prop_oneof![9 => usual, 1 => odd].boxed()
}

fn item() -> impl Strategy<Value = Item> {
    let fields = (
        mostly(0..2_usize, 2..3_usize),
        10..13_u8,
        mostly(1..4_u16, prop_oneof![0..1_u16, 0..=u16::MAX]),
        mostly(6..40_u64, 0..SLOTS + 2),
        mostly(1..30_u64, prop_oneof![0..1_u64, 0..SLOTS]),
        mostly(0..1_u64, 0..SLOT),
        mostly(-300..=300_i64, -310..=310_i64),
        mostly(0..4_i64, -140..140_i64),
    );
    fields.prop_map(|(resource, requester, volume, first, count, off_grid, drift, ahead)| Item {
        resource,
        requester,
        volume,
        first,
        count,
        off_grid,
        drift,
        ahead,
    })
}

fn resource(number: usize) -> Announcement {
    Announcement {
        provider: provider().address(),
        approver: Address::ZERO,
        volume: [7, u16::MAX, 1][number],
        start_time: START,
        end_time: START + SLOTS * SLOT,
        slot_seconds: SLOT as u32,
        notice_seconds: 0,
        timestamp: number as u64,
        offer: Default::default(),
    }
}

impl Item {
    fn request(&self, ledger: &Ledger) -> Request {
        let requester = key(self.requester).address();
        let highest = ledger.requester(requester).highest;
        Request {
            resource_id: resource(self.resource).id(&domain()),
            requester,
            volume: self.volume,
            start_time: START + self.first * SLOT + self.off_grid,
            end_time: START + (self.first + self.count) * SLOT,
            timestamp: NOW.saturating_add_signed(self.drift),
            sequence: highest.saturating_add_signed(self.ahead),
        }
    }
}

/// Calendar and volume as the ledger has them are those of all allocations together.
fn same_calendar(ledger: &Ledger, reference: &Reference) {
    let all = SlotRange { first: 0, last: SLOTS - 1 };
    for announcement in &reference.announcements {
        let resource_id = announcement.id(&domain());
        let probe = Request { resource_id, ..empty_request() };
        let want = (0..SLOTS).map(|slot| reference.used(&probe, START + slot * SLOT));
        let used = ledger.used(resource_id, all);
        assert!(used.iter().all(|used| *used <= announcement.volume), "over its volume");
        assert!(used.into_iter().map(u32::from).eq(want));
    }
}

fn empty_request() -> Request {
    crate::common::request()
}

fn run(items: &[Item]) -> HashMap<Option<Code>, usize> {
    let (mut ledger, mut reference) = (empty(), Reference::default());
    for number in 0..2 {
        ledger.apply(&announce(resource(number)), NOW).unwrap();
        reference.announcements.push(resource(number));
    }
    let mut verdicts = HashMap::new();
    for item in items {
        let request = item.request(&ledger);
        let want = reference.judge(&request, NOW);
        let message = claim_by(request, &key(item.requester));
        let got = apply(&mut ledger, &message, &request);
        assert_eq!(got, want, "{request:?}");
        if got.is_none() {
            reference.allocations.push(request);
        }
        *verdicts.entry(got).or_insert(0) += 1;
    }
    same_calendar(&ledger, &reference);
    verdicts
}

/// The verdict; `check` agrees with it, and a refused item changes nothing.
fn apply(ledger: &mut Ledger, message: &Message, request: &Request) -> Option<Code> {
    let before = ledger.clone();
    let Message::Request { signatures, .. } = message else {
        panic!("not a request: {message:?}");
    };
    let findings = ledger.check(request, signatures, NOW);
    let checked = findings.iter().find_map(|finding| finding.refusal());
    let refusal = ledger.apply(message, NOW).err().map(|error| *error.refusal().unwrap());
    assert_eq!(refusal, checked);
    if refusal.is_some() {
        assert_eq!(*ledger, before);
    } else {
        assert_eq!(ledger.size(), before.size() + 1);
    }
    refusal.map(|refusal| refusal.code)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn verdicts_and_calendars_equal_those_of_the_reference(
        items in proptest::collection::vec(item(), 1..80)
    ) {
        run(&items);
    }
}

/// The strategy above is worth nothing if it never meets a rule.
#[test]
fn random_items_meet_every_rule() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut verdicts: HashMap<Option<Code>, usize> = HashMap::new();
    for _ in 0..12 {
        let items = proptest::collection::vec(item(), 100).new_tree(&mut runner).unwrap().current();
        for (verdict, count) in run(&items) {
            *verdicts.entry(verdict).or_insert(0) += count;
        }
    }
    let rules = [
        Code::ResourceUnknown,
        Code::SequenceOutsideWindow,
        Code::SequenceAlreadyUsed,
        Code::VolumeTooSmall,
        Code::WindowEmpty,
        Code::OutsideResourceWindow,
        Code::SlotsNotAligned,
        Code::TooManyWords,
        Code::FirstSlotEnded,
        Code::TimestampOutsideDrift,
        Code::CapacityExceeded,
    ];
    for rule in rules {
        assert!(verdicts.contains_key(&Some(rule)), "{rule:?} was never met: {verdicts:?}");
    }
    assert!(verdicts[&None] > 200, "{verdicts:?}");
}
