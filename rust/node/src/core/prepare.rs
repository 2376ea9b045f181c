//! What can be done for a message outside the core, on all cores: its id, its signatures, the record
//! that a release is about. The core is one thread, and must not wait for strangers' signatures.

use crate::store::{NodeStore, NodeStoreError};
use alloy_primitives::{B256, Bytes};
use fallow_ledger::{Claim, Message, Recoverer};
use fallow_node_client::NodeCode;
use fallow_protocol::{Announcement, Code, Domain, Refusal, Signature};
use rayon::prelude::*;
use std::sync::Arc;

/// A message that the core can judge without recovering who signed it.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) id: B256,
    pub(crate) message: Message,
    /// Set if there is nothing to judge.
    pub(crate) early: Option<Early>,
}

/// What is certain without the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Early {
    /// It is not signed by whom it says.
    Refused(Refusal),
    /// It cannot be judged.
    Rejected(NodeCode),
}

/// Prepares messages for all who submit.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn NodeStore>,
    pub(crate) recoverer: Recoverer,
    pub(crate) domain: Domain,
}

impl Desk {
    /// Prepares each message, in order.
    pub(crate) fn prepare(&self, messages: Vec<Message>) -> Result<Vec<Prepared>, NodeStoreError> {
        let prepared: Result<Vec<_>, _> =
            messages.into_par_iter().map(|message| self.complete(message)).collect();
        let mut prepared = prepared?;
        let domain = &self.domain;
        let claims: Vec<_> = prepared.par_iter().map(|one| one.message.claims(domain)).collect();
        self.recoverer.warm(&claims.concat());
        prepared.par_iter_mut().zip(&claims).for_each(|(one, claims)| {
            let early = one.early.or_else(|| self.forged(&one.message, claims).map(Early::Refused));
            one.early = early;
        });
        Ok(prepared)
    }

    /// Recovers signers of announcements, for the core to find. Answers those that are true.
    pub(crate) fn true_only(
        &self,
        announcements: Vec<(Announcement, Signature)>,
    ) -> Vec<Result<(Announcement, Signature), Refusal>> {
        let messages = announcements.into_par_iter().map(|(announcement, signature)| {
            let claim = self.claim(&announcement, signature);
            self.recoverer.warm(&[claim]);
            match self.unsigned(&claim, Code::ProviderSignatureInvalid) {
                None => Ok((announcement, signature)),
                Some(refusal) => Err(refusal),
            }
        });
        messages.collect()
    }

    fn claim(&self, announcement: &Announcement, signature: Signature) -> Claim {
        let digest = announcement.id(&self.domain).0;
        Claim { digest, signature, signer: Some(announcement.provider) }
    }

    /// Gives a release the record of its allocation.
    fn complete(&self, message: Message) -> Result<Prepared, NodeStoreError> {
        let id = message.id(&self.domain);
        match message {
            Message::Release { release, signatures, .. } => {
                let found = self.record(release.request_id.0)?;
                let early = found.is_none().then_some(Early::Rejected(NodeCode::AllocationUnknown));
                let record = found.unwrap_or_default();
                let message = Message::Release { release, signatures, record, path: Vec::new() };
                Ok(Prepared { id, message, early })
            }
            // Contracts append these, nobody submits them.
            Message::Append { .. } => {
                let early = Some(Early::Rejected(NodeCode::BodyMalformed));
                Ok(Prepared { id, message, early })
            }
            _ => Ok(Prepared { id, message, early: None }),
        }
    }

    fn record(&self, id: B256) -> Result<Option<Bytes>, NodeStoreError> {
        let Some(index) = self.store.index_of(id)? else {
            return Ok(None);
        };
        match self.store.log_entry(index)? {
            Some(entry) => Ok(Some(entry.record.into())),
            None => Err(NodeStoreError::Corrupt(format!("record {index} of {id} is missing"))),
        }
    }

    /// The refusal of a message that the one who speaks in it did not sign: the first rule of every
    /// kind of message that is put together right. Everything else is for the ledger.
    fn forged(&self, message: &Message, claims: &[Claim]) -> Option<Refusal> {
        let (claim, code) = match message {
            Message::Announce { .. } => (claims.first()?, Code::ProviderSignatureInvalid),
            Message::Withdraw { withdrawal, announcement, .. } => {
                let fits = announcement.id(&self.domain) == withdrawal.resource_id;
                (claims.first().filter(|_| fits)?, Code::ProviderSignatureInvalid)
            }
            Message::Request { signatures, .. } => {
                let is_whole = matches!(signatures.len(), 64 | 128);
                (claims.first().filter(|_| is_whole)?, Code::RequesterSignatureInvalid)
            }
            Message::Release { .. } => (claims.first()?, Code::RequesterSignatureInvalid),
            Message::AnnounceAndRequest { .. } | Message::Append { .. } => return None,
        };
        self.unsigned(claim, code)
    }

    fn unsigned(&self, claim: &Claim, code: Code) -> Option<Refusal> {
        let want = claim.signer?;
        if self.recoverer.knows(claim) {
            return None;
        }
        let got = claim.signature.recover_or_zero(claim.digest);
        (got != want || got.is_zero()).then(|| Refusal::new(code, got, want))
    }
}
