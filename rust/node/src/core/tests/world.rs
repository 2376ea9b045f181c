//! A core on a disk of its own, with a chain that records what it is told to.

use super::faulty::{Disk, Faulty};
use crate::batcher::{Effect, Input, Look, Outgoing, Unsigned};
use crate::core::{Admission, ChainInput, CoreHandle, Ended, Opening, Running, View};
use crate::metrics::Metrics;
use crate::search::Catalogue;
use crate::store::types::{Failed, Pending};
use crate::store::{DiskStore, NodeStore};
use crate::{Config, NotReady};
use alloy_primitives::{Address, B256, keccak256};
use fallow_chain::{
    BlockEvents, BlockRef, DaemonConfig, Event, Fees, Finality, Limits, Payload, Released,
    SenderConfig,
};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Message};
use fallow_protocol::{
    AnchorChain, Announcement, CodeHashes, Domain, Member, NetworkFile, NetworkPart, Parameters,
    Request, SecretKey, Set, SetHash, Sidechain, Signature, Trust, Withdrawal, bls,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(30);
const HOUR: u64 = 3_600;

pub(super) fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(super) fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32]).unwrap()
}

fn network() -> NetworkFile {
    let part = NetworkPart {
        sidechain: Sidechain {
            chain_id: 10,
            registry: Address::repeat_byte(0xa1),
            bulletin: Address::repeat_byte(0xa2),
            block: 1,
        },
        anchor_chain: AnchorChain { chain_id: 20, anchor: Address::repeat_byte(0xb1), block: 1 },
        random: B256::repeat_byte(1),
        parameters: Parameters {
            checkpoint_interval: 1,
            heartbeat: 10,
            challenge_period: 600,
            query_deadline: 600,
            ring_size: 64,
            writers: vec![],
        },
        code_hashes: CodeHashes { registry: B256::ZERO, bulletin: B256::ZERO, anchor: B256::ZERO },
    };
    let trust = Trust { era: 0, set_number: 1, set_hash: SetHash::ZERO, checkpoint: None };
    NetworkFile::new(part, trust)
}

fn set(network: &NetworkFile) -> Set {
    let key = bls::SecretKey::generate(&[1; 32]).unwrap().public_key();
    let member = Member { address: Address::repeat_byte(1), weight: 1, key };
    Set::new(network.network_id, 1, u64::MAX, vec![member]).unwrap()
}

/// A registry without a chain.
pub(super) struct Registry {
    file: NetworkFile,
    ledger: Option<Ledger>,
    number: u64,
    parent: B256,
}

impl Registry {
    /// The next block, with what of these messages the ledger takes.
    pub(super) fn block(&mut self, messages: &[Message], time: u64) -> BlockEvents {
        let mut events = Vec::new();
        if self.ledger.is_none() {
            let (network_id, registry) =
                (self.file.network_id, self.file.network.sidechain.registry);
            let parent = GenesisParent::default();
            let config = LedgerConfig { network_id, registry, writers: vec![], parent };
            self.ledger = Some(Ledger::new(config, time).0);
            events.push(Event::Started { network_id, parent });
        }
        let ledger = self.ledger.as_mut().unwrap();
        for message in messages {
            let index = ledger.size();
            events.push(match ledger.apply_proven(message, time) {
                Ok(_) => event(index, message),
                Err(_) => Event::Refused,
            });
        }
        let claim = Some((ledger.size(), ledger.root()));
        self.number += 1;
        let (number, parent) = (self.number, self.parent);
        let hash = keccak256(number.to_be_bytes());
        self.parent = hash;
        BlockEvents { block: BlockRef { number, hash, parent, time }, events, claim }
    }
}

/// What a chain's node that takes everything says.
fn inputs(effect: Effect, nonce: u64) -> Vec<Input> {
    let fees = Fees { max: 2, tip: 1 };
    match effect {
        Effect::Look { applied } => vec![Input::Seen(Look {
            settled: nonce,
            latest: applied,
            included: nonce,
            fees,
            time: 0,
        })],
        Effect::Sign(Unsigned { nonce, fees, .. }) => {
            let hash = keccak256(nonce.to_be_bytes());
            let payload = Payload { hash, raw: vec![1].into(), fees };
            vec![Input::Signed(Outgoing { nonce, payload })]
        }
        Effect::Send(outgoing) => {
            outgoing.iter().map(|one| Input::Sent { nonce: one.nonce }).collect()
        }
        Effect::Judge { nonce, .. } => vec![Input::Judged { nonce, reverted: false }],
        Effect::Store(_) | Effect::Landed { .. } => Vec::new(),
    }
}

