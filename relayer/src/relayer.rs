//! The relayer's loop: the only owner of its state, and all of its input and output.

use crate::state::{Head, Rules, State, Verdict, WAITING};
use crate::{Anchoring, Config, Identity, RelayerError, Status, Store};
use alloy::eips::BlockId;
use alloy::sol_types::SolCall as _;
use alloy_primitives::Address;
use fallow_chain::{
    Anchor, Call, ChainError, Class, Client, Follower, NonceAt, Sender, ShareError, ShareReader,
    TransactionState, check_network,
};
use fallow_protocol::bls::Signature;
use fallow_protocol::{Certificate, Checkpoint};
use std::time::Duration;
use tokio::sync::watch;

/// So many of the newest anchorings are looked at again when mainnet is reorganised deeper than
/// transactions were confirmed.
const REMEMBERED: usize = 64;

/// A relayer with everything open.
#[derive(Debug)]
pub struct Relayer {
    sidechain: Client,
    mainnet: Client,
    follower: Follower,
    sender: Sender,
    store: Store,
    state: State,
    rules: Rules,
    bulletin: Address,
    anchor: Address,
    poll_interval: Duration,
    /// The newest anchorings, by nonce, also settled ones.
    following: Vec<Anchoring>,
    /// What is on the bulletin; `None` before the first look at the anchor.
    shares: Option<ShareReader>,
    status: watch::Sender<Status>,
}

impl Relayer {
    /// Checks the configuration and both chains, opens the store.
    ///
    /// # Errors
    /// When anything does not belong together, is in use, or cannot be reached.
    pub async fn bind(config: Config) -> Result<Self, RelayerError> {
        let Config { daemon, mainnet_url, min_anchor_interval } = config;
        daemon.validate()?;
        let sidechain = Client::new(&daemon.sidechain_url, daemon.limits)?;
        let mainnet = Client::new(&mainnet_url, daemon.limits)?;
        check_network(&daemon.network, &sidechain, Some(&mainnet)).await?;
        let (network_id, network) = (daemon.network.network_id, &daemon.network.network);
        let identity = Identity { network_id, account: daemon.account_key.address() };
        let store = Store::open(&daemon.store, &identity)?;
        let following = store.all()?;
        let (chain, anchor) = (network.anchor_chain.chain_id, network.anchor_chain.anchor);
        let sender = Sender::new(mainnet.clone(), &daemon.account_key, chain, daemon.sender)?;
        let interval = min_anchor_interval.as_secs();
        Ok(Self {
            follower: Follower::new(&daemon.network, sidechain.clone(), daemon.finality),
            sidechain,
            mainnet,
            sender,
            store,
            rules: Rules::new(&network.parameters, daemon.set.not_after(), interval),
            state: State::new(daemon.set),
            bulletin: network.sidechain.bulletin,
            anchor,
            poll_interval: daemon.poll_interval,
            following,
            shares: None,
            status: watch::Sender::new(Status::default()),
        })
    }

