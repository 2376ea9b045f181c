//! Plans without a chain: a ledger, a tree, and what the transactions say when they are read.

use super::*;
use crate::store::types::Pending;
use alloy::sol_types::SolCall as _;
use alloy_primitives::Bytes;
use fallow_chain::Registry;
use fallow_ledger::{GenesisParent, LedgerConfig};
use fallow_log::{Tree, leaf_hash};
use fallow_protocol::packed::{
    GroupResource, PackedRelease, RequestGroup, decode_releases, decode_requests,
};
use fallow_protocol::{NetworkId, Promise, PromiseFile, Release, Request, SecretKey, Withdrawal};
use std::convert::Infallible;

const NOW: u64 = 1_000_000;
const HOUR: u64 = 3_600;

struct Paths(Tree);

impl PathSource for Paths {
    type Error = Infallible;

    fn path(&self, index: u64, size: u64) -> Result<Vec<B256>, Infallible> {
        Ok(self.0.prove_inclusion(index, size).unwrap())
    }
}

/// A ledger with its log, and messages for it.
struct Bench {
    ledger: Ledger,
    paths: Paths,
    arrivals: u64,
    in_flight: InFlight,
    limits: Limits,
    now: u64,
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32]).unwrap()
}

fn signed(key: &SecretKey, id: B256) -> Bytes {
    Bytes::copy_from_slice(key.sign(id).0.as_slice())
}

fn announcement(number: u64) -> Announcement {
    Announcement {
        provider: key(1).address(),
        approver: Address::ZERO,
        volume: 1_000,
        start_time: NOW + HOUR,
        end_time: NOW + 101 * HOUR,
        slot_seconds: 3_600,
        notice_seconds: 0,
        timestamp: number,
        offer: B256::ZERO,
    }
}

impl Bench {
    fn new() -> Self {
        let config = LedgerConfig {
            network_id: NetworkId::repeat_byte(1),
            registry: Address::repeat_byte(2),
            writers: vec![],
            parent: GenesisParent::default(),
        };
        let (ledger, genesis) = Ledger::new(config, NOW);
        let mut tree = Tree::new();
        tree.push(leaf_hash(&genesis.encode())).unwrap();
        let (limits, in_flight) = (Limits::default(), InFlight::default());
        Self { ledger, paths: Paths(tree), arrivals: 0, in_flight, limits, now: NOW }
    }

    fn pend(&mut self, message: Message) -> Pending {
        self.arrivals += 1;
        let (domain, arrival) = (*self.ledger.domain(), self.arrivals);
        let id = message.id(&domain);
        let promise = Promise {
            message_id: id,
            requester: Address::ZERO,
            sequence: 0,
            by_time: NOW + 60,
            log_size: 1,
        };
        let promise = PromiseFile::sign(promise, &domain, &key(9));
        Pending { arrival, id, message, promise, failed: None }
    }

    fn announce(&mut self, announcement: Announcement) -> Pending {
        let signatures = signed(&key(1), announcement.id(self.ledger.domain()).0);
        self.pend(Message::Announce { announcement, signatures })
    }

    fn withdraw(&mut self, announcement: Announcement) -> Pending {
        let resource_id = announcement.id(self.ledger.domain());
        let withdrawal = Withdrawal { resource_id, timestamp: NOW };
        let signatures = signed(&key(1), withdrawal.id(self.ledger.domain()));
        self.pend(Message::Withdraw { withdrawal, announcement, signatures })
    }

    fn request(&mut self, of: &Announcement, (by, sequence): (u8, u64), slot: u64) -> Pending {
        let request = Request {
            resource_id: of.id(self.ledger.domain()),
            requester: key(by).address(),
            volume: 1,
            start_time: of.start_time + slot * HOUR,
            end_time: of.start_time + (slot + 1) * HOUR,
            timestamp: NOW + sequence % 7,
            sequence,
        };
        let signatures = signed(&key(by), request.id(self.ledger.domain()).0);
        self.pend(Message::Request { request, signatures })
    }

