//! Messages from signature to record.

use crate::place::Place;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_from_signature_to_record() {
    let place = Place::start().await;
    let resource = place.announce();
    let listed = place.run(&["resources", "--json"]).ended(0).json();
    assert_eq!(
        (&listed[0]["resourceId"], &listed[0]["free"]),
        (&resource.as_str().into(), &4.into())
    );

    let ask = ["--resource", &resource, "--key", "bob", "--for", "2h", "--volume"];
    let check = [&["check"][..], &ask, &["3", "--json"]].concat();
    assert_eq!(place.run(&check).ended(0).json()["holds"], true);
    let request = [&["request"][..], &ask, &["3", "--json", "--out", "request.json"]].concat();
    let asked = place.run(&request).ended(0).json();
    let id = asked["requestId"].as_str().unwrap();

    // The same file again: its sequence is used, and too little is free.
    let checked = place.run(&["check", "request.json", "--json"]).ended(1).json();
    let codes: Vec<_> = checked["checks"].as_array().unwrap().iter().map(|c| &c["code"]).collect();
    assert_eq!(codes, [&0.into(), &0.into(), &303.into(), &0.into(), &501.into()] as [&Value; 5]);

    // Whoever sends it again learns where it is recorded, and nothing is recorded twice.
    let again = place.run(&["request", "request.json", "--sender", "carol", "--json"]).ended(0);
    assert_eq!(again.json(), asked);
    let forced = ["request", "request.json", "--sender", "carol", "--force"];
    assert!(place.run(&forced).ended(1).stdout.contains("303 SequenceAlreadyUsed"));

    // Refused before anything is sent, and by the registry if it is sent all the same.
    let more = [&["request"][..], &ask, &["2"]].concat();
    let refused = place.run(&more).ended(1);
    assert!(refused.stdout.contains("volume asked: 2;"), "{}", refused.all());
    assert!(refused.stderr.contains("hint: `fallow resources` shows what is free"));
    let forced = place.run(&[&more[..], &["--force"]].concat()).ended(1);
    assert!(forced.stdout.contains("501 CapacityExceeded"), "{}", forced.all());

    let listed = place.run(&["requests", "--json"]).ended(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["requestId"], &listed[0]["level"]), (&id.into(), &"recorded".into()));
    let ticket = place.run(&["ticket", id, "--out", "my.ticket"]).ended(1);
    assert!(ticket.stderr.contains("not certified"), "{}", ticket.all());
    assert!(!place.path().join("my.ticket").exists());

    let status = place.run(&["status", "--json"]).ended(0).json();
    assert_eq!((&status["records"], &status["certified"]), (&"3".into(), &false.into()));
    assert_eq!(status["shares"].as_array().unwrap().len(), 4);
    for table in ["resources", "requests", "status"] {
        let ran = place.run(&[table]).ended(0);
        assert!(ran.stdout.lines().count() >= 2, "{}", ran.all());
    }
}

/// No chain makes so many blocks in a second.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_record_ends() {
    let place = Place::start().await;
    place.run(&["offer", "detect", "--volume", "4", "--out", "offer.json"]).ended(0);
    let args = ["announce", "--offer", "offer.json", "--key", "alice", "--for", "30d"];
    let late = ["--finality", "1000000", "--wait", "1s", "--json"];
    let ran = place.run(&[&args[..], &late].concat()).ended(2);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("it was sent as transaction 0x"), "{}", ran.all());
    assert!(ran.stderr.contains("was not final after 1 s\n"), "{}", ran.all());
    assert!(ran.stderr.contains("hint: it may still be recorded: see"), "{}", ran.all());
    assert!(place.path().join("announcement.json").is_file());
}
