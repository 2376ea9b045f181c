//! Answers: what they carry, how long they are true, what they cost.

use super::error::{HttpError, Result};
use alloy_primitives::{hex, keccak256};
use bytes::Bytes;
use fallow_http::Budget;
use fallow_node_client::NodeCode;
use serde::Serialize;
use warp::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE,
    ETAG, HeaderValue, IF_NONE_MATCH, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::{Reply as _, Response};

pub(super) const JSON: &str = "application/json";
pub(super) const PROBLEM: &str = "application/problem+json";
pub(super) const BINARY: &str = "application/octet-stream";
/// Answers that are longer take a share of the memory that there is for all of them.
const SMALL_BYTES: usize = 16 << 10;

/// How long an answer is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cache {
    /// It may be another one at any time.
    No,
    /// The same, but whoever has it already is told so.
    Tag,
    /// For ever.
    Immutable,
}

/// An answer that is whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) cache: Cache,
    /// It depends on `Accept`.
    pub(super) varies: bool,
}

/// What a handler gives.
#[derive(Debug)]
pub(super) enum Reply {
    Whole(Answer),
    /// A stream of events.
    Stream(Response),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Whole(answer)
    }
}

impl Answer {
    /// Bytes of some kind, 200.
    pub(super) fn bytes(kind: &'static str, body: Vec<u8>, cache: Cache) -> Self {
        Self { status: StatusCode::OK, kind, body, cache, varies: false }
    }

    /// JSON, 200.
    pub(super) fn json(body: &impl Serialize, cache: Cache) -> Result<Self> {
        // Nothing that is served has keys that are no strings.
        let body = serde_json::to_vec(body)
            .map_err(|error| HttpError::new(NodeCode::StoreFailed, error))?;
        Ok(Self::bytes(JSON, body, cache))
    }

    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// As it goes out to somebody who asked with these headers.
    pub(super) fn send(self, asked: &HeaderMap, budget: &Budget) -> Result<Response> {
        let tag = (self.cache == Cache::Tag).then(|| tag(&self.body)).flatten();
        let known = tag.as_ref().is_some_and(|tag| matches(asked, tag));
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(held(self.body, budget)?.into());
            *response.status_mut() = self.status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
            response
        };
        let headers = response.headers_mut();
        headers.extend(tag.map(|tag| (ETAG, tag)));
        let cache = match self.cache {
            Cache::No | Cache::Tag => "no-cache",
            Cache::Immutable => "public, max-age=31536000, immutable",
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        if self.varies {
            headers.insert(VARY, HeaderValue::from_static("accept"));
        }
        Ok(response)
    }
}

/// Long bodies hold their share of memory until they are sent.
fn held(body: Vec<u8>, budget: &Budget) -> Result<Bytes> {
    if body.len() <= SMALL_BYTES {
        return Ok(body.into());
    }
    let share = budget.take(body.capacity());
    share.map(|share| share.bind(body)).ok_or_else(|| {
        HttpError::new(NodeCode::QueueFull, "too many large answers are on their way")
    })
}

/// Headers that every answer has. Anybody may read what everybody may ask.
pub(super) fn common(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "etag, retry-after"),
        // Offer documents are what strangers wrote.
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What a browser asks before it posts JSON.
pub(super) fn preflight(methods: &'static str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (ALLOW, methods),
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, "accept, content-type, if-none-match, last-event-id"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The problem document of an error.
pub(super) fn problem(error: HttpError) -> Response {
    let (retry, method) = (error.retry_after(), error.allowed());
    let problem = error.into_problem();
    // A problem has nothing that JSON cannot say.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(method.map(|methods| (ALLOW, HeaderValue::from_static(methods))));
    // Whole seconds, and not too early.
    let seconds = retry.map(|retry| retry.as_millis().div_ceil(1_000).max(1));
    headers.extend(
        seconds
            .and_then(|seconds| HeaderValue::from_str(&seconds.to_string()).ok())
            .map(|seconds| (RETRY_AFTER, seconds)),
    );
    response
}

/// Half a hash is enough to tell two answers of one node apart.
fn tag(body: &[u8]) -> Option<HeaderValue> {
    let hash = keccak256(body);
    HeaderValue::from_str(&format!("\"{}\"", hex::encode(hash.get(..16)?))).ok()
}

/// Whether the asker has what has this tag (RFC 9110 section 13.1.2).
fn matches(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    let all = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = all.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|one| one == "*" || one.trim_start_matches("W/").as_bytes() == tag.as_bytes())
}
