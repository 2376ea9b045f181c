//! Promises and refusals of a node, and what none has signed.

use crate::world;
use alloy_primitives::{Address, B256, U256};
use fallow_protocol::{
    Code, NetworkId, Promise, PromiseFile, Refusal, RefusalFile, RefusalStatement, SecretKey,
};
use serde_json::{Value, json};

/// The example node's account.
pub(crate) fn node() -> SecretKey {
    SecretKey::from_bytes([5; 32]).unwrap()
}

pub(crate) fn promise() -> Promise {
    let request = world::request();
    Promise {
        message_id: request.id(&world::domain()).0,
        requester: request.requester,
        sequence: request.sequence,
        by_time: request.timestamp + 60,
        log_size: 2,
    }
}

pub(crate) fn refusal() -> RefusalStatement {
    let request = world::request();
    let refused = Refusal::new(Code::CapacityExceeded, 4_u16, 3_u16);
    RefusalStatement::new(request.id(&world::domain()).0, &refused, request.timestamp + 1, 2)
}

fn promises() -> Vec<(&'static str, Promise)> {
    let announced = crate::messages::release().id(&world::domain());
    let other = Promise { requester: Address::ZERO, sequence: 0, ..promise() };
    let largest = Promise {
        message_id: B256::repeat_byte(0xff),
        requester: Address::repeat_byte(0xff),
        sequence: u64::MAX,
        by_time: u64::MAX,
        log_size: u64::MAX,
    };
    vec![
        ("of a request", promise()),
        ("of a release", Promise { message_id: announced, ..other }),
        ("of largest values", largest),
    ]
}

fn refusals() -> Vec<(&'static str, RefusalStatement)> {
    let largest = RefusalStatement {
        message_id: B256::repeat_byte(0xff),
        code: u16::MAX,
        got: U256::MAX.into(),
        want: U256::MAX.into(),
        time: u64::MAX,
        log_size: u64::MAX,
    };
    vec![("no capacity", refusal()), ("of largest values", largest)]
}

pub(crate) fn promise_file() -> PromiseFile {
    PromiseFile::sign(promise(), &world::domain(), &node())
}

pub(crate) fn refusal_file() -> RefusalFile {
    RefusalFile::sign(refusal(), &world::domain(), &node())
}

/// A change after which the file must not verify any more.
type Break<T> = (&'static str, fn(&mut T));

const PROMISE_BREAKS: &[Break<PromiseFile>] = &[
    ("other message", |file| file.promise.message_id.0[31] ^= 1),
    ("other requester", |file| file.promise.requester = world::stranger().address()),
    ("other sequence", |file| file.promise.sequence += 1),
    ("later", |file| file.promise.by_time += 1),
    ("larger log", |file| file.promise.log_size += 1),
    ("other node", |file| file.node = world::stranger().address()),
    ("nobody", |file| {
        file.node = Address::ZERO;
        file.signature = [0; 64].into();
    }),
    ("other parity", |file| file.signature.0.0[32] ^= 0x80),
    ("other network named", |file| file.network_id = NetworkId::ZERO),
    ("other version", |file| file.version = 2),
    ("signed for another network", |file| {
        *file = PromiseFile::sign(promise(), &world::other_domain(), &node());
        file.network_id = world::domain().network_id;
    }),
    ("signature of a refusal", |file| file.signature = refusal_file().signature),
];

const REFUSAL_BREAKS: &[Break<RefusalFile>] = &[
    ("other message", |file| file.refusal.message_id.0[31] ^= 1),
    ("other code", |file| file.refusal.code = Code::FirstSlotEnded.number()),
    ("other got", |file| file.refusal.got.0[31] ^= 1),
    ("other want", |file| file.refusal.want.0[31] ^= 1),
    ("earlier", |file| file.refusal.time -= 1),
    ("smaller log", |file| file.refusal.log_size -= 1),
    ("other node", |file| file.node = world::stranger().address()),
    ("nobody", |file| {
        file.node = Address::ZERO;
        file.signature = [0; 64].into();
    }),
    ("other parity", |file| file.signature.0.0[32] ^= 0x80),
    ("other network named", |file| file.network_id = NetworkId::ZERO),
    ("other version", |file| file.version = 2),
];

fn broken<T: Clone + serde::Serialize>(
    file: &T,
    breaks: &[Break<T>],
    verifies: impl Fn(&T) -> bool,
) -> Vec<Value> {
    assert!(verifies(file));
    let change = |(name, change): &Break<T>| {
        let mut changed = file.clone();
        change(&mut changed);
        assert!(!verifies(&changed), "{name}");
        json!({ "name": name, "file": changed })
    };
    breaks.iter().map(change).collect()
}

pub(crate) fn promise_vectors() -> Value {
    let (domain, node) = (world::domain(), node());
    let promises = promises().into_iter().map(|(name, promise)| {
        let file = PromiseFile::sign(promise, &domain, &node);
        json!({ "name": name, "file": file, "digest": promise.id(&domain) })
    });
    let refusals = refusals().into_iter().map(|(name, refusal)| {
        let file = RefusalFile::sign(refusal, &domain, &node);
        json!({ "name": name, "file": file, "digest": refusal.id(&domain) })
    });
    json!({
        "registry": domain.registry,
        "networkId": domain.network_id,
        "secretKey": world::hex(node.to_bytes()),
        "promises": promises.collect::<Vec<_>>(),
        "refusals": refusals.collect::<Vec<_>>(),
        "invalidPromises": broken(&promise_file(), PROMISE_BREAKS, |file| file.verifies(&domain)),
        "invalidRefusals": broken(&refusal_file(), REFUSAL_BREAKS, |file| file.verifies(&domain)),
    })
}
