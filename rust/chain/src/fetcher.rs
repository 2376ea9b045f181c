//! Fetches the sidechain's blocks, range by range: headers, the registry's events, and what it claims
//! its size and root to be.
//!
//! All of a range is fetched and checked before any of it is answered, so an error of the node leaves
//! the fetcher as it was and the same can be asked again. The registry's size and root are asked for
//! after every block that may be signed, that has events, or whose header says so: a node that shows
//! no events does not get a signature. So for a first sync the node must keep the state of old blocks
//! (anvil does; other clients call it an archive).

use crate::replay::BlockEvents;
use crate::span::Span;
use crate::{AnswerError, BlockRef, ChainError, ChainLog, Client, Event};
use alloy_primitives::{Address, Bloom, BloomInput};
use fallow_protocol::{CheckpointRule, Domain, NetworkFile};
use std::iter;
use std::ops::RangeInclusive;
use std::time::Duration;

/// When a sidechain block counts as final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Finality {
    /// At once: chains that decide one block before the next, and development chains.
    Latest,
    /// When the node says so.
    #[default]
    Finalized,
    /// With so many blocks after it.
    Depth(u64),
}

/// How long to wait until events and claim fit, each time.
const INDEX_PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

/// Fetches the blocks of one network from a node, each once.
#[derive(Debug)]
pub struct Fetcher {
    client: Client,
    registry: Address,
    domain: Domain,
    rule: CheckpointRule,
    finality: Finality,
    /// The registry's block.
    first: u64,
    /// The last block that was answered.
    head: Option<BlockRef>,
    /// Records that the registry said to have added up to there.
    size: u64,
    /// The last final block that the node told of.
    target: Option<u64>,
    /// Blocks in the next range.
    span: Span,
}

impl Fetcher {
    /// Starts before the registry's first block; nothing is asked yet. Check the network first
    /// ([`check_network`](crate::check_network)).
    #[must_use]
    pub fn new(file: &NetworkFile, client: Client, finality: Finality) -> Self {
        let sidechain = &file.network.sidechain;
        Self {
            client,
            registry: sidechain.registry,
            domain: file.domain(),
            rule: CheckpointRule::new(&file.network.parameters, sidechain.block),
            finality,
            first: sidechain.block,
            head: None,
            size: 0,
            target: None,
            span: Span::new(),
        }
    }

    /// Goes on after the block `head`, at which the log had `size` records.
    #[must_use]
    pub const fn resume(mut self, head: BlockRef, size: u64) -> Self {
        self.head = Some(head);
        self.size = size;
        self
    }

    /// The node.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The last block that was answered.
    #[must_use]
    pub const fn head(&self) -> Option<&BlockRef> {
        self.head.as_ref()
    }

