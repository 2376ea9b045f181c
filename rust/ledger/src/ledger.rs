//! The ledger: applies messages, one after the other.

use crate::state::State;
use crate::{Applied, ApplyError, LedgerConfig, MAX_BODY_BYTES, Message, Recoverer, check};
use alloy_primitives::Address;
use fallow_log::{PathChain, leaf_hash};
use fallow_protocol::{Body, Domain, GenesisBody, Record};
use std::sync::Arc;

/// The registry's state machine. `now` is everywhere the block's time, unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    pub(crate) domain: Domain,
    /// Copied when it is written while an [`Ahead`](crate::Ahead) or a clone stands on it.
    pub(crate) state: Arc<State>,
}

/// Where an item stands: the block's time, and what the paths of releases lead into.
struct Place<'a> {
    now: u64,
    paths: Paths<'a>,
}

/// How it is known that a release's record stands in the log.
enum Paths<'a> {
    /// By its path; what was proven last is kept for the items that lean on it.
    Proven(&'a mut Option<PathChain>),
    /// The caller took the record from a log of its own.
    Vouched,
}

impl Ledger {
    /// The ledger right after the registry's deployment, and its genesis record.
    #[must_use]
    pub fn new(config: LedgerConfig, genesis_time: u64) -> (Self, Record) {
        let mut ledger = Self {
            domain: Domain::new(config.registry, config.network_id),
            state: Arc::new(State::new(config.writers)),
        };
        let genesis = Body::Genesis(GenesisBody {
            network_id: config.network_id,
            parent_network: config.parent.network,
            parent_checkpoint: config.parent.checkpoint,
            parent_size: config.parent.size,
        });
        let record = ledger.append_record(config.registry, genesis, genesis_time);
        (ledger, record)
    }

    /// The same ledger, which asks this recoverer who signed.
    #[must_use]
    pub fn with_recoverer(mut self, recoverer: Recoverer) -> Self {
        self.state_mut().recoverer = recoverer;
        self
    }

    /// Applies one message in a block of time `now`. The path of a release leads into the log as it
    /// is.
    ///
    /// # Errors
    /// Says why nothing was recorded; nothing has changed then.
    pub fn apply(&mut self, message: &Message, now: u64) -> Result<Applied, ApplyError> {
        self.apply_at(message, Place { now, paths: Paths::Proven(&mut None) })
    }

    /// The same for a caller who vouches that a release's record stands in the log, because it comes
    /// from there: its path is not looked at.
    ///
    /// # Errors
    /// As [`Ledger::apply`].
    pub fn apply_proven(&mut self, message: &Message, now: u64) -> Result<Applied, ApplyError> {
        self.apply_at(message, Place { now, paths: Paths::Vouched })
    }

    /// Applies the items of a batch in order (section 4.6). Paths of releases lead into the log as
    /// it was before the batch, or lean on the one that was proven last.
    pub fn apply_batch(&mut self, items: &[Message], now: u64) -> Vec<Result<Applied, ApplyError>> {
        let releases = items.iter().any(|item| matches!(item, Message::Release { .. }));
        let mut paths = releases.then(|| PathChain::new(self.state.log.clone()));
        let mut apply = |item| {
            let paths = Paths::Proven(&mut paths);
            self.apply_at(item, Place { now, paths })
        };
        items.iter().map(&mut apply).collect()
    }

    fn apply_at(&mut self, message: &Message, place: Place<'_>) -> Result<Applied, ApplyError> {
        let Place { now, paths } = place;
        let record = match message {
            Message::Announce { announcement, signatures } => {
                self.announce(announcement, signatures, now)?
            }
            Message::Request { request, signatures } => self.request(request, signatures, now)?,
            Message::AnnounceAndRequest { announcement, request, signatures } => {
                return Ok(self.announce_and_request(announcement, request, signatures, now)?);
            }
            Message::Release { release, signatures, record, path } => {
                let brought = check::release::decode(signatures, record)?;
                let path = match paths {
                    Paths::Vouched => Ok(()),
                    // Later items may lean on a path whatever the release is refused for.
                    Paths::Proven(paths) => paths
                        .get_or_insert_with(|| PathChain::new(self.state.log.clone()))
                        .prove(leaf_hash(record), brought.index, path),
                };
                self.release(release, &brought, path, now)?
            }
            Message::Withdraw { withdrawal, announcement, signatures } => {
                self.withdraw(withdrawal, announcement, signatures, now)?
            }
            Message::Append { kind, writer, body } => self.append(*kind, *writer, body, now)?,
        };
        Ok(record.into())
    }

    /// Appends a further writer's record (section 4.7).
    fn append(
        &mut self,
        kind: u8,
        writer: Address,
        body: &[u8],
        now: u64,
    ) -> Result<Record, ApplyError> {
        let want = self.state.writer(kind);
        if want != Some(writer) {
            let got = writer;
            return Err(ApplyError::WriterInvalid { kind, got, want });
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(ApplyError::BodyTooLong(body.len()));
        }
        let bytes = body.to_vec();
        Ok(self.append_record(writer, Body::Open { kind, bytes }, now))
    }

    /// The state, to be written: a copy of its own if others stand on it.
    pub(crate) fn state_mut(&mut self) -> &mut State {
        Arc::make_mut(&mut self.state)
    }

    /// Appends a record of the registry's own.
    pub(crate) fn record(&mut self, body: Body, now: u64) -> Record {
        self.append_record(self.domain.registry, body, now)
    }

    fn append_record(&mut self, writer: Address, body: Body, now: u64) -> Record {
        let record = Record { writer, index: self.size(), block_time: now, body };
        self.state_mut()
            .log
            .push(leaf_hash(&record.encode()))
            .expect("nobody appends 2^63 records one by one");
        record
    }
}
