//! Reads what stands on mainnet: the anchor's events, range by range, and which of them a
//! reorganisation took back.
//!
//! Of blocks that may still go away the headers are read and remembered. Of older ones only those
//! that have events, so mainnet's whole history costs one query for every 500 blocks.

use crate::span::Span;
use crate::{Anchor, AnswerError, BlockRef, ChainError, ChainLog, Client};
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent as _;
use alloy_primitives::{Address, B256, TxHash};
use fallow_protocol::NetworkFile;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;

/// Blocks that are remembered; mainnet is final after about 100.
const TRAIL: usize = 512;
/// Blocks that are read again if none of those that are remembered is left.
const REREAD: u64 = 1_024;

/// An anchoring, as mainnet's event tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// Sidechain block of the checkpoint.
    pub sidechain_block: u64,
    /// Records under it.
    pub size: u64,
    /// Its root.
    pub root: B256,
    /// Mainnet block.
    pub block: u64,
    /// Hash of that block.
    pub block_hash: B256,
    /// The transaction.
    pub transaction: TxHash,
    /// Mainnet's time, unix seconds.
    pub anchored_at: u64,
}

/// What one look at mainnet found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorNews {
    /// Anchorings in this mainnet block and above that were told before are void: those blocks are
    /// gone. Comes before what is new.
    pub unanchored_from: Option<u64>,
    /// New anchorings, oldest first.
    pub anchored: Vec<Anchored>,
    /// Up to where mainnet was read: where to resume.
    pub head: BlockRef,
    /// Mainnet's latest block.
    pub latest: BlockRef,
    /// Number of the latest block that mainnet calls final, 0 before there is one.
    pub finalized: u64,
}

/// Reads the anchorings of one network from a mainnet node.
#[derive(Clone, Debug)]
pub struct AnchorReader {
    client: Client,
    anchor: Address,
    /// The anchor's block.
    first: u64,
    span: Span,
    /// Blocks that were read, in order: the last one always, and as many before it as may go away.
    trail: VecDeque<BlockRef>,
}

/// Where a look begins.
struct Start {
    unanchored_from: Option<u64>,
    /// The first block to read.
    next: u64,
    /// How many blocks of the trail are left.
    left: usize,
}

impl AnchorReader {
    /// Starts before the anchor's first block; nothing is asked yet. Check the network first
    /// ([`check_network`](crate::check_network)).
    #[must_use]
    pub fn new(file: &NetworkFile, client: Client) -> Self {
        let network = &file.network.anchor_chain;
        Self {
            client,
            anchor: network.anchor,
            first: network.block,
            span: Span::new(),
            trail: VecDeque::new(),
        }
    }

    /// Goes on after the block that was read last ([`AnchorNews::head`]).
    #[must_use]
    pub fn resume(mut self, head: BlockRef) -> Self {
        self.trail = VecDeque::from([head]);
        self
    }

    /// The node.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The next range's anchorings; `None` if mainnet has no new block. Whoever drops the future
    /// loses nothing.
    ///
    /// # Errors
    /// When the node does not answer or contradicts itself; the same again later goes on there.
    pub async fn read(&mut self) -> Result<Option<AnchorNews>, ChainError> {
        let latest = self.client.latest_block().await?;
        let finalized = self.client.finalized().await?.unwrap_or(0);
        let Some(start) = self.start(&latest).await? else {
            return Ok(None);
        };
        let (anchored, blocks) = self.range(&start, latest.number, finalized).await?;
        self.trail.truncate(start.left);
        self.trail.extend(blocks);
        self.forget(finalized);
        let head = self.trail.back().copied().unwrap_or(latest);
        let unanchored_from = start.unanchored_from;
        Ok(Some(AnchorNews { unanchored_from, anchored, head, latest, finalized }))
    }

    /// Where to read on; `None` if there is nothing to read.
    async fn start(&self, latest: &BlockRef) -> Result<Option<Start>, ChainError> {
        let Some(head) = self.trail.back() else {
            let (next, left) = (self.first, 0);
            let is_there = next <= latest.number;
            return Ok(is_there.then_some(Start { unanchored_from: None, next, left }));
        };
        // A node that is behind has some of the blocks; the others may come back.
        let shown = self.trail.partition_point(|block| block.number <= latest.number);
        let standing = self.standing(shown, latest).await?;
        if standing == shown {
            let next = head.number.saturating_add(1);
            let is_new = next <= latest.number;
            return Ok(is_new.then_some(Start { unanchored_from: None, next, left: shown }));
        }
        let next = match standing.checked_sub(1).and_then(|last| self.trail.get(last)) {
            Some(last) => last.number.saturating_add(1),
            None => self.trail.front().unwrap_or(head).number.saturating_sub(REREAD),
        };
        let next = next.max(self.first);
        tracing::warn!(from = next, "mainnet reorganised: anchorings are read again");
        Ok(Some(Start { unanchored_from: Some(next), next, left: standing }))
    }

