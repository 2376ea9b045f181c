//! What others keep of a log: anchorings on mainnet, certificates that a node has.

use crate::{Anchoring, Certified};
use fallow_chain::{AnchorReader, ChainError, Client};
use fallow_node_client::{ClientError, NodeClient};
use fallow_protocol::NetworkFile;

/// Checkpoints of one question to a node.
const PAGE: u16 = 1_000;

/// All anchorings of a network, as mainnet's latest block has them. Chain id and code of the anchor
/// are checked first.
///
/// # Errors
/// When the node does not answer, contradicts itself, or is of another network.
pub async fn anchorings(
    network: &NetworkFile,
    mainnet: Client,
) -> Result<Vec<Anchoring>, ChainError> {
    check_anchor(network, &mainnet).await?;
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

async fn check_anchor(network: &NetworkFile, mainnet: &Client) -> Result<(), ChainError> {
    let chain = &network.network.anchor_chain;
    mainnet.check_chain_id(chain.chain_id).await?;
    let (contract, address) = ("anchor", chain.anchor);
    let (got, want) = (mainnet.code_hash(address).await?, network.network.code_hashes.anchor);
    match got == want {
        true => Ok(()),
        false => Err(ChainError::CodeHash { contract, address, got, want }),
    }
}

/// All certified checkpoints that a node has, oldest first; none from a server that only has the
/// static files.
///
/// # Errors
/// When the server does not answer.
pub async fn certified_by(node: &NodeClient) -> Result<Vec<Certified>, ClientError> {
    let (mut all, mut after): (Vec<Certified>, Option<String>) = (Vec::new(), None);
    loop {
        let page = match node.certified_checkpoints(after.as_deref(), PAGE).await {
            Ok(page) => page,
            Err(error) if is_static(&error) && all.is_empty() => return Ok(all),
            Err(error) => return Err(error),
        };
        let before = all.last().map_or(u64::MAX, |last| last.checkpoint.block_number);
        let items = page.items.into_iter().filter_map(|answer| {
            let (checkpoint, certificate) = (answer.checkpoint, answer.certificate?);
            Some(Certified { checkpoint, certificate })
        });
        let items: Vec<_> = items.filter(|item| item.checkpoint.block_number < before).collect();
        let is_progress = !items.is_empty();
        all.extend(items);
        after = page.next;
        // A node that repeats itself does not keep us.
        if after.is_none() || !is_progress {
            all.reverse();
            return Ok(all);
        }
    }
}

fn is_static(error: &ClientError) -> bool {
    error.is_not_found()
        || matches!(error, ClientError::Status { status: 404, .. } | ClientError::Garbage { .. })
}
