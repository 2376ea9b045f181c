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

    /// Whether `node` signed it for this network.
    #[must_use]
    pub fn verifies(&self, domain: &Domain) -> bool {
        signed(self.network_id, self.node, &self.signature, self.promise.id(domain), domain)
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

    /// Whether `node` signed it for this network.
    #[must_use]
    pub fn verifies(&self, domain: &Domain) -> bool {
        signed(self.network_id, self.node, &self.signature, self.refusal.id(domain), domain)
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
