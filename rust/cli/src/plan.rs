//! Deployment plans: what a network will be, fixed before anything is sent, so that validators can
//! prove possession of their keys for it (`docs/protocol.md` sections 2 and 9).

use crate::error::{Context, Failure, Result};
use crate::files;
use alloy_primitives::{Address, B256};
use fallow_chain::{DeployPlan, DeployerChain};
use fallow_protocol::{FILE_VERSION, NetworkId, Parameters, decimal};
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

impl Plan {
    /// The file of a plan.
    pub(crate) fn of(plan: DeployPlan) -> Result<Self> {
        plan.parameters.validate().context("no network may have these parameters")?;
        Ok(Self {
            version: FILE_VERSION,
            network_id: plan.network_id(),
            sidechain: PlannedSidechain {
                chain_id: plan.sidechain.chain_id,
                registry: plan.registry(),
                nonce: plan.sidechain.nonce,
            },
            anchor_chain: PlannedAnchorChain {
                chain_id: plan.anchor_chain.chain_id,
                anchor: plan.anchor(),
                nonce: plan.anchor_chain.nonce,
            },
            deployer: plan.deployer,
            random: plan.random,
            parameters: plan.parameters,
        })
    }

    /// Reads a plan and checks that it agrees with itself.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let plan: Self = files::read_message(path, "deployment plan")?;
        let expected = Self::of(plan.deploy_plan()).map_err(|failure| failure.at(path))?;
        if expected == plan {
            return Ok(plan);
        }
        Err(Failure::new(format_args!(
            "`{}`: the networkId or an address does not follow from the plan, which gives {}",
            path.display(),
            expected.network_id
        ))
        .hint("make the plan anew with `fallow deploy plan`"))
    }

    /// What is deployed.
    pub(crate) fn deploy_plan(&self) -> DeployPlan {
        DeployPlan {
            deployer: self.deployer,
            sidechain: DeployerChain {
                chain_id: self.sidechain.chain_id,
                nonce: self.sidechain.nonce,
            },
            anchor_chain: DeployerChain {
                chain_id: self.anchor_chain.chain_id,
                nonce: self.anchor_chain.nonce,
            },
            random: self.random,
            parameters: self.parameters.clone(),
        }
    }

    /// The network to be.
    pub(crate) const fn network_id(&self) -> NetworkId {
        self.network_id
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
        let chain = |chain_id| DeployerChain { chain_id, nonce: 3 };
        Plan::of(DeployPlan {
            deployer: Address::repeat_byte(1),
            sidechain: chain(1),
            anchor_chain: chain(2),
            random: B256::repeat_byte(7),
            parameters,
        })
        .unwrap()
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
