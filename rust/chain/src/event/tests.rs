//! Events, honest and not.

use super::*;
use alloy_primitives::{Address, B256, Bytes, Log, LogData, U256};
use fallow_protocol::packed::{
    GroupResource, PackedRequest, ReleasedItem, RequestGroup, encode_released, encode_requests,
};
use fallow_protocol::{Announcement, Request, Withdrawal};

fn log(data: LogData) -> ChainLog {
    let inner = Log { address: Address::ZERO, data };
    ChainLog { number: 1, block_hash: B256::ZERO, position: 4, transaction: B256::ZERO, inner }
}

fn appended() -> LogData {
    let writer = Address::repeat_byte(7);
    let body = Bytes::from_static(&[1, 2, 3]);
    Registry::RecordAppended { kind: 16, writer, index: 5, body }.encode_log_data()
}

const UNKNOWN: Event = Event::Unknown { position: 4 };

fn domain() -> Domain {
    Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(2))
}

/// What a log says that says one thing.
fn decode(log: &ChainLog) -> Event {
    let [event] = &Event::decode(&domain(), log)[..] else {
        panic!("one event");
    };
    event.clone()
}

#[test]
fn a_further_writers_record_is_an_append() {
    let writer = Address::repeat_byte(7);
    let body = Bytes::from_static(&[1, 2, 3]);
    let message = Message::Append { kind: 16, writer, body };
    assert_eq!(decode(&log(appended())), Event::Recorded { index: 5, message });
}

fn allocated(zero: u16) -> LogData {
    let terms = [&[7; 20], &9_u64.to_be_bytes()[..], &3_u16.to_be_bytes(), &zero.to_be_bytes()];
    let times = [100_u64, 200, 50, 5].map(u64::to_be_bytes);
    let event = Registry::VolumeAllocated {
        resourceId: B256::repeat_byte(1),
        terms: U256::from_be_slice(&terms.concat()),
        times: U256::from_be_slice(times.as_flattened()),
        r: B256::repeat_byte(4),
        vs: B256::repeat_byte(4),
    };
    event.encode_log_data()
}

fn approved(index: u64) -> LogData {
    let (r, vs) = (B256::repeat_byte(5), B256::repeat_byte(6));
    Registry::VolumeApproved { index, r, vs }.encode_log_data()
}

#[test]
fn an_approval_joins_the_request_before_it() {
    let (request, approval) = (log(allocated(0)), log(approved(5)));
    let events = Event::decode_block(&domain(), [&request, &approval]);
    let [Event::Recorded { index: 5, message: Message::Request { signatures, .. } }] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(signatures[..], [[4; 32], [4; 32], [5; 32], [6; 32]].concat());
}

#[test]
fn an_approval_of_anything_else_is_unknown() {
    let (request, approval, other) = (log(allocated(0)), log(approved(5)), log(approved(6)));
    assert_eq!(Event::decode_block(&domain(), [&approval]), [UNKNOWN], "first in its block");
    assert_eq!(Event::decode_block(&domain(), [&request, &other])[1], UNKNOWN, "another index");
    let twice = Event::decode_block(&domain(), [&request, &approval, &approval]);
    assert_eq!(twice[1..], [UNKNOWN], "a second one");
    let append = log(appended());
    assert_eq!(Event::decode_block(&domain(), [&append, &approval])[1], UNKNOWN, "no request");
}

#[test]
fn packed_fields_of_a_request_are_unpacked() {
    let request = Request {
        resource_id: B256::repeat_byte(1).into(),
        requester: Address::repeat_byte(7),
        volume: 3,
        start_time: 100,
        end_time: 200,
        timestamp: 50,
        sequence: 9,
    };
    let signatures = Bytes::from_static(&[4; 64]);
    let message = Message::Request { request, signatures };
    assert_eq!(decode(&log(allocated(0))), Event::Recorded { index: 5, message });
    assert_eq!(decode(&log(allocated(1))), UNKNOWN, "bits that mean nothing");
}

