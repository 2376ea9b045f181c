//! Promises and refusals: what a node signs is what it says.

use crate::*;
use fallow_node_client::Submitted;
use fallow_protocol::{Code, PromiseFile, RefusalFile};

fn next(world: &World, sequence: u64) -> RequestFile {
    let fake = world.fake.lock().unwrap();
    fake.request(2, &world.announcement.announcement, (1, sequence))
}

fn too_much(world: &World) -> RequestFile {
    let fake = world.fake.lock().unwrap();
    fake.request(2, &world.announcement.announcement, (2_000, 5))
}

/// Signs the promise in an answer with another key, as another network's node would.
fn sign_again(answer: &mut Value, domain: &fallow_protocol::Domain, is_named: bool) {
    let mut file: PromiseFile = serde_json::from_value(answer["promise"].clone()).unwrap();
    let key = fake::secret(0x78);
    file.signature = key.sign(file.promise.id(domain));
    if is_named {
        file.node = key.address();
    }
    answer["promise"] = serde_json::to_value(file).unwrap();
}

#[tokio::test]
async fn a_promise_is_kept() {
    let world = World::new().await;
    let mut node = world.connect().await;
    let Submitted::Promised(promise) = node.request(&next(&world, 5)).await.unwrap() else {
        panic!("not promised");
    };
    let found = node.wait(&promise, Duration::from_secs(5)).await.unwrap();
    assert_eq!(found.sound.id, Some(promise.promise.message_id));
    let again = node.request(&next(&world, 5)).await.unwrap();
    let Submitted::Recorded(again) = again else { panic!("{again:?}") };
    assert_eq!(again.index(), found.index());
    let release = world.fake.lock().unwrap().release(2, &world.requests[0].request);
    assert!(matches!(node.release(&release).await.unwrap(), Submitted::Promised(_)));
    let other = world.fake.lock().unwrap().announcement(6, B256::ZERO);
    assert!(matches!(node.announce(&other).await.unwrap(), Submitted::Promised(_)));
}

#[tokio::test]
async fn a_signed_refusal_is_told() {
    let world = World::new().await;
    let node = world.connect().await;
    let refused = node.request(&too_much(&world)).await.unwrap();
    let Submitted::Refused(refusal, file) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.code, Code::CapacityExceeded);
    assert!(file.verifies(&node.network().domain()));
}

#[tokio::test]
async fn promises_that_are_none_are_caught() {
    let world = World::new().await;
    let domain = world.fake.lock().unwrap().network.domain();
    const PATH: &str = "/v1/requests";
    for (sequence, is_named) in [(5, true), (6, false)] {
        let file = next(&world, sequence);
        let ask = async move |node: &mut VerifiedNode| node.request(&file).await;
        let alter = json_at(PATH, move |answer| sign_again(answer, &domain, is_named));
        world.expect(world.altered(alter, ask).await, "PromiseSignature");
    }
    for (sequence, field, value, lie) in [
        (7, "byTime", Value::from((NOW + 30).to_string()), "PromiseSignature"),
        (8, "byTime", Value::from((NOW + 4_000).to_string()), "PromiseSignature"),
        (9, "logSize", Value::from("1"), "PromiseSignature"),
        (10, "sequence", Value::from("1"), "PromiseMismatch"),
        (11, "requester", Value::from(format!("0x{}", "11".repeat(20))), "PromiseMismatch"),
        (12, "messageId", Value::from(B256::ZERO.to_string()), "PromiseMismatch"),
    ] {
        let file = next(&world, sequence);
        let ask = async move |node: &mut VerifiedNode| node.request(&file).await;
        let alter = json_at(PATH, move |answer| {
            answer["promise"]["promise"][field] = value.clone();
        });
        world.expect(world.altered(alter, ask).await, lie);
    }
    let file = next(&world, 13);
    let ask = async move |node: &mut VerifiedNode| node.request(&file).await;
    let alter = json_at(PATH, |answer| flip(&mut answer["id"], 0));
    world.expect(world.altered(alter, ask).await, "IdMismatch");
}

#[tokio::test]
async fn a_promise_for_never_is_caught() {
    let world = World::new().await;
    let domain = world.fake.lock().unwrap().network.domain();
    let file = next(&world, 5);
    let alter = json_at("/v1/requests", move |answer| {
        let file: PromiseFile = serde_json::from_value(answer["promise"].clone()).unwrap();
        let promise = fallow_protocol::Promise { by_time: u64::MAX, ..file.promise };
        let late = PromiseFile::sign(promise, &domain, &fake::secret(0x77));
        answer["promise"] = serde_json::to_value(late).unwrap();
    });
    let ask = async move |node: &mut VerifiedNode| node.request(&file).await;
    world.expect(world.altered(alter, ask).await, "PromiseMismatch");
}

