//! One record after the other, from the static files.

use crate::fields::first_difference;
use crate::prepare::{CHUNK_BUNDLES, Chunk, Prepared, Preparer};
use crate::watch::Watch;
use crate::{AuditError, Certified, Expected, Files, Flaw, Report, Source, SourceError};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Recoverer};
use fallow_light_client::Trust;
use fallow_log::TileEdge;
use fallow_protocol::{Body, NetworkFile, Record, Set};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Chunks that wait to be applied while the next one is prepared.
const CHUNKS_AHEAD: usize = 2;
/// Signatures of all chunks under way, two for each record: about 4 MB.
const WARMED: NonZeroUsize =
    NonZeroUsize::new((CHUNKS_AHEAD + 2) * CHUNK_BUNDLES * 256 * 2).expect("not zero");

/// How far an audit is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The ledger after the last record that was found good.
    pub ledger: &'a Ledger,
    /// Records of the whole log.
    pub size: u64,
}

/// Audits logs of one network.
#[derive(Debug)]
pub struct Audit {
    trust: Trust,
    config: LedgerConfig,
}

impl Audit {
    /// For a network, by the set that its network file trusts.
    ///
    /// # Errors
    /// When the set is another one.
    pub fn new(network: &NetworkFile, set: Set) -> Result<Self, AuditError> {
        let trust = Trust::new(network, set)?;
        let part = &network.network;
        let config = LedgerConfig {
            network_id: network.network_id,
            registry: part.sidechain.registry,
            writers: part.parameters.writers.clone(),
            parent: GenesisParent::default(),
        };
        Ok(Self { trust, config })
    }

    /// What a snapshot of this network is read with.
    #[must_use]
    pub const fn config(&self) -> &LedgerConfig {
        &self.config
    }

    /// The set that is trusted.
    #[must_use]
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Audits the log up to its newest certified checkpoint: from genesis, or from a snapshot on,
    /// whose state is taken as it is (its log is compared with the source's). Besides that checkpoint
    /// the log is compared with all that is `expected`.
    ///
    /// # Errors
    /// When the audit cannot be done; flaws of the log stand in the report.
    pub fn run<S: Source>(
        &self,
        files: &Files<S>,
        from: Option<Ledger>,
        expected: &Expected,
        on_progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Report, AuditError> {
        let newest = files.checkpoint()?;
        let (got, want) = (newest.checkpoint.network_id, self.config.network_id);
        if got != want {
            return Err(AuditError::Network { got, want });
        }
        let start = from.as_ref().map_or(0, Ledger::size);
        let mut report = Report::new(want, start, from.as_ref().map(Ledger::commitment));
        let size = newest.checkpoint.size;
        if start > size {
            return Err(AuditError::StateAhead { state: start, source_size: size });
        }
        let watch = match self.watch(newest, expected) {
            Ok(watch) => watch,
            Err(flaw) => {
                report.flawed(flaw, None);
                return Ok(report);
            }
        };
        let run = Run { audit: self, size, watch, ledger: from, last_time: 0, ceiling: (0, 0) };
        run.all(files, report, on_progress)
    }

    fn watch(&self, newest: Certified, expected: &Expected) -> Result<Watch, Flaw> {
        let mut expected = expected.clone();
        expected.certified.insert(0, newest);
        Watch::new(&expected, &self.trust)
    }
}

/// One audit under way.
struct Run<'a> {
    audit: &'a Audit,
    size: u64,
    watch: Watch,
    /// None before the genesis record.
    ledger: Option<Ledger>,
    /// Block time of the record before.
    last_time: u64,
    /// Size and block time of the first certified checkpoint above the record.
    ceiling: (u64, u64),
}

