//! The static files of a history (`docs/protocol.md` section 18).

use crate::{Block, History};
use alloy_primitives::B256;
use fallow_log::{BundleId, TILE_WIDTH, TileEdge, TileId, encode_tile, leaf_hash};
use fallow_protocol::{
    Certificate, Checkpoint, CheckpointFile, Entry, FILE_VERSION, encode_bundle,
};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes the rest of a history into a folder, and a certified checkpoint over all of it.
///
/// # Errors
/// When a file cannot be written.
pub fn write(history: &mut History, dir: &Path) -> io::Result<Checkpoint> {
    let mut folder = Folder::new(dir)?;
    let mut last = (0, 0);
    for block in history.by_ref() {
        last = (block.number, block.time);
        folder.append(&block)?;
    }
    let network = history.network();
    let checkpoint = network.checkpoint(last.0, last.1, folder.edge.size(), folder.edge.root());
    fs::write(dir.join("network.json"), json(network.file())?)?;
    fs::write(dir.join(network.file().set_file_name()), network.set().encode())?;
    folder.finish(checkpoint, &network.certify(&checkpoint))?;
    Ok(checkpoint)
}

/// Writes tiles and bundles, from the empty log on.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    edge: TileEdge,
    /// Of the bundle that is not full yet.
    entries: Vec<Entry>,
    /// Folders that were made.
    made: BTreeSet<PathBuf>,
}

impl Folder {
    /// A folder for a log.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let (edge, entries, made) = (TileEdge::new(), Vec::new(), BTreeSet::new());
        Ok(Self { dir: dir.to_owned(), edge, entries, made })
    }

    /// Appends the records of a block.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn append(&mut self, block: &Block) -> io::Result<()> {
        block.records.iter().try_for_each(|made| self.push(made.entry.clone()))
    }

    /// Appends one entry, whatever it says.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn push(&mut self, entry: Entry) -> io::Result<()> {
        let index = self.edge.push(leaf_hash(&entry.record)).map_err(io::Error::other)?;
        self.entries.push(entry);
        for (id, hashes) in self.edge.drain_full() {
            self.write_tile(id, &hashes)?;
        }
        if self.entries.len() == usize::from(TILE_WIDTH) {
            let entries = std::mem::take(&mut self.entries);
            let index = index.checked_div(TILE_WIDTH.into()).unwrap_or(0);
            self.write_bundle(BundleId { index, width: TILE_WIDTH }, &entries)?;
        }
        Ok(())
    }

    /// Writes the partial files and the checkpoint.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(mut self, checkpoint: Checkpoint, certificate: &Certificate) -> io::Result<()> {
        for (id, hashes) in self.edge.partials() {
            self.write_tile(id, &hashes)?;
        }
        let entries = std::mem::take(&mut self.entries);
        let last = BundleId::all(self.edge.size()).last().filter(|id| !id.is_full());
        if let Some(id) = last {
            self.write_bundle(id, &entries)?;
        }
        let certificate = certificate.encode().into();
        let file = CheckpointFile { version: FILE_VERSION, checkpoint, certificate };
        fs::write(self.dir.join("checkpoint"), json(&file)?)
    }

    /// Size of the log so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Root of the log so far.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.edge.root()
    }

    fn write_tile(&mut self, id: TileId, hashes: &[B256]) -> io::Result<()> {
        self.write(&id.path(), &encode_tile(hashes))
    }

    fn write_bundle(&mut self, id: BundleId, entries: &[Entry]) -> io::Result<()> {
        let bytes = encode_bundle(entries).map_err(io::Error::other)?;
        self.write(&id.path(), &bytes)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.dir.join(path);
        let parent = path.parent().unwrap_or(&self.dir);
        if !self.made.contains(parent) {
            fs::create_dir_all(parent)?;
            self.made.insert(parent.to_owned());
        }
        fs::write(path, bytes)
    }
}

fn json(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(io::Error::other)
}
