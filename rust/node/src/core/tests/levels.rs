//! How many records are at which level.

use super::world::World;
use crate::core::{ChainInput, MainnetView};
use crate::store::NodeStore;
use crate::store::types::Anchored;
use alloy_primitives::B256;
use fallow_chain::BlockRef;

fn mainnet(number: u64, time: u64) -> (BlockRef, MainnetView) {
    let hash = B256::repeat_byte(number as u8);
    let head = BlockRef { number, hash, parent: B256::ZERO, time };
    (head, MainnetView { latest: number, finalized: number - 1, time })
}

async fn say(world: &World, at: (u64, u64), from: Option<u64>, anchored: Vec<Anchored>) {
    let (head, view) = mainnet(at.0, at.1);
    let input = ChainInput::Mainnet { head, unanchored_from: from, anchored, view };
    world.core.tell(input).await.unwrap();
    world.until("mainnet is read", |shown| shown.mainnet == Some(view)).await;
}

fn sizes(world: &World) -> (u64, u64) {
    let view = world.core.view();
    (view.anchored_size, view.settled_size)
}

#[tokio::test]
async fn records_are_anchored_then_settled_and_a_reorganisation_takes_that_back() {
    let mut world = World::start().await;
    for provider in 1..=3 {
        let announce = world.announce(provider);
        world.record(&[announce]).await;
    }
    let anchored = |block: u64, at: u64| {
        let known = world.store.checkpoint(block).unwrap().unwrap().checkpoint;
        Anchored {
            sidechain_block: block,
            size: known.size,
            root: known.root,
            block: at,
            block_hash: B256::repeat_byte(at as u8),
            transaction: B256::repeat_byte(7),
            anchored_at: 1_000 * at,
        }
    };
    let (first, second, third) = (anchored(2, 10), anchored(3, 11), anchored(4, 12));
    assert_eq!((first.size, second.size, third.size), (2, 3, 4));
    say(&world, (12, 10_599), None, vec![first, second]).await;
    assert_eq!(sizes(&world), (3, 0));
    say(&world, (13, 10_600), None, vec![third]).await;
    assert_eq!(sizes(&world), (4, 2), "the challenge period of the first is over");
    say(&world, (14, 20_000), None, vec![]).await;
    assert_eq!(sizes(&world), (4, 4));
    say(&world, (13, 20_000), Some(11), vec![]).await;
    assert_eq!(sizes(&world), (2, 2), "what mainnet took back is not anchored");
    say(&world, (14, 20_000), None, vec![Anchored { block: 14, ..third }]).await;
    assert_eq!(sizes(&world), (4, 4));
}
