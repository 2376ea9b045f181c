//! Records of all five kinds, and what is none.

use crate::world::{self, SLOT, START, hex};
use alloy_primitives::B256;
use fallow_log::leaf_hash;
use fallow_protocol::{
    AllocationBody, AnnouncementBody, Body, CalendarWord, Evidence, GenesisBody, NetworkId, Record,
    Release, ReleaseBody, SecretKey, Withdrawal, WithdrawalBody, words_hash,
};
use serde_json::{Value, json};

pub(crate) fn record(index: u64, body: Body) -> Record {
    Record { writer: world::network().registry, index, block_time: START - 400, body }
}

fn evidence(key: &SecretKey, id: B256) -> Evidence {
    Evidence::of(key.sign(id))
}

pub(crate) fn genesis() -> Record {
    record(
        0,
        Body::Genesis(GenesisBody {
            network_id: world::network().id(),
            parent_network: NetworkId::ZERO,
            parent_checkpoint: B256::ZERO,
            parent_size: 0,
        }),
    )
}

pub(crate) fn announcement_evidence() -> Evidence {
    evidence(&world::provider(), world::announcement().id(&world::domain()).0)
}

pub(crate) fn announcement() -> Record {
    let message = world::announcement();
    record(
        1,
        Body::Announcement(AnnouncementBody {
            provider: message.provider,
            approver: message.approver,
            volume: message.volume,
            start_time: message.start_time,
            end_time: message.end_time,
            slot_seconds: message.slot_seconds,
            notice_seconds: message.notice_seconds,
            timestamp: message.timestamp,
            offer: message.offer,
            evidence: announcement_evidence().hash(),
        }),
    )
}

/// The two calendar words that the example request touches: slots 10, 11 and 12, 13.
pub(crate) fn words_after(index: u64, used: u16) -> Vec<CalendarWord> {
    let (mut low, mut high) = (CalendarWord::default(), CalendarWord::default());
    (low.index, high.index) = (index, index);
    low.used[10..].fill(used);
    high.used[..2].fill(used);
    vec![low, high]
}

pub(crate) fn allocation_evidence() -> Evidence {
    evidence(&world::requester(), world::request().id(&world::domain()).0)
}

pub(crate) fn allocation() -> Record {
    let message = world::request();
    record(
        2,
        Body::Allocation(AllocationBody {
            resource_id: message.resource_id,
            resource_index: 1,
            requester: message.requester,
            volume: message.volume,
            start_time: message.start_time,
            end_time: message.end_time,
            first_slot: 10,
            slot_count: 4,
            timestamp: message.timestamp,
            sequence: message.sequence,
            previous_index: 0,
            highest_after: 1,
            bitmap_after: 1,
            words: words_hash(words_after(0, 4)),
            evidence: allocation_evidence().hash(),
        }),
    )
}

/// The requester gives slots 12 and 13 back.
fn signed_release() -> Release {
    let request_id = world::request().id(&world::domain());
    Release { request_id, from_time: START + 12 * SLOT, timestamp: START - 300 }
}

fn release_evidence() -> Evidence {
    evidence(&world::requester(), signed_release().id(&world::domain()))
}

pub(crate) fn release() -> Record {
    let (message, signed) = (world::request(), signed_release());
    let freed = CalendarWord { index: 2, used: [0; 12] };
    record(
        3,
        Body::Release(ReleaseBody {
            request_id: signed.request_id,
            request_index: 2,
            resource_id: message.resource_id,
            resource_index: 1,
            requester: message.requester,
            volume: message.volume,
            start_time: message.start_time,
            end_time: message.end_time,
            first_slot: 12,
            slot_count: 2,
            from_time: signed.from_time,
            timestamp: signed.timestamp,
            words: words_hash([freed]),
            evidence: release_evidence().hash(),
        }),
    )
}

fn signed_withdrawal() -> Withdrawal {
    let resource_id = world::announcement().id(&world::domain());
    Withdrawal { resource_id, timestamp: START - 200 }
}

fn withdrawal_evidence() -> Evidence {
    evidence(&world::provider(), signed_withdrawal().id(&world::domain()))
}

pub(crate) fn withdrawal() -> Record {
    let (message, signed) = (world::announcement(), signed_withdrawal());
    record(
        4,
        Body::Withdrawal(WithdrawalBody {
            resource_id: signed.resource_id,
            resource_index: 1,
            provider: message.provider,
            timestamp: signed.timestamp,
            evidence: withdrawal_evidence().hash(),
        }),
    )
}

/// The evidence of an example record.
pub(crate) fn evidence_of(record: &Record) -> Vec<u8> {
    match record.body.kind() {
        1 => announcement_evidence().encode(),
        2 => allocation_evidence().encode(),
        3 => release_evidence().encode(),
        4 => withdrawal_evidence().encode(),
        _ => vec![],
    }
}

/// A log of all five kinds and one of a further writer.
pub(crate) fn all() -> Vec<(&'static str, Record)> {
    let open = Record {
        writer: world::parameters().writers[0].writer,
        ..record(5, Body::Open { kind: 16, bytes: b"what the market wrote".to_vec() })
    };
    vec![
        ("genesis", genesis()),
        ("announcement", announcement()),
        ("allocation", allocation()),
        ("release", release()),
        ("withdrawal", withdrawal()),
        ("open", open),
    ]
}

pub(crate) fn records() -> Value {
    let cases: Vec<_> = all()
        .into_iter()
        .map(|(name, record)| {
            let bytes = record.encode();
            json!({
                "name": name,
                "kind": record.body.kind(),
                "writer": record.writer,
                "index": record.index.to_string(),
                "blockTime": record.block_time.to_string(),
                "record": hex(&bytes),
                "leaf": leaf_hash(&bytes),
            })
        })
        .collect();
    let invalid: Vec<_> = invalid()
        .into_iter()
        .map(|(name, bytes)| {
            assert!(Record::decode(&bytes).is_err(), "{name}");
            json!({ "name": name, "record": hex(bytes) })
        })
        .collect();
    json!({
        "cases": cases,
        "invalid": invalid,
        "allocation": {
            "wordsBefore": [CalendarWord::default().to_word(), CalendarWord::default().to_word()],
            "wordsAfter": words_after(2, 4).iter().map(CalendarWord::to_word).collect::<Vec<_>>(),
            "signatures": hex(allocation_evidence().signatures()),
            "evidence": hex(allocation_evidence().encode()),
        },
        "release": {
            "message": signed_release(),
            "id": signed_release().id(&world::domain()),
            "signatures": hex(release_evidence().signatures()),
            "evidence": hex(release_evidence().encode()),
            "wordAfter": CalendarWord { index: 3, used: [0; 12] }.to_word(),
        },
        "withdrawal": {
            "message": signed_withdrawal(),
            "id": signed_withdrawal().id(&world::domain()),
            "signatures": hex(withdrawal_evidence().signatures()),
            "evidence": hex(withdrawal_evidence().encode()),
        },
    })
}

fn invalid() -> Vec<(&'static str, Vec<u8>)> {
    let bytes = allocation().encode();
    let with = |position: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[position] = value;
        changed
    };
    vec![
        ("empty", vec![]),
        ("header cut short", bytes[..37].to_vec()),
        ("body cut short", bytes[..237].to_vec()),
        ("trailing byte", [&bytes[..], &[0]].concat()),
        ("other version", with(0, 2)),
        ("version zero", with(0, 0)),
        ("reserved kind", with(1, 5)),
        ("kind of another size", with(1, 3)),
        ("open body too long", [&with(1, 16)[..38], &[0; 513]].concat()),
    ]
}
