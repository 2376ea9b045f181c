//! Records, and what is in them: resources, allocations, releases.

use super::answer::{Answer, Cache};
use super::ask::{Ask, Limit, Which, hash, hex, optional};
use super::context::Context;
use super::error::{HttpError, Result};
use super::levels::Levels;
use crate::Shared;
use crate::store::types::{Kept, Place};
use crate::store::{NodeStore, NodeStoreError};
use alloy_primitives::{Address, B256, Bytes};
use fallow_node_client::types::{
    MessageAnswer, MessageState, Page, RecordAnswer, ReleaseAnswer, RequestAnswer,
};
use fallow_protocol::{AllocationBody, Body, Evidence, Record, Release, RequestId};
use serde::Deserialize;

/// `GET /v1/records`.
pub(super) fn list(context: &Context, ask: &Ask) -> Result<Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(default, deserialize_with = "optional")]
        after: Option<u64>,
        #[serde(default)]
        limit: Limit,
    }
    let Query { after, limit: Limit(limit) } = ask.query()?;
    let first = after.map_or(0, |after| after.saturating_add(1));
    let kept = context.shared.store.entries(first, limit)?;
    let items = answers(&context.shared, kept)?;
    let size = context.shared.store.size()?;
    let next = items.last().map(|last| last.index).filter(|last| last.saturating_add(1) < size);
    Answer::json(&Page { items, next: next.map(|index| index.to_string()), size }, Cache::No)
}

/// Records as they are told.
pub(super) fn answers(shared: &Shared, kept: Vec<Kept>) -> Result<Vec<RecordAnswer>> {
    let mut levels = Levels::new(shared);
    let size = shared.store.size()?;
    kept.into_iter().map(|kept| Ok(answer(&mut levels, kept, size)?)).collect()
}

fn answer(
    levels: &mut Levels<'_>,
    kept: Kept,
    size: u64,
) -> std::result::Result<RecordAnswer, NodeStoreError> {
    Ok(RecordAnswer {
        index: kept.index,
        id: Some(kept.id).filter(|id| !id.is_zero()),
        kind: kind(&kept.entry.record).to_owned(),
        block: kept.block,
        announcement: kept.entry.announcement,
        level: levels.of(kept.index)?,
        record: Bytes::from(kept.entry.record),
        evidence: Bytes::from(kept.entry.evidence),
        size,
    })
}

/// The name of a record's kind, which is its second byte (section 6).
fn kind(record: &[u8]) -> &'static str {
    match record.get(1) {
        Some(0) => "genesis",
        Some(1) => "announcement",
        Some(2) => "allocation",
        Some(3) => "release",
        Some(4) => "withdrawal",
        _ => "open",
    }
}

/// `GET /v1/records/{id}`.
pub(super) fn one(context: &Context, which: &str) -> Result<Answer> {
    let store = &*context.shared.store;
    let kept = find(store, Which::parse(which)?)?;
    let answer = answer(&mut Levels::new(&context.shared), kept, store.size()?)?;
    Answer::json(&answer, Cache::No)
}

/// The record that somebody means.
pub(super) fn find(store: &dyn NodeStore, which: Which) -> Result<Kept> {
    let index = match which {
        Which::Index(index) => Some(index),
        Which::Id(id) => store.index_of(id)?,
    };
    let kept = index.map(|index| store.entry(index)).transpose()?.flatten();
    kept.ok_or_else(|| match which {
        Which::Index(index) => HttpError::not_found(format_args!("no record has index {index}")),
        Which::Id(id) => HttpError::not_found(format_args!("no record has the id {id}")),
    })
}

/// What a record that the store keeps says.
pub(super) fn body(kept: &Kept) -> Result<Body> {
    let record = Record::decode(&kept.entry.record);
    record.map(|record| record.body).map_err(|error| corrupt(kept, error))
}

/// The signatures under it.
pub(super) fn evidence(kept: &Kept) -> Result<Evidence> {
    Evidence::decode(&kept.entry.evidence).map_err(|error| corrupt(kept, error))
}

fn corrupt(kept: &Kept, error: impl std::fmt::Display) -> HttpError {
    NodeStoreError::Corrupt(format!("record {}: {error}", kept.index)).into()
}

