//! JSON-RPC over HTTP with a bound on everything: time, size and number of attempts.
//!
//! alloy's own HTTP transport reads answers of any size and waits for ever. This one is used the
//! same way, so every alloy provider and contract binding on top of it inherits the bounds.

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::http::reqwest::{self, Url};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use backon::{ExponentialBuilder, Retryable as _};
use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bounds on talking to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One attempt takes no longer, connecting and reading included. Default 10 s.
    pub timeout: Duration,
    /// So many more attempts when a node cannot be reached. Default 3, the last about 2 s after
    /// the first; daemons repeat their whole step later.
    pub retries: usize,
    /// An answer is not read further than this. Default 64 MiB: 500 blocks full of logs.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), retries: 3, answer_bytes: 64 << 20 }
    }
}

/// Why one attempt failed.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("{node}: {error}")]
    Http {
        node: String,
        #[source]
        error: reqwest::Error,
    },
    #[error("HTTP status {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
    #[error("the answer is no JSON-RPC: {0}")]
    Json(serde_json::Error),
    #[error("the answer is of JSON-RPC {0:?}, not 2.0")]
    Version(String),
    #[error("the answer is to request {got}, {want} was asked")]
    Id { got: String, want: String },
}

impl AttemptError {
    /// Whether another attempt may go better: nobody answered, or the node is overloaded.
    fn is_passing(&self) -> bool {
        match self {
            Self::Http { .. } => true,
            Self::Status(status) => status.is_server_error() || status.as_u16() == 429,
            Self::TooLong(_) | Self::Json(_) | Self::Version(_) | Self::Id { .. } => false,
        }
    }
}

/// Whether the answer was longer than [`Limits::answer_bytes`], or was not there in time although
/// the node can be reached, or left out parts of a batch.
pub(crate) fn is_too_much(error: &TransportError) -> bool {
    let custom = match error.as_transport_err() {
        Some(TransportErrorKind::MissingBatchResponse(_)) => return true,
        Some(TransportErrorKind::Custom(custom)) => custom.downcast_ref::<AttemptError>(),
        _ => None,
    };
    match custom {
        Some(AttemptError::TooLong(_)) => true,
        Some(AttemptError::Http { error, .. }) => error.is_timeout() && !error.is_connect(),
        _ => false,
    }
}

/// The transport: cheap to clone, connections are shared.
#[derive(Clone)]
pub(crate) struct BoundedHttp {
    http: reqwest::Client,
    url: Url,
    limits: Limits,
}

impl fmt::Debug for BoundedHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http: _, url, limits } = self;
        let node = name_of(url);
        f.debug_struct("BoundedHttp").field("node", &node).field("limits", limits).finish()
    }
}

/// A node's name in errors: scheme, host and port. The rest of a URL often holds a key.
fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}://{host}:{port}", url.scheme())
}

impl BoundedHttp {
    pub(crate) fn new(url: Url, limits: Limits) -> Result<Self, TransportError> {
        let http = reqwest::Client::builder()
            .timeout(limits.timeout)
            // A node that redirects is none.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(TransportErrorKind::custom)?;
        Ok(Self { http, url, limits })
    }

    fn failed(&self, error: reqwest::Error) -> AttemptError {
        AttemptError::Http { node: name_of(&self.url), error: error.without_url() }
    }

