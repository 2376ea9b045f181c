//! Draws a block, sends it through both machines, compares.

use crate::call::Call;
use crate::chain::Chain;
use crate::verdict::{self, Ending, Verdict};
use crate::world::{Scene, World};
use crate::{DifferentialError, Summary};
use alloy_primitives::{B256, Bytes, U256};
use fallow_ledger::Ledger;
use std::collections::BTreeMap;
use std::time::Instant;

/// Messages of one block.
const FEWEST: u64 = 20;
const MOST: u64 = 180;
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

struct Run {
    chain: Chain,
    ledger: Ledger,
    world: World,
    now: u64,
    summary: Summary,
}

/// Sends the schedule through both.
///
/// # Errors
/// The first difference, or why the chain does not run.
pub async fn run(options: &Options<'_>) -> Result<Summary, DifferentialError> {
    let start = Instant::now();
    let (chain, genesis) = Chain::start(options.code).await?;
    let (ledger, record) = Ledger::new(genesis.config, genesis.time);
    let world = World::new(options.seed, *ledger.domain(), genesis.writer, &record);
    let now = genesis.time;
    let mut run = Run { chain, ledger, world, now, summary: Summary::default() };
    for check in 1..=STORAGE_CHECKS {
        while run.summary.messages < options.messages * check / STORAGE_CHECKS {
            run.block().await?;
        }
        run.check_storage().await?;
    }
    run.summary.elapsed = start.elapsed();
    Ok(run.summary)
}

impl Run {
    async fn block(&mut self) -> Result<(), DifferentialError> {
        self.now = self.world.next_time(self.now);
        self.summary.blocks += 1;
        let first = self.summary.messages + 1;
        let last = first + self.world.dice.between(FEWEST, MOST);
        let (mut calls, mut expected) = (Vec::new(), Vec::new());
        while self.summary.messages < last {
            let scene = Scene { ledger: &self.ledger, now: self.now };
            let call = self.world.call(scene)?;
            let number = self.summary.messages + 1;
            expected.push((number, self.apply(&call)));
            calls.push(call);
        }
        let got = self.send(&calls).await?;
        self.compare(&calls, &expected, &got)?;
        self.check_log(first).await
    }

    fn apply(&mut self, call: &Call) -> Verdict {
        let (verdict, results) = verdict::apply(&mut self.ledger, call, self.now);
        let summary = &mut self.summary;
        let (calls, messages) = summary.calls.entry(call.entry).or_default();
        *calls += 1;
        *messages += results.len() as u64;
        summary.messages += results.len() as u64;
        summary.unreadable += u64::from(call.items.is_err());
        for (message, result) in call.items.iter().flatten().zip(&results) {
            self.world.remember(message);
            match result {
                Ok(applied) => {
                    summary.accepted += 1;
                    self.world.learn(applied);
                }
                Err(error) => match error.refusal() {
                    Some(refusal) => *summary.refused.entry(refusal.code).or_default() += 1,
                    None => summary.misused += 1,
                },
            }
        }
        verdict
    }

    /// In one to three transactions.
    async fn send(&mut self, calls: &[Call]) -> Result<Vec<Verdict>, DifferentialError> {
        let data: Vec<Bytes> = calls.iter().map(|call| call.data.clone()).collect();
        let parts = self.world.dice.between(1, 3) as usize;
        let transactions: Vec<_> = data.chunks(data.len().div_ceil(parts)).collect();
        self.chain.block(self.now, &transactions).await
    }

    fn compare(
        &self,
        calls: &[Call],
        expected: &[(u64, Verdict)],
        got: &[Verdict],
    ) -> Result<(), DifferentialError> {
        let nothing = Verdict { refused: Vec::new(), ending: Ending::Reverted(Bytes::new()) };
        let got = got.iter().chain(std::iter::repeat(&nothing));
        for ((call, (number, want)), got) in calls.iter().zip(expected).zip(got) {
            if want != got {
                return Err(self.difference(call, *number, want, got));
            }
        }
        Ok(())
    }

    /// Names the first item of a call on which the two differ.
    fn difference(
        &self,
        call: &Call,
        number: u64,
        want: &Verdict,
        got: &Verdict,
    ) -> DifferentialError {
        let items = call.items.iter().flatten();
        let (mut wanted, mut found) = (want.refused.iter(), got.refused.iter());
        let (mut next_wanted, mut next_found) = (wanted.next(), found.next());
        for (place, message) in items.enumerate() {
            let id = message.id(self.ledger.domain());
            let of = |next: Option<&(B256, _)>| next.filter(|next| next.0 == id).is_some();
            let (ledger, registry) = (of(next_wanted), of(next_found));
            if !call.is_single() && (ledger || registry) && next_wanted != next_found {
                let show = |is_refused: bool, next: Option<&(B256, fallow_protocol::Refusal)>| {
                    let refusal = next.filter(|_| is_refused).map(|(_, refusal)| refusal);
                    refusal.map_or_else(|| "recorded".to_owned(), ToString::to_string)
                };
                return self.answer(
                    call,
                    number,
                    place,
                    [show(ledger, next_wanted), show(registry, next_found)],
                );
            }
            if ledger && registry {
                (next_wanted, next_found) = (wanted.next(), found.next());
            }
        }
        self.answer(
            call,
            number,
            0,
            [want, got].map(|verdict| {
                let refused = verdict.refused.len();
                format!("{}, {refused} items refused", verdict.ending)
            }),
        )
    }

    fn answer(
        &self,
        call: &Call,
        number: u64,
        place: usize,
        [ledger, registry]: [String; 2],
    ) -> DifferentialError {
        let message = call.items.as_ref().ok().and_then(|items| items.get(place));
        DifferentialError::Answer {
            number: number + place as u64,
            block: self.summary.blocks,
            time: self.now,
            item: place + 1,
            entry: call.entry.name(),
            ledger,
            registry,
            message: message.map_or_else(|| call.data.to_string(), |one| format!("{one:?}")),
        }
    }

    async fn check_log(&self, first: u64) -> Result<(), DifferentialError> {
        let registry = self.chain.log().await?;
        let ledger = (U256::from(self.ledger.size()), self.ledger.root());
        if registry == ledger {
            return Ok(());
        }
        let show = |(size, root): (U256, B256)| format!("{size} records and root {root}");
        Err(DifferentialError::Log {
            block: self.summary.blocks,
            first,
            last: self.summary.messages,
            ledger: show(ledger),
            registry: show(registry),
        })
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

/// Whether a slot is that of a peak of the log.
fn is_peak(slot: B256) -> bool {
    (FIRST_PEAK..=LAST_PEAK).contains(&U256::from_be_bytes(slot.0))
}