#[test]
fn packed_fields_of_an_announcement_are_unpacked() {
    let terms = [&[7; 20], &3_u16.to_be_bytes()[..], &[0, 0, 0, 60], &[0, 0, 0, 9], &[0, 0]];
    let times = [120_u64, 240, 50, 5].map(u64::to_be_bytes);
    let event = |resource_id: B256, terms: Vec<u8>| Registry::ResourceAnnounced {
        resourceId: resource_id,
        terms: U256::from_be_slice(&terms),
        times: U256::from_be_slice(times.as_flattened()),
        approver: Address::repeat_byte(8),
        offer: B256::repeat_byte(2),
        r: B256::repeat_byte(4),
        vs: B256::repeat_byte(4),
    };
    let announcement = Announcement {
        provider: Address::repeat_byte(7),
        approver: Address::repeat_byte(8),
        volume: 3,
        start_time: 120,
        end_time: 240,
        slot_seconds: 60,
        notice_seconds: 9,
        timestamp: 50,
        offer: B256::repeat_byte(2),
    };
    let signatures = Bytes::from_static(&[4; 64]);
    let message = Message::Announce { announcement, signatures };
    let id = announcement.id(&domain()).0;
    let good = log(event(id, terms.concat()).encode_log_data());
    assert_eq!(decode(&good), Event::Recorded { index: 5, message });
    let mut surplus = terms.concat();
    surplus[31] = 1;
    assert_eq!(decode(&log(event(id, surplus).encode_log_data())), UNKNOWN);
    let other = event(B256::repeat_byte(1), terms.concat());
    assert_eq!(decode(&log(other.encode_log_data())), UNKNOWN, "another resource's id");
}

#[test]
fn another_topic_is_unknown() {
    assert_eq!(decode(&log(LogData::empty())), UNKNOWN);
    let topics = vec![B256::repeat_byte(9)];
    let other = LogData::new_unchecked(topics, appended().data);
    assert_eq!(decode(&log(other)), UNKNOWN);
}

#[test]
fn a_second_encoding_of_the_same_values_is_unknown() {
    let good = appended();
    let trailing = [&good.data[..], &[0; 32]].concat();
    // The index is a u64 in a word of 32 bytes, the body's last word is padded.
    let (mut index, mut padding) = (good.data.to_vec(), good.data.to_vec());
    index[0] = 1;
    *padding.last_mut().unwrap() = 1;
    for data in [trailing, index, padding, good.data[..40].to_vec()] {
        let other = LogData::new_unchecked(good.topics().to_vec(), data.into());
        assert_eq!(decode(&log(other)), UNKNOWN);
    }
    // The kind is a u8 in a topic.
    let mut topics = good.topics().to_vec();
    topics[1].0[0] = 1;
    let other = LogData::new_unchecked(topics, good.data);
    assert_eq!(decode(&log(other)), UNKNOWN);
}

#[test]
fn packed_fields_of_a_release_are_unpacked() {
    let times = [2_u64, 120, 50, 5].map(u64::to_be_bytes);
    let (r, vs) = (B256::repeat_byte(4), B256::repeat_byte(6));
    let event = Registry::VolumeReleased {
        resourceId: B256::repeat_byte(1),
        times: U256::from_be_slice(times.as_flattened()),
        r,
        vs,
    };
    let want = Released {
        index: 5,
        allocation: 2,
        resource_id: Some(ResourceId::repeat_byte(1)),
        from_time: 120,
        timestamp: 50,
        signature: Signature(r.concat_const(vs)),
    };
    assert_eq!(decode(&log(event.encode_log_data())), Event::Released(want));
}