    async fn attempt(&self, asked: &RequestPacket) -> Result<ResponsePacket, AttemptError> {
        let request = self.http.post(self.url.clone()).json(asked);
        let mut response = request.send().await.map_err(|error| self.failed(error))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if body.len().saturating_add(chunk.len()) > self.limits.answer_bytes {
                return Err(AttemptError::TooLong(self.limits.answer_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Err(AttemptError::Status(status));
        }
        let answer = serde_json::from_slice(&body).map_err(AttemptError::Json)?;
        check_version(&answer, &body)?;
        is_to(&answer, asked)?;
        Ok(answer)
    }

    async fn exchange(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_times(self.limits.retries)
            .with_jitter();
        (|| self.attempt(&request))
            .retry(backoff)
            .when(AttemptError::is_passing)
            .notify(|error, delay| tracing::debug!(%error, ?delay, "node did not answer"))
            .await
            .map_err(TransportErrorKind::custom)
    }
}

/// The member that alloy does not look at. Version 1 has other errors; some nodes leave it out.
#[derive(serde::Deserialize)]
struct Versioned {
    jsonrpc: Option<String>,
}

fn check_version(answer: &ResponsePacket, body: &[u8]) -> Result<(), AttemptError> {
    let versions: Vec<Versioned> = match answer {
        ResponsePacket::Single(_) => serde_json::from_slice(body).map(|one| vec![one]),
        ResponsePacket::Batch(_) => serde_json::from_slice(body),
    }
    .map_err(AttemptError::Json)?;
    let mut versions = versions.into_iter().filter_map(|one| one.jsonrpc);
    match versions.find(|version| version != "2.0") {
        Some(other) => Err(AttemptError::Version(other)),
        None => Ok(()),
    }
}

/// Checks that a single answer is to the request; in batches, answers are found by their id.
fn is_to(answer: &ResponsePacket, asked: &RequestPacket) -> Result<(), AttemptError> {
    if let (ResponsePacket::Single(answer), RequestPacket::Single(asked)) = (answer, asked)
        && answer.id != *asked.id()
        // What a node could not read has no id.
        && !(answer.id.is_none() && answer.is_error())
    {
        let (got, want) = (answer.id.to_string(), asked.id().to_string());
        return Err(AttemptError::Id { got, want });
    }
    Ok(())
}

impl tower::Service<RequestPacket> for BoundedHttp {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Answer, FakeNode};
    use crate::{ChainError, Class, Client};
    use alloy_primitives::{Address, TxHash};
    use tokio::net::TcpListener;

    fn limits() -> Limits {
        Limits { timeout: Duration::from_secs(5), retries: 2, answer_bytes: 1_000 }
    }

    async fn node(answers: Vec<Answer>) -> (FakeNode, Client) {
        let node = FakeNode::start(answers).await;
        let client = Client::new(&node.url(), limits()).unwrap();
        (node, client)
    }

    #[tokio::test]
    async fn an_overloaded_node_is_asked_again() {
        let busy = Answer::Status(503);
        let (node, client) = node(vec![busy.clone(), busy, Answer::result("\"0x2a\"")]).await;
        assert_eq!(client.latest().await.unwrap(), 42);
        assert_eq!(node.asked().len(), 3);
    }

    #[tokio::test]
    async fn a_node_that_stays_away_is_given_up_to_be_tried_later() {
        let (node, client) = node(vec![Answer::Status(503)]).await;
        let error = client.latest().await.unwrap_err();
        assert_eq!(error.class(), Class::Retry);
        assert!(!error.is_too_much(), "{error}");
        assert_eq!(node.asked().len(), 3, "one attempt and two more");
    }

    #[tokio::test]
    async fn answers_are_not_read_beyond_their_bound() {
        let (node, client) = node(vec![Answer::Body(vec![b'x'; 2_000])]).await;
        let error = client.latest().await.unwrap_err();
        assert!(error.is_too_much(), "{error}");
        assert_eq!(node.asked().len(), 1, "no second attempt");
    }

    #[tokio::test]
    async fn what_the_node_refuses_is_refused_once() {
        let reverted = r#"{"code":3,"message":"reverted","data":"0x1234"}"#;
        let (node, client) = node(vec![Answer::error(reverted)]).await;
        let error = client.latest().await.unwrap_err();
        assert!(matches!(&error, ChainError::Refused { code: 3, data: Some(data), .. }
            if data.as_ref() == [0x12, 0x34]));
        assert_eq!(error.class(), Class::Skip);
        assert_eq!(node.asked().len(), 1);
    }

    #[tokio::test]
    async fn a_silent_node_is_left_after_the_time_out_and_asked_for_less() {
        let node = FakeNode::start(vec![Answer::Silence]).await;
        let timeout = Duration::from_millis(50);
        let limits = Limits { timeout, retries: 0, ..limits() };
        let error = Client::new(&node.url(), limits).unwrap().latest().await.unwrap_err();
        assert_eq!(error.class(), Class::Retry, "{error}");
        assert!(error.is_too_much(), "{error}");
    }

    /// What a node may say instead of an answer.
    fn hostile() -> Vec<(&'static str, Answer)> {
        let body = |bytes: &[u8]| Answer::Body(bytes.to_vec());
        let huge = format!("\"0x1{}\"", "0".repeat(75));
        let deep = "[".repeat(100_000);
        let closed = format!("{deep}{}", "]".repeat(100_000));
        vec![
            ("nothing", body(b"")),
            ("truncated", body(br#"{"jsonrpc":"2.0","id":0,"result":"0x2"#)),
            ("more than one", body(br#"{"jsonrpc":"2.0","id":0,"result":"0x2"}{}"#)),
            ("not UTF-8", body(b"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"\xff\xfe\"}")),
            ("no JSON-RPC", body(b"<html></html>")),
            ("neither result nor error", body(br#"{"jsonrpc":"2.0","id":0}"#)),
            ("another id", body(br#"{"jsonrpc":"2.0","id":77,"result":"0x2a"}"#)),
            ("no id", body(br#"{"jsonrpc":"2.0","id":null,"result":"0x2a"}"#)),
            ("another version", body(br#"{"jsonrpc":"1.0","id":0,"result":"0x2a"}"#)),
            ("no version", body(br#"{"jsonrpc":2,"id":0,"result":"0x2a"}"#)),
            ("an empty batch", body(b"[]")),
            ("open brackets", body(deep.as_bytes())),
            ("deep result", Answer::result(&closed)),
            ("deep in an object", Answer::result(&format!("{{\"hash\":{closed}}}"))),
            ("1e400", Answer::result("1e400")),
            ("minus one", Answer::result("-1")),
            ("2^300", Answer::result(&huge)),
            ("2^300 as a field", Answer::result(&format!("{{\"number\":{huge}}}"))),
            ("2^300 in a list", Answer::result(&format!("[{{\"blockNumber\":{huge}}}]"))),
            ("a lone surrogate", Answer::result(r#""\ud800""#)),
            ("too long", Answer::Body(vec![b' '; (1 << 20) + 1])),
        ]
    }

    #[tokio::test]
    async fn hostile_answers_are_errors_and_never_a_panic() {
        for (what, answer) in hostile() {
            let node = FakeNode::start(vec![answer]).await;
            // A fresh client for each: its first request has id 0.
            let limits = Limits { answer_bytes: 1 << 20, retries: 0, ..limits() };
            let client = || Client::new(&node.url(), limits).unwrap();
            let errors = [
                client().latest().await.map(drop).unwrap_err(),
                client().block(1).await.map(drop).unwrap_err(),
                client().headers(1..=2).await.map(drop).unwrap_err(),
                client().logs(Address::ZERO, 1..=2).await.map(drop).unwrap_err(),
                client().fees().await.map(drop).unwrap_err(),
                client().receipt(TxHash::ZERO).await.map(drop).unwrap_err(),
            ];
            for error in errors {
                let is_told = matches!(error, ChainError::Transport(_) | ChainError::Answer(_));
                assert!(is_told, "{what}: {error:?}");
                assert_eq!(error.class(), Class::Retry, "{what}: {error}");
            }
        }
    }

    #[test]
    fn only_http_is_a_url_and_none_is_repeated() {
        for url in ["", "localhost:8545", "ws://localhost/s3cret", "file:///s3cret", "s3cret"] {
            let error = Client::new(url, limits()).unwrap_err();
            assert!(matches!(error, ChainError::Url), "{url}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    /// An error with all that caused it.
    fn in_full(error: &ChainError) -> String {
        let mut text = format!("{error} {error:?}");
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text += &format!(" {inner} {inner:?}");
            cause = inner.source();
        }
        text
    }

    #[tokio::test]
    async fn errors_name_the_node_but_not_its_secrets() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let silent = FakeNode::start(vec![Answer::Silence]).await;
        let broken = FakeNode::start(vec![Answer::Status(500)]).await;
        let limits = Limits { timeout: Duration::from_millis(50), retries: 0, ..limits() };
        for (address, is_named) in
            [(closed.to_string(), true), (silent.address, true), (broken.address, false)]
        {
            let url = format!("http://us3r:s3cret@{address}/v2/s3cret?key=s3cret");
            let client = Client::new(&url, limits).unwrap();
            let error = client.latest().await.unwrap_err();
            let text = in_full(&error);
            assert_eq!(text.contains(&format!("http://{address}")), is_named, "{text}");
            for secret in ["s3cret", "us3r"] {
                assert!(!text.contains(secret), "{text}");
                assert!(!format!("{client:?}").contains(secret), "{client:?}");
            }
        }
    }
}
