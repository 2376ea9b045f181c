//! Section 4.5: withdrawals.

use crate::{Ledger, check};
use fallow_protocol::{Announcement, Body, Record, Refusal, Withdrawal, WithdrawalBody};

impl Ledger {
    /// Closes a resource to new requests, or says which rule the withdrawal breaks first.
    pub(crate) fn withdraw(
        &mut self,
        withdrawal: &Withdrawal,
        announcement: &Announcement,
        signatures: &[u8],
        now: u64,
    ) -> Result<Record, Refusal> {
        use check::withdrawal::{brought, decode, open, provider};
        let signature = decode(signatures)?;
        let (id, own) = (announcement.id(&self.domain), withdrawal.id(&self.domain));
        brought(id, withdrawal)?;
        let evidence = provider(&self.state, own, signature, announcement.provider)?;
        open(&self.state, id)?;
        let resource_index = self.state_mut().withdraw(id);
        let body = WithdrawalBody {
            resource_id: id,
            resource_index,
            provider: announcement.provider,
            timestamp: withdrawal.timestamp,
            evidence: evidence.hash(),
        };
        Ok(self.record(Body::Withdrawal(body), now))
    }
}
