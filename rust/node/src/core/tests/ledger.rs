//! What the chain records, and what that means for promises.

use super::world::{World, clock};
use crate::core::{Admission, ChainInput};
use crate::store::NodeStore;
use crate::store::types::Failed;
use fallow_chain::BlockRef;
use fallow_devnet::DevnetError;
use fallow_node_client::NodeCode;
use fallow_protocol::Code;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn a_promise_that_another_record_made_impossible_is_given_up_with_the_reason() {
    let mut world = World::start().await;
    let resource = world.resource(1);
    let announce = world.announce(1);
    world.record(&[announce]).await;
    let (ours, theirs) = (world.request(&resource, 5), world.request(&resource, 6));
    world.promised(&ours).await;
    world.record(&[theirs]).await;
    let failed = world.given_up(&ours).await;
    assert!(matches!(failed, Failed::Refused(why) if why.code == Code::CapacityExceeded));
    assert_eq!(world.metrics.failed.get(), 1);
    // It is judged anew when it comes again.
    let again = world.submit(&ours).await.unwrap();
    assert!(matches!(again, Admission::Refused(_, why) if why.code == Code::CapacityExceeded));
}

#[tokio::test]
async fn a_message_in_a_transaction_holds_its_place_until_the_transaction_is_over() {
    let mut world = World::start().await;
    let (resource, announce) = (world.resource(1), world.announce(1));
    let nonce = world.drive();
    world.record(&[announce]).await;
    let (ours, others) = (world.request(&resource, 5), world.request(&resource, 6));
    world.promised(&ours).await;
    poll(|| !world.store.flights().unwrap().is_empty()).await;
    world.record(&[]).await;
    let full = world.submit(&others).await.unwrap();
    assert!(matches!(full, Admission::Refused(_, why) if why.code == Code::CapacityExceeded));
    // Somebody else takes the place. What became of the transaction is not known yet.
    world.record(&[others]).await;
    assert_eq!(world.core.view().open_promises, 1);
    assert_eq!(world.stored(&ours).unwrap().failed, None);
    nonce.store(1, Ordering::Relaxed);
    world.record(&[]).await;
    poll(|| world.store.flights().unwrap().is_empty()).await;
    world.caught_up().await;
    let failed = world.given_up(&ours).await;
    assert!(matches!(failed, Failed::Refused(why) if why.code == Code::CapacityExceeded));
}

/// Waits for something that the store shows.
async fn poll(holds: impl Fn() -> bool) {
    let (patience, pause) = (Duration::from_secs(30), Duration::from_millis(5));
    let found = async || Ok::<_, DevnetError>(holds().then_some(()));
    fallow_devnet::poll("the store shows it", patience, pause, found).await.unwrap();
}

#[tokio::test]
async fn a_promise_whose_time_is_over_is_given_up_though_the_chain_stands_still() {
    let mut world = World::start().await;
    let (resource, announce) = (world.resource(1), world.announce(1));
    world.record(&[announce]).await;
    let request = world.request(&resource, 5);
    world.promised(&request).await;
    let number = world.core.view().block.number;
    let hash = alloy_primitives::B256::repeat_byte(1);
    // The chain's own time is later than this machine's.
    let latest = BlockRef { number: number + 1, hash, parent: hash, time: clock() + 299 };
    world.core.tell(ChainInput::Latest(latest)).await.unwrap();
    let later = BlockRef { time: clock() + 301, ..latest };
    world.core.tell(ChainInput::Latest(later)).await.unwrap();
    assert_eq!(world.given_up(&request).await, Failed::Expired);
}

#[tokio::test]
async fn a_chain_that_contradicts_the_re_execution_stops_the_node_and_leaves_no_trace() {
    let mut world = World::start().await;
    let announce = world.announce(1);
    world.record(std::slice::from_ref(&announce)).await;
    let before = world.core.view();
    let mut lie = world.chain.block(&[world.request(&world.resource(1), 5)], clock());
    lie.claim = lie.claim.map(|(size, root)| (size + 1, root));
    world.tell(lie).await;
    let view = world.until("it stops", |view| view.not_ready.is_some()).await;
    assert_eq!(view.not_ready.as_ref().unwrap().code(), NodeCode::Stopped);
    assert_eq!((view.size, view.root), (before.size, before.root));
    assert_eq!(world.store.size().unwrap(), 2);
    // Nothing makes it go on.
    let next = world.chain.block(&[], clock());
    world.tell(next).await;
    world.caught_up().await;
    assert_eq!(world.submit(&announce).await.unwrap_err().code(), NodeCode::Stopped);
    assert_eq!(world.core.gossip(vec![]).await.unwrap_err().code(), NodeCode::Stopped);
    let document = world.core.put_offer(super::world::OFFER.into()).await;
    assert!(
        matches!(document, Err(crate::OfferError::NotReady(why)) if why.code() == NodeCode::Stopped)
    );
}

#[tokio::test]
async fn what_is_promised_survives_a_restart_and_its_record_is_told_to_the_submitter() {
    let world = World::start().await;
    let announce = world.announce(1);
    world.promised(&announce).await;
    let promise = world.submit(&announce).await.unwrap();
    let (_, mut world) = world.restart().await;
    world.caught_up().await;
    world.until("it is ready", |view| view.not_ready.is_none()).await;
    assert_eq!(world.submit(&announce).await.unwrap(), promise);
    let mut events = world.core.events();
    world.record(std::slice::from_ref(&announce)).await;
    let event = events.recv().await.unwrap();
    assert_eq!(event, crate::NodeEvent::Records { first: 1, count: 1, block: 2 });
    assert_eq!(world.submit(&announce).await.unwrap(), Admission::Recorded { index: 1 });
    assert_eq!((world.metrics.kept.get(), world.metrics.late.get()), (1, 0));
}

#[tokio::test]
async fn while_the_chain_is_away_or_not_read_to_its_end_nothing_is_promised() {
    let world = World::start().await;
    world.core.tell(ChainInput::Away("no route".to_owned())).await.unwrap();
    let view = world.until("it is away", |view| view.not_ready.is_some()).await;
    assert_eq!(view.not_ready.as_ref().unwrap().code(), NodeCode::ChainAway);
    let announce = world.announce(1);
    assert_eq!(world.submit(&announce).await.unwrap_err().code(), NodeCode::ChainAway);
    world.caught_up().await;
    world.until("it is there", |view| view.not_ready.is_none()).await;
    world.promised(&announce).await;
    let (_, world) = world.restart().await;
    assert_eq!(world.submit(&announce).await.unwrap_err().code(), NodeCode::ChainAway);
}

/// Whoever asks in the moment between is told neither of the promise nor of the record.
#[tokio::test]
async fn no_message_is_forgotten_between_its_promise_and_its_record() {
    let mut world = World::start().await;
    for provider in 1..=40 {
        let announce = world.announce(provider);
        world.promised(&announce).await;
        let (store, id) = (Arc::clone(&world.store), announce.id(&world.domain));
        let asking = std::thread::spawn(move || {
            while store.promised(id).unwrap().is_some() {}
            store.index_of(id).unwrap()
        });
        world.record(&[announce]).await;
        assert_eq!(asking.join().unwrap(), Some(provider.into()));
    }
}
