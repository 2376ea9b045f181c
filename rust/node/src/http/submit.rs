//! Messages that are posted: read, judged, promised.

use super::answer::{Answer, Cache, Reply};
use super::ask::{Posted, one, posted, version};
use super::context::Context;
use super::error::{HttpError, Result};
use super::levels::Levels;
use super::records::allocation;
use crate::core::{Admission, GossipOutcome};
use crate::shared::KnownPlace;
use alloy_primitives::{Address, B256, Bytes};
use fallow_http::Body;
use fallow_ledger::{Finding, Message};
use fallow_node_client::NodeCode;
use fallow_node_client::types::{CheckAnswer, FindingAnswer, Outcome, Outcomes};
use fallow_protocol::{
    Announcement, AnnouncementFile, Domain, Evidence, NetworkId, ReleaseFile, RequestFile,
    ResourceId, Signature, WithdrawalFile,
};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use warp::http::StatusCode;

/// Bodies up to here are read where they came in; longer ones by a thread of their own.
const SHORT_BODY: usize = 4 << 10;

/// A file of section 13 that is posted.
pub(super) trait SignedFile: DeserializeOwned + Send + 'static {
    /// Whether its message can be made without reading the disk.
    const IS_LIGHT: bool;

    /// Version and network.
    fn head(&self) -> (u8, NetworkId);

    /// Id of the message.
    fn id(&self, domain: &Domain) -> B256;

    /// The message, and whose it is if that is known.
    fn message(&self, context: &Context) -> Result<(Option<Address>, Message)>;
}

impl SignedFile for RequestFile {
    const IS_LIGHT: bool = true;

    fn head(&self) -> (u8, NetworkId) {
        (self.version, self.network_id)
    }

    fn id(&self, domain: &Domain) -> B256 {
        self.request.id(domain).0
    }

    fn message(&self, context: &Context) -> Result<(Option<Address>, Message)> {
        let own = Evidence { signature: self.signature, approval: self.approval }.signatures();
        let Self { request, .. } = *self;
        let message = match travelling(context, request.resource_id)? {
            None => Message::Request { request, signatures: own.into() },
            Some((announcement, signature)) => {
                let signatures = [signature.0.as_slice(), &own].concat().into();
                Message::AnnounceAndRequest { announcement, request, signatures }
            }
        };
        Ok((Some(request.requester), message))
    }
}

/// The announcement that a request has to bring: of a resource that only travels.
fn travelling(context: &Context, id: ResourceId) -> Result<Option<(Announcement, Signature)>> {
    if context.shared.catalogue.has(id) {
        return Ok(None);
    }
    let known = context.shared.announcement(id)?;
    let travels = known.filter(|known| known.place == KnownPlace::Travelling);
    Ok(travels.map(|known| (known.announcement, known.signature)))
}

impl SignedFile for AnnouncementFile {
    const IS_LIGHT: bool = true;

    fn head(&self) -> (u8, NetworkId) {
        (self.version, self.network_id)
    }

    fn id(&self, domain: &Domain) -> B256 {
        self.announcement.id(domain).0
    }

    fn message(&self, _: &Context) -> Result<(Option<Address>, Message)> {
        let Self { announcement, signature, .. } = *self;
        let signatures = single(signature);
        Ok((Some(announcement.provider), Message::Announce { announcement, signatures }))
    }
}

impl SignedFile for ReleaseFile {
    const IS_LIGHT: bool = false;

    fn head(&self) -> (u8, NetworkId) {
        (self.version, self.network_id)
    }

    fn id(&self, domain: &Domain) -> B256 {
        self.release.id(domain)
    }

    /// The core fills in the record; the path is built when it is sent.
    fn message(&self, context: &Context) -> Result<(Option<Address>, Message)> {
        let Self { release, signature, .. } = *self;
        let allocation = allocation(&*context.shared.store, release.request_id)?;
        let allocation = allocation.ok_or(NodeCode::AllocationUnknown)?;
        let (record, path, signatures) = (Bytes::new(), Vec::new(), single(signature));
        let message = Message::Release { release, signatures, record, path };
        Ok((Some(allocation.requester), message))
    }
}

impl SignedFile for WithdrawalFile {
    const IS_LIGHT: bool = false;

    fn head(&self) -> (u8, NetworkId) {
        (self.version, self.network_id)
    }

    fn id(&self, domain: &Domain) -> B256 {
        self.withdrawal.id(domain)
    }

