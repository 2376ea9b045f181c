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
