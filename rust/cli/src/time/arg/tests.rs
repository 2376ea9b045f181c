//! Times and durations in all their forms, with a fixed clock and in several time zones.

use super::*;
use proptest::prelude::*;

/// Sunday 2030-03-17 17:46:40 UTC.
const NOW: u64 = 1_900_000_000;

fn within(text: &str, zone: &str) -> std::result::Result<String, String> {
    let zone = TimeZone::get(zone).unwrap();
    let seconds = text.parse::<TimeArg>()?.within(NOW, &zone).map_err(|f| f.to_string())?;
    let timestamp = Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap();
    Ok(timestamp.to_string())
}

#[test]
fn instants_and_distances_are_the_same_everywhere() {
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"] {
        let zone = TimeZone::get(zone).unwrap();
        for (text, want) in [
            ("now", NOW),
            ("+0s", NOW),
            ("+2h", NOW + 7_200),
            ("+1h30m", NOW + 5_400),
            ("in 2 hours", NOW + 7_200),
            ("in 1 day, 2 hours", NOW + 93_600),
            ("-30m", NOW - 1_800),
            ("30 minutes ago", NOW - 1_800),
            ("+90", NOW + 90),
            ("0", 0),
            ("1900000001", NOW + 1),
            ("2030-03-17T17:46:40Z", NOW),
            ("2030-03-17T18:46:40+01:00", NOW),
            ("2030-03-17 18:46:40+01:00", NOW),
            ("2030-03-17 18:46:40 +01:00", NOW),
            ("2030-03-17T17:46:40.999Z", NOW),
        ] {
            let time: TimeArg = text.parse().unwrap();
            assert_eq!(time.within(NOW, &zone).unwrap(), want, "{text}");
        }
    }
}

#[test]
fn calendar_times_are_local() {
    for (text, zone, want) in [
        ("today", "UTC", "2030-03-17T00:00:00Z"),
        ("tomorrow", "Europe/Berlin", "2030-03-17T23:00:00Z"),
        ("tomorrow 9:00", "Europe/Berlin", "2030-03-18T08:00:00Z"),
        ("tomorrow at 9:00", "America/New_York", "2030-03-18T13:00:00Z"),
        ("Tomorrow 9am", "Asia/Kathmandu", "2030-03-18T03:15:00Z"),
        ("yesterday 23:59:59", "UTC", "2030-03-16T23:59:59Z"),
        ("14:00", "UTC", "2030-03-17T14:00:00Z"),
        ("12am", "UTC", "2030-03-17T00:00:00Z"),
        ("12:30 pm", "UTC", "2030-03-17T12:30:00Z"),
        // It is a Sunday: the next Monday is tomorrow, the next Sunday a week away.
        ("next monday 14:00", "Europe/Berlin", "2030-03-18T13:00:00Z"),
        ("next sunday 14:00", "UTC", "2030-03-24T14:00:00Z"),
        ("sunday 14:00", "UTC", "2030-03-17T14:00:00Z"),
        ("fri 8:00", "UTC", "2030-03-22T08:00:00Z"),
        ("2030-01-31 14:00", "Europe/Berlin", "2030-01-31T13:00:00Z"),
        ("2030-07-31 14:00", "Europe/Berlin", "2030-07-31T12:00:00Z"),
        ("2030-01-31T14:00", "America/New_York", "2030-01-31T19:00:00Z"),
        ("31 jan 2030 14:00", "UTC", "2030-01-31T14:00:00Z"),
        ("January 31 2030", "UTC", "2030-01-31T00:00:00Z"),
        ("2030-01-31", "Asia/Kathmandu", "2030-01-30T18:15:00Z"),
    ] {
        assert_eq!(within(text, zone).as_deref(), Ok(want), "{text} in {zone}");
    }
}

/// At 17:46 UTC it is the next day already in Tokyo, and in Kiritimati, too.
#[test]
fn tomorrow_is_the_day_after_today_there() {
    assert_eq!(within("tomorrow 9:00", "Asia/Tokyo").unwrap(), "2030-03-19T00:00:00Z");
    assert_eq!(within("tomorrow 9:00", "Pacific/Kiritimati").unwrap(), "2030-03-18T19:00:00Z");
}

#[test]
fn a_zone_in_the_text_is_the_one_that_counts() {
    for (text, want) in [
        ("tomorrow 9:00 +05:30", "2030-03-18T03:30:00Z"),
        ("tomorrow 9:00 -0800", "2030-03-18T17:00:00Z"),
        ("tomorrow 9:00 UTC", "2030-03-18T09:00:00Z"),
        ("2030-01-31 14:00 Z", "2030-01-31T14:00:00Z"),
        ("next monday 14:00 Europe/Berlin", "2030-03-18T13:00:00Z"),
        // Wherever it is read, the day is the one of the zone named.
        ("today 9:00 Asia/Tokyo", "2030-03-18T00:00:00Z"),
    ] {
        for zone in ["UTC", "America/New_York"] {
            assert_eq!(within(text, zone).as_deref(), Ok(want), "{text}");
        }
    }
}

