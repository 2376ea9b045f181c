//! The certificates of checkpoints, from the shares that validators post.

use super::feed::{Feed, Pauses};
use super::tallies::{COUNTED, Shares, Tallies};
use crate::core::ChainInput;
use crate::store::types::Anchored;
use crate::store::{NodeStore, NodeStoreError};
use alloy_primitives::B256;
use fallow_chain::{CertifyError, ChainError, Client, ShareReader};
use fallow_protocol::{Certificate, Checkpoint, NetworkFile, Set};
use std::sync::Arc;

/// Anchorings that are looked at at a time.
const PAGE: usize = 64;

/// Makes certificates of what stands on the bulletin: of the newest checkpoints, and of each that
/// was anchored. The others of an old history are never asked for: a newer one covers their records.
#[derive(Debug)]
pub struct Certifier {
    client: Client,
    bulletin: alloy_primitives::Address,
    store: Arc<dyn NodeStore>,
    tallies: Tallies,
    reader: ShareReader,
    /// Anchorings of this sidechain block and above are not looked at yet.
    anchored: u64,
}

/// Why there are no certificates now.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Store(#[from] NodeStoreError),
    /// The validators have signed two histories.
    #[error(
        "mainnet has anchored root {} at size {} for block {}, the log has {want} at size {size}",
        anchored.root, anchored.size, anchored.sidechain_block
    )]
    Forked {
        /// What is anchored.
        anchored: Box<Anchored>,
        /// The log's root after that block.
        want: B256,
        /// Records in the log after it.
        size: u64,
    },
}

/// A certificate with its block.
type Certified = (u64, Certificate);

/// Brings certificates to the core until it has ended.
pub async fn certificates(mut certifier: Certifier, feed: Feed) {
    let mut pauses = Pauses::new(feed.poll);
    loop {
        let pause = match certifier.look(&feed).await {
            Some(Ok(())) => pauses.after_success(),
            Some(Err(error @ LookError::Forked { .. })) => {
                // Nobody can say any more which of the two records are settled.
                let stopped = ChainInput::Stopped(error.to_string());
                return if feed.say(stopped).await.is_none() {
                    tracing::debug!("the core has ended");
                };
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "no certificates at the moment");
                pauses.after_failure()
            }
            None => return,
        };
        if feed.pause(pause).await.is_none() {
            return;
        }
    }
}

impl Certifier {
    /// Reads the sidechain's bulletin; the checkpoints are those of the store.
    #[must_use]
    pub fn new(
        file: &NetworkFile,
        set: Set,
        client: Client,
        store: Arc<dyn NodeStore>,
        shares: Shares,
    ) -> Self {
        let sidechain = &file.network.sidechain;
        let reader = ShareReader::new(client.clone(), sidechain.bulletin, &set, sidechain.block);
        Self {
            client,
            bulletin: sidechain.bulletin,
            store,
            tallies: Tallies::new(set, shares),
            reader,
            anchored: 0,
        }
    }

    /// Brings what is new; `None` if the core has ended.
    async fn look(&mut self, feed: &Feed) -> Option<Result<(), LookError>> {
        loop {
            match self.newest().await {
                Ok(Some(certified)) => say(feed, certified).await?,
                Ok(None) => break,
                Err(error) => return Some(Err(error)),
            }
        }
        loop {
            match self.anchored().await {
                Ok(Some(certified)) => say(feed, vec![certified]).await?,
                Ok(None) => return Some(Ok(())),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Counts the next range's shares over the newest checkpoints; `None` if there is no range.
    async fn newest(&mut self) -> Result<Option<Vec<Certified>>, LookError> {
        let Some(head) = self.store.head()? else {
            return Ok(None);
        };
        let newest = self.store.checkpoints(None, COUNTED, false)?;
        let Some(oldest) = newest.last() else {
            return Ok(None);
        };
        // Nobody can have signed a block before it was there.
        self.reader.skip_to(oldest.checkpoint.block_number.saturating_add(1));
        for known in newest.iter().rev() {
            self.tallies.expect(known.checkpoint);
        }
        // Shares in blocks that the store has are over checkpoints that it has.
        let Some(shares) = self.reader.read(head.block.number).await? else {
            return Ok(None);
        };
        let certified = shares.iter().filter_map(|share| {
            let certificate = self.tallies.add(share)?;
            Some((share.block_number, certificate))
        });
        Ok(Some(certified.collect()))
    }

    /// The next checkpoint that was anchored and has no certificate, with the one it gets.
    async fn anchored(&mut self) -> Result<Option<Certified>, LookError> {
        for anchored in self.store.anchorings(self.anchored, PAGE)? {
            let block = anchored.sidechain_block;
            // Not there yet.
            let Some(known) = self.store.checkpoint(block)? else {
                return Ok(None);
            };
            let Checkpoint { size, root: want, .. } = known.checkpoint;
            if (anchored.size, anchored.root) != (size, want) {
                return Err(LookError::Forked { anchored: Box::new(anchored), want, size });
            }
            let after = block.saturating_add(1);
            if known.certificate.is_none() {
                let (client, set) = (&self.client, self.tallies.set());
                match client.certificate(self.bulletin, set, &known.checkpoint).await {
                    Ok(certificate) => {
                        self.anchored = after;
                        return Ok(Some((block, certificate)));
                    }
                    Err(CertifyError::Chain(error)) => return Err(error.into()),
                    // Its shares went to the relayer another way.
                    Err(error) => tracing::warn!(%error, "an anchored checkpoint is not certified"),
                }
            }
            self.anchored = after;
        }
        Ok(None)
    }
}

async fn say(feed: &Feed, certified: Vec<Certified>) -> Option<()> {
    if certified.is_empty() {
        return Some(());
    }
    feed.say(ChainInput::Certificates(certified)).await
}
