//! Input that is damaged or made to harm: one line, exit code 2, nothing written, no panic.

use crate::world::{NOW, World};
use alloy_primitives::{Address, hex};
use fallow_chain::{DeployPlan, DeployerChain};
use fallow_protocol::bls::{self, Possession};
use serde_json::json;
use std::fmt::Write;

const LIMIT: usize = 65_536;

/// Contents that no file of ours has, whatever it should be.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let deep = [b"{\"version\":1,\"a\":".as_slice(), &[b'['; 60_000]].concat();
    let numbers = format!("{{\"version\":1{},\"networkId\":1e999999}}", "0".repeat(5_000));
    vec![
        ("empty", vec![]),
        ("not UTF-8", b"{\"version\":1,\"a\":\"\xff\xfe\"}".to_vec()),
        ("no JSON", b"hello".to_vec()),
        ("deep", deep),
        ("huge numbers", numbers.into_bytes()),
        ("huge version", b"{\"version\":99999999999999999999999999}".to_vec()),
        ("negative version", b"{\"version\":-1}".to_vec()),
        ("other version", b"{\"version\":2}".to_vec()),
        ("no version", b"{}".to_vec()),
        ("array", b"[]".to_vec()),
        ("unknown key", b"{\"version\":1,\"surprise\":true}".to_vec()),
        ("oversized", vec![b' '; LIMIT + 1]),
        ("much oversized", vec![b'{'; 5_000_000]),
        ("terminal commands", b"{\"version\":1,\"\x1b[2J\\u001b[2J\n\":1}".to_vec()),
    ]
}