#[tokio::test]
async fn refusals_that_are_none_are_caught() {
    let world = World::new().await;
    const PATH: &str = "/v1/requests";
    let file = too_much(&world);
    let ask = async |node: &mut VerifiedNode| node.request(&file).await;
    for field in ["got", "want", "title"] {
        let alter = json_at(PATH, move |problem| problem[field] = "7".into());
        world.expect(world.altered(alter, ask).await, "RefusalMismatch");
    }
    let alter = json_at(PATH, |problem| problem["code"] = 502.into());
    world.expect(world.altered(alter, ask).await, "RefusalMismatch");
    let alter = json_at(PATH, |problem| problem["refusal"] = Value::Null);
    world.expect(world.altered(alter, ask).await, "RefusalUnsigned");
    let alter = json_at(PATH, |problem| flip(&mut problem["refusal"]["refusal"]["messageId"], 0));
    world.expect(world.altered(alter, ask).await, "RefusalMismatch");
    // Other numbers, the same in both places: nobody signed those.
    let alter = json_at(PATH, |problem| {
        problem["want"] = "7".into();
        problem["refusal"]["refusal"]["want"] = B256::with_last_byte(7).to_string().into();
    });
    world.expect(world.altered(alter, ask).await, "RefusalSignature");
    let domain = world.fake.lock().unwrap().network.domain();
    let alter = json_at(PATH, move |problem| {
        let file: RefusalFile = serde_json::from_value(problem["refusal"].clone()).unwrap();
        let other = RefusalFile::sign(file.refusal, &domain, &fake::secret(0x78));
        problem["refusal"] = serde_json::to_value(other).unwrap();
    });
    world.expect(world.altered(alter, ask).await, "RefusalSignature");
}

#[tokio::test]
async fn a_broken_promise_is_caught() {
    let world = World::new().await;
    let node = world.connect().await;
    let Submitted::Promised(promise) = node.request(&next(&world, 5)).await.unwrap() else {
        panic!("not promised");
    };
    let waiting = || {
        json_at("/v1/messages", |answer| {
            answer["state"] = "sent".into();
            answer.as_object_mut().unwrap().remove("index");
        })
    };
    let ask = async |node: &mut VerifiedNode| node.follow_up(&promise).await;
    let error = world.altered(waiting(), ask).await.unwrap_err();
    assert!(matches!(error, NodeError::NotYet), "{error}");
    let proxy = Server::proxy(&world.honest.url, waiting()).await;
    let options = Options { clock: || NOW + 121, ..world.options(&proxy.url) };
    let node = VerifiedNode::connect(options).await.unwrap();
    world.expect(node.follow_up(&promise).await, "PromiseBroken");
}

#[tokio::test]
async fn answers_about_another_message_are_caught() {
    let world = World::new().await;
    let node = world.connect().await;
    let Submitted::Promised(promise) = node.request(&next(&world, 5)).await.unwrap() else {
        panic!("not promised");
    };
    let ask = async |node: &mut VerifiedNode| node.follow_up(&promise).await;
    let alter = json_at("/v1/messages", |answer| flip(&mut answer["id"], 0));
    world.expect(world.altered(alter, ask).await, "IdMismatch");
    let alter = json_at("/v1/messages", |answer| answer["index"] = "2".into());
    world.expect(world.altered(alter, ask).await, "IdMismatch");
    let alter = json_at("/v1/messages", |answer| answer["index"] = "99".into());
    world.expect(world.altered(alter, ask).await, "Withheld");
    let recorded = next(&world, 5);
    let ask = async |node: &mut VerifiedNode| node.request(&recorded).await;
    let alter = json_at("/v1/requests", |answer| answer["index"] = "2".into());
    world.expect(world.altered(alter, ask).await, "IdMismatch");
}

/// Nobody signs what a check finds, but some of it is sure without the node.
#[tokio::test]
async fn checks_that_cannot_be_true_are_caught() {
    let world = World::new().await;
    let node = world.connect().await;
    let good = next(&world, 5);
    assert!(node.check(&good).await.unwrap().findings.iter().all(|finding| finding.holds));
    let bad = RequestFile { signature: [9; 64].into(), ..good };
    assert!(!node.check(&bad).await.unwrap().findings[0].holds);
    // Paths of checkpoints begin like this one.
    let check = |alter: Box<dyn Fn(&mut Value) + Send + Sync>| {
        json_at("/v1/check", move |answer| {
            if answer["findings"].is_array() {
                alter(answer);
            }
        })
    };
    let ask = async |node: &mut VerifiedNode| node.check(&bad).await;
    let alter = check(Box::new(|answer| {
        answer["findings"][0] = serde_json::json!({
            "check": 1, "holds": true, "got": "0x0", "want": "0x0",
        });
    }));
    world.expect(world.altered(alter, ask).await, "CheckMismatch");
    for (finding, field, value) in
        [(0, "holds", Value::from(true)), (1, "check", 1.into()), (4, "code", 501.into())]
    {
        let alter = check(Box::new(move |answer| {
            answer["findings"][finding][field] = value.clone();
        }));
        world.expect(world.altered(alter, ask).await, "CheckMismatch");
    }
    let alter = check(Box::new(|answer| drop(answer["findings"].as_array_mut().unwrap().pop())));
    world.expect(world.altered(alter, ask).await, "CheckMismatch");
    let alter = check(Box::new(|answer| flip(&mut answer["requestId"], 0)));
    world.expect(world.altered(alter, ask).await, "IdMismatch");
}

#[tokio::test]
async fn the_next_sequence_is_that_of_the_newest_record() {
    let world = World::new().await;
    let (mine, nobodys) = (fake::secret(2).address(), fake::secret(9).address());
    let node = world.connect().await;
    assert_eq!(node.highest_sequence(mine).await.unwrap(), 4);
    assert_eq!(node.highest_sequence(nobodys).await.unwrap(), 0);
    let ask = async move |node: &mut VerifiedNode| node.highest_sequence(nobodys).await;
    let all = records::reqwest_json(&format!("{}/v1/requests?limit=9", world.honest.url)).await;
    let alter = json_at("/v1/requests", move |page| *page = all.clone());
    world.expect(world.altered(alter, ask).await, "FieldMismatch");
    let ask = async move |node: &mut VerifiedNode| node.highest_sequence(mine).await;
    let alter = json_at("/v1/requests", |page| page["next"] = "1".into());
    world.expect(world.altered(alter, ask).await, "Circles");
}
