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
        vec!["verify", "t.ticket", "--at", "tomorrow"],
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
