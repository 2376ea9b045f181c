//! A day and a time of day, as people name them. `parse_datetime` (the parser behind the `date`
//! command of uutils) reads the words; which words it may see is decided here, as it also knows
//! forms that mean different things to different people (`04/01/2030`, the letter `m` as a zone).
//!
//! The words are read against a calendar without time zones, so no change of clocks can bend them;
//! only then is the zone applied, and a time that does not exist or comes twice is refused.

use super::arg::after_epoch;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use parse_datetime::parse_datetime_at_date;

/// A day and a time of day in some zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    /// What was typed.
    text: String,
    /// The words without the zone.
    words: String,
    /// Without a time of day, the first second of the day is meant.
    has_time: bool,
    zone: Zone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Zone {
    /// The reader's.
    Local,
    /// The reader's while its clocks are called so: `CET`.
    Abbreviation(String),
    /// Another one.
    Named(TimeZone),
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// `tomorrow`
    Day,
    /// `monday`
    Weekday,
    /// `next`: before a weekday only
    Ordinal,
    /// `2030-01-31`
    Date,
    /// `january`
    Month,
    /// `31` and `2030` beside a month
    Number,
    /// `14:00`, `9am`
    Time,
    /// `pm` after a time
    Half,
}

const DAYS: [&str; 3] = ["today", "tomorrow", "yesterday"];
const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Civil {
    /// Reads a text; the error may say more than that it was not understood.
    pub(super) fn parse(text: &str) -> Result<Self, Option<String>> {
        let mut tokens = tokens(text);
        let zone = match tokens.last().map(|last| zone(last)) {
            Some(Some(zone)) => {
                tokens.pop();
                zone?
            }
            _ => Zone::Local,
        };
        tokens.retain(|token| token != "at");
        let words: Option<Vec<_>> = tokens.iter().map(|token| word(token)).collect();
        let words = words.filter(|words| is_sentence(words)).ok_or(None)?;
        let civil = Self {
            text: text.to_owned(),
            words: tokens.join(" "),
            has_time: words.contains(&Word::Time),
            zone,
        };
        // What is no time at all is known without the clock; a leap year takes every day.
        let base = DateTime::constant(2028, 1, 1, 0, 0, 0, 0);
        civil.read(base).map(|_| civil).map_err(|_| None)
    }

    /// Whether it is read in the zone of this machine.
    pub(super) const fn is_local(&self) -> bool {
        !matches!(self.zone, Zone::Named(_))
    }

    /// The day and time of day that it names on the day of `today`.
    fn read(&self, today: DateTime) -> Result<DateTime, String> {
        let unread = || format!("`{}` names no day and time", self.text);
        let base = today.to_zoned(TimeZone::UTC).map_err(|_| unread())?;
        let read = parse_datetime_at_date(base, &self.words).map_err(|_| unread())?;
        read.into_zoned().map(|zoned| zoned.datetime()).ok_or_else(unread)
    }

    /// The unix seconds that it means when the clock shows `now`.
    pub(super) fn resolve(&self, now: u64, local: &TimeZone) -> Result<u64, String> {
        let zone = match &self.zone {
            Zone::Local | Zone::Abbreviation(_) => local,
            Zone::Named(zone) => zone,
        };
        let now = i64::try_from(now).ok().and_then(|now| Timestamp::from_second(now).ok());
        let now =
            now.ok_or_else(|| "the clock of this machine is beyond all calendars".to_owned())?;
        let named = self.read(now.to_zoned(zone.clone()).datetime())?;
        let zoned = if self.has_time {
            self.instant(named, zone)?
        } else {
            let day = named.date().to_zoned(zone.clone());
            day.and_then(|day| day.start_of_day()).map_err(|error| error.to_string())?
        };
        after_epoch(zoned.timestamp())
    }

    fn instant(&self, named: DateTime, zone: &TimeZone) -> Result<Zoned, String> {
        let name = zone.iana_name().unwrap_or("this time zone");
        let at = |offset: Offset| {
            offset
                .to_timestamp(named)
                .map(|at| at.to_zoned(zone.clone()))
                .map_err(|error| format!("`{}` is beyond all calendars: {error}", self.text))
        };
        let (before, after) = match zone.to_ambiguous_timestamp(named).offset() {
            AmbiguousOffset::Unambiguous { offset } => return self.called(vec![at(offset)?]),
            AmbiguousOffset::Gap { before, after } => {
                return Err(format!(
                    "`{}` is skipped in {name}, where clocks go forward then: name `{}` or `{}`",
                    self.text,
                    pasted(&at(before)?),
                    pasted(&at(after)?)
                ));
            }
            AmbiguousOffset::Fold { before, after } => (at(before)?, at(after)?),
        };
        if let Zone::Abbreviation(_) = self.zone {
            return self.called(vec![before, after]);
        }
        Err(format!(
            "`{}` comes twice in {name}, where clocks go back then: name `{}` or `{}`",
            self.text,
            pasted(&before),
            pasted(&after)
        ))
    }

    /// The one of the candidates whose zone is called as typed.
    fn called(&self, candidates: Vec<Zoned>) -> Result<Zoned, String> {
        let called = |zoned: &Zoned| match &self.zone {
            Zone::Abbreviation(name) => zoned.strftime("%Z").to_string().eq_ignore_ascii_case(name),
            Zone::Local | Zone::Named(_) => true,
        };
        candidates.into_iter().find(called).ok_or_else(|| {
            format!("`{}` names a zone that is not the one of this machine then", self.text)
        })
    }
}