    /// The same, which brings its announcement.
    fn carried(&mut self, of: &Announcement, by: (u8, u64), slot: u64) -> Pending {
        let Message::Request { request, signatures } = self.request(of, by, slot).message else {
            panic!("a request");
        };
        let first = signed(&key(1), request.resource_id.0);
        let signatures = [first, signatures].concat().into();
        self.pend(Message::AnnounceAndRequest { announcement: *of, request, signatures })
    }

    fn record(&mut self, pending: &Pending) -> Vec<u8> {
        let applied = self.ledger.apply(&pending.message, NOW).unwrap();
        let mut last = Vec::new();
        for record in applied.announced.iter().chain([&applied.record]) {
            last = record.encode();
            self.paths.0.push(leaf_hash(&last)).unwrap();
        }
        last
    }

    fn release(&mut self, of: &Pending, by: u8) -> Pending {
        let record = self.record(of).into();
        let Message::Request { request, .. } = &of.message else { panic!("a request") };
        let request_id = request.id(self.ledger.domain());
        let release = Release { request_id, from_time: request.start_time, timestamp: NOW };
        let signatures = signed(&key(by), release.id(self.ledger.domain()));
        self.pend(Message::Release { release, signatures, record, path: vec![] })
    }

    fn plan(&self, pending: &[Pending]) -> Vec<Planned> {
        let context = PlanContext {
            ledger: &self.ledger,
            paths: &self.paths,
            in_flight: &self.in_flight,
            now: self.now,
            limits: self.limits,
        };
        let pending: Vec<_> = pending.iter().collect();
        let planned = plan(&pending, &context).unwrap();
        assert_eq!(planned, plan(&pending, &context).unwrap(), "the same again");
        planned
    }
}

fn groups(planned: &Planned) -> Vec<RequestGroup> {
    let call = Registry::requestPackedCall::abi_decode(&planned.call.data).unwrap();
    decode_requests(&call.batch).unwrap()
}

fn given_back(planned: &Planned) -> Vec<PackedRelease> {
    let call = Registry::releasePackedCall::abi_decode(&planned.call.data).unwrap();
    decode_releases(&call.batch).unwrap()
}

fn arrivals(planned: &[Planned]) -> Vec<u64> {
    planned.iter().flat_map(|planned| planned.arrivals.iter().copied()).collect()
}

fn selector(planned: &Planned) -> [u8; 4] {
    *planned.call.data.first_chunk().unwrap()
}

#[test]
fn kinds_go_in_the_order_in_which_they_need_each_other() {
    let mut bench = Bench::new();
    let (old, new, other) = (announcement(1), announcement(2), announcement(3));
    let announced = bench.announce(old);
    bench.record(&announced);
    let asked = bench.request(&old, (3, 1), 5);
    let pending = [
        bench.withdraw(other),
        bench.request(&new, (3, 2), 0),
        bench.release(&asked, 3),
        bench.announce(new),
    ];
    // With three records the release's path would go stale with the next one.
    let further = bench.announce(announcement(4));
    bench.record(&further);
    let planned = bench.plan(&pending);
    let selectors: Vec<_> = planned.iter().map(selector).collect();
    let want = [
        Registry::announceManyCall::SELECTOR,
        Registry::releasePackedCall::SELECTOR,
        Registry::requestPackedCall::SELECTOR,
        Registry::withdrawManyCall::SELECTOR,
    ];
    assert_eq!(selectors, want);
    assert_eq!(arrivals(&planned), [6, 5, 4, 3]);
    assert!(planned.iter().all(|one| one.call.to == Some(Address::repeat_byte(2))));
    assert!(bench.plan(&[]).is_empty());
}

