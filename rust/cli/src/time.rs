//! Times as people write and read them. Inside, a time is unix seconds (`docs/protocol.md`
//! section 1); outside, it is local time with "in 3 h" beside it.

mod arg;
mod civil;

pub(crate) use arg::{DurationArg, TimeArg};

use crate::error::Result;
use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The clock of this machine, unix seconds.
pub(crate) fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or(0)
}

/// The verifier's clock: the one given with `--at`, else this machine's.
pub(crate) fn clock(at: Option<&TimeArg>) -> Result<u64> {
    let now = now();
    at.map_or(Ok(now), |at| at.at(now))
}

/// Local time and the distance to it: `2030-01-31 15:00:00 CET (in 3 h)`.
pub(crate) fn show(time: u64, now: u64) -> String {
    format!("{} ({})", local(time), distance(time, now))
}

/// Local time: `2030-01-31 15:00:00 CET`.
pub(crate) fn local(time: u64) -> String {
    let timestamp = i64::try_from(time).ok().map(Timestamp::from_second);
    match timestamp {
        Some(Ok(timestamp)) => {
            timestamp.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
        }
        // Beyond the year 9999, where calendars end: only a hostile file says so.
        _ => format!("unix time {time}"),
    }
}

/// From when to when, local time to the minute: `2030-01-31 14:00 to 16:00 CET`. Seconds are shown
/// only where there are some.
pub(crate) fn range(start: u64, end: u64) -> String {
    let zoned = |time: u64| {
        let timestamp = i64::try_from(time).ok().and_then(|at| Timestamp::from_second(at).ok());
        timestamp.map(|timestamp| timestamp.to_zoned(TimeZone::system()))
    };
    let (Some(first), Some(last)) = (zoned(start), zoned(end)) else {
        return format!("unix time {start} to {end}");
    };
    let clock = |zoned: &Zoned| if zoned.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    let first_form = format!("%Y-%m-%d {}", clock(&first));
    let day = if first.date() == last.date() { "" } else { "%m-%d " };
    let day = if first.year() == last.year() { day } else { "%Y-%m-%d " };
    let last_form = format!("{day}{} %Z", clock(&last));
    format!("{} to {}", first.strftime(&first_form), last.strftime(&last_form))
}

/// Local time with its offset, as flags take it: `2030-01-31T15:00:00+01:00`. What is beyond the
/// calendars is shown as unix seconds, which flags take as well.
pub(crate) fn flag(time: u64) -> String {
    let timestamp = i64::try_from(time).ok().map(Timestamp::from_second);
    match timestamp {
        Some(Ok(timestamp)) => {
            timestamp.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        }
        _ => time.to_string(),
    }
}

/// How far a time is away: `in 3 h`, `5 min ago`, `now`.
pub(crate) fn distance(time: u64, now: u64) -> String {
    match time.abs_diff(now) {
        0 => "now".to_owned(),
        seconds if time > now => format!("in {}", duration(seconds)),
        seconds => format!("{} ago", duration(seconds)),
    }
}

/// A duration with its two largest units: `3 h`, `1 d 4 h`, `90 s` as `1 min 30 s`.
pub(crate) fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, name) in UNITS {
        let count = rest.checked_div(size).unwrap_or(0);
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
        rest = rest.checked_rem(size).unwrap_or(0);
    }
    parts.truncate(2);
    if parts.is_empty() {
        return "0 s".to_owned();
    }
    parts.join(" ")
}

/// A duration as flags take it, to the second: `2h`, `1d12h`, `1m40s`.
pub(crate) fn duration_flag(seconds: u64) -> String {
    const UNITS: [(u64, char); 4] = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
    let mut rest = seconds;
    let mut text = String::new();
    for (size, symbol) in UNITS {
        let count = rest.checked_div(size).unwrap_or(0);
        if count > 0 || (size == 1 && text.is_empty()) {
            text.push_str(&format!("{count}{symbol}"));
        }
        rest = rest.checked_rem(size).unwrap_or(0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_say_which_way() {
        assert_eq!(distance(100, 100), "now");
        assert_eq!(distance(10_900, 100), "in 3 h");
        assert_eq!(distance(100, 400), "5 min ago");
    }

    #[test]
    fn durations_are_shown_in_their_two_largest_units() {
        for (seconds, shown) in [
            (0, "0 s"),
            (90, "1 min 30 s"),
            (10_800, "3 h"),
            (100_800, "1 d 4 h"),
            (1_209_601, "14 d 1 s"),
            (3_723, "1 h 2 min"),
        ] {
            assert_eq!(duration(seconds), shown);
        }
    }

    #[test]
    fn a_duration_is_read_back_as_the_same() {
        for seconds in [0, 59, 60, 100, 3_600, 86_399, 86_401, 90_000_000] {
            assert_eq!(duration_flag(seconds).parse(), Ok(DurationArg(seconds)));
        }
    }

    #[test]
    fn absurd_times_are_shown_all_the_same() {
        assert_eq!(local(u64::MAX), format!("unix time {}", u64::MAX));
        assert_eq!(flag(u64::MAX), u64::MAX.to_string());
        assert!(show(0, u64::MAX).ends_with("ago)"));
    }

    #[test]
    fn a_flag_is_read_back_as_the_same_time() {
        for time in [0, 1_899_997_200, 253_402_207_199] {
            assert_eq!(flag(time).parse::<TimeArg>().unwrap().at(0).unwrap(), time);
        }
    }
}
