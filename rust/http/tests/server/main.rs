//! The server over TCP: what is kept, what is cut, what is waited for.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, missing_docs)]

mod support;

use fallow_http::Limits;
use std::time::Duration;
use support::{PATIENCE, Running, ended};
use tokio::io::AsyncReadExt as _;

const GET: &[u8] = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_connection_carries_many_requests_also_sent_ahead() {
    let running = Running::start(Limits::default()).await;
    let mut stream = running.connect().await;
    for _ in 0..3 {
        stream.write_all(GET).await.unwrap();
        assert_eq!(stream.answer().await, "200 127.0.0.1");
    }
    stream.write_all(&GET.repeat(100)).await.unwrap();
    for _ in 0..100 {
        assert_eq!(stream.answer().await, "200 127.0.0.1");
    }
}

#[tokio::test]
async fn without_keeping_a_connection_ends_with_its_answer() {
    let running = Running::start(Limits { keep_alive: false, ..Limits::default() }).await;
    let mut stream = running.connect().await;
    stream.write_all(GET).await.unwrap();
    assert_eq!(stream.answer().await, "200 127.0.0.1");
    assert!(stream.is_over().await);
}

#[tokio::test]
async fn whoever_is_silent_is_cut_before_and_after_an_answer() {
    let running = Running::start(Limits { head_time: SHORT, ..Limits::default() }).await;
    let mut silent = running.connect().await;
    assert!(silent.is_over().await);
    let mut slow = running.connect().await;
    slow.write_all(b"GET /hel").await.unwrap();
    assert!(slow.is_over().await);
    let mut idle = running.connect().await;
    idle.write_all(GET).await.unwrap();
    assert_eq!(idle.answer().await, "200 127.0.0.1");
    assert!(idle.is_over().await);
}

#[tokio::test]
async fn one_address_has_no_more_connections_than_it_may() {
    let running = Running::start(Limits { connections_per_address: 2, ..Limits::default() }).await;
    let mut first = running.connect().await;
    let mut second = running.connect().await;
    for stream in [&mut first, &mut second] {
        stream.write_all(GET).await.unwrap();
        assert_eq!(stream.answer().await, "200 127.0.0.1");
    }
    assert!(running.connect().await.is_over().await, "the third");
    drop(first);
    // The server sees the end when it reads.
    let mut again = running.connect().await;
    while again.is_cut_off(GET).await {
        again = running.connect().await;
    }
    assert_eq!(again.answer().await, "200 127.0.0.1");
}

#[tokio::test]
async fn a_connection_has_its_time_and_then_some_for_what_it_began() {
    let limits = Limits { connection_time: SHORT, ..Limits::default() };
    let running = Running::start(limits).await;
    let mut idle = running.connect().await;
    assert!(idle.is_over().await);
    let mut busy = running.connect().await;
    busy.write_all(b"GET /gate HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    running.entered().await;
    // Whoever came later has no time left: nor has this one.
    assert!(running.connect().await.is_over().await);
    running.open_gate();
    assert_eq!(busy.answer().await, "200 gate");
    assert!(busy.is_over().await);
}

#[tokio::test]
async fn whoever_does_not_read_a_long_answer_is_cut() {
    let running = Running::start(Limits { write_time: SHORT, ..Limits::default() }).await;
    let mut stream = running.connect().await;
    // More than all buffers on the way hold.
    stream.write_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    running.dropped().await;
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.stream.read_to_end(&mut rest)).await.unwrap();
    assert!(ended(&read), "{read:?}");
    assert!(rest.len() < support::LONG, "{}", rest.len());
}

#[tokio::test]
async fn an_end_waits_for_what_was_begun_and_for_nothing_else() {
    let running = Running::start(Limits::default()).await;
    let mut idle = running.connect().await;
    idle.write_all(GET).await.unwrap();
    assert_eq!(idle.answer().await, "200 127.0.0.1");
    let mut busy = running.connect().await;
    busy.write_all(b"GET /gate HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    running.entered().await;
    let stopped = running.stop();
    assert!(idle.is_over().await, "it is told at once");
    stopped.gate.notify_one();
    assert_eq!(busy.answer().await, "200 gate");
    stopped.task.await.unwrap();
}

#[tokio::test]
async fn an_end_does_not_wait_for_ever() {
    let running = Running::start(Limits { finish_time: SHORT, ..Limits::default() }).await;
    let mut busy = running.connect().await;
    busy.write_all(b"GET /gate HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    running.entered().await;
    let stopped = running.stop();
    tokio::time::timeout(PATIENCE, stopped.task).await.unwrap().unwrap();
    assert!(busy.is_over().await);
}

#[tokio::test]
async fn more_connections_than_there_are_places_wait_for_one() {
    let running = Running::start(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = running.connect().await;
    first.write_all(GET).await.unwrap();
    assert_eq!(first.answer().await, "200 127.0.0.1");
    let mut second = running.connect().await;
    second.write_all(GET).await.unwrap();
    let early = tokio::time::timeout(SHORT, second.answer()).await;
    assert!(early.is_err(), "it waits");
    drop(first);
    assert_eq!(second.answer().await, "200 127.0.0.1");
}
