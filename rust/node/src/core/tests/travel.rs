//! Announcements that travel, and their documents.

use super::faulty::Disk;
use super::world::{OFFER, World, clock};
use crate::core::{Admission, GossipOutcome, OfferError};
use crate::store::NodeStore;
use alloy_primitives::{B256, keccak256};
use fallow_devnet::{DevnetError, poll};
use fallow_ledger::Message;
use fallow_node_client::NodeCode;
use fallow_protocol::Code;
use std::time::Duration;

async fn tell(world: &World, provider: u8) -> GossipOutcome {
    let announcement = world.resource(provider);
    let signature = world.sign(&announcement, provider);
    world.core.gossip(vec![(announcement, signature)]).await.unwrap().remove(0)
}

#[tokio::test]
async fn an_announcement_travels_once_until_it_is_recorded_or_closed() {
    let mut world = World::start().await;
    assert_eq!(tell(&world, 1).await, GossipOutcome::Taken);
    assert_eq!(tell(&world, 1).await, GossipOutcome::Known);
    assert_eq!(tell(&world, 2).await, GossipOutcome::Taken);
    assert_eq!(world.store.gossip(0, 10).unwrap().len(), 2);
    let (announce, withdraw) = (world.announce(1), world.withdraw(world.resource(2), 2));
    world.record(&[announce, withdraw]).await;
    assert_eq!(world.store.gossip(0, 10).unwrap(), []);
    assert_eq!(tell(&world, 1).await, GossipOutcome::Recorded { index: 1 });
    let closed = tell(&world, 2).await;
    assert!(matches!(closed, GossipOutcome::Refused(why) if why.code == Code::ResourceWithdrawn));
}

/// The request that brings an announcement, as the API makes it of one that travels.
fn bringing(world: &World, provider: u8, requester: u8) -> Message {
    let announcement = world.resource(provider);
    let Message::Request { request, signatures } = world.request(&announcement, requester) else {
        panic!("no request");
    };
    let first = world.sign(&announcement, provider);
    let signatures = [first.0.as_slice(), &signatures].concat().into();
    Message::AnnounceAndRequest { announcement, request, signatures }
}

#[tokio::test]
async fn no_request_is_promised_that_brings_what_a_tombstone_bars() {
    let mut world = World::start().await;
    assert_eq!(tell(&world, 1).await, GossipOutcome::Taken);
    let withdraw = world.withdraw(world.resource(1), 1);
    world.promised(&withdraw).await;
    let refused = async |world: &World, when: &str| match world.submit(&bringing(world, 1, 5)).await
    {
        Ok(Admission::Refused(_, why)) => assert_eq!(why.code, Code::ResourceWithdrawn, "{when}"),
        other => panic!("{when}: {other:?}"),
    };
    refused(&world, "the tombstone is promised").await;
    world.record(&[withdraw]).await;
    refused(&world, "it is recorded").await;
    let (_, world) = world.restart().await;
    world.caught_up().await;
    world.until("it is ready", |view| view.not_ready.is_none()).await;
    refused(&world, "it was read from the disk").await;
}

