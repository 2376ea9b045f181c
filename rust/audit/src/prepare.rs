//! What all cores can do before one record after the other is applied: read, decode, hash, and find
//! out who signed.

use crate::files::{Bundle, ReadError};
use crate::{AuditError, Files, Flaw, Source, SourceError};
use alloy_primitives::B256;
use fallow_ledger::{Claim, EntryError, Message, Recoverer, message_of};
use fallow_log::{BundleId, TileEdge, TileId, leaf_hash};
use fallow_protocol::{Body, Domain, Entry, Record};
use rayon::prelude::*;

/// Bundles of one chunk: 2 048 records.
pub(crate) const CHUNK_BUNDLES: usize = 8;

/// A record that is ready to be applied.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) record: Record,
    /// The message behind it; none behind the genesis record.
    pub(crate) message: Option<Message>,
}

/// Records that follow each other, and why there are no more of them, if so.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) records: Vec<Prepared>,
    pub(crate) flaw: Option<Flaw>,
}

/// Prepares chunk after chunk.
#[derive(Debug)]
pub(crate) struct Preparer<'a, S> {
    files: &'a Files<S>,
    domain: Domain,
    recoverer: Recoverer,
    /// Records of the whole log.
    size: u64,
    /// Of every record that was prepared or is known otherwise.
    leaves: Vec<B256>,
    /// Recomputes the hash tiles.
    edge: TileEdge,
}

/// An error of the source, or a flaw of the log.
type Step<T> = Result<T, ReadError>;

impl<'a, S: Source> Preparer<'a, S> {
    pub(crate) fn new(
        files: &'a Files<S>,
        domain: Domain,
        recoverer: Recoverer,
        size: u64,
    ) -> Self {
        let (leaves, edge) = (Vec::new(), TileEdge::new());
        Self { files, domain, recoverer, size, leaves, edge }
    }

    /// Takes the leaves of the first `base` records from the hash tiles, for a log whose root at
    /// that size is known to be `root`. `seen` is shown every size with its root.
    pub(crate) fn skip(
        &mut self,
        base: u64,
        root: B256,
        mut seen: impl FnMut(u64, &TileEdge) -> Result<(), Flaw>,
    ) -> Result<Result<(), Flaw>, AuditError> {
        for id in
            TileId::of_level(0, self.size).take_while(|id| id.index.saturating_mul(256) < base)
        {
            let hashes = match self.files.tile(id) {
                Ok(hashes) => hashes,
                Err(ReadError::Source(error)) => return Err(error.into()),
                Err(ReadError::Flaw(flaw)) => return Ok(Err(*flaw)),
            };
            for leaf in hashes {
                if self.edge.size() < base {
                    self.edge.push(leaf)?;
                    self.leaves.push(leaf);
                    if let Err(flaw) = seen(self.edge.size(), &self.edge) {
                        return Ok(Err(flaw));
                    }
                }
            }
        }
        self.edge.drain_full();
        let want = self.edge.root();
        if root != want {
            return Err(AuditError::StateRoot { size: base, got: root, want });
        }
        Ok(Ok(()))
    }

    /// Block time of a record that was skipped.
    pub(crate) fn time_of(&self, index: u64) -> Result<Result<u64, Flaw>, SourceError> {
        let entry = match self.earlier(index, u64::MAX, (self.done(), &[])) {
            Ok(entry) => entry.unwrap_or_default(),
            Err(ReadError::Source(error)) => return Err(error),
            Err(ReadError::Flaw(flaw)) => return Ok(Err(*flaw)),
        };
        let record = Record::decode(&entry.record);
        let record = record.map_err(|error| Flaw::Unreadable { index, error });
        Ok(record.map(|record| record.block_time))
    }

    /// How many records were prepared or skipped.
    fn done(&self) -> u64 {
        self.edge.size()
    }

    /// The next records; `None` after the last one.
    pub(crate) fn next(&mut self) -> Result<Option<Chunk>, SourceError> {
        let first = self.done();
        if first >= self.size {
            return Ok(None);
        }
        let ids: Vec<BundleId> = self.bundles(first).collect();
        let bundles: Vec<Bundle> =
            ids.par_iter().map(|id| self.files.bundle(*id)).collect::<Result<_, _>>()?;
        let (mut entries, mut flaw) = (Vec::new(), None);
        for (id, bundle) in ids.iter().zip(bundles) {
            let skipped = usize::try_from(first.saturating_sub(id.first())).unwrap_or(usize::MAX);
            entries.extend(bundle.entries.into_iter().skip(skipped));
            if bundle.flaw.is_some() {
                flaw = bundle.flaw;
                break;
            }
        }
        self.hash(&mut entries, &mut flaw)?;
        self.messages(first, &entries, flaw).map(Some)
    }