/// `GET /v1/requests`.
pub(super) fn requests(context: &Context, ask: &Ask) -> Result<Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(default, deserialize_with = "hex")]
        requester: Option<Address>,
        #[serde(default, deserialize_with = "hex")]
        resource: Option<B256>,
        #[serde(default, deserialize_with = "optional")]
        after: Option<u64>,
        #[serde(default)]
        limit: Limit,
    }
    let Query { requester, resource, after, limit: Limit(limit) } = ask.query()?;
    let store = &*context.shared.store;
    let place = match (requester, resource) {
        (Some(_), Some(_)) => {
            return Err(HttpError::parameter("either `requester` or `resource`, not both"));
        }
        (Some(requester), None) => Place::Requester(requester),
        (None, Some(resource)) => match store.index_of(resource)? {
            Some(index) => Place::Resource(index),
            None => return Err(HttpError::not_found("nobody has recorded this resource")),
        },
        (None, None) => Place::Everywhere,
    };
    let indexes = store.allocations(place, after, limit.saturating_add(1))?;
    let shown = indexes.get(..limit.min(indexes.len())).unwrap_or_default();
    let mut levels = Levels::new(&context.shared);
    let size = store.size()?;
    let items = shown.iter().map(|index| {
        let kept = find(store, Which::Index(*index))?;
        request_answer(context, &mut levels, &kept, size)
    });
    let items = items.collect::<Result<Vec<_>>>()?;
    let next = (indexes.len() > limit).then(|| shown.last()).flatten();
    Answer::json(&Page { items, next: next.map(u64::to_string), size }, Cache::No)
}

/// `GET /v1/requests/{id}`.
pub(super) fn request(context: &Context, id: &str) -> Result<Answer> {
    let store = &*context.shared.store;
    let kept = find(store, Which::Id(hash(id)?))?;
    let answer = request_answer(context, &mut Levels::new(&context.shared), &kept, store.size()?)?;
    Answer::json(&answer, Cache::No)
}

fn request_answer(
    context: &Context,
    levels: &mut Levels<'_>,
    kept: &Kept,
    size: u64,
) -> Result<RequestAnswer> {
    let Body::Allocation(body) = body(kept)? else {
        return Err(HttpError::not_found("this is the id of another kind of record"));
    };
    let evidence = evidence(kept)?;
    Ok(RequestAnswer {
        request_id: kept.id,
        index: kept.index,
        request: body.request(),
        signature: evidence.signature,
        approval: evidence.approval,
        release: release_of(&*context.shared.store, kept.index)?,
        level: levels.of(kept.index)?,
        size,
    })
}

fn release_of(store: &dyn NodeStore, allocation: u64) -> Result<Option<ReleaseAnswer>> {
    let Some(index) = store.release_of(allocation)? else {
        return Ok(None);
    };
    let kept = find(store, Which::Index(index))?;
    match body(&kept)? {
        Body::Release(body) => {
            let (request_id, from_time, timestamp) =
                (body.request_id, body.from_time, body.timestamp);
            let release = Release { request_id, from_time, timestamp };
            Ok(Some(ReleaseAnswer { index, release }))
        }
        _ => Err(corrupt(&kept, "it is no release")),
    }
}

/// The allocation of a request, if it is recorded.
pub(super) fn allocation(store: &dyn NodeStore, id: RequestId) -> Result<Option<AllocationBody>> {
    let Some(index) = store.index_of(id.0)? else {
        return Ok(None);
    };
    match body(&find(store, Which::Index(index))?)? {
        Body::Allocation(body) => Ok(Some(body)),
        _ => Ok(None),
    }
}

/// `GET /v1/messages/{id}`.
pub(super) fn message(context: &Context, id: &str) -> Result<Answer> {
    let (id, store) = (hash(id)?, &*context.shared.store);
    // The log last: a message that is recorded in between is not forgotten.
    let promised = store.promised(id)?;
    let recorded = store.index_of(id)?;
    let size = store.size()?;
    let promise = promised.as_ref().map(|pending| Box::new(pending.promise));
    let mut answer = MessageAnswer {
        id,
        state: MessageState::Recorded,
        promise,
        problem: None,
        index: recorded,
        level: None,
        size,
    };
    if let Some(index) = recorded {
        answer.level = Some(Levels::new(&context.shared).of(index)?);
        return Answer::json(&answer, Cache::No);
    }
    let Some(pending) = promised else {
        return Err(HttpError::not_found("this node has not promised such a message"));
    };
    let is_sent = || -> Result<bool> {
        let flights = store.flights()?;
        Ok(flights.iter().any(|flight| flight.arrivals.contains(&pending.arrival)))
    };
    answer.problem = pending.failed.map(|failed| Box::new(failure(failed).into_problem()));
    answer.state = match pending.failed {
        Some(_) => MessageState::Failed,
        None if is_sent()? => MessageState::Sent,
        None => MessageState::Waiting,
    };
    Answer::json(&answer, Cache::No)
}

fn failure(failed: crate::store::types::Failed) -> HttpError {
    use crate::store::types::Failed;
    match failed {
        Failed::Refused(refusal) => HttpError::Refused(refusal, None),
        Failed::Expired => fallow_node_client::NodeCode::MessageExpired.into(),
    }
}