    /// How many of the first `shown` blocks of the trail still stand: when one does, so do all
    /// before it.
    async fn standing(&self, shown: usize, latest: &BlockRef) -> Result<usize, ChainError> {
        let (mut standing, mut gone) = (0, shown);
        // The last one first: mostly it stands.
        let mut place = shown.checked_sub(1);
        while let Some(block) = place.and_then(|place| self.trail.get(place)) {
            let is_latest = block.number == latest.number;
            let now = if is_latest { *latest } else { self.client.block(block.number).await? };
            let at = place.unwrap_or(0);
            if now.hash == block.hash {
                standing = at.saturating_add(1);
            } else {
                gone = at;
            }
            place = (standing < gone).then(|| standing.midpoint(gone));
        }
        Ok(standing)
    }

    /// The anchorings of the next range of blocks, and the blocks to remember.
    async fn range(
        &mut self,
        start: &Start,
        latest: u64,
        finalized: u64,
    ) -> Result<(Vec<Anchored>, Vec<BlockRef>), ChainError> {
        if start.next > latest {
            return Ok((Vec::new(), Vec::new()));
        }
        loop {
            let range = self.span.range(start.next, latest);
            match self.query(start, range.clone(), finalized).await {
                Ok((anchored, blocks)) => {
                    let count = range.end().saturating_sub(*range.start()).saturating_add(1);
                    self.span.answered(count, anchored.len());
                    return Ok((anchored, blocks));
                }
                Err(error) => self.span.failed(&range, error)?,
            }
        }
    }

    async fn query(
        &self,
        start: &Start,
        range: RangeInclusive<u64>,
        finalized: u64,
    ) -> Result<(Vec<Anchored>, Vec<BlockRef>), ChainError> {
        let filter = Filter::new().event_signature(Anchor::CheckpointAnchored::SIGNATURE_HASH);
        let mut blocks = self.recent(start, range.clone(), finalized).await?;
        let logs = self.client.logs_like(filter, self.anchor, range.clone()).await?;
        if blocks.is_empty() {
            blocks.push(self.client.block(*range.end()).await?);
        }
        let mut hashes: HashMap<u64, B256> =
            blocks.iter().map(|block| (block.number, block.hash)).collect();
        let mut anchored = Vec::with_capacity(logs.len());
        for log in &logs {
            let hash = match hashes.entry(log.number) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(unknown) => {
                    *unknown.insert(self.client.block(log.number).await?.hash)
                }
            };
            if hash != log.block_hash {
                let (number, position) = (log.number, log.position);
                return Err(AnswerError::Log { number, position }.into());
            }
            anchored.push(of(log)?);
        }
        Ok((anchored, blocks))
    }

    /// The headers of a range that may still go away, each one the parent of the next.
    async fn recent(
        &self,
        start: &Start,
        range: RangeInclusive<u64>,
        finalized: u64,
    ) -> Result<Vec<BlockRef>, ChainError> {
        if *range.end() <= finalized {
            return Ok(Vec::new());
        }
        let headers = self.client.headers(range).await?;
        let before = start.left.checked_sub(1).and_then(|last| self.trail.get(last));
        if let (Some(before), Some((first, _))) = (before, headers.first())
            && before.number.saturating_add(1) == first.number
        {
            crate::client::follows(before, first)?;
        }
        Ok(headers.into_iter().map(|(block, _)| block).collect())
    }

    /// Forgets blocks that cannot go away any more, but one.
    fn forget(&mut self, finalized: u64) {
        let is_needless = |trail: &VecDeque<BlockRef>| {
            trail.len() > TRAIL || trail.get(1).is_some_and(|second| second.number <= finalized)
        };
        while is_needless(&self.trail) {
            self.trail.pop_front();
        }
    }
}

fn of(log: &ChainLog) -> Result<Anchored, AnswerError> {
    let event = Anchor::CheckpointAnchored::decode_log_validate(&log.inner);
    let event = event.map_err(|error| AnswerError::Abi { what: "CheckpointAnchored", error })?;
    Ok(Anchored {
        sidechain_block: event.blockNumber,
        size: event.size,
        root: event.root,
        block: log.number,
        block_hash: log.block_hash,
        transaction: log.transaction,
        anchored_at: event.anchoredAt,
    })
}

#[cfg(test)]
mod tests;