    /// What it is doing, also while [`Relayer::run`] runs.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Runs until `shutdown` completes. Errors of the nodes are logged and tried again.
    ///
    /// # Errors
    /// When it cannot go on: see [`RelayerError::exit_code`].
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), RelayerError> {
        // Dropping the loop at any of its awaits is like a crash there, which is safe.
        tokio::select! {
            () = shutdown => Ok(()),
            error = self.serve() => Err(error),
        }
    }

    async fn serve(&mut self) -> RelayerError {
        loop {
            if let Err(error) = self.look().await {
                if matches!(error.class(), Class::Fatal) {
                    tracing::error!(%error, exit_code = error.exit_code(), "relayer stops");
                    return error;
                }
                tracing::warn!(%error, "looking again later");
            }
            tokio::time::sleep(self.poll_interval).await;
        }
    }

    /// One look at both chains: everything that is due is done once.
    async fn look(&mut self) -> Result<(), RelayerError> {
        self.reopen_lost().await?;
        self.follow_all().await?;
        self.follower.sync().await?;
        let head = self.head().await?;
        self.read_shares(&head).await?;
        self.show(&head);
        self.anchor_next(&head).await
    }

    /// The last anchored checkpoint, by whomever.
    async fn head(&self) -> Result<Head, ChainError> {
        let call = Anchor::headCall {};
        Ok(self.mainnet.call(self.anchor, &call, BlockId::latest()).await?.into())
    }

    /// Takes every transaction one step further: first of all after a restart, so that nothing new
    /// is sent before the old is known.
    async fn follow_all(&mut self) -> Result<(), RelayerError> {
        for anchoring in &mut self.following {
            if anchoring.transaction.is_settled() {
                continue;
            }
            let before = anchoring.transaction.clone();
            let followed = self.sender.follow(&mut anchoring.transaction).await;
            // A payload that was signed now is sent by the next look, when it is durable.
            if anchoring.transaction != before {
                self.store.put(anchoring)?;
                note(anchoring);
            }
            followed?;
            if matches!(anchoring.transaction.state, TransactionState::Final { .. }) {
                let block = Some(anchoring.block_number);
                self.status.send_modify(|status| status.settled = status.settled.max(block));
            }
        }
        let surplus = self.following.len().saturating_sub(REMEMBERED);
        self.following.drain(..surplus);
        Ok(())
    }

    /// A transaction that was settled has used its nonce. If the nonce is free again, mainnet was
    /// reorganised deeper than we waited, and nothing later can be included before it: the same
    /// payload is sent again. A node that is only behind does no harm: it has the payload already.
    async fn reopen_lost(&mut self) -> Result<(), RelayerError> {
        let used = self.mainnet.nonce(self.sender.address(), NonceAt::Latest).await?;
        for anchoring in &mut self.following {
            let transaction = &mut anchoring.transaction;
            if transaction.is_settled() && transaction.nonce >= used {
                tracing::warn!(nonce = transaction.nonce, "mainnet forgot a settled transaction");
                transaction.state = TransactionState::Built;
                self.store.put(anchoring)?;
            }
        }
        Ok(())
    }

    /// Shares stand behind their checkpoint's block, and blocks up to our head are final: what is
    /// read once needs not be read again. What was anchored before needs no shares.
    async fn read_shares(&mut self, head: &Head) -> Result<(), RelayerError> {
        let Some(last) = self.follower.head().map(|block| block.number) else {
            return Ok(());
        };
        let after = self.state.newest().unwrap_or(head.block_number);
        self.state.expect(self.follower.checkpoints_after(after, WAITING));
        let reader = self.shares.get_or_insert_with(|| {
            let (client, set) = (self.sidechain.clone(), self.state.set());
            ShareReader::new(client, self.bulletin, set, head.block_number)
        });
        while let Some(shares) = reader.read(last).await? {
            for posted in shares {
                note_share(&self.status, self.state.count(&posted));
            }
        }
        Ok(())
    }

    /// Anchors the newest certified checkpoint, unless one of ours is still on its way.
    async fn anchor_next(&mut self, head: &Head) -> Result<(), RelayerError> {
        if self.following.iter().any(Anchoring::is_open) {
            return Ok(());
        }
        // A node that is behind shows a shorter log than the one that is anchored.
        if head.size > self.follower.size() {
            return Ok(());
        }
        self.check_history(head)?;
        let latest = self.mainnet.latest().await?;
        let now = self.mainnet.block(latest).await?.time;
        if !self.rules.may_anchor(head, now)? {
            return Ok(());
        }
        let Some((checkpoint, certificate)) = self.state.choose(head, now)? else {
            return Ok(());
        };
        self.submit(head, &checkpoint, &certificate).await
    }

    /// The anchor proved that its log only grew; so it must be the beginning of ours.
    fn check_history(&self, head: &Head) -> Result<(), RelayerError> {
        let (got, want) = (head.root, self.follower.tree().root_at(head.size)?);
        if got == want {
            return Ok(());
        }
        Err(RelayerError::Fork { size: head.size, got, want })
    }

    /// Building asks the node to try the call: what would revert is not sent. Then the order
    /// matters: durable, sent, durable.
    async fn submit(
        &mut self,
        head: &Head,
        checkpoint: &Checkpoint,
        certificate: &Certificate,
    ) -> Result<(), RelayerError> {
        let proof = self.follower.tree().prove_consistency(head.size, checkpoint.size)?;
        let signature = Signature::from_bytes(certificate.signature());
        let Ok(signature) = signature else {
            return Err(fallow_protocol::CertificateError::Aggregate.into());
        };
        let call = Anchor::submitCall {
            checkpoint: (*checkpoint).into(),
            consistencyProof: proof,
            certificate: Anchor::Certificate {
                bitmap: certificate.bitmap().to_vec().into(),
                signature: signature.to_eip2537().to_vec().into(),
            },
        };
        let call = Call { to: Some(self.anchor), data: call.abi_encode().into() };
        let transaction = self.sender.build(call).await?;
        let (block_number, digest) = (checkpoint.block_number, checkpoint.digest());
        let anchoring = Anchoring { block_number, digest, transaction };
        self.store.put(&anchoring)?;
        note(&anchoring);
        self.following.push(anchoring);
        self.follow_all().await
    }

    fn show(&self, head: &Head) {
        self.status.send_modify(|status| {
            status.head = self.follower.head().map(|block| block.number);
            status.size = self.follower.size();
            status.anchored = if head.count == 0 { 0 } else { head.block_number };
            status.count = head.count;
            status.certified = self.state.certified();
        });
    }
}

fn note(anchoring: &Anchoring) {
    let transaction = &anchoring.transaction;
    tracing::info!(
        block = anchoring.block_number,
        nonce = transaction.nonce,
        hash = %transaction.hash(),
        state = ?transaction.state,
        "anchoring"
    );
}

fn note_share(status: &watch::Sender<Status>, verdict: Verdict) {
    match verdict {
        Verdict::Counted => {}
        Verdict::NoCheckpoint => tracing::debug!("share is of no checkpoint that waits"),
        // Anybody can cause this one, as often as he likes.
        Verdict::Ignored(error @ ShareError::Stranger(_)) => {
            tracing::debug!(%error, "share ignored");
        }
        Verdict::Ignored(error) => tracing::warn!(%error, "share ignored"),
    }
    status.send_modify(|status| {
        let counter = match verdict {
            Verdict::Counted => &mut status.counted,
            Verdict::NoCheckpoint | Verdict::Ignored(_) => &mut status.ignored,
        };
        *counter = counter.saturating_add(1);
    });
}
