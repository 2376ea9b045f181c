//! Bytes of strangers: every one gets an answer or an end, and the approver goes on.

use crate::support::{PATIENCE, Running, exchange, limits, post, request, signed};
use fallow_approver::Limits;
use fallow_protocol::FILE_MAX_BYTES;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn what_is_no_request_is_malformed() {
    let running = Running::start().await;
    let good = serde_json::to_value(signed(&running.network, 7, request(7, 1, 1, 0))).unwrap();
    let altered = |alter: &dyn Fn(&mut serde_json::Value)| {
        let mut file = good.clone();
        alter(&mut file);
        file.to_string().into_bytes()
    };
    let bodies = [
        b"".to_vec(),
        b"{}".to_vec(),
        b"null".to_vec(),
        vec![0xff; 100],
        vec![b'['; 60_000],
        altered(&|file| file["version"] = 2.into()),
        altered(&|file| file["extra"] = 1.into()),
        altered(&|file| file["request"]["extra"] = 1.into()),
        altered(&|file| file["request"]["volume"] = 65_536.into()),
        altered(&|file| file["request"]["volume"] = (-1).into()),
        altered(&|file| file["request"]["sequence"] = 1.into()),
        altered(&|file| file["request"]["endTime"] = "18446744073709551616".into()),
        altered(&|file| file["signature"] = format!("0x{}", "00".repeat(65)).into()),
        altered(&|file| file["signature"] = "0x".into()),
        [good.to_string().as_bytes(), b" {}"].concat(),
    ];
    for body in bodies {
        let answer = running.raw(&post("/v1/approvals", &body)).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        assert_eq!(answer.error(), (400, None, "RequestMalformed"), "{shown}");
    }
    assert_eq!(running.get("/v1/health").await.status, 200);
}

#[tokio::test]
async fn signatures_of_nobody_are_refused() {
    let running = Running::start().await;
    let file = signed(&running.network, 7, request(7, 1, 1, 0));
    for bytes in [[0; 64], [0xff; 64]] {
        let forged = fallow_protocol::RequestFile { signature: bytes.into(), ..file };
        assert_eq!(running.ask(&forged).await.error().1, Some(101));
    }
}

#[tokio::test]
async fn what_is_too_long_is_not_read() {
    let running = Running::start().await;
    let longest = vec![b' '; FILE_MAX_BYTES];
    let answer = running.raw(&post("/v1/approvals", &longest)).await;
    assert_eq!(answer.error(), (400, None, "RequestMalformed"), "read, and no JSON");
    let answer = running.raw(&post("/v1/approvals", &[longest.as_slice(), b" "].concat())).await;
    assert_eq!(answer.error(), (413, None, "BodyTooLong"));
    // Without a length, in chunks that never end.
    let chunks = "10000\r\n".to_owned() + &" ".repeat(0x1_0000) + "\r\n1\r\n \r\n";
    let head = "POST /v1/approvals HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = running.raw((head.to_owned() + &chunks).as_bytes()).await;
    assert_eq!(answer.error(), (413, None, "BodyTooLong"));
}

#[tokio::test]
async fn other_paths_and_methods_are_told_so() {
    let running = Running::start().await;
    for path in ["/", "/v1", "/v2/approvals", "/v1/approvals/1", "/v1//policy"] {
        assert_eq!(running.get(path).await.error(), (404, None, "NotFound"), "{path}");
    }
    assert_eq!(running.get("/v1/approvals").await.error(), (405, None, "MethodNotAllowed"));
    let answer = running.raw(&post("/v1/policy", b"")).await;
    assert_eq!(answer.error(), (405, None, "MethodNotAllowed"));
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection() {
    let running = Running::start().await;
    let long_head = format!("GET /v1/health HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00".as_slice(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n \0",
        b"GET /v1/health HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        long_head.as_bytes(),
    ] {
        let answer = exchange(running.address, bytes).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(running.get("/v1/health").await.status, 200);
}

#[tokio::test]
async fn whoever_dawdles_is_cut_off() {
    let short = Duration::from_millis(100);
    let running = Running::with(Limits { head_time: short, body_time: short, ..limits() }).await;
    // A head that never ends, and no head at all: the connection does.
    for begun in [b"GET /v1/health HT".as_slice(), b""] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        tokio::time::timeout(PATIENCE, read).await.expect("cut off").unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
    // A body that never ends.
    let head = b"POST /v1/approvals HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{";
    assert_eq!(running.raw(head).await.error(), (408, None, "BodyTimeout"));
}

#[tokio::test]
async fn connections_that_say_nothing_hold_up_nobody_for_long() {
    let head_time = Duration::from_millis(100);
    let running = Running::with(Limits { connections: 2, head_time, ..limits() }).await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    let start = Instant::now();
    assert_eq!(running.get("/v1/health").await.status, 200);
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(silent.len(), 10, "all the while open");
}

#[tokio::test]
async fn whoever_asks_too_often_waits() {
    let running = Running::with(Limits { per_second: 1, ..limits() }).await;
    let file = signed(&running.network, 7, request(7, 1, 1, 0));
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(running.ask(&file).await);
    }
    assert!(answers[..4].iter().all(|answer| answer.status == 200), "{answers:?}");
    let last = answers.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!(last.error(), (429, None, "RateExceeded"));
    assert_eq!(running.get("/v1/policy").await.status, 200, "reading costs nothing");
}

#[tokio::test]
async fn an_end_waits_for_what_was_begun() {
    let running = Running::start().await;
    let file = signed(&running.network, 7, request(7, 1, 1, 0));
    let bytes = post("/v1/approvals", &serde_json::to_vec(&file).unwrap());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    stream.write_all(first).await.unwrap();
    // Whoever connected later has an answer, so this connection is served already.
    assert_eq!(running.get("/v1/health").await.status, 200);
    let address = running.address;
    let stopped = tokio::spawn(running.stop());
    let mut gone = false;
    while !gone {
        gone = TcpStream::connect(address).await.is_err();
    }
    stream.write_all(rest).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&answer));
    stopped.await.unwrap();
}
