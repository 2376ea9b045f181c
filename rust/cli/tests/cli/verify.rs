//! `fallow verify`: what is proven, and every refusal with its own code.

use crate::world::{NOW, SET_LIFE, World};
use fallow_protocol::{Body, Code};
use serde_json::Value;

fn at(time: u64) -> String {
    time.to_string()
}

/// Runs `verify` on a file at a time; the code of the refusal, if any, with the exit code.
fn verify(world: &World, ticket: &str, time: u64) -> (i32, Option<u64>) {
    let ran = world.run(&["verify", ticket, "--at", &at(time), "--json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    assert_eq!(json["proven"], ran.code == 0);
    (ran.code, json["refusal"]["code"].as_u64())
}

fn refused(code: Code) -> (i32, Option<u64>) {
    (1, Some(u64::from(code.number())))
}

#[test]
fn both_forms_are_proven_line_by_line() {
    let world = World::new();
    for ticket in ["t.ticket", "ticket.json"] {
        let ran = world.run(&["verify", ticket, "--at", &at(NOW)]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let lines: Vec<_> = ran.stdout.lines().collect();
        let names = ["format", "network", "era", "set", "certificate", "evidence", "inclusion"];
        for (line, name) in lines.iter().zip(names) {
            assert!(line.starts_with(&format!("ok  {name} ")), "{line}");
        }
        assert!(lines[7].starts_with("proven: "), "{ran:?}");
        assert_eq!(lines.len(), 8);
        assert!(!ran.stdout.contains('\u{1b}'), "no colour in a pipe");
    }
}

#[test]
fn programs_read_what_was_proven() {
    let world = World::new();
    let Body::Allocation(body) = &world.ticket.record.body else {
        unreachable!("the ticket is of an allocation");
    };
    let ran = world.run(&["verify", "t.ticket", "--at", &at(NOW), "--json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let want = serde_json::json!({
        "requestId": body.request_id(&world.network.domain()),
        "resourceId": body.resource_id,
        "requester": world.requester.address(),
        "volume": 2,
        "startTime": NOW.to_string(),
        "endTime": (NOW + 7_200).to_string(),
    });
    assert_eq!(json["allocation"], want);

    let late = world.run(&["verify", "t.ticket", "--at", &at(NOW + SET_LIFE + 1), "--json"]);
    let json: Value = serde_json::from_str(&late.stdout).unwrap();
    assert!(json["allocation"].is_null() && json.get("allocation").is_some(), "{late:?}");
    let found = json["checks"][3]["found"].as_str().unwrap();
    assert!(found.starts_with("the validator set has expired ("), "{late:?}");
}

#[test]
fn output_for_people_is_stable() {
    let world = World::new();
    let ran = world.run(&["verify", "t.ticket", "--at", &at(NOW)]);
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn standard_input_serves_as_ticket() {
    let world = World::new();
    let args = ["verify", "-", "--at", &at(NOW)];
    let ran = crate::world::run_with_input(world.folder(), &args, &world.ticket.encode());
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn the_set_lives_until_its_last_second() {
    let world = World::new();
    assert_eq!(verify(&world, "t.ticket", NOW + SET_LIFE), (0, None));
    assert_eq!(verify(&world, "t.ticket", NOW + SET_LIFE + 1), refused(Code::SetExpired));
}

#[test]
fn what_is_over_is_told_as_over() {
    let world = World::new();
    for (time, verb) in [
        (NOW - 1, " will hold 2 units "),
        (NOW, " holds 2 units "),
        (NOW + 7_199, " holds 2 units "),
        (NOW + 7_200, " held 2 units "),
    ] {
        let ran = world.run(&["verify", "t.ticket", "--at", &at(time)]);
        assert!(ran.stdout.contains(verb), "{ran:?}");
    }
}

#[test]
fn a_ticket_of_another_network_is_refused() {
    let (world, other) = (World::new(), World::with_seed(8));
    world.write("other.ticket", &other.ticket.encode());
    assert_eq!(verify(&world, "other.ticket", NOW), refused(Code::NetworkMismatch));
}

#[test]
fn every_part_that_is_changed_is_refused_with_its_own_code() {
    let world = World::new();
    let mut era = world.ticket.clone();
    era.checkpoint.era = 1;
    let mut set = world.ticket.clone();
    set.checkpoint.set_number = 2;
    let mut root = world.ticket.clone();
    root.checkpoint.root.0[31] ^= 1;
    let mut evidence = world.ticket.clone();
    evidence.evidence[5] ^= 1;
    let mut path = world.ticket.clone();
    path.path.pop();
    let mut node = world.ticket.clone();
    node.path[0].0[0] ^= 1;
    let mut record = world.ticket.clone();
    record.record.block_time += 1;
    for (ticket, code) in [
        (era, Code::EraMismatch),
        (set, Code::SetMismatch),
        (root, Code::CertificateSignatureInvalid),
        (evidence, Code::EvidenceMismatch),
        (path, Code::InclusionPathInvalid),
        (node, Code::InclusionRootMismatch),
        (record, Code::InclusionRootMismatch),
    ] {
        world.write("changed.ticket", &ticket.encode());
        assert_eq!(verify(&world, "changed.ticket", NOW), refused(code), "{}", code.name());
        world.write_json("changed.json", &ticket);
        assert_eq!(verify(&world, "changed.json", NOW), refused(code), "{}", code.name());
    }
}

#[test]
fn a_refusal_says_what_was_found_and_what_was_not_reached() {
    let world = World::new();
    let ran = world.run(&["verify", "t.ticket", "--at", &at(NOW + SET_LIFE + 1)]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("NO  set "), "{ran:?}");
    assert!(ran.stdout.contains("1 s ago"), "{ran:?}");
    assert!(ran.stdout.contains("--  inclusion    not reached"), "{ran:?}");
    assert!(ran.stdout.ends_with("refused: 604 SetExpired\n"), "{ran:?}");
}

#[test]
fn another_set_than_the_trusted_one_is_refused_as_input() {
    let (world, other) = (World::new(), World::with_seed(8));
    let set = std::fs::read(other.path(&other.network.set_file_name())).unwrap();
    world.write("other.set", &set);
    let ran = world.run(&["verify", "t.ticket", "--set", "other.set"]);
    ran.expect_failure("holds the set");
    std::fs::remove_file(world.path(&world.network.set_file_name())).unwrap();
    world.run(&["verify", "t.ticket"]).expect_failure("cannot read");
}
