//! Follows the sidechain: headers and events of every block, re-executed (`Replay`).
//!
//! One step is one range of blocks. All that a step needs is fetched and checked before anything is
//! applied, so an error of the node leaves the state as it was and the step can be repeated. A first
//! sync asks for the registry's size and root after every block with events, so its node must keep
//! the state of old blocks (anvil does; other clients call it an archive).

use crate::replay::BlockEvents;
use crate::{AnswerError, BlockRef, ChainError, ChainLog, Client, Event, FollowError, Replay};
use alloy_primitives::Address;
use fallow_protocol::NetworkFile;
use std::iter;
use std::ops::{Deref, RangeInclusive};

/// Blocks in one step of a first sync: `eth_getLogs` of many nodes refuses much longer ranges.
const RANGE_BLOCKS: u64 = 500;

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

/// The ledger of one network, kept up to date from a node; derefs to its [`Replay`].
#[derive(Debug)]
pub struct Follower {
    client: Client,
    registry: Address,
    finality: Finality,
    replay: Replay,
    /// Blocks in the next step: halved when a node finds it too long, doubled when it goes well.
    range: u64,
    disagreement: Option<crate::Disagreement>,
}

impl Deref for Follower {
    type Target = Replay;

    fn deref(&self) -> &Replay {
        &self.replay
    }
}

impl Follower {
    /// Starts before the registry's first block; nothing is asked yet. Check the network first
    /// ([`check_network`](crate::check_network)).
    #[must_use]
    pub fn new(file: &NetworkFile, client: Client, finality: Finality) -> Self {
        Self {
            client,
            registry: file.network.sidechain.registry,
            finality,
            replay: Replay::new(file),
            range: RANGE_BLOCKS,
            disagreement: None,
        }
    }

    /// The node that is followed.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Goes on to the last final block. Returns how many blocks were applied.
    ///
    /// # Errors
    /// Of the node (the same again later goes on where it stopped), or a disagreement, which stays.
    pub async fn sync(&mut self) -> Result<u64, FollowError> {
        let mut applied = 0_u64;
        loop {
            match self.step().await? {
                0 => return Ok(applied),
                blocks => applied = applied.saturating_add(blocks),
            }
        }
    }

    /// Applies one range of blocks. Returns how many, 0 when there is no new final block.
    ///
    /// # Errors
    /// As [`Follower::sync`].
    pub async fn step(&mut self) -> Result<u64, FollowError> {
        if let Some(disagreement) = &self.disagreement {
            return Err(disagreement.clone().into());
        }
        let next = self.replay.next_block();
        let Some(target) = self.target().await?.filter(|target| *target >= next) else {
            self.check_head().await?;
            return Ok(0);
        };
        let blocks = loop {
            let last = target.min(next.saturating_add(self.range.saturating_sub(1)));
            match self.fetch(next..=last).await {
                Ok(blocks) => break blocks,
                Err(error) if error.is_too_much() && self.range > 1 => self.range /= 2,
                Err(error) => return Err(error.into()),
            }
        };
        self.range = self.range.saturating_mul(2).min(RANGE_BLOCKS);
        for block in &blocks {
            self.apply(block)?;
        }
        Ok(u64::try_from(blocks.len()).unwrap_or(u64::MAX))
    }

    fn apply(&mut self, block: &BlockEvents) -> Result<(), FollowError> {
        self.replay.apply(block).map_err(|disagreement| {
            self.disagreement = Some(disagreement.clone());
            disagreement.into()
        })
    }

    async fn target(&self) -> Result<Option<u64>, ChainError> {
        match self.finality {
            Finality::Latest => self.client.latest().await.map(Some),
            Finality::Finalized => self.client.finalized().await,
            Finality::Depth(blocks) => Ok(self.client.latest().await?.checked_sub(blocks)),
        }
    }

    /// Whether the chain still has the block that was applied last.
    async fn check_head(&self) -> Result<(), ChainError> {
        let Some(head) = self.replay.head() else {
            return Ok(());
        };
        let (number, want) = (head.number, head.hash);
        match self.client.block(number).await?.hash {
            got if got == want => Ok(()),
            got => Err(ChainError::Reorganised { number, got, want }),
        }
    }

    async fn fetch(&self, range: RangeInclusive<u64>) -> Result<Vec<BlockEvents>, ChainError> {
        let blocks = self.headers(range.clone()).await?;
        let logs = self.client.logs(self.registry, range).await?;
        let mut blocks = join(blocks, &logs)?;
        let eventful = blocks.iter().filter(|entry| !entry.events.is_empty());
        let eventful: Vec<_> = eventful.map(|entry| entry.block).collect();
        let claims = self.client.claims(self.registry, &eventful).await?;
        let eventful = blocks.iter_mut().filter(|entry| !entry.events.is_empty());
        for (entry, claim) in eventful.zip(claims) {
            entry.claim = Some(claim);
        }
        Ok(blocks)
    }

    async fn headers(&self, range: RangeInclusive<u64>) -> Result<Vec<BlockRef>, ChainError> {
        let blocks = self.client.blocks(range).await?;
        if let (Some(head), Some(first)) = (self.replay.head(), blocks.first())
            && first.parent != head.hash
        {
            let (number, got, want) = (head.number, first.parent, head.hash);
            return Err(ChainError::Reorganised { number, got, want });
        }
        Ok(blocks)
    }
}

/// Puts every log under its block; none may be left over.
fn join(blocks: Vec<BlockRef>, logs: &[ChainLog]) -> Result<Vec<BlockEvents>, AnswerError> {
    let mut logs = logs.iter().peekable();
    let mut joined = Vec::with_capacity(blocks.len());
    for block in blocks {
        let of_block = |log: &&ChainLog| (log.number, log.block_hash) == (block.number, block.hash);
        let events = Event::decode_block(iter::from_fn(|| logs.next_if(of_block)));
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
        ChainLog { number, block_hash, position: 0, inner }
    }

    #[test]
    fn each_log_comes_under_its_block() {
        let blocks = vec![block(1), block(2), block(3)];
        let logs = [log(1, block(1).hash), log(3, block(3).hash), log(3, block(3).hash)];
        let joined = join(blocks, &logs).unwrap();
        let counts = joined.iter().map(|entry| (entry.block.number, entry.events.len()));
        assert_eq!(counts.collect::<Vec<_>>(), [(1, 1), (2, 0), (3, 2)]);
    }

    #[test]
    fn a_log_of_another_block_of_that_number_is_refused() {
        let logs = [log(1, block(1).hash), log(2, B256::ZERO)];
        let refused = join(vec![block(1), block(2)], &logs);
        assert!(matches!(refused, Err(AnswerError::Log { number: 2, position: 0 })));
    }
}
