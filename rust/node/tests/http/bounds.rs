//! Nobody gets more than there is, and everybody is told when to come back.

use crate::hostile::Still;
use crate::people::{Resource, key};
use crate::raw::Raw;
use crate::world::{PATIENCE, limits};
use fallow_node::HttpLimits;
use std::time::Duration;

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back() {
    let still = Still::start(HttpLimits { per_address: 2, ..limits() }).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(still.client.get("/v1/status").await.status);
    }
    assert!(statuses[..8].iter().all(|status| *status == 200), "{statuses:?}");
    let refused = async || loop {
        let answer = still.client.get("/v1/status").await;
        if answer.status != 200 {
            return answer;
        }
    };
    let answer = refused().await;
    assert_eq!((answer.problem(), answer.header("retry-after")), ((429, 908), Some("1")));
    let nowhere = still.client.raw("get", "/nowhere", &[], None).await;
    assert!([404, 429].contains(&nowhere.status));
    // Whoever watches over the node is not turned away.
    for _ in 0..20 {
        assert_eq!(still.client.get("/health").await.status, 200);
    }
}

#[tokio::test]
async fn every_message_of_an_array_counts() {
    let still = Still::start(HttpLimits { per_address: 10, ..limits() }).await;
    let file = Resource::new(still.network.domain(), 1).request(2, 1, 1, 1);
    // A bucket holds 40, and the array is the second request.
    assert_eq!(still.client.post("/v1/requests", &vec![file; 39]).await.status, 503);
    let answer = still.client.post("/v1/requests", &vec![file; 39]).await;
    assert_eq!(answer.problem(), (429, 908));
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 2);
}

#[tokio::test]
async fn only_keys_on_the_list_may_submit_and_the_list_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("keys");
    std::fs::write(&list, format!("{} # ours\n", key(2).address())).unwrap();
    let still = Still::with_list(&list).await;
    let resource = Resource::new(still.network.domain(), 1);
    let ours = resource.request(2, 1, 1, 1);
    let (foreign, known) = (resource.request(3, 1, 1, 1), (503, 911));
    assert_eq!(still.client.post("/v1/requests", &ours).await.problem(), known, "it gets further");
    assert_eq!(still.client.post("/v1/requests", &foreign).await.problem(), (403, 909));
    assert_eq!(still.client.post("/v1/announcements", &resource.announce()).await.status, 403);
    assert_eq!(still.client.post("/v1/gossip", &resource.announce()).await.status, 403);
    assert_eq!(still.client.get("/v1/records/0").await.status, 200, "reading is for all");
    std::fs::write(&list, format!("{}\n", key(3).address())).unwrap();
    let changed = async {
        while still.client.post("/v1/requests", &foreign).await.status == 403 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, changed).await.unwrap();
    assert_eq!(still.client.post("/v1/requests", &ours).await.problem(), (403, 909));
}

#[tokio::test]
async fn requests_beyond_the_places_are_refused_at_once() {
    let still = Still::start(HttpLimits { requests: 1, ..limits() }).await;
    let mut slow = Raw::connect(still.address).await;
    let head = "POST /v1/requests HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{";
    slow.send(head.as_bytes()).await;
    let full = async {
        loop {
            let answer = still.client.get("/v1/status").await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(PATIENCE, full).await.unwrap();
    assert_eq!((answer.problem(), answer.header("retry-after")), ((503, 910), Some("1")));
    assert_eq!(still.client.get("/health").await.status, 200);
    slow.send(b"}").await;
    let free = async { while still.client.get("/v1/status").await.status != 200 {} };
    tokio::time::timeout(PATIENCE, free).await.unwrap();
}

#[tokio::test]
async fn large_answers_and_bodies_share_one_budget() {
    let still = Still::start(HttpLimits { memory: 20_000, ..limits() }).await;
    assert_eq!(still.client.get("/v1/records?limit=2").await.status, 200);
    let large = still.client.get("/v1/records?limit=120").await;
    assert_eq!(large.problem(), (503, 910));
    let body = vec![b' '; 30_000];
    let kind = [("content-type", "application/json")];
    let answer = still.client.call("post", "/v1/requests", &kind, Some(body)).await;
    assert_eq!(answer.problem(), (503, 910));
    let body = vec![b' '; 10_000];
    let answer = still.client.call("post", "/v1/requests", &kind, Some(body)).await;
    assert_eq!(answer.problem(), (400, 901), "there is room again");
}

#[tokio::test]
async fn listeners_are_counted_and_let_go_when_they_leave() {
    let still = Still::start(HttpLimits { streams: 1, ..limits() }).await;
    let ask = b"GET /v1/events?after=0 HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut first = Raw::connect(still.address).await;
    first.send(ask).await;
    assert!(first.until("id: 1\n").await.starts_with("HTTP/1.1 200"));
    let mut second = Raw::connect(still.address).await;
    second.send(ask).await;
    assert!(second.until("910").await.starts_with("HTTP/1.1 503"));
    drop(first);
    let free = async {
        loop {
            let mut third = Raw::connect(still.address).await;
            third.send(ask).await;
            if third.until("\r\n\r\n").await.starts_with("HTTP/1.1 200") {
                return third;
            }
        }
    };
    let mut third = tokio::time::timeout(PATIENCE, free).await.unwrap();
    let last = still.shared.store.size().unwrap() - 1;
    third.until(&format!("id: {last}\n")).await;
}

#[tokio::test]
async fn an_end_does_not_wait_for_listeners() {
    let still = Still::start(limits()).await;
    let mut listener = Raw::connect(still.address).await;
    listener.send(b"GET /v1/events?after=0 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    listener.until("id: 1\n").await;
    still.stop().await;
    assert!(listener.rest().await.ends_with(b"0\r\n\r\n"), "it is told that there is no more");
}
