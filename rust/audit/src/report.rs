//! What an audit found.

use crate::watch::Watch;
use crate::{Flaw, FlawFile};
use alloy_primitives::B256;
use fallow_ledger::Ledger;
use fallow_protocol::{Checkpoint, NetworkId, decimal};
use serde::Serialize;

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The network.
    pub network_id: NetworkId,
    /// The first record that was re-executed.
    pub from: u64,
    /// State commitment (section 5.1) of the snapshot that the audit began with; none from genesis.
    pub started_with: Option<B256>,
    /// Records up to which everything was found good.
    pub size: u64,
    /// Root of as many records; none where a flaw was found.
    pub root: Option<B256>,
    /// State commitment after them, likewise.
    pub commitment: Option<B256>,
    /// Certified checkpoints that were compared.
    pub checkpoints: u64,
    /// Anchorings that were compared.
    pub anchored: u64,
    /// Anchorings of a larger log than the one that was audited: the source does not show all.
    pub anchored_beyond: u64,
    /// What is wrong, with the first certified checkpoint above it.
    pub flaw: Option<(Flaw, Option<Checkpoint>)>,
}

impl Report {
    pub(crate) const fn new(network_id: NetworkId, from: u64, started_with: Option<B256>) -> Self {
        Self {
            network_id,
            from,
            started_with,
            size: from,
            root: None,
            commitment: None,
            checkpoints: 0,
            anchored: 0,
            anchored_beyond: 0,
            flaw: None,
        }
    }

    pub(crate) fn compared(&mut self, watch: &Watch, ledger: Option<&Ledger>) {
        (self.checkpoints, self.anchored) = watch.compared;
        if let Some(ledger) = ledger {
            self.reached(ledger);
        }
        self.anchored_beyond = watch.anchored_beyond(self.size);
    }

    /// Everything up to here was found good.
    pub(crate) fn reached(&mut self, ledger: &Ledger) {
        (self.size, self.root) = (ledger.size(), Some(ledger.root()));
        self.commitment = Some(ledger.commitment());
    }

    pub(crate) fn flawed(&mut self, flaw: Flaw, above: Option<Checkpoint>) {
        (self.root, self.commitment) = (None, None);
        // Records after it may have been re-executed before it was found.
        self.size = flaw.record().map_or(self.size, |index| self.size.min(index));
        let about = flaw.checkpoint().copied().or(above);
        self.flaw = Some((flaw, about));
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_honest(&self) -> bool {
        self.flaw.is_none()
    }

    /// The same for programs.
    #[must_use]
    pub fn file(&self) -> ReportFile {
        let flaw = self.flaw.as_ref().map(|(flaw, checkpoint)| FlawFile {
            check: flaw.name(),
            code: flaw.code(),
            record: flaw.record(),
            checkpoint: *checkpoint,
            detail: flaw.to_string(),
        });
        ReportFile {
            version: fallow_protocol::FILE_VERSION,
            network_id: self.network_id,
            verdict: if self.is_honest() { "honest" } else { "flawed" },
            from: self.from,
            started_with: self.started_with,
            size: self.size,
            root: self.root,
            commitment: self.commitment,
            checkpoints: self.checkpoints,
            anchored: self.anchored,
            anchored_beyond: self.anchored_beyond,
            flaw,
        }
    }
}

/// A report as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportFile {
    /// Format version.
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// `honest` or `flawed`.
    pub verdict: &'static str,
    /// The first record that was re-executed.
    #[serde(with = "decimal")]
    pub from: u64,
    /// State commitment of the snapshot that the audit began with.
    pub started_with: Option<B256>,
    /// Records up to which everything was found good.
    #[serde(with = "decimal")]
    pub size: u64,
    /// Root of as many records, if there is no flaw.
    pub root: Option<B256>,
    /// State commitment after them, if there is no flaw.
    pub commitment: Option<B256>,
    /// Certified checkpoints that were compared.
    #[serde(with = "decimal")]
    pub checkpoints: u64,
    /// Anchorings that were compared.
    #[serde(with = "decimal")]
    pub anchored: u64,
    /// Anchorings of a larger log than the one that was audited.
    #[serde(with = "decimal")]
    pub anchored_beyond: u64,
    /// What is wrong.
    pub flaw: Option<FlawFile>,
}
