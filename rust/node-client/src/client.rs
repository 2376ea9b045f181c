//! HTTP with a bound on everything: time, size, number of attempts. What comes back is only
//! decoded here, not believed.

use crate::types::{
    CalendarAnswer, CheckAnswer, CheckpointAnswer, ConsistencyAnswer, GossipAnswer,
    InclusionAnswer, MessageAnswer, Outcome, Outcomes, Page, Problem, RecordAnswer, RequestAnswer,
    ResourceAnswer, SharesAnswer, StatusAnswer,
};
use crate::{ClientError, Posted, RequestQuery, ResourceQuery};
use alloy_primitives::{B256, Bytes};
use backon::{ExponentialBuilder, Retryable as _};
use fallow_protocol::{
    FILE_MAX_BYTES, NetworkFile, RequestFile, ResourceId, SET_MAX_BYTES, SetHash, Ticket,
};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Bytes of the longest answer about one thing: a resource with its offer document.
const ONE_BYTES: usize = 256 << 10;
/// Bytes of the longest page.
const PAGE_BYTES: usize = 8 << 20;
/// Bytes of the longest static file: a bundle of 256 entries of at most 1 005 bytes.
const STATIC_BYTES: usize = 256 * 1_005;

/// Bounds on talking to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One attempt takes no longer, connecting and reading included. Default 10 s.
    pub timeout: Duration,
    /// So many more attempts while the node says that it is busy. Default 5, the last about 6 s
    /// after the first, unless the node asks for longer pauses.
    pub retries: usize,
    /// A pause that the node asks for is kept if it is not longer than this; else it is the
    /// caller's to come back. Default 10 s.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), retries: 5, pause: Duration::from_secs(10) }
    }
}

/// A failed attempt, and when the node wants to be asked again.
struct Attempt {
    error: ClientError,
    again: Option<Duration>,
}

impl From<ClientError> for Attempt {
    fn from(error: ClientError) -> Self {
        Self { error, again: None }
    }
}

/// Asks one node.
#[derive(Clone, Debug)]
pub struct NodeClient {
    http: reqwest::Client,
    base: Url,
    limits: Limits,
}

impl NodeClient {
    /// Names a node; nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is none of HTTP.
    pub fn new(url: &str, limits: Limits) -> Result<Self, ClientError> {
        let base = Url::parse(url).ok().filter(|url| url.scheme() == "http" && url.has_host());
        let mut base = base.ok_or(ClientError::Url)?;
        base.path_segments_mut().map_err(|()| ClientError::Url)?.pop_if_empty();
        base.set_query(None);
        let http = reqwest::Client::builder()
            .timeout(limits.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(ClientError::Transport)?;
        Ok(Self { http, base, limits })
    }

    /// The node's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.base.as_str()
    }

    /// The network file that the node serves; what it says of itself is checked, not who it is.
    ///
    /// # Errors
    /// When there is none.
    pub async fn network(&self) -> Result<NetworkFile, ClientError> {
        let path = "/v1/network";
        let bytes = self.get_bytes(path, &[], FILE_MAX_BYTES).await?;
        NetworkFile::read(&bytes).map_err(|_| ClientError::Form { path: path.to_owned() })
    }

    /// The bytes of a validator set.
    ///
    /// # Errors
    /// When the node does not have it.
    pub async fn set(&self, hash: SetHash) -> Result<Bytes, ClientError> {
        self.get_bytes(&format!("/v1/sets/{hash}"), &[], SET_MAX_BYTES).await
    }

    /// What the node says of itself.
    ///
    /// # Errors
    /// As every call.
    pub async fn status(&self) -> Result<StatusAnswer, ClientError> {
        self.get("/v1/status", &[], ONE_BYTES).await
    }

    /// The newest certified checkpoint.
    ///
    /// # Errors
    /// Problem 903 or 918 where nothing is certified yet.
    pub async fn latest_checkpoint(&self) -> Result<CheckpointAnswer, ClientError> {
        self.get("/v1/checkpoints/latest", &[], ONE_BYTES).await
    }

    /// The checkpoint of one sidechain block.
    ///
    /// # Errors
    /// Problem 903 where that block is none.
    pub async fn checkpoint(&self, block: u64) -> Result<CheckpointAnswer, ClientError> {
        self.get(&format!("/v1/checkpoints/{block}"), &[], ONE_BYTES).await
    }

