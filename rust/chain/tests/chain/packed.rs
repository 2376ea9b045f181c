//! Packed batches on a real chain: what is refused in the middle changes nothing of the rest.

use crate::world::{SLOT, World, key, kinds};
use alloy::sol_types::{SolError as _, SolEvent as _};
use alloy_primitives::{B256, FixedBytes, U256};
use fallow_chain::{ChainError, Follower, Registry};
use fallow_protocol::packed::{
    PackItem, PackedRelease, encode_releases, encode_requests, pack_requests, shorten_paths,
};
use fallow_protocol::{Announcement, Body, Evidence, Record, Release, Request};

/// A request as its signers sign it, which brings `carried`.
fn item(
    world: &World,
    request: Request,
    signers: &[&str],
    carried: Option<Announcement>,
) -> PackItem {
    let id = request.id(&world.domain).0;
    let approval = signers.get(1).map(|name| key(name).sign(id));
    let evidence = Evidence { signature: key(signers[0]).sign(id), approval };
    let carried = carried.map(|offer| (offer, key("provider").sign(offer.id(&world.domain).0)));
    PackItem { request, evidence, carried }
}

async fn send_requests(world: &mut World, items: &[PackItem]) {
    let groups = pack_requests(&world.domain, items).unwrap();
    let batch = encode_requests(&groups).unwrap().into();
    world.send(&Registry::requestPackedCall { batch }).await.unwrap();
}

/// How often the registry logged these events.
async fn logged(world: &World, follower: &Follower, topics: [B256; 2]) -> [usize; 2] {
    let sidechain = &world.devnet.network.network.sidechain;
    let blocks = sidechain.block..=follower.head().unwrap().number;
    let logs = follower.client().logs(sidechain.registry, blocks).await.unwrap();
    let of = |topic: B256| logs.iter().filter(|log| log.inner.topics()[0] == topic).count();
    topics.map(of)
}

#[tokio::test]
async fn a_packed_batch_of_requests_is_followed() {
    let mut world = World::start().await;
    world.offer.volume = 10;
    let offer = world.offer;
    let approved = Announcement { approver: key("approver").address(), ..offer };
    let of_approved = |request| Request { resource_id: approved.id(&world.domain), ..request };
    let mut later = world.request("d", 1);
    (later.start_time, later.end_time) = (later.end_time, later.end_time + 14 * SLOT);
    let unknown = Request { resource_id: B256::repeat_byte(5).into(), ..world.request("e", 1) };
    let items = [
        item(&world, unknown, &["e"], None),
        item(&world, world.request("a", 1), &["a"], Some(offer)),
        item(&world, world.request("b", 1), &["a"], Some(offer)),
        item(&world, world.request("c", 1), &["c"], Some(offer)),
        item(&world, later, &["d"], None),
        item(&world, of_approved(world.request("b", 1)), &["b"], Some(approved)),
        item(&world, of_approved(world.request("a", 2)), &["a", "approver"], Some(approved)),
        item(&world, of_approved(world.request("c", 2)), &["c", "provider"], Some(approved)),
        item(&world, world.request("f", 1), &["f"], Some(offer)),
    ];
    send_requests(&mut world, &items).await;
    let follower = world.follow().await;
    assert_eq!(kinds(&follower), [0, 1, 2, 2, 2, 1, 2, 2]);
    for (place, index) in [(1, 2), (3, 3), (4, 4), (6, 6), (8, 7)] {
        let PackItem { request, evidence, .. } = items[place];
        assert_eq!(follower.index_of(request.id(&world.domain).0), Some(index));
        assert_eq!(follower.record(index).unwrap().entry.evidence[..], evidence.encode());
    }
    let topics = [Registry::BatchAllocated::SIGNATURE_HASH, Registry::Refused::SIGNATURE_HASH];
    assert_eq!(logged(&world, &follower, topics).await, [2, 4], "events, refusals");
    let ledger = follower.ledger().unwrap();
    assert_eq!(ledger.requester(key("a").address()).highest, 2);
}

#[tokio::test]
async fn a_packed_batch_of_releases_is_followed() {
    let mut world = World::start().await;
    world.offer.volume = 10;
    let names = ["a", "b", "c", "d", "e"];
    let items = names.map(|name| item(&world, world.request(name, 1), &[name], Some(world.offer)));
    send_requests(&mut world, &items).await;
    let follower = world.follow().await;
    // Size 7: the peaks are over 0..4, 4..6 and 6. The second is signed by another, and the last
    // one comes twice.
    let signers = [(2, "a"), (3, "a"), (3, "b"), (4, "c"), (5, "d"), (5, "d")];
    let mut releases: Vec<_> =
        signers.iter().map(|(index, signer)| release(&world, &follower, *index, signer)).collect();
    shorten_paths(follower.size(), &mut releases);
    let nodes: Vec<_> = releases.iter().map(|release| release.path.len()).collect();
    assert_eq!(nodes, [2, 0, 2, 1, 0, 1]);
    let batch = encode_releases(&releases).unwrap().into();
    world.send(&Registry::releasePackedCall { batch }).await.unwrap();
    let follower = world.follow().await;
    assert_eq!(kinds(&follower)[7..], [3, 3, 3, 3]);
    let released = follower.records()[7..].iter().map(|entry| {
        match Record::decode(&entry.entry.record).unwrap().body {
            Body::Release(body) => body.request_index,
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(released.collect::<Vec<_>>(), [2, 3, 4, 5]);
    let topics = [Registry::BatchReleased::SIGNATURE_HASH, Registry::Refused::SIGNATURE_HASH];
    assert_eq!(logged(&world, &follower, topics).await, [1, 2], "events, refusals");
}

/// Gives back the allocation at `index` from slot 4 on, with its whole path.
fn release(world: &World, follower: &Follower, index: u64, signer: &str) -> PackedRelease {
    let entry = follower.record(index).unwrap();
    let (from_time, timestamp) = (world.offer.start_time + 4 * SLOT, world.offer.timestamp);
    let release = Release { request_id: entry.id.into(), from_time, timestamp };
    PackedRelease {
        from_time,
        timestamp,
        signature: key(signer).sign(release.id(&world.domain)),
        record: FixedBytes::from_slice(&entry.entry.record),
        path: follower.tree().prove_inclusion(index, follower.size()).unwrap(),
    }
}

#[tokio::test]
async fn a_batch_that_is_cut_off_records_nothing() {
    let mut world = World::start().await;
    let items = ["a", "b"].map(|name| item(&world, world.request(name, 1), &[name], None));
    let whole = encode_requests(&pack_requests(&world.domain, &items).unwrap()).unwrap();
    let carried = [item(&world, world.request("c", 1), &["c"], Some(world.offer))];
    let first = encode_requests(&pack_requests(&world.domain, &carried).unwrap()).unwrap();
    let batch = [&first[..], &whole[..whole.len() - 1]].concat();
    let (offset, length) = (U256::from(first.len()), U256::from(batch.len()));
    let call = Registry::requestPackedCall { batch: batch.into() };
    let error = world.send(&call).await.unwrap_err();
    let ChainError::Refused { data: Some(data), .. } = error else { panic!("{error}") };
    let error = Registry::PackedBatchInvalid::abi_decode(&data).unwrap();
    assert_eq!(error, Registry::PackedBatchInvalid { offset, length });
    assert_eq!(kinds(&world.follow().await), [0]);
}
