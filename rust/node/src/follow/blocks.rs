//! The sidechain's blocks.

use super::feed::{Feed, Pauses};
use crate::core::ChainInput;
use fallow_chain::{BlockEvents, ChainError, Class, Event, Fetcher};
use fallow_ledger::{Claim, Recoverer};
use fallow_protocol::Domain;

/// Brings every final block to the core, in order, until the core has ended or a final block is
/// gone. While the signers of one range of blocks are recovered, on all cores, the next range is
/// fetched. `recoverer` is that of the core's ledger.
pub async fn blocks(fetcher: Fetcher, domain: Domain, recoverer: Recoverer, feed: Feed) {
    let mut blocks = Blocks { fetcher, domain, recoverer, pauses: Pauses::new(feed.poll), feed };
    while blocks.look().await.is_some() {}
}

struct Blocks {
    fetcher: Fetcher,
    domain: Domain,
    recoverer: Recoverer,
    pauses: Pauses,
    feed: Feed,
}

impl Blocks {
    /// Brings all that is new, then pauses; `None` at the end.
    async fn look(&mut self) -> Option<()> {
        let pause = match self.catch_up().await? {
            Ok(()) => self.pauses.after_success(),
            Err(error) if error.class() == Class::Fatal => {
                tracing::error!(%error, "the sidechain cannot be followed any more");
                self.feed.say(ChainInput::Stopped(error.to_string())).await?;
                return None;
            }
            Err(error) => {
                tracing::warn!(%error, "the sidechain is away");
                self.feed.say(ChainInput::Away(error.to_string())).await?;
                self.pauses.after_failure()
            }
        };
        self.feed.pause(pause).await
    }

    /// Brings blocks until there are no more.
    async fn catch_up(&mut self) -> Option<Result<(), ChainError>> {
        let latest = match self.fetcher.client().latest_block().await {
            Ok(latest) => latest,
            Err(error) => return Some(Err(error)),
        };
        self.feed.say(ChainInput::Latest(latest)).await?;
        let mut fetched = self.fetcher.fetch().await;
        loop {
            let blocks = match fetched {
                Ok(Some(blocks)) => blocks,
                Ok(None) => {
                    self.feed.say(ChainInput::CaughtUp).await?;
                    return Some(Ok(()));
                }
                Err(error) => return Some(Err(error)),
            };
            let warmed = warm(self.recoverer.clone(), claims(&blocks, &self.domain));
            fetched = tokio::join!(warmed, self.fetcher.fetch()).1;
            self.feed.say(ChainInput::Blocks(blocks)).await?;
        }
    }
}

/// Who signed what, as far as the blocks show it: of releases only the ledger knows.
fn claims(blocks: &[BlockEvents], domain: &Domain) -> Vec<Claim> {
    let events = blocks.iter().flat_map(|block| &block.events);
    let messages = events.filter_map(|event| match event {
        Event::Recorded { message, .. } => Some(message),
        _ => None,
    });
    messages.flat_map(|message| message.claims(domain)).collect()
}

/// Recovers signers on all cores, off this thread. It changes no verdict: what fails here is done
/// when the block is applied.
async fn warm(recoverer: Recoverer, claims: Vec<Claim>) {
    let warmed = tokio::task::spawn_blocking(move || recoverer.warm(&claims)).await;
    if let Err(error) = warmed {
        tracing::warn!(%error, "signers were not recovered beforehand");
    }
}
