//! Signed messages and their ids (section 3).

use crate::bytes::Reader;
use crate::{DecodeError, NetworkId, RequestId, ResourceId, decimal};
use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Names of the EIP-712 domain.
pub(crate) const DOMAIN_NAME: &str = "Fallow";
pub(crate) const DOMAIN_VERSION: &str = "1";

type TypeHash = LazyLock<B256>;

static DOMAIN: TypeHash = LazyLock::new(|| {
    keccak256("EIP712Domain(string name,string version,address verifyingContract,bytes32 salt)")
});
static ANNOUNCEMENT: TypeHash = LazyLock::new(|| {
    keccak256(concat!(
        "Announcement(address provider,address approver,uint16 volume,uint64 startTime,",
        "uint64 endTime,uint32 slotSeconds,uint32 noticeSeconds,uint64 timestamp,bytes32 offer)"
    ))
});
static REQUEST: TypeHash = LazyLock::new(|| {
    keccak256(concat!(
        "Request(bytes32 resourceId,address requester,uint16 volume,uint64 startTime,",
        "uint64 endTime,uint64 timestamp,uint64 sequence)"
    ))
});
static RELEASE: TypeHash =
    LazyLock::new(|| keccak256("Release(bytes32 requestId,uint64 fromTime,uint64 timestamp)"));
static WITHDRAWAL: TypeHash =
    LazyLock::new(|| keccak256("Withdrawal(bytes32 resourceId,uint64 timestamp)"));
static ACCESS_GRANT: TypeHash = LazyLock::new(|| {
    keccak256(concat!(
        "AccessGrant(bytes32 requestId,address provider,bytes32 nonce,uint64 expiresAt,",
        "bytes32 sessionKey)"
    ))
});

/// One word of an ABI encoding.
pub(crate) fn word(value: u64) -> B256 {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&value.to_be_bytes());
    bytes.into()
}

/// Keccak of static ABI words.
pub(crate) fn hash_words<const N: usize>(words: [B256; N]) -> B256 {
    keccak256(words.map(|word| word.0).as_flattened())
}

/// The EIP-712 domain of a network: without chainId, with the networkId as salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Registry contract on the sidechain.
    pub registry: Address,
    /// The network.
    pub network_id: NetworkId,
    /// Domain separator.
    pub separator: B256,
}

impl Domain {
    /// The domain of the network whose registry is `registry`.
    #[must_use]
    pub fn new(registry: Address, network_id: NetworkId) -> Self {
        let separator = hash_words([
            *DOMAIN,
            keccak256(DOMAIN_NAME),
            keccak256(DOMAIN_VERSION),
            registry.into_word(),
            network_id.0,
        ]);
        Self { registry, network_id, separator }
    }

    /// EIP-712 digest of a struct hash.
    #[must_use]
    pub fn digest(&self, struct_hash: B256) -> B256 {
        let mut bytes = [0; 66];
        bytes[..2].copy_from_slice(&[0x19, 0x01]);
        bytes[2..34].copy_from_slice(&self.separator.0);
        bytes[34..].copy_from_slice(&struct_hash.0);
        keccak256(bytes)
    }
}

/// A provider's offer of capacity. Times in unix seconds, volume in units of the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Announcement {
    /// Who offers; signs the announcement.
    pub provider: Address,
    /// Whose co-signature a request needs; zero for nobody's.
    pub approver: Address,
    /// Units in every slot, at least 1.
    pub volume: u16,
    /// Start of the first slot, unix seconds.
    #[serde(with = "decimal")]
    pub start_time: u64,
    /// End of the last slot, unix seconds, below 2^40.
    #[serde(with = "decimal")]
    pub end_time: u64,
    /// Length of a slot, seconds.
    pub slot_seconds: u32,
    /// How long before a slot starts it can still be released, seconds.
    pub notice_seconds: u32,
    /// When it was signed, unix seconds.
    #[serde(with = "decimal")]
    pub timestamp: u64,
    /// Hash of the offer document's bytes.
    pub offer: B256,
}

impl Announcement {
    /// The fields as the ABI encodes them, one word each.
    pub(crate) fn words(&self) -> [B256; 9] {
        [
            self.provider.into_word(),
            self.approver.into_word(),
            word(self.volume.into()),
            word(self.start_time),
            word(self.end_time),
            word(self.slot_seconds.into()),
            word(self.notice_seconds.into()),
            word(self.timestamp),
            self.offer,
        ]
    }

