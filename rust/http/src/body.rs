//! Bodies of requests, read within bounds.

use crate::{Budget, Share};
use futures_util::{Stream, StreamExt as _};
use std::ops::Deref;
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;
use warp::Buf;

/// Bounds on one body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyBounds {
    /// Bytes of the longest one.
    pub bytes: usize,
    /// It arrives within this time.
    pub time: Duration,
}

/// A body with its share of memory.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    share: Share,
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body {
    /// The bytes, and the share that is held for them and what is made of them.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, Share) {
        (self.bytes, self.share)
    }
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It took too long.
    #[error("the body did not arrive in time")]
    Timeout,
    /// It is longer than it may be.
    #[error("the body has more than {0} bytes")]
    TooLong(usize),
    /// The connection ended, or what came is no body.
    #[error("the body broke off")]
    Broken,
    /// Other bodies and answers take all the memory there is for them.
    #[error("too many bodies at once")]
    NoMemory,
}

/// Reads a body, but not further than it may be long, and only into memory that is in the budget.
///
/// # Errors
/// When it is too long, too slow, broken, or the budget is used up.
pub async fn read_body<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    bounds: BodyBounds,
    budget: &Budget,
) -> Result<Body, BodyError> {
    let read = timeout(bounds.time, read(body, bounds.bytes, budget));
    read.await.unwrap_or(Err(BodyError::Timeout))
}

async fn read<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    most: usize,
    budget: &Budget,
) -> Result<Body, BodyError> {
    let mut body = pin!(body);
    let mut read = Body { bytes: Vec::new(), share: Share::default() };
    while let Some(part) = body.next().await {
        let mut part = part.map_err(|_| BodyError::Broken)?;
        if read.bytes.len().saturating_add(part.remaining()) > most {
            return Err(BodyError::TooLong(most));
        }
        if !read.share.grow(budget, part.remaining()) {
            return Err(BodyError::NoMemory);
        }
        while part.has_remaining() {
            let chunk = part.chunk();
            read.bytes.extend_from_slice(chunk);
            let taken = chunk.len();
            part.advance(taken);
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    const BOUNDS: BodyBounds = BodyBounds { bytes: 8, time: Duration::from_millis(20) };

    async fn whole(parts: &[&'static [u8]], budget: &Budget) -> Result<Body, BodyError> {
        let parts: Vec<Result<&[u8], warp::Error>> = parts.iter().map(|part| Ok(*part)).collect();
        read_body(stream::iter(parts), BOUNDS, budget).await
    }

    #[tokio::test]
    async fn a_body_comes_in_parts() {
        let budget = Budget::new(100);
        let body = whole(&[b"abc", b"", b"defgh"], &budget).await.unwrap();
        assert_eq!((&*body, budget.left()), (b"abcdefgh".as_slice(), 92));
        drop(body);
        assert_eq!(budget.left(), 100);
    }

    #[tokio::test]
    async fn what_is_too_much_is_not_kept() {
        let budget = Budget::new(6);
        assert_eq!(whole(&[b"abcdefghi"], &budget).await.unwrap_err(), BodyError::TooLong(8));
        assert_eq!(whole(&[b"abcd", b"efgh"], &budget).await.unwrap_err(), BodyError::NoMemory);
        assert_eq!(budget.left(), 6);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let never = stream::pending::<Result<&[u8], warp::Error>>();
        let error = read_body(never, BOUNDS, &Budget::new(6)).await.unwrap_err();
        assert_eq!(error, BodyError::Timeout);
    }
}