#[tokio::test]
async fn what_breaks_a_rule_or_is_over_does_not_travel() {
    let world = World::start().await;
    let good = world.resource(1);
    let refused = async |change: &dyn Fn(&mut fallow_protocol::Announcement), signer: u8| {
        let mut announcement = good;
        change(&mut announcement);
        let signature = world.sign(&announcement, signer);
        match world.core.gossip(vec![(announcement, signature)]).await.unwrap().remove(0) {
            GossipOutcome::Refused(refusal) => refusal.code.number(),
            GossipOutcome::Rejected(code) => code.number(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&|_| {}, 2).await, 201, "not the provider's");
    assert_eq!(refused(&|one| one.volume = 0, 1).await, 401);
    assert_eq!(refused(&|one| one.slot_seconds = 0, 1).await, 403);
    let over = clock() - clock() % 3_600 - 3_600;
    let past = |one: &mut fallow_protocol::Announcement| {
        (one.start_time, one.end_time) = (over - 3_600, over);
    };
    assert_eq!(refused(&past, 1).await, NodeCode::MessageExpired.number());
    assert_eq!(world.store.gossip(0, 10).unwrap(), []);
}

#[tokio::test]
async fn travelling_survives_restarts_and_needs_the_disk() {
    let world = World::start().await;
    assert_eq!(tell(&world, 1).await, GossipOutcome::Taken);
    world.store.turn(Disk::Broken);
    let announcement = world.resource(2);
    let told = (announcement, world.sign(&announcement, 2));
    let failed = world.core.gossip(vec![told]).await.unwrap_err();
    assert_eq!(failed.code(), NodeCode::StoreFailed);
    world.store.turn(Disk::Good);
    world.until("it is ready", |view| view.not_ready.is_none()).await;
    assert_eq!(world.core.gossip(vec![told]).await.unwrap(), [GossipOutcome::Taken]);
    let (_, world) = world.restart().await;
    assert_eq!(tell(&world, 2).await, GossipOutcome::Known);
    let arrivals = world.store.gossip(0, 10).unwrap();
    assert!(arrivals.len() == 2 && arrivals[0].arrival < arrivals[1].arrival);
}

#[tokio::test]
async fn no_number_of_an_announcement_is_given_again_after_a_restart() {
    let mut world = World::start().await;
    assert_eq!(tell(&world, 1).await, GossipOutcome::Taken);
    let told = world.store.gossip(0, 10).unwrap()[0].arrival;
    let announce = world.announce(1);
    world.record(&[announce]).await;
    assert_eq!(world.store.gossip(0, 10).unwrap(), []);
    let (_, world) = world.restart().await;
    assert_eq!(tell(&world, 2).await, GossipOutcome::Taken);
    assert_eq!(world.store.gossip(told, 10).unwrap().len(), 1, "a peer would never hear of it");
}

/// Lets an announcement of two seconds travel until it is over; answers its document's hash.
async fn travel_shortly(world: &World) -> B256 {
    let mut short = world.resource(1);
    short.end_time = clock() + 2;
    (short.start_time, short.slot_seconds) = (short.end_time - 2, 1);
    let told = (short, world.sign(&short, 1));
    assert_eq!(world.core.gossip(vec![told]).await.unwrap(), [GossipOutcome::Taken]);
    let hash = world.core.put_offer(OFFER.to_vec().into()).await.unwrap();
    let (patience, pause) = (Duration::from_secs(60), Duration::from_millis(20));
    let is_over = async || {
        let travels = world.store.gossip(0, 10).unwrap();
        Ok::<_, DevnetError>(travels.is_empty().then_some(()))
    };
    poll("it is over", patience, pause, is_over).await.unwrap();
    hash
}

/// Else a stranger's announcements of a few seconds, one after the other, would fill the disk.
#[tokio::test]
async fn no_document_outlasts_the_announcements_that_name_it() {
    let world = World::start().await;
    let hash = travel_shortly(&world).await;
    assert_eq!(world.store.offer(hash).unwrap(), None);
    world.promised(&world.announce(2)).await;
    assert_eq!(travel_shortly(&world).await, hash);
    let kept = world.store.offer(hash).unwrap();
    assert_eq!(kept.as_deref(), Some(OFFER), "a promised announcement names it, too");
}

#[tokio::test]
async fn a_document_is_kept_once_an_announcement_names_it() {
    let mut world = World::start().await;
    let put = async |world: &World, bytes: Vec<u8>| world.core.put_offer(bytes.into()).await;
    let hash = keccak256(OFFER);
    assert_eq!(put(&world, OFFER.to_vec()).await, Err(OfferError::Unnamed(hash)));
    assert_eq!(put(&world, b"{".to_vec()).await, Err(OfferError::NotJson));
    let deep = ["[".repeat(60_000), "]".repeat(5_000)].concat();
    assert_eq!(put(&world, deep.into_bytes()).await, Err(OfferError::NotJson));
    let long = put(&world, vec![b' '; 65_537]).await;
    assert_eq!(long, Err(OfferError::TooLong { got: 65_537, want: 65_536 }));
    assert_eq!(tell(&world, 1).await, GossipOutcome::Taken);
    assert_eq!(put(&world, OFFER.to_vec()).await, Ok(hash));
    assert_eq!(put(&world, OFFER.to_vec()).await, Ok(hash), "again");
    assert_eq!(world.store.offer(hash).unwrap().as_deref(), Some(OFFER));
    let announce = world.announce(1);
    world.record(&[announce]).await;
    assert!(world.core.catalogue.names(hash));
}
