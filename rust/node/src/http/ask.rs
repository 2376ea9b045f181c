//! What somebody asks, read within bounds.

use super::error::{HttpError, Result};
use alloy_primitives::B256;
use fallow_node_client::NodeCode;
use fallow_protocol::FILE_VERSION;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::str::FromStr;
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
        let limit = decimal(from)?;
        if (1..=MAX_ITEMS).contains(&limit) {
            return Ok(Self(limit));
        }
        let range = format_args!("limit `{limit}` is not between 1 and {MAX_ITEMS}");
        Err(serde::de::Error::custom(range))
    }
}

/// A number of a query, in the one form of section 1; for `deserialize_with`.
pub(super) fn decimal<'de, D: Deserializer<'de>, T: FromStr>(
    from: D,
) -> std::result::Result<T, D::Error> {
    let text = Cow::<'de, str>::deserialize(from)?;
    canonical(&text).ok_or_else(|| {
        serde::de::Error::custom(format_args!("`{text}` is not a number in its range"))
    })
}

/// The same where it may be absent.
pub(super) fn optional<'de, D: Deserializer<'de>, T: FromStr>(
    from: D,
) -> std::result::Result<Option<T>, D::Error> {
    decimal(from).map(Some)
}

/// An address or hash of a query that may be absent.
pub(super) fn hex<'de, D: Deserializer<'de>, T: FromStr>(
    from: D,
) -> std::result::Result<Option<T>, D::Error> {
    let text = Cow::<'de, str>::deserialize(from)?;
    let value = text.strip_prefix("0x").and_then(|digits| digits.parse().ok());
    let none = || serde::de::Error::custom(format_args!("`{text}` is not 0x-hex of its length"));
    value.map(Some).ok_or_else(none)
}

/// A decimal number without sign or leading zeros.
fn canonical<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = digits && (text == "0" || !text.starts_with('0'));
    is_one.then(|| text.parse().ok()).flatten()
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

/// A number in the one form of section 1.
pub(super) fn number(text: &str) -> Result<u64> {
    canonical(text).ok_or_else(|| not(text, "a number below 2^64"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Item {
        a: u8,
    }

    fn code(error: HttpError) -> u16 {
        error.code()
    }

    #[test]
    fn one_and_many_are_told_apart_by_their_first_letter() {
        assert_eq!(posted::<Item>(b" \n{\"a\":1}").unwrap(), Posted::One(Item { a: 1 }));
        assert_eq!(posted::<Item>(b"\t[{\"a\":1}]").unwrap(), Posted::Many(vec![Item { a: 1 }]));
        assert_eq!(posted::<Item>(b"[]").unwrap(), Posted::Many(vec![]));
        for bad in [b"".as_slice(), b"[", b"[1]", b"1", b"{\"a\":256}", b"[{\"a\":1},]", b"\xff"] {
            assert_eq!(code(posted::<Item>(bad).unwrap_err()), 901, "{bad:?}");
        }
    }

    #[test]
    fn an_array_has_its_bound() {
        let array = |count| format!("[{}]", vec!["{\"a\":1}"; count].join(","));
        assert_eq!(posted::<Item>(array(MAX_ITEMS).as_bytes()).unwrap().count(), MAX_ITEMS);
        assert_eq!(code(posted::<Item>(array(MAX_ITEMS + 1).as_bytes()).unwrap_err()), 906);
    }

    #[test]
    fn nesting_has_an_end() {
        for open in ["[", "{\"a\":"] {
            let error = one::<serde_json::Value>(open.repeat(100_000).as_bytes()).unwrap_err();
            assert!(error.to_string().contains("recursion limit"), "{error}");
        }
    }

    #[test]
    fn a_number_has_one_form() {
        assert_eq!(number("0").unwrap(), 0);
        assert_eq!(number("18446744073709551615").unwrap(), u64::MAX);
        for bad in ["", "00", "01", "+1", "-1", "1.0", "1e3", "18446744073709551616", "0x1", " 1"] {
            assert_eq!(code(number(bad).unwrap_err()), 902, "{bad}");
        }
        assert_eq!(Which::parse("7").unwrap(), Which::Index(7));
        let id = format!("0x{}", "ab".repeat(32));
        assert_eq!(Which::parse(&id).unwrap(), Which::Id(B256::repeat_byte(0xab)));
        assert!(Which::parse(&id[2..]).is_err() && Which::parse("0x").is_err());
    }
}
