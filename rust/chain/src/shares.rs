//! Signature shares on the bulletin, and the certificates that they add up to
//! (docs/protocol.md section 10).
//!
//! A share proves itself, so it does not matter who shows it: only those of the set's members over
//! a digest that we computed ourselves count, each verified.

use crate::span::Span;
use crate::{AnswerError, Bulletin, ChainError, ChainLog, Client};
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent as _;
use alloy_primitives::{Address, B256, Bytes, U256};
use fallow_protocol::bls::{SIGNATURE_BYTES, Signature};
use fallow_protocol::{Certificate, CertificateError, Checkpoint, Set};
use std::collections::BTreeMap;

/// A share as somebody posted it: nothing about it is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedShare {
    /// Who posted it.
    pub validator: Address,
    /// The checkpoint's block, as the poster says.
    pub block_number: u64,
    /// The checkpoint's era, as the poster says.
    pub era: u32,
    /// What was signed, as the poster says.
    pub digest: B256,
    /// 1 to 96 bytes.
    pub share: Bytes,
}

/// Why a posted share does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The poster is not in the set.
    #[error("{0} is no member of the set")]
    Stranger(Address),
    /// It is about another checkpoint.
    #[error("it is for block {got_block} of era {got_era}, not block {want_block} of {want_era}")]
    Checkpoint {
        /// Block named.
        got_block: u64,
        /// Era named.
        got_era: u32,
        /// Block of the checkpoint.
        want_block: u64,
        /// Era of the checkpoint.
        want_era: u32,
    },
    /// The member signed something else than we see: one of us is shown another chain.
    #[error("member {position} signed digest {got}, ours is {want}")]
    Digest {
        /// The member's position in the set.
        position: usize,
        /// Digest posted.
        got: B256,
        /// Our own.
        want: B256,
    },
    /// The bytes are no signature of the member over the digest.
    #[error("the share of member {position} is no signature of its key over {digest}")]
    Signature {
        /// The member's position in the set.
        position: usize,
        /// What should be signed.
        digest: B256,
    },
    /// The member has a share already.
    #[error("member {0} has posted a share before")]
    Again(usize),
}

/// The valid shares over one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    checkpoint: Checkpoint,
    digest: B256,
    shares: BTreeMap<usize, Signature>,
    weight: u64,
}

impl Tally {
    /// No shares yet.
    #[must_use]
    pub fn new(checkpoint: Checkpoint) -> Self {
        Self { checkpoint, digest: checkpoint.digest(), shares: BTreeMap::new(), weight: 0 }
    }

    /// What is signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Weight of those who signed.
    #[must_use]
    pub const fn weight(&self) -> u64 {
        self.weight
    }

    /// How many signed.
    #[must_use]
    pub fn signers(&self) -> usize {
        self.shares.len()
    }

    /// Whether the member at a position of the set signed.
    #[must_use]
    pub fn has_signed(&self, position: usize) -> bool {
        self.shares.contains_key(&position)
    }

