//! The anchorings on mainnet.

use super::feed::{Feed, Pauses};
use crate::core::{ChainInput, MainnetView};
use fallow_chain::{AnchorNews, AnchorReader};

/// Brings every anchoring to the core, and which of them mainnet took back, until the core has
/// ended. While mainnet is away nothing is said: what is anchored stays so.
pub async fn anchors(mut reader: AnchorReader, feed: Feed) {
    let mut pauses = Pauses::new(feed.poll);
    loop {
        let pause = match reader.read().await {
            Ok(Some(news)) => {
                let is_behind = news.head.number < news.latest.number;
                if feed.say(input(news)).await.is_none() {
                    return;
                }
                let pause = pauses.after_success();
                if is_behind {
                    continue;
                }
                pause
            }
            Ok(None) => pauses.after_success(),
            Err(error) => {
                tracing::warn!(%error, "mainnet is away");
                pauses.after_failure()
            }
        };
        if feed.pause(pause).await.is_none() {
            return;
        }
    }
}

fn input(news: AnchorNews) -> ChainInput {
    let AnchorNews { unanchored_from, anchored, head, latest, finalized } = news;
    let view = MainnetView { latest: latest.number, finalized, time: latest.time };
    ChainInput::Mainnet { head, unanchored_from, anchored, view }
}