impl Run<'_> {
    fn all<S: Source>(
        mut self,
        files: &Files<S>,
        mut report: Report,
        on_progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Report, AuditError> {
        let recoverer = Recoverer::remembering(WARMED);
        let domain = *self.audit.trust.domain();
        let mut preparer = Preparer::new(files, domain, recoverer.clone(), self.size);
        let skipped = match self.ledger.take() {
            None => Ok(()),
            Some(ledger) => {
                self.ledger = Some(ledger.with_recoverer(recoverer.clone()));
                self.skip(&mut preparer)?
            }
        };
        let verdict = match skipped {
            Ok(()) => self.replay(preparer, &recoverer, on_progress)?,
            Err(flaw) => Err(flaw),
        };
        report.compared(&self.watch, self.ledger.as_ref());
        if let Err(flaw) = verdict {
            let above = flaw.record().and_then(|index| self.watch.above(index).copied());
            report.flawed(flaw, above);
        }
        Ok(report)
    }

    /// Compares what came before the snapshot, as far as its hashes go.
    fn skip<S: Source>(
        &mut self,
        preparer: &mut Preparer<'_, S>,
    ) -> Result<Result<(), Flaw>, AuditError> {
        let Some(ledger) = &self.ledger else {
            return Ok(Ok(()));
        };
        let (base, root, watch) = (ledger.size(), ledger.root(), &mut self.watch);
        let seen = |size: u64, edge: &TileEdge| {
            if watch.has(size) { watch.compare(size, edge.root()) } else { Ok(()) }
        };
        if let Err(flaw) = preparer.skip(base, root, seen)? {
            return Ok(Err(flaw));
        }
        Ok(match preparer.time_of(base.saturating_sub(1))? {
            Ok(time) => {
                self.last_time = time;
                Ok(())
            }
            Err(flaw) => Err(flaw),
        })
    }

    fn replay<S: Source>(
        &mut self,
        mut preparer: Preparer<'_, S>,
        recoverer: &Recoverer,
        on_progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Result<(), Flaw>, AuditError> {
        let (to, from) = sync_channel::<Result<Chunk, SourceError>>(CHUNKS_AHEAD);
        thread::scope(|scope| {
            scope.spawn(move || {
                while let Some(chunk) = preparer.next().transpose() {
                    let is_last = chunk.as_ref().map_or(true, |chunk| chunk.flaw.is_some());
                    // Nobody listens any more once a flaw was found.
                    if to.send(chunk).is_err() || is_last {
                        return;
                    }
                }
            });
            self.apply_all(from, recoverer, on_progress)
        })
    }

    fn apply_all(
        &mut self,
        chunks: Receiver<Result<Chunk, SourceError>>,
        recoverer: &Recoverer,
        on_progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Result<(), Flaw>, AuditError> {
        for chunk in chunks {
            let chunk = chunk?;
            for prepared in &chunk.records {
                if let Err(flaw) = self.apply(prepared, recoverer) {
                    return Ok(Err(flaw));
                }
            }
            if let Some(flaw) = chunk.flaw {
                return Ok(Err(flaw));
            }
            if let Some(ledger) = &self.ledger {
                on_progress(Progress { ledger, size: self.size });
            }
        }
        // No network has a log without records.
        Ok(self.ledger.as_ref().map(|_| ()).ok_or(Flaw::Genesis))
    }

    fn apply(&mut self, prepared: &Prepared, recoverer: &Recoverer) -> Result<(), Flaw> {
        let Prepared { record, message } = prepared;
        let index = record.index;
        self.check_time(record)?;
        let ledger = match (&mut self.ledger, message) {
            (None, None) => {
                let ledger = self.audit.genesis(record)?.with_recoverer(recoverer.clone());
                self.ledger.insert(ledger)
            }
            (Some(ledger), Some(message)) => {
                let applied = ledger.apply_proven(message, record.block_time);
                let applied = applied.map_err(|error| Flaw::Refused { index, error })?;
                if applied.record != *record {
                    let field = first_difference(record, &applied.record);
                    return Err(Flaw::Differs { index, field });
                }
                ledger
            }
            (None, Some(_)) => return Err(Flaw::Genesis),
            (Some(_), None) => {
                let error = fallow_ledger::EntryError::Genesis(index);
                return Err(Flaw::Message { index, error });
            }
        };
        let size = ledger.size();
        if self.watch.has(size) {
            let root = ledger.root();
            self.watch.compare(size, root)?;
        }
        Ok(())
    }

    /// Time never goes back, and what a checkpoint covers was there before it.
    fn check_time(&mut self, record: &Record) -> Result<(), Flaw> {
        let Record { index, block_time: got, .. } = *record;
        if index >= self.ceiling.0 {
            let above = self.watch.above(index);
            self.ceiling = above.map_or((u64::MAX, u64::MAX), |one| (one.size, one.block_time));
        }
        let (min, max) = (self.last_time, self.ceiling.1);
        if got < min || got > max {
            return Err(Flaw::Time { index, got, min, max });
        }
        self.last_time = got;
        Ok(())
    }
}

impl Audit {
    /// The ledger that starts with a genesis record.
    fn genesis(&self, record: &Record) -> Result<Ledger, Flaw> {
        let Body::Genesis(body) = &record.body else {
            return Err(Flaw::Genesis);
        };
        let parent = GenesisParent {
            network: body.parent_network,
            checkpoint: body.parent_checkpoint,
            size: body.parent_size,
        };
        let config = LedgerConfig { parent, ..self.config.clone() };
        let (ledger, want) = Ledger::new(config, record.block_time);
        if *record != want {
            return Err(Flaw::Genesis);
        }
        Ok(ledger)
    }
}
