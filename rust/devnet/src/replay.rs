//! Executes a journal again: the same transactions at the same times give the same blocks.

use crate::journal::BlockLine;
use crate::{Anvil, DevnetError};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::providers::Provider as _;
use alloy_primitives::{B256, Bytes};
use serde_json::json;

/// Longest run that is made with one call: so often progress is told.
const RUN: usize = 200;

/// What one go makes.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    /// A block by itself.
    One(&'a BlockLine),
    /// Blocks without transactions, each so many seconds after the one before.
    Run { interval: u64, count: usize, last: &'a BlockLine },
}

impl<'a> Step<'a> {
    const fn last(&self) -> &'a BlockLine {
        match self {
            Self::One(block) => block,
            Self::Run { last, .. } => last,
        }
    }
}

/// Makes all `blocks` on a chain whose only block is of `time`, telling the number of each that was
/// compared with what it was.
pub(crate) async fn replay(
    anvil: &Anvil,
    time: u64,
    blocks: &[BlockLine],
    progress: impl Fn(u64),
) -> Result<(), DevnetError> {
    for step in steps(time, blocks) {
        match &step {
            Step::One(block) => one(anvil, block).await?,
            Step::Run { interval, count, .. } => run(anvil, *interval, *count).await?,
        }
        // Each hash covers those before it.
        let want = step.last();
        let got = block_line(anvil, want.number).await?.hash;
        if got != want.hash {
            let (url, number, want) = (anvil.url().to_owned(), want.number, want.hash);
            return Err(DevnetError::Replayed { url, number, got, want });
        }
        progress(want.number);
    }
    Ok(())
}

fn steps(time: u64, blocks: &[BlockLine]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let (mut before, mut rest) = (time, blocks);
    while let Some(first) = rest.first() {
        let interval = first.time.saturating_sub(before);
        let length = run_length(before, interval, rest);
        let count = length.max(1);
        let (made, left) = rest.split_at(count);
        let last = made.last().unwrap_or(first);
        let is_run = length > 1;
        steps.push(if is_run { Step::Run { interval, count, last } } else { Step::One(last) });
        (before, rest) = (last.time, left);
    }
    steps
}

/// How many of the next blocks have no transactions and follow in the same rhythm.
fn run_length(mut before: u64, interval: u64, blocks: &[BlockLine]) -> usize {
    let mut length = 0_usize;
    for block in blocks.iter().take(RUN) {
        if !block.transactions.is_empty() || block.time.checked_sub(before) != Some(interval) {
            break;
        }
        before = block.time;
        length = length.saturating_add(1);
    }
    length
}

async fn one(anvil: &Anvil, block: &BlockLine) -> Result<(), DevnetError> {
    for transaction in &block.transactions {
        anvil.call("eth_sendRawTransaction", json!([transaction])).await?;
    }
    anvil.call("evm_mine", json!([{ "timestamp": block.time }])).await.map(drop)
}

/// Not with `anvil_mine`'s own interval: that one follows the clock, a second off now and then.
async fn run(anvil: &Anvil, interval: u64, count: usize) -> Result<(), DevnetError> {
    anvil.call("anvil_setBlockTimestampInterval", json!([interval])).await?;
    anvil.call("anvil_mine", json!([format!("{count:#x}")])).await?;
    anvil.call("anvil_removeBlockTimestampInterval", json!([])).await.map(drop)
}

/// Block `number` as it is written down.
pub(crate) async fn block_line(anvil: &Anvil, number: u64) -> Result<BlockLine, DevnetError> {
    let block = anvil.provider().get_block_by_number(number.into()).full().await;
    let block = block.map_err(DevnetError::rpc(anvil.url()))?;
    let block =
        block.ok_or_else(|| DevnetError::NoBlock { url: anvil.url().to_owned(), number })?;
    let (hash, time): (B256, u64) = (block.header.hash, block.header.timestamp);
    let transactions = block.transactions.txns();
    let transactions = transactions.map(|sent| Bytes::from(sent.inner.encoded_2718())).collect();
    Ok(BlockLine { number, time, hash, transactions })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(times: &[u64], busy: &[u64]) -> Vec<BlockLine> {
        let block = |(number, time): (u64, &u64)| {
            let transactions =
                if busy.contains(&number) { vec![Bytes::from_static(b"x")] } else { Vec::new() };
            BlockLine { number, time: *time, hash: B256::ZERO, transactions }
        };
        (1..).zip(times).map(block).collect()
    }

    fn shape(time: u64, blocks: &[BlockLine]) -> Vec<(u64, usize, u64)> {
        let one = |step: &Step<'_>| match step {
            Step::One(block) => (0, 1, block.number),
            Step::Run { interval, count, last } => (*interval, *count, last.number),
        };
        steps(time, blocks).iter().map(one).collect()
    }

    #[test]
    fn blocks_of_one_rhythm_are_made_together() {
        let idle = blocks(&[120, 140, 160, 181, 201, 221], &[]);
        assert_eq!(shape(100, &idle), [(20, 3, 3), (0, 1, 4), (20, 2, 6)]);
        assert_eq!(shape(100, &[]), []);
    }

    #[test]
    fn blocks_with_transactions_are_made_by_themselves() {
        let mixed = blocks(&[110, 120, 130, 140, 150], &[3]);
        assert_eq!(shape(100, &mixed), [(10, 2, 2), (0, 1, 3), (10, 2, 5)]);
    }

    #[test]
    fn long_runs_are_told_of_in_between() {
        let times: Vec<_> = (1..=450).map(|number| 100 + number * 20).collect();
        let all = blocks(&times, &[]);
        assert_eq!(shape(100, &all), [(20, 200, 200), (20, 200, 400), (20, 50, 450)]);
    }
}
