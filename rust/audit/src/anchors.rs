//! Everything that stands on mainnet.

use crate::Anchoring;
use fallow_chain::{AnchorReader, ChainError, Client};
use fallow_protocol::NetworkFile;

/// All anchorings of a network, as mainnet's latest block has them. Check the network first.
///
/// # Errors
/// When the node does not answer, or contradicts itself.
pub async fn anchorings(
    network: &NetworkFile,
    mainnet: Client,
) -> Result<Vec<Anchoring>, ChainError> {
    let mut reader = AnchorReader::new(network, mainnet);
    let mut all: Vec<Anchoring> = Vec::new();
    while let Some(news) = reader.read().await? {
        if let Some(void) = news.unanchored_from {
            all.retain(|anchoring| anchoring.block < void);
        }
        all.extend(news.anchored.iter().map(|anchored| Anchoring {
            sidechain_block: anchored.sidechain_block,
            size: anchored.size,
            root: anchored.root,
            block: anchored.block,
            transaction: anchored.transaction,
        }));
    }
    Ok(all)
}