#[test]
fn a_time_that_the_clocks_skip_is_refused_with_the_two_readings() {
    let error = within("2030-03-31 02:30", "Europe/Berlin").unwrap_err();
    assert!(error.contains("is skipped in Europe/Berlin"), "{error}");
    assert!(error.contains("2030-03-31T03:30:00+02:00"), "{error}");
    assert!(error.contains("2030-03-31T01:30:00+01:00"), "{error}");
    let error = within("2030-03-10 02:00", "America/New_York").unwrap_err();
    assert!(error.contains("is skipped in America/New_York"), "{error}");
    // Its neighbours are not.
    assert_eq!(within("2030-03-31 03:00", "Europe/Berlin").unwrap(), "2030-03-31T01:00:00Z");
    assert_eq!(within("2030-03-31 01:59", "Europe/Berlin").unwrap(), "2030-03-31T00:59:00Z");
}

#[test]
fn a_time_that_comes_twice_is_refused_until_one_is_named() {
    let error = within("2030-10-27 02:30", "Europe/Berlin").unwrap_err();
    assert!(error.contains("comes twice in Europe/Berlin"), "{error}");
    for (text, want) in [
        ("2030-10-27 02:30 +02:00", "2030-10-27T00:30:00Z"),
        ("2030-10-27 02:30 +01:00", "2030-10-27T01:30:00Z"),
        // As this program shows it.
        ("2030-10-27 02:30:00 CEST", "2030-10-27T00:30:00Z"),
        ("2030-10-27 02:30:00 CET", "2030-10-27T01:30:00Z"),
    ] {
        assert_eq!(within(text, "Europe/Berlin").as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn the_first_second_of_a_day_may_be_one_o_clock() {
    // Clocks in Beirut go forward at midnight, in Havana back to it.
    assert_eq!(within("2030-03-31", "Asia/Beirut").unwrap(), "2030-03-30T22:00:00Z");
    assert_eq!(within("2030-11-03", "America/Havana").unwrap(), "2030-11-03T04:00:00Z");
    assert!(within("2030-03-31 00:00", "Asia/Beirut").is_err());
}

#[test]
fn an_abbreviation_of_another_zone_is_refused() {
    for text in ["2030-01-31 14:00 CEST", "2030-01-31 14:00 EST", "tomorrow 9:00 ist"] {
        assert!(within(text, "Europe/Berlin").is_err(), "{text}");
    }
    assert_eq!(within("2030-01-31 14:00 EST", "America/New_York").unwrap().len(), 20);
}

#[test]
fn hours_are_hours_when_clocks_change() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let now = after_epoch("2030-03-30T20:00:00+01:00".parse().unwrap()).unwrap();
    let time: TimeArg = "in 24 hours".parse().unwrap();
    assert_eq!(time.within(now, &zone).unwrap(), now + 86_400);
    let time: TimeArg = "tomorrow 20:00".parse().unwrap();
    assert_eq!(time.within(now, &zone).unwrap(), now + 82_800, "a day of 23 hours");
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "+",
        "-",
        "in",
        "in ",
        "ago",
        "tomorow",
        "+2y",
        "+1mo",
        "2h",
        "+h",
        "1.5",
        "-1h-1h",
        "+-1h",
        "in -1h",
        "+1h ago",
        "+12m3",
        "1099511627776",
        "99999999999999999999999",
        "1969-12-31T23:00:00Z",
        "1969-12-31 12:00",
        "2030-13-01",
        "2030-02-30",
        "2030-01-31 24:00",
        "2030-01-31 25:00",
        "2030-01-31 9:60",
        "04/01/2030",
        "01.04.2030",
        "tomorrow 2030-01-31",
        "tomorrow monday",
        "monday tuesday",
        "tomorrow 9:00 10:00",
        "next",
        "next 9:00",
        "next tomorrow",
        "tomorrow 9",
        "9 30",
        "@5",
        "m",
        "9:00 m",
        "tomorrow +1h",
        "tomorrow 9:00 +1 day",
        "tomorrow 9:00 Mars/Olympus",
        "tomorrow 13pm",
        "2030-01-31T14:00:00 TZ=UTC",
        "TZ=\"UTC\" 9:00",
        "2030-01-31 14:00 +99:00",
        "10000-01-01",
        "31 jan 99999",
        "+99999999999999999999s",
        "+999999999w",
        "\u{661}",
        "tomorrow\u{a0}9:00",
        "2030-01-31 14:00 +1:00:00:00",
        "tomorrow 9:00 +01:00 +01:00",
    ] {
        let read = text.parse::<TimeArg>().and_then(|time| {
            time.within(NOW, &TimeZone::UTC).map_err(|failure| failure.to_string())
        });
        assert!(read.is_err(), "{text}: {read:?}");
    }
    assert!("x".repeat(1_000_000).parse::<TimeArg>().is_err());
}

#[test]
fn a_time_before_the_epoch_is_the_epoch() {
    let time: TimeArg = "-1h".parse().unwrap();
    assert_eq!(time.at(60).unwrap(), 0);
}

#[test]
fn durations_are_read_in_all_their_forms() {
    for (text, seconds) in [
        ("0", 0),
        ("90", 90),
        ("45s", 45),
        ("3h", 10_800),
        ("2 h", 7_200),
        ("90 minutes", 5_400),
        ("1 hour 30 min", 5_400),
        ("1.5h", 5_400),
        ("1 day, 2 hours", 93_600),
        ("1d4h", 100_800),
        ("2w1s", 1_209_601),
        ("1h2m3s", 3_723),
    ] {
        assert_eq!(text.parse(), Ok(DurationArg(seconds)), "{text}");
    }
    for text in [
        "",
        "h",
        "-1h",
        "+1h",
        "1h ago",
        "1 month",
        "1y",
        "1.5s",
        "500ms",
        "1099511627776",
        "99999999999999999999",
        "99999999999999999999h",
        "2 hours tomorrow",
        "1h 1h",
        "PT1M",
    ] {
        let read = text.parse::<DurationArg>();
        assert!(read.is_err(), "{text}: {read:?}");
    }
}

/// Words that times are made of, and some that none is made of.
const WORDS: [&str; 40] = [
    "today",
    "tomorrow",
    "yesterday",
    "monday",
    "sun",
    "next",
    "this",
    "last",
    "january",
    "feb",
    "may",
    "31",
    "29",
    "0",
    "2030",
    "9999",
    "0000",
    "9999-12-31",
    "0000-01-01",
    "2028-02-29",
    "2030-03-31",
    "02:30",
    "23:59:59",
    "24:00",
    "0:00",
    "12am",
    "13pm",
    "am",
    "at",
    "in",
    "ago",
    "+",
    "-",
    "+14:00",
    "-23:59",
    "Z",
    "CET",
    "Europe/Berlin",
    "Pacific/Apia",
    "1h",
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[ -~]{0,70}", now in any::<u64>()) {
        let zone = TimeZone::get("America/New_York").unwrap();
        if let Ok(time) = text.parse::<TimeArg>() {
            prop_assert!(time.within(now, &zone).map_or(true, |at| at < TIME_LIMIT || !time.is_exact()));
        }
        let length: std::result::Result<DurationArg, _> = text.parse();
        prop_assert!(length.map_or(true, |length| length.0 < TIME_LIMIT));
    }

    #[test]
    fn no_sentence_makes_it_panic(
        words in proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..6),
        zone in proptest::sample::select(&["UTC", "Asia/Beirut", "Pacific/Kiritimati"][..]),
        now in prop_oneof![0..TIME_LIMIT, Just(u64::MAX), 253_402_000_000..253_403_000_000_u64],
    ) {
        let zone = TimeZone::get(zone).unwrap();
        if let Ok(time) = words.join(" ").parse::<TimeArg>() {
            prop_assert!(time.within(now, &zone).map_or(true, |at| at < TIME_LIMIT || !time.is_exact()));
        }
    }

    /// What is shown is read as the same time, in every zone, also where clocks change.
    #[test]
    fn what_is_shown_is_read_back(
        at in 0..4_102_444_800_u64,
        near in prop_oneof![Just(0_u64), 1_901_140_000..1_901_160_000_u64],
        zone in proptest::sample::select(&["UTC", "Europe/Berlin", "Asia/Kathmandu"][..]),
    ) {
        let at = if near == 0 { at } else { near };
        let zone = TimeZone::get(zone).unwrap();
        let zoned = Timestamp::from_second(i64::try_from(at).unwrap()).unwrap().to_zoned(zone.clone());
        for form in ["%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%d %H:%M:%S %:z"] {
            let text = zoned.strftime(form).to_string();
            prop_assert_eq!(text.parse::<TimeArg>().unwrap().within(0, &zone).unwrap(), at);
        }
    }
}