fn event(index: u64, message: &Message) -> Event {
    match message {
        Message::Release { release, signatures, record, .. } => Event::Released(Released {
            index,
            allocation: fallow_protocol::Record::decode(record).unwrap().index,
            resource_id: None,
            from_time: release.from_time,
            timestamp: release.timestamp,
            signature: signature(signatures),
        }),
        message => Event::Recorded { index, message: message.clone() },
    }
}

fn signature(bytes: &[u8]) -> Signature {
    Signature::from(<[u8; 64]>::try_from(bytes).unwrap())
}

pub(super) struct World {
    pub(super) chain: Registry,
    pub(super) store: Arc<Faulty>,
    pub(super) core: CoreHandle,
    pub(super) metrics: Arc<Metrics>,
    pub(super) domain: Domain,
    running: Running,
    folder: TempDir,
}

impl World {
    /// A core that has seen the registry's first block, and takes messages.
    pub(super) async fn start() -> Self {
        let file = network();
        let chain = Registry { file, ledger: None, number: 0, parent: B256::ZERO };
        let mut world = Self::open(chain, tempfile::tempdir().unwrap());
        let first = world.chain.block(&[], clock() - 10);
        world.tell(first).await;
        world.caught_up().await;
        world.until("it is ready", |view| view.not_ready.is_none()).await;
        world
    }

    fn open(chain: Registry, folder: TempDir) -> Self {
        let config = config(&chain.file, &folder);
        let account = config.daemon.account_key.address();
        let store = DiskStore::open(folder.path(), &chain.file, account, 1 << 20).unwrap();
        let store = Arc::new(Faulty { disk: Mutex::new(Disk::Good), store });
        let metrics = Arc::new(Metrics::default());
        let opening = Opening {
            config: &config,
            store: Arc::<Faulty>::clone(&store),
            metrics: Arc::clone(&metrics),
            catalogue: Arc::new(Catalogue::default()),
        };
        let running = opening.open(&Handle::current()).unwrap();
        let domain = chain.file.domain();
        Self { chain, store, core: running.handle.clone(), metrics, domain, running, folder }
    }

    /// Signs and takes every transaction. The account's nonce, in every block, is what the test says.
    pub(super) fn drive(&mut self) -> Arc<AtomicU64> {
        let (_, none) = mpsc::unbounded_channel();
        let mut effects = std::mem::replace(&mut self.running.effects, none);
        let (reports, nonce) = (self.running.reports.clone(), Arc::new(AtomicU64::new(0)));
        let told = Arc::clone(&nonce);
        tokio::spawn(async move {
            while let Some(effect) = effects.recv().await {
                for input in inputs(effect, told.load(Ordering::Relaxed)) {
                    reports.send(input).unwrap();
                }
            }
        });
        nonce
    }

    /// Ends the core, with what it says, and starts it again.
    pub(super) async fn restart(self) -> (Ended, Self) {
        let Self { chain, store, core, running, folder, .. } = self;
        let Running { shutdown, thread, handle, .. } = running;
        drop((shutdown, core, handle));
        let ended = tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
        // What is on its way elsewhere may hold the store a little longer.
        let mut store = Some(store);
        while let Some(still) = store.take() {
            match Arc::try_unwrap(still) {
                Ok(last) => drop(last),
                Err(again) => {
                    store = Some(again);
                    tokio::task::yield_now().await;
                }
            }
        }
        (ended, Self::open(chain, folder))
    }

    pub(super) async fn tell(&self, block: BlockEvents) {
        let latest = block.block;
        self.core.tell(ChainInput::Latest(latest)).await.unwrap();
        self.core.tell(ChainInput::Blocks(vec![block])).await.unwrap();
    }

