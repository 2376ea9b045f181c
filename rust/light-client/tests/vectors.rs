//! The shared vectors of `test/vectors/ticket.json` and `access.json`.
#![allow(clippy::unwrap_used, missing_docs)]

use alloy_primitives::{B256, Bytes};
use fallow_light_client::{Access, Trust, Verifier};
use fallow_protocol::{
    AccessGrant, Announcement, Code, NetworkFile, Refusal, Set, Signature, Ticket,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = format!("{}/../../test/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn get<T: DeserializeOwned>(row: &Value, key: &str) -> T {
    serde_json::from_value(row[key].clone()).unwrap_or_else(|error| panic!("{key}: {error}"))
}

fn now(row: &Value) -> u64 {
    get::<String>(row, "now").parse().unwrap()
}

fn ticket(row: &Value) -> Ticket {
    Ticket::decode(&get::<Bytes>(row, "ticket")).unwrap()
}

/// A verifier that has seen nothing yet.
fn verifier(file: &Value) -> Verifier {
    let network = NetworkFile::read(&serde_json::to_vec(&file["network"]).unwrap()).unwrap();
    let set = Set::decode(&get::<Bytes>(file, "set")).unwrap();
    Verifier::new(Trust::new(&network, set).unwrap())
}

/// The verdict's code; 0 for none.
fn code<T>(verdict: Result<T, Refusal>) -> u16 {
    verdict.err().map_or(0, |refusal| refusal.code.number())
}

#[test]
fn the_ticket_holds_and_each_refused_one_names_its_reason() {
    let file = vectors("ticket");
    assert_eq!(code(verifier(&file).verify_ticket(&ticket(&file), now(&file))), 0);
    let refused = file["refused"].as_array().unwrap();
    for row in refused {
        let verdict = verifier(&file).verify_ticket(&ticket(row), now(row));
        assert_eq!(code(verdict), get::<u16>(row, "code"), "{}", row["name"]);
        assert!(Code::from_number(get(row, "code")).is_some());
    }
    assert!(refused.len() >= 13);
}

#[test]
fn each_grant_gets_its_verdict() {
    let file = vectors("access");
    let (ticket, announcement) = (ticket(&file), get::<Announcement>(&file, "announcement"));
    let cases = file["cases"].as_array().unwrap();
    for row in cases {
        let (grant, signature) =
            (get::<AccessGrant>(row, "grant"), get::<Signature>(row, "signature"));
        let nonce: B256 = get(&file, "nonce");
        let access =
            Access { grant: &grant, signature: &signature, announcement: &announcement, nonce };
        let verdict = verifier(&file).verify_access(&ticket, &access, now(row));
        assert_eq!(code(verdict), get::<u16>(row, "code"), "{}", row["name"]);
    }
    assert!(cases.len() >= 10);
}
