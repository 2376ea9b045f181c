//! Draws a block, sends it through both machines, compares.

use crate::block::Block;
use crate::call::Call;
use crate::chain::{Chain, Mined};
use crate::notable::notable;
use crate::verdict::{self, Verdict};
use crate::world::{Scene, World};
use crate::{DifferentialError, Summary};
use alloy_primitives::{B256, Bytes, U256, keccak256};
use fallow_chain::{BlockEvents, Disagreement, Event, Replay};
use fallow_ledger::{ApplyError, GenesisParent, Ledger, LedgerConfig};
use fallow_protocol::Domain;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// Messages of one block, in a run of ordinary length.
const FEWEST: u64 = 20;
const MOST: u64 = 180;
/// The messages of such a run. A longer one has larger blocks instead of more of them: for each block
/// anvil hashes all storage.
const ORDINARY: u64 = 100_000;
/// Comparisons of the whole storage in one run, the last of them at the end.
const STORAGE_CHECKS: u64 = 10;
/// Slots of the log's peaks (`docs/protocol.md` section 5).
const FIRST_PEAK: U256 = U256::ONE;
const LAST_PEAK: U256 = U256::from_limbs([64, 0, 0, 0]);

/// A run.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// From which the whole schedule follows.
    pub seed: u64,
    /// How many messages, at least.
    pub messages: u64,
    /// Creation code of the registry.
    pub code: &'a [u8],
}

/// What the chain made of a block, and whether a re-execution of its events agrees.
type Answer = Result<(Mined, Result<(), Disagreement>), DifferentialError>;

struct Run {
    chain: Arc<Chain>,
    config: LedgerConfig,
    ledger: Ledger,
    world: World,
    now: u64,
    /// How much larger than usual blocks are.
    scale: u64,
    summary: Summary,
    /// The block that the chain is at while the next one is drawn.
    mining: Option<(Block, JoinHandle<Answer>)>,
    /// What the registry's events alone lead to.
    replay: Arc<Mutex<Replay>>,
}

/// Sends the schedule through both.
///
/// # Errors
/// The first difference, or why the chain does not run.
pub async fn run(options: &Options<'_>) -> Result<Summary, DifferentialError> {
    let start = Instant::now();
    let (chain, genesis) = Chain::start(options.code).await?;
    let config = LedgerConfig {
        network_id: genesis.network.network_id,
        registry: genesis.network.network.sidechain.registry,
        writers: genesis.network.network.parameters.writers.clone(),
        parent: GenesisParent::default(),
    };
    let (ledger, record) = Ledger::new(config.clone(), genesis.mined.block.time);
    let world = World::new(options.seed, *ledger.domain(), genesis.writer, &record);
    let mut replay = Replay::new(&genesis.network);
    replay.apply(&events(ledger.domain(), &genesis.mined)).map_err(Disagreement::from)?;
    let mut run = Run {
        chain: Arc::new(chain),
        config,
        ledger,
        world,
        now: genesis.mined.block.time,
        scale: (options.messages / ORDINARY).max(1),
        summary: Summary::default(),
        mining: None,
        replay: Arc::new(Mutex::new(replay)),
    };
    for check in 1..=STORAGE_CHECKS {
        while run.summary.messages < options.messages * check / STORAGE_CHECKS {
            let block = run.draw()?;
            run.finish().await?;
            run.begin(block);
        }
        run.finish().await?;
        run.check_storage().await?;
        run.reload().await?;
    }
    run.summary.elapsed = start.elapsed();
    Ok(run.summary)
}

impl Run {
    /// Draws a block and applies it to the ledger.
    fn draw(&mut self) -> Result<Block, DifferentialError> {
        self.now = self.world.next_time(self.now);
        self.summary.blocks += 1;
        let first = self.summary.messages + 1;
        let last = first + self.world.dice.between(FEWEST, MOST) * self.scale;
        let (mut calls, mut expected) = (Vec::new(), Vec::new());
        while self.summary.messages < last {
            let scene = Scene { ledger: &self.ledger, now: self.now };
            let call = self.world.call(scene)?;
            let number = self.summary.messages + 1;
            expected.push((number, self.apply(&call)));
            calls.push(call);
        }
        Ok(Block {
            number: self.summary.blocks,
            time: self.now,
            messages: (first, self.summary.messages),
            calls,
            expected,
            log: (self.ledger.size(), self.ledger.root()),
        })
    }

