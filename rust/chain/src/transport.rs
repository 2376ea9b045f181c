//! JSON-RPC over HTTP with a bound on everything: time, size and number of attempts.
//!
//! alloy's own HTTP transport reads answers of any size and waits for ever. This one is used the
//! same way, so every alloy provider and contract binding on top of it inherits the bounds.

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::http::reqwest::{self, Url};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use backon::{ExponentialBuilder, Retryable as _};
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
    #[error(transparent)]
    Http(reqwest::Error),
    #[error("HTTP status {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
    #[error("the answer is no JSON-RPC: {0}")]
    Json(serde_json::Error),
}

impl AttemptError {
    /// Whether another attempt may go better: nobody answered, or the node is overloaded.
    fn is_passing(&self) -> bool {
        match self {
            Self::Http(_) => true,
            Self::Status(status) => status.is_server_error() || status.as_u16() == 429,
            Self::TooLong(_) | Self::Json(_) => false,
        }
    }
}

/// Whether the answer was longer than [`Limits::answer_bytes`].
pub(crate) fn is_too_long(error: &TransportError) -> bool {
    let custom = match error.as_transport_err() {
        Some(TransportErrorKind::Custom(custom)) => custom.downcast_ref::<AttemptError>(),
        _ => None,
    };
    matches!(custom, Some(AttemptError::TooLong(_)))
}

/// The transport: cheap to clone, connections are shared.
#[derive(Clone, Debug)]
pub(crate) struct BoundedHttp {
    http: reqwest::Client,
    url: Url,
    limits: Limits,
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

    async fn attempt(&self, request: &RequestPacket) -> Result<ResponsePacket, AttemptError> {
        let request = self.http.post(self.url.clone()).json(request);
        let mut response = request.send().await.map_err(AttemptError::Http)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(AttemptError::Http)? {
            if body.len().saturating_add(chunk.len()) > self.limits.answer_bytes {
                return Err(AttemptError::TooLong(self.limits.answer_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Err(AttemptError::Status(status));
        }
        serde_json::from_slice(&body).map_err(AttemptError::Json)
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
    use crate::{ChainError, Class, Client};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    const GOOD: &str = r#"{"jsonrpc":"2.0","id":0,"result":"0x2a"}"#;
    const REVERT: &str =
        r#"{"jsonrpc":"2.0","id":0,"error":{"code":3,"message":"reverted","data":"0x1234"}}"#;

    /// A node that gives the answers in turn, then the last one for ever; counts what it was asked.
    async fn node(answers: Vec<(u16, String)>) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                assert_ne!(stream.read(&mut request).await.unwrap(), 0);
                let turn = counter.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                let (status, body) = &answers[turn];
                let head = format!(
                    "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                // A client that has read enough hangs up.
                if stream.write_all((head + body).as_bytes()).await.is_err() {
                    continue;
                }
            }
        });
        (url, asked)
    }

    fn limits() -> Limits {
        Limits { timeout: Duration::from_secs(5), retries: 2, answer_bytes: 1_000 }
    }

    #[tokio::test]
    async fn an_overloaded_node_is_asked_again() {
        let busy = (503, String::new());
        let (url, asked) = node(vec![busy.clone(), busy, (200, GOOD.into())]).await;
        let client = Client::new(&url, limits()).unwrap();
        assert_eq!(client.latest().await.unwrap(), 42);
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_node_that_stays_away_is_given_up_to_be_tried_later() {
        let (url, asked) = node(vec![(503, String::new())]).await;
        let error = Client::new(&url, limits()).unwrap().latest().await.unwrap_err();
        assert_eq!(error.class(), Class::Retry);
        assert_eq!(asked.load(Ordering::SeqCst), 3, "one attempt and two more");
    }

    #[tokio::test]
    async fn answers_are_not_read_beyond_their_bound() {
        let (url, asked) = node(vec![(200, "x".repeat(2_000))]).await;
        let error = Client::new(&url, limits()).unwrap().latest().await.unwrap_err();
        assert!(error.is_too_much(), "{error}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "no second attempt");
    }

    #[tokio::test]
    async fn what_the_node_refuses_is_refused_once() {
        let (url, asked) = node(vec![(200, REVERT.into())]).await;
        let error = Client::new(&url, limits()).unwrap().latest().await.unwrap_err();
        assert!(matches!(&error, ChainError::Refused { code: 3, data: Some(data), .. }
            if data.as_ref() == [0x12, 0x34]));
        assert_eq!(error.class(), Class::Skip);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_silent_node_is_left_after_the_time_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let timeout = Duration::from_millis(50);
        let limits = Limits { timeout, retries: 0, ..limits() };
        let error = Client::new(&url, limits).unwrap().latest().await.unwrap_err();
        assert_eq!(error.class(), Class::Retry, "{error}");
    }

    #[test]
    fn only_http_is_a_url() {
        for url in ["", "localhost:8545", "ws://localhost", "file:///etc/passwd"] {
            let error = Client::new(url, limits()).unwrap_err();
            assert!(matches!(error, ChainError::Url { .. }), "{url}");
        }
    }
}
