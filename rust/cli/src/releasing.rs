//! From an allocation to a recorded release: which slots can still go, the path from its record to
//! the log as it is now, and another path when the log has outgrown the first.

use crate::chain::{Sidechain, follow_failure};
use crate::error::{Context, Failure, Result};
use crate::grid::Grid;
use crate::recording;
use crate::refused::{Checked, Refused};
use crate::submit::{Outcome, Prepared, Submission};
use crate::time::{DurationArg, TimeArg};
use alloy_primitives::{B256, Bytes};
use fallow_chain::{Follower, Recorded, Registry, Replay};
use fallow_log::Tree;
use fallow_protocol::packed::path_nodes;
use fallow_protocol::{
    AllocationBody, Announcement, Body, Code, Domain, NetworkFile, Refusal, Release, ReleaseFile,
    SecretKey,
};
use std::time::Duration;
use tokio::time::sleep;

/// How often a release is built: a path lasts until its peak is merged into a higher one, so the
/// second is stale only if the log has doubled under it.
const ATTEMPTS: u32 = 5;
/// The next block may show what the node counted on.
const PAUSE: Duration = Duration::from_millis(250);

/// An allocation in the log.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    index: u64,
    record: Bytes,
    pub(crate) body: AllocationBody,
    /// The resource's terms.
    terms: Announcement,
    is_released: bool,
}

impl Held {
    /// The allocation that a person names by id or index.
    pub(crate) fn find(replay: &Replay, named: &str) -> Result<Self> {
        let index = recording::index_of(replay, named)?.ok_or_else(|| {
            Failure::refused(format_args!("no sidechain block records `{named}`"))
                .hint("`fallow requests` lists what is recorded")
        })?;
        let held = entry(replay, index)?;
        let Body::Allocation(body) = recording::decode(held)?.body else {
            return Err(Failure::refused(format_args!("`{named}` is no allocation"))
                .hint("`fallow requests` lists allocations"));
        };
        let announced = entry(replay, body.resource_index)?;
        let Body::Announcement(terms) = recording::decode(announced)?.body else {
            return Err(Failure::new("an allocation names no announcement"));
        };
        let record = held.entry.record.clone().into();
        // There is one wherever there is a record.
        let ledger = replay.ledger();
        let is_released = ledger.is_some_and(|ledger| ledger.is_released(index));
        Ok(Self { index, record, body, terms: terms.announcement(), is_released })
    }

    /// An allocation whose record and terms were verified.
    pub(crate) fn of(index: u64, record: Bytes, body: AllocationBody, terms: Announcement) -> Self {
        Self { index, record, body, terms, is_released: false }
    }

    fn grid(&self) -> Option<Grid> {
        Grid::new(self.body.start_time, self.body.end_time, self.terms.slot_seconds)
    }

    /// The first slot to give back: the one named, else the earliest that the notice allows.
    pub(crate) fn first_freed(&self, named: Option<&TimeArg>, now: u64) -> Result<Checked<u64>> {
        let Some(grid) = self.grid() else {
            return Err(Failure::new("a resource has slots without a length"));
        };
        match named {
            Some(time) => grid.boundary(time, now, "--from"),
            None => Ok(self.earliest(grid, now)),
        }
    }

    /// Why nothing more of it can be released, if so.
    pub(crate) fn spent(&self, domain: &Domain) -> Option<Refusal> {
        let code = Code::AllocationAlreadyReleased;
        self.is_released.then(|| Refusal::new(code, self.body.request_id(domain), self.index))
    }

    fn earliest(&self, grid: Grid, now: u64) -> Checked<u64> {
        let earliest = now.saturating_add(self.terms.notice_seconds.into());
        let last = self.body.end_time.saturating_sub(self.terms.slot_seconds.into());
        grid.ceil(earliest).filter(|from| *from < self.body.end_time).ok_or_else(|| {
            Box::new(Refused::from(Refusal::new(Code::NoticeTooShort, last, earliest)))
        })
    }

