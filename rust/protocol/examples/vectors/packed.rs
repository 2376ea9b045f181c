//! Packed batches: what a node sends, what the registry records and emits, and what is no batch.
//!
//! The records are made by hand, not by the ledger, which is held to them as the contract is.

use crate::records::{self, record};
use crate::world::{self, SLOT, START, hex};
use alloy_primitives::{B256, FixedBytes};
use fallow_log::{Tree, leaf_hash};
use fallow_protocol::packed::{
    PackItem, PackedRelease, ReleasedItem, RequestGroup, encode_released, encode_releases,
    encode_requests, pack_requests, shorten_paths,
};
use fallow_protocol::{
    AllocationBody, Announcement, AnnouncementBody, Body, CalendarWord, Code, Evidence, Record,
    Release, ReleaseBody, Request, SecretKey, SlotRange, words_hash,
};
use serde_json::{Value, json};

/// A second offer, for which an approver signs.
fn approved_offer() -> Announcement {
    Announcement { approver: world::approver().address(), ..world::announcement() }
}

fn announcement_id(offer: &Announcement) -> fallow_protocol::ResourceId {
    offer.id(&world::domain())
}

/// A request for slots `first` up to `end` of an offer.
fn request(offer: &Announcement, key: &SecretKey, slots: (u64, u64), rest: (u16, u64)) -> Request {
    Request {
        resource_id: announcement_id(offer),
        requester: key.address(),
        volume: rest.0,
        start_time: START + slots.0 * SLOT,
        end_time: START + slots.1 * SLOT,
        timestamp: START - 500 + rest.1,
        sequence: rest.1,
    }
}

fn item(request: Request, signers: &[SecretKey], carried: Option<Announcement>) -> PackItem {
    let signatures: Vec<_> =
        signers.iter().map(|key| key.sign(request.id(&world::domain()).0)).collect();
    let evidence = Evidence { signature: signatures[0], approval: signatures.get(1).copied() };
    let sign = |offer: Announcement| (offer, world::provider().sign(announcement_id(&offer).0));
    PackItem { request, evidence, carried: carried.map(sign) }
}

/// Every item of the batch, with the code that it is refused for and the index of its record.
fn items() -> Vec<(PackItem, Option<Code>, u64)> {
    let (offer, approved) = (world::announcement(), approved_offer());
    let (first, second) = (world::requester(), world::stranger());
    let one = [first.clone()];
    let other = [second.clone()];
    let both = [first.clone(), world::approver()];
    let both_slots = (10, 14);
    vec![
        // Nobody has recorded the offer yet.
        (
            item(request(&offer, &first, both_slots, (4, 1)), &one, None),
            Some(Code::ResourceUnknown),
            0,
        ),
        (item(request(&offer, &first, both_slots, (4, 1)), &one, Some(offer)), None, 2),
        (
            item(request(&offer, &second, both_slots, (5, 2)), &other, Some(offer)),
            Some(Code::CapacityExceeded),
            0,
        ),
        (item(request(&offer, &second, both_slots, (4, 1)), &other, Some(offer)), None, 3),
        (item(request(&offer, &first, (14, 15), (1, 2)), &one, None), None, 4),
        (
            item(request(&offer, &first, (14, 15), (1, 2)), &one, None),
            Some(Code::SequenceAlreadyUsed),
            0,
        ),
        (item(request(&approved, &first, (0, 1), (8, 3)), &both, Some(approved)), None, 6),
    ]
}

fn groups() -> Vec<RequestGroup> {
    let items: Vec<_> = items().into_iter().map(|(item, ..)| item).collect();
    pack_requests(&world::domain(), &items).unwrap()
}

/// The bytes of `BatchAllocated`: items of these indexes.
fn allocated(indexes: &[u64]) -> Vec<u8> {
    let taken = items().into_iter().filter(|(_, _, index)| indexes.contains(index));
    let named: Vec<_> = taken.map(|(item, ..)| PackItem { carried: None, ..item }).collect();
    encode_requests(&pack_requests(&world::domain(), &named).unwrap()).unwrap()
}

