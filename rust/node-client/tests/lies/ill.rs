//! Nodes that are ill, or none: garbage, bodies without end, pauses.

use crate::*;
use fallow_node_client::{ClientError, NodeCode};
use std::sync::atomic::{AtomicUsize, Ordering};

async fn client_error(
    world: &World,
    alter: impl Fn(&Asked, &mut Reply) + Send + Sync + 'static,
) -> ClientError {
    let ask = async |node: &mut VerifiedNode| node.record_at(ALLOCATION).await;
    match world.altered(alter, ask).await.unwrap_err() {
        NodeError::Client(error) => error,
        other => panic!("{other}"),
    }
}

/// Answers about record 2 with this.
fn answer(reply: Reply) -> impl Fn(&Asked, &mut Reply) + Send + Sync + 'static {
    move |asked, altered| {
        if asked.path == "/v1/records/2" {
            *altered = reply.clone();
        }
    }
}

#[tokio::test]
async fn garbage_is_told_from_lies() {
    let world = World::new().await;
    for body in ["", "null", "[]", "{}", "\u{0}\u{1}", "<html>"] {
        let error = client_error(&world, answer(Reply::new(200, body))).await;
        assert!(matches!(error, ClientError::Garbage { .. }), "{body}: {error}");
    }
    let deep = "[".repeat(100_000);
    let error = client_error(&world, answer(Reply::new(200, deep))).await;
    assert!(matches!(error, ClientError::Garbage { .. }), "{error}");
    for status in [302, 404, 500] {
        let error = client_error(&world, answer(Reply::new(status, "not here"))).await;
        assert!(matches!(error, ClientError::Status { .. }), "{status}: {error}");
    }
    let kept = std::fs::read_dir(world.state.path()).unwrap().map(|entry| entry.unwrap().path());
    let evidence = kept.filter(|path| path.to_string_lossy().contains("evidence"));
    assert_eq!(evidence.count(), 0, "an ill node is not accused");
}

#[tokio::test]
async fn a_body_without_end_is_cut() {
    let world = World::new().await;
    let error = client_error(&world, answer(Reply::Endless)).await;
    assert!(matches!(error, ClientError::TooLong { .. }), "{error}");
}

#[tokio::test]
async fn a_slow_body_is_waited_for_only_so_long() {
    let world = World::new().await;
    let proxy = Server::proxy(&world.honest.url, answer(Reply::Slow)).await;
    let limits = Limits { timeout: Duration::from_millis(500), ..Limits::default() };
    let options = Options { limits, ..world.options(&proxy.url) };
    let node = VerifiedNode::connect(options).await.unwrap();
    let error = node.record_at(ALLOCATION).await.unwrap_err();
    assert!(matches!(error, NodeError::Client(ClientError::Timeout { .. })), "{error}");
}

#[tokio::test]
async fn a_busy_node_is_asked_again() {
    let world = World::new().await;
    let asked_before = AtomicUsize::new(0);
    let busy = move |asked: &Asked, reply: &mut Reply| {
        let is_first =
            asked.path == "/v1/records/2" && asked_before.fetch_add(1, Ordering::SeqCst) < 2;
        if let (true, Reply::Whole { body, status, .. }) =
            (is_first, answer::problem(NodeCode::TooManyRequests))
        {
            *reply = Reply::Whole { status, body, retry_after: Some(0) };
        }
    };
    let ask = async |node: &mut VerifiedNode| node.record_at(ALLOCATION).await;
    assert!(world.altered(busy, ask).await.unwrap().is_some());
}

#[tokio::test]
async fn nobody_waits_an_hour_because_a_node_says_so() {
    let world = World::new().await;
    let Reply::Whole { status, body, .. } = answer::problem(NodeCode::QueueFull) else {
        unreachable!("a problem is whole");
    };
    let reply = Reply::Whole { status, body, retry_after: Some(3_600) };
    let error = client_error(&world, answer(reply)).await;
    assert_eq!(error.code(), Some(NodeCode::QueueFull.number()));
}

#[tokio::test]
async fn a_url_that_is_none_is_told() {
    let world = World::new().await;
    for url in ["", "lab.example", "file:///etc", "http://"] {
        let error = VerifiedNode::connect(world.options(url)).await.unwrap_err();
        assert!(matches!(error, NodeError::Client(ClientError::Url)), "{url}: {error}");
    }
    let error = VerifiedNode::connect(world.options("http://127.0.0.1:1")).await.unwrap_err();
    assert!(matches!(error, NodeError::Client(ClientError::Transport(_))), "{error}");
}
