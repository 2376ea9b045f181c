//! Resources that name an approver, with `fallow approver` as a process of its own.

use crate::place::{Place, Ran};
use fallow_devnet::{DevAccount, DevnetError, ManagedProcess, ProcessSpec, poll};
use serde_json::Value;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// Carol approves bob's requests, two units a day.
fn write_policy(place: &Place) {
    let bob = DevAccount::new("bob").address();
    let policy =
        format!("units_per_day = 2\n[[requesters]]\naddress = \"{bob}\"\nname = \"Bob\"\n");
    std::fs::write(place.path().join("policy.toml"), policy).unwrap();
}

/// Alice's announcement that names carol as its approver.
fn announce(place: &Place, more: &[&str]) -> Value {
    let carol = DevAccount::new("carol").address().to_string();
    place.run(&["offer", "detect", "--volume", "8", "--out", "offer.json"]).ended(0);
    let args = ["announce", "--offer", "offer.json", "--key", "alice", "--slot", "1h", "--for"];
    place.json(&[&args[..], &["30d", "--approver", &carol], more].concat())
}

fn resource_id(announced: &Value) -> String {
    announced["resourceId"].as_str().unwrap().to_owned()
}

/// Starts an approver of this key; answers its URL too.
async fn approver(place: &Place, key: &str) -> (ManagedProcess, String) {
    let store = format!("{key}.redb");
    let command = place.command(&[]);
    let mut spec =
        ProcessSpec::new(key, command.get_program().as_ref(), &place.path().join("logs"))
            .args(["approver", "--key", key, "--listen", "127.0.0.1:0"])
            .args(["--policy".into(), place.path().join("policy.toml")])
            .args(["--store-file".into(), place.path().join(store)])
            .env("FALLOW_NETWORK", place.path().join("network.json"));
    for (name, value) in command.get_envs() {
        if let (Some(name), Some(value)) = (name.to_str(), value) {
            spec = spec.env(name, value);
        }
    }
    let mut process = ManagedProcess::spawn(&spec).unwrap();
    let listening = poll("the approver listens", PATIENCE, PAUSE, async || {
        process.require_running()?;
        let log = process.log()?;
        let address = log.split_once("address=").and_then(|(_, after)| after.split_once(' '));
        Ok::<_, DevnetError>(address.map(|(address, _)| address.to_owned()))
    });
    let address = listening.await.unwrap();
    (process, format!("http://{address}"))
}

/// One unit for an hour of one day, also while a test runs past midnight.
fn unit() -> Vec<&'static str> {
    static START: LazyLock<String> = LazyLock::new(|| {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        ((clock / 86_400 + 2) * 86_400).to_string()
    });
    vec!["--volume", "1", "--for", "1h", "--start", &START]
}

fn ask<'a>(who: &'a str, resource: &'a str) -> Vec<&'a str> {
    [&["request", "--key", who, "--resource", resource], &unit()[..]].concat()
}

/// Bob signs a request and sends nothing.
fn sign(place: &Place, resource: &str, name: &str, sequence: &str) {
    let only = ["--sign-only", "--out", name, "--sequence", sequence];
    place.run(&[&ask("bob", resource)[..], &only].concat()).ended(0);
}

/// Approves a request file without a server.
fn approve(place: &Place, key: &str, name: &str, out: &str) {
    let store = format!("{key}.redb");
    let args = ["approver", "--key", key, "--sign", name, "--out", out, "--store-file", &store];
    place.run(&args).ended(0);
}

fn send(place: &Place, request: &str, approval: &str) -> Ran {
    place.run(&["request", request, "--approval", approval, "--sender", "bob", "--json"])
}

fn code(refusal: &Value) -> u64 {
    refusal["code"].as_u64().unwrap()
}

