//! Times in words, as a verifier's clock, in several time zones.

use crate::world::{NOW, Ran, World, fallow};

fn verify(world: &World, zone: &str, at: &str) -> Ran {
    let mut command = fallow(world.folder());
    command.env("TZ", zone).args(["verify", "t.ticket", "--json", "--at", at]);
    Ran::of(command.output().unwrap())
}

/// The clock that the verdict was given at.
fn clock(world: &World, zone: &str, at: &str) -> u64 {
    let ran = verify(world, zone, at);
    let verdict: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    verdict["clock"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_local_time_is_that_of_the_zone() {
    let world = World::new();
    // 2030-03-17 17:00 UTC.
    for (zone, at) in [
        ("UTC", "2030-03-17 17:00"),
        ("Europe/Berlin", "2030-03-17 18:00"),
        ("America/New_York", "2030-03-17 1pm"),
        ("Asia/Kathmandu", "17 march 2030 22:45"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2030-03-17 18:00"),
        ("Asia/Tokyo", "2030-03-17 17:00 UTC"),
        ("Asia/Tokyo", "2030-03-17 18:00 +01:00"),
        ("Asia/Tokyo", "2030-03-17 18:00 Europe/Berlin"),
        ("Europe/Berlin", "2030-03-17 18:00:00 CET"),
    ] {
        assert_eq!(clock(&world, zone, at), NOW, "{at} in {zone}");
    }
    // Words follow the clock of this machine; the day begins where the reader is.
    let [east, west] = ["Pacific/Kiritimati", "Pacific/Pago_Pago"];
    let noon = "tomorrow 12:00";
    assert_ne!(clock(&world, east, noon), clock(&world, west, noon));
}

#[test]
fn a_time_that_clocks_skip_or_repeat_is_refused() {
    let world = World::new();
    let skipped = verify(&world, "Europe/Berlin", "2030-03-31 02:30");
    skipped.expect_failure("`2030-03-31 02:30` is skipped in Europe/Berlin");
    insta::assert_snapshot!(skipped.stderr);
    let twice = verify(&world, "America/New_York", "2030-11-03 01:30");
    twice.expect_failure("`2030-11-03 01:30` comes twice in America/New_York");
    insta::assert_snapshot!(twice.stderr);
    assert_eq!(verify(&world, "UTC", "2030-03-31 02:30").stderr, "");
}

#[test]
fn a_zone_that_is_none_is_refused_only_where_it_matters() {
    let world = World::new();
    let local = verify(&world, "Mars/Olympus", "2030-03-17 18:00");
    local.expect_failure("the time zone `Mars/Olympus` of the variable TZ is none");
    assert_eq!(clock(&world, "Mars/Olympus", "2030-03-17 17:00 UTC"), NOW);
    assert_eq!(clock(&world, "Mars/Olympus", &NOW.to_string()), NOW);
}

#[test]
fn what_is_no_time_is_a_usage_error_that_shows_what_is() {
    let world = World::new();
    let ran = verify(&world, "UTC", "04/01/2030");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(ran.stderr);
}
