//! The same from the sidechain itself: its blocks are re-executed, and the validators' shares on the
//! bulletin are counted.

use crate::{Anchoring, Audit, AuditError, Flaw, Report};
use fallow_chain::{
    Disagreement, FollowError, Follower, PostedShare, ShareError, ShareReader, Tally,
};
use fallow_protocol::bls::Signature;
use fallow_protocol::{Checkpoint, NetworkFile, Set};
use std::collections::{BTreeMap, BTreeSet};

/// Re-executes the sidechain from genesis to its last final block, makes the certificate of every
/// checkpoint that a quorum has signed, and compares the anchorings. Check the network first.
///
/// # Errors
/// When a node does not answer; flaws of the log stand in the report.
pub async fn audit_chain(
    audit: &Audit,
    network: &NetworkFile,
    mut follower: Follower,
    anchored: &[Anchoring],
    on_progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Report, AuditError> {
    let mut report = Report::new(network.network_id, 0, None);
    loop {
        match follower.step().await {
            Ok(0) => break,
            Ok(_) => on_progress(follower.size()),
            Err(FollowError::Chain(error)) => return Err(error.into()),
            Err(FollowError::Disagreement(disagreement)) => {
                report.size = follower.size();
                report.flawed(contract(&disagreement), None);
                return Ok(report);
            }
        }
    }
    if let Some(ledger) = follower.ledger() {
        report.reached(ledger);
    }
    match count(audit.trust().set(), network, &follower).await? {
        Ok(certified) => report.checkpoints = certified,
        Err(flaw) => report.flawed(*flaw, None),
    }
    compare(&mut report, &follower, anchored)?;
    Ok(report)
}

/// What the contract claims and the re-execution refuses.
fn contract(disagreement: &Disagreement) -> Flaw {
    let index = match disagreement {
        Disagreement::Refused { index, .. } | Disagreement::Release { index, .. } => Some(*index),
        Disagreement::Index { want, .. } => Some(*want),
        _ => None,
    };
    let code = disagreement.code().map(fallow_protocol::Code::number);
    Flaw::Contract { index, code, what: disagreement.to_string() }
}

/// Compares every anchoring with the log at its size.
fn compare(
    report: &mut Report,
    follower: &Follower,
    anchored: &[Anchoring],
) -> Result<(), AuditError> {
    for anchoring in anchored {
        let Anchoring { block, transaction, sidechain_block, size, root: got } = *anchoring;
        if size > follower.size() {
            report.anchored_beyond = report.anchored_beyond.saturating_add(1);
            continue;
        }
        report.anchored = report.anchored.saturating_add(1);
        let want = follower.tree().root_at(size)?;
        if got != want && report.is_honest() {
            let flaw = Flaw::Anchored { block, transaction, sidechain_block, size, got, want };
            report.flawed(flaw, None);
        }
    }
    Ok(())
}

/// The shares over one checkpoint: ours, and those over something else.
struct Shares {
    tally: Tally,
    others: BTreeSet<usize>,
}

/// How many checkpoints a quorum has certified.
async fn count(
    set: &Set,
    network: &NetworkFile,
    follower: &Follower,
) -> Result<Result<u64, Box<Flaw>>, AuditError> {
    let of = |checkpoint: Checkpoint| {
        let shares = Shares { tally: Tally::new(checkpoint), others: BTreeSet::new() };
        (checkpoint.block_number, shares)
    };
    let all = follower.checkpoints_after(0, usize::MAX);
    let mut shares: BTreeMap<u64, Shares> = all.into_iter().map(of).collect();
    let sidechain = &network.network.sidechain;
    let client = follower.client().clone();
    let latest = client.latest().await?;
    let mut reader = ShareReader::new(client, sidechain.bulletin, set, sidechain.block);
    while let Some(posted) = reader.read(latest).await? {
        for posted in posted {
            if let Some(of_block) = shares.get_mut(&posted.block_number)
                && let Err(flaw) = of_block.add(set, &posted)
            {
                return Ok(Err(flaw));
            }
        }
    }
    let certified = shares.values().filter(|shares| set.is_quorum(shares.tally.weight()));
    Ok(Ok(u64::try_from(certified.count()).unwrap_or(u64::MAX)))
}

impl Shares {
    /// Counts a share. One that counts for nothing is nobody's fault but its poster's; but a quorum
    /// that signed another history is.
    fn add(&mut self, set: &Set, posted: &PostedShare) -> Result<(), Box<Flaw>> {
        let Err(ShareError::Digest { position, got, want }) = self.tally.add(set, posted) else {
            return Ok(());
        };
        let member = set.members().get(position);
        let signature = posted.share.as_ref().try_into().ok().map(Signature::from_bytes);
        let is_signed = match (member, signature) {
            (Some(member), Some(Ok(signature))) => member.key.verifies(got, &signature),
            _ => false,
        };
        if is_signed {
            self.others.insert(position);
        }
        let weights = self.others.iter().filter_map(|at| set.members().get(*at));
        let weight = weights.fold(0_u64, |sum, member| sum.saturating_add(member.weight));
        if !set.is_quorum(weight) {
            return Ok(());
        }
        let checkpoint = Box::new(*self.tally.checkpoint());
        let block = checkpoint.block_number;
        let what = format!(
            "validators of weight {weight} signed {got} for block {block}, the records give {want}"
        );
        Err(Box::new(Flaw::Share { checkpoint, what }))
    }
}
