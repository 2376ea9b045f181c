//! Releases and withdrawals.

use crate::place::Place;
use fallow_devnet::{Hold, Tap};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: u64 = 3_600;

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

/// Six hours from the slot in progress.
fn request(place: &Place, resource: &str, who: &str, volume: &str) -> Value {
    let ask = ["request", "--resource", resource, "--key", who, "--for", "6h", "--volume", volume];
    place.json(&ask)
}

fn codes(refusal: &Value) -> (u64, &str) {
    (refusal["code"].as_u64().unwrap(), refusal["name"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_can_be_asked_for_by_others() {
    let place = Place::start().await;
    let resource = place.announce();
    let asked = request(&place, &resource, "bob", "4");
    let id = asked["requestId"].as_str().unwrap();
    let (start, end) =
        (number(&asked["request"]["startTime"]), number(&asked["request"]["endTime"]));

    // The earliest slot that the notice of an hour allows: neither this one nor the next.
    let released = place.json(&["release", id, "--key", "bob", "--out", "release.json"]);
    let from = number(&released["freed"]["startTime"]);
    assert!(
        from >= start + 2 * HOUR && from < end && (from - start).is_multiple_of(HOUR),
        "{released}"
    );
    let slots = (end - from) / HOUR;
    assert_eq!(released["freed"]["slots"], slots);
    assert_eq!(number(&released["freed"]["endTime"]), end);
    assert_eq!((&released["freed"]["volume"], &released["index"]), (&4.into(), &"3".into()));

    // Once.
    assert_eq!(codes(&place.refused(&["release", "2", "--key", "bob"])).0, 304);
    // The same file again is recorded already, whoever brings it.
    let again = place.json(&["release", "release.json", "--sender", "carol"]);
    assert_eq!(again["index"], released["index"]);

    let [from_flag, length] = [from.to_string(), format!("{slots}h")];
    let ask = ["request", "--resource", &resource, "--key", "carol", "--volume", "4"];
    place.json(&[&ask[..], &["--start", &from_flag, "--for", &length]].concat());
    let before = (from - HOUR).to_string();
    let taken = [&ask[..], &["--start", &before, "--for", "1h"]].concat();
    assert_eq!(codes(&place.refused(&taken)), (501, "CapacityExceeded"));

    let listed = place.json(&["requests", "--of", &listed_address(&place, "bob")]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let want = json!({ "index": "3", "fromTime": from.to_string(), "slots": slots });
    assert_eq!((&listed[0]["released"], &listed[0]["slots"]), (&want, &(6 - slots).into()));
    let calendar = &place.json(&["resources", "--key", "carol"])[0]["calendar"];
    let use_of =
        |run: &Value| [&run["used"], &run["mine"], &run["free"]].map(|n| n.as_u64().unwrap());
    let runs: Vec<_> = calendar.as_array().unwrap().iter().map(use_of).collect();
    assert_eq!(runs, [[4, 0, 0], [4, 4, 0], [0, 0, 4]]);
}

fn listed_address(place: &Place, name: &str) -> String {
    let keys = place.json(&["keys", "list"]);
    let key = keys.as_array().unwrap().iter().find(|key| key["name"] == name).unwrap();
    key["public"].as_str().or_else(|| key["address"].as_str()).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_refused_by_its_own_code() {
    let place = Place::start().await;
    let resource = place.announce();
    let asked = request(&place, &resource, "bob", "1");
    let (start, end) =
        (number(&asked["request"]["startTime"]), number(&asked["request"]["endTime"]));
    let release =
        |from: u64| place.refused(&["release", "2", "--key", "bob", "--from", &from.to_string()]);

    assert_eq!(codes(&release(start)), (412, "NoticeTooShort"));
    assert_eq!(codes(&release(end)), (411, "ReleaseOutsideAllocation"));
    assert_eq!(codes(&release(start - HOUR)), (411, "ReleaseOutsideAllocation"));
    let off = place.run(&["release", "2", "--key", "bob", "--from", &(start + 90).to_string()]);
    let off = off.ended(1);
    assert!(off.stdout.contains("407 SlotsNotAligned"), "{}", off.all());
    assert!(off.stderr.contains("the slot after starts"), "{}", off.all());
    assert!(off.stderr.contains("`--from 20"), "{}", off.all());
    let stranger = place.refused(&["release", "2", "--key", "carol"]);
    assert_eq!(codes(&stranger), (101, "RequesterSignatureInvalid"));

    // A release that fits no slot any more is refused before anything is sent.
    let ask =
        ["request", "--resource", &resource, "--key", "carol", "--volume", "1", "--for", "1h"];
    place.json(&ask);
    assert_eq!(codes(&place.refused(&["release", "3", "--key", "carol"])), (412, "NoticeTooShort"));

    // What is no allocation has nothing to release.
    let none = place.run(&["release", "1", "--key", "bob"]).ended(1);
    assert!(none.stderr.contains("`1` is no allocation"), "{}", none.all());
    let unknown = place.run(&["release", "99", "--key", "bob"]).ended(1);
    assert!(unknown.stderr.contains("no sidechain block records `99`"), "{}", unknown.all());
    let signed = ["release", "2", "--key", "bob", "--sign-only", "--out", "release.json"];
    place.run(&signed).ended(0);
    assert_eq!(place.json(&["status"])["records"], "4", "nothing was recorded");
    place.run(&["release", "release.json", "--from", "now", "--sender", "carol"]).ended(2);
    place.run(&["release", "release.json", "--sender", "carol"]).ended(0);
    assert_eq!(place.json(&["status"])["records"], "5");
}

/// The log grows between the path and its use, so that another peak stands above the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_the_log_outgrew_is_built_again() {
    let place = Place::start().await;
    let resource = place.announce();
    request(&place, &resource, "bob", "1");
    let tap = Tap::start(place.devnet.sidechain.url()).await.unwrap();
    tap.hold(Hold::Request("eth_estimateGas"));
    let mut release = place.command(&["release", "2", "--key", "bob", "--sidechain", tap.url()]);
    let child = release.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let child = child.spawn().unwrap();
    tokio::time::timeout(Duration::from_secs(60), tap.held()).await.expect("held");
    // Record 2 stood alone; with record 3 it does not.
    let announce = ["announce", "--offer", "offer.json", "--key", "alice", "--out", "second.json"];
    place.json(&announce);
    tap.release();
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{told}");
    assert!(told.contains("the log had grown: its path was built anew 1 time"), "{told}");
    assert_eq!(place.json(&["requests"])[0]["released"]["index"], "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_resource_takes_no_more_requests() {
    let place = Place::start().await;
    let resource = place.announce();
    request(&place, &resource, "bob", "1");
    assert_eq!(codes(&place.refused(&["withdraw", &resource, "--key", "bob"])).0, 201);
    let closed = place.json(&["withdraw", &resource, "--key", "alice"]);
    assert_eq!((&closed["tombstone"], &closed["index"]), (&false.into(), &"3".into()));
    assert_eq!(codes(&place.refused(&["withdraw", "announcement.json", "--key", "alice"])).0, 203);

    let ask = ["request", "--resource", &resource, "--key", "bob", "--volume", "1"];
    assert_eq!(codes(&place.refused(&ask)), (203, "ResourceWithdrawn"));
    let listed = place.json(&["resources"]);
    assert_eq!((&listed[0]["withdrawn"], &listed[0]["free"]), (&true.into(), &0.into()));
    let shown = place.run(&["resources", "--bars", "always", "--key", "bob"]).ended(0);
    assert!(shown.stdout.contains("withdrawn by record 3"), "{}", shown.all());
    assert!(shown.stdout.contains("  @xxx  "), "{}", shown.all());
    // Its allocations stand, and can be released.
    place.run(&["release", "2", "--key", "bob"]).ended(0);
}
