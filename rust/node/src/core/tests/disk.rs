//! A disk that fails: nothing is accepted that could be lost, and it goes on by itself.

use super::faulty::Disk;
use super::world::{World, clock};
use crate::core::{Admission, Ended, NotReady};
use crate::store::NodeStore;
use fallow_node_client::NodeCode;

#[tokio::test]
async fn what_cannot_be_written_is_not_promised_and_can_be_given_again() {
    let world = World::start().await;
    world.store.turn(Disk::Broken);
    let announce = world.announce(1);
    let refused = world.submit(&announce).await.unwrap_err();
    assert!(matches!(refused, NotReady::StoreFailed(_)), "{refused}");
    assert_eq!(world.stored(&announce), None);
    let view = world.core.view();
    assert_eq!((view.open_promises, view.not_ready.as_ref()), (0, Some(&refused)));
    assert_eq!(world.submit(&announce).await.unwrap_err().code(), NodeCode::StoreFailed);
    world.store.turn(Disk::Good);
    world.until("it is ready", |view| view.not_ready.is_none()).await;
    // What was refused is not on the ledger ahead: the same message is new.
    world.promised(&announce).await;
    let request = world.request(&world.resource(1), 5);
    world.promised(&request).await;
    assert_eq!(world.core.view().open_promises, 2);
}

#[tokio::test]
async fn nothing_is_promised_of_a_submission_that_is_answered_with_an_error() {
    let world = World::start().await;
    let (announce, other) = (world.announce(1), world.announce(2));
    world.promised(&announce).await;
    // The last message is refused unless it is recorded, which cannot be read.
    let unknown = world.request(&world.resource(9), 5);
    world.store.turn(Disk::Blind);
    let failed = world.core.submit(vec![other.clone(), unknown]).await.unwrap_err();
    assert_eq!(failed.code(), NodeCode::StoreFailed);
    assert_eq!((world.stored(&other), world.core.view().open_promises), (None, 1));
    world.store.turn(Disk::Good);
    world.until("it is ready", |view| view.not_ready.is_none()).await;
    world.promised(&other).await;
    assert_eq!(world.core.view().open_promises, 2, "it was on no ledger");
}

#[tokio::test]
async fn blocks_wait_for_the_disk_in_order_and_none_is_lost() {
    let mut world = World::start().await;
    let announce = world.announce(1);
    world.promised(&announce).await;
    world.store.turn(Disk::Broken);
    let blocks: Vec<_> = [
        vec![announce.clone()],
        vec![world.request(&world.resource(1), 5)],
        vec![world.withdraw(world.resource(1), 1)],
    ]
    .iter()
    .map(|messages| world.chain.block(messages, clock()))
    .collect();
    world.tell(blocks[0].clone()).await;
    world.until("the disk is away", |view| view.not_ready.is_some()).await;
    let view = world.core.view();
    assert_eq!((view.size, view.open_promises), (1, 1), "as it is committed");
    assert_eq!(world.submit(&announce).await.unwrap_err().code(), NodeCode::StoreFailed);
    world.store.turn(Disk::Good);
    for block in &blocks[1..] {
        world.tell(block.clone()).await;
    }
    let view = world.until("all are in", |view| view.size == 4).await;
    assert_eq!((view.open_promises, view.root), (0, blocks[2].claim.unwrap().1));
    assert_eq!(world.store.size().unwrap(), 4);
    assert_eq!(world.submit(&announce).await.unwrap(), Admission::Recorded { index: 1 });
}

#[tokio::test]
async fn a_core_that_ends_without_its_disk_says_so_and_reads_the_blocks_again() {
    let mut world = World::start().await;
    let announce = world.announce(1);
    world.promised(&announce).await;
    world.store.turn(Disk::Broken);
    let block = world.chain.block(std::slice::from_ref(&announce), clock());
    world.tell(block.clone()).await;
    world.until("the disk is away", |view| view.not_ready.is_some()).await;
    let (ended, world) = world.restart().await;
    assert_eq!(ended, Ended::Unwritten);
    let view = world.core.view();
    assert_eq!((view.size, view.block.number), (1, 1));
    world.tell(block).await;
    world.caught_up().await;
    world.until("the block is in", |view| view.size == 2 && view.open_promises == 0).await;
    let (ended, _) = world.restart().await;
    assert_eq!(ended, Ended::Told);
}

#[tokio::test]
async fn a_full_table_refuses_what_would_go_there_and_nothing_else() {
    let mut world = World::start().await;
    world.store.turn(Disk::Full);
    let announce = world.announce(1);
    assert_eq!(world.submit(&announce).await.unwrap_err(), NotReady::QueueFull);
    assert_eq!(world.core.view().not_ready, None);
    world.store.turn(Disk::Good);
    world.record(&[announce]).await;
    assert_eq!(world.core.view().size, 2);
}