    /// Whether there are more final blocks, as far as the node was asked.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.target.is_some_and(|target| target >= self.next_block())
    }

    fn next_block(&self) -> u64 {
        self.head.map_or(self.first, |head| head.number.saturating_add(1))
    }

    /// The next final blocks, in order, without gaps; `None` if there are none, and the one answered
    /// last is still there. Whoever drops the future loses nothing: the same blocks come again.
    ///
    /// # Errors
    /// When the node does not answer or contradicts itself: the same again later goes on where it
    /// stopped. Or when a block that was answered is gone.
    pub async fn fetch(&mut self) -> Result<Option<Vec<BlockEvents>>, ChainError> {
        let next = self.next_block();
        if !self.is_behind() {
            self.target = self.last_final().await?;
        }
        let Some(target) = self.target.filter(|target| *target >= next) else {
            self.check_head().await?;
            return Ok(None);
        };
        let blocks = loop {
            let range = self.span.range(next, target);
            match self.range(range.clone()).await {
                Ok(blocks) => break blocks,
                Err(error) => {
                    // Should the block be gone, one is not to wait for it.
                    self.target = None;
                    self.span.failed(&range, error)?;
                }
            }
        };
        self.target = Some(target);
        let events = blocks.iter().map(|block| block.events.len());
        let count = u64::try_from(blocks.len()).unwrap_or(u64::MAX);
        self.span.answered(count, events.sum());
        self.size = self.size.saturating_add(records(&blocks));
        self.head = blocks.last().map(|last| last.block).or(self.head);
        Ok(Some(blocks))
    }

    async fn last_final(&self) -> Result<Option<u64>, ChainError> {
        match self.finality {
            Finality::Latest => self.client.latest().await.map(Some),
            Finality::Finalized => self.client.finalized().await,
            Finality::Depth(blocks) => Ok(self.client.latest().await?.checked_sub(blocks)),
        }
    }

    /// Whether the chain still has the block that was answered last.
    async fn check_head(&self) -> Result<(), ChainError> {
        let Some(head) = &self.head else {
            return Ok(());
        };
        let (number, want) = (head.number, head.hash);
        match self.client.block(number).await?.hash {
            got if got == want => Ok(()),
            got => Err(ChainError::Reorganised { number, got, want }),
        }
    }

    /// A node may be behind with its index of logs, or answer calls at its newest block from a state
    /// that is one block ahead. So events and claim that do not fit are asked for again before they
    /// are taken for what the chain says.
    async fn range(&self, range: RangeInclusive<u64>) -> Result<Vec<BlockEvents>, ChainError> {
        for pause in INDEX_PAUSES {
            let blocks = self.look(range.clone()).await?;
            let Some(number) = first_unfit(self.size, &blocks) else {
                return Ok(unlogged(blocks));
            };
            tracing::debug!(number, "events and claim of the block do not fit: asking again");
            tokio::time::sleep(pause).await;
        }
        let blocks = self.look(range).await?;
        all_shown(self.size, &blocks)?;
        Ok(unlogged(blocks))
    }

    /// A range as the node shows it now, each block with whether its header says that the registry
    /// logged.
    async fn look(
        &self,
        range: RangeInclusive<u64>,
    ) -> Result<Vec<(BlockEvents, bool)>, ChainError> {
        let headers = self.headers(range.clone()).await?;
        let logs = self.client.logs(self.registry, range).await?;
        let headed = headers.iter().map(|(block, _)| *block);
        let mut blocks = join(&self.domain, headed, &logs)?;
        let logged: Vec<_> = headers.iter().map(|(_, bloom)| self.has_logged(bloom)).collect();
        let mut claimed = Vec::new();
        for (entry, logged) in blocks.iter_mut().zip(&logged) {
            let is_candidate = self.rule.is_candidate(entry.block.number);
            if is_candidate || *logged || !entry.events.is_empty() {
                claimed.push(entry);
            }
        }
        let asked: Vec<_> = claimed.iter().map(|entry| entry.block).collect();
        let claims = self.client.claims(self.registry, &asked).await?;
        for (entry, claim) in claimed.into_iter().zip(claims) {
            entry.claim = Some(claim);
        }
        Ok(blocks.into_iter().zip(logged).collect())
    }

    /// Whether a block's bloom filter has the registry in it: always if it logged there, rarely if
    /// not.
    fn has_logged(&self, bloom: &Bloom) -> bool {
        bloom.contains_input(BloomInput::Raw(self.registry.as_slice()))
    }

    async fn headers(
        &self,
        range: RangeInclusive<u64>,
    ) -> Result<Vec<(BlockRef, Bloom)>, ChainError> {
        let headers = self.client.headers(range).await?;
        if let (Some(head), Some((first, _))) = (&self.head, headers.first())
            && first.parent != head.hash
        {
            let (number, got, want) = (head.number, first.parent, head.hash);
            return Err(ChainError::Reorganised { number, got, want });
        }
        Ok(headers)
    }
}

/// Records that the registry says to have added.
fn records<'a>(blocks: impl IntoIterator<Item = &'a BlockEvents>) -> u64 {
    let events = blocks.into_iter().flat_map(|entry| &entry.events);
    u64::try_from(events.filter(|event| event.is_record()).count()).unwrap_or(u64::MAX)
}

fn unlogged(blocks: Vec<(BlockEvents, bool)>) -> Vec<BlockEvents> {
    blocks.into_iter().map(|(entry, _)| entry).collect()
}

/// Each block with the size that its events lead to; `size` is that of the log before them.
fn sizes(
    mut size: u64,
    blocks: &[(BlockEvents, bool)],
) -> impl Iterator<Item = (&(BlockEvents, bool), u64)> {
    blocks.iter().map(move |block| {
        size = size.saturating_add(records([&block.0]));
        (block, size)
    })
}

/// The first block whose claim is of another size than its events lead to.
fn first_unfit(size: u64, blocks: &[(BlockEvents, bool)]) -> Option<u64> {
    let mut sizes = sizes(size, blocks);
    let unfit =
        sizes.find(|((entry, _), size)| entry.claim.is_some_and(|(claimed, _)| claimed != *size));
    unfit.map(|((entry, _), _)| entry.block.number)
}