    fn call(&self, replay: &Replay, file: &ReleaseFile) -> Result<Registry::releaseCall> {
        Ok(Registry::releaseCall {
            message: file.release.into(),
            signatures: file.signature.0.into(),
            record: self.record.clone(),
            path: peak_path(replay.tree(), self.index)?,
        })
    }
}

/// The path from a record's leaf to its peak in the log of today (`docs/protocol.md` section 4.4).
fn peak_path(tree: &Tree, index: u64) -> Result<Vec<B256>> {
    let size = tree.size();
    let path = tree.prove_inclusion(index, size);
    let mut path = path.context("the log has no path to its own record")?;
    let nodes = path_nodes(size, index, None);
    path.truncate(nodes.ok_or_else(|| Failure::new("the log has no such record"))?);
    Ok(path)
}

fn entry(replay: &Replay, index: u64) -> Result<&Recorded> {
    let entry = replay.record(index);
    entry.ok_or_else(|| Failure::new(format_args!("the log has no record {index}")))
}

/// Signs a release.
pub(crate) fn sign(network: &NetworkFile, key: &SecretKey, release: Release) -> ReleaseFile {
    ReleaseFile {
        version: fallow_protocol::FILE_VERSION,
        network_id: network.network_id,
        release,
        signature: key.sign(release.id(&network.domain())),
    }
}

/// A release that is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Submitted {
    /// Its block.
    pub(crate) block: u64,
    /// How often the log had outgrown the path.
    pub(crate) rebuilt: u32,
}

/// What it takes to submit a release.
#[derive(Debug)]
pub(crate) struct Submitter<'a> {
    pub(crate) side: &'a Sidechain,
    /// Follows to the latest block, from which paths are built.
    pub(crate) follower: &'a mut Follower,
    pub(crate) payer: &'a SecretKey,
    pub(crate) wait: DurationArg,
}

impl Submitter<'_> {
    /// Submits a signed release until it is recorded, or refused for good.
    pub(crate) async fn submit(
        &mut self,
        held: &Held,
        file: &ReleaseFile,
    ) -> Result<Checked<Submitted>> {
        let id = file.release.id(&self.side.file.domain());
        let mut stale = None;
        for rebuilt in 0..ATTEMPTS {
            self.follower.sync().await.map_err(|error| follow_failure(&error))?;
            // Anybody who has the file may have been quicker.
            let index = self.follower.index_of(id);
            if let Some(entry) = index.and_then(|index| self.follower.record(index)) {
                return Ok(Ok(Submitted { block: entry.block, rebuilt }));
            }
            let call = held.call(self.follower, file)?;
            match Submission::prepare(self.side, self.payer, &call).await? {
                Prepared::Accepted(submission) => match submission.try_send(self.wait).await? {
                    Outcome::Final(block) => return Ok(Ok(Submitted { block, rebuilt })),
                    Outcome::NoEffect(_) => {}
                },
                Prepared::Refused(refusal) if refusal.code == Code::AllocationUnproven => {
                    stale = Some(refusal);
                    sleep(PAUSE).await;
                }
                Prepared::Refused(refusal) => return Ok(Err(Box::new(refusal.into()))),
            }
        }
        match stale {
            Some(refusal) => Ok(Err(Box::new(refusal.into()))),
            None => Err(Failure::refused(format_args!("{ATTEMPTS} transactions took no effect"))
                .hint("the log grows too fast for this node, or drops what is sent; try again")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fallow_log::{Frontier, PathChain, leaf_hash};

    #[test]
    fn every_record_of_every_log_has_a_path_to_its_peak() {
        let (mut tree, mut frontier) = (Tree::new(), Frontier::new());
        for size in 1..=40_u64 {
            let leaf = leaf_hash(&size.to_be_bytes());
            tree.push(leaf).unwrap();
            frontier.push(leaf).unwrap();
            for index in 0..size {
                let path = peak_path(&tree, index).unwrap();
                let leaf = tree.leaf(index).unwrap();
                PathChain::new(frontier.clone()).prove(leaf, index, &path).unwrap();
            }
        }
    }
}
