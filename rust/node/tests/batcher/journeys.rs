//! Messages of all kinds on their way to a real chain: each is recorded once, whatever happens.

use crate::desk::Desk;
use crate::world::World;
use fallow_chain::{Fees, Finality, NonceAt, Sender, SenderConfig};
use fallow_node::batcher::Limits;
use fallow_node::store::types::Pending;
use fallow_protocol::Announcement;
use serde_json::json;
use std::time::Duration;

const BLOCK: Duration = Duration::from_millis(250);

async fn desk(finality: Finality) -> Desk {
    let mut desk = Desk::new(World::start(BLOCK, finality).await);
    // Many small transactions: more can happen to them.
    desk.limits = Limits { calldata: 6_000, ..Limits::default() };
    desk
}

/// Announcements, requests on them at once, and requests that bring others.
fn mixed(world: &mut World, from: u64, requests: u64) -> Vec<Pending> {
    let resources: Vec<_> =
        (from..from + 20).map(|number| world.announcement(number, number % 5 == 0)).collect();
    let mut all: Vec<_> = resources.iter().map(|one| world.announce(one)).collect();
    for number in 0..requests {
        let resource = resources[number as usize % resources.len()];
        let slots = number % 11..number % 11 + 2;
        let requester = number % 97;
        if number % 10 == 9 {
            let other = world.announcement(from + 1_000 + number % 30, false);
            all.push(world.request(&other, requester, slots, true));
        } else {
            all.push(world.request(&resource, requester, slots, false));
        }
    }
    all
}

/// Every message is in the log, and nothing else is.
fn assert_recorded_once(desk: &Desk, size: u64, messages: &[Pending], brought: u64) {
    let follower = &desk.world.follower;
    for pending in messages {
        assert!(follower.index_of(pending.id).is_some(), "message {} is lost", pending.arrival);
    }
    assert_eq!(follower.size(), size + messages.len() as u64 + brought, "once each");
}

/// Gives back and closes what is recorded: the other kinds.
fn endings(desk: &mut Desk, requests: &[(Pending, u64)], closed: &[Announcement]) -> Vec<Pending> {
    let world = &mut desk.world;
    let mut all: Vec<_> =
        requests.iter().map(|(asked, requester)| world.release(asked, *requester)).collect();
    all.extend(closed.iter().map(|one| world.withdraw(one)));
    all
}

#[tokio::test]
async fn two_thousand_messages_of_all_kinds_are_recorded_once() {
    let mut desk = Desk::new(World::start(BLOCK, Finality::Latest).await);
    let size = desk.world.follower.size();
    let mut messages = mixed(&mut desk.world, 0, 1_680);
    desk.submit(messages.clone());
    desk.finish().await;
    let asked = messages.iter().skip(20).enumerate().filter(|(number, _)| number % 10 != 9);
    let asked: Vec<_> =
        asked.take(280).map(|(number, one)| (one.clone(), number as u64 % 97)).collect();
    let closed: Vec<_> =
        (0..20).map(|number| desk.world.announcement(number, number % 5 == 0)).collect();
    let endings = endings(&mut desk, &asked, &closed);
    desk.submit(endings.clone());
    desk.finish().await;
    messages.extend(endings);
    assert_eq!(messages.len(), 2_000);
    // 30 resources at most were brought by requests.
    let brought = brought(&messages);
    assert_recorded_once(&desk, size, &messages, brought);
    assert!(desk.landed >= 4, "a transaction of each kind");
}

fn brought(messages: &[Pending]) -> u64 {
    let ids = messages.iter().filter_map(|pending| match &pending.message {
        fallow_ledger::Message::AnnounceAndRequest { request, .. } => Some(request.resource_id),
        _ => None,
    });
    ids.collect::<std::collections::HashSet<_>>().len() as u64
}