/// Refuses blocks whose header has the registry's logs and whose size says that they recorded
/// something, but of which the node shows nothing: its index of logs is far behind, so the same
/// again later goes well.
fn all_shown(size: u64, blocks: &[(BlockEvents, bool)]) -> Result<(), ChainError> {
    let hidden = sizes(size, blocks).find(|((entry, logged), size)| {
        let is_more = entry.claim.is_some_and(|(claimed, _)| claimed > *size);
        *logged && entry.events.is_empty() && is_more
    });
    hidden.map_or(Ok(()), |((entry, _), _)| {
        Err(ChainError::Missing { what: "events of block", number: entry.block.number })
    })
}

/// Puts every log under its block; none may be left over.
fn join(
    domain: &Domain,
    blocks: impl IntoIterator<Item = BlockRef>,
    logs: &[ChainLog],
) -> Result<Vec<BlockEvents>, AnswerError> {
    let mut logs = logs.iter().peekable();
    let mut joined = Vec::new();
    for block in blocks {
        let of_block = |log: &&ChainLog| (log.number, log.block_hash) == (block.number, block.hash);
        let events = Event::decode_block(domain, iter::from_fn(|| logs.next_if(of_block)));
        joined.push(BlockEvents { block, events, claim: None });
    }
    match logs.next() {
        None => Ok(joined),
        Some(log) => Err(AnswerError::Log { number: log.number, position: log.position }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, Log, LogData};

    fn block(number: u64) -> BlockRef {
        BlockRef { number, hash: B256::repeat_byte(number as u8), parent: B256::ZERO, time: 0 }
    }

    fn log(number: u64, block_hash: B256) -> ChainLog {
        let inner = Log { address: Address::ZERO, data: LogData::empty() };
        ChainLog { number, block_hash, position: 0, transaction: B256::ZERO, inner }
    }

    fn domain() -> Domain {
        Domain::new(Address::ZERO, fallow_protocol::NetworkId::ZERO)
    }

    #[test]
    fn each_log_comes_under_its_block() {
        let blocks = vec![block(1), block(2), block(3)];
        let logs = [log(1, block(1).hash), log(3, block(3).hash), log(3, block(3).hash)];
        let joined = join(&domain(), blocks, &logs).unwrap();
        let counts = joined.iter().map(|entry| (entry.block.number, entry.events.len()));
        assert_eq!(counts.collect::<Vec<_>>(), [(1, 1), (2, 0), (3, 2)]);
    }

    #[test]
    fn a_log_of_another_block_of_that_number_is_refused() {
        let logs = [log(1, block(1).hash), log(2, B256::ZERO)];
        let refused = join(&domain(), vec![block(1), block(2)], &logs);
        assert!(matches!(refused, Err(AnswerError::Log { number: 2, position: 0 })));
    }
    fn entry(number: u64, events: Vec<Event>, size: u64) -> BlockEvents {
        BlockEvents { block: block(number), events, claim: Some((size, B256::ZERO)) }
    }

    #[test]
    fn a_block_that_logged_and_grew_must_show_its_events() {
        let start = || Event::Started {
            network_id: fallow_protocol::NetworkId::ZERO,
            parent: fallow_ledger::GenesisParent::default(),
        };
        let blocks = [entry(1, vec![start()], 1), entry(2, vec![], 1), entry(3, vec![], 2)];
        let shown = |logged: [bool; 3]| {
            let blocks: Vec<_> = blocks.iter().cloned().zip(logged).collect();
            (all_shown(0, &blocks), first_unfit(0, &blocks))
        };
        // The second is a filter's false hit. The third grew without a log of the registry: that
        // is for the comparison with the re-execution, if it stays so.
        assert!(matches!(shown([true, true, false]), (Ok(()), Some(3))));
        assert!(matches!(
            shown([true, true, true]),
            (Err(ChainError::Missing { what: "events of block", number: 3 }), Some(3))
        ));
        let some = [(entry(1, vec![start()], 3), true)];
        assert_eq!(first_unfit(0, &some), Some(1), "one of three is shown");
        let all = [(entry(1, vec![start()], 1), true)];
        assert_eq!(first_unfit(0, &all), None);
    }
}
