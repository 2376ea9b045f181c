//! The static files that a certified checkpoint needs beside the full ones (section 18): its partial
//! tiles and bundle, then `checkpoint`, which never names a size whose files are not there.

use super::files::NewFile;
use super::tables::PUBLISHED;
use super::{DiskStore, Result};
use crate::store::NodeStoreError;
use alloy_primitives::Bytes;
use fallow_log::{BundleId, TileId, TiledLog};
use fallow_protocol::{Certificate, Checkpoint, CheckpointFile, FILE_VERSION, Set};
use fallow_store::failed;
use redb::ReadableTable as _;
use serde::Serialize;

impl DiskStore {
    /// Writes the static files of a certified checkpoint. The files of the checkpoint before stay
    /// for those who are reading them; older partial ones go.
    ///
    /// # Errors
    /// When the log does not have that size, or another root at it; when the disk fails.
    pub fn publish(&self, checkpoint: &Checkpoint, certificate: &Certificate) -> Result<()> {
        let _one_at_a_time =
            self.publishing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.check_checkpoint(checkpoint)?;
        // First, so that a crash leaves no file that nobody would remove.
        self.database.write(|write| {
            let mut sizes = write.open_table(PUBLISHED).map_err(failed)?;
            sizes.insert(checkpoint.size, ()).map_err(failed)?;
            Ok(())
        })?;
        self.log.files.write(&self.partials(checkpoint.size)?)?;
        let file = CheckpointFile {
            version: FILE_VERSION,
            checkpoint: *checkpoint,
            certificate: Bytes::from(certificate.encode()),
        };
        let before = self.published()?;
        self.log.files.write(&[("checkpoint".into(), json(&file)?)])?;
        self.prune(&[Some(checkpoint.size), before.map(|file| file.checkpoint.size)])
    }

    /// Writes network file and set beside the log.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn publish_network(&self, set: &Set) -> Result<()> {
        let files = [
            ("network.json".into(), json(&self.network)?),
            (format!("{}.set", set.hash()), set.encode()),
        ];
        self.log.files.write(&files)
    }

    /// The root of the log at the checkpoint's size is the checkpoint's.
    pub(super) fn check_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        let Checkpoint { size, root: want, .. } = *checkpoint;
        let log = TiledLog::new(self.log.edge().size(), self);
        let got = log.root_at(size).map_err(|error| match error {
            fallow_log::TileError::Source { source, .. } => source,
            other => NodeStoreError::Unfit(other.to_string()),
        })?;
        if got != want {
            let block = checkpoint.block_number;
            return Err(NodeStoreError::Corrupt(format!(
                "the log has root {got} at size {size}, the checkpoint of block {block} {want}"
            )));
        }
        Ok(())
    }

    /// The static `checkpoint`.
    fn published(&self) -> Result<Option<CheckpointFile>> {
        let bytes = self.log.files.read("checkpoint", fallow_protocol::FILE_MAX_BYTES)?;
        let read = |bytes: Vec<u8>| serde_json::from_slice(&bytes);
        bytes
            .map(read)
            .transpose()
            .map_err(|error| NodeStoreError::Corrupt(format!("the file `checkpoint`: {error}")))
    }

    /// The partial files of a size.
    fn partials(&self, size: u64) -> Result<Vec<NewFile>> {
        let edge = self.log.edge();
        let mut files = Vec::new();
        for id in TileId::partials(size) {
            let hashes = self.log.tile(&edge, id)?;
            files.push((id.path(), hashes.iter().flat_map(|hash| hash.0).collect()));
        }
        if let Some(id) = partial_bundle(size) {
            let mut bundle = Vec::new();
            for (entry, _) in self.log.entries(&edge, id.first(), id.width.into())? {
                let bytes = entry.encode();
                bundle.extend(bytes.map_err(|error| NodeStoreError::Corrupt(error.to_string()))?);
            }
            files.push((id.path(), bundle));
        }
        Ok(files)
    }

    /// Removes the partial files of all sizes but these.
    fn prune(&self, kept: &[Option<u64>]) -> Result<()> {
        let sizes = self.database.read(|read| {
            let table = read.open_table(PUBLISHED).map_err(failed)?;
            let sizes = table.iter().map_err(failed)?.map(|row| Ok(row.map_err(failed)?.0.value()));
            sizes.collect::<Result<Vec<u64>>>()
        })?;
        let (kept, old): (Vec<u64>, Vec<u64>) =
            sizes.into_iter().partition(|size| kept.contains(&Some(*size)));
        let kept: Vec<String> = kept.into_iter().flat_map(partial_paths).collect();
        for path in old.iter().copied().flat_map(partial_paths).filter(|path| !kept.contains(path))
        {
            self.log.files.remove(&path)?;
        }
        if old.is_empty() {
            return Ok(());
        }
        self.database.write(|write| {
            let mut table = write.open_table(PUBLISHED).map_err(failed)?;
            for size in &old {
                table.remove(size).map_err(failed)?;
            }
            Ok(())
        })
    }
}

fn partial_bundle(size: u64) -> Option<BundleId> {
    BundleId::holding(size.checked_sub(1)?, size).filter(|id| !id.is_full())
}

fn partial_paths(size: u64) -> Vec<String> {
    let tiles = TileId::partials(size).map(|id| id.path());
    tiles.chain(partial_bundle(size).map(|id| id.path())).collect()
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value)
        .map_err(|error| NodeStoreError::Unfit(format!("a file cannot be written: {error}")))
}
