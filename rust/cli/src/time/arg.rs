//! Times and durations on the command line.
//!
//! | typed | means |
//! |---|---|
//! | `now`, `+2h`, `in 2 hours`, `-30m`, `30 minutes ago` | the clock, and so far from it |
//! | `1900000000`, `2030-01-31T14:00:00Z` | an instant: unix seconds, RFC 3339 |
//! | `tomorrow 9:00`, `next monday 14:00`, `2030-01-31 14:00` | local calendar and clock (`civil`) |
//!
//! A duration is exact: a day is 24 h, also when clocks change.

use super::civil::Civil;
use crate::error::{Failure, Result};
use jiff::{Timestamp, fmt::friendly::SpanParser, tz::TimeZone};
use std::str::FromStr;

/// Written times must lie below this, as every time on the ledger (`docs/protocol.md` section 4.1,
/// code 405).
const TIME_LIMIT: u64 = 1 << 40;
/// No time or duration that people write is longer; everything beyond is refused unread.
const LONGEST: usize = 64;

/// A time as it was typed; what it means may depend on the clock and the time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TimeArg {
    /// Seconds from now.
    FromNow(i64),
    /// Unix seconds.
    At(u64),
    /// A day and a time of day in some zone.
    Civil(Civil),
}

/// A duration as it was typed, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DurationArg(pub(crate) u64);

const EXPECTED: &str = "expected `now`, `+2h`, `in 2 hours`, `tomorrow 9:00`, `next monday 14:00`, \
                        `2030-01-31 14:00`, unix seconds, or RFC 3339 such as \
                        `2030-01-31T14:00:00Z`";
const EXPECTED_DURATION: &str =
    "expected a duration such as `90s`, `30m`, `1h30m`, `90 minutes`, `2 h` or `7d`";

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let text = text.trim();
        if text.len() > LONGEST || !text.is_ascii() || text.is_empty() {
            return Err(EXPECTED.to_owned());
        }
        if text == "now" {
            return Ok(Self::FromNow(0));
        }
        if let Some(ahead) = text.strip_prefix('+').or_else(|| text.strip_prefix("in ")) {
            return parse_seconds(ahead).map(Self::FromNow);
        }
        if let Some(back) = text.strip_prefix('-').or_else(|| text.strip_suffix(" ago")) {
            return parse_seconds(back).map(|seconds| Self::FromNow(seconds.saturating_neg()));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let seconds = text.parse().map_err(|_| EXPECTED.to_owned())?;
            return below_limit(seconds).map(Self::At);
        }
        match text.parse::<Timestamp>() {
            Ok(timestamp) => after_epoch(timestamp).and_then(below_limit).map(Self::At),
            Err(_) => Civil::parse(text).map(Self::Civil).map_err(|why| match why {
                Some(why) => why,
                None => EXPECTED.to_owned(),
            }),
        }
    }
}

fn below_limit(seconds: u64) -> std::result::Result<u64, String> {
    if seconds < TIME_LIMIT {
        return Ok(seconds);
    }
    Err(format!("`{seconds}` is too late: a time is below 2^40 seconds"))
}

/// The whole seconds of an instant.
pub(super) fn after_epoch(timestamp: Timestamp) -> std::result::Result<u64, String> {
    u64::try_from(timestamp.as_second()).map_err(|_| "the time lies before 1970".to_owned())
}

fn parse_seconds(text: &str) -> std::result::Result<i64, String> {
    let DurationArg(seconds) = text.trim().parse()?;
    i64::try_from(seconds).map_err(|_| too_long())
}

fn too_long() -> String {
    "the duration is too long: below 2^40 seconds".to_owned()
}

impl FromStr for DurationArg {
    type Err = String;

    /// Seconds as a bare number, or what jiff calls the friendly format: `2h`, `2 h`, `90 minutes`,
    /// `1h30m`, `1 day, 2 hours`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let text = text.trim();
        let expected = || EXPECTED_DURATION.to_owned();
        // Signs belong to times, and a sign or `ago` in the middle would be read, too.
        let is_plain = !text.starts_with(['+', '-']) && !text.ends_with("ago");
        if text.is_empty() || text.len() > LONGEST || !is_plain {
            return Err(expected());
        }
        let seconds = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().map_err(|_| too_long())?
        } else {
            friendly_seconds(text)?
        };
        Some(Self(seconds)).filter(|_| seconds < TIME_LIMIT).ok_or_else(too_long)
    }
}

fn friendly_seconds(text: &str) -> std::result::Result<u64, String> {
    let expected = || EXPECTED_DURATION.to_owned();
    let span = SpanParser::new().parse_span(text).map_err(|_| expected())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err("months and years differ in length: name weeks or days".to_owned());
    }
    let parts = [
        (i64::from(span.get_weeks()), 604_800),
        (i64::from(span.get_days()), 86_400),
        (i64::from(span.get_hours()), 3_600),
        (span.get_minutes(), 60),
        (span.get_seconds(), 1),
    ];
    let below_second = [span.get_milliseconds(), span.get_microseconds(), span.get_nanoseconds()];
    if below_second != [0; 3] {
        return Err("a duration is in whole seconds".to_owned());
    }
    let total = parts.iter().try_fold(0_i64, |total, (count, unit)| {
        count.checked_mul(*unit).and_then(|seconds| seconds.checked_add(total))
    });
    u64::try_from(total.ok_or_else(too_long)?).map_err(|_| expected())
}

impl TimeArg {
    /// The unix seconds that it means on this machine when the clock shows `now`.
    pub(crate) fn at(&self, now: u64) -> Result<u64> {
        match self {
            Self::Civil(civil) if civil.is_local() => self.within(now, &local_zone()?),
            _ => self.within(now, &TimeZone::UTC),
        }
    }

    /// As [`Self::at`], with local times in `zone`.
    fn within(&self, now: u64, zone: &TimeZone) -> Result<u64> {
        match self {
            Self::FromNow(seconds) => Ok(now.saturating_add_signed(*seconds)),
            Self::At(seconds) => Ok(*seconds),
            Self::Civil(civil) => civil.resolve(now, zone).and_then(below_limit).map_err(|why| {
                Failure::new(why).hint("an offset leaves no doubt: `2030-01-31 14:00 +01:00`")
            }),
        }
    }

    /// Whether a certain instant is meant, and not just the slot that is in progress then.
    pub(crate) const fn is_exact(&self) -> bool {
        !matches!(self, Self::FromNow(_))
    }
}

/// The zone that local times are in. Without any setting it is UTC, as for every other program; one
/// that is set and unknown is refused, as every local time would be wrong.
fn local_zone() -> Result<TimeZone> {
    match std::env::var_os("TZ").filter(|name| !name.is_empty()) {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::try_system().map_err(|error| {
            let name = name.to_string_lossy();
            Failure::new(format_args!("the time zone `{name}` of the variable TZ is none: {error}"))
                .hint("name a zone such as `TZ=Europe/Berlin`, or write times with an offset")
        }),
    }
}

#[cfg(test)]
mod tests;
