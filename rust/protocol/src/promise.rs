//! What a node signs about a message that was given to it (section 17).

use crate::message::{hash_words, word};
use crate::{Domain, FILE_VERSION, NetworkId, Refusal, SecretKey, Signature, decimal};
use alloy_primitives::{Address, B256, U256, keccak256};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

static PROMISE: LazyLock<B256> = LazyLock::new(|| {
    keccak256(concat!(
        "Promise(bytes32 messageId,address requester,uint64 sequence,uint64 byTime,",
        "uint64 logSize)"
    ))
});
static REFUSAL: LazyLock<B256> = LazyLock::new(|| {
    keccak256(concat!(
        "Refusal(bytes32 messageId,uint16 code,uint256 got,uint256 want,uint64 time,",
        "uint64 logSize)"
    ))
});

/// The node will have a message recorded in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Promise {
    /// Id of the message.
    pub message_id: B256,
    /// Of a request; zero for every other message.
    pub requester: Address,
    /// Of a request; zero for every other message.
    #[serde(with = "decimal")]
    pub sequence: u64,
    /// The record's block time is at most this, unix seconds.
    #[serde(with = "decimal")]
    pub by_time: u64,
    /// Size of the log that the message was judged by.
    #[serde(with = "decimal")]
    pub log_size: u64,
}

impl Promise {
    /// The digest that the node signs.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> B256 {
        domain.digest(hash_words([
            *PROMISE,
            self.message_id,
            self.requester.into_word(),
            word(self.sequence),
            word(self.by_time),
            word(self.log_size),
        ]))
    }
}

/// The node does not take a message, because it breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefusalStatement {
    /// Id of the message.
    pub message_id: B256,
    /// Code of section 15.
    pub code: u16,
    /// What was found.
    pub got: B256,
    /// What was wanted.
    pub want: B256,
    /// The node's clock, unix seconds.
    #[serde(with = "decimal")]
    pub time: u64,
    /// Size of the log that the message was judged by.
    #[serde(with = "decimal")]
    pub log_size: u64,
}

impl RefusalStatement {
    /// States a refusal by a rule.
    #[must_use]
    pub fn new(message_id: B256, refusal: &Refusal, time: u64, log_size: u64) -> Self {
        let words = [refusal.got, refusal.want].map(|word: U256| B256::from(word));
        let [got, want] = words;
        Self { message_id, code: refusal.code.number(), got, want, time, log_size }
    }

    /// The digest that the node signs.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> B256 {
        domain.digest(hash_words([
            *REFUSAL,
            self.message_id,
            word(self.code.into()),
            self.got,
            self.want,
            word(self.time),
            word(self.log_size),
        ]))
    }
}

/// A promise with the node's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromiseFile {
    /// Format version.
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// What is promised.
    pub promise: Promise,
    /// Who promises.
    pub node: Address,
    /// The node's signature over the promise's digest.
    pub signature: Signature,
}

/// A refusal with the node's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefusalFile {
    /// Format version.
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// What is refused, and why.
    pub refusal: RefusalStatement,
    /// Who refuses.
    pub node: Address,
    /// The node's signature over the refusal's digest.
    pub signature: Signature,
}

impl PromiseFile {
    /// Signs a promise with the node's key.
    #[must_use]
    pub fn sign(promise: Promise, domain: &Domain, key: &SecretKey) -> Self {
        let signature = key.sign(promise.id(domain));
        let (network_id, node) = (domain.network_id, key.address());
        Self { version: FILE_VERSION, network_id, promise, node, signature }
    }

    /// Whether `node` signed it for this network, and it is of the version that this program reads.
    #[must_use]
    pub fn verifies(&self, domain: &Domain) -> bool {
        self.version == FILE_VERSION
            && signed(self.network_id, self.node, &self.signature, self.promise.id(domain), domain)
    }
}

impl RefusalFile {
    /// Signs a refusal with the node's key.
    #[must_use]
    pub fn sign(refusal: RefusalStatement, domain: &Domain, key: &SecretKey) -> Self {
        let signature = key.sign(refusal.id(domain));
        let (network_id, node) = (domain.network_id, key.address());
        Self { version: FILE_VERSION, network_id, refusal, node, signature }
    }

    /// Whether `node` signed it for this network, and it is of the version that this program reads.
    #[must_use]
    pub fn verifies(&self, domain: &Domain) -> bool {
        self.version == FILE_VERSION
            && signed(self.network_id, self.node, &self.signature, self.refusal.id(domain), domain)
    }
}

