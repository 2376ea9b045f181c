//! Member files: what a validator hands to whoever deploys the network.

use crate::error::{Context, Failure, Result};
use crate::files;
use alloy_primitives::{Address, FixedBytes};
use fallow_chain::{DeployPlan, Founder};
use fallow_protocol::bls::{
    self, KEY_BYTES, Possession, PublicKey, SIGNATURE_POINT_BYTES, Signature,
};
use fallow_protocol::{FILE_VERSION, NetworkId, decimal};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One validator's account, weight and key, with the proof that it has the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MemberFile {
    version: u8,
    network_id: NetworkId,
    /// Account that posts the validator's shares.
    pub(crate) account: Address,
    #[serde(with = "decimal")]
    weight: u64,
    /// G2 point as EIP-2537 has it.
    key: FixedBytes<KEY_BYTES>,
    /// G1 point as EIP-2537 has it (`docs/protocol.md` section 9).
    proof_of_possession: FixedBytes<SIGNATURE_POINT_BYTES>,
}

impl MemberFile {
    /// The member file of `owner`, signed with its key.
    pub(crate) fn new(owner: &Possession, weight: u64, key: &bls::SecretKey) -> Self {
        Self {
            version: FILE_VERSION,
            network_id: owner.network_id,
            account: owner.member,
            weight,
            key: key.public_key().to_eip2537().into(),
            proof_of_possession: key.prove_possession(owner).to_eip2537().into(),
        }
    }

    /// Reads a member file and checks the proof, so that no deployment is paid in vain.
    pub(crate) fn read(path: &Path, plan: &DeployPlan) -> Result<Founder> {
        let file: Self = files::read_message(path, "member file")?;
        file.check(plan).map_err(|failure| failure.at(path))
    }

    fn check(&self, plan: &DeployPlan) -> Result<Founder> {
        let again = "make it anew with `fallow keys prove` and this plan";
        let (got, want) = (self.network_id, plan.network_id());
        if got != want {
            let what = format!("it is for the network {got}, not {want}");
            return Err(Failure::new(what).hint(again));
        }
        if self.weight == 0 {
            return Err(Failure::new("its weight is 0, expected at least 1").hint(again));
        }
        let key = PublicKey::from_eip2537(&self.key.0).context("its key is none")?;
        let proof = Signature::from_eip2537(&self.proof_of_possession.0)
            .context("its proof of possession is none")?;
        if !key.proves_possession(&plan.possession(self.account), &proof) {
            let what = "its proof of possession is not this key's for this account and network";
            return Err(Failure::new(what).hint(again));
        }
        Ok(Founder { address: self.account, weight: self.weight, key, proof })
    }
}
