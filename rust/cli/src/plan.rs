//! Deployment plans: what a network will be, fixed before anything is sent, so that validators can
//! prove possession of their keys for it (`docs/protocol.md` sections 2 and 9).

use crate::error::{Context, Failure, Result};
use crate::files;
use alloy_primitives::{Address, B256};
use fallow_protocol::{FILE_VERSION, Network, NetworkId, Parameters, decimal};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Where the contracts of the sidechain will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PlannedSidechain {
    /// EIP-155 chain id.
    #[serde(with = "decimal")]
    pub(crate) chain_id: u64,
    /// The registry, from the deployer's next nonce.
    pub(crate) registry: Address,
    /// The deployer's next nonce on this chain; the bulletin takes the one after it.
    #[serde(with = "decimal")]
    pub(crate) nonce: u64,
}

/// Where the anchor will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PlannedAnchorChain {
    /// EIP-155 chain id.
    #[serde(with = "decimal")]
    pub(crate) chain_id: u64,
    /// The anchor, from the deployer's next nonce.
    pub(crate) anchor: Address,
    /// The deployer's next nonce on this chain.
    #[serde(with = "decimal")]
    pub(crate) nonce: u64,
}

/// A deployment plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Plan {
    version: u8,
    network_id: NetworkId,
    /// Account that deploys on both chains.
    pub(crate) deployer: Address,
    /// The sidechain's half.
    pub(crate) sidechain: PlannedSidechain,
    /// The half of the chain with the anchor.
    pub(crate) anchor_chain: PlannedAnchorChain,
    /// 32 random bytes.
    pub(crate) random: B256,
    /// What both contracts will be deployed with.
    pub(crate) parameters: Parameters,
}

/// A chain as the deployer finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundChain {
    /// EIP-155 chain id.
    pub(crate) id: u64,
    /// The deployer's next nonce.
    pub(crate) nonce: u64,
}

impl Plan {
    /// The plan of a deployer that deploys with its next nonces.
    pub(crate) fn new(
        deployer: Address,
        sidechain: FoundChain,
        mainnet: FoundChain,
        random: B256,
        parameters: Parameters,
    ) -> Result<Self> {
        parameters.validate().context("no network may have these parameters")?;
        let mut plan = Self {
            version: FILE_VERSION,
            network_id: NetworkId::ZERO,
            deployer,
            sidechain: PlannedSidechain {
                chain_id: sidechain.id,
                registry: deployer.create(sidechain.nonce),
                nonce: sidechain.nonce,
            },
            anchor_chain: PlannedAnchorChain {
                chain_id: mainnet.id,
                anchor: deployer.create(mainnet.nonce),
                nonce: mainnet.nonce,
            },
            random,
            parameters,
        };
        plan.network_id = plan.network().id();
        Ok(plan)
    }

    /// Reads a plan and checks that it agrees with itself.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let plan: Self = files::read_message(path, "deployment plan")?;
        let expected = Self::new(
            plan.deployer,
            FoundChain { id: plan.sidechain.chain_id, nonce: plan.sidechain.nonce },
            FoundChain { id: plan.anchor_chain.chain_id, nonce: plan.anchor_chain.nonce },
            plan.random,
            plan.parameters.clone(),
        );
        match expected.map_err(|failure| failure.at(path))? {
            expected if expected == plan => Ok(plan),
            expected => Err(Failure::new(format_args!(
                "`{}`: the networkId or an address does not follow from the plan, which gives {}",
                path.display(),
                expected.network_id
            ))
            .hint("make the plan anew with `fallow deploy plan`")),
        }
    }

    fn network(&self) -> Network {
        Network {
            sidechain_id: self.sidechain.chain_id,
            registry: self.sidechain.registry,
            anchor_chain_id: self.anchor_chain.chain_id,
            anchor: self.anchor_chain.anchor,
            salt: self.parameters.salt(self.random),
        }
    }

    /// The network to be.
    pub(crate) const fn network_id(&self) -> NetworkId {
        self.network_id
    }

    /// The anchor to be.
    pub(crate) const fn anchor(&self) -> Address {
        self.anchor_chain.anchor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let parameters = Parameters {
            checkpoint_interval: 1,
            heartbeat: 10,
            challenge_period: 60,
            query_deadline: 60,
            ring_size: 64,
            writers: Vec::new(),
        };
        let chain = |id| FoundChain { id, nonce: 3 };
        let deployer = Address::repeat_byte(1);
        Plan::new(deployer, chain(1), chain(2), B256::repeat_byte(7), parameters).unwrap()
    }

    #[test]
    fn a_plan_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        files::write_json(&path, &plan(), files::Existing::Keep).unwrap();
        assert_eq!(Plan::read(&path).unwrap(), plan());
    }

    #[test]
    fn a_plan_that_contradicts_itself_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        let mut forged = plan();
        forged.anchor_chain.anchor = Address::repeat_byte(9);
        files::write_json(&path, &forged, files::Existing::Keep).unwrap();
        assert!(Plan::read(&path).unwrap_err().what().contains("does not follow"));
    }
}
