//! Usage errors and the streams.

use crate::world::{World, fallow};
use std::process::Stdio;

#[test]
fn usage_errors_are_exit_code_2() {
    let world = World::new();
    for args in [
        vec![],
        vec!["nonsense"],
        vec!["verify"],
        vec!["check"],
        vec!["verify", "t.ticket", "--at", "tomorow"],
        vec!["verify", "t.ticket", "--nonsense"],
        vec!["offer", "detect", "--volume", "0"],
        vec!["offer", "detect", "--volume", "65536"],
        vec!["keys", "export", "x", "--password", "p"],
    ] {
        let ran = world.run(&args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
    }
}

#[test]
fn what_is_no_id_and_no_address_is_told_what_one_looks_like() {
    let world = World::new();
    for (args, looks) in [
        (["requests", "--resource", "0x12"], "0x and 64 hex digits"),
        (["requests", "--of", "me"], "0x and 40 hex digits"),
    ] {
        let ran = world.run(&args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains(looks), "{ran:?}");
    }
}

#[test]
fn a_check_of_nothing_names_what_it_takes() {
    let world = World::new();
    for args in [vec!["check"], vec!["check", "--volume", "2"]] {
        let ran = world.run(&args);
        ran.expect_failure("no request is named");
        let hint = "hint: name a request file, or `--resource ID --volume UNITS --key NAME`";
        assert!(ran.stderr.contains(hint), "{ran:?}");
    }
    // No node runs here, and none is asked.
    world.run(&["check", "nofile"]).expect_failure("cannot read `nofile`");
}

#[test]
fn whoever_signs_or_pays_has_to_be_named() {
    let world = World::new();
    let id = format!("0x{}", "11".repeat(32));
    let sends = [
        (vec!["release", &id], "who signs", "`--key NAME`"),
        (vec!["withdraw", &id], "who signs", "`--key NAME`"),
        (vec!["request", "--resource", &id], "who signs", "`--key NAME`"),
        (vec!["request"], "no resource", "`--announcement FILE`"),
    ];
    for (args, what, hint) in sends {
        let ran = world.run(&args);
        ran.expect_failure(what);
        assert!(ran.stderr.lines().nth(1).unwrap().contains(hint), "{ran:?}");
    }
    // Flags that contradict each other.
    for args in [
        ["request", "asked.json", "--volume", "1"].as_slice(),
        &["request", "--resource", &id, "--announcement", "a.json"],
        &["request", "--resource", &id, "--sign-only"],
        &["announce", "--offer", "o.json", "--out", "a.json", "--gossip", "b.json"],
        &["release", &id, "--sign-only"],
        &["release", "--key", "x"],
    ] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("Usage: "), "{ran:?}");
    }
}

#[test]
fn what_is_missing_is_named_with_the_flag_that_names_it() {
    let world = World::new();
    let hint = |args: &[&str]| {
        let ran = world.run(args);
        ran.expect_failure("");
        ran.stderr.lines().nth(1).unwrap_or_default().to_owned()
    };
    let key =
        hint(&["access", "grant", "--ticket", "t.ticket", "--nonce", "nonce.json", "--key", "x"]);
    assert!(key.contains("`fallow keys list`") && key.contains("`--keys-dir"), "{key}");
    let key = hint(&["keys", "export", "x"]);
    assert!(key.contains("`fallow keys list`") && key.contains("`--keys-dir"), "{key}");
    world.write("bad.json", b"{}");
    let offer = hint(&["offer", "show", "bad.json"]);
    assert_eq!(offer, "hint: expected the JSON form of an offer document");
    std::fs::remove_file(world.path(&world.network.set_file_name())).unwrap();
    let set = hint(&["verify", "t.ticket"]);
    assert!(set.contains("`--set FILE`"), "{set}");
    std::fs::remove_file(world.path("network.json")).unwrap();
    let network = hint(&["verify", "t.ticket"]);
    assert!(
        network.contains("`--network FILE`") && network.contains("FALLOW_NETWORK"),
        "{network}"
    );
}

#[test]
fn an_offer_describes_this_machine() {
    let world = World::new();
    let args = ["offer", "detect", "--volume", "4", "--region", "here", "--out", "o.json"];
    let ran = world.run(&args);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    let shown = world.run(&["offer", "show", "o.json", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(json["offer"]["volume"], 4);
    assert_eq!(json["offer"]["region"], "here");
    assert!(json["offer"]["machine"]["cores"].as_u64().unwrap() > 0);
    let bytes = std::fs::read(world.path("o.json")).unwrap();
    assert_eq!(json["hash"], alloy_primitives::keccak256(bytes).to_string());
}

#[test]
fn colour_can_be_forced_and_forbidden() {
    let world = World::new();
    let with = |name, value| {
        let output = fallow(world.folder()).args(["verify", "t.ticket"]).env(name, value).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert!(with("CLICOLOR_FORCE", "1").contains("\u{1b}["));
    assert!(!with("NO_COLOR", "1").contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::new();
    let mut child = fallow(world.folder())
        .args(["verify", "t.ticket", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), b"".as_slice()));
}