#[test]
fn a_withdrawal_shows_its_announcement() {
    let announcement = Announcement {
        provider: Address::repeat_byte(7),
        approver: Address::repeat_byte(8),
        volume: 3,
        start_time: u64::MAX,
        end_time: 240,
        slot_seconds: 60,
        notice_seconds: 9,
        timestamp: 50,
        offer: B256::repeat_byte(2),
    };
    let event = Registry::WithdrawalRecorded {
        resourceId: B256::repeat_byte(1),
        index: 5,
        timestamp: 51,
        announcement: announcement.into(),
        r: B256::repeat_byte(4),
        vs: B256::repeat_byte(4),
    };
    let withdrawal = Withdrawal { resource_id: ResourceId::repeat_byte(1), timestamp: 51 };
    let signatures = Bytes::from_static(&[4; 64]);
    let message = Message::Withdraw { withdrawal, announcement, signatures };
    let data = event.encode_log_data();
    assert_eq!(decode(&log(data.clone())), Event::Recorded { index: 5, message });
    // The volume is a u16 in a word of 32 bytes, the fourth of the data.
    let mut bytes = data.data.to_vec();
    bytes[4 * 32] = 1;
    let other = LogData::new_unchecked(data.topics().to_vec(), bytes.into());
    assert_eq!(decode(&log(other)), UNKNOWN);
}

/// Two groups of one resource: two requests, then one that is approved.
fn groups() -> Vec<RequestGroup> {
    let item = |sequence, approval| PackedRequest {
        requester: Address::repeat_byte(7),
        volume: 3,
        delay: 2,
        sequence,
        signature: Signature::from([4; 64]),
        approval,
    };
    let group = |items| RequestGroup {
        resource: GroupResource::Id(ResourceId::repeat_byte(1)),
        start_time: 100,
        end_time: 200,
        timestamp: 48,
        items,
    };
    let approval = Some(Signature::from([5; 64]));
    vec![group(vec![item(1, None), item(2, None)]), group(vec![item(3, approval)])]
}

fn batch(index: u64, groups: Vec<u8>) -> LogData {
    Registry::BatchAllocated { index, groups: groups.into() }.encode_log_data()
}

#[test]
fn a_packed_batch_is_its_requests_in_order() {
    let events = Event::decode(&domain(), &log(batch(9, encode_requests(&groups()).unwrap())));
    let want = (1_u64..=3).map(|sequence| {
        let request = Request {
            resource_id: ResourceId::repeat_byte(1),
            requester: Address::repeat_byte(7),
            volume: 3,
            start_time: 100,
            end_time: 200,
            timestamp: 50,
            sequence,
        };
        let approval = if sequence == 3 { vec![5; 64] } else { vec![] };
        let signatures = [vec![4; 64], approval].concat().into();
        Event::Recorded { index: 8 + sequence, message: Message::Request { request, signatures } }
    });
    assert_eq!(events, want.collect::<Vec<_>>());
    assert!(events.iter().all(Event::is_record));
}

#[test]
fn a_packed_batch_with_nothing_or_anything_else_in_it_is_unknown() {
    let good = encode_requests(&groups()).unwrap();
    let carrying = RequestGroup {
        resource: GroupResource::Carried {
            announcement: Announcement {
                provider: Address::ZERO,
                approver: Address::ZERO,
                volume: 1,
                start_time: 1,
                end_time: 2,
                slot_seconds: 1,
                notice_seconds: 0,
                timestamp: 0,
                offer: B256::ZERO,
            },
            signature: Signature::from([9; 64]),
        },
        ..groups()[0].clone()
    };
    let carrying = encode_requests(&[carrying]).unwrap();
    let cut = good[..good.len() - 1].to_vec();
    let surplus = [&good[..], &[0]].concat();
    for groups in [vec![], carrying, cut, surplus] {
        assert_eq!(Event::decode(&domain(), &log(batch(9, groups))), [UNKNOWN]);
    }
    assert_eq!(
        Event::decode(&domain(), &log(batch(u64::MAX - 1, good.clone()))),
        [UNKNOWN],
        "no such index"
    );
    assert_eq!(Event::decode(&domain(), &log(batch(u64::MAX - 2, good))).len(), 3);
}

#[test]
fn an_approval_beside_a_packed_batch_is_unknown() {
    let unapproved = encode_requests(&groups()[..1]).unwrap();
    let (batch, approval) = (log(batch(4, unapproved)), log(approved(5)));
    let events = Event::decode_block(&domain(), [&batch, &approval]);
    assert_eq!(events[2], UNKNOWN, "it belongs into the batch");
    assert!(events[..2].iter().all(Event::is_record));
}

