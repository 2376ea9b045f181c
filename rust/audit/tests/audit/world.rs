//! Logs as entries that can be doctored, written as static files.

use alloy_primitives::B256;
use fallow_audit::{Audit, Expected, Files, Flaw, Folder, Report};
use fallow_history::{History, HistoryNetwork, HistoryOptions};
use fallow_ledger::Ledger;
use fallow_log::{Tree, leaf_hash};
use fallow_protocol::{Body, Certificate, Checkpoint, Entry, Record};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Three bundles, the last of them partial; every kind of record.
pub(crate) const OPTIONS: HistoryOptions =
    HistoryOptions { seed: 21, records: 700, requesters: 40, block_records: 20 };

/// A log that can be changed before it is written.
pub(crate) struct World {
    pub(crate) network: HistoryNetwork,
    pub(crate) entries: Vec<Entry>,
    /// Block and time of the last record, from which the checkpoint is made.
    pub(crate) block: (u64, u64),
}

/// A folder with static files, and the checkpoint that they hold.
pub(crate) struct Written {
    pub(crate) dir: TempDir,
    pub(crate) checkpoint: Checkpoint,
}

impl World {
    /// The honest log.
    pub(crate) fn honest() -> Self {
        static HONEST: OnceLock<(Vec<Entry>, (u64, u64))> = OnceLock::new();
        let (entries, block) = HONEST.get_or_init(|| {
            let Self { entries, block, .. } = Self::of(OPTIONS);
            (entries, block)
        });
        let network = HistoryNetwork::new(OPTIONS.seed);
        Self { network, entries: entries.clone(), block: *block }
    }

    pub(crate) fn of(options: HistoryOptions) -> Self {
        let (mut entries, mut block) = (Vec::new(), (0, 0));
        for made in History::new(options) {
            block = (made.number, made.time);
            entries.extend(made.records.into_iter().map(|made| made.entry));
        }
        Self { network: HistoryNetwork::new(options.seed), entries, block }
    }

    pub(crate) fn audit(&self) -> Audit {
        Audit::new(self.network.file(), self.network.set().clone()).unwrap()
    }

    pub(crate) fn record(&self, index: usize) -> Record {
        Record::decode(&self.entries[index].record).unwrap()
    }

    /// The first record from `from` on that is as asked for.
    pub(crate) fn find(&self, from: usize, is: impl Fn(&Record) -> bool) -> usize {
        (from..self.entries.len()).find(|index| is(&self.record(*index))).unwrap()
    }

    /// The first allocation from `from` on without an approval.
    pub(crate) fn allocation(&self, from: usize) -> usize {
        let is = |record: &Record| matches!(record.body, Body::Allocation(_));
        (from..self.entries.len())
            .find(|index| is(&self.record(*index)) && self.entries[*index].evidence.len() == 65)
            .unwrap()
    }

    /// Changes a record's fields, whatever that breaks.
    pub(crate) fn change(&mut self, index: usize, change: impl FnOnce(&mut Record)) {
        let mut record = self.record(index);
        change(&mut record);
        self.entries[index].record = record.encode();
    }

    pub(crate) fn root(&self) -> B256 {
        let mut tree = Tree::new();
        for entry in &self.entries {
            tree.push(leaf_hash(&entry.record)).unwrap();
        }
        tree.root()
    }

    /// The checkpoint of the log as it is.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let size = self.entries.len() as u64;
        self.network.checkpoint(self.block.0, self.block.1, size, self.root())
    }

    /// Writes the files: tiles of the entries as they are, under a checkpoint that a quorum has
    /// certified over exactly that.
    pub(crate) fn write(&self) -> Written {
        let checkpoint = self.checkpoint();
        self.write_under(checkpoint, &self.network.certify(&checkpoint))
    }

    pub(crate) fn write_under(&self, checkpoint: Checkpoint, certificate: &Certificate) -> Written {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = fallow_history::Folder::new(dir.path()).unwrap();
        self.entries.iter().for_each(|entry| folder.push(entry.clone()).unwrap());
        folder.finish(checkpoint, certificate).unwrap();
        Written { dir, checkpoint }
    }

    /// The flaw of the log as it is.
    pub(crate) fn flaw(&self) -> Flaw {
        self.flaw_of(&self.write())
    }

    pub(crate) fn flaw_of(&self, written: &Written) -> Flaw {
        self.report(written, None, &Expected::default()).flaw.expect("the log has a flaw").0
    }

    pub(crate) fn report(
        &self,
        written: &Written,
        from: Option<Ledger>,
        expected: &Expected,
    ) -> Report {
        let files = written.files();
        self.audit().run(&files, from, expected, &mut |_| ()).unwrap()
    }
}

impl Written {
    pub(crate) fn files(&self) -> Files<Folder> {
        Files::new(Folder::new(self.dir.path()))
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Changes the bytes of a file.
    pub(crate) fn tamper(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.dir.path().join(path);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }
}
