//! Times off the grid, and calendars.

use crate::place::Place;

#[tokio::test(flavor = "multi_thread")]
async fn a_time_between_two_slots_is_refused_with_both() {
    let place = Place::start().await;
    let resource = place.announce();
    let start: u64 = place.json(&["resources"])[0]["announcement"]["startTime"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let ask = ["request", "--resource", &resource, "--key", "bob", "--volume", "1"];
    let off = (start + 5 * 3_600 + 900).to_string();
    for verb in ["request", "check"] {
        let asked = [&[verb][..], &ask[1..], &["--start", &off]].concat();
        let refused = place.run(&[&asked[..], &["--json"]].concat()).ended(1).json();
        assert_eq!(refused["refusal"]["code"], 407);
        assert_eq!(refused["refusal"]["got"], off);
        assert_eq!(refused["nearest"].as_array().unwrap().len(), 2, "{refused}");
        let shown = place.run(&asked).ended(1);
        assert!(shown.stdout.contains("407 SlotsNotAligned: "), "{}", shown.all());
        assert!(shown.stderr.contains("hint: the slot before starts 20"), "{}", shown.all());
        // What is offered can be pasted.
        for flag in refused["nearest"].as_array().unwrap() {
            let (flag, value) = flag.as_str().unwrap().split_once(' ').unwrap();
            let check = [&["check"][..], &ask[1..], &[flag, value]].concat();
            assert_eq!(place.json(&check)["holds"], true);
        }
    }
    let length = [&ask[..], &["--for", "90 minutes", "--json"]].concat();
    let refused = place.run(&length).ended(1).json();
    assert_eq!(
        (&refused["refusal"]["code"], &refused["nearest"]),
        (&407.into(), &["--for 1h", "--for 2h"][..].into())
    );
    assert_eq!(place.json(&["status"])["records"], "2", "nothing was recorded");

    // Words for times mean what they say.
    let asked = place.json(&[&ask[..], &["--start", "tomorrow 9:00", "--for", "2 h"]].concat());
    let begins: u64 = asked["request"]["startTime"].as_str().unwrap().parse().unwrap();
    assert_eq!(begins % 86_400, 9 * 3_600, "in UTC");
    // And without any, the slot in progress is meant.
    let now = place.json(&ask);
    let begins: u64 = now["request"]["startTime"].as_str().unwrap().parse().unwrap();
    assert_eq!((begins - start) % 3_600, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_drawn_where_there_is_room() {
    let place = Place::start().await;
    let resource = place.announce();
    let ask = ["request", "--resource", &resource, "--for", "2h", "--volume"];
    place.json(&[&ask[..], &["1", "--key", "bob"]].concat());
    place.json(&[&ask[..], &["2", "--key", "carol"]].concat());

    let drawn = |args: &[&str]| place.run(args).ended(0);
    let shown = drawn(&["resources", "--bars", "always", "--key", "bob"]);
    assert!(
        shown.stdout.contains("  ##@.  2 slots: 3 of 4 used, 1 mine, 1 free\n"),
        "{}",
        shown.all()
    );
    assert!(shown.stdout.contains("  ....  718 slots: 0 of 4 used, 4 free\n"), "{}", shown.all());
    let legend = "# used by others  @ mine  . free  x closed\n";
    assert_eq!(shown.stderr, legend);
    assert!(shown.stdout.lines().skip(2).all(|line| line.len() <= 120), "{}", shown.all());

    let shown = drawn(&["requests", "--bars", "always", "--key", "bob"]);
    assert!(shown.stdout.contains("  @@  2 slots held\n"), "{}", shown.all());
    assert!(shown.stdout.contains("  ##  2 slots held\n"), "{}", shown.all());

    // Neither a pipe nor a narrow terminal has room, and JSON has none of it.
    let piped = drawn(&["resources", "--key", "bob"]);
    assert_eq!((piped.stdout.lines().count(), piped.stderr.as_str()), (2, ""));
    let output = place.command(&["resources", "--bars", "always"]).env("COLUMNS", "40").output();
    let narrow = String::from_utf8(output.unwrap().stdout).unwrap();
    assert_eq!(narrow.lines().count(), 2, "{narrow}");
    let output =
        place.command(&["resources", "--bars", "always"]).env("LANG", "de_DE.UTF-8").output();
    let blocks = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(blocks.contains('\u{2588}') && !blocks.contains('#'), "{blocks}");
}
