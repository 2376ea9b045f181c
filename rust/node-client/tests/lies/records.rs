//! Records, their evidence, levels and proofs; tickets and offer documents.

use crate::*;
use fallow_node_client::{IdOrIndex, Standing};

const RECORD: &str = "/v1/records/2";

async fn read(node: &mut VerifiedNode) -> Result<(), NodeError> {
    node.record_at(ALLOCATION).await.map(drop)
}

#[tokio::test]
async fn an_honest_node_is_believed_what_it_proves() {
    let world = World::new().await;
    let node = world.connect().await;
    let (size, block) = CERTIFIED;
    for index in 0..size {
        let found = node.record_at(index).await.unwrap().unwrap();
        assert_eq!(found.standing, Standing::Certified { block, size });
    }
    let newest = node.record_at(NEWEST).await.unwrap().unwrap();
    assert_eq!(newest.standing, Standing::NodesWord);
    assert_eq!(newest.level_text(), "recorded, not certified yet, the node's word only");
    assert_eq!(node.record_at(NEWEST + 1).await.unwrap(), None);
    let by_id = node.record_of(newest.sound.id.unwrap()).await.unwrap().unwrap();
    assert_eq!(by_id, newest);
    let tombstone = node.record_at(TOMBSTONE).await.unwrap().unwrap();
    assert!(tombstone.sound.announcement.is_some());
    assert_eq!(node.offer(world.offer).await.unwrap().unwrap().as_ref(), OFFER);
    for index in 0..size {
        assert!(node.ticket(IdOrIndex::Index(index)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn altered_records_are_caught() {
    let world = World::new().await;
    // From the end: evidence 32, words 32, bitmap 16, highest 8, previous 8, sequence 8, ..
    // block time 8, index 8, writer 20, kind 1, version 1.
    for (at, lie) in [
        (0, "EvidenceMismatch"),
        (32, "LeafMismatch"),
        (64, "LeafMismatch"),
        (88, "LeafMismatch"),
        (96, "IdMismatch"),
        (200, "LeafMismatch"),
        (208, "RecordMismatch"),
        (216, "RecordMismatch"),
        (236, "RecordMalformed"),
        (237, "RecordMalformed"),
    ] {
        let alter = json_at(RECORD, move |answer| flip(&mut answer["record"], at));
        world.expect(world.altered(alter, read).await, lie);
    }
}

#[tokio::test]
async fn what_stands_beside_a_record_is_caught() {
    let world = World::new().await;
    for (field, value, lie) in [
        ("index", Value::from("3"), "RecordMismatch"),
        ("kind", Value::from("release"), "RecordMismatch"),
        ("id", Value::from(B256::ZERO.to_string()), "IdMismatch"),
        ("evidence", Value::from("0x"), "EvidenceMismatch"),
        ("size", Value::from("7"), "LogTooShort"),
        (
            "announcement",
            serde_json::to_value(world.announcement.announcement).unwrap(),
            "FieldMismatch",
        ),
    ] {
        let alter = json_at(RECORD, move |answer| answer[field] = value.clone());
        world.expect(world.altered(alter, read).await, lie);
    }
    let alter = json_at(RECORD, |answer| flip(&mut answer["evidence"], 0));
    world.expect(world.altered(alter, read).await, "EvidenceMismatch");
    let tombstone = async |node: &mut VerifiedNode| node.record_at(TOMBSTONE).await;
    let alter = json_at("/v1/records/7", |answer| answer["announcement"]["volume"] = 7.into());
    world.expect(world.altered(alter, tombstone).await, "FieldMismatch");
    let alter = json_at("/v1/records/7", |answer| answer["announcement"] = Value::Null);
    world.expect(world.altered(alter, tombstone).await, "FieldMismatch");
}

/// A record of another kind of its own making is sound, but not in the log.
#[tokio::test]
async fn a_record_in_anothers_place_is_caught() {
    let world = World::new().await;
    let alter = |asked: &Asked, reply: &mut Reply| {
        if let (Reply::Whole { body, .. }, true) = (reply, asked.path == RECORD) {
            // Who asks for record 2 by its id is answered with record 3.
            let text = String::from_utf8(body.clone()).unwrap();
            *body = text.replace(r#""index":"2""#, r#""index":"3""#).into_bytes();
        }
    };
    world.expect(world.altered(alter, read).await, "RecordMismatch");
    let id = world.requests[0].request.id(&world.fake.lock().unwrap().network.domain()).0;
    let other = Server::proxy(&world.honest.url, |_, _| {}).await;
    let honest = other.url.clone();
    let third: Value = reqwest_json(&format!("{honest}/v1/records/3")).await;
    let alter = json_at("/v1/records/0x", move |answer| *answer = third.clone());
    let ask = async |node: &mut VerifiedNode| node.record_of(id).await;
    world.expect(world.altered(alter, ask).await, "RecordMismatch");
}

pub(crate) async fn reqwest_json(url: &str) -> Value {
    let body = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// The requester did not sign what the node shows, though id and evidence fit.
#[tokio::test]
async fn a_message_that_nobody_signed_is_caught() {
    let world = World::new().await;
    let alter = json_at(RECORD, |answer| {
        let mut bytes = alloy_primitives::hex::decode(answer["record"].as_str().unwrap()).unwrap();
        let evidence = fallow_protocol::Evidence::of([9; 64].into());
        let place = bytes.len() - 32;
        bytes[place..].copy_from_slice(evidence.hash().as_slice());
        answer["record"] = format!("0x{}", alloy_primitives::hex::encode(bytes)).into();
        let evidence = alloy_primitives::hex::encode(evidence.encode());
        answer["evidence"] = format!("0x{evidence}").into();
    });
    world.expect(world.altered(alter, read).await, "SignatureInvalid");
}

#[tokio::test]
async fn altered_proofs_are_caught() {
    let world = World::new().await;
    const PATH: &str = "/v1/proofs/inclusion";
    let alter = json_at(PATH, |answer| flip(&mut answer["path"][1], 0));
    world.expect(world.altered(alter, read).await, "NotIncluded");
    let alter = json_at(PATH, |answer| drop(answer["path"].as_array_mut().unwrap().pop()));
    world.expect(world.altered(alter, read).await, "NotIncluded");
    let alter = json_at(PATH, |answer| {
        let path = answer["path"].as_array_mut().unwrap();
        path.extend(vec![Value::from(B256::ZERO.to_string()); 1_000]);
    });
    world.expect(world.altered(alter, read).await, "NotIncluded");
    let alter = json_at(PATH, |answer| flip(&mut answer["leaf"], 0));
    world.expect(world.altered(alter, read).await, "LeafMismatch");
}

#[tokio::test]
async fn levels_that_rest_on_nothing_are_caught() {
    let world = World::new().await;
    for (name, checkpoint) in
        [("anchored", Value::Null), ("settled", Value::Null), ("anchored", Value::from("11"))]
    {
        let alter = json_at(RECORD, move |answer| {
            answer["level"]["name"] = name.into();
            answer["level"]["checkpoint"] = checkpoint.clone();
        });
        world.expect(world.altered(alter, read).await, "LevelUnfounded");
    }
    // Certified 990 seconds ago, and the challenge period is 600.
    let alter = json_at(RECORD, |answer| answer["level"]["name"] = "settled".into());
    assert!(world.altered(alter, read).await.is_ok(), "it may be so, by the node's word");
    // What is not certified cannot be anchored, and the checkpoint before is not above it.
    let newest = async |node: &mut VerifiedNode| node.record_at(NEWEST).await;
    for checkpoint in [Value::Null, "10".into()] {
        let alter = json_at("/v1/records/8", move |answer| {
            answer["level"]["name"] = "anchored".into();
            answer["level"]["checkpoint"] = checkpoint.clone();
        });
        world.expect(world.altered(alter, newest).await, "LevelUnfounded");
    }
}

#[tokio::test]
async fn a_checkpoint_that_is_certified_after_the_first_question_is_no_lie() {
    let world = World::new().await;
    let alter = json_at("/v1/records/8", |answer| answer["level"]["name"] = "anchored".into());
    let ask = async |node: &mut VerifiedNode| {
        world.fake.lock().unwrap().certify(950);
        node.record_at(NEWEST).await
    };
    let found = world.altered(alter, ask).await.unwrap().unwrap();
    assert_eq!(found.standing, Standing::NodesWord, "what it was certified with was not asked for");
}

#[tokio::test]
async fn a_young_checkpoint_is_not_settled() {
    let world = World::new().await;
    world.fake.lock().unwrap().certify(950);
    let alter = json_at("/v1/records/8", |answer| answer["level"]["name"] = "settled".into());
    let newest = async |node: &mut VerifiedNode| node.record_at(NEWEST).await;
    world.expect(world.altered(alter, newest).await, "LevelUnfounded");
}

#[tokio::test]
async fn a_certified_record_that_is_not_shown_is_caught() {
    let world = World::new().await;
    let alter = |asked: &Asked, reply: &mut Reply| {
        if asked.path == RECORD {
            *reply = answer::problem(fallow_node_client::NodeCode::NotFound);
        }
    };
    world.expect(world.altered(alter, read).await, "Withheld");
}

#[tokio::test]
async fn altered_tickets_are_caught() {
    let world = World::new().await;
    let ask = async |node: &mut VerifiedNode| node.ticket(IdOrIndex::Index(ALLOCATION)).await;
    const PATH: &str = "/v1/tickets";
    for (part, at) in [("record", 40), ("evidence", 0), ("certificate", 0)] {
        let alter = json_at(PATH, move |ticket| flip(&mut ticket[part], at));
        world.expect(world.altered(alter, ask).await, "TicketInvalid");
    }
    let alter = json_at(PATH, |ticket| flip(&mut ticket["checkpoint"]["root"], 0));
    world.expect(world.altered(alter, ask).await, "TicketInvalid");
    let alter = json_at(PATH, |ticket| flip(&mut ticket["path"][0], 0));
    world.expect(world.altered(alter, ask).await, "TicketInvalid");
    let third = reqwest_json(&format!("{}/v1/tickets/3", world.honest.url)).await;
    let alter = json_at(PATH, move |ticket| *ticket = third.clone());
    world.expect(world.altered(alter, ask).await, "RecordMismatch");
}

#[tokio::test]
async fn an_offer_document_with_other_bytes_is_caught() {
    let world = World::new().await;
    let offer = world.offer;
    let alter = json_at("/v1/offers", |document| document["cpu"] = 9.into());
    let ask = async move |node: &mut VerifiedNode| node.offer(offer).await;
    world.expect(world.altered(alter, ask).await, "OfferMismatch");
    let put = async |node: &mut VerifiedNode| node.put_offer(OFFER.into()).await;
    let alter = json_at("/v1/offers", |answer| flip(&mut answer["hash"], 0));
    world.expect(world.altered(alter, put).await, "OfferMismatch");
    assert_eq!(world.connect().await.put_offer(OFFER.into()).await.unwrap(), world.offer);
}
