//! The validator's loop: the only owner of its state, and all of its input and output.

use crate::state::{self, PostStep, Posting, Postings};
use crate::store::Reserved;
use crate::{Config, Identity, Phase, Status, Store, ValidatorError};
use alloy::eips::BlockId;
use alloy::sol_types::SolCall as _;
use alloy_primitives::Address;
use fallow_chain::{Bulletin, Call, Class, Client, Follower, Sender, check_network};
use fallow_protocol::{Checkpoint, bls};
use std::time::Duration;
use tokio::sync::watch;

/// A validator with everything open.
#[derive(Debug)]
pub struct Validator {
    client: Client,
    follower: Follower,
    sender: Sender,
    store: Store,
    key: bls::SecretKey,
    bulletin: Address,
    era: u32,
    not_after: u64,
    poll_interval: Duration,
    /// The last checkpoint block that was looked at since the start.
    seen: Option<u64>,
    postings: Postings,
    status: watch::Sender<Status>,
}

impl Validator {
    /// Checks the configuration and the chain, opens the store.
    ///
    /// # Errors
    /// When anything does not belong together, is in use, or cannot be reached.
    pub async fn bind(config: Config) -> Result<Self, ValidatorError> {
        config.validate()?;
        let Config { daemon, bls_key } = config;
        let client = Client::new(&daemon.sidechain_url, daemon.limits)?;
        check_network(&daemon.network, &client, None).await?;
        let (network, key) = (&daemon.network, &daemon.account_key);
        let chain = network.network.sidechain;
        let identity = Identity { network_id: network.network_id, account: key.address() };
        let store = Store::open(&daemon.store, &identity)?;
        let sender = Sender::new(client.clone(), key, chain.chain_id, daemon.sender)?;
        let follower = Follower::new(network, client.clone(), daemon.finality);
        Ok(Self {
            client,
            follower,
            sender,
            store,
            key: bls_key,
            bulletin: chain.bulletin,
            era: network.trust.era,
            not_after: daemon.set.not_after(),
            poll_interval: daemon.poll_interval,
            seen: None,
            postings: Postings::default(),
            status: watch::Sender::new(Status::new()),
        })
    }

    /// What it is doing, also while [`Validator::run`] runs.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Runs until `shutdown` completes. Errors of the node are logged and tried again.
    ///
    /// # Errors
    /// When it refuses to sign, or cannot go on: see [`ValidatorError::exit_code`].
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ValidatorError> {
        // Dropping the loop at any of its awaits is like a crash there, which is safe.
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            error = self.serve() => Err(error),
        };
        if let Err(ValidatorError::Refused(reason)) = &ended {
            let phase = Phase::Refused(reason.clone());
            self.status.send_modify(|status| status.phase = phase);
        }
        ended
    }

    async fn serve(&mut self) -> ValidatorError {
        loop {
            if let Err(error) = self.look().await {
                if matches!(error.class(), Class::Fatal) {
                    tracing::error!(%error, exit_code = error.exit_code(), "validator stops");
                    return error;
                }
                tracing::warn!(%error, "looking again later");
            }
            tokio::time::sleep(self.poll_interval).await;
        }
    }

    /// One look at the chain: everything that is due is done once.
    async fn look(&mut self) -> Result<(), ValidatorError> {
        self.follower.sync().await?;
        self.sign_due()?;
        self.show();
        self.post_all().await
    }

    fn sign_due(&mut self) -> Result<(), ValidatorError> {
        let resume = match self.seen {
            Some(_) => None,
            None => self.store.recently_signed(self.era, state::BACKLOG)?,
        };
        let (after, limit) = state::due(self.seen, resume);
        for checkpoint in self.follower.checkpoints_after(after, limit) {
            self.sign(&checkpoint)?;
            self.seen = Some(checkpoint.block_number);
        }
        Ok(())
    }

    /// The follower has re-executed every record up to the checkpoint's block and compared the
    /// contract's root, else there would be no checkpoint.
    fn sign(&mut self, checkpoint: &Checkpoint) -> Result<(), ValidatorError> {
        state::check_expiry(checkpoint, self.not_after)?;
        let (block, digest) = (checkpoint.block_number, checkpoint.digest());
        match self.store.reserve(self.era, block, digest)? {
            Reserved::Taken(reason) => return Err(reason.into()),
            Reserved::Free => {}
        }
        let share = self.key.sign(digest);
        tracing::info!(block, %digest, size = checkpoint.size, "checkpoint signed");
        self.postings.add(block, Posting { digest, share, transaction: None });
        self.status.send_modify(|status| status.signed = Some(block));
        Ok(())
    }

    /// Takes each share one step further. One that the node refuses does not hold up the others.
    async fn post_all(&mut self) -> Result<(), ValidatorError> {
        for block in self.postings.active() {
            match self.post(block).await {
                Err(error) if matches!(error.class(), Class::Skip) => {
                    tracing::warn!(block, %error, "share not taken, trying again later");
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn post(&mut self, block: u64) -> Result<(), ValidatorError> {
        let Some(posting) = self.postings.get_mut(block) else {
            return Ok(());
        };
        if posting.next() == PostStep::Ask {
            let (validator, era) = (self.sender.address(), self.era);
            let asked = Bulletin::digestOfCall { validator, era, blockNumber: block };
            let posted = self.client.call(self.bulletin, &asked, BlockId::latest()).await?;
            if posting.is_posted(block, posted)? {
                self.done(block);
                return Ok(());
            }
            let call = post_call(self.bulletin, self.era, block, posting);
            posting.transaction = Some(self.sender.build(call).await?);
        }
        if let Some(transaction) = &mut posting.transaction {
            self.sender.follow(transaction).await?;
        }
        if posting.next() == PostStep::Done {
            self.done(block);
        }
        Ok(())
    }

    fn done(&mut self, block: u64) {
        self.postings.remove(block);
        tracing::info!(block, "share is on the bulletin");
        self.status.send_modify(|status| status.posted = status.posted.max(Some(block)));
    }

    fn show(&self) {
        self.status.send_modify(|status| {
            status.phase = Phase::Following;
            status.head = self.follower.head().map(|head| head.number);
            status.size = self.follower.size();
        });
    }
}

fn post_call(bulletin: Address, era: u32, block: u64, posting: &Posting) -> Call {
    let call = Bulletin::postCall {
        era,
        blockNumber: block,
        digest: posting.digest,
        share: posting.share.to_bytes().into(),
    };
    Call { to: Some(bulletin), data: call.abi_encode().into() }
}
