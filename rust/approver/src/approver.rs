//! An approver: a key, a policy, and a memory.

use crate::claim::{Claim, dates};
use crate::store::{Counted, Store};
use crate::{ApproveError, Policy};
use alloy_primitives::Address;
use fallow_protocol::{
    ApprovalFile, Domain, FILE_VERSION, NetworkFile, NetworkId, Refusal, RequestFile, SecretKey,
};
use fallow_store::{Identity, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// What an approver is made of.
#[derive(Debug)]
pub struct Config {
    /// Signs requests; announcements name its address.
    pub key: SecretKey,
    /// The network that it signs for.
    pub network: NetworkFile,
    /// File that remembers what was signed. Whoever loses it gives everybody a new allowance.
    pub store: PathBuf,
}

/// Signs requests by the policy of the moment.
#[derive(Debug)]
pub struct Approver {
    key: SecretKey,
    address: Address,
    domain: Domain,
    store: Store,
    policy: watch::Sender<Arc<Policy>>,
}

impl Approver {
    /// Opens the store.
    ///
    /// # Errors
    /// When the store is in use, of another schema, or of another approver or network.
    pub fn open(config: Config, policy: Policy) -> Result<Self, StoreError> {
        let Config { key, network, store } = config;
        let address = key.address();
        let identity = Identity { network_id: network.network_id, account: address };
        let store = Store::open(&store, &identity)?;
        let policy = watch::Sender::new(Arc::new(policy));
        Ok(Self { key, address, domain: network.domain(), store, policy })
    }

    /// Signs a request that the policy allows at time `now`, unix seconds. What it signs is counted
    /// on the disk before it returns. An approval that the file brings is not looked at.
    ///
    /// # Errors
    /// When the request is refused, or the store fails.
    pub fn approve(&self, file: &RequestFile, now: u64) -> Result<ApprovalFile, ApproveError> {
        let policy = self.policy();
        let request = &file.request;
        let name = policy.requester(request.requester).map_or("", |entry| &entry.name);
        let (requester, volume) = (request.requester, request.volume);
        match self.decide(&policy, file, now) {
            Ok((claim, counted)) => {
                tracing::info!(
                    id = %claim.id, %requester, name, volume, days = dates(&claim.days), ?counted,
                    "request approved"
                );
                Ok(ApprovalFile {
                    version: FILE_VERSION,
                    network_id: self.domain.network_id,
                    request_id: claim.id,
                    approver: self.address,
                    signature: self.key.sign(claim.id.0),
                })
            }
            Err(error) => {
                if let ApproveError::Refused(refusal) = &error {
                    tracing::info!(%requester, name, volume, %refusal, "request refused");
                }
                Err(error)
            }
        }
    }

    fn decide(
        &self,
        policy: &Policy,
        file: &RequestFile,
        now: u64,
    ) -> Result<(Claim, Counted), ApproveError> {
        let claim = Claim::judge(&self.domain, policy, file, now)?;
        let counted: Result<Counted, Refusal> = self.store.count(&claim, now)?;
        Ok((claim, counted?))
    }

    /// The policy of the moment.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
    }

    /// Judges all later requests by another policy. What was counted stays counted.
    pub fn set_policy(&self, policy: Policy) {
        self.policy.send_replace(Arc::new(policy));
    }

    /// What announcements name as their approver.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The network that it signs for.
    #[must_use]
    pub const fn network_id(&self) -> NetworkId {
        self.domain.network_id
    }
}
