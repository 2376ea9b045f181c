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
