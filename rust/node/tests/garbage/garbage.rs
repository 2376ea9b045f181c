//! What strangers may send.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes that one connection sends at most: more than any node should keep.
const MOST_BYTES: usize = 8 << 20;
/// Time between the bytes of somebody slow.
const DRIP: Duration = Duration::from_millis(200);

/// How often somebody asks who reads no answer.
const ASKS: usize = 50;

/// A way to misuse a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Noise,
    Silence,
    SlowHead,
    SlowBody,
    Ahead,
    Nested,
    HugeNumber,
    WrongTypes,
    Forged,
    TooLong,
    Endless,
    Deaf,
    DeafListener,
}

impl Kind {
    pub(crate) const ALL: [Self; 13] = [
        Self::Noise,
        Self::Silence,
        Self::SlowHead,
        Self::SlowBody,
        Self::Ahead,
        Self::Nested,
        Self::HugeNumber,
        Self::WrongTypes,
        Self::Forged,
        Self::TooLong,
        Self::Endless,
        Self::Deaf,
        Self::DeafListener,
    ];

    /// Misuses one connection until it is over.
    pub(crate) async fn send(self, address: SocketAddr, number: usize) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        match self {
            Self::Noise => whole(&mut stream, &noise(number)).await,
            Self::Silence => rest(&mut stream).await,
            Self::SlowHead => drip(&mut stream, "GET /v1/records HTTP/1.1\r\nX: ").await,
            Self::SlowBody => drip(&mut stream, &head("/v1/requests", 1 << 20)).await,
            Self::Ahead => whole(&mut stream, get("/v1/status").repeat(2_000).as_bytes()).await,
            Self::Nested => post(&mut stream, "[".repeat(1 << 20)).await,
            Self::HugeNumber => {
                post(&mut stream, format!("{{\"version\":{}}}", "9".repeat(1_000_000))).await;
            }
            Self::WrongTypes => {
                post(&mut stream, format!("[{}]", vec!["{}"; 300_000].join(","))).await;
            }
            Self::Forged => post(&mut stream, forged()).await,
            Self::TooLong => {
                let head = head("/v1/offers", 1 << 40);
                whole(&mut stream, &[head.as_bytes(), &vec![b' '; MOST_BYTES]].concat()).await;
            }
            Self::Endless => {
                let head =
                    "POST /v1/gossip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
                let chunks = format!("1000\r\n{}\r\n", " ".repeat(0x1000)).repeat(MOST_BYTES >> 12);
                whole(&mut stream, [head, &chunks].concat().as_bytes()).await;
            }
            Self::Deaf => deaf(&mut stream, &get("/v1/records?limit=1000")).await,
            Self::DeafListener => deaf(&mut stream, &get("/v1/events?after=0")).await,
        }
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn head(path: &str, length: u64) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

/// Bytes of no meaning, others for every connection.
fn noise(number: usize) -> Vec<u8> {
    let mut state = number as u64 + 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(100_000).collect()
}

/// As many requests as an array may have, well-formed, signed by nobody, of another network.
fn forged() -> String {
    let (word, address) = (format!("0x{}", "11".repeat(32)), format!("0x{}", "22".repeat(20)));
    let signature = format!("0x{}", "33".repeat(64));
    let request = format!(
        r#"{{"resourceId":"{word}","requester":"{address}","volume":1,"startTime":"1","endTime":"2","timestamp":"1","sequence":"1"}}"#
    );
    let file = format!(
        r#"{{"version":1,"networkId":"{word}","request":{request},"signature":"{signature}"}}"#
    );
    format!("[{}]", vec![file; 1_000].join(","))
}

/// Sends everything, as far as it is taken, while it reads all that comes.
async fn whole(stream: &mut TcpStream, bytes: &[u8]) {
    let (mut reader, mut writer) = stream.split();
    let send = async {
        // The node does not read what is too long to its end.
        drop(writer.write_all(bytes).await);
    };
    let receive = async {
        let mut part = [0; 4_096];
        while let Ok(1..) = reader.read(&mut part).await {}
    };
    tokio::join!(send, receive);
}

async fn post(stream: &mut TcpStream, body: String) {
    whole(stream, (head("/v1/requests", body.len() as u64) + &body).as_bytes()).await;
}

/// Reads until the node hangs up.
async fn rest(stream: &mut TcpStream) {
    whole(stream, &[]).await;
}

/// Sends a byte now and then until the node hangs up.
async fn drip(stream: &mut TcpStream, begin: &str) {
    let mut sent = stream.write_all(begin.as_bytes()).await;
    let mut part = [0; 4_096];
    while sent.is_ok() {
        match tokio::time::timeout(DRIP, stream.read(&mut part)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(_)) => {}
            Err(_) => sent = stream.write_all(b"x").await,
        }
    }
}

/// Asks again and again and reads nothing, until the node hangs up, or for long enough: what the
/// buffers on the way hold is answered, as far as the node can tell.
async fn deaf(stream: &mut TcpStream, ask: &str) {
    for _ in 0..ASKS {
        if stream.write_all(ask.as_bytes()).await.is_err() {
            return;
        }
        tokio::time::sleep(DRIP).await;
    }
}

/// The node answers.
pub(crate) async fn healthy(address: SocketAddr) {
    let answer = asked(address, "/health").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// What the node keeps at hand anyway is there before anything is measured.
pub(crate) async fn warm_up(address: SocketAddr) {
    for path in ["/v1/records?limit=1000", "/v1/resources", "/v1/requests", "/metrics"] {
        let answer = asked(address, path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

async fn asked(address: SocketAddr, path: &str) -> String {
    let ask = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