    /// A page of certified checkpoints, newest first.
    ///
    /// # Errors
    /// As every call.
    pub async fn certified_checkpoints(
        &self,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<CheckpointAnswer>, ClientError> {
        let pairs = vec![("certified", "true".to_owned())];
        self.get("/v1/checkpoints", &paged(pairs, after, limit), PAGE_BYTES).await
    }

    /// Who has signed the checkpoint of a block.
    ///
    /// # Errors
    /// Problem 903 where that block is none.
    pub async fn shares(&self, block: u64) -> Result<SharesAnswer, ClientError> {
        self.get(&format!("/v1/checkpoints/{block}/shares"), &[], ONE_BYTES).await
    }

    /// A record by the id of its message, or by its index.
    ///
    /// # Errors
    /// Problem 903 where there is none.
    pub async fn record(&self, id_or_index: &str) -> Result<RecordAnswer, ClientError> {
        self.get(&format!("/v1/records/{id_or_index}"), &[], ONE_BYTES).await
    }

    /// Records in the order of the log, those after this index.
    ///
    /// # Errors
    /// As every call.
    pub async fn records(
        &self,
        after: Option<u64>,
        limit: u16,
    ) -> Result<Page<RecordAnswer>, ClientError> {
        let after = after.map(|after| after.to_string());
        self.get("/v1/records", &paged(Vec::new(), after.as_deref(), limit), PAGE_BYTES).await
    }

    /// The path from a record to the root of a log of `size` records.
    ///
    /// # Errors
    /// As every call.
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<InclusionAnswer, ClientError> {
        let query = [("index", index.to_string()), ("size", size.to_string())];
        self.get("/v1/proofs/inclusion", &query, ONE_BYTES).await
    }

    /// What shows that a log of `from` records is the beginning of one of `to`.
    ///
    /// # Errors
    /// As every call.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<ConsistencyAnswer, ClientError> {
        let query = [("from", from.to_string()), ("to", to.to_string())];
        self.get("/v1/proofs/consistency", &query, ONE_BYTES).await
    }

    /// A ticket by the id of its request, or by the index of any record.
    ///
    /// # Errors
    /// Problem 903 where there is no record, 918 where it is not certified yet.
    pub async fn ticket(&self, id_or_index: &str) -> Result<Ticket, ClientError> {
        self.get(&format!("/v1/tickets/{id_or_index}"), &[], ONE_BYTES).await
    }

    /// A page of resources.
    ///
    /// # Errors
    /// As every call.
    pub async fn resources(
        &self,
        query: &ResourceQuery,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<ResourceAnswer>, ClientError> {
        self.get("/v1/resources", &paged(query.pairs(), after, limit), PAGE_BYTES).await
    }

    /// One resource.
    ///
    /// # Errors
    /// Problem 903 where there is none.
    pub async fn resource(&self, id: ResourceId) -> Result<ResourceAnswer, ClientError> {
        self.get(&format!("/v1/resources/{id}"), &[], ONE_BYTES).await
    }

    /// Used volume of a resource between two times.
    ///
    /// # Errors
    /// As every call.
    pub async fn calendar(
        &self,
        id: ResourceId,
        from: u64,
        to: u64,
    ) -> Result<CalendarAnswer, ClientError> {
        let query = [("from", from.to_string()), ("to", to.to_string())];
        self.get(&format!("/v1/resources/{id}/calendar"), &query, PAGE_BYTES).await
    }

    /// A page of allocations.
    ///
    /// # Errors
    /// As every call.
    pub async fn requests(
        &self,
        query: RequestQuery,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<RequestAnswer>, ClientError> {
        self.get("/v1/requests", &paged(query.pairs(), after, limit), PAGE_BYTES).await
    }

    /// A page of announcements that nobody recorded.
    ///
    /// # Errors
    /// As every call.
    pub async fn gossip(
        &self,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<GossipAnswer>, ClientError> {
        self.get("/v1/gossip", &paged(Vec::new(), after, limit), PAGE_BYTES).await
    }

    /// Where a posted message stands.
    ///
    /// # Errors
    /// Problem 903 where the node never saw it.
    pub async fn message(&self, id: B256) -> Result<MessageAnswer, ClientError> {
        self.get(&format!("/v1/messages/{id}"), &[], ONE_BYTES).await
    }

    /// An offer document's bytes.
    ///
    /// # Errors
    /// Problem 903 where the node does not have it.
    pub async fn offer(&self, hash: B256) -> Result<Bytes, ClientError> {
        self.get_bytes(&format!("/v1/offers/{hash}"), &[], FILE_MAX_BYTES).await
    }

    /// A static file of the log: a tile or a bundle, by its path of section 18.
    ///
    /// # Errors
    /// Problem 903 where there is none.
    pub async fn file(&self, path: &str) -> Result<Bytes, ClientError> {
        self.get_bytes(&format!("/{path}"), &[], STATIC_BYTES).await
    }

    /// Has an offer document published; answers the hash that the node found.
    ///
    /// # Errors
    /// As every call.
    pub async fn put_offer(&self, document: Bytes) -> Result<B256, ClientError> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Put {
            hash: B256,
        }
        let path = "/v1/offers";
        let ask = || {
            let body = document.0.clone();
            self.request(Method::POST, path, &[])
                .header(CONTENT_TYPE, "application/json")
                .body(body)
        };
        let body = self.exchange(path, ask, ONE_BYTES).await?;
        decode::<Put>(path, &body).map(|put| put.hash)
    }

    /// Posts one signed message: a file of section 13 to the path of its kind.
    ///
    /// # Errors
    /// A problem if it was refused.
    pub async fn post(&self, kind: Posted, file: &impl Serialize) -> Result<Outcome, ClientError> {
        self.post_json(kind.path(), file, ONE_BYTES).await
    }

    /// Posts many signed messages; each has an outcome of its own.
    ///
    /// # Errors
    /// When the node does not take them as a whole.
    pub async fn post_many(
        &self,
        kind: Posted,
        files: &[impl Serialize],
    ) -> Result<Outcomes, ClientError> {
        self.post_json(kind.path(), &files, PAGE_BYTES).await
    }

    /// What the five checks find for a request, without recording it.
    ///
    /// # Errors
    /// As every call.
    pub async fn check(&self, file: &RequestFile) -> Result<CheckAnswer, ClientError> {
        self.post_json("/v1/check", file, ONE_BYTES).await
    }

    async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        value: &(impl Serialize + ?Sized),
        limit: usize,
    ) -> Result<T, ClientError> {
        let ask = || self.request(Method::POST, path, &[]).json(value);
        decode(path, &self.exchange(path, ask, limit).await?)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        limit: usize,
    ) -> Result<T, ClientError> {
        decode(path, &self.get_bytes(path, query, limit).await?)
    }

    async fn get_bytes(
        &self,
        path: &str,
        query: &[(&str, String)],
        limit: usize,
    ) -> Result<Bytes, ClientError> {
        self.exchange(path, || self.request(Method::GET, path, query), limit).await
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url)
    }