fn announced(index: u64, offer: &Announcement) -> Record {
    let signature = world::provider().sign(announcement_id(offer).0);
    let Body::Announcement(body) = records::announcement().body else { unreachable!() };
    let evidence = Evidence::of(signature).hash();
    let body = AnnouncementBody { approver: offer.approver, evidence, ..body };
    record(index, Body::Announcement(body))
}

/// What the requester's word becomes, and what was touched.
struct Effect {
    resource_index: u64,
    slots: SlotRange,
    previous_index: u64,
    highest_and_bitmap: (u64, u128),
    words: Vec<CalendarWord>,
}

fn allocation(index: u64, effect: &Effect) -> Record {
    let (item, ..) = items().into_iter().find(|(_, _, of)| *of == index).unwrap();
    let PackItem { request, evidence, .. } = item;
    record(
        index,
        Body::Allocation(AllocationBody {
            resource_id: request.resource_id,
            resource_index: effect.resource_index,
            requester: request.requester,
            volume: request.volume,
            start_time: request.start_time,
            end_time: request.end_time,
            first_slot: effect.slots.first,
            slot_count: effect.slots.slot_count() as u16,
            timestamp: request.timestamp,
            sequence: request.sequence,
            previous_index: effect.previous_index,
            highest_after: effect.highest_and_bitmap.0,
            bitmap_after: effect.highest_and_bitmap.1,
            words: words_hash(&effect.words),
            evidence: evidence.hash(),
        }),
    )
}

/// Word 1 of the first offer: its first three lanes.
fn word_one(index: u64, used: [u16; 3]) -> CalendarWord {
    let mut word = CalendarWord { index, ..CalendarWord::default() };
    word.used[..3].copy_from_slice(&used);
    word
}

/// Records 1 to 6.
fn request_records() -> Vec<Record> {
    let effect = |resource_index, slots: (u64, u64), previous_index, highest_and_bitmap, words| {
        let slots = SlotRange { first: slots.0, last: slots.1 };
        Effect { resource_index, slots, previous_index, highest_and_bitmap, words }
    };
    let mut whole = CalendarWord::default();
    whole.used[0] = 8;
    vec![
        announced(1, &world::announcement()),
        allocation(2, &effect(1, (10, 13), 0, (1, 1), records::words_after(0, 4))),
        allocation(3, &effect(1, (10, 13), 0, (1, 1), records::words_after(2, 8))),
        allocation(4, &effect(1, (14, 14), 2, (2, 3), vec![word_one(3, [8, 8, 1])])),
        announced(5, &approved_offer()),
        allocation(6, &effect(5, (0, 0), 4, (3, 7), vec![whole])),
    ]
}

/// The log after the batch of requests.
fn tree() -> Tree {
    let mut tree = Tree::new();
    for record in [vec![records::genesis()], request_records()].concat() {
        tree.push(leaf_hash(&record.encode())).unwrap();
    }
    tree
}

fn allocation_body(index: u64) -> AllocationBody {
    match request_records().swap_remove(index as usize - 1).body {
        Body::Allocation(body) => body,
        other => panic!("{other:?}"),
    }
}

fn release_of(index: u64, from_slot: u64) -> Release {
    let request_id = allocation_body(index).request_id(&world::domain());
    Release { request_id, from_time: START + from_slot * SLOT, timestamp: START - 300 }
}

fn packed_release(index: u64, from_slot: u64, signer: &SecretKey) -> PackedRelease {
    let release = release_of(index, from_slot);
    let record = request_records()[index as usize - 1].encode();
    PackedRelease {
        from_time: release.from_time,
        timestamp: release.timestamp,
        signature: signer.sign(release.id(&world::domain())),
        record: FixedBytes::from_slice(&record),
        path: tree().prove_inclusion(index, tree().size()).unwrap(),
    }
}

