//! Lists: every item by its record, and none left out of a requester's chain.

use crate::*;
use fallow_node_client::types::LevelName;
use fallow_node_client::{Completeness, RequestQuery, ResourceQuery};

const REQUESTS: &str = "/v1/requests";

fn mine() -> RequestQuery {
    RequestQuery { requester: Some(fake::secret(2).address()), resource: None }
}

async fn list(node: &mut VerifiedNode) -> Result<usize, NodeError> {
    let found = node.allocations(mine(), Completeness::OneRequester).await?;
    assert!(!found.is_cut);
    Ok(found.items.len())
}

#[tokio::test]
async fn a_list_is_shown_when_every_item_holds() {
    let world = World::new().await;
    let node = world.connect().await;
    let found = node.allocations(mine(), Completeness::OneRequester).await.unwrap();
    assert_eq!(found.items.len(), 4);
    assert!(found.items[1].release.is_some() && found.items[0].release.is_none());
    assert_eq!(found.items[3].proven.level.name, LevelName::Recorded);
    let all = node.allocations(RequestQuery::default(), Completeness::Chains).await.unwrap();
    assert_eq!(all.items.len(), 5);
    let resources = node.resources(&ResourceQuery::default(), 9).await.unwrap().items;
    assert_eq!(resources.len(), 1);
    let id = resources[0].answer.resource_id.into();
    assert!(node.resource(id).await.unwrap().is_some());
    assert!(node.resource(B256::ZERO.into()).await.unwrap().is_none());
}

/// More than a page, more than a tile: paths are computed here from tiles.
#[tokio::test]
async fn long_lists_are_verified_from_tiles() {
    let world = World::grown(600).await;
    let query = RequestQuery { requester: Some(fake::secret(3).address()), resource: None };
    let count = std::sync::Arc::new(Mutex::new((0, 0)));
    let counting = std::sync::Arc::clone(&count);
    let tally = move |asked: &Asked, _: &mut Reply| {
        let mut count = counting.lock().unwrap();
        count.0 += usize::from(asked.path.starts_with("/tile/"));
        count.1 += usize::from(asked.path.starts_with("/v1/proofs/inclusion"));
    };
    let ask =
        async |node: &mut VerifiedNode| node.allocations(query, Completeness::OneRequester).await;
    let found = world.altered(tally, ask).await.unwrap();
    assert_eq!(found.items.len(), 601);
    // Three tiles of leaves and one above them; the path of the resource, which is no item.
    assert_eq!(*count.lock().unwrap(), (4, 1));
    let alter = |asked: &Asked, reply: &mut Reply| {
        if let (Reply::Whole { body, .. }, true) = (reply, asked.path == "/tile/0/001") {
            body[0] ^= 1;
        }
    };
    world.expect(world.altered(alter, ask).await, "NotIncluded");
    // A tile that is gone: each path is asked for.
    let alter = |asked: &Asked, reply: &mut Reply| {
        if asked.path.starts_with("/tile/0/002.p") {
            *reply = answer::problem(fallow_node_client::NodeCode::NotFound);
        }
    };
    assert_eq!(world.altered(alter, ask).await.unwrap().items.len(), 601);
}

#[tokio::test]
async fn items_that_are_not_their_records_are_caught() {
    let world = World::new().await;
    for (field, value) in [("volume", Value::from(2)), ("sequence", Value::from("9"))] {
        let alter = json_at(REQUESTS, move |page| {
            page["items"][0]["request"][field] = value.clone();
        });
        world.expect(world.altered(alter, list).await, "FieldMismatch");
    }
    for field in ["requestId", "signature"] {
        let alter = json_at(REQUESTS, move |page| flip(&mut page["items"][0][field], 0));
        world.expect(world.altered(alter, list).await, "FieldMismatch");
    }
    let alter = json_at(REQUESTS, |page| {
        page["items"][1]["release"]["release"]["fromTime"] = "1".into();
    });
    world.expect(world.altered(alter, list).await, "FieldMismatch");
    let alter = json_at(REQUESTS, |page| page["items"][1]["release"]["index"] = "5".into());
    world.expect(world.altered(alter, list).await, "FieldMismatch");
    let alter = json_at(REQUESTS, |page| page["items"][0]["index"] = "99".into());
    world.expect(world.altered(alter, list).await, "Withheld");
    let alter = json_at(REQUESTS, |page| page["size"] = "7".into());
    world.expect(world.altered(alter, list).await, "LogTooShort");
}

