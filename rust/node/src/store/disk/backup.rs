//! A copy of the store while it runs.

use super::files::{at, sync_folder};
use super::{DATABASE, DiskStore, Result, TILES, tables};
use crate::store::NodeStoreError;
use fallow_log::{BundleId, TILE_LEVELS, TileId};
use fallow_store::{Settings, Store, failed};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

impl DiskStore {
    /// Copies the store as it is now into a new folder, from which a node can be started. Full tiles
    /// and bundles never change: on the same file system they are linked, not copied. Readers and
    /// commits go on meanwhile.
    ///
    /// # Errors
    /// When the folder is there already, or the disk fails.
    pub fn backup(&self, to: &Path) -> Result<()> {
        fs::create_dir(to).map_err(at(to))?;
        let tiles = to.join(TILES);
        fs::create_dir(&tiles).map_err(at(&tiles))?;
        let size = self.database.read(|read| {
            let settings =
                Settings { cache_bytes: Some(self.settings.cache_bytes), ..Settings::default() };
            let path = to.join(DATABASE);
            let copy = Store::open_with(&path, &self.owner, &settings, tables::create)?;
            let write = copy.write()?;
            tables::copy(read, &write)?;
            // Partial files are not copied.
            write.delete_table(tables::PUBLISHED).map_err(failed)?;
            write.commit().map_err(failed)?;
            Ok(super::head(read)?.map_or(0, |head| head.size))
        })?;
        self.link_files(&tiles, size)?;
        [&tiles, to].into_iter().try_for_each(sync_folder)
    }

    fn link_files(&self, tiles: &Path, size: u64) -> Result<()> {
        let bundles = BundleId::all(size).filter(BundleId::is_full).map(|id| id.path());
        let levels = (0..TILE_LEVELS).flat_map(|level| TileId::of_level(level, size));
        let full = bundles.chain(levels.filter(TileId::is_full).map(|id| id.path()));
        let mut folder = None;
        for path in full {
            let (from, to) = (self.log.files.path(&path), tiles.join(&path));
            if folder.as_deref() != to.parent() {
                folder = to.parent().map(Path::to_owned);
                folder.as_deref().map_or(Ok(()), fs::create_dir_all).map_err(at(&to))?;
            }
            link(&from, &to)?;
        }
        Ok(())
    }
}

/// Links a file, or copies it to another file system.
fn link(from: &Path, to: &Path) -> std::result::Result<(), NodeStoreError> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            fs::copy(from, to).and_then(|_| fs::File::open(to)?.sync_all()).map_err(at(to))
        }
        result => result.map_err(at(from)),
    }
}