/// Every release of the batch, with the code that it is refused for.
fn releases() -> Vec<(PackedRelease, Option<Code>)> {
    let (first, second) = (world::requester(), world::stranger());
    // The log has peaks over 0..4, 4..6 and 6. The second leans on the first, the third would lean
    // on itself, so its path is whole; the fourth is under another peak.
    let mut releases = vec![
        packed_release(2, 12, &first),
        packed_release(3, 12, &first),
        packed_release(3, 12, &second),
        packed_release(4, 14, &first),
        packed_release(2, 13, &first),
    ];
    shorten_paths(tree().size(), &mut releases);
    let nodes: Vec<_> = releases.iter().map(|release| release.path.len()).collect();
    assert_eq!(nodes, [2, 0, 2, 1, 2]);
    let codes = [
        None,
        Some(Code::RequesterSignatureInvalid),
        None,
        None,
        Some(Code::AllocationAlreadyReleased),
    ];
    releases.into_iter().zip(codes).collect()
}

fn released(index: u64, of: u64, slots: (u64, u64), words: &[CalendarWord]) -> Record {
    let (body, release) = (allocation_body(of), release_of(of, slots.0));
    let key = if of == 3 { world::stranger() } else { world::requester() };
    let signature = key.sign(release.id(&world::domain()));
    record(
        index,
        Body::Release(ReleaseBody {
            request_id: release.request_id,
            request_index: of,
            resource_id: body.resource_id,
            resource_index: body.resource_index,
            requester: body.requester,
            volume: body.volume,
            start_time: body.start_time,
            end_time: body.end_time,
            first_slot: slots.0,
            slot_count: (slots.1 - slots.0) as u16,
            from_time: release.from_time,
            timestamp: release.timestamp,
            words: words_hash(words),
            evidence: Evidence::of(signature).hash(),
        }),
    )
}

/// Records 7 to 9.
fn release_records() -> Vec<Record> {
    vec![
        released(7, 2, (12, 14), &[word_one(4, [4, 4, 1])]),
        released(8, 3, (12, 14), &[word_one(7, [0, 0, 1])]),
        released(9, 4, (14, 15), &[word_one(8, [0, 0, 0])]),
    ]
}

fn released_items() -> Vec<ReleasedItem> {
    let taken = releases().into_iter().filter(|(_, code)| code.is_none());
    let items = taken.map(|(release, _)| ReleasedItem {
        index: release.index(),
        from_time: release.from_time,
        timestamp: release.timestamp,
        signature: release.signature,
    });
    items.collect()
}

fn rows(records: &[Record]) -> Vec<Value> {
    let row = |record: &Record| {
        let bytes = record.encode();
        json!({ "record": hex(&bytes), "leaf": leaf_hash(&bytes) })
    };
    records.iter().map(row).collect()
}

fn number(code: Option<Code>) -> u16 {
    code.map_or(0, Code::number)
}

fn root_of(records: &[Record]) -> B256 {
    let mut tree = tree();
    for record in records {
        tree.push(leaf_hash(&record.encode())).unwrap();
    }
    tree.root()
}

fn request_batch() -> Value {
    let domain = world::domain();
    let rows_of_items = items()
        .into_iter()
        .map(|(item, code, _)| json!({ "id": item.request.id(&domain), "code": number(code) }));
    json!({
        "batch": hex(encode_requests(&groups()).unwrap()),
        "groups": groups().iter().map(|group| group.items.len()).collect::<Vec<_>>(),
        "items": rows_of_items.collect::<Vec<_>>(),
        "events": [
            { "index": "2", "groups": hex(allocated(&[2, 3, 4])) },
            { "index": "6", "groups": hex(allocated(&[6])) },
        ],
        "records": rows(&request_records()),
        "root": root_of(&[]),
    })
}

fn release_batch() -> Value {
    let domain = world::domain();
    let batch: Vec<_> = releases().into_iter().map(|(release, _)| release).collect();
    let rows_of_items = releases().into_iter().map(|(release, code)| {
        json!({
            "id": release.release(&domain).id(&domain),
            "nodes": release.path.len(),
            "code": number(code),
        })
    });
    json!({
        "batch": hex(encode_releases(&batch).unwrap()),
        "items": rows_of_items.collect::<Vec<_>>(),
        "events": [{ "index": "7", "items": hex(encode_released(&released_items())) }],
        "records": rows(&release_records()),
        "root": root_of(&release_records()),
    })
}

