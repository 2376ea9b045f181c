//! Packed batches: what is read is what was written, and nothing else is read.
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]
#![allow(missing_docs)]

use alloy_primitives::{Address, B256, FixedBytes};
use fallow_log::{Tree, leaf_hash, node_hash};
use fallow_protocol::packed::{
    GroupResource, PackError, PackItem, PackedRelease, PackedRequest, ReleasedItem, RequestGroup,
    decode_allocated, decode_released, decode_releases, decode_requests, encode_released,
    encode_releases, encode_requests, pack_requests, path_nodes, shorten_paths,
};
use fallow_protocol::{
    AllocationBody, Announcement, Body, DecodeError, Domain, Evidence, NetworkId, Record, Request,
    ResourceId, Signature,
};
use proptest::prelude::*;

const LAST_TIME: u64 = (1 << 40) - 1;

fn domain() -> Domain {
    Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(2))
}

fn announcement() -> Announcement {
    Announcement {
        provider: Address::repeat_byte(3),
        approver: Address::repeat_byte(4),
        volume: u16::MAX,
        start_time: 3_600,
        end_time: u64::MAX,
        slot_seconds: 60,
        notice_seconds: u32::MAX,
        timestamp: 5,
        offer: B256::repeat_byte(6),
    }
}

fn carried() -> GroupResource {
    let signature = Signature::from([7; 64]);
    GroupResource::Carried { announcement: announcement(), signature }
}

fn named() -> GroupResource {
    GroupResource::Id(announcement().id(&domain()))
}

fn item(seed: u8, approval: Option<Signature>) -> PackedRequest {
    PackedRequest {
        requester: Address::repeat_byte(seed),
        volume: seed.into(),
        delay: u16::from(seed) << 8,
        sequence: seed.into(),
        signature: Signature::from([seed; 64]),
        approval,
    }
}

fn group(resource: GroupResource, items: Vec<PackedRequest>) -> RequestGroup {
    RequestGroup { resource, start_time: 7_200, end_time: LAST_TIME, timestamp: 9, items }
}

/// Named and carried, approved and not.
fn groups() -> Vec<RequestGroup> {
    let approval = Some(Signature::from([8; 64]));
    vec![
        group(named(), vec![item(1, None), item(2, None)]),
        group(carried(), vec![item(3, None)]),
        group(named(), vec![item(4, approval)]),
        group(carried(), vec![item(5, approval), item(6, approval)]),
    ]
}

#[test]
fn a_request_takes_as_many_bytes_as_the_specification_says() {
    let size = |group: RequestGroup| encode_requests(&[group]).unwrap().len();
    assert_eq!(size(group(named(), vec![item(1, None)])), 18 + 32 + 96);
    assert_eq!(size(group(carried(), vec![item(1, None); 2])), 18 + 352 + 2 * 96);
    let approved = item(1, Some(Signature::from([8; 64])));
    assert_eq!(size(group(named(), vec![approved; 3])), 18 + 32 + 3 * 160);
}

#[test]
fn groups_of_every_kind_are_read_and_written() {
    let bytes = encode_requests(&groups()).unwrap();
    assert_eq!(decode_requests(&bytes).unwrap(), groups());
    assert_eq!(decode_requests(&[]).unwrap(), []);
    let kinds = groups().into_iter().map(|group| encode_requests(&[group]).unwrap()[0]);
    assert_eq!(kinds.collect::<Vec<_>>(), [0, 2, 1, 3]);
}

#[test]
fn a_batch_that_is_cut_off_anywhere_names_the_group() {
    let bytes = encode_requests(&groups()).unwrap();
    let mut ends: Vec<usize> = vec![0];
    for group in groups() {
        ends.push(ends[ends.len() - 1] + encode_requests(&[group]).unwrap().len());
    }
    for length in 0..bytes.len() {
        let whole = ends.iter().rposition(|end| *end <= length).unwrap();
        match decode_requests(&bytes[..length]) {
            Ok(read) => {
                assert_eq!(length, ends[whole], "only whole groups");
                assert_eq!(read, groups()[..whole]);
            }
            Err(error) => {
                assert_eq!((error.offset, error.length), (ends[whole], length));
                assert!(matches!(error.source, DecodeError::Truncated { .. }), "{error}");
            }
        }
    }
}

