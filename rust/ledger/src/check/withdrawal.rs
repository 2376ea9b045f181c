//! Section 4.5: withdrawals.

use super::{announced, single};
use crate::state::State;
use alloy_primitives::{Address, B256};
use fallow_protocol::{Code, Evidence, Refusal, ResourceId, Signature, Withdrawal};

/// One signature.
pub(crate) fn decode(signatures: &[u8]) -> Result<Signature, Refusal> {
    single(signatures)
}

/// Rule 1: the announcement is the resource's.
pub(crate) fn brought(id: ResourceId, withdrawal: &Withdrawal) -> Result<(), Refusal> {
    announced(id.0, withdrawal.resource_id.0)
}

/// Rule 2: the provider signed.
pub(crate) fn provider(
    state: &State,
    id: B256,
    signature: Signature,
    provider: Address,
) -> Result<Evidence, Refusal> {
    let signed = state.recoverer.signed_by(&signature, id, provider);
    signed.map_err(|got| Refusal::new(Code::ProviderSignatureInvalid, got, provider))?;
    Ok(Evidence::of(signature))
}

/// Rule 3: open until now.
pub(crate) fn open(state: &State, id: ResourceId) -> Result<(), Refusal> {
    match state.resource(id) {
        Some(resource) if resource.withdrawn => {
            Err(Refusal::new(Code::ResourceWithdrawn, id, 0_u64))
        }
        _ => Ok(()),
    }
}