/// Batches that revert whole: where the first bad group or item begins.
fn invalid_requests() -> Vec<(&'static str, Vec<u8>, usize)> {
    let good = encode_requests(&groups()[..1]).unwrap();
    let offset = good.len();
    let carrying = encode_requests(&groups()[1..2]).unwrap();
    let then = |bytes: &[u8]| [&good[..], bytes].concat();
    let with = |at: usize, byte: u8| {
        let mut changed = good.clone();
        changed[at] = byte;
        then(&changed)
    };
    vec![
        ("one byte", vec![0], 0),
        ("a second group of one byte", then(&[0]), offset),
        ("a head that is cut off", then(&good[..17]), offset),
        ("a resource that is cut off", then(&good[..49]), offset),
        ("an item that is cut off", then(&good[..offset - 1]), offset),
        ("a carried resource that is cut off", then(&carrying[..18 + 351]), offset),
        ("a count of 0", with(2, 0), offset),
        ("a count that nobody brings", with(1, 0xff), offset),
        ("an approval that is not there", with(0, 1), offset),
        ("a carried resource that is not there", with(0, 2), offset),
        ("another kind", with(0, 4), offset),
        ("the highest bit of the kind", with(0, 0x80), offset),
        ("padding after the last group", then(&[0; 32]), offset),
    ]
}

fn invalid_releases() -> Vec<(&'static str, Vec<u8>, usize)> {
    let good = encode_releases(&[releases().swap_remove(0).0]).unwrap();
    let (offset, fixed) = (good.len(), 16 + 64 + 238);
    let then = |bytes: &[u8]| [&good[..], bytes].concat();
    let nodes =
        |count: u8, bytes: usize| then(&[&good[..fixed], &[count], &vec![0; bytes]].concat());
    vec![
        ("one byte", vec![0], 0),
        ("a second item of one byte", then(&[0]), offset),
        ("a record that is cut off", then(&good[..fixed - 1]), offset),
        ("no number of nodes", then(&good[..fixed]), offset),
        ("a node that is cut off", then(&good[..offset - 1]), offset),
        ("nodes that nobody brings", nodes(64, 63 * 32), offset),
        ("65 nodes", nodes(65, 65 * 32), offset),
        ("padding after the last item", then(&[0; 32]), offset),
    ]
}

fn invalid() -> Vec<Value> {
    let row = |kind: &'static str| {
        move |(name, batch, offset): (&str, Vec<u8>, usize)| {
            let length = batch.len();
            json!({
                "name": format!("{kind}: {name}"), "type": kind, "batch": hex(batch),
                "offset": offset, "length": length,
            })
        }
    };
    let requests = invalid_requests().into_iter().map(row("requests"));
    requests.chain(invalid_releases().into_iter().map(row("releases"))).collect()
}

/// Bytes that no registry emits.
fn invalid_events() -> Vec<Value> {
    let (allocated, released) = (allocated(&[2, 3, 4]), encode_released(&released_items()));
    let carrying = encode_requests(&groups()[1..2]).unwrap();
    let rows = [
        ("nothing allocated", "allocated", vec![]),
        ("a carried resource", "allocated", carrying),
        ("the last allocation is cut off", "allocated", allocated[..allocated.len() - 1].to_vec()),
        ("nothing released", "released", vec![]),
        ("the last release is cut off", "released", released[..released.len() - 1].to_vec()),
        ("padding", "released", [&released[..], &[0; 8]].concat()),
    ];
    let row = |(name, kind, bytes): (&str, &str, Vec<u8>)| json!({ "name": name, "type": kind, "bytes": hex(bytes) });
    rows.into_iter().map(row).collect()
}

/// The batch of the example request alone.
pub(crate) fn one() -> Vec<u8> {
    let evidence = records::allocation_evidence();
    let item = PackItem { request: world::request(), evidence, carried: None };
    encode_requests(&pack_requests(&world::domain(), &[item]).unwrap()).unwrap()
}

pub(crate) fn packed() -> Value {
    json!({
        "requests": request_batch(),
        "releases": release_batch(),
        "invalid": invalid(),
        "invalidEvents": invalid_events(),
    })
}