    /// Lets the chain mine a block, in one to three transactions.
    fn begin(&mut self, block: Block) {
        let data: Vec<Bytes> = block.calls.iter().map(|call| call.data.clone()).collect();
        let size = data.len().div_ceil(self.world.dice.between(1, 3) as usize);
        let (chain, replay) = (self.chain.clone(), self.replay.clone());
        let (time, domain) = (block.time, *self.ledger.domain());
        let mining = tokio::spawn(async move {
            let transactions: Vec<_> = data.chunks(size).collect();
            let mined = chain.block(time, &transactions).await?;
            let replayed = replay.lock().await.apply(&events(&domain, &mined));
            Ok((mined, replayed.map_err(Disagreement::from)))
        });
        self.mining = Some((block, mining));
    }

    /// Compares the block that the chain is at, if there is one.
    async fn finish(&mut self) -> Result<(), DifferentialError> {
        let Some((block, mining)) = self.mining.take() else {
            return Ok(());
        };
        let (mined, replayed) = mining.await??;
        block.compare(self.ledger.domain(), &mined)?;
        Ok(replayed?)
    }

    fn apply(&mut self, call: &Call) -> Verdict {
        let size = self.ledger.size();
        let (verdict, results) = verdict::apply(&mut self.ledger, call, self.now);
        let summary = &mut self.summary;
        let (calls, messages) = summary.calls.entry(call.entry).or_default();
        *calls += 1;
        *messages += results.len() as u64;
        summary.messages += results.len() as u64;
        summary.unreadable += u64::from(call.items.is_err());
        for (message, result) in call.items.iter().flatten().zip(&results) {
            for case in notable(&self.world, size, message, result) {
                *summary.notable.entry(case).or_default() += 1;
            }
            self.world.observe(message, result);
            match result.as_ref().map_err(ApplyError::refusal) {
                Ok(_) => summary.accepted += 1,
                Err(Some(refusal)) => *summary.refused.entry(refusal.code).or_default() += 1,
                Err(None) => summary.misused += 1,
            }
        }
        verdict
    }

    /// Goes on with a ledger that is read from a snapshot of this one. The re-execution has the same
    /// state, and says so by the same commitment.
    async fn reload(&mut self) -> Result<(), DifferentialError> {
        let mut snapshot = Vec::new();
        self.ledger.save(&mut snapshot).map_err(DifferentialError::Snapshot)?;
        let loaded = Ledger::load(self.config.clone(), &snapshot[..])?;
        let replay = self.replay.lock().await;
        let replayed = replay.ledger().map(Ledger::commitment);
        let commitment = keccak256(&snapshot);
        if loaded != self.ledger || replayed != Some(commitment) {
            let block = self.summary.blocks;
            return Err(DifferentialError::Commitment { block, commitment, replayed });
        }
        self.ledger = loaded;
        Ok(())
    }

    /// Compares the whole storage: nothing missing, nothing surplus.
    async fn check_storage(&mut self) -> Result<(), DifferentialError> {
        let wanted: BTreeMap<B256, B256> = self.ledger.storage().collect();
        let mut found = self.chain.storage().await?;
        // An earlier append leaves something where a peak is not set any more.
        found.retain(|slot, _| !is_peak(*slot) || wanted.contains_key(slot));
        self.summary.storage_checks += 1;
        self.summary.words = wanted.len();
        if wanted == found {
            return Ok(());
        }
        let word = |words: &BTreeMap<_, B256>, slot| words.get(slot).copied().unwrap_or_default();
        let mut slots = wanted.keys().chain(found.keys());
        let slot = slots.find(|slot| wanted.get(*slot) != found.get(*slot));
        let slot = slot.expect("maps that are not equal differ in some slot");
        Err(DifferentialError::Word {
            block: self.summary.blocks,
            slot: *slot,
            want: word(&wanted, slot),
            got: word(&found, slot),
        })
    }
}

fn events(domain: &Domain, mined: &Mined) -> BlockEvents {
    let events = Event::decode_block(domain, &mined.logs);
    BlockEvents { block: mined.block, events, claim: Some(mined.log) }
}

/// Whether a slot is that of a peak of the log.
fn is_peak(slot: B256) -> bool {
    (FIRST_PEAK..=LAST_PEAK).contains(&U256::from_be_bytes(slot.0))
}