fn signed(
    network_id: NetworkId,
    node: Address,
    signature: &Signature,
    digest: B256,
    domain: &Domain,
) -> bool {
    // A node with the zero address would be anybody.
    network_id == domain.network_id && !node.is_zero() && signature.recover_or_zero(digest) == node
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn domain() -> Domain {
        Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(2))
    }

    fn key() -> SecretKey {
        SecretKey::from_bytes([7; 32]).unwrap()
    }

    fn promise() -> Promise {
        Promise {
            message_id: B256::repeat_byte(3),
            requester: Address::repeat_byte(4),
            sequence: 5,
            by_time: 6,
            log_size: 7,
        }
    }

    fn statement() -> RefusalStatement {
        let refusal = Refusal::new(crate::Code::CapacityExceeded, 4_u16, 3_u16);
        RefusalStatement::new(B256::repeat_byte(3), &refusal, 8, 9)
    }

    #[test]
    fn a_promise_binds_the_network_and_every_field() {
        let file = PromiseFile::sign(promise(), &domain(), &key());
        assert!(file.verifies(&domain()));
        let elsewhere = Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(9));
        assert!(!file.verifies(&elsewhere));
        assert!(
            !PromiseFile { network_id: NetworkId::repeat_byte(9), ..file }.verifies(&elsewhere)
        );
        let changes: [fn(&mut Promise); 5] = [
            |promise| promise.message_id = B256::ZERO,
            |promise| promise.requester = Address::ZERO,
            |promise| promise.sequence = 0,
            |promise| promise.by_time = 0,
            |promise| promise.log_size = 0,
        ];
        for change in changes {
            let mut changed = file;
            change(&mut changed.promise);
            assert!(!changed.verifies(&domain()), "{changed:?}");
        }
    }

    #[test]
    fn a_refusal_binds_the_network_and_every_field() {
        let file = RefusalFile::sign(statement(), &domain(), &key());
        assert!(file.verifies(&domain()));
        let elsewhere = Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(9));
        assert!(!file.verifies(&elsewhere));
        let changes: [fn(&mut RefusalStatement); 6] = [
            |statement| statement.message_id = B256::ZERO,
            |statement| statement.code = 0,
            |statement| statement.got = B256::ZERO,
            |statement| statement.want = B256::ZERO,
            |statement| statement.time = 0,
            |statement| statement.log_size = 0,
        ];
        for change in changes {
            let mut changed = file;
            change(&mut changed.refusal);
            assert!(!changed.verifies(&domain()), "{changed:?}");
        }
    }

    #[test]
    fn nobody_promises_nothing() {
        let mut file = PromiseFile::sign(promise(), &domain(), &key());
        (file.node, file.signature) = (Address::ZERO, [0; 64].into());
        assert!(!file.verifies(&domain()), "a failed recovery is no signature of nobody");
        file.signature = [255; 64].into();
        assert!(!file.verifies(&domain()));
    }

    #[test]
    fn files_have_the_form_of_the_specification_and_no_other() {
        let promised =
            serde_json::to_value(PromiseFile::sign(promise(), &domain(), &key())).unwrap();
        let refused =
            serde_json::to_value(RefusalFile::sign(statement(), &domain(), &key())).unwrap();
        assert_eq!(
            promised["promise"],
            json!({
                "messageId": B256::repeat_byte(3), "requester": Address::repeat_byte(4),
                "sequence": "5", "byTime": "6", "logSize": "7",
            })
        );
        assert_eq!(refused["refusal"]["code"], 501);
        assert_eq!(refused["refusal"]["got"], json!(B256::with_last_byte(4)));
        let read = |file: &Value| serde_json::from_value::<PromiseFile>(file.clone()).is_ok();
        assert!(read(&promised) && !read(&refused));
        for (key, value) in [("extra", json!(1)), ("version", json!("1")), ("node", json!("0x01"))]
        {
            let mut changed = promised.clone();
            changed[key] = value;
            assert!(!read(&changed), "{key}");
        }
        for (key, value) in [("sequence", json!(5)), ("byTime", json!("06")), ("more", json!(1))] {
            let mut changed = promised.clone();
            changed["promise"][key] = value;
            assert!(!read(&changed), "{key}");
        }
    }
}