#[test]
fn requests_are_grouped_and_keep_their_order_within_a_group() {
    let mut bench = Bench::new();
    let (one, two) = (announcement(1), announcement(2));
    for resource in [one, two] {
        let announced = bench.announce(resource);
        bench.record(&announced);
    }
    let pending = [
        bench.request(&one, (3, 1), 0),
        bench.request(&two, (3, 2), 0),
        bench.request(&one, (4, 1), 0),
        bench.request(&one, (3, 3), 1),
        bench.request(&one, (3, 4), 0),
    ];
    let planned = bench.plan(&pending);
    let groups = groups(&planned[0]);
    let sizes: Vec<_> = groups.iter().map(|group| group.items.len()).collect();
    assert_eq!((planned.len(), sizes), (1, vec![3, 1, 1]));
    assert_eq!(planned[0].arrivals, [3, 5, 7, 4, 6]);
    // Each is the request that was signed.
    let id = groups[0].resource.id(bench.ledger.domain());
    let first: Vec<_> = groups[0].requests(id).map(|(request, _)| request).collect();
    let want = [0, 2, 4].map(|place: usize| match &pending[place].message {
        Message::Request { request, .. } => *request,
        _ => panic!("a request"),
    });
    assert_eq!(first, want);
}

#[test]
fn sequences_far_above_the_lowest_that_is_not_recorded_wait() {
    let mut bench = Bench::new();
    let resource = announcement(1);
    let announced = bench.announce(resource);
    bench.record(&announced);
    let sequences = [70, 10, 73, 74, 200];
    let pending: Vec<_> =
        sequences.iter().map(|sequence| bench.request(&resource, (3, *sequence), 0)).collect();
    let sent = |bench: &Bench| {
        let planned = bench.plan(&pending);
        planned
            .iter()
            .flat_map(groups)
            .flat_map(|group| group.items)
            .map(|item| item.sequence)
            .collect::<Vec<_>>()
    };
    assert_eq!(sent(&bench), [70, 10, 73], "63 above 10, not 64");
    bench.in_flight.lowest.insert(key(3).address(), 9);
    assert_eq!(sent(&bench), [70, 10], "9 is on its way, and may not arrive");
    bench.in_flight.lowest.insert(key(3).address(), 150);
    assert_eq!(sent(&bench), [70, 10, 73], "those in flight only lower the bound");
}

#[test]
fn a_withdrawal_waits_for_requests_that_wait() {
    let mut bench = Bench::new();
    let (one, two) = (announcement(1), announcement(2));
    for resource in [one, two] {
        let announced = bench.announce(resource);
        bench.record(&announced);
    }
    let pending = [
        bench.request(&one, (3, 1), 0),
        bench.request(&one, (3, 100), 0),
        bench.withdraw(one),
        bench.withdraw(two),
    ];
    assert_eq!(arrivals(&bench.plan(&pending)), [3, 6]);
}

#[test]
fn an_announcement_is_carried_once_in_each_batch_until_it_is_recorded() {
    let mut bench = Bench::new();
    let resource = announcement(1);
    let brought = [
        bench.carried(&resource, (3, 1), 0),
        bench.carried(&resource, (4, 1), 0),
        bench.carried(&resource, (3, 2), 1),
        bench.request(&resource, (5, 1), 0),
    ];
    let carried = |planned: &Planned| {
        let is_carried =
            |group: &RequestGroup| matches!(group.resource, GroupResource::Carried { .. });
        groups(planned).iter().map(is_carried).collect::<Vec<_>>()
    };
    let planned = bench.plan(&brought);
    assert_eq!(carried(&planned[0]), [true, false], "the second group names it");
    assert_eq!(groups(&planned[0])[0].items.len(), 3, "a plain request joins the others");
    // In transactions of one item each, every one brings it: one alone may be left.
    bench.limits.calldata = 500;
    assert_eq!(bench.plan(&brought).iter().map(carried).collect::<Vec<_>>(), vec![[true]; 4]);
    bench.limits = Limits::default();
    let announced = bench.announce(resource);
    bench.record(&announced);
    assert_eq!(carried(&bench.plan(&brought)[0]), [false, false]);
}

