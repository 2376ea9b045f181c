//! Messages that are submitted: judged on the ledger ahead, signed on all cores, and made durable by
//! one commit for all that wait, before anybody is answered.

use crate::core::handle::{Checked, Reply};
use crate::core::pending::DRIFT_SECONDS;
use crate::core::pending::timestamp;
use crate::core::prepare::{Early, Prepared};
use crate::core::state::{Core, Settings};
use crate::core::{Admission, NotReady};
use crate::store::NodeStoreError;
use crate::store::types::{Change, Pending};
use alloy_primitives::{Address, B256, Bytes};
use fallow_ledger::{ApplyError, Message};
use fallow_node_client::NodeCode;
use fallow_protocol::{Promise, PromiseFile, Refusal, RefusalFile, RefusalStatement};
use rayon::prelude::*;
use std::collections::HashMap;

/// Messages of one submitter.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) messages: Vec<Prepared>,
    pub(crate) reply: Reply<Vec<Admission>>,
}

/// What is decided of one message, before it is signed.
#[derive(Debug)]
enum Verdict {
    /// It is new: this one of the promises that are to be made.
    New(usize),
    /// Nothing is to be written for it.
    Answer(Admission),
    /// It is refused, which is to be signed.
    Refuse(RefusalStatement, Refusal),
}

/// What a group of submissions comes to.
#[derive(Debug, Default)]
struct Group {
    /// New messages, with what is promised.
    taken: Vec<(Prepared, Promise)>,
    /// Where each of them is.
    places: HashMap<B256, usize>,
}

impl Core {
    /// Answers all submissions of a group.
    pub(crate) fn submit(&mut self, submissions: Vec<Submission>) {
        if let Some(why) = self.not_ready() {
            return refuse_all(submissions, &why);
        }
        let mut group = Group::default();
        let mut judged = Vec::with_capacity(submissions.len());
        let mut submissions = submissions.into_iter();
        while let Some(Submission { messages, reply }) = submissions.next() {
            if !self.has_room(messages.len(), &group) {
                answer(reply, Err(NotReady::QueueFull));
                continue;
            }
            let verdicts = messages.into_iter().map(|message| self.judge_one(message, &mut group));
            match verdicts.collect::<Result<Vec<_>, _>>() {
                Ok(verdicts) => judged.push((verdicts, reply)),
                Err(why) => {
                    // It has what nobody will be promised.
                    self.ahead = None;
                    judged.into_iter().for_each(|(_, reply)| answer(reply, Err(why.clone())));
                    answer(reply, Err(why.clone()));
                    return refuse_all(submissions, &why);
                }
            }
        }
        let taken = self.sign(group.taken);
        let promises: Vec<_> = taken.iter().map(|pending| pending.promise).collect();
        if let Err(error) = self.promise(taken) {
            let why = self.refuse_write(&error);
            return judged.into_iter().for_each(|(_, reply)| answer(reply, Err(why.clone())));
        }
        // Whoever is answered sees it in the view, too.
        self.publish();
        for (verdicts, reply) in judged {
            answer(reply, Ok(self.settings.admit(verdicts, &promises)));
        }
    }

    /// Whether so many more may be promised: all messages of a submission find a place, or none.
    fn has_room(&self, messages: usize, group: &Group) -> bool {
        let open = self.pendings.len().saturating_add(group.taken.len());
        open.saturating_add(messages) <= self.settings.open_promises
    }

    fn judge_one(&mut self, one: Prepared, group: &mut Group) -> Result<Verdict, NotReady> {
        if let Some(pending) = self.pendings.of_id(one.id) {
            return Ok(Verdict::Answer(Admission::Promised(Box::new(pending.promise))));
        }
        if let Some(place) = group.places.get(&one.id) {
            return Ok(Verdict::New(*place));
        }
        match self.apply(&one)? {
            Ok(()) => {
                let place = group.taken.len();
                group.places.insert(one.id, place);
                let promise = self.promise_of(&one);
                group.taken.push((one, promise));
                Ok(Verdict::New(place))
            }
            Err(early) => self.refused(one.id, early),
        }
    }

    /// Applies a message to the ledger ahead.
    fn apply(&mut self, one: &Prepared) -> Result<Result<(), Early>, NotReady> {
        if let Some(early) = one.early {
            return Ok(Err(early));
        }
        let at = self.judged_at(&one.message);
        let Some(ahead) = self.ahead() else {
            return Err(NotReady::ChainAway("the registry's first block was not read".to_owned()));
        };
        Ok(ahead.apply_proven(&one.message, at).map(drop).map_err(|error| match error {
            ApplyError::Refused(refusal) => Early::Refused(refusal),
            // Nobody but a contract can send those.
            _ => Early::Rejected(NodeCode::BodyMalformed),
        }))
    }

