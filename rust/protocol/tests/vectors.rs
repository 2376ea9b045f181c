//! The shared vectors of `test/vectors/`, read independently of the program that writes them.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, missing_docs)]

use alloy_primitives::{Address, B256, Bytes, U256};
use fallow_protocol::bls::{self, Possession, PublicKey};
use fallow_protocol::{
    AccessGrant, Announcement, CalendarWord, Certificate, Checkpoint, CheckpointFile, Domain,
    Evidence, Network, NetworkFile, NetworkId, Parameters, PromiseFile, Record, RefusalFile,
    Release, Request, RequesterWord, ResourceWord, SecretKey, Set, SetHash, Signature, Ticket,
    Withdrawal, decode_bundle, encode_bundle, entry_of_bundle, packed, words_hash,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = format!("{}/../../test/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The value at `key`.
fn get<T: DeserializeOwned>(row: &Value, key: &str) -> T {
    serde_json::from_value(row[key].clone()).unwrap_or_else(|error| panic!("{key}: {error}"))
}

/// The number in a decimal string at `key`.
fn number(row: &Value, key: &str) -> u64 {
    get::<String>(row, key).parse().unwrap()
}

/// The bytes at `key`, as an array.
fn array<const N: usize>(row: &Value, key: &str) -> [u8; N] {
    get::<Bytes>(row, key)[..].try_into().unwrap()
}

/// Runs `check` on each row and counts them.
fn each(rows: &Value, check: impl Fn(&str, &Value)) -> usize {
    let rows = rows.as_array().unwrap();
    rows.iter().for_each(|row| check(row["name"].as_str().unwrap_or_default(), row));
    assert!(!rows.is_empty());
    rows.len()
}

#[test]
fn network_ids_follow_from_their_parameters() {
    let file = vectors("network");
    let network = Network {
        sidechain_id: number(&file, "sidechainId"),
        registry: get(&file, "registry"),
        anchor_chain_id: number(&file, "anchorChainId"),
        anchor: get(&file, "anchor"),
        salt: get::<Parameters>(&file, "parameters").salt(get(&file, "random")),
    };
    assert_eq!(network.salt, get::<B256>(&file, "salt"));
    assert_eq!(network.id(), get::<NetworkId>(&file, "networkId"));
    let domain = Domain::new(network.registry, network.id());
    assert_eq!(domain.separator, get::<B256>(&file, "domainSeparator"));
    each(&file["others"], |name, row| {
        assert_ne!(get::<NetworkId>(row, "networkId"), network.id(), "{name}");
    });
}

fn id(kind: &str, row: &Value, domain: &Domain) -> B256 {
    match kind {
        "Announcement" => get::<Announcement>(row, "message").id(domain).0,
        "Request" => get::<Request>(row, "message").id(domain).0,
        "Release" => get::<Release>(row, "message").id(domain),
        "Withdrawal" => get::<Withdrawal>(row, "message").id(domain),
        "AccessGrant" => get::<AccessGrant>(row, "message").id(domain),
        other => panic!("no such type: {other}"),
    }
}

#[test]
fn messages_have_their_ids_and_signers() {
    let file = vectors("messages");
    let domain = Domain::new(get(&file, "registry"), get(&file, "networkId"));
    each(&file["cases"], |name, row| {
        let id = id(row["type"].as_str().unwrap(), row, &domain);
        assert_eq!(id, get::<B256>(row, "id"), "{name}");
        let key = SecretKey::from_bytes(array(row, "secretKey")).unwrap();
        let signature: Signature = get(row, "signature");
        assert_eq!(key.sign(id), signature, "{name}");
        assert_eq!(signature.recover(id), Ok(get(row, "signer")), "{name}");
    });
    each(&file["zeroAddress"], |name, row| {
        let id = id(row["type"].as_str().unwrap(), row, &domain);
        assert_eq!(id, get::<B256>(row, "id"), "{name}");
        assert!(get::<Signature>(row, "signature").recover(id).is_err(), "{name}");
    });
    each(&file["invalid"], |name, row| {
        let recovered = get::<Signature>(row, "signature").recover(get(row, "digest"));
        assert_ne!(recovered, Ok(get::<Address>(row, "signer")), "{name}");
    });
}

#[test]
fn words_have_their_layout_and_the_window_its_edges() {
    let file = vectors("words");
    let mut words = Vec::new();
    for row in file["calendar"].as_array().unwrap() {
        let word = CalendarWord { index: number(row, "index"), used: get(row, "used") };
        assert_eq!(word.to_word(), get::<U256>(row, "word"));
        assert_eq!(CalendarWord::from_word(word.to_word()), word);
        words.push(word);
    }
    assert_eq!(words_hash(&words), get::<B256>(&file, "wordsHash"));
    let resource = &file["resource"];
    let word = ResourceWord::of(&get(resource, "announcement"), number(resource, "index"));
    assert_eq!(word.to_word(), get::<U256>(resource, "word"));
    each(&file["window"], |name, row| {
        let before = RequesterWord::from_word(get(row, "before"));
        let after = before.accept(number(row, "sequence"), number(row, "index"));
        let code = after.err().map_or(0, fallow_protocol::Code::number);
        assert_eq!(code, get::<u16>(row, "code"), "{name}");
        assert_eq!(after.unwrap_or(before).to_word(), get::<U256>(row, "after"), "{name}");
    });
}

#[test]
fn records_are_read_and_written() {
    let file = vectors("records");
    each(&file["cases"], |name, row| {
        let bytes: Bytes = get(row, "record");
        let record = Record::decode(&bytes).unwrap();
        assert_eq!(record.encode(), bytes, "{name}");
        assert_eq!(record.body.kind(), get::<u8>(row, "kind"), "{name}");
        assert_eq!(record.writer, get::<Address>(row, "writer"), "{name}");
        assert_eq!(record.index, number(row, "index"), "{name}");
        assert_eq!(record.block_time, number(row, "blockTime"), "{name}");
    });
    each(&file["invalid"], |name, row| {
        assert!(Record::decode(&get::<Bytes>(row, "record")).is_err(), "{name}");
    });
    for kind in ["allocation", "release", "withdrawal"] {
        let evidence = Evidence::from_signatures(&get::<Bytes>(&file[kind], "signatures"));
        assert_eq!(evidence.unwrap().encode(), get::<Bytes>(&file[kind], "evidence"), "{kind}");
    }
    let network = vectors("network");
    let domain = Domain::new(get(&network, "registry"), get(&network, "networkId"));
    let release: Release = get(&file["release"], "message");
    assert_eq!(release.id(&domain), get::<B256>(&file["release"], "id"));
    let withdrawal: Withdrawal = get(&file["withdrawal"], "message");
    assert_eq!(withdrawal.id(&domain), get::<B256>(&file["withdrawal"], "id"));
}

#[test]
fn packed_batches_and_their_events_are_read_and_written() {
    let file = vectors("packed");
    let network = vectors("network");
    let domain = Domain::new(get(&network, "registry"), get(&network, "networkId"));
    let ids = |part: &str| -> Vec<B256> {
        file[part]["items"].as_array().unwrap().iter().map(|row| get(row, "id")).collect()
    };
    let bytes: Bytes = get(&file["requests"], "batch");
    let groups = packed::decode_requests(&bytes).unwrap();
    assert_eq!(packed::encode_requests(&groups).unwrap(), bytes);
    let sizes: Vec<_> = groups.iter().map(|group| group.items.len()).collect();
    assert_eq!(sizes, get::<Vec<usize>>(&file["requests"], "groups"));
    let requests = groups.iter().flat_map(|group| group.requests(group.resource.id(&domain)));
    assert_eq!(
        requests.map(|(request, _)| request.id(&domain).0).collect::<Vec<_>>(),
        ids("requests")
    );
    for event in file["requests"]["events"].as_array().unwrap() {
        let bytes: Bytes = get(event, "groups");
        let groups = packed::decode_allocated(&bytes).unwrap();
        assert_eq!(packed::encode_requests(&groups).unwrap(), bytes);
    }
    let bytes: Bytes = get(&file["releases"], "batch");
    let releases = packed::decode_releases(&bytes).unwrap();
    assert_eq!(packed::encode_releases(&releases).unwrap(), bytes);
    let got = releases.iter().map(|packed| packed.release(&domain).id(&domain));
    assert_eq!(got.collect::<Vec<_>>(), ids("releases"));
    let bytes: Bytes = get(&file["releases"]["events"][0], "items");
    let items = packed::decode_released(&bytes).unwrap();
    assert_eq!(packed::encode_released(&items), bytes);
}

#[test]
fn what_is_no_packed_batch_is_refused_where_it_begins_to_be_none() {
    let file = vectors("packed");
    each(&file["invalid"], |name, row| {
        let batch: Bytes = get(row, "batch");
        let error = match row["type"].as_str().unwrap() {
            "requests" => packed::decode_requests(&batch).map(drop).unwrap_err(),
            _ => packed::decode_releases(&batch).map(drop).unwrap_err(),
        };
        let want = (get::<usize>(row, "offset"), get::<usize>(row, "length"));
        assert_eq!((error.offset, error.length), want, "{name}");
    });
    each(&file["invalidEvents"], |name, row| {
        let bytes: Bytes = get(row, "bytes");
        let is_refused = match row["type"].as_str().unwrap() {
            "allocated" => packed::decode_allocated(&bytes).is_err(),
            _ => packed::decode_released(&bytes).is_err(),
        };
        assert!(is_refused, "{name}");
    });
}

#[test]
fn checkpoints_have_their_digests() {
    let file = vectors("checkpoint");
    each(&file["cases"], |_, row| {
        let checkpoint: Checkpoint = get(row, "checkpoint");
        assert_eq!(checkpoint.encode(), get::<Bytes>(row, "bytes"));
        assert_eq!(Checkpoint::decode(&checkpoint.encode()), Ok(checkpoint));
        assert_eq!(checkpoint.digest(), get::<B256>(row, "digest"));
    });
    each(&file["invalid"], |name, row| {
        assert!(Checkpoint::decode(&get::<Bytes>(row, "bytes")).is_err(), "{name}");
    });
}

#[test]
fn sets_and_proofs_of_possession_hold() {
    let file = vectors("set");
    let set = Set::decode(&get::<Bytes>(&file, "bytes")).unwrap();
    assert_eq!(set.encode(), get::<Bytes>(&file, "bytes"));
    assert_eq!(set.hash(), get::<SetHash>(&file, "setHash"));
    assert_eq!(set.total(), number(&file, "total"));
    assert_eq!(set.aggregate().to_eip2537(), array(&file, "aggregateKey"));
    let owner = |member: Address| Possession {
        network_id: get(&file, "networkId"),
        anchor: get(&file, "anchor"),
        member,
    };
    each(&file["members"], |_, row| {
        let key = PublicKey::from_eip2537(&array(row, "key")).unwrap();
        let secret = bls::SecretKey::from_bytes(&array(row, "secretKey")).unwrap();
        assert_eq!(secret.public_key(), key);
        let proof = bls::Signature::from_eip2537(&array(row, "proofOfPossession")).unwrap();
        assert_eq!(proof.to_bytes(), array(row, "proofCompressed"));
        assert!(key.proves_possession(&owner(get(row, "address")), &proof));
    });
    each(&file["invalidKeys"], |name, row| {
        assert!(PublicKey::from_eip2537(&array(row, "key")).is_err(), "{name}");
    });
    let first = set.members()[0];
    each(&file["invalidProofs"], |name, row| {
        let proof = bls::Signature::from_eip2537(&array(row, "proofOfPossession")).unwrap();
        assert!(!first.key.proves_possession(&owner(first.address), &proof), "{name}");
    });
    each(&file["invalidSets"], |name, row| {
        assert!(Set::decode(&get::<Bytes>(row, "set")).is_err(), "{name}");
    });
}

#[test]
fn certificates_are_judged_alike() {
    let file = vectors("certificate");
    let set = Set::decode(&get::<Bytes>(&file, "set")).unwrap();
    let judge = |name: &str, row: &Value| {
        let bytes: Bytes = get(row, "certificate");
        let certificate = Certificate::decode(&bytes).unwrap();
        assert_eq!(certificate.encode(), bytes, "{name}");
        assert_eq!(certificate.bitmap(), &get::<Bytes>(row, "bitmap")[..], "{name}");
        let verdict = certificate.verify(&set, get(row, "digest"));
        let code = verdict.err().map_or(0, |refusal| refusal.code.number());
        assert_eq!(code, get::<u16>(row, "code"), "{name}");
    };
    each(&file["cases"], judge);
    each(&file["invalid"], |name, row| {
        judge(name, row);
        assert_ne!(get::<u16>(row, "code"), 0, "{name}");
    });
    each(&file["malformed"], |name, row| {
        assert!(Certificate::decode(&get::<Bytes>(row, "certificate")).is_err(), "{name}");
    });
}

#[test]
fn tickets_and_network_files_are_read_and_written() {
    let file = vectors("ticket");
    let bytes: Bytes = get(&file, "ticket");
    let ticket = Ticket::decode(&bytes).unwrap();
    assert_eq!(ticket.encode(), bytes);
    assert_eq!(get::<Ticket>(&file, "json"), ticket);
    assert_eq!(serde_json::to_value(&ticket).unwrap(), file["json"]);
    each(&file["malformed"], |name, row| {
        assert!(Ticket::decode(&get::<Bytes>(row, "ticket")).is_err(), "{name}");
    });
    let text = serde_json::to_vec(&file["network"]).unwrap();
    let network = NetworkFile::read(&text).unwrap();
    assert_eq!(serde_json::to_value(&network).unwrap(), file["network"]);
}

#[test]
fn promises_and_refusals_have_their_digests_and_signers() {
    let file = vectors("promise");
    let domain = Domain::new(get(&file, "registry"), get(&file, "networkId"));
    let key = SecretKey::from_bytes(array(&file, "secretKey")).unwrap();
    each(&file["promises"], |name, row| {
        let promised: PromiseFile = get(row, "file");
        assert_eq!(promised.promise.id(&domain), get::<B256>(row, "digest"), "{name}");
        assert_eq!(PromiseFile::sign(promised.promise, &domain, &key), promised, "{name}");
        assert!(promised.verifies(&domain), "{name}");
    });
    each(&file["refusals"], |name, row| {
        let refused: RefusalFile = get(row, "file");
        assert_eq!(refused.refusal.id(&domain), get::<B256>(row, "digest"), "{name}");
        assert_eq!(RefusalFile::sign(refused.refusal, &domain, &key), refused, "{name}");
        assert!(refused.verifies(&domain), "{name}");
    });
    each(&file["invalidPromises"], |name, row| {
        assert!(!get::<PromiseFile>(row, "file").verifies(&domain), "{name}");
    });
    each(&file["invalidRefusals"], |name, row| {
        assert!(!get::<RefusalFile>(row, "file").verifies(&domain), "{name}");
    });
}

#[test]
fn bundles_are_read_and_written_and_nothing_else_is_one() {
    let file = vectors("tiles");
    let rows = file["entries"].as_array().unwrap();
    let bundle: Bytes = get(&file, "bundle");
    let entries = decode_bundle(&bundle, u16::try_from(rows.len()).unwrap()).unwrap();
    assert_eq!(encode_bundle(&entries).unwrap(), bundle);
    for ((position, entry), row) in (0..).zip(entries).zip(rows) {
        assert_eq!(entry.record, get::<Bytes>(row, "record"));
        assert_eq!(entry.evidence, get::<Bytes>(row, "evidence"));
        assert_eq!(entry.announcement, get::<Option<Announcement>>(row, "announcement"));
        assert_eq!(entry.encode().unwrap(), get::<Bytes>(row, "entry"));
        assert_eq!(entry_of_bundle(&bundle, position).unwrap(), entry);
    }
    each(&file["invalidBundles"], |name, row| {
        let bundle: Bytes = get(row, "bundle");
        assert!(decode_bundle(&bundle, get(row, "width")).is_err(), "{name}");
    });
    let checkpoint: CheckpointFile = get(&file, "checkpoint");
    assert_eq!(serde_json::to_value(&checkpoint).unwrap(), file["checkpoint"]);
}

#[test]
fn a_network_file_that_lies_about_itself_is_refused() {
    let honest = vectors("ticket")["network"].clone();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut file = honest.clone();
        change(&mut file);
        NetworkFile::read(&serde_json::to_vec(&file).unwrap()).unwrap_err().to_string()
    };
    let anchor = refused(&|file| file["network"]["anchorChain"]["chainId"] = "5".into());
    assert!(anchor.starts_with("networkId is"), "{anchor}");
    let heartbeat = refused(&|file| file["network"]["parameters"]["heartbeat"] = "5".into());
    assert!(heartbeat.starts_with("heartbeat 5"), "{heartbeat}");
    let version = refused(&|file| file["version"] = 2.into());
    assert_eq!(version, "the file has version 2, this program reads 1");
    let unknown = refused(&|file| file["extra"] = 1.into());
    assert!(unknown.contains("unknown field"), "{unknown}");
    let number = refused(&|file| file["network"]["sidechain"]["chainId"] = 5.into());
    assert!(number.contains("expected a"), "{number}");
}

#[test]
fn hostile_json_is_refused_within_bounds() {
    let deep = format!("{{\"version\":1,\"network\":{}", "[".repeat(20_000));
    let long = vec![b' '; 65_537];
    let huge = br#"{"version":1e400}"#;
    for bytes in [deep.as_bytes(), &long, huge, b"\xff\xfe", b"", b"{", b"[]", b"{\"version\":-1}"]
    {
        assert!(NetworkFile::read(bytes).is_err());
    }
}
