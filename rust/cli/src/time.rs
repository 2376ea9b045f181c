//! Times as people write and read them. Inside, a time is unix seconds (`docs/protocol.md`
//! section 1); outside, it is local time with "in 3 h" beside it.

use jiff::{Timestamp, tz::TimeZone};

/// Written times must lie below this, as every time on the ledger (section 4.1, code 405).
const TIME_LIMIT: u64 = 1 << 40;

/// A time as it was typed; what it means may depend on the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeArg {
    /// Seconds from now.
    FromNow(i64),
    /// Unix seconds.
    At(u64),
}

/// A duration as it was typed, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DurationArg(pub(crate) u64);

const EXPECTED: &str = "expected `now`, `+2h`, `-30m`, unix seconds, a local date such as \
                        `2030-01-31`, or RFC 3339 such as `2030-01-31T14:00:00Z`";

impl std::str::FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::FromNow(0));
        }
        if let Some(ahead) = text.strip_prefix('+') {
            return parse_seconds(ahead).map(Self::FromNow);
        }
        if let Some(back) = text.strip_prefix('-') {
            return parse_seconds(back).map(|seconds| Self::FromNow(seconds.saturating_neg()));
        }
        let seconds = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().map_err(|_| EXPECTED.to_owned())?
        } else {
            parse_calendar(text)?
        };
        if seconds >= TIME_LIMIT {
            return Err(format!("`{seconds}` is too late: a time is below 2^40 seconds"));
        }
        Ok(Self::At(seconds))
    }
}

/// RFC 3339 with an offset, or the local date and time without one.
fn parse_calendar(text: &str) -> Result<u64, String> {
    let timestamp = text.parse::<Timestamp>().or_else(|_| {
        text.parse::<jiff::civil::DateTime>()
            .and_then(|local| TimeZone::system().to_timestamp(local))
    });
    let seconds = timestamp.map_err(|_| EXPECTED.to_owned())?.as_second();
    u64::try_from(seconds).map_err(|_| "the time lies before 1970".to_owned())
}

fn parse_seconds(text: &str) -> Result<i64, String> {
    let DurationArg(seconds) = text.parse()?;
    i64::try_from(seconds).map_err(|_| "the duration is too long".to_owned())
}

impl std::str::FromStr for DurationArg {
    type Err = String;

    /// `90`, `90s`, `30m`, `2h`, `1h30m`, `7d`, `2w`.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected a duration such as `90s`, `30m`, `1h30m` or `7d`".to_owned();
        let mut rest = text;
        let mut total = 0_u64;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let count: u64 = number.parse().map_err(|_| expected())?;
            let symbol = tail.chars().next();
            let unit = match symbol {
                None if rest.len() == text.len() => 1,
                Some('s') => 1,
                Some('m') => 60,
                Some('h') => 3_600,
                Some('d') => 86_400,
                Some('w') => 604_800,
                _ => return Err(expected()),
            };
            total = count
                .checked_mul(unit)
                .and_then(|seconds| seconds.checked_add(total))
                .filter(|seconds| *seconds < TIME_LIMIT)
                .ok_or_else(|| "the duration is too long: below 2^40 seconds".to_owned())?;
            rest = tail.get(symbol.map_or(0, char::len_utf8)..).unwrap_or("");
        }
        if text.is_empty() {
            return Err(expected());
        }
        Ok(Self(total))
    }
}

impl TimeArg {
    /// The unix seconds that it means when the clock shows `now`.
    pub(crate) fn at(self, now: u64) -> u64 {
        match self {
            Self::FromNow(seconds) => now.saturating_add_signed(seconds),
            Self::At(seconds) => seconds,
        }
    }
}

/// The clock of this machine, unix seconds.
pub(crate) fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or(0)
}

/// The verifier's clock: the one given with `--at`, else this machine's.
pub(crate) fn clock(at: Option<TimeArg>) -> u64 {
    let now = now();
    at.map_or(now, |at| at.at(now))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, now: u64) -> Result<u64, String> {
        text.parse::<TimeArg>().map(|time| time.at(now))
    }

    #[test]
    fn times_are_read_in_all_their_forms() {
        let now = 1_900_000_000;
        for (text, want) in [
            ("now", now),
            ("+0s", now),
            ("+2h", now + 7_200),
            ("+1h30m", now + 5_400),
            ("-30m", now - 1_800),
            ("+90", now + 90),
            ("0", 0),
            ("1900000001", now + 1),
            ("2030-03-17T17:46:40Z", now),
            ("2030-03-17T18:46:40+01:00", now),
            ("2030-03-17T17:46:40.999Z", now),
        ] {
            assert_eq!(at(text, now), Ok(want), "{text}");
        }
    }

    #[test]
    fn a_date_is_its_first_second_here() {
        let midnight = at("2030-01-01", 0).unwrap();
        assert_eq!(at("2030-01-01T00:00:00", 0), Ok(midnight));
        assert!(local(midnight).starts_with("2030-01-01 00:00:00 "));
        assert!(at("tomorrow", 0).unwrap_err().contains("`2030-01-31`"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "+",
            "-",
            "tomorrow",
            "+2y",
            "2h",
            "+h",
            "1.5",
            "-1h-1h",
            "+1h 2m",
            "+12m3",
            "1099511627776",
            "99999999999999999999999",
            "1969-12-31T23:00:00Z",
            "2030-13-01",
            "+99999999999999999999s",
            "+999999999w",
            "\u{661}",
        ] {
            assert!(text.parse::<TimeArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_before_the_epoch_is_the_epoch() {
        assert_eq!(at("-1h", 60), Ok(0));
    }

    #[test]
    fn durations_are_read_and_shown() {
        for (text, seconds, shown) in [
            ("0", 0, "0 s"),
            ("90", 90, "1 min 30 s"),
            ("45s", 45, "45 s"),
            ("3h", 10_800, "3 h"),
            ("1d4h", 100_800, "1 d 4 h"),
            ("2w1s", 1_209_601, "14 d 1 s"),
            ("1h2m3s", 3_723, "1 h 2 min"),
        ] {
            assert_eq!(text.parse(), Ok(DurationArg(seconds)), "{text}");
            assert_eq!(duration(seconds), shown);
        }
    }

    #[test]
    fn distances_say_which_way() {
        assert_eq!(distance(100, 100), "now");
        assert_eq!(distance(10_900, 100), "in 3 h");
        assert_eq!(distance(100, 400), "5 min ago");
    }

    #[test]
    fn absurd_times_are_shown_all_the_same() {
        assert_eq!(local(u64::MAX), format!("unix time {}", u64::MAX));
        assert!(show(0, u64::MAX).ends_with("ago)"));
    }
}
