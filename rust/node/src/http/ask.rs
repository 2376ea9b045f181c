//! What somebody asks, read within bounds.

use super::error::{HttpError, Result};
use alloy_primitives::B256;
use fallow_node_client::NodeCode;
use fallow_protocol::FILE_VERSION;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use warp::http::HeaderMap;
use warp::http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use warp::path::FullPath;

/// Items of the longest array, and of the longest page.
pub(super) const MAX_ITEMS: usize = 1_000;

/// The head of a request.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) path: FullPath,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
}

impl Ask {
    /// The parameters of the query; others are refused.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<T> {
        serde_urlencoded::from_str(&self.query).map_err(HttpError::parameter)
    }

    /// Refuses a body that says that it is something else than JSON.
    pub(super) fn is_json(&self) -> Result<()> {
        let Some(kind) = self.headers.get(CONTENT_TYPE) else {
            return Ok(());
        };
        let kind = kind.to_str().unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.strip_prefix("application/") {
            Some(kind) if kind == "json" || kind.ends_with("+json") => Ok(()),
            _ => {
                Err(HttpError::new(NodeCode::MediaTypeUnsupported, "only application/json is read"))
            }
        }
    }

    /// Whether the asker would rather have bytes than JSON.
    pub(super) fn wants_binary(&self) -> bool {
        self.header(&ACCEPT).is_some_and(|accept| accept.contains(super::answer::BINARY))
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The bounds of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit(pub(super) usize);

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let limit = usize::deserialize(from)?;
        if (1..=MAX_ITEMS).contains(&limit) {
            return Ok(Self(limit));
        }
        let range = format_args!("limit `{limit}` is not between 1 and {MAX_ITEMS}");
        Err(serde::de::Error::custom(range))
    }
}

/// Which record: by its place in the log, or by the id of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Index(u64),
    Id(B256),
}

impl Which {
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.starts_with("0x") {
            hash(text).map(Self::Id)
        } else {
            number(text).map(Self::Index)
        }
    }
}

/// A hash or an id, as 0x-hex.
pub(super) fn hash(text: &str) -> Result<B256> {
    let digits = text.strip_prefix("0x").ok_or_else(|| not(text, "a hash of 32 bytes"))?;
    digits.parse().map_err(|_| not(text, "a hash of 32 bytes"))
}

/// A number in decimal, without sign.
pub(super) fn number(text: &str) -> Result<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or_else(|| not(text, "a number below 2^64"))
}

fn not(text: &str, what: &str) -> HttpError {
    HttpError::parameter(format_args!("`{text}` is not {what}"))
}

/// One message, or many.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Posted<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Posted<T> {
    /// All of them.
    pub(super) fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }

    pub(super) const fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(many) => many.len(),
        }
    }
}

/// Reads a file of section 13, or an array of them. The parser bounds its depth.
pub(super) fn posted<T: DeserializeOwned>(body: &[u8]) -> Result<Posted<T>> {
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if !is_array {
        return one(body).map(Posted::One);
    }
    let many: Vec<T> = serde_json::from_slice(body).map_err(malformed)?;
    if many.len() > MAX_ITEMS {
        let detail = format_args!("{} items, at most {MAX_ITEMS} are taken", many.len());
        return Err(HttpError::new(NodeCode::BodyTooLarge, detail));
    }
    Ok(Posted::Many(many))
}

/// Reads one file of section 13.
pub(super) fn one<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(malformed)
}

fn malformed(error: serde_json::Error) -> HttpError {
    HttpError::new(NodeCode::BodyMalformed, error)
}

/// Refuses a file of another version.
pub(super) fn version(got: u8) -> Result<()> {
    if got == FILE_VERSION {
        return Ok(());
    }
    let detail = format_args!("version {got}, this node reads {FILE_VERSION}");
    Err(HttpError::new(NodeCode::BodyMalformed, detail))
}
