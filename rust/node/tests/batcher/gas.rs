//! Gas limits that are computed hold on a real chain, and are not far above what is used.

use crate::world::{TreePaths, World};
use fallow_chain::{Fees, Finality, NonceAt, Sender, SenderConfig};
use fallow_devnet::poll;
use fallow_node::batcher::{InFlight, Limits, PlanContext, Planned, plan};
use fallow_node::store::types::Pending;
use fallow_protocol::Announcement;
use std::time::Duration;

/// Sends transactions of a plan one by one.
struct Scale {
    world: World,
    sender: Sender,
    nonce: u64,
    failed: Vec<String>,
}

impl Scale {
    async fn start() -> Self {
        let world = World::start(Duration::from_millis(100), Finality::Latest).await;
        let chain = world.devnet.sidechain.chain_id();
        let client = world.client.clone();
        let sender = Sender::new(client, world.node.key(), chain, SenderConfig::default()).unwrap();
        Self { world, sender, nonce: 0, failed: Vec::new() }
    }

    fn plan(&self, pending: &[Pending]) -> Vec<Planned> {
        let context = PlanContext {
            ledger: self.world.ledger(),
            paths: &TreePaths(self.world.follower.tree()),
            in_flight: &InFlight::default(),
            now: self.world.now,
            limits: Limits::default(),
        };
        plan(&pending.iter().collect::<Vec<_>>(), &context).unwrap()
    }

    /// Records messages, which are all new, and holds each transaction's limit against its use.
    /// `most` is the highest ratio, percent. Releases whose paths others would spoil need a second
    /// plan.
    async fn weigh(&mut self, what: &str, pending: &[Pending], most: u64) {
        let mut waiting = pending.to_vec();
        while !waiting.is_empty() {
            let planned = self.plan(&waiting);
            assert!(!planned.is_empty(), "{what}: nothing goes");
            for planned in planned {
                self.weigh_one(what, &planned, most).await;
                waiting.retain(|pending| !planned.arrivals.contains(&pending.arrival));
            }
            self.world.follower.sync().await.unwrap();
        }
        for pending in pending {
            let index = self.world.follower.index_of(pending.id);
            assert!(index.is_some(), "{what}: message {} is not recorded", pending.arrival);
        }
    }

    async fn weigh_one(&mut self, what: &str, planned: &Planned, most: u64) {
        let used = self.send(planned).await;
        let (limit, bytes, items) = (planned.gas, planned.call.data.len(), planned.arrivals.len());
        let ratio = limit * 100 / used;
        let most = most.max(if items < 100 { 190 } else { 0 });
        println!("{what:44} {items:4} items {bytes:6} bytes {used:9} used {ratio:4} %");
        if used > limit || ratio > most {
            self.failed.push(format!("{what}, {items}: {used} used, limit {limit}, {ratio} %"));
        }
        assert!(limit <= Limits::default().gas && bytes <= 101_000, "{what}: too large");
    }

    /// Gas used, with the limit of the plan if it is enough.
    async fn send(&mut self, planned: &Planned) -> u64 {
        let fees = Fees { max: 1_000_000_000, tip: 0 };
        let (client, account) = (&self.world.client, self.sender.address());
        let nonce = client.nonce(account, NonceAt::Latest).await.unwrap();
        assert_eq!(nonce, self.nonce);
        self.nonce += 1;
        let payload = self.sender.sign_call(&planned.call, nonce, 16_000_000, fees).await.unwrap();
        client.send_raw(&payload.raw).await.unwrap();
        let (patience, pause) = (Duration::from_secs(20), Duration::from_millis(20));
        let receipt = poll("a receipt", patience, pause, async || {
            client.receipt(payload.hash).await.map_err(fallow_devnet::DevnetError::from)
        });
        let receipt = receipt.await.unwrap();
        assert!(receipt.status(), "nothing reverts");
        receipt.gas_used
    }
}

async fn announced(scale: &mut Scale, from: u64, count: u64, approved: bool) -> Vec<Announcement> {
    let all: Vec<_> =
        (from..from + count).map(|number| scale.world.announcement(number, approved)).collect();
    let pending: Vec<_> = all.iter().map(|one| scale.world.announce(one)).collect();
    let what = if approved { "announcements with approver" } else { "announcements" };
    scale.weigh(what, &pending, ratio(count)).await;
    all
}

/// Small ones have room for the log's dear moments; the large ones, which fill blocks, do not.
fn ratio(items: u64) -> u64 {
    match items {
        0..10 => 230,
        10..100 => 190,
        _ => 140,
    }
}