#[test]
fn transactions_stay_within_the_limits_and_carry_everything_in_order() {
    let mut bench = Bench::new();
    let resource = announcement(1);
    let announced = bench.announce(resource);
    bench.record(&announced);
    let pending: Vec<_> = (0..200_u64)
        .map(|number| bench.request(&resource, (3 + (number % 50) as u8, 1 + number / 50), 0))
        .collect();
    let all: Vec<_> = pending.iter().map(|pending| pending.arrival).collect();
    for (calldata, gas) in [(2_000, 12_000_000), (100_000, 500_000), (10, 10)] {
        bench.limits = Limits { calldata, gas, caution: 100 };
        let planned = bench.plan(&pending);
        assert!(planned.len() > 5);
        assert_eq!(arrivals(&planned), all);
        for one in planned.iter().filter(|one| one.arrivals.len() > 1) {
            assert!(one.call.data.len() < calldata + 100 && one.gas <= gas, "{}", one.gas);
        }
    }
    bench.limits = Limits { caution: 100, ..Limits::default() };
    let calm = bench.plan(&pending)[0].gas;
    bench.limits.caution = 200;
    let careful = bench.plan(&pending)[0].gas;
    assert!(careful > calm * 17 / 10, "caution: {calm} {careful}");
}

#[test]
fn releases_lean_on_each_other_and_wait_while_their_paths_would_go_stale() {
    let mut bench = Bench::new();
    let resource = announcement(1);
    let announced = bench.announce(resource);
    bench.record(&announced);
    // Records 0 and 1 are there; 2..18 are allocations.
    let asked: Vec<_> =
        (0..16).map(|number| bench.request(&resource, (3, 1 + number), number)).collect();
    let mut pending: Vec<_> = asked.iter().map(|asked| bench.release(asked, 3)).collect();
    pending.reverse();
    assert_eq!(bench.ledger.size(), 18);
    let planned = bench.plan(&pending);
    let packed = given_back(&planned[0]);
    let indexes: Vec<_> = packed.iter().map(PackedRelease::index).collect();
    assert_eq!(indexes, (2..18).collect::<Vec<_>>(), "sorted, so that neighbours share paths");
    let nodes: Vec<_> = packed.iter().map(|release| release.path.len()).collect();
    assert_eq!(nodes, [4, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 1, 0]);
    // The log grows: 16 and 17 get another peak with record 18 and 19, the others with 31.
    bench.in_flight.records = 2;
    assert_eq!(given_back(&bench.plan(&pending)[0]).len(), 14);
    bench.in_flight.records = 14;
    assert!(bench.plan(&pending).is_empty());
    let announced = bench.announce(announcement(2));
    bench.in_flight.records = 1;
    let both: Vec<_> = pending.iter().cloned().chain([announced]).collect();
    assert_eq!(given_back(&bench.plan(&both)[1]).len(), 14, "what goes before counts");
    // Before the promise is broken it is tried all the same.
    bench.in_flight.records = 14;
    bench.now = NOW + 60 - releases::URGENT_SECONDS;
    assert_eq!(arrivals(&bench.plan(&pending)).len(), 16);
}

#[test]
fn what_is_malformed_is_left_out() {
    let mut bench = Bench::new();
    let resource = announcement(1);
    let good = bench.request(&resource, (3, 1), 0);
    let mut short = bench.request(&resource, (3, 2), 0);
    let mut late = bench.request(&resource, (3, 3), 0);
    if let Message::Request { signatures, .. } = &mut short.message {
        *signatures = signatures.slice(..63);
    }
    if let Message::Request { request, .. } = &mut late.message {
        request.end_time = 1 << 40;
    }
    let announced = bench.announce(resource);
    bench.record(&announced);
    let mut odd = bench.release(&good, 3);
    if let Message::Release { record, .. } = &mut odd.message {
        *record = Bytes::from_static(&[1; 238]);
    }
    let planned = bench.plan(&[good.clone(), short, late, odd]);
    assert_eq!(arrivals(&planned), [good.arrival]);
}