/// The error of a batch whose second group has another byte.
fn second_group_with(resource: GroupResource, at: usize, byte: u8) -> (usize, DecodeError) {
    let first = encode_requests(&groups()[..1]).unwrap();
    let mut second = encode_requests(&[group(resource, vec![item(1, None)])]).unwrap();
    second[at] = byte;
    let error = decode_requests(&[first.clone(), second].concat()).unwrap_err();
    assert_eq!(error.offset, first.len());
    (error.length, error.source)
}

#[test]
fn other_kinds_empty_groups_and_padding_are_refused() {
    for kind in [4, 8, 0x80, 0xff] {
        assert_eq!(second_group_with(named(), 0, kind).1, DecodeError::Padding("kind"));
    }
    let empty = second_group_with(named(), 2, 0).1;
    assert!(matches!(empty, DecodeError::Length { field: "count", got: 0, .. }), "{empty}");
    // A group that claims 65 281 items, and one that claims to carry, to be approved.
    for (at, claim) in [(1, 0xff), (0, 2), (0, 1)] {
        let cut = second_group_with(named(), at, claim).1;
        let is_cut = matches!(cut, DecodeError::Truncated { .. } | DecodeError::Padding(_));
        assert!(is_cut, "{cut}");
    }
    // Each word of an announcement has one encoding.
    let fields = ["provider", "approver", "volume", "startTime", "endTime"];
    let rest = ["slotSeconds", "noticeSeconds", "timestamp"];
    for (word, field) in fields.into_iter().chain(rest).enumerate() {
        let got = second_group_with(carried(), 18 + 32 * word, 1).1;
        assert_eq!(got, DecodeError::Padding(field));
    }
}

#[test]
fn what_has_no_packed_form_is_named() {
    let refused = |change: fn(&mut RequestGroup)| {
        let mut groups = groups();
        change(&mut groups[3]);
        encode_requests(&groups).unwrap_err()
    };
    let index = 3;
    assert_eq!(refused(|group| group.items.clear()), PackError::Count { index, got: 0 });
    let many = refused(|group| group.items = vec![group.items[0]; 65_536]);
    assert_eq!(many, PackError::Count { index, got: 65_536 });
    let mixed = refused(|group| group.items[1].approval = None);
    assert_eq!(mixed, PackError::MixedApprovals { index });
    let time = |field| PackError::Time { index, field, got: LAST_TIME + 1 };
    assert_eq!(refused(|group| group.start_time = LAST_TIME + 1), time("startTime"));
    assert_eq!(refused(|group| group.end_time = LAST_TIME + 1), time("endTime"));
    assert_eq!(refused(|group| group.timestamp = LAST_TIME + 1), time("timestamp"));
}

#[test]
fn the_event_names_resources_and_is_never_empty() {
    let groups: Vec<_> = groups().into_iter().step_by(2).collect();
    let bytes = encode_requests(&groups).unwrap();
    assert_eq!(decode_allocated(&bytes).unwrap(), groups);
    let carrying = encode_requests(&[group(carried(), vec![item(1, None)])]).unwrap();
    let error = decode_allocated(&[bytes.clone(), carrying].concat()).unwrap_err();
    assert_eq!((error.offset, error.source), (bytes.len(), DecodeError::Padding("kind")));
    assert!(decode_allocated(&[]).is_err());
}