/// Of each kind: alone, a few, many; cells that are new, and cells that were written before.
#[tokio::test]
async fn limits_of_gas_hold_and_are_near() {
    let mut scale = Scale::start().await;
    let one = announced(&mut scale, 0, 1, false).await[0];
    announced(&mut scale, 1, 10, false).await;
    let many = announced(&mut scale, 11, 300, false).await;
    let approved = announced(&mut scale, 400, 10, true).await;
    requests(&mut scale, "requests of one resource", &[one], 300).await;
    requests(&mut scale, "requests of many resources", &many, 300).await;
    requests(&mut scale, "requests with approver", &approved, 100).await;
    carried(&mut scale).await;
    wide(&mut scale, &many).await;
    releases(&mut scale, &one, &many).await;
    withdrawals(&mut scale, &many).await;
    refused(&mut scale, &approved).await;
    assert_eq!(scale.failed, Vec::<String>::new());
}

async fn requests(scale: &mut Scale, what: &str, resources: &[Announcement], count: u64) {
    for count in [1, 10, count] {
        let base = 1_000 * count;
        for turn in ["first", "returning"] {
            let pending: Vec<_> = (0..count)
                .map(|number| {
                    let resource = &resources[number as usize % resources.len()];
                    scale.world.request(resource, base + number, 30..31, false)
                })
                .collect();
            scale.weigh(&format!("{what}, {turn}"), &pending, ratio(count)).await;
        }
    }
}

async fn carried(scale: &mut Scale) {
    for (from, count, approved) in [(500, 1, false), (510, 10, true), (600, 150, false)] {
        let pending: Vec<_> = (from..from + count)
            .map(|number| {
                let resource = scale.world.announcement(number, approved);
                scale.world.request(&resource, number % 7, 0..2, true)
            })
            .collect();
        scale.weigh("requests that bring announcements", &pending, ratio(count)).await;
    }
}

/// As many words as a request may touch.
async fn wide(scale: &mut Scale, resources: &[Announcement]) {
    for turn in ["new", "written before"] {
        let pending: Vec<_> = (0..20)
            .map(|number| scale.world.request(&resources[number], 50, 240..432, false))
            .collect();
        scale.weigh(&format!("requests of 16 words, {turn}"), &pending, 150).await;
    }
}

async fn releases(scale: &mut Scale, one: &Announcement, many: &[Announcement]) {
    for (what, resources) in [("one resource", std::slice::from_ref(one)), ("many", many)] {
        for count in [1, 10, 300] {
            let make = |world: &mut World, number: u64| {
                let resource = &resources[number as usize % resources.len()];
                world.request(resource, 70_000 + number, 50..60, false)
            };
            let asked: Vec<_> = (0..count).map(|number| make(&mut scale.world, number)).collect();
            scale.weigh("requests to be released", &asked, 350).await;
            let pending: Vec<_> = asked
                .iter()
                .enumerate()
                .map(|(number, asked)| scale.world.release(asked, 70_000 + number as u64))
                .collect();
            scale.weigh(&format!("releases, {what}"), &pending, ratio(count)).await;
        }
    }
}

async fn withdrawals(scale: &mut Scale, recorded: &[Announcement]) {
    for count in [1, 10, 150] {
        let pending: Vec<_> =
            recorded.iter().skip(count).take(count).map(|one| scale.world.withdraw(one)).collect();
        scale.weigh("withdrawals", &pending, ratio(count as u64)).await;
    }
    let unknown: Vec<_> =
        (900..1_000).map(|number| scale.world.announcement(number, false)).collect();
    let pending: Vec<_> = unknown.iter().map(|one| scale.world.withdraw(one)).collect();
    scale.weigh("tombstones", &pending, 150).await;
}

/// What is refused on chain, as others were faster, costs no more than what is recorded.
async fn refused(scale: &mut Scale, approved: &[Announcement]) {
    let once: Vec<_> = (0..100)
        .map(|number| scale.world.request(&approved[number as usize % 10], number, 70..71, false))
        .collect();
    let full = Announcement { volume: 1, ..scale.world.announcement(2_000, false) };
    let open = [scale.world.announce(&full), scale.world.request(&full, 1, 191..192, false)];
    scale.weigh("a slot of volume 1", &open, 230).await;
    // The slot that lacks volume is the last that is looked at.
    let wide: Vec<_> =
        (0..20).map(|number| scale.world.request(&full, number, 0..192, false)).collect();
    let releases = [scale.world.release(&open[1], 1)];
    let stale = [scale.plan(&once), scale.plan(&wide), scale.plan(&releases)];
    scale.weigh("requests that come twice", &once, 150).await;
    for planned in stale.iter().flatten() {
        let used = scale.send(planned).await;
        println!("{:44} {used:9} used of {}", "refused", planned.gas);
        if used > planned.gas {
            scale.failed.push(format!("refused: {used} used, limit {}", planned.gas));
        }
    }
}
