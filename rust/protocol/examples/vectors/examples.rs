//! The worked examples of the specification.

use crate::certificates::{certify, example_checkpoint};
use crate::world::{self, hex};
use crate::{messages, records, tickets};
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
        if record.body.kind() == 2 {
            let leaf = fallow_log::leaf_hash(&record.encode());
            block(&mut out, "Its leaf", &leaf.to_string());
        }
    }
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
    json(out, "Access grant", &messages::grant());
    block(out, "Its digest", &messages::grant().id(&domain).to_string());
    let words = fallow_protocol::ResourceWord::of(&world::announcement(), 1).to_word();
    block(out, "Resource word", &format!("{words:#066x}"));
}

fn certified(out: &mut String) {
    let (set, checkpoint) = (world::set(), example_checkpoint());
    bytes(out, "Checkpoint", checkpoint.encode());
    block(out, "Its digest", &checkpoint.digest().to_string());
    let member = set.members()[0];
    bytes(out, "Set, its head and first member only", &set.encode()[..58 + 284]);
    block(out, "The whole set's hash", &set.hash().to_string());
    let proof = world::bls_key(1).prove_possession(&world::possession(member.address));
    bytes(out, "Proof of possession of the first member, compressed", proof.to_bytes());
    let certificate = certify(&set, checkpoint.digest(), &[0, 2, 3]);
    bytes(out, "Certificate of members 0, 2 and 3", certificate.encode());
    bytes(out, "Ticket", tickets::example_ticket().encode());
    json(out, "Network file", &tickets::network_file());
}
