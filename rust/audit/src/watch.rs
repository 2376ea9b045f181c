//! Roots that others have signed, to be compared when the log has their size.

use crate::Flaw;
use alloy_primitives::{B256, Bytes, TxHash};
use fallow_light_client::Trust;
use fallow_protocol::{Certificate, Checkpoint, Code, Refusal};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A checkpoint with the certificate that somebody showed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// What was certified.
    pub checkpoint: Checkpoint,
    /// The quorum's signature, as it was shown (section 10).
    pub certificate: Bytes,
}

impl Certified {
    /// Whether it holds under the trusted set: checks 601 to 607. The set may have expired since:
    /// it has to have been good at the time of the block.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, trust: &Trust) -> Result<(), Flaw> {
        let Self { checkpoint, certificate } = self;
        let set = trust.set();
        let refused = |refusal| Flaw::Certificate { checkpoint: Box::new(*checkpoint), refusal };
        if checkpoint.network_id != trust.network_id() {
            let (got, want) = (checkpoint.network_id.0, trust.network_id().0);
            return Err(refused(Refusal::new(Code::NetworkMismatch, got, want)));
        }
        if checkpoint.era != trust.era() {
            return Err(refused(Refusal::new(Code::EraMismatch, checkpoint.era, trust.era())));
        }
        if checkpoint.set_number != set.number() || !checkpoint.next_set.is_zero() {
            let (got, want) = (checkpoint.set_number, set.number());
            return Err(refused(Refusal::new(Code::SetMismatch, got, want)));
        }
        if checkpoint.block_time > set.not_after() {
            let (got, want) = (checkpoint.block_time, set.not_after());
            return Err(refused(Refusal::new(Code::SetExpired, got, want)));
        }
        let malformed = || Refusal::new(Code::CertificateMalformed, 0_u64, set.members().len());
        let certificate = Certificate::decode(certificate).map_err(|_| refused(malformed()))?;
        certificate.verify(set, checkpoint.digest()).map(|_| ()).map_err(refused)
    }
}

/// An anchoring on mainnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchoring {
    /// Sidechain block of the checkpoint.
    pub sidechain_block: u64,
    /// Records under it.
    pub size: u64,
    /// Its root.
    pub root: B256,
    /// Mainnet block.
    pub block: u64,
    /// The transaction.
    pub transaction: TxHash,
}

/// What a log is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Checkpoints that were shown with certificates.
    pub certified: Vec<Certified>,
    /// Anchorings on mainnet.
    pub anchored: Vec<Anchoring>,
}

/// Verified roots by size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    certified: BTreeMap<u64, Vec<Checkpoint>>,
    anchored: BTreeMap<u64, Vec<Anchoring>>,
    /// How many of each were compared.
    pub(crate) compared: (u64, u64),
}

impl Watch {
    /// Verifies every certificate.
    pub(crate) fn new(expected: &Expected, trust: &Trust) -> Result<Self, Flaw> {
        let mut watch = Self::default();
        let verified = expected.certified.par_iter().map(|certified| certified.verify(trust));
        // The first in order, however fast the others are.
        verified.collect::<Vec<_>>().into_iter().collect::<Result<(), Flaw>>()?;
        for certified in &expected.certified {
            let at = watch.certified.entry(certified.checkpoint.size).or_default();
            if !at.contains(&certified.checkpoint) {
                at.push(certified.checkpoint);
            }
        }
        for anchored in &expected.anchored {
            watch.anchored.entry(anchored.size).or_default().push(*anchored);
        }
        Ok(watch)
    }

    /// The first certified checkpoint above a record.
    pub(crate) fn above(&self, index: u64) -> Option<&Checkpoint> {
        self.certified.range(index.saturating_add(1)..).next()?.1.first()
    }

    /// Whether anything is known of a log of this size.
    pub(crate) fn has(&self, size: u64) -> bool {
        self.certified.contains_key(&size) || self.anchored.contains_key(&size)
    }

    /// Compares all roots of a size with that of the records.
    pub(crate) fn compare(&mut self, size: u64, want: B256) -> Result<(), Flaw> {
        for checkpoint in self.certified.get(&size).into_iter().flatten() {
            self.compared.0 = self.compared.0.saturating_add(1);
            if checkpoint.root != want {
                return Err(Flaw::Root { checkpoint: Box::new(*checkpoint), want });
            }
        }
        for anchoring in self.anchored.get(&size).into_iter().flatten() {
            self.compared.1 = self.compared.1.saturating_add(1);
            if anchoring.root != want {
                let Anchoring { block, transaction, sidechain_block, root: got, .. } = *anchoring;
                return Err(Flaw::Anchored {
                    block,
                    transaction,
                    sidechain_block,
                    size,
                    got,
                    want,
                });
            }
        }
        Ok(())
    }

    /// Anchorings of logs that are larger than what was audited.
    pub(crate) fn anchored_beyond(&self, size: u64) -> u64 {
        let beyond = self.anchored.range(size.saturating_add(1)..);
        beyond.map(|(_, anchored)| anchored.len() as u64).sum()
    }
}
