//! `fallow access`: the three steps, and every refusal at the door.

use crate::world::{NOW, PASSWORD, World, run_with_input};
use fallow_protocol::{AnnouncementFile, Code, GrantFile, NonceFile};
use serde_json::Value;

fn door(world: &World, args: &[&str], time: u64) -> (i32, Option<u64>) {
    let time = time.to_string();
    let all = ["access", "verify", "--ticket", "t.ticket", "--at", &time, "--json"];
    let all: Vec<_> = all.iter().chain(args).copied().collect();
    let ran = world.run(&all);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran.code, json["refusal"]["code"].as_u64())
}

fn refused(code: Code) -> (i32, Option<u64>) {
    (1, Some(u64::from(code.number())))
}

const GRANT: [&str; 2] = ["--grant", "grant.json"];
const TRY: [&str; 3] = ["--grant", "grant.json", "--keep-nonce"];

#[test]
fn a_nonce_opens_the_door_once() {
    let world = World::new();
    assert_eq!(door(&world, &GRANT, NOW), (0, None));
    assert_eq!(door(&world, &GRANT, NOW), refused(Code::NonceSpent));
}

#[test]
fn programs_read_who_came_in_and_why_not_again() {
    let world = World::new();
    let time = NOW.to_string();
    let args = ["access", "verify", "--ticket", "t.ticket", "--at", &time, "--json"];
    let run = || -> Value {
        let ran = world.run(&[&args[..], &GRANT].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
    };
    let first = run();
    let requester = serde_json::to_value(world.requester.address()).unwrap();
    assert_eq!(first["allocation"]["requester"], requester);
    assert_eq!(first["nonceSpent"], true);

    let again = run();
    assert!(again["allocation"].is_null(), "{again}");
    let checks = again["checks"].as_array().unwrap();
    let nonce = checks.iter().find(|check| check["name"] == "nonce").unwrap();
    let found = nonce["found"].as_str().unwrap();
    assert!(found.starts_with("the nonce was used before, "), "{found}");
}

#[test]
fn a_kept_nonce_can_be_tried_again() {
    let world = World::new();
    assert_eq!(door(&world, &TRY, NOW), (0, None));
    assert_eq!(door(&world, &TRY, NOW), (0, None));
}

#[test]
fn a_refused_grant_spends_no_nonce() {
    let world = World::new();
    assert_eq!(door(&world, &GRANT, NOW + 301), refused(Code::GrantExpired));
    assert_eq!(door(&world, &GRANT, NOW), (0, None));
}

#[test]
fn of_two_at_the_same_moment_one_comes_in() {
    let world = World::new();
    let came_in = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| door(&world, &GRANT, NOW))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).filter(|ran| ran.0 == 0).count()
    });
    assert_eq!(came_in, 1);
}

#[test]
fn every_wrong_grant_is_refused_with_its_own_code() {
    let world = World::new();
    let right = world.grant();
    let mut provider = right.grant;
    provider.provider = world.requester.address();
    let mut nonce = right.grant;
    nonce.nonce.0[0] ^= 1;
    let mut request = right.grant;
    request.request_id.0.0[0] ^= 1;
    let mut stranger = right;
    stranger.signature = world.provider.sign(right.grant.id(&world.network.domain()));
    let mut network = right;
    network.network_id = World::with_seed(8).network.network_id;
    for (grant, code) in [
        (world.sign(provider), Code::ProviderMismatch),
        (world.sign(nonce), Code::NonceMismatch),
        (world.sign(request), Code::RequestMismatch),
        (stranger, Code::GrantSignatureInvalid),
        (network, Code::NetworkMismatch),
    ] {
        world.write_json("grant.json", &grant);
        assert_eq!(door(&world, &GRANT, NOW), refused(code), "{}", code.name());
    }
}

#[test]
fn the_slot_has_its_edges() {
    let world = World::new();
    let mut grant = world.grant().grant;
    grant.expires_at = NOW + 86_400;
    world.write_json("grant.json", &world.sign(grant));
    assert_eq!(door(&world, &TRY, NOW - 1), refused(Code::SlotNotStarted));
    assert_eq!(door(&world, &TRY, NOW), (0, None));
    assert_eq!(door(&world, &TRY, NOW + 7_199), (0, None));
    assert_eq!(door(&world, &TRY, NOW + 7_200), refused(Code::SlotEnded));
}

#[test]
fn a_ticket_for_another_resource_is_refused() {
    let world = World::new();
    let mut other = world.announcement;
    other.announcement.volume = 5;
    let id = other.announcement.id(&world.network.domain());
    other.signature = world.provider.sign(id.0);
    world.write_json("announcement.json", &other);
    assert_eq!(door(&world, &GRANT, NOW), refused(Code::ResourceMismatch));
}

#[test]
fn a_forged_announcement_is_no_announcement() {
    let world = World::new();
    let forged = AnnouncementFile {
        signature: world.requester.sign(Default::default()),
        ..world.announcement
    };
    world.write_json("announcement.json", &forged);
    let ran = world.run(&["access", "verify", "--ticket", "t.ticket", "--grant", "grant.json"]);
    ran.expect_failure("not its provider");
}

#[test]
fn nonce_and_grant_pass_through_pipes() {
    let world = World::new();
    let ran = world.run(&["access", "nonce", "--out", "nonce.json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    let nonce: NonceFile =
        serde_json::from_slice(&std::fs::read(world.path("nonce.json")).unwrap()).unwrap();
    assert_ne!(nonce.nonce, world.nonce.nonce);

    world.write("secret.hex", alloy_primitives::hex::encode([2; 32]).as_bytes());
    let ran = world.run(&["keys", "import", "me", "secret.hex"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let time = NOW.to_string();
    let args = ["access", "grant", "--ticket", "t.ticket", "--key", "me", "--at", &time];
    let asked = std::fs::read(world.path("nonce.json")).unwrap();
    let granted = run_with_input(world.folder(), &args, &asked);
    assert_eq!(granted.code, 0, "{granted:?}");
    let grant: GrantFile = serde_json::from_str(&granted.stdout).unwrap();
    assert_eq!(grant.grant.expires_at, NOW + 300);

    let args = ["access", "verify", "--ticket", "t.ticket", "--at", &time];
    let ran = run_with_input(world.folder(), &args, granted.stdout.as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("proven: let in: "), "{ran:?}");
}

#[test]
fn only_the_requester_can_grant() {
    let world = World::new();
    world.write("secret.hex", alloy_primitives::hex::encode([1; 32]).as_bytes());
    assert_eq!(world.run(&["keys", "import", "other", "secret.hex"]).code, 0);
    let args = ["access", "grant", "--ticket", "t.ticket", "--nonce", "nonce.json"];
    let args: Vec<_> = args.into_iter().chain(["--key", "other"]).collect();
    let ran = world.run(&args);
    assert_eq!(ran.code, 1);
    ran.expect_error("is the key of");
    assert!(!ran.stderr.contains(PASSWORD));
}