fn pack_item(seed: u8, timestamp: u64) -> PackItem {
    let request = Request {
        resource_id: announcement().id(&domain()),
        requester: Address::repeat_byte(seed),
        volume: 1,
        start_time: 7_200,
        end_time: 10_800,
        timestamp,
        sequence: seed.into(),
    };
    let evidence = Evidence::of(Signature::from([seed; 64]));
    PackItem { request, evidence, carried: None }
}

/// Sizes of the groups, which must say the same as the items.
fn sizes(items: &[PackItem]) -> Vec<usize> {
    let groups = pack_requests(&domain(), items).unwrap();
    assert_eq!(decode_requests(&encode_requests(&groups).unwrap()).unwrap(), groups);
    let unpacked = groups.iter().flat_map(|group| {
        let carried = match group.resource {
            GroupResource::Id(_) => None,
            GroupResource::Carried { announcement, signature } => Some((announcement, signature)),
        };
        let requests = group.requests(group.resource.id(&domain()));
        requests.map(move |(request, evidence)| PackItem { request, evidence, carried })
    });
    assert_eq!(unpacked.collect::<Vec<_>>(), items);
    groups.iter().map(|group| group.items.len()).collect()
}

#[test]
fn adjacent_requests_that_share_everything_are_one_group() {
    assert!(sizes(&[]).is_empty());
    let same = [pack_item(1, 100), pack_item(2, 90), pack_item(3, 300)];
    assert_eq!(sizes(&same), [3]);
    let change = |change: fn(&mut PackItem)| {
        let mut items = [pack_item(1, 100), pack_item(2, 100), pack_item(3, 100)];
        change(&mut items[1]);
        sizes(&items)
    };
    assert_eq!(change(|item| item.request.resource_id = ResourceId::ZERO), [1, 1, 1]);
    assert_eq!(change(|item| item.request.start_time = 3_600), [1, 1, 1]);
    assert_eq!(change(|item| item.request.end_time = 14_400), [1, 1, 1]);
    assert_eq!(change(|item| item.evidence.approval = Some([9; 64].into())), [1, 1, 1]);
    assert_eq!(change(|item| item.carried = Some((announcement(), [7; 64].into()))), [1, 1, 1]);
    assert_eq!(change(|item| item.request.volume = 9), [3]);
}

#[test]
fn timestamps_of_a_group_fit_its_delays() {
    let at = |timestamp| pack_item(1, timestamp);
    assert_eq!(sizes(&[at(65_635), at(100), at(65_635)]), [3]);
    assert_eq!(sizes(&[at(65_636), at(100), at(65_635)]), [1, 2]);
    assert_eq!(sizes(&[at(LAST_TIME), at(LAST_TIME - 65_535)]), [2]);
    assert_eq!(sizes(&vec![at(1); 65_537]), [65_535, 2]);
}

#[test]
fn an_item_without_a_packed_form_is_named() {
    let refused = |change: fn(&mut PackItem)| {
        let mut items = [pack_item(1, 100), pack_item(2, 100)];
        change(&mut items[1]);
        pack_requests(&domain(), &items).unwrap_err()
    };
    let time = |field| PackError::Time { index: 1, field, got: u64::MAX };
    assert_eq!(refused(|item| item.request.start_time = u64::MAX), time("startTime"));
    assert_eq!(refused(|item| item.request.end_time = u64::MAX), time("endTime"));
    assert_eq!(refused(|item| item.request.timestamp = u64::MAX), time("timestamp"));
    let other = refused(|item| {
        let other = Announcement { volume: 1, ..announcement() };
        item.carried = Some((other, [7; 64].into()));
    });
    let got = Announcement { volume: 1, ..announcement() }.id(&domain());
    let want = announcement().id(&domain());
    assert_eq!(other, PackError::Announcement { index: 1, got, want });
}