#[tokio::test]
async fn another_requesters_allocation_is_not_shown_as_mine() {
    let world = World::new().await;
    let all = records::reqwest_json(&format!("{}{REQUESTS}?limit=9", world.honest.url)).await;
    let alter = json_at(REQUESTS, move |page| *page = all.clone());
    world.expect(world.altered(alter, list).await, "FieldMismatch");
}

#[tokio::test]
async fn a_withheld_record_leaves_a_gap() {
    let world = World::new().await;
    // All but the newest: nothing names that one yet.
    for gap in 0..3 {
        let alter = json_at(REQUESTS, move |page| {
            drop(page["items"].as_array_mut().unwrap().remove(gap));
        });
        let kept = world.expect(world.altered(alter, list).await, "Withheld");
        assert!(kept["shown"]["namedBy"]["record"].is_string(), "{kept}");
    }
    let all = async |node: &mut VerifiedNode| {
        node.allocations(RequestQuery::default(), Completeness::Chains).await
    };
    let drop_first = || {
        json_at(REQUESTS, |page| {
            drop(page["items"].as_array_mut().unwrap().remove(0));
        })
    };
    world.expect(world.altered(drop_first(), all).await, "Withheld");
}

/// A list of one resource of one requester skips records of other resources, and only those.
#[tokio::test]
async fn a_gap_that_the_filter_makes_is_none() {
    let world = World::new().await;
    let (other, request) = {
        let mut fake = world.fake.lock().unwrap();
        let other = fake.announcement(5, B256::ZERO);
        fake.record_announcement(&other).unwrap();
        let request = fake.request(2, &other.announcement, (1, 5));
        fake.record_request(&request).unwrap();
        let back = fake.request(2, &world.announcement.announcement, (1, 6));
        fake.record_request(&back).unwrap();
        (other, request)
    };
    let first = world.requests[0].request.resource_id;
    for (resource, count) in [(first, 5), (request.request.resource_id, 1)] {
        let query = RequestQuery { resource: Some(resource), ..mine() };
        let node = world.connect().await;
        let found = node.allocations(query, Completeness::OneRequester).await.unwrap();
        assert_eq!(found.items.len(), count, "{other:?}");
    }
}

#[tokio::test]
async fn a_list_that_turns_in_circles_ends() {
    let world = World::new().await;
    let alter = json_at(REQUESTS, |page| page["next"] = "1".into());
    world.expect(world.altered(alter, list).await, "Circles");
}

#[tokio::test]
async fn resources_that_are_not_their_records_are_caught() {
    let world = World::new().await;
    let ask = async |node: &mut VerifiedNode| node.resources(&ResourceQuery::default(), 9).await;
    const PATH: &str = "/v1/resources";
    let alter = json_at(PATH, |page| page["items"][0]["announcement"]["volume"] = 9.into());
    world.expect(world.altered(alter, ask).await, "FieldMismatch");
    for field in ["resourceId", "signature"] {
        let alter = json_at(PATH, move |page| flip(&mut page["items"][0][field], 0));
        world.expect(world.altered(alter, ask).await, "FieldMismatch");
    }
    let alter = json_at(PATH, |page| page["items"][0]["index"] = "2".into());
    world.expect(world.altered(alter, ask).await, "FieldMismatch");
    let id = world.requests[0].request.resource_id;
    let one = async move |node: &mut VerifiedNode| node.resource(id).await;
    let alter = json_at(PATH, |answer| flip(&mut answer["resourceId"], 0));
    world.expect(world.altered(alter, one).await, "IdMismatch");
}
