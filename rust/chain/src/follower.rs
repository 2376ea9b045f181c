//! Follows the sidechain: the blocks of a `Fetcher`, re-executed by a `Replay` in memory.
//!
//! While one range of blocks is applied, the next one is fetched, and the signers of a range are
//! recovered on all cores first: that is most of the work. So the events of two ranges are in memory:
//! for the longest answers that are read (64 MiB unless told, in which a packed request takes 192
//! characters) about 280 MB.

use crate::replay::BlockEvents;
use crate::{ChainError, Client, Fetcher, Finality, FollowError, Replay};
use fallow_ledger::{Claim, Recoverer};
use fallow_protocol::NetworkFile;
use std::num::NonZeroUsize;
use std::ops::Deref;

/// Signatures of a range whose signers are recovered before it is applied; those of longer ranges
/// are recovered as they come. About 13 MB.
const WARMED: NonZeroUsize = NonZeroUsize::new(1 << 16).expect("not zero");

/// The ledger of one network, kept up to date from a node; derefs to its [`Replay`].
#[derive(Debug)]
pub struct Follower {
    fetcher: Fetcher,
    replay: Replay,
    recoverer: Recoverer,
    /// What comes next: fetched ahead, but not applied.
    fetched: Option<Vec<BlockEvents>>,
    /// Why nothing could be fetched ahead.
    failed: Option<ChainError>,
    disagreement: Option<crate::Disagreement>,
}

impl Deref for Follower {
    type Target = Replay;

    fn deref(&self) -> &Replay {
        &self.replay
    }
}

impl Follower {
    /// Starts before the registry's first block; nothing is asked yet. Check the network first
    /// ([`check_network`](crate::check_network)).
    #[must_use]
    pub fn new(file: &NetworkFile, client: Client, finality: Finality) -> Self {
        let recoverer = Recoverer::remembering(WARMED);
        Self {
            fetcher: Fetcher::new(file, client, finality),
            replay: Replay::new(file).with_recoverer(recoverer.clone()),
            recoverer,
            fetched: None,
            failed: None,
            disagreement: None,
        }
    }

    /// The node that is followed.
    #[must_use]
    pub const fn client(&self) -> &Client {
        self.fetcher.client()
    }

    /// Goes on to the last final block. Returns how many blocks were applied.
    ///
    /// # Errors
    /// Of the node (the same again later goes on where it stopped), or a disagreement, which stays.
    pub async fn sync(&mut self) -> Result<u64, FollowError> {
        let mut applied = 0_u64;
        loop {
            match self.step().await? {
                0 => return Ok(applied),
                blocks => applied = applied.saturating_add(blocks),
            }
        }
    }

    /// Applies one range of blocks. Returns how many, 0 when there is no new final block.
    ///
    /// # Errors
    /// As [`Follower::sync`].
    pub async fn step(&mut self) -> Result<u64, FollowError> {
        if let Some(disagreement) = &self.disagreement {
            return Err(disagreement.clone().into());
        }
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        if self.fetched.is_none() {
            self.fetched = self.fetcher.fetch().await?;
        }
        let Some(blocks) = &self.fetched else {
            return Ok(0);
        };
        let claims = self.replay.claims(blocks);
        // Should the caller give up here, what was fetched is still there.
        let warmed = warm(self.recoverer.clone(), claims);
        let next = if self.fetcher.is_behind() {
            tokio::join!(warmed, self.fetcher.fetch()).1
        } else {
            warmed.await;
            Ok(None)
        };
        let blocks = self.fetched.take().unwrap_or_default();
        match next {
            Ok(next) => self.fetched = next,
            Err(error) => self.failed = Some(error),
        }
        for block in &blocks {
            self.apply(block)?;
        }
        Ok(u64::try_from(blocks.len()).unwrap_or(u64::MAX))
    }

    fn apply(&mut self, block: &BlockEvents) -> Result<(), FollowError> {
        self.replay.apply(block).map_err(|error| {
            let disagreement = crate::Disagreement::from(error);
            self.disagreement = Some(disagreement.clone());
            disagreement.into()
        })
    }
}

/// Recovers signers on all cores, off this thread. It changes no verdict: what is left out is
/// recovered when it is applied.
async fn warm(recoverer: Recoverer, mut claims: Vec<Claim>) {
    claims.truncate(WARMED.get());
    let warmed = tokio::task::spawn_blocking(move || recoverer.warm(&claims)).await;
    if let Err(error) = warmed {
        tracing::warn!(%error, "signers were not recovered beforehand");
    }
}