fn record(index: u64) -> FixedBytes<238> {
    let body = AllocationBody {
        resource_id: ResourceId::repeat_byte(1),
        resource_index: 1,
        requester: Address::repeat_byte(2),
        volume: 3,
        start_time: 4,
        end_time: 5,
        first_slot: 6,
        slot_count: 7,
        timestamp: 8,
        sequence: index,
        previous_index: 9,
        highest_after: 10,
        bitmap_after: 11,
        words: B256::ZERO,
        evidence: B256::ZERO,
    };
    let writer = Address::repeat_byte(1);
    let record = Record { writer, index, block_time: 12, body: Body::Allocation(body) };
    FixedBytes::from_slice(&record.encode())
}

fn release(index: u64, path: Vec<B256>) -> PackedRelease {
    let signature = Signature::from([index as u8; 64]);
    PackedRelease { from_time: index, timestamp: u64::MAX, signature, record: record(index), path }
}

#[test]
fn releases_are_read_and_written() {
    let releases = [
        release(1, vec![]),
        release(2, vec![B256::repeat_byte(1)]),
        release(3, vec![B256::ZERO; 64]),
    ];
    let bytes = encode_releases(&releases).unwrap();
    assert_eq!(bytes.len(), 3 * (16 + 64 + 238 + 1) + 65 * 32);
    assert_eq!(decode_releases(&bytes).unwrap(), releases);
    assert_eq!(decode_releases(&[]).unwrap(), []);
    for length in 1..bytes.len() {
        let Err(error) = decode_releases(&bytes[..length]) else {
            assert!([319, 670].contains(&length), "{length}");
            continue;
        };
        let offset = [670, 319, 0].into_iter().find(|offset| *offset <= length).unwrap();
        assert_eq!((error.offset, error.length), (offset, length));
    }
}

#[test]
fn a_path_of_more_than_64_nodes_is_refused() {
    let error = encode_releases(&[release(1, vec![]), release(2, vec![B256::ZERO; 65])]);
    assert_eq!(error, Err(PackError::Path { index: 1, got: 65 }));
    let mut bytes = encode_releases(&[release(1, vec![])]).unwrap();
    *bytes.last_mut().unwrap() = 65;
    bytes.extend([0; 65 * 32]);
    let error = decode_releases(&bytes).unwrap_err();
    assert!(matches!(error.source, DecodeError::Length { field: "path", got: 65, .. }), "{error}");
}

#[test]
fn a_release_is_of_the_records_request_whatever_its_kind() {
    let Body::Allocation(body) = Record::decode(record(5).as_slice()).unwrap().body else {
        panic!("an allocation");
    };
    let mut release = release(5, vec![]);
    let want = body.request_id(&domain());
    assert_eq!((release.index(), release.release(&domain()).request_id), (5, want));
    release.record[..2].copy_from_slice(&[9, 9]);
    assert_eq!((release.index(), release.release(&domain()).request_id), (5, want));
}

#[test]
fn the_released_are_read_and_written() {
    let signature = Signature::from([9; 64]);
    let items =
        [1, u64::MAX].map(|index| ReleasedItem { index, from_time: 2, timestamp: 3, signature });
    let bytes = encode_released(&items);
    assert_eq!((bytes.len(), decode_released(&bytes).unwrap()), (2 * 88, items.to_vec()));
    assert_eq!(decode_released(&bytes[..175]).unwrap_err().offset, 88);
    assert!(decode_released(&[]).is_err());
}

fn tree(size: u64) -> Tree {
    let mut tree = Tree::new();
    for index in 0..size {
        tree.push(leaf_hash(record(index).as_slice())).unwrap();
    }
    tree
}

/// The node above a leaf after so many siblings.
fn climb(index: u64, leaf: B256, path: &[B256]) -> B256 {
    path.iter().enumerate().fold(leaf, |node, (height, sibling)| {
        let is_right = (index >> height) & 1 == 1;
        if is_right { node_hash(sibling, &node) } else { node_hash(&node, sibling) }
    })
}

