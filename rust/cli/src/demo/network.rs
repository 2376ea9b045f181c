//! The parts of the story that run: two chains, four validators, one relayer, one node.

use super::stage::{Stage, not_as_told};
use crate::error::{Context, Result};
use crate::local::{Daemons, Nodes, VALIDATORS, devnet_failure, free_address, furnish};
use fallow_chain::{Anchor, Client, Limits};
use fallow_devnet::{DevAccount, Devnet, DevnetOptions, ManagedProcess, poll};
use fallow_node_client::NodeClient;
use fallow_protocol::{NetworkFile, Set};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// People of the story with an account.
const PEOPLE: [&str; 6] = ["provider", "requester", "second", "stranger", "relayer", "node"];
/// Shares, certificate, transaction and their blocks take some seconds.
const ANCHOR_PATIENCE: Duration = Duration::from_secs(60);
const ANCHOR_POLL: Duration = Duration::from_millis(100);
/// It opens its store, re-executes a few blocks, and listens.
const NODE_PATIENCE: Duration = Duration::from_secs(30);
const NODE_POLL: Duration = Duration::from_millis(50);
/// A daemon that was asked to end does so at its next look at the chain.
const GRACE: Duration = Duration::from_secs(10);

/// Everything that runs. Dropping it ends it.
pub(crate) struct Network {
    devnet: Devnet,
    daemons: Vec<ManagedProcess>,
    nodes: Nodes,
}

/// What is left of the network when nothing of it runs any more.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The network file's content.
    pub(crate) network: NetworkFile,
    /// The validator set.
    pub(crate) set: Set,
}

impl Network {
    /// Starts chains, contracts and daemons.
    pub(crate) async fn start(stage: &mut Stage<'_>) -> Result<Self> {
        stage.step("Two chains and the contracts of a new network")?;
        let folder = stage.folder.clone();
        let writing = tokio::task::spawn_blocking(move || furnish(&folder, &PEOPLE, VALIDATORS));
        let mut options = DevnetOptions::new(stage.folder.path());
        options.validators = VALIDATORS;
        options.funded = PEOPLE.iter().map(|name| DevAccount::new(name).address()).collect();
        let devnet = Devnet::start(&options).await.map_err(|error| devnet_failure(&error))?;
        writing.await.context("the keys were not written")??;
        let listen = free_address()?;
        let nodes = Nodes {
            sidechain: devnet.sidechain.url().to_owned(),
            mainnet: devnet.mainnet.url().to_owned(),
            api: format!("http://{listen}"),
            // Its blocks are decided one by one, so the latest is final.
            finality: "latest",
        };
        let mut network = Self { devnet, daemons: Vec::new(), nodes };
        network.introduce(stage)?;
        network.start_daemons(stage, listen).await?;
        Ok(network)
    }

    fn introduce(&self, stage: &mut Stage<'_>) -> Result<()> {
        let part = &self.devnet.network.network;
        for (name, chain, contracts) in [
            ("sidechain", &self.devnet.sidechain, format!("registry {}", part.sidechain.registry)),
            ("mainnet", &self.devnet.mainnet, format!("anchor {}", part.anchor_chain.anchor)),
        ] {
            let (id, process) = (chain.chain_id(), chain.process().id());
            stage.say(&format!("{name:<10} chain {id}, process {process}, {contracts}"))?;
        }
        stage.say(&format!("network    {}", self.devnet.network.network_id))?;
        stage.why(
            "the id binds both contracts and all parameters, and everything that is signed binds \
             the id; no contract has an owner or a setter, so nobody can change anything later",
        )
    }

    async fn start_daemons(&mut self, stage: &mut Stage<'_>, listen: SocketAddr) -> Result<()> {
        stage.step("Four validators, a relayer and a node, each a process of its own")?;
        let daemons =
            Daemons { program: &stage.program, folder: &stage.folder, nodes: &self.nodes };
        let validators = (1..=VALIDATORS).map(|number| daemons.validator(number));
        for spec in validators.chain([daemons.relayer(), daemons.node(listen)]) {
            let process = ManagedProcess::spawn(&spec).map_err(|error| devnet_failure(&error))?;
            self.daemons.push(process);
        }
        let running =
            self.daemons.iter().map(|process| format!("{} ({})", process.name(), process.id()));
        stage.say(&running.collect::<Vec<_>>().join(", "))?;
        stage.why(
            "each validator re-executes every record itself before it signs; three of four must \
             agree; the relayer only carries what they signed; the node takes messages over HTTP \
             and answers questions, and whoever asks it verifies the answer: nobody has to trust \
             either",
        )?;
        self.wait_for_node().await
    }