    fn message(&self, context: &Context) -> Result<(Option<Address>, Message)> {
        let Self { withdrawal, signature, .. } = *self;
        let known = context.shared.announcement(withdrawal.resource_id)?;
        let announcement = known.ok_or(NodeCode::AnnouncementUnknown)?.announcement;
        let signatures = single(signature);
        let message = Message::Withdraw { withdrawal, announcement, signatures };
        Ok((Some(announcement.provider), message))
    }
}

fn single(signature: Signature) -> Bytes {
    Bytes::copy_from_slice(signature.0.as_slice())
}

/// A message that can be submitted.
#[derive(Debug)]
struct Item<M> {
    key: Option<Address>,
    message: M,
}

/// What was posted: each with its id, and what is wrong with it already.
#[derive(Debug)]
struct Batch<M> {
    is_many: bool,
    items: Vec<(B256, Result<Item<M>>)>,
}

impl<M> Batch<M> {
    /// Reads a body; `make` makes a message of a file.
    fn read<F: SignedFile>(
        context: &Context,
        peer: IpAddr,
        bytes: &[u8],
        make: impl Fn(&F) -> Result<(Option<Address>, M)>,
    ) -> Result<Self> {
        let posted = posted::<F>(bytes)?;
        // The first one is paid for.
        let more = u32::try_from(posted.count()).unwrap_or(u32::MAX).saturating_sub(1);
        if more > 0 {
            context.charge(peer, more)?;
        }
        let is_many = matches!(posted, Posted::Many(_));
        let mut counts = HashMap::new();
        let items = posted.into_vec().into_iter().map(|file| {
            let item = Self::item(context, &file, &make, &mut counts);
            if let Err(error) = &item {
                context.shared.metrics.refuse(error.code());
            }
            (file.id(&context.shared.domain), item)
        });
        Ok(Self { is_many, items: items.collect() })
    }

    fn item<F: SignedFile>(
        context: &Context,
        file: &F,
        make: impl Fn(&F) -> Result<(Option<Address>, M)>,
        counts: &mut HashMap<Address, u32>,
    ) -> Result<Item<M>> {
        let (got, network_id) = file.head();
        version(got)?;
        if network_id != context.shared.network.network_id {
            return Err(NodeCode::WrongNetwork.into());
        }
        let (key, message) = make(file)?;
        if let Some(key) = key {
            let before = counts.entry(key).or_insert(0);
            context.may_submit(key, *before)?;
            *before = before.saturating_add(1);
        }
        Ok(Item { key, message })
    }

    /// The messages, out of their items.
    fn take(&mut self) -> Vec<M>
    where
        M: Default,
    {
        let good = self.items.iter_mut().filter_map(|(_, item)| item.as_mut().ok());
        good.map(|item| std::mem::take(&mut item.message)).collect()
    }
}

/// `POST` of announcements, requests, releases, withdrawals.
pub(super) async fn submit<F: SignedFile>(
    context: &Arc<Context>,
    peer: IpAddr,
    body: Body,
) -> Result<Reply> {
    let is_light = F::IS_LIGHT && body.len() <= SHORT_BODY;
    // The share of memory is held until all of it is judged.
    let (bytes, share) = body.into_parts();
    let read = move |context: &Context| {
        Batch::<Option<Message>>::read::<F>(context, peer, &bytes, |file| {
            file.message(context).map(|(key, message)| (key, Some(message)))
        })
    };
    let mut batch = if is_light { read(context)? } else { context.work(read).await? };
    let messages: Vec<Message> = batch.take().into_iter().flatten().collect();
    let count = messages.len();
    let admissions =
        if count == 0 { Vec::new() } else { context.shared.core.submit(messages).await? };
    drop(share);
    if admissions.len() != count {
        return Err(HttpError::new(NodeCode::Stopped, "the core lost count"));
    }
    if admissions.iter().any(|one| matches!(one, Admission::Recorded { .. })) {
        return context.work(move |context| answer(context, batch, admissions)).await;
    }
    answer(context, batch, admissions)
}

/// Puts what the core says to what was wrong before.
fn answer(
    context: &Context,
    batch: Batch<Option<Message>>,
    admissions: Vec<Admission>,
) -> Result<Reply> {
    let mut admissions = admissions.into_iter();
    let mut outcomes = Vec::with_capacity(batch.items.len());
    for (id, item) in batch.items {
        let judged = item.map(|item| (item.key, admissions.next()));
        outcomes.push((
            id,
            match judged {
                Ok((key, Some(admission))) => outcome(context, id, key, admission),
                Ok((_, None)) => Err(HttpError::new(NodeCode::Stopped, "the core lost count")),
                Err(error) => Err(error),
            },
        ));
    }
    reply(batch.is_many, outcomes)
}