/// As flags take it.
fn pasted(zoned: &Zoned) -> String {
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Lower-case words; the `T` of ISO 8601 between date and time is a space.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for token in text.split([' ', ',']).filter(|token| !token.is_empty()) {
        match token.split_once(['T', 't']) {
            Some((date, time)) if is_date(date) => {
                tokens.extend([date.to_owned(), time.to_owned()]);
            }
            // Names of zones have capitals.
            _ if token.contains('/') => tokens.push(token.to_owned()),
            _ => tokens.push(token.to_ascii_lowercase()),
        }
    }
    tokens
}

/// The zone that a last word names, if it can be none of the other words.
fn zone(token: &str) -> Option<Result<Zone, Option<String>>> {
    if ["z", "utc", "gmt"].contains(&token) {
        return Some(Ok(Zone::Named(TimeZone::UTC)));
    }
    if token.starts_with(['+', '-']) {
        return Some(offset(token).map(|offset| Zone::Named(offset.to_time_zone())).ok_or(None));
    }
    // Dates of some countries have slashes, too; zones begin with a letter.
    if token.contains('/') && token.starts_with(|first: char| first.is_ascii_alphabetic()) {
        let zone = TimeZone::get(token).map(Zone::Named);
        return Some(
            zone.map_err(|_| Some(format!("`{token}` is no time zone that is known here"))),
        );
    }
    // Abbreviations of zones have three to five letters; the other letter is a military zone.
    let is_name = token.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_name && (3..=5).contains(&token.len()) && word(token).is_none())
        .then(|| Ok(Zone::Abbreviation(token.to_owned())))
}

/// `+01:00`, `-0800`.
fn offset(token: &str) -> Option<Offset> {
    let (sign, digits) = token.split_at_checked(1)?;
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None => digits.split_at_checked(2)?,
    };
    let number = |text: &str, limit: i32| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i32>().ok().filter(|number| is_number && *number < limit)
    };
    let hours = number(hours, 24)?.checked_mul(3_600)?;
    let seconds = number(minutes, 60)?.checked_mul(60)?.checked_add(hours)?;
    let seconds = if sign == "-" { seconds.checked_neg()? } else { seconds };
    Offset::from_seconds(seconds).ok()
}

fn word(token: &str) -> Option<Word> {
    // Three letters are enough, as on every calendar.
    let is_one = |names: &[&str]| {
        names.iter().any(|name| *name == token || (token.len() == 3 && name.starts_with(token)))
    };
    match token {
        "next" | "this" => Some(Word::Ordinal),
        "am" | "pm" => Some(Word::Half),
        _ if DAYS.contains(&token) => Some(Word::Day),
        _ if is_one(&WEEKDAYS) => Some(Word::Weekday),
        _ if is_one(&MONTHS) => Some(Word::Month),
        _ if is_date(token) => Some(Word::Date),
        _ if is_time(token) => Some(Word::Time),
        _ if is_number(token, 1..=2) || is_number(token, 4..=4) => Some(Word::Number),
        _ => None,
    }
}

fn is_number(text: &str, digits: std::ops::RangeInclusive<usize>) -> bool {
    digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2030-01-31`.
fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    matches!(parts[..], [year, month, day]
        if is_number(year, 4..=4) && is_number(month, 2..=2) && is_number(day, 2..=2))
}

/// `9:00`, `09:00:30`, `9am`, `9:30pm`.
fn is_time(text: &str) -> bool {
    let half = text.strip_suffix("am").or_else(|| text.strip_suffix("pm"));
    let parts: Vec<_> = half.unwrap_or(text).split(':').collect();
    match parts[..] {
        [hour] => half.is_some() && is_number(hour, 1..=2),
        [hour, minute] => is_number(hour, 1..=2) && is_number(minute, 2..=2),
        [hour, minute, second] => {
            is_number(hour, 1..=2) && is_number(minute, 2..=2) && is_number(second, 2..=2)
        }
        _ => false,
    }
}

/// One day at most, one time at most, and each word where it belongs.
fn is_sentence(words: &[Word]) -> bool {
    let count = |kind: Word| words.iter().filter(|word| **word == kind).count();
    let days = [Word::Day, Word::Weekday, Word::Date, Word::Month].map(count);
    let follows = |first: Word, second: Word| {
        words
            .iter()
            .enumerate()
            .filter(|(_, word)| **word == first)
            .all(|(place, _)| words.get(place.saturating_add(1)) == Some(&second))
    };
    let halves = words.iter().enumerate().filter(|(_, word)| **word == Word::Half);
    let mut halves = halves.map(|(place, _)| place.checked_sub(1).and_then(|at| words.get(at)));
    let numbers = count(Word::Number);
    !words.is_empty()
        && days.iter().sum::<usize>() <= 1
        && count(Word::Time) <= 1
        && count(Word::Half) <= 1
        && follows(Word::Ordinal, Word::Weekday)
        && halves.all(|before| before == Some(&Word::Time))
        && if count(Word::Month) == 1 { (1..=2).contains(&numbers) } else { numbers == 0 }
}