proptest! {
    /// A shortened path, filled up from the one before it, is the whole one.
    #[test]
    fn a_shortened_path_lacks_only_what_the_one_before_it_has(
        size in 1_u64..70, picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..20)
    ) {
        let tree = tree(size);
        let whole = |index| {
            let height = path_nodes(size, index, None).unwrap();
            tree.prove_inclusion(index, size).unwrap()[..height].to_vec()
        };
        let indexes: Vec<u64> = picks.iter().map(|pick| pick.index(size as usize) as u64).collect();
        let proof = |index: &u64| release(*index, tree.prove_inclusion(*index, size).unwrap());
        let mut releases: Vec<_> = indexes.iter().map(proof).collect();
        shorten_paths(size, &mut releases);
        let mut before: Option<u64> = None;
        for release in &releases {
            let (index, nodes) = (release.index(), release.path.len());
            let mut path = release.path.clone();
            if nodes < whole(index).len() {
                let lean = before.unwrap();
                prop_assert_eq!(index >> (nodes + 1), lean >> (nodes + 1));
                prop_assert_ne!(index >> nodes, lean >> nodes);
                let above = whole(lean);
                path.push(climb(lean, tree.leaf(lean).unwrap(), &above[..nodes]));
                path.extend(&above[nodes + 1..]);
            }
            prop_assert_eq!(path, whole(index));
            before = Some(index);
        }
    }

    /// Nothing that is read has a second encoding, and nothing panics.
    #[test]
    fn what_is_read_is_written_back_the_same(bytes in hostile()) {
        if let Ok(groups) = decode_requests(&bytes) {
            prop_assert_eq!(&encode_requests(&groups).unwrap(), &bytes);
        }
        if let Ok(groups) = decode_allocated(&bytes) {
            prop_assert_eq!(&encode_requests(&groups).unwrap(), &bytes);
        }
        if let Ok(releases) = decode_releases(&bytes) {
            prop_assert_eq!(&encode_releases(&releases).unwrap(), &bytes);
        }
        if let Ok(items) = decode_released(&bytes) {
            prop_assert_eq!(&encode_released(&items), &bytes);
        }
    }
}

/// Good batches with a few bytes changed, and anything else.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let requests = encode_requests(&groups()).unwrap();
    let releases = encode_releases(&[release(1, vec![]), release(2, vec![B256::ZERO])]).unwrap();
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let changed =
        (prop_oneof![Just(requests), Just(releases)], changes).prop_map(|(mut bytes, changes)| {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        });
    prop_oneof![changed, proptest::collection::vec(any::<u8>(), 0..400)]
}

#[test]
fn a_path_leads_to_the_peak_or_to_the_one_before_it() {
    // 13 = 0b1101: peaks of heights 3, 2 and 0 over 0..8, 8..12 and 12.
    let nodes = |index, before| path_nodes(13, index, before);
    assert_eq!(nodes(5, None), Some(3));
    assert_eq!((nodes(9, None), nodes(12, None)), (Some(2), Some(0)));
    assert_eq!((nodes(13, None), nodes(u64::MAX, Some(1))), (None, None));
    assert_eq!(
        (nodes(5, Some(4)), nodes(5, Some(7)), nodes(5, Some(3))),
        (Some(0), Some(1), Some(2))
    );
    assert_eq!(nodes(5, Some(5)), Some(3), "the same once more");
    assert_eq!((nodes(9, Some(5)), nodes(9, Some(14))), (Some(2), Some(2)), "under other peaks");
}

#[test]
fn a_path_that_is_too_short_already_is_left_alone() {
    let tree = tree(8);
    let path = |index| tree.prove_inclusion(index, 8).unwrap();
    let mut releases =
        vec![release(0, path(0)), release(5, path(5)[..1].to_vec()), release(1, path(1))];
    shorten_paths(8, &mut releases);
    let nodes: Vec<_> = releases.iter().map(|release| release.path.len()).collect();
    assert_eq!(nodes, [3, 1, 0], "the last leans on the first");
}
