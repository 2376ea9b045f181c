//! The shared vectors of packed batches: the ledger records what they say from the calldata, and
//! the follower the same from the events.

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, Bytes, Log};
use fallow_chain::{BlockEvents, BlockRef, ChainLog, Event, Registry, Replay};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Message};
use fallow_protocol::packed::{GroupResource, decode_releases, decode_requests};
use fallow_protocol::{Announcement, Body, NetworkFile, Record, Signature};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = format!("{}/../../test/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn get<T: DeserializeOwned>(row: &Value) -> T {
    serde_json::from_value(row.clone()).unwrap_or_else(|error| panic!("{row}: {error}"))
}

fn network() -> NetworkFile {
    NetworkFile::read(vectors("ticket")["network"].to_string().as_bytes()).unwrap()
}

fn records(part: &Value) -> Vec<Bytes> {
    part["records"].as_array().unwrap().iter().map(|row| get(&row["record"])).collect()
}

fn time_of(record: &Bytes) -> u64 {
    Record::decode(record).unwrap().block_time
}

/// The items of both batches as the ledger takes them.
fn messages(file: &Value) -> [Vec<Message>; 2] {
    let domain = network().domain();
    let groups = decode_requests(&get::<Bytes>(&file["requests"]["batch"])).unwrap();
    let requests = groups.iter().flat_map(|group| {
        let items = group.requests(group.resource.id(&domain));
        items.map(|(request, evidence)| match group.resource {
            GroupResource::Id(_) => {
                Message::Request { request, signatures: evidence.signatures().into() }
            }
            GroupResource::Carried { announcement, signature } => {
                let signatures = [signature.0.to_vec(), evidence.signatures()].concat().into();
                Message::AnnounceAndRequest { announcement, request, signatures }
            }
        })
    });
    let releases = decode_releases(&get::<Bytes>(&file["releases"]["batch"])).unwrap();
    let releases = releases.into_iter().map(|packed| Message::Release {
        release: packed.release(&domain),
        signatures: packed.signature.0.into(),
        record: packed.record.to_vec().into(),
        path: packed.path,
    });
    [requests.collect(), releases.collect()]
}

#[test]
fn the_ledger_records_what_the_vectors_say() {
    let file = vectors("packed");
    let network = network();
    let config = LedgerConfig {
        network_id: network.network_id,
        registry: network.network.sidechain.registry,
        writers: network.network.parameters.writers.clone(),
        parent: GenesisParent::default(),
    };
    let now = time_of(&records(&file["requests"])[0]);
    let (mut ledger, _) = Ledger::new(config, now);
    for (part, batch) in ["requests", "releases"].into_iter().zip(messages(&file)) {
        let (part, domain) = (&file[part], network.domain());
        let ids: Vec<_> = batch.iter().map(|message| message.id(&domain)).collect();
        let answers = ledger.apply_batch(&batch, now);
        let answers_codes = answers.iter().map(|answer| match answer {
            Ok(_) => 0,
            Err(error) => error.refusal().unwrap().code.number(),
        });
        let rows = part["items"].as_array().unwrap();
        let got: Vec<_> = ids.into_iter().zip(answers_codes).collect();
        let want: Vec<(B256, u16)> =
            rows.iter().map(|row| (get(&row["id"]), get(&row["code"]))).collect();
        assert_eq!(got, want);
        let applied = answers.into_iter().flatten();
        let got = applied.flat_map(|applied| applied.announced.into_iter().chain([applied.record]));
        let got: Vec<_> = got.map(|record| Bytes::from(record.encode())).collect();
        assert_eq!(got, records(part));
        assert_eq!(ledger.root(), get::<B256>(&part["root"]));
    }
}

fn log(event: &impl SolEvent) -> ChainLog {
    let inner = Log { address: Address::ZERO, data: event.encode_log_data() };
    ChainLog { number: 0, block_hash: B256::ZERO, position: 0, transaction: B256::ZERO, inner }
}

/// The event of an announcement, from its record and the provider's signature.
fn announced(record: &Bytes, announcement: &Announcement, signature: &Signature) -> ChainLog {
    let record = Record::decode(record).unwrap();
    let Body::Announcement(body) = &record.body else { panic!("{record:?}") };
    assert_eq!(body.announcement(), *announcement);
    let terms = [
        &body.provider[..],
        &body.volume.to_be_bytes(),
        &body.slot_seconds.to_be_bytes(),
        &body.notice_seconds.to_be_bytes(),
        &[0; 2],
    ];
    let times = [body.start_time, body.end_time, body.timestamp, record.index];
    log(&Registry::ResourceAnnounced {
        resourceId: announcement.id(&network().domain()).0,
        terms: alloy_primitives::U256::from_be_slice(&terms.concat()),
        times: alloy_primitives::U256::from_be_slice(times.map(u64::to_be_bytes).as_flattened()),
        approver: body.approver,
        offer: body.offer,
        r: B256::from_slice(&signature.0[..32]),
        vs: B256::from_slice(&signature.0[32..]),
    })
}

#[test]
fn the_follower_records_what_the_vectors_say() {
    let file = vectors("packed");
    let index = |row: &Value| get::<String>(&row["index"]).parse().unwrap();
    let (requests, releases) = (&file["requests"], &file["releases"]);
    let batch = |row: &Value| {
        log(&Registry::BatchAllocated { index: index(row), groups: get(&row["groups"]) })
    };
    let offers = messages(&file)[0].iter().filter_map(offer).collect::<Vec<_>>();
    let of = |record: usize, offer: usize| {
        announced(&records(requests)[record], &offers[offer].0, &offers[offer].1)
    };
    let released = &releases["events"][0];
    let logs = [
        of(0, 0),
        batch(&requests["events"][0]),
        of(4, 3),
        batch(&requests["events"][1]),
        log(&Registry::BatchReleased { index: index(released), items: get(&released["items"]) }),
    ];
    let network = network();
    let mut events =
        vec![Event::Started { network_id: network.network_id, parent: GenesisParent::default() }];
    events.extend(Event::decode_block(&network.domain(), &logs));
    let mut replay = Replay::new(&network);
    let time = time_of(&records(requests)[0]);
    let number = network.network.sidechain.block;
    let block = BlockRef { number, hash: B256::ZERO, parent: B256::ZERO, time };
    replay.apply(&BlockEvents { block, events, claim: None }).unwrap();
    let got: Vec<_> = replay.records()[1..].iter().map(|one| one.entry.record.clone()).collect();
    assert_eq!(got, [records(requests), records(releases)].concat());
    assert_eq!(replay.root(), get::<B256>(&releases["root"]));
}

/// The announcement that a request brings, with its signature.
fn offer(message: &Message) -> Option<(Announcement, Signature)> {
    match message {
        Message::AnnounceAndRequest { announcement, signatures, .. } => {
            let signature: [u8; 64] = signatures[..64].try_into().unwrap();
            Some((*announcement, signature.into()))
        }
        _ => None,
    }
}