    /// The ledger refuses what it has already; that is no refusal for whoever asks again.
    fn refused(&mut self, id: B256, early: Early) -> Result<Verdict, NotReady> {
        match self.store.index_of(id) {
            Ok(None) => {}
            Ok(Some(index)) => return Ok(Verdict::Answer(Admission::Recorded { index })),
            Err(error) => return Err(self.refuse_write(&error)),
        }
        let size = self.ahead.as_ref().map_or(self.view.size, fallow_ledger::Ahead::size);
        match early {
            Early::Refused(refusal) => {
                self.outlets.metrics.refuse(refusal.code.number());
                let time = self.clock.seconds();
                let statement = RefusalStatement::new(id, &refusal, time, size);
                Ok(Verdict::Refuse(statement, refusal))
            }
            Early::Rejected(code) => {
                self.outlets.metrics.refuse(code.number());
                Ok(Verdict::Answer(Admission::Rejected(code)))
            }
        }
    }

    fn promise_of(&self, one: &Prepared) -> Promise {
        let (requester, sequence) = match &one.message {
            Message::Request { request, .. } | Message::AnnounceAndRequest { request, .. } => {
                (request.requester, request.sequence)
            }
            _ => (Address::ZERO, 0),
        };
        let now = self.pace.earliest(self.clock.seconds());
        let by_time = now.saturating_add(self.settings.promise_seconds);
        let last = timestamp(&one.message).map(|time| time.saturating_add(DRIFT_SECONDS));
        Promise {
            message_id: one.id,
            requester,
            sequence,
            by_time: last.map_or(by_time, |last| by_time.min(last)),
            log_size: self.view.size,
        }
    }

    /// Signs on all cores, and numbers in order.
    fn sign(&mut self, taken: Vec<(Prepared, Promise)>) -> Vec<Pending> {
        let first = self.arrivals.message.saturating_add(1);
        let Settings { key, domain, .. } = &self.settings;
        let numbered: Vec<_> = taken.into_iter().zip(first..).collect();
        let signed = numbered.into_par_iter().map(|((one, promise), arrival)| Pending {
            arrival,
            id: one.id,
            message: one.message,
            promise: PromiseFile::sign(promise, domain, key),
            failed: None,
        });
        signed.collect()
    }

    /// Makes promises durable. After an error none was made.
    fn promise(&mut self, taken: Vec<Pending>) -> Result<(), NodeStoreError> {
        let (Some(last), count) = (taken.last().map(|last| last.arrival), taken.len()) else {
            return Ok(());
        };
        let change = Change { promised: taken, ..Change::default() };
        // Not given again, whatever becomes of them: a disk may keep what it says to have failed.
        self.arrivals.message = last;
        if let Err(error) = self.commit(&change) {
            // It has what nobody was promised.
            self.ahead = None;
            return Err(error);
        }
        change.promised.into_iter().for_each(|pending| self.pendings.insert(pending));
        self.outlets.metrics.promised.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        self.flush_soon(count);
        Ok(())
    }

    /// Runs the five checks.
    pub(crate) fn check(&mut self, message: &Message) -> Result<Checked, NotReady> {
        if self.health.is_stopped() {
            return Err(self.not_ready().unwrap_or(NotReady::QueueFull));
        }
        let at = self.judged_at(message);
        let size = self.view.size;
        let unread = || NotReady::ChainAway("the registry's first block was not read".to_owned());
        let ahead = self.ahead().ok_or_else(unread)?;
        match message {
            Message::Request { request, signatures } => {
                Ok((size, ahead.check(request, signatures, at)))
            }
            Message::AnnounceAndRequest { announcement, request, signatures } => {
                let (provider, others) =
                    signatures.split_at_checked(64).unwrap_or((signatures, &[]));
                if ahead.resource(request.resource_id).is_some() {
                    return Ok((size, ahead.check(request, others, at)));
                }
                // Nothing that is promised is about a resource that is not there.
                let mut probe = self.replay.ledger().ok_or_else(unread)?.ahead();
                let announce = Message::Announce {
                    announcement: *announcement,
                    signatures: Bytes::copy_from_slice(provider),
                };
                if let Err(error) = probe.apply_proven(&announce, at) {
                    tracing::debug!(%error, "a request is checked without its announcement");
                }
                Ok((size, probe.check(request, others, at)))
            }
            _ => Err(NotReady::Stopped("only requests are checked".to_owned())),
        }
    }
}

impl Settings {
    fn admit(&self, verdicts: Vec<Verdict>, promises: &[PromiseFile]) -> Vec<Admission> {
        let admitted = verdicts.into_par_iter().with_min_len(8).map(|verdict| match verdict {
            Verdict::New(place) => match promises.get(place) {
                Some(promise) => Admission::Promised(Box::new(*promise)),
                None => Admission::Rejected(NodeCode::Stopped),
            },
            Verdict::Answer(admission) => admission,
            Verdict::Refuse(statement, refusal) => {
                let file = RefusalFile::sign(statement, &self.domain, &self.key);
                Admission::Refused(Box::new(file), refusal)
            }
        });
        admitted.collect()
    }
}

fn refuse_all(submissions: impl IntoIterator<Item = Submission>, why: &NotReady) {
    submissions.into_iter().for_each(|one| answer(one.reply, Err(why.clone())));
}

/// Whoever asked may be gone.
pub(crate) fn answer<T>(reply: Reply<T>, answer: Result<T, NotReady>) {
    if reply.send(answer).is_err() {
        tracing::debug!("nobody waits for an answer");
    }
}
