//! The whole life of allocations on a real chain: what the contract records, the follower records.

use crate::world::{SLOT, World, code, key, kinds, signed};
use fallow_chain::Registry;
use fallow_protocol::packed::path_nodes;
use fallow_protocol::{Body, Code, Evidence, Record};

#[tokio::test]
async fn an_allocation_is_released_and_its_resource_withdrawn() {
    let mut world = World::start().await;
    world.announce().await;
    let requests = ["a", "b", "c", "d"].map(|name| world.signed_request(name, 1));
    world.send(&Registry::requestManyCall { items: requests.to_vec() }).await.unwrap();
    let follower = world.follow().await;
    assert_eq!(kinds(&follower), [0, 1, 2, 2, 2], "three units: no fourth");

    let stale = world.release(&follower, 4, "c");
    let item = world.release(&follower, 3, "b");
    let Registry::SignedRelease { release: message, signatures, record, path } = item.clone();
    let call = Registry::releaseCall { message, signatures, record, path };
    world.send(&call).await.unwrap();
    assert_eq!(code(world.send(&call).await.unwrap_err()), Code::AllocationAlreadyReleased);
    let Registry::SignedRelease { release: message, signatures, record, path } = stale;
    let call = Registry::releaseCall { message, signatures, record, path };
    assert_eq!(code(world.send(&call).await.unwrap_err()), Code::AllocationUnproven, "5 is there");
    let mut late = world.request("d", 1);
    late.start_time = world.offer.start_time + 4 * SLOT;
    let signatures = signed(&["d"], late.id(&world.domain).0);
    let call = Registry::requestCall { message: late.into(), signatures };
    world.send(&call).await.unwrap();
    let follower = world.follow().await;
    assert_eq!(kinds(&follower)[5..], [3, 2], "what was freed is free");

    let entry = follower.record(5).unwrap();
    assert_eq!(
        entry.entry.evidence[..],
        Evidence::from_signatures(&item.signatures).unwrap().encode()
    );
    assert_eq!(follower.index_of(entry.id), Some(5));
    let record = Record::decode(&entry.entry.record).unwrap();
    assert!(matches!(record.body, Body::Release(body) if body.slot_count == 2));

    world.withdraw().await.unwrap();
    let request = Registry::requestManyCall { items: vec![world.signed_request("e", 1)] };
    world.send(&request).await.unwrap();
    let again = world.release(&world.follow().await, 2, "a");
    world.send(&Registry::releaseManyCall { items: vec![again] }).await.unwrap();
    assert_eq!(kinds(&world.follow().await)[7..], [4, 3], "what stands can be given back");
}

#[tokio::test]
async fn a_tombstone_keeps_an_announcement_out() {
    let mut world = World::start().await;
    world.withdraw().await.unwrap();
    let signatures = signed(&["provider"], world.offer.id(&world.domain).0);
    let announcement = world.offer.into();
    let call = Registry::announceCall { announcement, signatures };
    assert_eq!(code(world.send(&call).await.unwrap_err()), Code::ResourceWithdrawn);
    assert_eq!(code(world.withdraw().await.unwrap_err()), Code::ResourceWithdrawn);
    let follower = world.follow().await;
    assert_eq!(kinds(&follower), [0, 4]);
    let (withdrawal, _) = world.withdrawal();
    assert_eq!(follower.index_of(withdrawal.id(&world.domain)), Some(1));
    let record = Record::decode(&follower.record(1).unwrap().entry.record).unwrap();
    assert!(matches!(record.body, Body::Withdrawal(body) if body.resource_index == 0));
}

#[tokio::test]
async fn an_announcement_is_recorded_by_the_first_approved_request() {
    let mut world = World::start().await;
    world.offer.approver = key("approver").address();
    let announced = world.offer.id(&world.domain);
    for (requester, records) in [("a", 3), ("b", 4)] {
        let message = world.request(requester, 1);
        let own = signed(&[requester, "approver"], message.id(&world.domain).0);
        let signatures = [&signed(&["provider"], announced.0)[..], &own].concat().into();
        let (announcement, message) = (world.offer.into(), message.into());
        let call = Registry::announceAndRequestCall { announcement, message, signatures };
        world.send(&call).await.unwrap();
        let follower = world.follow().await;
        assert_eq!(follower.size(), records);
        let last = follower.records().last().unwrap();
        assert_eq!(last.entry.evidence[..], Evidence::from_signatures(&own).unwrap().encode());
        assert_eq!(follower.index_of(announced.0), Some(1));
    }
}

#[tokio::test]
async fn releases_of_a_batch_lean_on_each_other() {
    let mut world = World::start().await;
    world.announce().await;
    let requests = ["a", "b", "c"].map(|name| world.signed_request(name, 1));
    world.send(&Registry::requestManyCall { items: requests.to_vec() }).await.unwrap();
    world.withdraw().await.unwrap();
    let follower = world.follow().await;
    // Size 6: the peaks are over 0..4 and 4..6. The second is forged, but its path holds.
    let mut items: Vec<_> = [(2, "a"), (3, "a"), (4, "c")]
        .map(|(index, signer)| world.release(&follower, index, signer))
        .into();
    items[1].path.truncate(path_nodes(6, 3, Some(2)).unwrap());
    assert_eq!(items.iter().map(|item| item.path.len()).collect::<Vec<_>>(), [2, 0, 1]);
    let again = items[0].clone();
    let mut leaning = world.release(&follower, 3, "b");
    leaning.path.truncate(0);
    items.insert(2, leaning);
    items.push(again);
    world.send(&Registry::releaseManyCall { items }).await.unwrap();
    let follower = world.follow().await;
    assert_eq!(kinds(&follower)[6..], [3, 3], "a and c: b leans on itself, a is released already");
    let of = |index: usize| Record::decode(&follower.records()[index].entry.record).unwrap().body;
    let released = [6, 7].map(|index| match of(index) {
        Body::Release(body) => body.request_index,
        other => panic!("{other:?}"),
    });
    assert_eq!(released, [2, 4]);
}