fn outcome(
    context: &Context,
    id: B256,
    key: Option<Address>,
    admission: Admission,
) -> Result<Outcome> {
    match admission {
        Admission::Promised(promise) => {
            if let Some(key) = key {
                context.submitted(key);
            }
            Ok(Outcome::Promised { id, promise })
        }
        Admission::Recorded { index } => recorded(context, id, index),
        Admission::Refused(file, refusal) => Err(HttpError::Refused(refusal, Some(file))),
        Admission::Rejected(code) => Err(code.into()),
    }
}

fn recorded(context: &Context, id: B256, index: u64) -> Result<Outcome> {
    let level = Levels::new(&context.shared).of(index)?;
    Ok(Outcome::Recorded { id, index, level, size: context.shared.store.size()? })
}

/// One is answered by itself, many each in its place.
fn reply(is_many: bool, mut outcomes: Vec<(B256, Result<Outcome>)>) -> Result<Reply> {
    if !is_many && let Some((_, outcome)) = outcomes.pop() {
        let outcome = outcome?;
        let status = match outcome {
            Outcome::Promised { .. } | Outcome::Taken { .. } => StatusCode::ACCEPTED,
            _ => StatusCode::OK,
        };
        return Ok(Answer::json(&outcome, Cache::No)?.with_status(status).into());
    }
    let items = outcomes.into_iter().map(|(id, outcome)| {
        outcome.unwrap_or_else(|error| Outcome::Refused { id, problem: error.into_problem() })
    });
    Ok(Answer::json(&Outcomes { items: items.collect() }, Cache::No)?.into())
}

/// `POST /v1/gossip`.
pub(super) async fn gossip(context: &Arc<Context>, peer: IpAddr, body: Body) -> Result<Reply> {
    let read = move |context: &Context| {
        Batch::<Option<(Announcement, Signature)>>::read(context, peer, &body, |file| {
            let AnnouncementFile { announcement, signature, .. } = *file;
            Ok((Some(announcement.provider), Some((announcement, signature))))
        })
    };
    let mut batch = context.work(read).await?;
    let announcements: Vec<_> = batch.take().into_iter().flatten().collect();
    let count = announcements.len();
    let mut said =
        if count == 0 { Vec::new() } else { context.shared.core.gossip(announcements).await? };
    said.resize(count, GossipOutcome::Rejected(NodeCode::Stopped));
    context.work(move |context| gossiped(context, batch.is_many, batch.items, said)).await
}

fn gossiped<M>(
    context: &Context,
    is_many: bool,
    items: Vec<(B256, Result<Item<M>>)>,
    said: Vec<GossipOutcome>,
) -> Result<Reply> {
    let mut said = said.into_iter();
    let outcomes = items.into_iter().map(|(id, item)| {
        let outcome = item.and_then(|_| match said.next() {
            Some(GossipOutcome::Taken) => Ok(Outcome::Taken { id }),
            Some(GossipOutcome::Known) => Ok(Outcome::Known { id }),
            Some(GossipOutcome::Recorded { index }) => recorded(context, id, index),
            Some(GossipOutcome::Refused(refusal)) => Err(HttpError::Refused(refusal, None)),
            Some(GossipOutcome::Rejected(code)) => Err(code.into()),
            None => Err(HttpError::new(NodeCode::Stopped, "the core lost count")),
        });
        (id, outcome)
    });
    reply(is_many, outcomes.collect())
}

/// `POST /v1/check`.
pub(super) async fn check(context: &Arc<Context>, body: Body) -> Result<Reply> {
    let file: RequestFile = one(&body)?;
    version(file.version)?;
    if file.network_id != context.shared.network.network_id {
        return Err(NodeCode::WrongNetwork.into());
    }
    let (_, message) = context.work(move |context| file.message(context)).await?;
    let (size, findings) = context.shared.core.check(message).await?;
    let findings = (1..).zip(&findings).map(|(check, found)| finding(check, found)).collect();
    let request_id = file.id(&context.shared.domain);
    Ok(Answer::json(&CheckAnswer { request_id, findings, size }, Cache::No)?.into())
}

fn finding(check: u8, finding: &Finding) -> FindingAnswer {
    FindingAnswer {
        check,
        holds: finding.code.is_none(),
        code: finding.code.map(|code| code.number()),
        name: finding.code.map(|code| code.name().to_owned()),
        got: finding.got,
        want: finding.want,
    }
}