    /// One question, repeated while the node says that it is busy. Repeating a message is safe: a
    /// node answers a message that it knows with the same promise.
    async fn exchange(
        &self,
        path: &str,
        ask: impl Fn() -> RequestBuilder,
        limit: usize,
    ) -> Result<Bytes, ClientError> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_times(self.limits.retries)
            .with_jitter();
        let longest = self.limits.pause;
        (|| self.attempt(path, ask(), limit))
            .retry(pauses)
            .when(|attempt: &Attempt| attempt.again.is_some_and(|again| again <= longest))
            .adjust(|attempt, pause| pause.map(|pause| pause.max(attempt.again.unwrap_or(pause))))
            .await
            .map_err(|attempt| attempt.error)
    }

    async fn attempt(
        &self,
        path: &str,
        ask: RequestBuilder,
        limit: usize,
    ) -> Result<Bytes, Attempt> {
        let mut response = ask.send().await.map_err(|error| self.transport(path, error))?;
        let status = response.status();
        let again = again(&response);
        let limit = if status.is_success() { limit } else { ONE_BYTES };
        let body = self.body(path, &mut response, limit).await?;
        if status.is_success() {
            return Ok(body);
        }
        let error = match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if problem.status == status.as_u16() => {
                ClientError::Problem(Box::new(problem))
            }
            _ => ClientError::Status { path: path.to_owned(), status: status.as_u16() },
        };
        Err(Attempt { error, again })
    }

    async fn body(
        &self,
        path: &str,
        response: &mut Response,
        limit: usize,
    ) -> Result<Bytes, ClientError> {
        let mut body = Vec::new();
        while let Some(part) =
            response.chunk().await.map_err(|error| self.transport(path, error))?
        {
            if body.len().saturating_add(part.len()) > limit {
                return Err(ClientError::TooLong { path: path.to_owned(), limit });
            }
            body.extend_from_slice(&part);
        }
        Ok(body.into())
    }

    fn transport(&self, path: &str, error: reqwest::Error) -> ClientError {
        if error.is_timeout() {
            let seconds = self.limits.timeout.as_secs();
            return ClientError::Timeout { path: path.to_owned(), seconds };
        }
        ClientError::Transport(error.without_url())
    }
}

/// When the node wants to be asked again, if it is only busy.
fn again(response: &Response) -> Option<Duration> {
    let is_busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    if !is_busy.contains(&response.status()) {
        return None;
    }
    let told = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let told = told.and_then(|seconds| seconds.parse().ok());
    Some(told.map_or(Duration::ZERO, Duration::from_secs))
}

fn paged(
    mut pairs: Vec<(&'static str, String)>,
    after: Option<&str>,
    limit: u16,
) -> Vec<(&'static str, String)> {
    pairs.extend(after.map(|after| ("after", after.to_owned())));
    pairs.push(("limit", limit.to_string()));
    pairs
}

fn decode<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body)
        .map_err(|error| ClientError::Garbage { path: path.to_owned(), error })
}
