//! What becomes of messages.

use crate::messages::{Resource, key};
use crate::support::{World, clock, promise_of, refused};
use alloy::sol_types::SolCall as _;
use alloy_primitives::B256;
use fallow_chain::{Call, Client, Limits, Registry, Sender, SenderConfig};
use fallow_devnet::DevAccount;
use fallow_ledger::Message;
use fallow_node::Admission;
use fallow_node_client::NodeCode;
use fallow_node_client::types::LevelName;
use std::time::Duration;

/// A request with the message that it is sent in.
fn asked(resource: &Resource, requester: u64, sequence: u64) -> Message {
    let request = resource.ask(requester, sequence, (2 + sequence % 20, 1));
    resource.request(requester, request)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_and_five_hundred_mixed_ones_are_each_recorded_once_and_in_time() {
    let world = World::start().await;
    let node = world.node().await;
    let resource = world.resource(1, 500);
    let first = node.promised(vec![resource.announce()]).await;
    node.recorded(&first).await;
    // Ten more resources, four of which are closed before they are recorded; twenty requesters.
    let others: Vec<_> = (2..12).map(|provider| world.resource(provider, 500)).collect();
    let mut messages: Vec<_> = others.iter().skip(4).map(Resource::announce).collect();
    messages.extend(others.iter().take(4).map(|one| one.withdraw(clock())));
    let requesters = (100..120_u64).flat_map(|requester| (1..=24).map(move |one| (requester, one)));
    messages.extend(requesters.map(|(requester, one)| asked(&resource, requester, one)));
    let carried = world.resource(50, 9);
    messages.extend((1..=9).map(|requester| {
        carried.carried(200 + requester, carried.ask(200 + requester, 1, (3, 1)))
    }));
    let mut promises = Vec::new();
    for some in messages.chunks(100) {
        promises.extend(node.promised(some.to_vec()).await);
    }
    assert_eq!(promises.len(), 499);
    node.recorded(&promises).await;
    let view = node.shared.core.view();
    assert_eq!(view.size, 2 + 499 + 1, "genesis, the first, all of them, one carried announcement");
    assert_eq!(node.shared.catalogue.len(), 8);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_back_can_be_asked_for_again_and_then_closed() {
    let world = World::start().await;
    let node = world.node().await;
    let resource = world.resource(1, 1);
    let request = resource.ask(5, 1, (2, 1));
    let promises = node.promised(vec![resource.announce(), resource.request(5, request)]).await;
    // The allocation is not recorded yet: there is nothing to give back.
    let early = node.submit(resource.release(5, &request)).await;
    assert_eq!(early, Admission::Rejected(NodeCode::AllocationUnknown));
    node.recorded(&promises).await;
    let again = resource.ask(6, 1, (2, 1));
    assert_eq!(refused(&node.submit(resource.request(6, again)).await), 501);
    let stale = resource.release(5, &request);
    let together = vec![stale.clone(), resource.request(6, again), resource.withdraw(clock())];
    let promises = node.promised(together).await;
    node.recorded(&promises).await;
    let late = resource.request(7, resource.ask(7, 1, (5, 1)));
    assert_eq!(refused(&node.submit(late).await), 203);
    let index = node.shared.store.index_of(stale.id(&node.shared.domain)).unwrap().unwrap();
    assert_eq!(node.submit(stale).await, Admission::Recorded { index });
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_gets_the_same_promise_then_its_record() {
    let world = World::start().await;
    let node = world.node().await;
    let resource = world.resource(1, 1);
    let twice = node.promised(vec![resource.announce(), resource.announce()]).await;
    assert_eq!(twice[0], twice[1], "one message in one array twice");
    let promise = &twice[0].promise;
    assert!(promise.by_time <= clock() + 63 && promise.by_time > clock(), "{promise:?}");
    assert_eq!((promise.log_size, promise.sequence), (1, 0));
    let again = node.submit(resource.announce()).await;
    match again {
        Admission::Promised(again) => assert_eq!(*again, twice[0]),
        // A block may have come meanwhile.
        other => assert_eq!(other, Admission::Recorded { index: 1 }),
    }
    node.recorded(&twice[..1]).await;
    assert_eq!(node.submit(resource.announce()).await, Admission::Recorded { index: 1 });
    let level = node.shared.level(1).unwrap();
    assert_eq!((level.name, level.checkpoint), (LevelName::Recorded, None));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_would_refuse_is_refused_at_once_with_a_signed_statement() {
    let world = World::start().await;
    let node = world.node().await;
    let resource = world.resource(1, 3);
    let domain = node.shared.domain;
    node.promised(vec![resource.announce()]).await;
    let request = resource.ask(5, 1, (2, 2));
    node.promised(vec![resource.request(5, request)]).await;
    // Two of three units are promised: the third can be had, two cannot.
    let too_many = resource.request(6, resource.ask(6, 1, (2, 2)));
    let admission = node.submit(too_many.clone()).await;
    assert_eq!(refused(&admission), 501);
    let Admission::Refused(file, refusal) = admission else { unreachable!() };
    assert!(file.verifies(&domain) && file.node == DevAccount::new("node").address());
    assert_eq!(file.refusal.message_id, too_many.id(&domain));
    assert_eq!((refusal.got, refusal.want).map_words(), (2, 1));
    node.promised(vec![resource.request(6, resource.ask(6, 1, (2, 1)))]).await;
    let sequence = resource.request(5, resource.ask(5, 1, (7, 1)));
    assert_eq!(refused(&node.submit(sequence).await), 303, "promised to another request");
    let unknown = world.resource(9, 1);
    assert_eq!(refused(&node.submit(unknown.request(5, unknown.ask(5, 2, (2, 1)))).await), 202);
    let forged = resource.request(7, resource.ask(5, 2, (2, 1)));
    assert_eq!(refused(&node.submit(forged).await), 101);
    let stolen = Message::Announce {
        announcement: unknown.announcement,
        signatures: resource.announce_signature(),
    };
    assert_eq!(refused(&node.submit(stolen).await), 201);
    for (ago, code) in [(301, 410), (299, 410)] {
        // Too old by the time of a block, if not now.
        let mut old = resource.ask(5, 3, (8, 1));
        old.timestamp = clock() - ago;
        assert_eq!(refused(&node.submit(resource.request(5, old)).await), code, "{ago}");
    }
    let mut ahead = resource.ask(5, 3, (8, 1));
    ahead.timestamp = clock() + 400;
    assert_eq!(refused(&node.submit(resource.request(5, ahead)).await), 410);
    let missing = resource.release(5, &resource.ask(5, 99, (2, 1)));
    assert_eq!(node.submit(missing).await, Admission::Rejected(NodeCode::AllocationUnknown));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_promises_are_open_than_configured_and_nothing_of_what_is_too_much_is_taken() {
    let world = World::start().await;
    let mut config = world.config();
    config.open_promises = 5;
    // Nothing is sent meanwhile.
    config.flush = Duration::from_secs(5);
    let node = crate::support::Running::start(config).await;
    let resources: Vec<_> = (1..8).map(|provider| world.resource(provider, 1)).collect();
    let all: Vec<_> = resources.iter().map(Resource::announce).collect();
    let full = node.shared.core.submit(all.clone()).await;
    assert_eq!(full.unwrap_err().code(), NodeCode::QueueFull);
    assert_eq!(node.shared.core.view().open_promises, 0);
    let promises = node.promised(all[..5].to_vec()).await;
    let full = node.shared.core.submit(all[5..].to_vec()).await;
    assert_eq!(full.unwrap_err().code(), NodeCode::QueueFull);
    node.recorded(&promises).await;
    let rest = node.promised(all[5..].to_vec()).await;
    node.recorded(&rest).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_record_is_served_too_and_makes_room_or_takes_it() {
    let world = World::start().await;
    let node = world.node().await;
    let resource = world.resource(1, 2);
    let first = node.promised(vec![resource.announce()]).await;
    node.recorded(&first).await;
    let stranger = DevAccount::new("stranger");
    let client = Client::new(world.devnet.sidechain.url(), Limits::default()).unwrap();
    let config = SenderConfig { confirmations: 0, ..SenderConfig::default() };
    let chain_id = world.devnet.sidechain.chain_id();
    let mut sender = Sender::new(client, stranger.key(), chain_id, config).unwrap();
    let to = Some(world.devnet.network.network.sidechain.registry);
    let mut foreign = Vec::new();
    let mut own = Vec::new();
    for sequence in 1..=6 {
        let request = resource.ask(70, sequence, (3 + sequence, 1));
        foreign.push(request.id(&node.shared.domain).0);
        let Message::Request { request, signatures } = resource.request(70, request) else {
            unreachable!()
        };
        own.extend(node.promised(vec![asked_at(&resource, 80, sequence, 3 + sequence)]).await);
        let call = Registry::requestCall { message: request.into(), signatures };
        sender.send(Call { to, data: call.abi_encode().into() }).await.unwrap();
    }
    node.recorded(&own).await;
    let times = node.times();
    assert!(foreign.iter().all(|id| times.get(id).is_some_and(|times| times.len() == 1)));
    let full = asked_at(&resource, 81, 1, 4);
    assert_eq!(refused(&node.submit(full).await), 501, "one unit is ours, one the stranger's");
    node.stop().await;
}

fn asked_at(resource: &Resource, requester: u64, sequence: u64, hour: u64) -> Message {
    resource.request(requester, resource.ask(requester, sequence, (hour, 1)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_goes_on_where_it_was() {
    let world = World::start().await;
    let mut config = world.config();
    // It ends before it sends anything.
    config.flush = Duration::from_secs(60);
    let node = crate::support::Running::start(config).await;
    let resource = world.resource(1, 100);
    let promises = node.promised(vec![resource.announce(), asked(&resource, 5, 1)]).await;
    node.stop().await;
    let node = world.node().await;
    assert_eq!(promise_of(&node.submit(resource.announce()).await), promises[0]);
    node.recorded(&promises).await;
    let (size, root) = (node.shared.core.view().size, node.shared.core.view().root);
    node.stop().await;
    let node = world.node().await;
    assert_eq!((node.shared.core.view().size, node.shared.core.view().root), (size, root));
    let more = node.promised(vec![asked(&resource, 5, 2)]).await;
    node.recorded(&more).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_checks_are_made_on_top_of_what_is_promised() {
    let world = World::start().await;
    let node = world.node().await;
    let resource = world.resource(1, 1);
    let request = resource.ask(5, 1, (2, 1));
    let codes = async |message: Message| {
        let (size, findings) = node.shared.core.check(message).await.unwrap();
        assert!(size >= 1);
        findings.map(|finding| finding.code.map(fallow_protocol::Code::number))
    };
    assert_eq!(codes(resource.request(5, request)).await[1], Some(202));
    assert_eq!(codes(resource.carried(5, request)).await, [None; 5]);
    node.promised(vec![resource.announce()]).await;
    assert_eq!(codes(resource.request(5, request)).await, [None; 5]);
    node.promised(vec![resource.request(6, resource.ask(6, 1, (2, 1)))]).await;
    assert_eq!(codes(resource.request(5, request)).await, [None, None, None, None, Some(501)]);
    assert_eq!(codes(resource.carried(5, request)).await[4], Some(501));
    assert_eq!(codes(resource.request(7, request)).await[0], Some(101));
    node.stop().await;
}

/// Words of a refusal, for comparing.
trait Words {
    fn map_words(self) -> (u64, u64);
}

impl Words for (alloy_primitives::U256, alloy_primitives::U256) {
    fn map_words(self) -> (u64, u64) {
        (self.0.to(), self.1.to())
    }
}

impl Resource {
    /// A signature of the provider, for another message.
    fn announce_signature(&self) -> alloy_primitives::Bytes {
        let signature = key(self.provider).sign(B256::repeat_byte(1));
        alloy_primitives::Bytes::copy_from_slice(signature.0.as_slice())
    }
}