    pub(super) async fn caught_up(&self) {
        self.core.tell(ChainInput::CaughtUp).await.unwrap();
    }

    /// Records messages in a block of now.
    pub(super) async fn record(&mut self, messages: &[Message]) {
        let block = self.chain.block(messages, clock());
        let number = block.block.number;
        self.tell(block).await;
        self.caught_up().await;
        self.until("the block is in", |view| view.block.number == number).await;
    }

    pub(super) async fn until(&self, what: &str, holds: impl Fn(&View) -> bool) -> Arc<View> {
        let mut views = self.core.views();
        let view = tokio::time::timeout(PATIENCE, views.wait_for(|view| holds(view))).await;
        match view {
            Ok(view) => Arc::clone(&view.unwrap()),
            Err(_) => panic!("{what}: {:?}", self.core.view()),
        }
    }

    pub(super) async fn submit(&self, message: &Message) -> Result<Admission, NotReady> {
        let mut all = self.core.submit(vec![message.clone()]).await?;
        assert_eq!(all.len(), 1);
        Ok(all.remove(0))
    }

    pub(super) async fn promised(&self, message: &Message) {
        let admission = self.submit(message).await.unwrap();
        assert!(matches!(admission, Admission::Promised(_)), "{admission:?}");
    }

    /// What the store says of a message.
    pub(super) fn stored(&self, message: &Message) -> Option<Pending> {
        self.store.promised(message.id(&self.domain)).unwrap()
    }

    /// Waits until a message was given up.
    pub(super) async fn given_up(&self, message: &Message) -> Failed {
        self.until("it is given up", |view| view.open_promises == 0).await;
        self.stored(message).and_then(|pending| pending.failed).unwrap()
    }

    /// One unit in each hour of a day from now on.
    pub(super) fn resource(&self, provider: u8) -> Announcement {
        let start_time = clock() - clock() % HOUR;
        Announcement {
            provider: key(provider).address(),
            approver: Address::ZERO,
            volume: 1,
            start_time,
            end_time: start_time + 24 * HOUR,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: 5,
            offer: keccak256(OFFER),
        }
    }

    pub(super) fn sign(&self, announcement: &Announcement, provider: u8) -> Signature {
        key(provider).sign(announcement.id(&self.domain).0)
    }

    pub(super) fn announce(&self, provider: u8) -> Message {
        let announcement = self.resource(provider);
        let signatures = self.sign(&announcement, provider).0.to_vec().into();
        Message::Announce { announcement, signatures }
    }

    /// A claim of one unit in the third hour.
    pub(super) fn request(&self, resource: &Announcement, requester: u8) -> Message {
        let request = Request {
            resource_id: resource.id(&self.domain),
            requester: key(requester).address(),
            volume: 1,
            start_time: resource.start_time + 2 * HOUR,
            end_time: resource.start_time + 3 * HOUR,
            timestamp: clock(),
            sequence: 1,
        };
        let signatures = key(requester).sign(request.id(&self.domain).0).0.to_vec().into();
        Message::Request { request, signatures }
    }

    pub(super) fn withdraw(&self, announcement: Announcement, provider: u8) -> Message {
        let resource_id = announcement.id(&self.domain);
        let withdrawal = Withdrawal { resource_id, timestamp: clock() };
        let signatures = key(provider).sign(withdrawal.id(&self.domain)).0.to_vec().into();
        Message::Withdraw { withdrawal, announcement, signatures }
    }
}

/// The document that all resources name.
pub(super) const OFFER: &[u8] = br#"{"cpu": 8}"#;

fn config(file: &NetworkFile, folder: &TempDir) -> Config {
    let daemon = DaemonConfig {
        network: file.clone(),
        set: set(file),
        account_key: key(0x77),
        sidechain_url: "http://localhost:1".to_owned(),
        limits: Limits::default(),
        store: folder.path().join("unused"),
        poll_interval: Duration::from_millis(50),
        finality: Finality::Latest,
        sender: SenderConfig::default(),
    };
    let (listen, dir) = (([127, 0, 0, 1], 0).into(), folder.path().to_owned());
    Config::new(daemon, "http://localhost:2".to_owned(), listen, dir)
}
