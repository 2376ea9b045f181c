//! What tests do to a network from outside, and see of it: records go in on the sidechain, anchors
//! come out on mainnet.

use crate::{DevAccount, Devnet, DevnetError, poll};
use alloy::eips::BlockId;
use alloy::sol_types::{SolCall, SolEvent as _};
use alloy_primitives::{Address, B256, Bytes};
use fallow_chain::{
    Anchor, AnswerError, Bulletin, Call, ChainError, Client, Limits, NonceAt, Registry, Sender,
    SenderConfig,
};
use fallow_protocol::{
    Announcement, NetworkFile, Request, ResourceId, SecretKey, bls::SIGNATURE_BYTES,
};
use std::time::Duration;

/// Everything that is waited for takes a few seconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(50);

/// Blocks on chains of tests are short, and seldom go away.
const SENDER: SenderConfig =
    SenderConfig { confirmations: 2, patience: 20, poll: Duration::from_millis(50) };

/// One hour.
const SLOT_SECONDS: u32 = 3_600;
/// Slots of a resource of [`Probe::announce`].
const SLOTS: u64 = 24;

/// A provider and a requester with coins, and eyes on both chains.
#[derive(Debug)]
pub struct Probe {
    network: NetworkFile,
    sidechain: Client,
    mainnet: Client,
    provider: DevAccount,
    requester: DevAccount,
    sender: Sender,
    sequence: u64,
}

/// The accounts that a [`Probe`] uses; they need coins on the sidechain.
#[must_use]
pub fn probe_accounts() -> [Address; 2] {
    ["provider", "requester"].map(|name| DevAccount::new(name).address())
}

impl Probe {
    /// Looks at `devnet`, which funds [`probe_accounts`].
    ///
    /// # Errors
    /// When a URL is none.
    pub fn new(devnet: &Devnet) -> Result<Self, DevnetError> {
        Self::at(&devnet.network, devnet.sidechain.url(), devnet.mainnet.url())
    }

    /// Looks at the network of `network` through one node of each chain.
    ///
    /// # Errors
    /// When a URL is none.
    pub fn at(network: &NetworkFile, sidechain: &str, mainnet: &str) -> Result<Self, DevnetError> {
        let sidechain = Client::new(sidechain, Limits::default())?;
        let provider = DevAccount::new("provider");
        let chain = network.network.sidechain.chain_id;
        Ok(Self {
            sender: Sender::new(sidechain.clone(), provider.key(), chain, SENDER)?,
            network: network.clone(),
            mainnet: Client::new(mainnet, Limits::default())?,
            requester: DevAccount::new("requester"),
            sidechain,
            provider,
            sequence: 0,
        })
    }

    /// Leaves out numbers that an earlier probe of the same network used.
    pub const fn skip(&mut self, announcements: u64) {
        self.sequence = self.sequence.saturating_add(announcements);
    }

    /// A node of the sidechain.
    #[must_use]
    pub const fn sidechain(&self) -> &Client {
        &self.sidechain
    }

    /// A node of mainnet.
    #[must_use]
    pub const fn mainnet(&self) -> &Client {
        &self.mainnet
    }

