//! The worked examples of the specification.

use crate::certificates::{certify, example_checkpoint};
use crate::world::{self, hex};
use crate::{messages, packed, promises, records, tickets, tiles};
use std::fmt::Write;

/// Hex in lines of 32 bytes.
fn lines(bytes: impl AsRef<[u8]>) -> String {
    let rows: Vec<String> =
        bytes.as_ref().chunks(32).map(|row| hex(row).trim_start_matches("0x").to_owned()).collect();
    rows.join("\n")
}

fn block(out: &mut String, title: &str, text: &str) {
    write!(out, "\n**{title}**\n\n```\n{text}\n```\n").unwrap();
}

fn bytes(out: &mut String, title: &str, bytes: impl AsRef<[u8]>) {
    let length = bytes.as_ref().len();
    block(out, &format!("{title}, {length} bytes"), &lines(bytes));
}

pub(crate) fn examples() -> String {
    let mut out = String::from(
        "\nAll values follow from fixed keys; `test/vectors/` holds them and the cases that MUST be\nrefused. The requester's secret key is 32 bytes `02`, the provider's 32 bytes `01`, member i's\nBLS key is derived from 32 bytes `i + 1`.\n",
    );
    identities(&mut out);
    for (name, record) in records::all() {
        bytes(&mut out, &format!("Record: {name}"), record.encode());
    }
    statements(&mut out);
    bytes(&mut out, "Entry of a tombstone", tiles::tombstone().encode().unwrap());
    log(&mut out);
    certified(&mut out);
    out.push('\n');
    out
}

fn json(out: &mut String, title: &str, value: &impl serde::Serialize) {
    block(out, title, &serde_json::to_string_pretty(value).unwrap());
}

fn identities(out: &mut String) {
    let (domain, network) = (world::domain(), world::network());
    let text = format!(
        "salt            {}\nnetworkId       {}\ndomainSeparator {}",
        network.salt, domain.network_id, domain.separator
    );
    block(out, "Network", &text);
    json(out, "Announcement", &world::announcement());
    block(out, "Its id (resourceId)", &world::announcement().id(&domain).to_string());
    json(out, "Request", &world::request());
    let id = world::request().id(&domain);
    block(out, "Its id (requestId)", &id.to_string());
    bytes(out, "The requester's signature", world::requester().sign(id.0).0);
    json(out, "Release", &messages::release());
    block(out, "Its id", &messages::release().id(&domain).to_string());
    json(out, "Withdrawal", &messages::withdrawal());
    block(out, "Its id", &messages::withdrawal().id(&domain).to_string());
    bytes(out, "Packed batch of the request, which names its resource", packed::one());
    json(out, "Access grant", &messages::grant());
    block(out, "Its digest", &messages::grant().id(&domain).to_string());
    let resource = fallow_protocol::ResourceWord::of(&world::announcement(), 1).to_word();
    block(out, "Resource word after record 1", &format!("{resource:#066x}"));
    let words: Vec<_> =
        records::words_after(2, 4).iter().map(|word| format!("{:#066x}", word.to_word())).collect();
    block(out, "Calendar words 0 and 1 after record 2", &words.join("\n"));
    let requester = fallow_protocol::RequesterWord::default().accept(1, 2).unwrap().to_word();
    block(out, "Requester word after record 2", &format!("{requester:#066x}"));
}

fn statements(out: &mut String) {
    let domain = world::domain();
    json(out, "Promise of the node whose secret key is 32 bytes `05`", &promises::promise_file());
    block(out, "Its digest", &promises::promise().id(&domain).to_string());
    json(out, "Refusal", &promises::refusal_file());
    block(out, "Its digest", &promises::refusal().id(&domain).to_string());
}

/// Hashes, one a line.
fn hashes(nodes: &[alloy_primitives::B256]) -> String {
    let rows: Vec<_> = nodes.iter().map(ToString::to_string).collect();
    rows.join("\n")
}

fn log(out: &mut String) {
    let tree = crate::certificates::tree();
    let leaves: Vec<_> = (0..tree.size()).map(|index| tree.leaf(index).unwrap()).collect();
    block(out, "Leaves of the log of these records", &hashes(&leaves));
    let node = fallow_log::node_hash(&leaves[0], &leaves[1]);
    block(out, "The node above leaves 0 and 1", &node.to_string());
    block(out, "Root of all six", &tree.root().to_string());
    let path = tree.prove_inclusion(2, tree.size()).unwrap();
    block(out, "Inclusion path of record 2", &hashes(&path));
    let proof = tree.prove_consistency(3, tree.size()).unwrap();
    block(out, "Consistency proof from size 3", &hashes(&proof));
}

fn certified(out: &mut String) {
    let (set, checkpoint) = (world::set(), example_checkpoint());
    bytes(out, "Checkpoint", checkpoint.encode());
    block(out, "Its digest", &checkpoint.digest().to_string());
    let member = set.members()[0];
    bytes(out, "Set", set.encode());
    block(out, "Its hash", &set.hash().to_string());
    let proof = world::bls_key(1).prove_possession(&world::possession(member.address));
    bytes(out, "Proof of possession of the first member, compressed", proof.to_bytes());
    let certificate = certify(&set, checkpoint.digest(), &[0, 2, 3]);
    bytes(out, "Certificate of members 0, 2 and 3", certificate.encode());
    bytes(out, "Ticket", tickets::example_ticket().encode());
    json(out, "Network file", &tickets::network_file());
}