fn allocations(place: &Place) -> usize {
    place.json(&["requests"]).as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_recorded_with_its_approval_and_not_without() {
    let place = Place::start().await;
    write_policy(&place);
    let resource = resource_id(&announce(&place, &[]));
    let bob = ask("bob", &resource);

    let alone = place.run(&bob).ended(1);
    assert!(alone.stdout.contains("102 SignatureCountInvalid"), "{}", alone.all());
    assert!(alone.stderr.contains("hint: this resource has an approver"), "{}", alone.all());
    let forced = place.run(&[&bob[..], &["--force"]].concat()).ended(1);
    assert!(forced.stdout.contains("102 SignatureCountInvalid"), "{}", forced.all());

    let (process, url) = approver(&place, "carol").await;
    let approved = [&bob[..], &["--approver-url", &url]].concat();
    place.json(&[&approved[..], &["--out", "first.json"]].concat());
    assert_eq!(allocations(&place), 1);
    let stranger = [&ask("alice", &resource)[..], &["--approver-url", &url]].concat();
    assert_eq!(code(&place.refused(&stranger)), 801);
    // What the registry would refuse anyway takes nothing of the allowance.
    let early = [&approved[..], &["--sequence", "1000", "--json"]].concat();
    assert_eq!(place.run(&early).ended(1).json()["checks"][2]["code"], 302);
    place.json(&approved);
    let more = place.refused(&approved);
    assert_eq!((code(&more), &more["got"], &more["want"]), (802, &"1".into(), &"0".into()));
    assert_eq!(allocations(&place), 2);
    assert_eq!(process.stop(PATIENCE).await.unwrap().code(), Some(0));

    let gone = place.run(&approved).ended(2);
    assert!(gone.stderr.contains("the approver did not answer"), "{}", gone.all());
    assert_eq!(allocations(&place), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_holds_for_one_request_and_from_the_right_approver() {
    let place = Place::start().await;
    write_policy(&place);
    let resource = resource_id(&announce(&place, &[]));
    let sign = |name: &str, sequence: &str| sign(&place, &resource, name, sequence);
    let approve = |key: &str, name: &str, out: &str| approve(&place, key, name, out);
    sign("first.json", "1");
    sign("second.json", "2");
    approve("carol", "first.json", "first-approval.json");
    approve("alice", "second.json", "wrong-approval.json");

    let send = |request: &str, approval: &str| send(&place, request, approval);
    for wrong in ["first-approval.json", "wrong-approval.json"] {
        let refused = send("second.json", wrong).ended(1).json();
        assert_eq!(refused["checks"][0]["code"], 103, "{wrong}: {refused}");
    }
    assert_eq!(allocations(&place), 0);
    send("first.json", "first-approval.json").ended(0);
    assert_eq!(allocations(&place), 1);

    // A server that signs with another key than the resource names.
    let (_process, url) = approver(&place, "alice").await;
    let wrong = [&ask("bob", &resource)[..], &["--approver-url", &url]].concat();
    assert_eq!(code(&place.refused(&wrong)), 103);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_travelling_announcement_keeps_its_approver() {
    let place = Place::start().await;
    write_policy(&place);
    announce(&place, &["--gossip", "offer-a.json"]);
    let bob = ["request", "--key", "bob", "--announcement", "offer-a.json"];
    let bob = [&bob[..], &unit()].concat();
    assert_eq!(code(&place.refused(&bob)), 102);
    let refused = place.run(&bob).ended(1);
    assert!(refused.stderr.contains("`--approver-url URL` asks it"), "{}", refused.all());
    assert_eq!(place.json(&["status"])["records"], "1", "neither was recorded");
    let (_process, url) = approver(&place, "carol").await;
    let approved = [&bob[..], &["--approver-url", &url]].concat();
    place.json(&approved);
    assert_eq!(place.json(&["status"])["records"], "3", "both were");
    place.json(&approved);
    assert_eq!(place.json(&["status"])["records"], "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_where_nobody_has_to_approve() {
    let place = Place::start().await;
    let resource = place.announce();
    let nobody = ["--approver-url", "http://127.0.0.1:1"];
    place.json(&[&ask("bob", &resource)[..], &nobody].concat());
    assert_eq!(allocations(&place), 1);

    // An approval that nobody needs is one signature too many.
    write_policy(&place);
    sign(&place, &resource, "asked.json", "2");
    approve(&place, "carol", "asked.json", "approval.json");
    let refused = send(&place, "asked.json", "approval.json").ended(1).json();
    let check = &refused["checks"][0];
    assert_eq!(
        (&check["code"], &check["got"], &check["want"]),
        (&102.into(), &"0x2".into(), &"0x1".into())
    );
    assert_eq!(allocations(&place), 1);
}