    /// Time of the sidechain's latest block, unix seconds.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn now(&self) -> Result<u64, DevnetError> {
        Ok(self.sidechain.block(self.sidechain.latest().await?).await?.time)
    }

    /// Announces a new resource of volume 1, and returns its id with the log's size after it.
    ///
    /// # Errors
    /// When the registry refuses, or the node does not answer.
    pub async fn announce(&mut self) -> Result<(ResourceId, u64), DevnetError> {
        self.sequence = self.sequence.saturating_add(1);
        let start_time = self.now().await?;
        let life = SLOTS.saturating_mul(u64::from(SLOT_SECONDS));
        let announcement = Announcement {
            provider: self.provider.address(),
            approver: Address::ZERO,
            volume: 1,
            start_time,
            end_time: start_time.saturating_add(life),
            slot_seconds: SLOT_SECONDS,
            notice_seconds: 0,
            // Makes each announcement another one.
            timestamp: self.sequence,
            offer: B256::ZERO,
        };
        let id = announcement.id(&self.network.domain());
        let signatures = Bytes::copy_from_slice(self.provider.key().sign(id.0).0.as_slice());
        let call = Registry::announceCall { announcement: announcement.into(), signatures };
        Ok((id, self.record(&call).await?))
    }

    /// Announces a new resource and allocates its first slot; returns the log's size after it.
    ///
    /// # Errors
    /// When the registry refuses, or the node does not answer.
    pub async fn allocate(&mut self) -> Result<u64, DevnetError> {
        let (resource_id, _) = self.announce().await?;
        let call = Registry::resourceOfCall { resourceId: resource_id.0 };
        let registry = self.network.network.sidechain.registry;
        let resource = self.sidechain.call(registry, &call, BlockId::latest()).await?;
        let request = Request {
            resource_id,
            requester: self.requester.address(),
            volume: 1,
            start_time: resource.startTime,
            end_time: resource.startTime.saturating_add(u64::from(SLOT_SECONDS)),
            timestamp: self.now().await?,
            sequence: self.sequence,
        };
        let id = request.id(&self.network.domain());
        let signatures = Bytes::copy_from_slice(self.requester.key().sign(id.0).0.as_slice());
        let call = Registry::requestCall { message: request.into(), signatures };
        self.record(&call).await
    }

    /// Posts a share as anybody, over whatever.
    ///
    /// # Errors
    /// When the bulletin refuses, or the node does not answer.
    pub async fn post(
        &self,
        key: &SecretKey,
        block: u64,
        digest: B256,
        share: [u8; SIGNATURE_BYTES],
    ) -> Result<(), DevnetError> {
        let network = &self.network.network.sidechain;
        let share = Bytes::copy_from_slice(&share);
        let call = Bulletin::postCall { era: 0, blockNumber: block, digest, share };
        let call = Call { to: Some(network.bulletin), data: call.abi_encode().into() };
        let mut sender = Sender::new(self.sidechain.clone(), key, network.chain_id, SENDER)?;
        sender.send(call).await?;
        Ok(())
    }

    /// The last anchored checkpoint.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn head(&self) -> Result<Anchor::Head, DevnetError> {
        let anchor = self.network.network.anchor_chain.anchor;
        Ok(self.mainnet.call(anchor, &Anchor::headCall {}, BlockId::latest()).await?)
    }

    /// Waits until a log of `size` records is anchored.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn anchored(&self, size: u64) -> Result<Anchor::Head, DevnetError> {
        poll(&format!("{size} records anchored"), PATIENCE, PAUSE, async || {
            let head = self.head().await?;
            Ok((head.size >= size).then_some(head))
        })
        .await
    }

    /// All anchorings so far, in order.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn anchorings(&self) -> Result<Vec<Anchor::CheckpointAnchored>, DevnetError> {
        let chain = &self.network.network.anchor_chain;
        let latest = self.mainnet.latest().await?;
        let logs = self.mainnet.logs(chain.anchor, chain.block..=latest).await?;
        let events = logs.iter().map(|log| Anchor::CheckpointAnchored::decode_log(&log.inner));
        let events = events.map(|event| event.map(|event| event.data));
        let events = events.collect::<Result<_, _>>().map_err(|error| {
            ChainError::from(AnswerError::Abi { what: "CheckpointAnchored", error })
        })?;
        Ok(events)
    }

    /// Transactions that an account has in mainnet's blocks.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn sent(&self, account: Address) -> Result<u64, DevnetError> {
        Ok(self.mainnet.nonce(account, NonceAt::Latest).await?)
    }

    async fn record(&mut self, call: &impl SolCall) -> Result<u64, DevnetError> {
        let registry = self.network.network.sidechain.registry;
        let call = Call { to: Some(registry), data: call.abi_encode().into() };
        self.sender.send(call).await?;
        let size = Registry::sizeCall {};
        Ok(self.sidechain.call(registry, &size, BlockId::latest()).await?)
    }
}
