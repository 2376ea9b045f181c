//! Announcements that travel before anybody records them.

use crate::place::Place;

fn gossip(place: &Place) -> String {
    place.run(&["offer", "detect", "--volume", "4", "--out", "offer.json"]).ended(0);
    let args = ["announce", "--offer", "offer.json", "--key", "alice", "--gossip", "gossip.json"];
    let written = place.json(&args);
    assert!(written["block"].is_null());
    written["resourceId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_records_the_announcement_it_brings() {
    let place = Place::start().await;
    let resource = gossip(&place);
    assert_eq!(place.json(&["status"])["records"], "1", "only the genesis record");
    assert!(place.path().join("gossip.json").is_file());
    assert!(!place.path().join("announcement.json").exists());

    let ask = ["request", "--announcement", "gossip.json", "--for", "2h", "--volume", "3"];
    let first = place.run(&[&ask[..], &["--key", "bob"]].concat()).ended(0);
    assert!(first.stderr.contains(&format!("with its announcement, resource {resource}")));
    assert_eq!(place.json(&["status"])["records"], "3", "announcement and request");
    let listed = place.json(&["resources"]);
    assert_eq!((&listed[0]["resourceId"], &listed[0]["index"]), (&resource.into(), &"1".into()));

    // Whoever brings it again asks alone, and is judged by the five checks.
    let refused = place.refused(&[&ask[..], &["--key", "carol"]].concat());
    assert_eq!(refused["code"], 501);
    let one = [&ask[..5], &["--volume", "1", "--key", "carol"]].concat();
    let second = place.run(&one).ended(0);
    let alone = "the announcement is recorded already: the request is sent alone";
    assert!(second.stderr.contains(alone), "{}", second.all());
    assert_eq!(place.json(&["status"])["records"], "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_is_refused_takes_its_request_with_it() {
    let place = Place::start().await;
    gossip(&place);
    let text = std::fs::read_to_string(place.path().join("gossip.json")).unwrap();
    let forged = text.replace("\"volume\": 4", "\"volume\": 5");
    assert_ne!(forged, text);
    std::fs::write(place.path().join("forged.json"), forged).unwrap();
    let ask = ["request", "--volume", "1", "--key", "bob", "--announcement"];
    let refused = place.refused(&[&ask[..], &["forged.json"]].concat());
    assert_eq!(
        (&refused["code"], &refused["name"]),
        (&201.into(), &"ProviderSignatureInvalid".into())
    );

    // The request is refused, so the announcement is not recorded either.
    let refused = place.refused(&[
        "request",
        "--volume",
        "5",
        "--key",
        "bob",
        "--announcement",
        "gossip.json",
    ]);
    assert_eq!(refused["code"], 501);
    assert_eq!(place.json(&["status"])["records"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_bars_an_announcement_for_good() {
    let place = Place::start().await;
    let resource = gossip(&place);
    let unknown = place.run(&["withdraw", &resource, "--key", "alice"]).ended(1);
    assert!(unknown.stderr.contains("nobody has recorded the resource"), "{}", unknown.all());
    let barred = place.run(&["withdraw", "gossip.json", "--key", "alice"]).ended(0);
    assert!(barred.stderr.contains("nobody had recorded the announcement"), "{}", barred.all());
    let ask = ["request", "--volume", "1", "--key", "bob", "--announcement", "gossip.json"];
    let refused = place.refused(&ask);
    assert_eq!((&refused["code"], &refused["name"]), (&203.into(), &"ResourceWithdrawn".into()));
    assert_eq!(place.json(&["status"])["records"], "2", "genesis and tombstone");
    let listed = place.run(&["resources"]).ended(0);
    assert!(listed.stderr.contains("1 announcement withdrawn before"), "{}", listed.all());
}

/// Without its file, an announcement that travels could not be withdrawn any more.
#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_is_not_overwritten_by_the_next_one() {
    let place = Place::start().await;
    gossip(&place);
    let path = place.path().join("gossip.json");
    let first = std::fs::read(&path).unwrap();
    let again = ["announce", "--offer", "offer.json", "--key", "alice", "--volume", "3"];
    for flag in ["--gossip", "--out"] {
        let kept = place.run(&[&again[..], &[flag, "gossip.json"]].concat()).ended(2);
        assert!(kept.stderr.contains("`gossip.json` is there already"), "{}", kept.all());
        assert_eq!(std::fs::read(&path).unwrap(), first);
    }
    assert_eq!(place.json(&["status"])["records"], "1", "what is not kept is not sent");
    place.run(&[&again[..], &["--gossip", "gossip.json", "--force"]].concat()).ended(0);
    assert_ne!(std::fs::read(&path).unwrap(), first);

    let standard = place.run(&[&again[..], &["--gossip", "-"]].concat()).ended(2);
    assert!(standard.stderr.contains("`-` is no file name"), "{}", standard.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_beside_a_travelling_announcement_is_said() {
    let place = Place::start().await;
    gossip(&place);
    let ask = ["request", "--announcement", "gossip.json", "--volume", "1", "--key", "bob"];
    let signed = place.run(&[&ask[..], &["--sign-only", "--out", "r.json"]].concat()).ended(0);
    let next = "`fallow request r.json --announcement gossip.json --approval FILE`";
    assert!(signed.stderr.contains(next), "{}", signed.all());
    let alone = place.run(&["request", "r.json", "--sender", "bob"]).ended(1);
    assert!(alone.stdout.contains("refused: 202 ResourceUnknown"), "{}", alone.all());
    assert!(alone.stderr.contains("hint: `--announcement FILE` brings"), "{}", alone.all());
    let check = place.run(&["check", "r.json"]).ended(1);
    assert!(check.stdout.contains("refused: 202 ResourceUnknown"), "{}", check.all());
}

/// Nobody has judged an announcement that travels; one that never could be recorded is not written.
#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_nobody_could_record_is_not_handed_out() {
    let place = Place::start().await;
    place.run(&["offer", "detect", "--volume", "4", "--out", "offer.json"]).ended(0);
    let announce = ["announce", "--offer", "offer.json", "--key", "alice", "--gossip", "g.json"];
    for (more, code) in [
        (&["--for", "0s"][..], 402),
        (&["--slot", "0s", "--for", "1h"], 403),
        (&["--for", "90m"], 404),
        (&["--start", "1099511627775", "--for", "1h"], 405),
    ] {
        let refused = place.refused(&[&announce[..], more].concat());
        assert_eq!(refused["code"], code, "{more:?}");
        assert!(!place.path().join("g.json").exists());
    }
    // It needs no node.
    place.run(&[&announce[..], &["--sidechain", "http://127.0.0.1:9"]].concat()).ended(0);
}
