//! Why there is no answer: problem documents (RFC 9457) with the codes of section 15.

use crate::core::{NotReady, OfferError};
use crate::store::NodeStoreError;
use fallow_http::BodyError;
use fallow_log::TileError;
use fallow_node_client::NodeCode;
use fallow_node_client::types::Problem;
use fallow_protocol::{Refusal, RefusalFile};
use std::time::Duration;

/// Whoever finds the node busy comes back after this time, unless something better is known.
const SHORT_WHILE: Duration = Duration::from_secs(1);
/// Whoever finds it broken.
const LONG_WHILE: Duration = Duration::from_secs(5);
/// Characters of a detail: it may show what a stranger wrote.
const DETAIL_CHARS: usize = 300;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// It is about the asking.
    #[error("{detail}")]
    Asking {
        code: NodeCode,
        detail: String,
        /// When to come back, if that is known.
        retry: Option<Duration>,
    },
    /// The message breaks a rule of the ledger.
    #[error("{0}")]
    Refused(Refusal, Option<Box<RefusalFile>>),
    /// The path takes other methods: these.
    #[error("this path takes {0}")]
    Method(&'static str),
}

pub(super) type Result<T, E = HttpError> = std::result::Result<T, E>;

impl HttpError {
    /// With more than the code says itself.
    pub(super) fn new(code: NodeCode, detail: impl std::fmt::Display) -> Self {
        let detail = detail.to_string().chars().take(DETAIL_CHARS).collect();
        Self::Asking { code, detail, retry: None }
    }

    /// Come back in so long.
    pub(super) fn again(code: NodeCode, detail: impl std::fmt::Display, after: Duration) -> Self {
        let detail = detail.to_string();
        Self::Asking { code, detail, retry: Some(after) }
    }

    /// There is no such thing.
    pub(super) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(NodeCode::NotFound, what)
    }

    /// A parameter is no such thing.
    pub(super) fn parameter(why: impl std::fmt::Display) -> Self {
        Self::new(NodeCode::ParameterInvalid, why)
    }

    /// The code that it is counted by.
    pub(super) const fn code(&self) -> u16 {
        match self {
            Self::Asking { code, .. } => code.number(),
            Self::Refused(refusal, _) => refusal.code.number(),
            Self::Method(_) => NodeCode::MethodNotAllowed.number(),
        }
    }

    /// When to come back, of what is temporary.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Asking { code, retry, .. } if code.is_temporary() => {
                Some(retry.unwrap_or(SHORT_WHILE))
            }
            _ => None,
        }
    }

    /// The methods that the path takes, if another one was asked.
    pub(super) const fn allowed(&self) -> Option<&'static str> {
        match self {
            Self::Method(methods) => Some(methods),
            _ => None,
        }
    }

    /// The document.
    pub(super) fn into_problem(self) -> Problem {
        match self {
            Self::Refused(refusal, file) => refused(&refusal, file),
            Self::Asking { code, detail, .. } => asking(code, detail),
            Self::Method(_) => asking(NodeCode::MethodNotAllowed, self.to_string()),
        }
    }
}

fn asking(code: NodeCode, detail: String) -> Problem {
    Problem {
        kind: kind(code.number()),
        title: code.name().to_owned(),
        status: code.status(),
        detail,
        code: code.number(),
        got: None,
        want: None,
        refusal: None,
    }
}

fn refused(refusal: &Refusal, file: Option<Box<RefusalFile>>) -> Problem {
    // Section 1 says how words are shown, the protocol crate does it.
    let shown = serde_json::to_value(refusal).ok();
    let word = |name| Some(shown.as_ref()?.get(name)?.as_str()?.to_owned());
    Problem {
        kind: kind(refusal.code.number()),
        title: refusal.code.name().to_owned(),
        status: 422,
        detail: refusal.code.message().to_owned(),
        code: refusal.code.number(),
        got: word("got"),
        want: word("want"),
        refusal: file,
    }
}

fn kind(code: u16) -> String {
    format!("urn:fallow:code:{code:03}")
}

impl From<NodeCode> for HttpError {
    fn from(code: NodeCode) -> Self {
        Self::new(code, code.message())
    }
}

impl From<NotReady> for HttpError {
    fn from(why: NotReady) -> Self {
        let after = if why == NotReady::QueueFull { SHORT_WHILE } else { LONG_WHILE };
        Self::again(why.code(), why, after)
    }
}

impl From<NodeStoreError> for HttpError {
    fn from(error: NodeStoreError) -> Self {
        tracing::error!(%error, "the store cannot be read");
        Self::again(NodeCode::StoreFailed, "the store failed; the node's log says why", LONG_WHILE)
    }
}

impl From<TileError<NodeStoreError>> for HttpError {
    fn from(error: TileError<NodeStoreError>) -> Self {
        match error {
            TileError::Source { source, .. } => source.into(),
            TileError::Log(error) => Self::parameter(error),
            error => NodeStoreError::Corrupt(error.to_string()).into(),
        }
    }
}

impl From<BodyError> for HttpError {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::Timeout => NodeCode::BodyTimeout,
            BodyError::TooLong(_) => NodeCode::BodyTooLarge,
            BodyError::NoMemory => NodeCode::QueueFull,
            _ => NodeCode::BodyMalformed,
        };
        Self::new(code, error)
    }
}

impl From<OfferError> for HttpError {
    fn from(error: OfferError) -> Self {
        match error {
            OfferError::NotReady(why) => why.into(),
            OfferError::TooLong { .. } => Self::new(NodeCode::BodyTooLarge, error),
            OfferError::NotJson => Self::new(NodeCode::BodyMalformed, error),
            OfferError::Unnamed(_) => Self::new(NodeCode::AnnouncementUnknown, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fallow_protocol::Code;

    #[test]
    fn a_refusal_is_a_problem_with_its_words() {
        let refusal = Refusal::new(Code::CapacityExceeded, 3_u16, 2_u16);
        let problem = HttpError::Refused(refusal, None).into_problem();
        assert_eq!((problem.status, problem.code), (422, 501));
        assert_eq!(problem.kind, "urn:fallow:code:501");
        assert_eq!((problem.got.as_deref(), problem.want.as_deref()), (Some("3"), Some("2")));
    }

    #[test]
    fn every_code_has_a_problem_and_what_passes_says_when() {
        for code in NodeCode::ALL {
            let error = HttpError::from(*code);
            assert_eq!(error.retry_after().is_some(), code.is_temporary(), "{code}");
            let problem = error.into_problem();
            assert_eq!((problem.status, problem.code), (code.status(), code.number()));
        }
    }

    #[test]
    fn what_a_stranger_wrote_is_not_repeated_without_end() {
        let error = HttpError::parameter("x".repeat(10_000));
        assert_eq!(error.into_problem().detail.len(), DETAIL_CHARS);
    }
}
