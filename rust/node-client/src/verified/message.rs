//! Messages: what a node signs about them, and whether it keeps its word.

use super::records::Proven;
use super::{NodeError, VerifiedNode};
use crate::types::{CheckAnswer, MessageAnswer, MessageState, Outcome, Problem};
use crate::{ClientError, Lie, Posted};
use alloy_primitives::{Address, B256};
use fallow_protocol::{
    AnnouncementFile, PromiseFile, Refusal, RefusalFile, ReleaseFile, Request, RequestFile,
    WithdrawalFile,
};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

/// How often a node is asked where a message stands: it batches for up to 200 ms.
const POLL: Duration = Duration::from_millis(250);
/// The last block of a promise may be final, and read by the node, so much later, seconds.
const GRACE: u64 = 60;
/// A promise for later is worth nothing to whoever asks for slots of hours, seconds.
const LONGEST_PROMISE: u64 = 3_600;

/// What became of a message that was posted; all signatures are verified.
#[derive(Clone, Debug)]
pub enum Submitted {
    /// It will be recorded.
    Promised(Box<PromiseFile>),
    /// It was recorded before.
    Recorded(Box<Proven>),
    /// It breaks a rule, says the node with its signature.
    Refused(Refusal, Box<RefusalFile>),
    /// The node does not take it, for reasons that nobody signs: codes from 900.
    Rejected(Box<Problem>),
}

/// What became of an announcement that only travels.
#[derive(Clone, Debug)]
pub enum Travel {
    /// The node hands it out, or has it recorded.
    Taken,
    /// The node does not, for a reason that nobody signs.
    Refused(Box<Problem>),
}

/// The message that an outcome is of.
const fn id_of(outcome: &Outcome) -> B256 {
    match outcome {
        Outcome::Promised { id, .. }
        | Outcome::Recorded { id, .. }
        | Outcome::Taken { id }
        | Outcome::Known { id }
        | Outcome::Refused { id, .. } => *id,
    }
}

/// A message with what its promise must say.
#[derive(Clone, Copy, Debug)]
struct Sent<'a> {
    id: B256,
    request: Option<&'a Request>,
}

impl VerifiedNode {
    /// Posts a signed announcement.
    ///
    /// # Errors
    /// When the answer does not hold.
    pub async fn announce(&self, file: &AnnouncementFile) -> Result<Submitted, NodeError> {
        let id = file.announcement.id(&self.rules.domain).0;
        self.submit(Posted::Announcement, file, Sent { id, request: None }).await
    }

    /// Posts a signed request.
    ///
    /// # Errors
    /// When the answer does not hold.
    pub async fn request(&self, file: &RequestFile) -> Result<Submitted, NodeError> {
        let id = file.request.id(&self.rules.domain).0;
        self.submit(Posted::Request, file, Sent { id, request: Some(&file.request) }).await
    }

    /// Posts a signed release.
    ///
    /// # Errors
    /// When the answer does not hold.
    pub async fn release(&self, file: &ReleaseFile) -> Result<Submitted, NodeError> {
        let id = file.release.id(&self.rules.domain);
        self.submit(Posted::Release, file, Sent { id, request: None }).await
    }

    /// Posts a signed withdrawal.
    ///
    /// # Errors
    /// When the answer does not hold.
    pub async fn withdraw(&self, file: &WithdrawalFile) -> Result<Submitted, NodeError> {
        let id = file.withdrawal.id(&self.rules.domain);
        self.submit(Posted::Withdrawal, file, Sent { id, request: None }).await
    }

    /// Posts an announcement that only travels; nothing is promised.
    ///
    /// # Errors
    /// When the answer does not hold. That the node does not take it is no error: nothing is
    /// signed about what only travels.
    pub async fn gossip(&self, file: &AnnouncementFile) -> Result<Travel, NodeError> {
        let want = file.announcement.id(&self.rules.domain).0;
        let outcome = match self.client.post(Posted::Gossip, file).await {
            Ok(outcome) => outcome,
            Err(ClientError::Problem(problem)) => return Ok(Travel::Refused(problem)),
            Err(error) => return Err(error.into()),
        };
        let got = id_of(&outcome);
        match outcome {
            _ if got != want => Err(self.caught(Lie::IdMismatch { got, want }, json!(outcome))),
            Outcome::Refused { problem, .. } => Ok(Travel::Refused(Box::new(problem))),
            _ => Ok(Travel::Taken),
        }
    }

    async fn submit(
        &self,
        kind: Posted,
        file: &(impl Serialize + Sync),
        sent: Sent<'_>,
    ) -> Result<Submitted, NodeError> {
        match self.client.post(kind, file).await {
            Ok(outcome) => self.outcome(outcome, sent).await,
            Err(ClientError::Problem(problem)) => self.refused(problem, sent),
            Err(error) => Err(error.into()),
        }
    }

    async fn outcome(&self, outcome: Outcome, sent: Sent<'_>) -> Result<Submitted, NodeError> {
        let got = id_of(&outcome);
        if got != sent.id {
            let lie = Lie::IdMismatch { got, want: sent.id };
            return Err(self.caught(lie, json!(outcome)));
        }
        match outcome {
            Outcome::Promised { promise, .. } => {
                self.check_promise(&promise, sent)?;
                Ok(Submitted::Promised(promise))
            }
            Outcome::Recorded { index, .. } => {
                let found = self.recorded_at(index, sent.id).await?;
                Ok(Submitted::Recorded(Box::new(found)))
            }
            Outcome::Taken { .. } | Outcome::Known { .. } => {
                let lie = Lie::PromiseMismatch { field: "status" };
                Err(self.caught(lie, json!(outcome)))
            }
            Outcome::Refused { problem, .. } => self.refused(Box::new(problem), sent),
        }
    }

