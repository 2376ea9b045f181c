//! One history: each certified checkpoint that a node shows continues the one seen before.

use super::{NodeError, VerifiedNode};
use crate::state::checkpoint_file;
use crate::types::{CheckpointAnswer, ConsistencyAnswer};
use crate::{Lie, NodeCode};
use alloy_primitives::Bytes;
use fallow_log::verify_consistency;
use fallow_protocol::{Certificate, Checkpoint, CheckpointFile, Code, Refusal};
use serde_json::json;

/// A checkpoint that a quorum of the trusted set signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// What they signed.
    pub checkpoint: Checkpoint,
    /// Their signature.
    pub certificate: Certificate,
    /// Weight that signed.
    pub weight: u64,
}

impl Certified {
    pub(crate) fn file(&self) -> CheckpointFile {
        checkpoint_file(self.checkpoint, self.certificate.encode().into())
    }
}

impl VerifiedNode {
    /// Asks for the newest certified checkpoint, and remembers it if it continues what this machine
    /// has seen.
    ///
    /// # Errors
    /// When it does not.
    pub async fn refresh(&mut self) -> Result<Option<&Certified>, NodeError> {
        let answer = match self.client.latest_checkpoint().await {
            Ok(answer) => answer,
            Err(error) if is_none_yet(error.code()) => {
                if let Some(seen) = self.state.seen()? {
                    let seen_block = seen.checkpoint.block_number;
                    return Err(self.caught(
                        Lie::Forgets { seen_block, shown_block: 0 },
                        json!({ "seen": seen, "checkpoint": null }),
                    ));
                }
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let head = self.certified(&answer)?;
        // Another process may remember something at the same time; the newest of all wins.
        loop {
            let seen = self.state.seen()?;
            if let Some(seen) = &seen {
                self.continues(seen, &head.file()).await?;
            }
            if self.state.advance(seen.as_ref(), &head.file())? {
                break;
            }
        }
        let checkpoint = head.checkpoint;
        self.known.get_mut().insert(checkpoint.block_number, checkpoint);
        Ok(Some(self.head.insert(head)))
    }

    /// Checks the certificate of a checkpoint.
    fn certified(&self, answer: &CheckpointAnswer) -> Result<Certified, NodeError> {
        self.check_expiry()?;
        self.check_certificate(answer).map_err(|lie| self.caught(lie, json!(answer)))
    }

    /// Nobody verifies anything with a set after its last second.
    fn check_expiry(&self) -> Result<(), NodeError> {
        let (now, not_after) = ((self.clock)(), self.trust.set().not_after());
        if now > not_after {
            return Err(NodeError::SetExpired(Refusal::new(Code::SetExpired, now, not_after)));
        }
        Ok(())
    }

    fn check_certificate(&self, answer: &CheckpointAnswer) -> Result<Certified, Lie> {
        let checkpoint = answer.checkpoint;
        let block = checkpoint.block_number;
        let bytes: &Bytes = answer.certificate.as_ref().ok_or(Lie::CertificateMissing(block))?;
        let certificate = Certificate::decode(bytes)
            .map_err(|error| Lie::CertificateMalformed { block, error })?;
        let not_certified = |refusal| Lie::NotCertified { block, refusal };
        self.check_trust(&checkpoint).map_err(not_certified)?;
        let weight =
            certificate.verify(self.trust.set(), checkpoint.digest()).map_err(not_certified)?;
        Ok(Certified { checkpoint, certificate, weight })
    }

    /// Network, era and set are the trusted ones (section 8).
    fn check_trust(&self, checkpoint: &Checkpoint) -> Result<(), Refusal> {
        let (trust, set) = (&self.trust, self.trust.set());
        if checkpoint.network_id != trust.network_id() {
            let (got, want) = (checkpoint.network_id, trust.network_id());
            return Err(Refusal::new(Code::NetworkMismatch, got, want));
        }
        if checkpoint.era != trust.era() {
            return Err(Refusal::new(Code::EraMismatch, checkpoint.era, trust.era()));
        }
        if checkpoint.set_number != set.number() {
            let (got, want) = (checkpoint.set_number, set.number());
            return Err(Refusal::new(Code::SetMismatch, got, want));
        }
        if !checkpoint.next_set.is_zero() {
            return Err(Refusal::new(Code::SetMismatch, checkpoint.next_set, 0_u64));
        }
        Ok(())
    }

    /// The checkpoint `shown` is of the same history as `seen`, and not older.
    async fn continues(
        &self,
        seen: &CheckpointFile,
        shown: &CheckpointFile,
    ) -> Result<(), NodeError> {
        let (old, new) = (&seen.checkpoint, &shown.checkpoint);
        if new.block_number < old.block_number {
            let (seen_block, shown_block) = (old.block_number, new.block_number);
            let lie = Lie::Forgets { seen_block, shown_block };
            return Err(self.caught(lie, json!({ "seen": seen, "shown": shown })));
        }
        self.grew(seen, shown).await
    }

    /// The log of `older` is the beginning of that of `newer`, whose block is not before.
    async fn grew(&self, older: &CheckpointFile, newer: &CheckpointFile) -> Result<(), NodeError> {
        let (old, new) = (&older.checkpoint, &newer.checkpoint);
        if old == new {
            return Ok(());
        }
        let two = || two_histories(old, new);
        let exhibit = |path: Option<&ConsistencyAnswer>| {
            let consistency = path;
            json!({ "older": older, "newer": newer, "consistency": consistency })
        };
        let same_block = new.block_number == old.block_number;
        let same_size = new.size == old.size;
        if same_block || new.size < old.size || (same_size && new.root != old.root) {
            return Err(self.caught(two(), exhibit(None)));
        }
        if same_size || old.size == 0 {
            return Ok(());
        }
        let answer = self.client.consistency(old.size, new.size).await?;
        let Err(error) = verify_consistency(old.size, old.root, new.size, new.root, &answer.path)
        else {
            return Ok(());
        };
        // A path from another old root to this new one proves that the new log has another
        // beginning than the one that was seen.
        let other = answer.from_root;
        let proves = verify_consistency(old.size, other, new.size, new.root, &answer.path);
        let lie = match proves {
            Ok(()) if other != old.root => two(),
            _ => Lie::GrowthUnproven { from: old.size, to: new.size, error },
        };
        Err(self.caught(lie, exhibit(Some(&answer))))
    }

    /// The checkpoint of a block, certified, and of the same history as the head.
    ///
    /// # Errors
    /// When it is not, or there is none.
    pub async fn checkpoint(&self, block: u64) -> Result<Checkpoint, NodeError> {
        // Held while asking: many records name the same checkpoint, which is asked for once.
        let mut known = self.known.lock().await;
        if let Some(known) = known.get(&block) {
            return Ok(*known);
        }
        let answer = self.client.checkpoint(block).await?;
        let got = answer.checkpoint.block_number;
        if got != block {
            let lie = Lie::CheckpointElsewhere { got, want: block };
            return Err(self.caught(lie, json!(answer)));
        }
        let found = self.certified(&answer)?;
        if let Some(head) = &self.head {
            match found.checkpoint.block_number <= head.checkpoint.block_number {
                true => self.grew(&found.file(), &head.file()).await?,
                false => self.grew(&head.file(), &found.file()).await?,
            }
        }
        known.insert(block, found.checkpoint);
        Ok(found.checkpoint)
    }

    /// Compares with a checkpoint that the anchor on mainnet keeps: only certified logs get there.
    ///
    /// # Errors
    /// When the node's history is not that of mainnet.
    pub async fn compare_anchor(&self, anchored: &AnchoredLog) -> Result<(), NodeError> {
        let AnchoredLog { block, size, root } = *anchored;
        let mismatch = |why, exhibit| {
            let lie = Lie::AnchorMismatch { block, size, why };
            self.caught(lie, json!({ "anchored": anchored, "consistency": exhibit }))
        };
        let Some(head) = &self.head else {
            return Err(mismatch("the node shows nothing that is certified", None));
        };
        let new = head.checkpoint;
        if new.size < size {
            return Err(mismatch("the node shows fewer records than mainnet has", None));
        }
        if size == 0 || (new.size == size && new.root == root) {
            return Ok(());
        }
        let answer = self.client.consistency(size, new.size).await?;
        match verify_consistency(size, root, new.size, new.root, &answer.path) {
            Ok(()) => Ok(()),
            Err(_) => Err(mismatch("the node's log has another beginning", Some(answer))),
        }
    }
}

/// A checkpoint as the anchor's event has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AnchoredLog {
    /// Sidechain block.
    pub block: u64,
    /// Records in the log.
    pub size: u64,
    /// Root of the log.
    pub root: alloy_primitives::B256,
}

const fn two_histories(seen: &Checkpoint, shown: &Checkpoint) -> Lie {
    Lie::TwoHistories {
        seen_block: seen.block_number,
        seen_size: seen.size,
        shown_block: shown.block_number,
        shown_size: shown.size,
    }
}

/// Whether the node says that nothing is certified yet.
fn is_none_yet(code: Option<u16>) -> bool {
    let none = [NodeCode::NotFound, NodeCode::NotCertifiedYet];
    none.into_iter().any(|none| code == Some(none.number()))
}
