//! The core in small: what is pending, what is stored, and the loop between plan, flights, driver
//! and chain.

use crate::world::{TreePaths, World};
use fallow_node::batcher::{
    Driver, Effect, Flights, FlightsConfig, InFlight, Input, Limits, PlanContext, Planned, plan,
};
use fallow_node::store::types::{Flight, Pending};
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Long enough for a machine under load, and short enough for a test that fails.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) pending: BTreeMap<u64, Pending>,
    /// What a disk would have.
    pub(crate) stored: BTreeMap<u64, Flight>,
    pub(crate) flights: Flights,
    /// Messages of transactions, so that they are not planned again.
    busy: HashSet<u64>,
    pub(crate) limits: Limits,
    effects: UnboundedSender<Effect>,
    inputs: UnboundedReceiver<Input>,
    applied: u64,
    /// Transactions that were over.
    pub(crate) landed: usize,
    /// Of them, those of which messages were missing.
    pub(crate) missed: usize,
    /// Percent of the gas that bounds are made smaller by, as if they were wrong.
    pub(crate) short: u64,
    /// Steps until the next block, if blocks come only when they are called for.
    by_hand: Option<u32>,
}

fn config(world: &World) -> FlightsConfig {
    FlightsConfig { resend: 600, ..FlightsConfig::new(world.node.address()) }
}

fn driver(world: &World) -> (UnboundedSender<Effect>, UnboundedReceiver<Input>) {
    let (effects, work) = unbounded_channel();
    let (report, inputs) = unbounded_channel();
    let chain = world.devnet.sidechain.chain_id();
    let driver = Driver::new(world.client.clone(), world.node.key(), chain).unwrap();
    // After a desk's crash nobody listens.
    tokio::spawn(driver.run(work, move |input| drop(report.send(input))));
    (effects, inputs)
}

impl Desk {
    pub(crate) fn new(world: World) -> Self {
        let (effects, inputs) = driver(&world);
        let flights = Flights::resume(config(&world), Vec::new(), |_| false);
        Self {
            pending: BTreeMap::new(),
            stored: BTreeMap::new(),
            flights,
            busy: HashSet::new(),
            limits: Limits::default(),
            effects,
            inputs,
            applied: 0,
            landed: 0,
            missed: 0,
            short: 0,
            by_hand: None,
            world,
        }
    }

    /// Forgets all that is not on the disk.
    pub(crate) fn crash(&mut self) {
        let stored: Vec<_> = self.stored.values().cloned().collect();
        (self.effects, self.inputs) = driver(&self.world);
        let config = config(&self.world);
        let pending = &self.pending;
        self.flights = Flights::resume(config, stored, |arrival| pending.contains_key(&arrival));
        self.busy = self.flights.arrivals().collect();
        self.applied = 0;
    }

    pub(crate) fn submit(&mut self, messages: impl IntoIterator<Item = Pending>) {
        self.pending.extend(messages.into_iter().map(|pending| (pending.arrival, pending)));
    }

    /// Works until everything is recorded and all transactions are over.
    pub(crate) async fn finish(&mut self) {
        self.work_until(|desk| desk.pending.is_empty() && desk.flights.is_empty()).await;
        assert!(self.stored.is_empty(), "what is over is not kept");
    }

    pub(crate) async fn work_until(&mut self, done: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !done(self) {
            assert!(
                started.elapsed() < PATIENCE,
                "{} messages wait, {} transactions, {:?}",
                self.pending.len(),
                self.flights.len(),
                self.flights.trouble()
            );
            self.step().await;
        }
    }

    /// From now on a block comes every few steps, and never in between.
    pub(crate) async fn mine_by_hand(&mut self) {
        let chain = &self.world.devnet.sidechain;
        chain.call("evm_setIntervalMining", json!([0])).await.unwrap();
        self.by_hand = Some(0);
    }

    async fn mine(&mut self) {
        let Some(steps) = &mut self.by_hand else { return };
        *steps = (*steps + 1) % 6;
        if *steps == 0 {
            self.world.devnet.sidechain.call("evm_mine", json!([])).await.unwrap();
        }
    }

    /// One turn of the loop: what the driver says, what the chain says, what is to be launched.
    pub(crate) async fn step(&mut self) {
        let tick = Duration::from_millis(50);
        match tokio::time::timeout(tick, self.inputs.recv()).await {
            Ok(input) => {
                let input = input.expect("the driver lives");
                self.take(input);
            }
            Err(_) => self.take(Input::Tick),
        }
        self.mine().await;
        self.follow().await;
        self.launch();
    }

    fn take(&mut self, input: Input) {
        for effect in self.flights.apply(input) {
            match effect {
                Effect::Store(flight) => {
                    let nonce = flight.transaction.nonce;
                    self.stored.insert(nonce, flight);
                    self.take(Input::Stored { nonce });
                }
                Effect::Landed { nonce, again } => {
                    let flight = self.stored.remove(&nonce);
                    for arrival in flight.iter().flat_map(|flight| &flight.arrivals) {
                        self.busy.remove(arrival);
                    }
                    self.landed += 1;
                    self.missed += usize::from(!again.is_empty());
                }
                other => self.effects.send(other).expect("the driver lives"),
            }
        }
    }

    async fn follow(&mut self) {
        // A node that is being restarted is asked again.
        if self.world.follower.sync().await.is_err() {
            return;
        }
        let block = self.world.follower.next_block() - 1;
        if block <= self.applied {
            return;
        }
        self.applied = block;
        let follower = &self.world.follower;
        let is_recorded = |pending: &Pending| follower.index_of(pending.id).is_some();
        let recorded = self.pending.values().filter(|pending| is_recorded(pending));
        let recorded: Vec<_> = recorded.map(|pending| pending.arrival).collect();
        recorded.iter().for_each(|arrival| drop(self.pending.remove(arrival)));
        self.take(Input::Applied { block, recorded });
    }

    pub(crate) fn plan(&self) -> Vec<Planned> {
        let flying = self.flights.arrivals().filter_map(|arrival| self.pending.get(&arrival));
        let free = self.pending.values().filter(|one| !self.busy.contains(&one.arrival));
        let context = PlanContext {
            ledger: self.world.ledger(),
            paths: &TreePaths(self.world.follower.tree()),
            in_flight: &InFlight::of(flying),
            now: self.world.now,
            limits: self.flights.limits(self.limits),
        };
        plan(&free.collect::<Vec<_>>(), &context).unwrap()
    }

    fn launch(&mut self) {
        let room = self.flights.room();
        if room == 0 || self.pending.len() == self.busy.len() {
            return;
        }
        let mut planned: Vec<_> = self.plan().into_iter().take(room).collect();
        planned.iter_mut().for_each(|one| one.gas -= one.gas * self.short / 100);
        self.busy.extend(planned.iter().flat_map(|planned| planned.arrivals.iter().copied()));
        self.take(Input::Launch(planned));
    }
}
