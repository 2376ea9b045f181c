//! What time it is.

use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of this machine. Before 1970 it stands at 0, and every promise is refused as late.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock;

impl Clock {
    /// Unix seconds.
    pub(crate) fn seconds(self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Unix microseconds.
    pub(crate) fn micros(self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}
