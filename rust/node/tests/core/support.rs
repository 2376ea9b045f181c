//! A network, and nodes in this process.

use crate::messages::Resource;
use alloy_primitives::B256;
use fallow_chain::{DaemonConfig, Finality, Limits, SenderConfig};
use fallow_devnet::{DevAccount, Devnet, DevnetError, DevnetOptions, poll};
use fallow_ledger::Message;
use fallow_node::{Admission, Config, Node, NodeError, Shared, View};
use fallow_protocol::PromiseFile;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longest wait for anything: a machine under load, not what is expected.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Two chains and folders for nodes.
pub(crate) struct World {
    pub(crate) devnet: Devnet,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(folder.path());
        options.sidechain.block_time = Duration::from_secs(1);
        options.validators = 1;
        options.funded = [DevAccount::new("node"), DevAccount::new("stranger")]
            .map(|account| account.address())
            .to_vec();
        Self { devnet: Devnet::start(&options).await.unwrap(), folder }
    }

    pub(crate) fn config(&self) -> Config {
        let daemon = DaemonConfig {
            network: self.devnet.network.clone(),
            set: self.devnet.set.clone(),
            account_key: DevAccount::new("node").key().clone(),
            sidechain_url: self.devnet.sidechain.url().to_owned(),
            limits: Limits::default(),
            store: self.folder.path().join("unused"),
            poll_interval: Duration::from_millis(50),
            finality: Finality::Latest,
            sender: SenderConfig::default(),
        };
        let dir = self.folder.path().join("node");
        let mainnet = self.devnet.mainnet.url().to_owned();
        Config::new(daemon, mainnet, ([127, 0, 0, 1], 0).into(), dir)
    }

    pub(crate) async fn node(&self) -> Running {
        Running::start(self.config()).await
    }

    pub(crate) fn resource(&self, provider: u64, volume: u16) -> Resource {
        Resource::new(self.devnet.network.domain(), provider, volume)
    }
}

/// A node in this process.
pub(crate) struct Running {
    pub(crate) shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), NodeError>>,
}

impl Running {
    /// Starts a node and waits until it takes messages.
    pub(crate) async fn start(config: Config) -> Self {
        let running = Self::open(config).await;
        running.until("the node is ready", |view| view.not_ready.is_none()).await;
        running
    }

    /// Starts a node.
    pub(crate) async fn open(config: Config) -> Self {
        let node = Node::bind(config).await.unwrap();
        let shared = Arc::clone(node.shared());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(node.run(async {
            assert!(stopped.await.is_ok(), "the test ended without its node");
        }));
        Self { shared, stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&View) -> bool) -> Arc<View> {
        let mut views = self.shared.core.views();
        let view = tokio::time::timeout(PATIENCE, views.wait_for(|view| holds(view))).await;
        match view {
            Ok(view) => Arc::clone(&view.unwrap()),
            Err(_) => panic!("{what}: {:?}", self.shared.core.view()),
        }
    }

    /// Submits one message.
    pub(crate) async fn submit(&self, message: Message) -> Admission {
        let mut all = self.shared.core.submit(vec![message]).await.unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// Submits messages all of which are promised.
    pub(crate) async fn promised(&self, messages: Vec<Message>) -> Vec<PromiseFile> {
        let ids: Vec<_> = messages.iter().map(|message| message.id(&self.shared.domain)).collect();
        let admitted = self.shared.core.submit(messages).await.unwrap();
        let promises: Vec<_> = admitted.iter().map(promise_of).collect();
        assert!(ids.iter().eq(promises.iter().map(|file| &file.promise.message_id)), "in order");
        promises
    }

    /// Waits until all of these are recorded; each is there once, and in time.
    pub(crate) async fn recorded(&self, promises: &[PromiseFile]) {
        poll("all are recorded", PATIENCE, PAUSE, async || {
            let view = self.shared.core.view();
            Ok::<_, DevnetError>((view.open_promises == 0).then_some(()))
        })
        .await
        .unwrap();
        let times = self.times();
        for file in promises {
            let promise = &file.promise;
            assert!(file.verifies(&self.shared.domain));
            let [time] = times.get(&promise.message_id).map_or(&[][..], Vec::as_slice) else {
                panic!("{promise:?}: {:?}", times.get(&promise.message_id));
            };
            assert!(*time <= promise.by_time, "{promise:?} is late: {time}");
        }
    }

    /// Block times of all records, by the ids of their messages.
    pub(crate) fn times(&self) -> HashMap<B256, Vec<u64>> {
        let size = usize::try_from(self.shared.store.size().unwrap()).unwrap();
        let mut times: HashMap<_, Vec<_>> = HashMap::new();
        for kept in self.shared.store.entries(0, size).unwrap() {
            let record = fallow_protocol::Record::decode(&kept.entry.record).unwrap();
            times.entry(kept.id).or_default().push(record.block_time);
        }
        assert_eq!(times.values().map(Vec::len).sum::<usize>(), size);
        times
    }
}

#[track_caller]
pub(crate) fn promise_of(admission: &Admission) -> PromiseFile {
    match admission {
        Admission::Promised(promise) => **promise,
        other => panic!("not promised: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn refused(admission: &Admission) -> u16 {
    match admission {
        Admission::Refused(file, refusal) => {
            assert_eq!(file.refusal.code, refusal.code.number());
            file.refusal.code
        }
        other => panic!("not refused: {other:?}"),
    }
}