    /// Waits until the node takes messages.
    async fn wait_for_node(&mut self) -> Result<()> {
        let client = NodeClient::new(&self.nodes.api, fallow_node_client::Limits::default())
            .context("cannot ask the node")?;
        let daemons = &mut self.daemons;
        let ready = poll("the node takes messages", NODE_PATIENCE, NODE_POLL, async || {
            daemons.iter_mut().try_for_each(ManagedProcess::require_running)?;
            // Until it listens, it cannot be reached.
            let is_ready = client.status().await.is_ok_and(|status| status.not_ready.is_none());
            Ok::<_, fallow_devnet::DevnetError>(is_ready.then_some(()))
        });
        ready.await.map_err(|error| devnet_failure(&error))
    }

    /// Where commands reach its chains.
    pub(crate) const fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Waits until the anchor holds a checkpoint above the request's record.
    pub(crate) async fn wait_until_anchored(
        &mut self,
        stage: &mut Stage<'_>,
        request: &str,
    ) -> Result<()> {
        stage.step("Validators sign a checkpoint, the relayer anchors it on mainnet")?;
        // Genesis, announcement, allocation, release, allocation.
        let wanted = 5;
        let size = self.anchored_size(wanted).await?;
        stage.say(&format!("mainnet keeps the root of all {size} records"))?;
        let levels =
            stage.run_on_both(&self.nodes, "requests", &["requests", "--json"]).await?.done()?;
        levels.says(request)?;
        levels.says("\"level\": \"anchored\"")?;
        stage.why(
            "mainnet checked the quorum's signature with one pairing, and that the log only grew: \
             not even all validators together can rewrite what is anchored",
        )
    }

    async fn anchored_size(&mut self, wanted: u64) -> Result<u64> {
        let client = Client::new(&self.nodes.mainnet, Limits::default())
            .context("cannot ask the mainnet")?;
        let anchor = self.devnet.network.network.anchor_chain.anchor;
        let daemons = &mut self.daemons;
        let call = Anchor::headCall {};
        let found = poll("the allocation is anchored", ANCHOR_PATIENCE, ANCHOR_POLL, async || {
            daemons.iter_mut().try_for_each(ManagedProcess::require_running)?;
            let head = client.call(anchor, &call, alloy::eips::BlockId::latest()).await?;
            Ok::<_, fallow_devnet::DevnetError>((head.size >= wanted).then_some(head.size))
        });
        found.await.map_err(|error| devnet_failure(&error))
    }

    /// Ends every process, and makes sure of it.
    pub(crate) async fn stop(self, stage: &mut Stage<'_>) -> Result<Ended> {
        stage.step(
            "Now every process is stopped: no chain, no validator, no relayer, no node is left",
        )?;
        let (network, set) = (self.devnet.network.clone(), self.devnet.set.clone());
        let mut ids: Vec<_> = self.daemons.iter().map(ManagedProcess::id).collect();
        ids.extend([self.devnet.sidechain.process().id(), self.devnet.mainnet.process().id()]);
        for daemon in self.daemons {
            let name = daemon.name().to_owned();
            let status = daemon.stop(GRACE).await.map_err(|error| devnet_failure(&error))?;
            if !status.success() {
                return Err(not_as_told(&format!("{name} ended with {status}")));
            }
        }
        drop(self.devnet);
        let left: Vec<_> = ids.iter().filter(|id| is_running(**id)).collect();
        if !left.is_empty() {
            return Err(not_as_told(&format!("processes {left:?} are still there")));
        }
        stage.say(&format!("{} processes have ended; what follows needs no network", ids.len()))?;
        Ok(Ended { network, set })
    }
}

/// Whether a process of this id exists, where the system shows processes as files.
fn is_running(id: u32) -> bool {
    let processes = Path::new("/proc");
    let process: PathBuf = processes.join(id.to_string());
    processes.join("self").exists() && process.exists()
}