    fn refused(&self, problem: Box<Problem>, sent: Sent<'_>) -> Result<Submitted, NodeError> {
        let checked = self.rules.refusal(&problem, sent.id, self.account);
        match checked.map_err(|lie| self.caught(lie, json!(problem)))? {
            Some((refusal, file)) => Ok(Submitted::Refused(refusal, Box::new(file))),
            None => Ok(Submitted::Rejected(problem)),
        }
    }

    fn check_promise(&self, promise: &PromiseFile, sent: Sent<'_>) -> Result<(), NodeError> {
        let checked = self.rules.promise(promise, sent.id, sent.request, self.account);
        let now = (self.clock)();
        let times = now.saturating_sub(GRACE)..=now.saturating_add(LONGEST_PROMISE);
        let checked = checked.and_then(|()| match times.contains(&promise.promise.by_time) {
            true => Ok(()),
            false => Err(Lie::PromiseMismatch { field: "byTime" }),
        });
        checked.map_err(|lie| self.caught(lie, json!(promise)))
    }

    /// The record at an index, which must be that of this message.
    async fn recorded_at(&self, index: u64, id: B256) -> Result<Proven, NodeError> {
        let Some(found) = self.record_at(index).await? else {
            let why = "the node says that the message is recorded there";
            return Err(self.caught(Lie::Withheld { index, why }, json!({ "id": id })));
        };
        if found.sound.id != Some(id) {
            let lie = Lie::IdMismatch { got: found.sound.id.unwrap_or_default(), want: id };
            return Err(self.caught(lie, json!(found.answer)));
        }
        Ok(found)
    }

    /// Where a promised message stands: its record once there is one.
    ///
    /// # Errors
    /// [`NodeError::NotYet`] while it is promised; [`NodeError::Failed`] if it was not recorded;
    /// a lie if the promise is broken.
    pub async fn follow_up(&self, promise: &PromiseFile) -> Result<Proven, NodeError> {
        let (id, by_time) = (promise.promise.message_id, promise.promise.by_time);
        let answer: MessageAnswer = self.client.message(id).await?;
        if answer.id != id {
            let lie = Lie::IdMismatch { got: answer.id, want: id };
            return Err(self.caught(lie, json!(answer)));
        }
        let broken = |exhibit| {
            let exhibit = json!({ "promise": promise, "record": exhibit, "answer": answer });
            self.caught(Lie::PromiseBroken { by_time }, exhibit)
        };
        match (answer.state, answer.index, &answer.problem) {
            (MessageState::Recorded, Some(index), _) => {
                let found = self.recorded_at(index, id).await?;
                match found.sound.record.block_time <= by_time {
                    true => Ok(found),
                    false => Err(broken(json!(found.answer))),
                }
            }
            (MessageState::Failed, _, Some(problem)) => Err(NodeError::Failed(problem.clone())),
            _ if (self.clock)() > by_time.saturating_add(GRACE) => Err(broken(json!(null))),
            _ => Err(NodeError::NotYet),
        }
    }

    /// Waits until a promised message is recorded, at most so long.
    ///
    /// # Errors
    /// As [`Self::follow_up`]; [`NodeError::NotYet`] when the time is over.
    pub async fn wait(
        &mut self,
        promise: &PromiseFile,
        longest: Duration,
    ) -> Result<Proven, NodeError> {
        use tokio::time::{Instant, sleep};
        let until = Instant::now().checked_add(longest);
        loop {
            match self.follow_up(promise).await {
                Err(NodeError::NotYet) => {}
                // What it was judged by may be certified by now.
                Ok(found) => {
                    self.refresh().await?;
                    return Ok(found);
                }
                Err(error) => return Err(error),
            }
            if until.is_none_or(|until| Instant::now() >= until) {
                return Err(NodeError::NotYet);
            }
            sleep(POLL).await;
        }
    }

    /// What the five checks find for a request: the node's word, but for the id and the order.
    ///
    /// # Errors
    /// When the answer is about another request, or is none.
    pub async fn check(&self, file: &RequestFile) -> Result<CheckAnswer, NodeError> {
        let answer = self.client.check(file).await?;
        self.long_enough(answer.size, &answer)?;
        let id = file.request.id(&self.rules.domain).0;
        let caught = |lie| Err(self.caught(lie, json!(answer)));
        if answer.request_id != id {
            return caught(Lie::IdMismatch { got: answer.request_id, want: id });
        }
        for (finding, check) in answer.findings.iter().zip(1_u8..) {
            if finding.check != check {
                return caught(Lie::CheckMismatch { check, field: "check" });
            }
            if finding.holds != finding.code.is_none() {
                return caught(Lie::CheckMismatch { check, field: "holds" });
            }
        }
        if answer.findings.len() != 5 {
            return caught(Lie::CheckMismatch { check: 5, field: "findings" });
        }
        // Who signed needs no ledger: an honest node finds the same.
        let signer = file.signature.recover_or_zero(id);
        let is_signed = signer == file.request.requester && signer != Address::ZERO;
        if !is_signed && answer.findings[0].holds {
            return caught(Lie::CheckMismatch { check: 1, field: "holds" });
        }
        Ok(answer)
    }
}
