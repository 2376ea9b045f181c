//! Waiting for what can only be looked at.

use crate::DevnetError;
use std::time::Duration;
use tokio::time::Instant;

/// Looks every `pause` until `look` finds something.
///
/// # Errors
/// What `look` returns, or [`DevnetError::Timeout`] after `patience`.
pub async fn poll<T, E: From<DevnetError>>(
    what: &str,
    patience: Duration,
    pause: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, E>,
) -> Result<T, E> {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if started.elapsed() >= patience {
            let what = what.to_owned();
            return Err(DevnetError::Timeout { what, patience }.into());
        }
        tokio::time::sleep(pause).await;
    }
}

/// As [`poll`], for a look that waits for nothing itself; what awaits it may change threads.
pub(crate) async fn poll_now<T>(
    what: &str,
    patience: Duration,
    pause: Duration,
    mut look: impl FnMut() -> Result<Option<T>, DevnetError>,
) -> Result<T, DevnetError> {
    let started = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if started.elapsed() >= patience {
            return Err(DevnetError::Timeout { what: what.to_owned(), patience });
        }
        tokio::time::sleep(pause).await;
    }
}
