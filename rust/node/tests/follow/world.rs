//! Two chains, and the core's end of the tasks' way to it.

use fallow_chain::{Client, Limits};
use fallow_devnet::{DevAccount, Devnet, DevnetOptions, Probe, probe_accounts};
use fallow_node::ChainInput;
use fallow_node::follow::Feed;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;

/// Longest wait for anything: a machine under load, not what is expected.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) devnet: Devnet,
    pub(crate) probe: Probe,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = DevnetOptions::new(folder.path());
        options.funded = probe_accounts().to_vec();
        options.funded.push(DevAccount::new("stranger").address());
        let devnet = Devnet::start(&options).await.unwrap();
        let probe = Probe::new(&devnet).unwrap();
        Self { folder, devnet, probe }
    }
}

/// A client that soon gives up.
pub(crate) fn client(url: &str) -> Client {
    let timeout = Duration::from_millis(500);
    Client::new(url, Limits { timeout, retries: 0, ..Limits::default() }).unwrap()
}

/// What the core hears.
pub(crate) struct Core {
    inputs: mpsc::Receiver<ChainInput>,
}

impl Core {
    pub(crate) fn start() -> (Self, Feed) {
        let (to_core, inputs) = mpsc::channel(1);
        (Self { inputs }, Feed { to_core, poll: Duration::from_millis(50) })
    }

    /// The next input.
    pub(crate) async fn hears(&mut self) -> ChainInput {
        let input = tokio::time::timeout(PATIENCE, self.inputs.recv()).await;
        input.unwrap().expect("the task ended")
    }

    /// The first input of which this makes something.
    pub(crate) async fn until<T>(&mut self, find: impl Fn(ChainInput) -> Option<T>) -> T {
        loop {
            if let Some(found) = find(self.hears().await) {
                return found;
            }
        }
    }

    /// Waits for the end of the task, whatever else it says.
    pub(crate) async fn is_left(&mut self) {
        let left = async { while self.inputs.recv().await.is_some() {} };
        tokio::time::timeout(PATIENCE, left).await.unwrap();
    }
}
