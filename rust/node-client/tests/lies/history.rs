//! Checkpoints, certificates, sets, and histories that do not fit what was seen before.

use crate::*;
use fallow_node_client::AnchoredLog;

const LATEST: &str = "/v1/checkpoints/latest";

async fn nothing(_: &mut VerifiedNode) -> Result<(), NodeError> {
    Ok(())
}

#[tokio::test]
async fn the_newest_checkpoint_is_remembered_and_must_be_continued() {
    let world = World::new().await;
    assert_eq!(world.connect().await.head().unwrap().checkpoint.block_number, 10);
    world.fake.lock().unwrap().certify(20);
    let mut node = world.connect().await;
    assert_eq!(node.head().unwrap().checkpoint.block_number, 20);
    world.fake.lock().unwrap().certify(30);
    assert_eq!(node.refresh().await.unwrap().unwrap().checkpoint.block_number, 30);
    let state =
        fallow_node_client::State::new(world.state.path().to_owned(), node.network().network_id);
    assert_eq!(state.seen().unwrap().unwrap().checkpoint.block_number, 30);
}

#[tokio::test]
async fn altered_checkpoints_and_certificates_are_caught() {
    let world = World::new().await;
    for field in ["blockHash", "root", "networkId"] {
        let alter = json_at(LATEST, move |answer| flip(&mut answer["checkpoint"][field], 0));
        world.expect(world.altered(alter, nothing).await, "NotCertified");
    }
    for (field, value) in [("size", "9"), ("blockNumber", "11"), ("setNumber", "2")] {
        let alter = json_at(LATEST, move |answer| answer["checkpoint"][field] = value.into());
        world.expect(world.altered(alter, nothing).await, "NotCertified");
    }
    let alter = json_at(LATEST, |answer| flip(&mut answer["certificate"], 0));
    world.expect(world.altered(alter, nothing).await, "NotCertified");
    let alter = json_at(LATEST, |answer| answer["certificate"] = "0x0101".into());
    world.expect(world.altered(alter, nothing).await, "CertificateMalformed");
    let alter = json_at(LATEST, |answer| answer["certificate"] = Value::Null);
    world.expect(world.altered(alter, nothing).await, "CertificateMissing");
}

#[tokio::test]
async fn another_set_or_network_is_caught() {
    let world = World::new().await;
    let other = Fake::new(8);
    let (network, set) = (other.network.clone(), other.set.encode());
    let alter = json_at("/v1/network", move |file| *file = serde_json::to_value(&network).unwrap());
    world.expect(world.altered(alter, nothing).await, "NetworkMismatch");
    let alter = json_at("/v1/status", |status| flip(&mut status["networkId"], 0));
    world.expect(world.altered(alter, nothing).await, "NetworkMismatch");
    let swap = move |asked: &Asked, reply: &mut Reply| {
        if asked.path.starts_with("/v1/sets") {
            *reply = Reply::new(200, set.clone());
        }
    };
    world.expect(world.altered(swap, nothing).await, "SetMismatch");
    let break_it = |asked: &Asked, reply: &mut Reply| {
        if let (Reply::Whole { body, .. }, true) = (reply, asked.path.starts_with("/v1/sets")) {
            body.pop();
        }
    };
    world.expect(world.altered(break_it, nothing).await, "SetMalformed");
    let alter = json_at("/v1/status", |status| status["certifiedSize"] = "3".into());
    let ask = async |node: &mut VerifiedNode| node.status().await;
    world.expect(world.altered(alter, ask).await, "LogTooShort");
}

#[tokio::test]
async fn an_older_history_than_the_one_seen_is_caught() {
    let world = World::new().await;
    let old = records::reqwest_json(&format!("{}{LATEST}", world.honest.url)).await;
    world.fake.lock().unwrap().certify(20);
    assert!(world.connect().await.head().is_some());
    let alter = json_at(LATEST, move |answer| *answer = old.clone());
    let kept = world.expect(world.altered(alter, nothing).await, "Forgets");
    assert_eq!(kept["seen"]["checkpoint"]["blockNumber"], "20");
    assert_eq!(kept["shown"]["shown"]["checkpoint"]["blockNumber"], "10");
    let alter = |asked: &Asked, reply: &mut Reply| {
        if asked.path == LATEST {
            *reply = answer::problem(fallow_node_client::NodeCode::NotCertifiedYet);
        }
    };
    world.expect(world.altered(alter, nothing).await, "Forgets");
}

/// The same set signed two logs: a node of each, and a machine that asks one after the other.
#[tokio::test]
async fn a_fork_is_caught_with_both_certificates() {
    for (records, block) in [(9, 20), (9, 10), (7, 20), (12, 20), (8, 20)] {
        let world = World::new().await;
        assert!(world.connect().await.head().is_some());
        let mut fork = Fake::new(7);
        let announcement = fork.announcement(1, B256::ZERO);
        fork.record_announcement(&announcement).unwrap();
        for sequence in 1..records - 1 {
            let request = fork.request(2, &announcement.announcement, (2, sequence));
            fork.record_request(&request).unwrap();
        }
        assert_eq!(fork.size(), records);
        fork.certify(block);
        let (_, server) = fork.serve().await;
        let result = VerifiedNode::connect(world.options(&server.url)).await;
        let kept = world.expect(result, "TwoHistories");
        for which in ["older", "newer"] {
            assert!(kept["shown"][which]["certificate"].is_string(), "{kept}");
        }
        assert_ne!(kept["shown"]["older"], kept["shown"]["newer"]);
    }
}

#[tokio::test]
async fn growth_that_is_not_proven_is_caught() {
    let world = World::new().await;
    assert!(world.connect().await.head().is_some());
    world.fake.lock().unwrap().certify(20);
    const PATH: &str = "/v1/proofs/consistency";
    let alter = json_at(PATH, |answer| flip(&mut answer["path"][0], 0));
    world.expect(world.altered(alter, nothing).await, "GrowthUnproven");
    let alter = json_at(PATH, |answer| answer["path"] = Value::Array(vec![]));
    world.expect(world.altered(alter, nothing).await, "GrowthUnproven");
    assert!(world.connect().await.head().is_some(), "the honest node still goes");
}

#[tokio::test]
async fn what_mainnet_has_must_be_in_the_log() {
    let world = World::new().await;
    let node = world.connect().await;
    let head = node.head().unwrap().checkpoint;
    let genesis = node.record_at(0).await.unwrap().unwrap();
    let first = fallow_log::leaf_hash(&genesis.answer.record);
    let anchored = |size, root| AnchoredLog { block: 5, size, root };
    for log in [anchored(head.size, head.root), anchored(1, first), anchored(0, B256::ZERO)] {
        node.compare_anchor(&log).await.unwrap();
    }
    for log in [anchored(9, head.root), anchored(1, head.root), anchored(8, first)] {
        world.expect(node.compare_anchor(&log).await, "AnchorMismatch");
    }
}

#[tokio::test]
async fn nothing_is_verified_with_a_set_that_has_expired() {
    let world = World::new().await;
    let options = Options { clock: || NOW + 86_401, ..world.options(&world.honest.url) };
    let error = VerifiedNode::connect(options).await.unwrap_err();
    assert!(matches!(error, NodeError::SetExpired(_)), "{error}");
}
