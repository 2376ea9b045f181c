//! Whether the nodes at hand show the network that the file describes (docs/protocol.md 14).

use crate::{ChainError, Client};
use alloy_primitives::{Address, B256};
use fallow_protocol::NetworkFile;

/// Checks chain ids and code hashes of the sidechain, and of the anchor's chain if a node of it is
/// given. Every command that talks to a chain does this first.
///
/// # Errors
/// Names the first thing that differs, with what was found and what the file says.
pub async fn check_network(
    file: &NetworkFile,
    sidechain: &Client,
    mainnet: Option<&Client>,
) -> Result<(), ChainError> {
    let network = &file.network;
    let (chain, codes) = (&network.sidechain, &network.code_hashes);
    sidechain.check_chain_id(chain.chain_id).await?;
    check_code(sidechain, "registry", chain.registry, codes.registry).await?;
    check_code(sidechain, "bulletin", chain.bulletin, codes.bulletin).await?;
    if let Some(mainnet) = mainnet {
        let chain = &network.anchor_chain;
        mainnet.check_chain_id(chain.chain_id).await?;
        check_code(mainnet, "anchor", chain.anchor, codes.anchor).await?;
    }
    Ok(())
}

async fn check_code(
    client: &Client,
    contract: &'static str,
    address: Address,
    want: B256,
) -> Result<(), ChainError> {
    let got = client.code_hash(address).await?;
    if got == want {
        return Ok(());
    }
    Err(ChainError::CodeHash { contract, address, got, want })
}