fn listing(world: &World) -> Vec<std::ffi::OsString> {
    let files = std::fs::read_dir(world.folder()).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Puts each hostile content into `file` and runs the command, which has to fail cleanly.
#[track_caller]
fn refuses(file: &str, args: &[&str]) {
    for (name, bytes) in hostile() {
        let world = World::new();
        world.write(file, &bytes);
        let before = listing(&world);
        let ran = world.run(args);
        ran.expect_failure(file);
        assert!(!ran.stderr.contains('\u{1b}'), "{name}: {ran:?}");
        assert!(ran.stderr.len() < 2_000, "{name}: {ran:?}");
        assert_eq!(listing(&world), before, "{name}");
    }
}

#[test]
fn hostile_tickets() {
    refuses("ticket.json", &["verify", "ticket.json"]);
}

#[test]
fn hostile_network_files() {
    refuses("network.json", &["verify", "t.ticket"]);
}

#[test]
fn hostile_offer_documents() {
    refuses("offer.json", &["offer", "show", "offer.json"]);
}

#[test]
fn hostile_keystores() {
    refuses("key.json", &["keys", "export", "./key.json", "--unencrypted"]);
}

#[test]
fn hostile_announcements() {
    refuses("announcement.json", &["access", "nonce", "--out", "new.json"]);
}

/// Files that others hand out to be sent: read before any node is asked or any key is opened.
#[test]
fn hostile_messages_of_others() {
    let id = format!("0x{}", "11".repeat(32));
    refuses("release.json", &["release", "release.json", "--sender", "x"]);
    refuses("gossip.json", &["withdraw", "gossip.json", "--key", "x"]);
    refuses("gossip.json", &["request", "--announcement", "gossip.json", "--key", "x"]);
    refuses("asked.json", &["request", "asked.json", "--sender", "x"]);
    refuses("asked.json", &["check", "asked.json"]);
    let approved = ["request", "--resource", &id, "--approval", "yes.json", "--key", "x"];
    refuses("yes.json", &approved);
}

#[test]
fn messages_of_another_network_are_refused_before_a_node_is_asked() {
    let (world, other) = (World::new(), World::with_seed(8));
    world.write_json("other.json", &other.announcement);
    for args in [
        ["withdraw", "other.json", "--key", "x"].as_slice(),
        &["request", "--announcement", "other.json", "--key", "x"],
    ] {
        let ran = world.run(args);
        assert_eq!(ran.code, 1, "{ran:?}");
        ran.expect_error("`other.json` is for the network");
    }
}

#[test]
fn hostile_plans() {
    let member = "0x0101010101010101010101010101010101010101";
    refuses(
        "plan.json",
        &["keys", "prove", "--plan", "plan.json", "--key", "x", "--account", member],
    );
}

/// A plan that is well-formed, so that the member files are read.
fn write_plan(world: &World) -> DeployPlan {
    let chain = |chain_id| DeployerChain { chain_id, nonce: 0 };
    let plan = DeployPlan {
        deployer: world.provider.address(),
        sidechain: chain(10),
        anchor_chain: chain(20),
        random: world.network.network.random,
        parameters: world.network.network.parameters.clone(),
    };
    world.write_json(
        "plan.json",
        &json!({
            "version": 1,
            "networkId": plan.network_id(),
            "deployer": plan.deployer,
            "sidechain": { "chainId": "10", "registry": plan.registry(), "nonce": "0" },
            "anchorChain": { "chainId": "20", "anchor": plan.anchor(), "nonce": "0" },
            "random": plan.random,
            "parameters": plan.parameters,
        }),
    );
    plan
}

const RUN: [&str; 10] = [
    "deploy",
    "run",
    "--plan",
    "plan.json",
    "--key",
    "x",
    "--member",
    "member.json",
    "--out",
    "new.json",
];

#[test]
fn hostile_member_files() {
    for (name, bytes) in hostile() {
        let world = World::new();
        write_plan(&world);
        world.write("member.json", &bytes);
        let ran = world.run(&RUN);
        ran.expect_failure("member.json");
        assert!(!world.path("new.json").exists(), "{name}");
    }
}

#[test]
fn a_member_of_another_account_or_network_is_refused_before_anything_is_sent() {
    let world = World::new();
    let plan = write_plan(&world);
    let key = bls::SecretKey::generate(&[1; 32]).unwrap();
    let member = |network, account: Address, owner: &Possession| {
        json!({
            "version": 1,
            "networkId": network,
            "account": account,
            "weight": "1",
            "key": hex::encode_prefixed(key.public_key().to_eip2537()),
            "proofOfPossession": hex::encode_prefixed(key.prove_possession(owner).to_eip2537()),
        })
    };
    let (mine, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let proof = plan.possession(mine);
    for (file, part) in [
        (member(plan.network_id(), other, &proof), "is not this key's"),
        (member(world.network.network_id, mine, &proof), "it is for the network"),
        // Everything is right with this one: the deployer's key is the next thing to be missing.
        (member(plan.network_id(), mine, &proof), "keys/x.json"),
    ] {
        world.write_json("member.json", &file);
        world.run(&RUN).expect_failure(part);
    }
}

#[test]
fn endless_and_special_files_are_no_input() {
    let world = World::new();
    world.run(&["verify", "/dev/zero"]).expect_failure("more than");
    world.run(&["verify", "."]).expect_failure("cannot read");
}

#[test]
fn hostile_grants_and_nonces() {
    let args = ["access", "verify", "--ticket", "t.ticket", "--grant", "grant.json"];
    refuses("grant.json", &args);
    refuses("nonce.json", &args);
}

#[test]
fn a_binary_ticket_cut_anywhere_is_no_ticket() {
    let world = World::new();
    let ticket = world.ticket.encode();
    // Every length would be hundreds of processes; each part is cut somewhere.
    for length in (0..ticket.len()).step_by(41) {
        world.write("cut.ticket", &ticket[..length]);
        world.run(&["verify", "cut.ticket"]).expect_failure("cut.ticket");
    }
    world.write("long.ticket", &[ticket.as_slice(), &[0]].concat());
    world.run(&["verify", "long.ticket"]).expect_failure("trailing");
    let mut version = ticket;
    version[4] = 2;
    world.write("version.ticket", &version);
    world.run(&["verify", "version.ticket"]).expect_failure("version is 2");
}

#[test]
fn a_set_file_that_is_cut_long_or_oversized_is_none() {
    let world = World::new();
    let name = world.network.set_file_name();
    let set = std::fs::read(world.path(&name)).unwrap();
    for bytes in [&set[..set.len() - 1], &set[..57], &[], &[set.as_slice(), &[0]].concat()] {
        world.write(&name, bytes);
        world.run(&["verify", "t.ticket"]).expect_failure("is no set file");
    }
    world.write(&name, &vec![0; 163_840]);
    world.run(&["verify", "t.ticket"]).expect_failure("more than");
}

#[test]
fn a_network_file_that_contradicts_itself_is_refused() {
    let world = World::new();
    let mut file = world.network.clone();
    file.network.parameters.ring_size += 1;
    world.write_json("network.json", &file);
    world.run(&["verify", "t.ticket"]).expect_failure("networkId is");
}

#[test]
fn numbers_have_one_form() {
    let world = World::new();
    let text = std::fs::read_to_string(world.path("ticket.json")).unwrap();
    let size = "\"size\":\"3\"";
    assert!(text.contains(size));
    for other in ["3", "\"03\"", "\"+3\"", "\"3.0\"", "\"18446744073709551616\"", "null"] {
        world.write("ticket.json", text.replace(size, &format!("\"size\":{other}")).as_bytes());
        world.run(&["verify", "ticket.json"]).expect_failure("no ticket");
    }
}

/// A keystore that would take 137 GB, hours, or more than the crate below expects.
#[test]
fn keystores_that_ask_for_too_much_are_refused() {
    let good = |field: &str, value: &str| {
        let mut text =
            String::from("{\"version\":3,\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",");
        let mut derivation = String::new();
        for (name, usual) in [("dklen", "32"), ("n", "8192"), ("p", "1"), ("r", "8")] {
            let value = if name == field { value } else { usual };
            write!(derivation, "\"{name}\":{value},").unwrap();
        }
        let iv = if field == "iv" { value } else { "83dbcc02d8ccb40e466191a123791e0e" };
        write!(
            text,
            "\"crypto\":{{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{{\"iv\":\"{iv}\"}},\
             \"ciphertext\":\"{0}\",\"kdf\":\"scrypt\",\"kdfparams\":{{{derivation}\"salt\":\
             \"ab\"}},\"mac\":\"{0}\"}}}}",
            "00".repeat(32),
        )
        .unwrap();
        text
    };
    let world = World::new();
    let export = ["keys", "export", "./key.json", "--unencrypted"];
    world.write("key.json", good("", "").as_bytes());
    world.run(&export).expect_failure("the password of");
    for (field, value) in [
        ("n", "1073741824"),
        ("n", "0"),
        ("n", "1"),
        ("n", "8191"),
        ("r", "4294967295"),
        ("r", "0"),
        ("p", "1000000"),
        ("p", "0"),
        ("dklen", "16"),
        ("dklen", "0"),
        ("iv", "00"),
    ] {
        world.write("key.json", good(field, value).as_bytes());
        world.run(&export).expect_failure("is no keystore");
    }
}

#[test]
fn names_with_control_characters_stay_on_one_line() {
    let world = World::new();
    let at = NOW.to_string();
    let ran = world.run(&["verify", "no\nsuch\u{1b}[31m", "--at", &at]);
    ran.expect_failure("no such");
}
