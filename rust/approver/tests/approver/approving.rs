//! What is signed, and what is not.

use crate::support::{APPROVER, Answer, Running, key, network, request, signed};
use fallow_protocol::{ApprovalFile, Request, RequestFile};
use serde_json::json;

fn approval(answer: &Answer) -> ApprovalFile {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_value(answer.body.clone()).unwrap()
}

/// Code, got and want of a refusal.
fn refusal(answer: &Answer) -> (u64, String, String) {
    let (status, code, _) = answer.error();
    assert_eq!(status, 403, "{answer:?}");
    let text = |key: &str| answer.body[key].as_str().unwrap().to_owned();
    (code.unwrap(), text("got"), text("want"))
}

#[tokio::test]
async fn an_approval_is_the_approvers_signature_over_the_requests_id() {
    let running = Running::start().await;
    let request = request(7, 1, 2, 0);
    let approval = approval(&running.ask_for(7, request).await);
    let id = request.id(&running.network.domain());
    assert_eq!((approval.network_id, approval.request_id), (running.network.network_id, id));
    assert_eq!(approval.approver, key(APPROVER).address());
    assert_eq!(approval.signature.recover(id.0), Ok(approval.approver));
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_counts_once() {
    let running = Running::start().await;
    let file = signed(&running.network, 7, request(7, 1, 8, 0));
    let first = approval(&running.ask(&file).await);
    for _ in 0..3 {
        assert_eq!(approval(&running.ask(&file).await), first);
    }
    let running = running.restart().await;
    assert_eq!(approval(&running.ask(&file).await), first, "also after a restart");
    let other = running.ask_for(7, request(7, 2, 1, 0)).await;
    assert_eq!(refusal(&other), (802, "1".into(), "0".into()), "8 of 8 are counted");
}

#[tokio::test]
async fn an_allowance_is_each_keys_and_each_days() {
    let running = Running::start().await;
    let two = running.policy_path();
    let text = format!(
        "units_per_day = 8\n[[requesters]]\naddress = \"{}\"\n[[requesters]]\naddress = \"{}\"\n\
         units_per_day = 1\n",
        key(7).address(),
        key(8).address()
    );
    std::fs::write(two, text).unwrap();
    let running = running.restart().await;
    approval(&running.ask_for(7, request(7, 1, 5, 0)).await);
    let refused = running.ask_for(7, request(7, 2, 4, 0)).await;
    assert_eq!(refusal(&refused), (802, "4".into(), "3".into()));
    approval(&running.ask_for(7, request(7, 2, 3, 0)).await);
    approval(&running.ask_for(7, request(7, 3, 8, 1)).await);
    approval(&running.ask_for(8, request(8, 1, 1, 0)).await);
    let refused = running.ask_for(8, request(8, 2, 1, 0)).await;
    assert_eq!(refusal(&refused), (802, "1".into(), "0".into()));
}

/// Whoever gets an answer first: together they never get more than one key's allowance.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_at_once_do_not_share_an_allowance() {
    let running = std::sync::Arc::new(Running::start().await);
    let asked = (1..=24).map(|sequence| {
        let running = std::sync::Arc::clone(&running);
        tokio::spawn(async move { running.ask_for(7, request(7, sequence, 1, 0)).await })
    });
    let asked: Vec<_> = asked.collect();
    let mut approved = 0;
    for one in asked {
        let answer = one.await.unwrap();
        match answer.status {
            200 => approved += 1,
            _ => assert_eq!(refusal(&answer), (802, "1".into(), "0".into())),
        }
    }
    assert_eq!(approved, 8);
}

#[tokio::test]
async fn nobody_elses_request_is_signed() {
    let running = Running::start().await;
    let stranger = key(8).address().to_string();
    let answer = running.ask_for(8, request(8, 1, 1, 0)).await;
    assert_eq!(
        refusal(&answer),
        (801, stranger.clone(), "0x0000000000000000000000000000000000000000".into())
    );
    // In somebody's name.
    let answer = running.ask_for(8, request(7, 1, 1, 0)).await;
    assert_eq!(refusal(&answer), (101, stranger, key(7).address().to_string()));
    // Nothing was counted.
    approval(&running.ask_for(7, request(7, 1, 8, 0)).await);
}

#[tokio::test]
async fn a_request_of_another_network_is_not_signed() {
    let running = Running::start().await;
    let other = network(2);
    let file = signed(&other, 7, request(7, 1, 1, 0));
    let answer = running.ask(&file).await;
    let ids = [other.network_id, running.network.network_id].map(|id| id.to_string());
    let [got, want] = ids;
    assert_eq!(refusal(&answer), (601, got, want));
    let disguised = RequestFile { network_id: running.network.network_id, ..file };
    assert_eq!(refusal(&running.ask(&disguised).await).0, 101);
}

#[tokio::test]
async fn an_approval_of_another_request_helps_nobody() {
    let running = Running::start().await;
    let approved = approval(&running.ask_for(7, request(7, 1, 8, 0)).await);
    let more = signed(&running.network, 7, request(7, 2, 8, 0));
    let reused = RequestFile { approval: Some(approved.signature), ..more };
    assert_eq!(refusal(&running.ask(&reused).await).0, 802);
    let id = more.request.id(&running.network.domain());
    assert_ne!(approved.signature.recover(id.0), Ok(approved.approver));
}

#[tokio::test]
async fn old_empty_and_past_requests_are_refused_as_the_ledger_would() {
    let running = Running::start().await;
    let good = request(7, 1, 1, 0);
    let start = good.start_time;
    for (code, request) in [
        (401, Request { volume: 0, ..good }),
        (402, Request { end_time: start, ..good }),
        (409, Request { start_time: 1, end_time: 2, ..good }),
        (410, Request { timestamp: good.timestamp - 600, ..good }),
        (410, Request { timestamp: u64::MAX, ..good }),
        (802, Request { start_time: 0, end_time: u64::MAX, ..good }),
    ] {
        assert_eq!(refusal(&running.ask_for(7, request).await).0, code, "{request:?}");
    }
}

#[tokio::test]
async fn what_is_public_is_shown_and_no_more() {
    let running = Running::start().await;
    let about = running.get("/v1/policy").await;
    let shown = json!({
        "version": 1,
        "networkId": running.network.network_id,
        "approver": key(APPROVER).address(),
        "unitsPerDay": 8,
        "horizonDays": 366,
    });
    assert_eq!((about.status, about.body), (200, shown));
    let health = running.get("/v1/health").await;
    assert_eq!((health.status, health.body), (200, json!({ "status": "ok" })));
}