#[tokio::test]
async fn a_reorganisation_loses_and_repeats_nothing() {
    let mut desk = desk(Finality::Depth(6)).await;
    desk.mine_by_hand().await;
    let size = desk.world.follower.size();
    let messages = mixed(&mut desk.world, 0, 400);
    desk.submit(messages.clone());
    desk.work_until(|desk| desk.flights.len() > 3).await;
    let (client, account) = (desk.world.client.clone(), desk.world.node.address());
    let nonce = async || client.nonce(account, NonceAt::Latest).await.unwrap();
    let mut undone = 0;
    for _ in 0..3 {
        let before = nonce().await;
        while nonce().await <= before && !desk.pending.is_empty() {
            desk.step().await;
        }
        let before = nonce().await;
        desk.world.devnet.sidechain.call("anvil_reorg", json!([4, []])).await.unwrap();
        undone += before.saturating_sub(nonce().await);
        for _ in 0..20 {
            desk.step().await;
        }
    }
    assert!(undone > 3, "blocks with transactions went away");
    desk.finish().await;
    assert_recorded_once(&desk, size, &messages, brought(&messages));
}

#[tokio::test]
async fn a_pool_that_forgets_is_reminded() {
    let mut desk = desk(Finality::Latest).await;
    let size = desk.world.follower.size();
    let messages = mixed(&mut desk.world, 0, 300);
    desk.submit(messages.clone());
    for _ in 0..4 {
        desk.work_until(|desk| desk.flights.len() > 2 || desk.pending.is_empty()).await;
        let chain = &desk.world.devnet.sidechain;
        chain.call("anvil_dropAllTransactions", json!([])).await.unwrap();
        for _ in 0..10 {
            desk.step().await;
        }
    }
    desk.finish().await;
    assert_recorded_once(&desk, size, &messages, brought(&messages));
}

#[tokio::test]
async fn a_node_that_is_killed_at_any_step_goes_on_from_its_disk() {
    let mut desk = desk(Finality::Depth(2)).await;
    let size = desk.world.follower.size();
    let messages = mixed(&mut desk.world, 0, 300);
    desk.submit(messages.clone());
    for steps in 1..40 {
        for _ in 0..steps % 7 {
            desk.step().await;
        }
        desk.crash();
    }
    desk.finish().await;
    assert_recorded_once(&desk, size, &messages, brought(&messages));
}

#[tokio::test]
async fn a_nonce_that_another_program_uses_costs_a_transaction_but_no_message() {
    let mut desk = desk(Finality::Latest).await;
    let size = desk.world.follower.size();
    let messages = mixed(&mut desk.world, 0, 300);
    desk.submit(messages.clone());
    let (client, chain) = (desk.world.client.clone(), desk.world.devnet.sidechain.chain_id());
    let other =
        Sender::new(client.clone(), desk.world.node.key(), chain, SenderConfig::default()).unwrap();
    // It offers more, so the pool prefers it.
    let fees = Fees { max: 50_000_000_000, tip: 1_000_000_000 };
    let call = fallow_chain::Call { to: Some(other.address()), data: Default::default() };
    let mut stolen = 0;
    for _ in 0..3 {
        desk.work_until(|desk| desk.flights.len() > 2 || desk.pending.is_empty()).await;
        let nonce = client.nonce(other.address(), NonceAt::Latest).await.unwrap();
        let payload = other.sign_call(&call, nonce, 30_000, fees).await.unwrap();
        // The block may have come in between.
        stolen += usize::from(client.send_raw(&payload.raw).await.is_ok());
        for _ in 0..10 {
            desk.step().await;
        }
    }
    desk.finish().await;
    assert!(stolen > 0);
    assert_recorded_once(&desk, size, &messages, brought(&messages));
}

#[tokio::test]
async fn transactions_that_run_out_of_gas_are_planned_again_with_more() {
    let mut desk = desk(Finality::Latest).await;
    let size = desk.world.follower.size();
    let messages = mixed(&mut desk.world, 0, 60);
    desk.submit(messages.clone());
    desk.limits.caution = 100;
    desk.short = 40;
    desk.finish().await;
    assert!(desk.missed > 0, "some ran out of gas");
    assert_recorded_once(&desk, size, &messages, brought(&messages));
}
