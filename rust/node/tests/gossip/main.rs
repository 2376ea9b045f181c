//! Announcements travel from node to node; what is not true does not.
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]

mod liar;
mod world;

use crate::liar::Liar;
use crate::world::{Offered, World};
use fallow_node::GossipOutcome;
use serde_json::json;

#[tokio::test]
async fn an_announcement_and_its_document_go_down_a_line_of_three_nodes() {
    let world = World::start().await;
    let first = world.node("first", &[]).await;
    let second = world.node("second", &[&first.url]).await;
    let third = world.node("third", &[&second.url]).await;
    let offered = Offered::new(&world, 1);
    let outcomes = first.shared.core.gossip(vec![offered.told()]).await.unwrap();
    assert_eq!(outcomes, [GossipOutcome::Taken]);
    assert_eq!(first.shared.core.put_offer(offered.document.clone()).await.unwrap(), offered.hash);
    third.has(&offered).await;
    second.has(&offered).await;
    // One that was there before the line is heard of, too, and nothing comes twice.
    let fourth = world.node("fourth", &[&third.url, &second.url, &first.url]).await;
    fourth.has(&offered).await;
    assert_eq!(fourth.shared.store.gossip(0, 10).unwrap().len(), 1);
    // Nobody recorded anything.
    assert_eq!(third.shared.store.index_of(offered.id.0).unwrap(), None);
}

#[tokio::test]
async fn peers_that_lie_or_break_do_not_keep_an_honest_one_from_being_heard() {
    let world = World::start().await;
    let [forged, other, honest] = [1, 2, 3].map(|number| Offered::new(&world, number));
    let mut unsigned = forged.answer(1);
    unsigned["signature"] = json!(format!("0x{}", "11".repeat(64)));
    let mut renamed = forged.answer(1);
    renamed["announcement"]["volume"] = json!(2);
    let page = |items: serde_json::Value| json!({"items": items, "size": "1"}).to_string();
    let liars = [
        Liar::start(page(json!([unsigned])), String::new()).await,
        Liar::start(page(json!([renamed])), String::new()).await,
        Liar::start(page(json!([forged.answer(2), other.answer(2)])), String::new()).await,
        Liar::start(json!({"items": [], "next": "1", "size": "1"}).to_string(), String::new())
            .await,
        Liar::start("x".repeat(20 << 20), String::new()).await,
        Liar::start("{".to_owned(), String::new()).await,
        // The announcement is true, the document is not.
        Liar::start(page(json!([other.answer(1)])), forged.text()).await,
    ];
    let source = world.node("source", &[]).await;
    let told = source.shared.core.gossip(vec![honest.told()]).await.unwrap();
    assert_eq!(told, [GossipOutcome::Taken]);
    source.shared.core.put_offer(honest.document.clone()).await.unwrap();
    let mut peers: Vec<&str> = liars.iter().map(|liar| liar.url.as_str()).collect();
    peers.push(&source.url);
    let node = world.node("node", &peers).await;
    node.has(&honest).await;
    for liar in &liars {
        liar.was_asked().await;
    }
    let travelling = node.until("what is true", |store| {
        let all = store.gossip(0, 10).unwrap();
        (all.len() == 2).then_some(all)
    });
    let ids: Vec<_> = travelling.await.into_iter().map(|one| one.id).collect();
    assert!(ids.contains(&honest.id) && ids.contains(&other.id));
    assert_eq!(node.shared.store.offer(other.hash).unwrap(), None, "the document was another");
    assert_eq!(node.shared.store.offer(forged.hash).unwrap(), None);
    // Each liar was left alone after its first lie.
    for liar in &liars[..4] {
        assert_eq!(liar.times("/v1/gossip"), 1);
    }
}
