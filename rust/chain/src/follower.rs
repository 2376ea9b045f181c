//! Follows the sidechain: headers and events of every block, re-executed (`Replay`).
//!
//! One step is one range of blocks. All that a step needs is fetched and checked before anything is
//! applied, so an error of the node leaves the state as it was and the step can be repeated. The
//! registry's size and root are asked for after every block that may be signed, that has events, or
//! whose header says so: a node that shows no events does not get a signature. So for a first sync
//! the node must keep the state of old blocks (anvil does; other clients call it an archive).
//!
//! While a step is applied its events are in memory: for the longest answer that is read (64 MiB
//! unless told, in which a packed request takes 192 characters) about 140 MB.

use crate::replay::BlockEvents;
use crate::span::Span;
use crate::{AnswerError, BlockRef, ChainError, ChainLog, Client, Event, FollowError, Replay};
use alloy_primitives::{Address, Bloom, BloomInput};
use fallow_protocol::{Domain, NetworkFile};
use std::iter;
use std::ops::{Deref, RangeInclusive};

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
    /// Blocks in the next step.
    span: Span,
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
            span: Span::new(),
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
            let range = self.span.range(next, target);
            match self.fetch(range.clone()).await {
                Ok(blocks) => break blocks,
                Err(error) => self.span.failed(&range, error)?,
            }
        };
        self.span.answered();
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
        let headers = self.headers(range.clone()).await?;
        let logs = self.client.logs(self.registry, range).await?;
        let headed = headers.iter().map(|(block, _)| *block);
        let mut blocks = join(self.replay.domain(), headed, &logs)?;
        let logged: Vec<_> = headers.iter().map(|(_, bloom)| self.has_logged(bloom)).collect();
        let mut claimed = Vec::new();
        for (entry, logged) in blocks.iter_mut().zip(&logged) {
            let is_candidate = self.replay.rule().is_candidate(entry.block.number);
            if is_candidate || *logged || !entry.events.is_empty() {
                claimed.push(entry);
            }
        }
        let asked: Vec<_> = claimed.iter().map(|entry| entry.block).collect();
        let claims = self.client.claims(self.registry, &asked).await?;
        for (entry, claim) in claimed.into_iter().zip(claims) {
            entry.claim = Some(claim);
        }
        all_shown(self.replay.size(), blocks.iter().zip(logged))?;
        Ok(blocks)
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
        if let (Some(head), Some((first, _))) = (self.replay.head(), headers.first())
            && first.parent != head.hash
        {
            let (number, got, want) = (head.number, first.parent, head.hash);
            return Err(ChainError::Reorganised { number, got, want });
        }
        Ok(headers)
    }
}

/// Refuses blocks whose header has the registry's logs and whose size says that they recorded
/// something, but of which the node shows nothing: its index of logs is behind, so the same again
/// later goes well. `size` is that of the log before them.
fn all_shown<'a>(
    mut size: u64,
    blocks: impl IntoIterator<Item = (&'a BlockEvents, bool)>,
) -> Result<(), ChainError> {
    for (entry, logged) in blocks {
        let records = entry.events.iter().filter(|event| event.is_record()).count();
        size = size.saturating_add(u64::try_from(records).unwrap_or(u64::MAX));
        let is_more = entry.claim.is_some_and(|(claimed, _)| claimed > size);
        if logged && entry.events.is_empty() && is_more {
            return Err(ChainError::Missing {
                what: "events of block",
                number: entry.block.number,
            });
        }
    }
    Ok(())
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
        ChainLog { number, block_hash, position: 0, inner }
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
        let shown = |logged: [bool; 3]| all_shown(0, blocks.iter().zip(logged));
        // The second is a filter's false hit. The third grew without a log of the registry: that
        // is for the comparison with the re-execution, waiting does not help.
        assert!(shown([true, true, false]).is_ok());
        assert!(matches!(
            shown([true, true, true]),
            Err(ChainError::Missing { what: "events of block", number: 3 })
        ));
    }
}