    /// Some bundles from the one that holds a record on.
    fn bundles(&self, record: u64) -> impl Iterator<Item = BundleId> {
        let size = self.size;
        let first = record.wrapping_shr(8); // 256 records each
        (first..)
            .map_while(move |index| BundleId::holding(index.checked_mul(256)?, size))
            .take(CHUNK_BUNDLES)
    }

    /// Computes the leaves, and compares the hash tiles. Entries after a tile that differs are cut
    /// off.
    fn hash(
        &mut self,
        entries: &mut Vec<Entry>,
        flaw: &mut Option<Flaw>,
    ) -> Result<(), SourceError> {
        let leaves: Vec<B256> = entries.par_iter().map(|entry| leaf_hash(&entry.record)).collect();
        for (place, leaf) in leaves.into_iter().enumerate() {
            let pushed = self.edge.push(leaf);
            pushed.expect("a log whose size was read from a checkpoint has room up to there");
            self.leaves.push(leaf);
            let mut tiles = self.edge.drain_full();
            if self.edge.size() == self.size {
                tiles.extend(self.edge.partials());
            }
            for (id, hashes) in tiles {
                match self.compare(id, &hashes) {
                    Ok(()) => {}
                    Err(ReadError::Source(error)) => return Err(error),
                    Err(ReadError::Flaw(differs)) => {
                        entries.truncate(place.saturating_add(1));
                        *flaw = Some(*differs);
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn compare(&self, id: TileId, want: &[B256]) -> Step<()> {
        let got = self.files.tile(id)?;
        let Some(place) = got.iter().zip(want).position(|(got, want)| got != want) else {
            return Ok(());
        };
        let below = 8_u32.saturating_mul(id.level.into());
        let node = id.index.saturating_mul(256).saturating_add(place as u64);
        let index = node.checked_shl(below).unwrap_or(u64::MAX);
        let path = id.path();
        Err(Flaw::Tile { index, path, got: got[place], want: want[place] }.into())
    }

    /// The messages behind entries, and who signed them.
    fn messages(
        &self,
        first: u64,
        entries: &[Entry],
        flaw: Option<Flaw>,
    ) -> Result<Chunk, SourceError> {
        let prepared: Vec<Step<(Prepared, Vec<Claim>)>> = entries
            .par_iter()
            .enumerate()
            .map(|(place, entry)| {
                let index = first.saturating_add(place as u64);
                let prepared = self.prepare(index, entry, (first, entries))?;
                let message = prepared.message.as_ref();
                let claims = message.map(|message| message.claims(&self.domain));
                Ok((prepared, claims.unwrap_or_default()))
            })
            .collect();
        let mut chunk = Chunk { records: Vec::with_capacity(prepared.len()), flaw };
        let mut claims = Vec::with_capacity(prepared.len());
        for step in prepared {
            match step {
                Ok((prepared, claimed)) => {
                    chunk.records.push(prepared);
                    claims.extend(claimed);
                }
                Err(ReadError::Source(error)) => return Err(error),
                Err(ReadError::Flaw(flaw)) => {
                    chunk.flaw = Some(*flaw);
                    break;
                }
            }
        }
        self.recoverer.warm(&claims);
        Ok(chunk)
    }

    fn prepare(&self, index: u64, entry: &Entry, near: (u64, &[Entry])) -> Step<Prepared> {
        let unreadable = |error| Flaw::Unreadable { index, error };
        let record = Record::decode(&entry.record).map_err(unreadable)?;
        if record.index != index {
            return Err(Flaw::Index { index, got: record.index }.into());
        }
        if let Body::Genesis(_) = record.body {
            return Ok(Prepared { record, message: None });
        }
        // What goes wrong when an earlier entry is looked for says more than that it is not there.
        let mut failed = None;
        let message = message_of(entry, |wanted| {
            self.earlier(wanted, index, near).unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let message = message.map_err(|error| match error {
            EntryError::Decode(error) => Flaw::Unreadable { index, error },
            error => Flaw::Message { index, error },
        })?;
        Ok(Prepared { record, message: Some(message) })
    }

    /// An entry before `index`, as it was when its own turn was.
    fn earlier(&self, wanted: u64, index: u64, near: (u64, &[Entry])) -> Step<Option<Entry>> {
        if wanted >= index {
            return Ok(None);
        }
        let (first, entries) = near;
        if let Some(place) = wanted.checked_sub(first) {
            return Ok(usize::try_from(place).ok().and_then(|place| entries.get(place)).cloned());
        }
        let entry = self.files.entry(wanted, self.size)?;
        let leaf = usize::try_from(wanted).ok().and_then(|place| self.leaves.get(place));
        match entry {
            Some(entry) if Some(&leaf_hash(&entry.record)) != leaf => {
                Err(Flaw::Changed { index: wanted }.into())
            }
            entry => Ok(entry),
        }
    }
}