fn release_batch(index: u64, items: Vec<u8>) -> LogData {
    Registry::BatchReleased { index, items: items.into() }.encode_log_data()
}

#[test]
fn a_packed_batch_of_releases_names_allocations_only() {
    let signature = Signature::from([4; 64]);
    let items =
        [2, 3].map(|index| ReleasedItem { index, from_time: 120, timestamp: 50, signature });
    let good = encode_released(&items);
    let want = [(9, 2), (10, 3)].map(|(index, allocation)| {
        let (resource_id, from_time, timestamp) = (None, 120, 50);
        let released = Released { index, allocation, resource_id, from_time, timestamp, signature };
        Event::Released(released)
    });
    assert_eq!(Event::decode(&domain(), &log(release_batch(9, good.clone()))), want);
    assert_eq!(Event::decode(&domain(), &log(release_batch(u64::MAX, good.clone()))), [UNKNOWN]);
    for items in [vec![], good[1..].to_vec(), [&good[..], &[0; 87]].concat()] {
        assert_eq!(Event::decode(&domain(), &log(release_batch(9, items))), [UNKNOWN]);
    }
}

/// The follower's statement on memory stands on this.
#[test]
fn an_event_of_a_request_takes_less_than_400_bytes() {
    assert!(size_of::<Event>() + 64 < 400, "{}", size_of::<Event>());
}

fn announced() -> LogData {
    let terms = [&[7; 20], &3_u16.to_be_bytes()[..], &[0, 0, 0, 60], &[0, 0, 0, 9], &[0, 0]];
    let times = [120_u64, 240, 50, 5].map(u64::to_be_bytes);
    let announcement = Announcement {
        provider: Address::repeat_byte(7),
        approver: Address::repeat_byte(8),
        volume: 3,
        start_time: 120,
        end_time: 240,
        slot_seconds: 60,
        notice_seconds: 9,
        timestamp: 50,
        offer: B256::repeat_byte(2),
    };
    let event = Registry::ResourceAnnounced {
        resourceId: announcement.id(&domain()).0,
        terms: U256::from_be_slice(&terms.concat()),
        times: U256::from_be_slice(times.as_flattened()),
        approver: announcement.approver,
        offer: announcement.offer,
        r: B256::repeat_byte(4),
        vs: B256::repeat_byte(4),
    };
    event.encode_log_data()
}

/// Whoever shows a node's log to a re-execution may have changed any of it.
#[test]
fn no_two_logs_say_the_same() {
    let signature = Signature::from([4; 64]);
    let item = ReleasedItem { index: 2, from_time: 120, timestamp: 50, signature };
    let good = [
        appended(),
        announced(),
        allocated(0),
        approved(5),
        batch(9, encode_requests(&groups()).unwrap()),
        release_batch(9, encode_released(&[item])),
    ];
    for data in good {
        let said = Event::decode(&domain(), &log(data.clone()));
        assert_ne!(said, [UNKNOWN]);
        let bytes = data.data.to_vec();
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let other = LogData::new_unchecked(data.topics().to_vec(), changed.into());
            assert_ne!(Event::decode(&domain(), &log(other)), said, "bit {bit} of the data");
        }
        for bit in 0..256 * data.topics().len() {
            let mut topics = data.topics().to_vec();
            topics[bit / 256].0[bit % 256 / 8] ^= 1 << (bit % 8);
            let other = LogData::new_unchecked(topics, data.data.clone());
            assert_ne!(Event::decode(&domain(), &log(other)), said, "bit {bit} of the topics");
        }
        for length in 0..bytes.len() {
            let cut =
                LogData::new_unchecked(data.topics().to_vec(), bytes[..length].to_vec().into());
            assert_eq!(Event::decode(&domain(), &log(cut)), [UNKNOWN], "cut to {length} bytes");
        }
    }
}