    /// Reads what [`Self::words`] gives.
    pub(crate) fn read_words(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            provider: reader.abi::<20>("provider")?.into(),
            approver: reader.abi::<20>("approver")?.into(),
            volume: u16::from_be_bytes(reader.abi("volume")?),
            start_time: u64::from_be_bytes(reader.abi("startTime")?),
            end_time: u64::from_be_bytes(reader.abi("endTime")?),
            slot_seconds: u32::from_be_bytes(reader.abi("slotSeconds")?),
            notice_seconds: u32::from_be_bytes(reader.abi("noticeSeconds")?),
            timestamp: u64::from_be_bytes(reader.abi("timestamp")?),
            offer: reader.take("offer")?,
        })
    }

    /// EIP-712 struct hash.
    #[must_use]
    pub fn struct_hash(&self) -> B256 {
        let mut words = [*ANNOUNCEMENT; 10];
        words[1..].copy_from_slice(&self.words());
        hash_words(words)
    }

    /// The resource's id.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> ResourceId {
        domain.digest(self.struct_hash()).into()
    }
}

/// A requester's claim on volume over some slots of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The resource, which binds the whole announcement.
    pub resource_id: ResourceId,
    /// Who asks; signs the request.
    pub requester: Address,
    /// Units asked in every slot, at least 1.
    pub volume: u16,
    /// Start of the first slot, unix seconds.
    #[serde(with = "decimal")]
    pub start_time: u64,
    /// End of the last slot, unix seconds.
    #[serde(with = "decimal")]
    pub end_time: u64,
    /// When it was signed, unix seconds; within 300 s of the block that records it.
    #[serde(with = "decimal")]
    pub timestamp: u64,
    /// Bars duplicates: new within the window of the requester's sequences.
    #[serde(with = "decimal")]
    pub sequence: u64,
}

impl Request {
    /// EIP-712 struct hash.
    #[must_use]
    pub fn struct_hash(&self) -> B256 {
        hash_words([
            *REQUEST,
            self.resource_id.0,
            self.requester.into_word(),
            word(self.volume.into()),
            word(self.start_time),
            word(self.end_time),
            word(self.timestamp),
            word(self.sequence),
        ])
    }

    /// The request's id.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> RequestId {
        domain.digest(self.struct_hash()).into()
    }
}

/// A requester gives slots back from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// The allocation's request.
    pub request_id: RequestId,
    /// First slot boundary that is given back, unix seconds.
    #[serde(with = "decimal")]
    pub from_time: u64,
    /// When it was signed, unix seconds.
    #[serde(with = "decimal")]
    pub timestamp: u64,
}

impl Release {
    /// The message's id: its EIP-712 digest.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> B256 {
        domain.digest(hash_words([
            *RELEASE,
            self.request_id.0,
            word(self.from_time),
            word(self.timestamp),
        ]))
    }
}

/// A provider closes a resource to new requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Withdrawal {
    /// The resource.
    pub resource_id: ResourceId,
    /// When it was signed, unix seconds.
    #[serde(with = "decimal")]
    pub timestamp: u64,
}

impl Withdrawal {
    /// The message's id: its EIP-712 digest.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> B256 {
        domain.digest(hash_words([*WITHDRAWAL, self.resource_id.0, word(self.timestamp)]))
    }
}

/// The requester's fresh answer to a provider's nonce (section 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessGrant {
    /// The allocation's request.
    pub request_id: RequestId,
    /// Whom it is for.
    pub provider: Address,
    /// The provider's nonce, not zero.
    pub nonce: B256,
    /// Until when it may be presented, unix seconds.
    #[serde(with = "decimal")]
    pub expires_at: u64,
    /// Ed25519 transport key of the session, or zero.
    pub session_key: B256,
}

impl AccessGrant {
    /// The digest that the requester signs.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> B256 {
        domain.digest(hash_words([
            *ACCESS_GRANT,
            self.request_id.0,
            self.provider.into_word(),
            self.nonce,
            word(self.expires_at),
            self.session_key,
        ]))
    }
}
