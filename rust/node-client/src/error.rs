//! Why a node does not answer.

use crate::types::Problem;

/// Why there is no answer. Nothing of it says that the node lies: it may be ill, or none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The URL is none of HTTP.
    #[error(
        "the node's URL is none that can be asked; it looks like `http://127.0.0.1:8650`, without TLS"
    )]
    Url,
    /// Nobody answers, or the connection breaks.
    #[error("the node cannot be reached: {0}")]
    Transport(#[source] reqwest::Error),
    /// The answer takes longer than [`Limits::timeout`](crate::Limits::timeout).
    #[error("`{path}`: the answer is not there after {seconds} s")]
    Timeout {
        /// What was asked.
        path: String,
        /// The limit.
        seconds: u64,
    },
    /// The answer is longer than any of its kind.
    #[error("`{path}`: the answer has more than {limit} bytes, as no answer of its kind has")]
    TooLong {
        /// What was asked.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// The answer is not what the path answers with.
    #[error("`{path}`: the answer is not what a node answers there: {error}")]
    Garbage {
        /// What was asked.
        path: String,
        /// Where it is not.
        #[source]
        error: serde_json::Error,
    },
    /// The answer's bytes are not of the form that the path has.
    #[error("`{path}`: the answer has another form than a node's there")]
    Form {
        /// What was asked.
        path: String,
    },
    /// The node says no.
    #[error("the node answers {} {}: {}", .0.code, .0.title, .0.detail)]
    Problem(Box<Problem>),
    /// The status is an error without a problem document, or none that a node answers with.
    #[error("`{path}`: HTTP status {status} without a reason")]
    Status {
        /// What was asked.
        path: String,
        /// The status.
        status: u16,
    },
}

impl ClientError {
    /// The code of a problem document.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether the node answers that there is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(crate::NodeCode::NotFound.number())
    }
}
