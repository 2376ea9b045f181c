//! Entries: a record with what its hash does not show, as bundles hold them (section 18).

use crate::Announcement;

/// Entries of a full bundle, and hashes of a full tile.
pub const TILE_WIDTH: u64 = 256;

/// All that a re-execution needs of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The record, packed (section 6).
    pub record: Vec<u8>,
    /// Scheme and signatures (section 3.1); empty for kinds without evidence.
    pub evidence: Vec<u8>,
    /// The announcement that a tombstone bars, which its record does not show; else none.
    pub announcement: Option<Announcement>,
}

/// The newest certified checkpoint of static files (section 18).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckpointFile {
    /// Format version.
    pub version: u8,
    /// What was certified.
    pub checkpoint: crate::Checkpoint,
    /// The certificate (section 10).
    pub certificate: alloy_primitives::Bytes,
}