    /// Adds a share if it counts; each member counts once.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn add(&mut self, set: &Set, posted: &PostedShare) -> Result<(), ShareError> {
        let (want_block, want_era) = (self.checkpoint.block_number, self.checkpoint.era);
        if (posted.block_number, posted.era) != (want_block, want_era) {
            let (got_block, got_era) = (posted.block_number, posted.era);
            return Err(ShareError::Checkpoint { got_block, got_era, want_block, want_era });
        }
        let found = set.position(posted.validator).and_then(|position| {
            let member = set.members().get(position)?;
            Some((position, member))
        });
        let (position, member) = found.ok_or(ShareError::Stranger(posted.validator))?;
        let (got, want) = (posted.digest, self.digest);
        if got != want {
            return Err(ShareError::Digest { position, got, want });
        }
        if self.has_signed(position) {
            return Err(ShareError::Again(position));
        }
        let forged = ShareError::Signature { position, digest: want };
        let bytes: &[u8; SIGNATURE_BYTES] = posted.share.as_ref().try_into().map_err(|_| forged)?;
        let signature = Signature::from_bytes(bytes).map_err(|_| forged)?;
        if !member.key.verifies(want, &signature) {
            return Err(forged);
        }
        self.shares.insert(position, signature);
        // The set's total fits 64 bits, so no part of it overflows.
        self.weight = self.weight.saturating_add(member.weight);
        Ok(())
    }

    /// The certificate, once a quorum has signed; it holds every share that is there.
    ///
    /// # Errors
    /// When the shares cancel each other out, which takes a quorum to arrange.
    pub fn certificate(&self, set: &Set) -> Result<Option<Certificate>, CertificateError> {
        if !set.is_quorum(self.weight) {
            return Ok(None);
        }
        Certificate::aggregate(set, &self.shares).map(Some)
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertifyError {
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Too few members have signed.
    #[error("members of weight {signed} have signed block {block}, a quorum of {total} is needed")]
    Quorum {
        /// The checkpoint's block.
        block: u64,
        /// Weight that signed.
        signed: u64,
        /// Weight of all.
        total: u64,
    },
    /// The shares are no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Reads the shares of a set's members, range by range. Anybody may post, so strangers' shares are
/// not even asked for, and a range with too many is read in parts.
#[derive(Clone, Debug)]
pub struct ShareReader {
    client: Client,
    bulletin: Address,
    filter: Filter,
    next: u64,
    span: Span,
}

impl ShareReader {
    /// Starts at the block `first`; nothing is asked yet.
    #[must_use]
    pub fn new(client: Client, bulletin: Address, set: &Set, first: u64) -> Self {
        let members: Vec<_> = set.members().iter().map(|one| one.address.into_word()).collect();
        let filter = Filter::new().event_signature(Bulletin::SharePosted::SIGNATURE_HASH);
        Self { client, bulletin, filter: filter.topic1(members), next: first, span: Span::new() }
    }

    /// Only shares over the checkpoint of one block.
    #[must_use]
    pub fn of_block(mut self, number: u64) -> Self {
        self.filter = self.filter.topic2(U256::from(number));
        self
    }

    /// Leaves out what comes before the block `first`.
    pub fn skip_to(&mut self, first: u64) {
        self.next = self.next.max(first);
    }

    /// The next range's shares, in the bulletin's order; `None` when everything up to the block
    /// `last` was read.
    ///
    /// # Errors
    /// When the node does not answer, or with what is no share; the same again later goes on there.
    pub async fn read(&mut self, last: u64) -> Result<Option<Vec<PostedShare>>, ChainError> {
        while self.next <= last {
            let range = self.span.range(self.next, last);
            let filter = self.filter.clone();
            match self.client.logs_like(filter, self.bulletin, range.clone()).await {
                Ok(logs) => {
                    let shares = logs.iter().map(posted).collect::<Result<Vec<_>, _>>()?;
                    self.next = range.end().saturating_add(1);
                    let blocks = range.end().saturating_sub(*range.start()).saturating_add(1);
                    self.span.answered(blocks, shares.len());
                    return Ok(Some(shares));
                }
                Err(error) => self.span.failed(&range, error)?,
            }
        }
        Ok(None)
    }
}

impl Client {
    /// Every valid share over a checkpoint that stands on the bulletin.
    ///
    /// # Errors
    /// When the node does not answer, or with what is no share.
    pub async fn tally(
        &self,
        bulletin: Address,
        set: &Set,
        checkpoint: &Checkpoint,
    ) -> Result<Tally, ChainError> {
        let mut count = Count::start(self, bulletin, set, checkpoint).await?;
        while count.go_on(set).await? {}
        Ok(count.tally)
    }

    /// The certificate of a checkpoint from what stands on the bulletin: anybody who follows the
    /// sidechain can make it, no relayer is needed.
    ///
    /// # Errors
    /// When the node does not answer, or there is no quorum.
    pub async fn certificate(
        &self,
        bulletin: Address,
        set: &Set,
        checkpoint: &Checkpoint,
    ) -> Result<Certificate, CertifyError> {
        let mut count = Count::start(self, bulletin, set, checkpoint).await?;
        while count.go_on(set).await? {
            if let Some(certificate) = count.tally.certificate(set)? {
                return Ok(certificate);
            }
        }
        Err(CertifyError::Quorum {
            block: checkpoint.block_number,
            signed: count.tally.weight(),
            total: set.total(),
        })
    }
}

/// Counts the shares over one checkpoint, range by range.
struct Count {
    reader: ShareReader,
    latest: u64,
    tally: Tally,
}

impl Count {
    async fn start(
        client: &Client,
        bulletin: Address,
        set: &Set,
        checkpoint: &Checkpoint,
    ) -> Result<Self, ChainError> {
        // Nobody can have signed the block before it was there.
        let (number, latest) = (checkpoint.block_number, client.latest().await?);
        let reader = ShareReader::new(client.clone(), bulletin, set, number.saturating_add(1));
        Ok(Self { reader: reader.of_block(number), latest, tally: Tally::new(*checkpoint) })
    }

    /// Whether there was another range.
    async fn go_on(&mut self, set: &Set) -> Result<bool, ChainError> {
        let Some(shares) = self.reader.read(self.latest).await? else {
            return Ok(false);
        };
        for posted in shares {
            if let Err(error) = self.tally.add(set, &posted) {
                tracing::debug!(%error, "share does not count");
            }
        }
        Ok(true)
    }
}

fn posted(log: &ChainLog) -> Result<PostedShare, AnswerError> {
    let event = Bulletin::SharePosted::decode_log_validate(&log.inner);
    let event = event.map_err(|error| AnswerError::Abi { what: "SharePosted", error })?;
    Ok(PostedShare {
        validator: event.validator,
        block_number: event.blockNumber,
        era: event.era,
        digest: event.digest,
        share: event.data.share,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::fake::{Answer, FakeNode};
    use fallow_protocol::bls::SecretKey;
    use fallow_protocol::{Member, NetworkId, SetHash};

    fn key(seed: u8) -> SecretKey {
        SecretKey::generate(&[seed; 32]).unwrap()
    }

    /// Four members with addresses and keys 1 to 4.
    fn set() -> Set {
        let member = |seed| Member {
            address: Address::repeat_byte(seed),
            weight: 1,
            key: key(seed).public_key(),
        };
        Set::new(NetworkId::ZERO, 1, u64::MAX, (1..=4).map(member).collect()).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            network_id: NetworkId::ZERO,
            era: 0,
            set_number: 1,
            block_number: 8,
            block_hash: B256::repeat_byte(1),
            block_time: 100,
            size: 3,
            root: B256::repeat_byte(2),
            next_set: SetHash::ZERO,
        }
    }

    fn share(signer: u8, over: &Checkpoint) -> PostedShare {
        PostedShare {
            validator: Address::repeat_byte(signer),
            block_number: over.block_number,
            era: over.era,
            digest: over.digest(),
            share: key(signer).sign(over.digest()).to_bytes().to_vec().into(),
        }
    }

    #[test]
    fn three_of_four_are_a_quorum_and_a_late_fourth_is_taken_too() {
        let (set, mut tally) = (set(), Tally::new(checkpoint()));
        for signer in [1, 2] {
            tally.add(&set, &share(signer, &checkpoint())).unwrap();
        }
        assert_eq!(tally.certificate(&set), Ok(None), "two of four");
        tally.add(&set, &share(4, &checkpoint())).unwrap();
        let certificate = tally.certificate(&set).unwrap().unwrap();
        assert_eq!(certificate.verify(&set, checkpoint().digest()), Ok(3));
        tally.add(&set, &share(3, &checkpoint())).unwrap();
        let certificate = tally.certificate(&set).unwrap().unwrap();
        assert_eq!(certificate.verify(&set, checkpoint().digest()), Ok(4));
    }

    #[test]
    fn shares_that_do_not_count_change_nothing() {
        let (set, good) = (set(), share(1, &checkpoint()));
        let digest = checkpoint().digest();
        let elsewhere = Checkpoint { network_id: NetworkId::repeat_byte(9), ..checkpoint() };
        let forged = ShareError::Signature { position: 0, digest };
        let cases = [
            (share(5, &checkpoint()), ShareError::Stranger(Address::repeat_byte(5))),
            (
                share(1, &elsewhere),
                ShareError::Digest { position: 0, got: elsewhere.digest(), want: digest },
            ),
            // The other network's signature under this one's digest.
            (PostedShare { digest, ..share(1, &elsewhere) }, forged),
            // Another member's share, copied from the bulletin.
            (PostedShare { validator: Address::repeat_byte(1), ..share(2, &checkpoint()) }, forged),
            (
                PostedShare { share: [&good.share[..], &[0]].concat().into(), ..good.clone() },
                forged,
            ),
            (PostedShare { share: Bytes::from(vec![0xc0; 48]), ..good.clone() }, forged),
        ];
        for (posted, error) in cases {
            let mut tally = Tally::new(checkpoint());
            assert_eq!(tally.add(&set, &posted), Err(error));
            assert_eq!(tally, Tally::new(checkpoint()));
        }
        let mut tally = Tally::new(checkpoint());
        tally.add(&set, &good).unwrap();
        assert_eq!(tally.add(&set, &good), Err(ShareError::Again(0)));
        assert_eq!(tally.weight(), 1, "each member counts once");
        let other = PostedShare { era: 1, ..good };
        assert!(matches!(tally.add(&set, &other), Err(ShareError::Checkpoint { got_era: 1, .. })));
    }
    /// First and last block of each query that a reader made for the blocks up to 1000.
    async fn queries(first_answer: Answer) -> Vec<(u64, u64)> {
        let node = FakeNode::start(vec![first_answer, Answer::result("[]")]).await;
        let timeout = std::time::Duration::from_secs(1);
        let limits = Limits { timeout, retries: 0, ..Limits::default() };
        let client = Client::new(&node.url(), limits).unwrap();
        let mut reader = ShareReader::new(client, Address::ZERO, &set(), 1);
        while let Some(shares) = reader.read(1_000).await.unwrap() {
            assert_eq!(shares, []);
        }
        let number = |value: &serde_json::Value| {
            u64::from_str_radix(value.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
        };
        let asked = node.asked();
        let filters = asked.iter().map(|request| &request["params"][0]);
        filters.map(|one| (number(&one["fromBlock"]), number(&one["toBlock"]))).collect()
    }

    #[tokio::test]
    async fn what_is_too_much_or_takes_too_long_is_read_in_parts() {
        let refused = Answer::error(r#"{"code":-32005,"message":"more than 10000 results"}"#);
        for too_much in [refused, Answer::Silence] {
            let queries = queries(too_much).await;
            assert_eq!(queries, [(1, 500), (1, 250), (251, 750), (751, 1_000)]);
        }
    }

    #[tokio::test]
    async fn shares_of_strangers_are_not_asked_for() {
        let node = FakeNode::start(vec![Answer::result("[]")]).await;
        let client = Client::new(&node.url(), Limits::default()).unwrap();
        let reader = ShareReader::new(client, Address::ZERO, &set(), 1);
        for mut reader in [reader.clone(), reader.of_block(8)] {
            assert_eq!(reader.read(2).await.unwrap(), Some(vec![]));
            assert_eq!(reader.read(2).await.unwrap(), None, "each block is read once");
        }
        let asked = node.asked();
        let word = |address: Address| serde_json::json!(address.into_word());
        let members: Vec<_> = set().members().iter().map(|one| word(one.address)).collect();
        for request in &asked {
            let topics = &request["params"][0]["topics"];
            assert_eq!(topics[0], serde_json::json!(Bulletin::SharePosted::SIGNATURE_HASH));
            let mut addresses = topics[1].as_array().unwrap().clone();
            addresses.sort_by_key(ToString::to_string);
            assert_eq!(addresses, members);
        }
        assert_eq!(asked[0]["params"][0]["topics"].get(2), None);
        assert_eq!(asked[1]["params"][0]["topics"][2], serde_json::json!(B256::with_last_byte(8)));
    }
}
