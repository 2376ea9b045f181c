//! Resources: searched, shown, with their calendars.

use super::answer::{Answer, Cache};
use super::ask::{Ask, Limit, Which, hash, hex, optional};
use super::context::Context;
use super::error::{HttpError, Result};
use super::levels::Levels;
use super::records::{body, evidence, find};
use crate::search::SearchQuery;
use crate::search::query::Query as Terms;
use crate::store::NodeStore;
use crate::store::types::Kept;
use alloy_primitives::Address;
use fallow_node_client::types::{CalendarAnswer, Page, ResourceAnswer};
use fallow_protocol::{Body, LANES, ResourceId, SlotRange};
use serde::Deserialize;

/// Bytes of offer documents on one page; the rest is on the next.
const PAGE_OFFER_BYTES: usize = 1 << 20;
/// Characters of the longest region that is looked for.
const MAX_REGION: usize = 64;
/// Slots of the longest calendar that is told.
const MAX_SLOTS: u64 = 10_000;

/// `GET /v1/resources`.
pub(super) fn list(context: &Context, ask: &Ask) -> Result<Answer> {
    let query = search_query(ask)?;
    let store = &*context.shared.store;
    let page = context
        .shared
        .catalogue
        .search(&query, |index, first, last| store.calendar(index, first, last))?;
    let mut levels = Levels::new(&context.shared);
    let (size, mut items, mut bytes, mut next) = (store.size()?, Vec::new(), 0_usize, page.next);
    for found in page.found {
        if bytes > PAGE_OFFER_BYTES {
            next = items.last().map(|item: &ResourceAnswer| item.index);
            break;
        }
        let kept = find(store, Which::Index(found.row.index))?;
        let (mut item, length) = answer(context, &mut levels, &kept, size)?;
        item.free = found.free;
        bytes = bytes.saturating_add(length);
        items.push(item);
    }
    Answer::json(&Page { items, next: next.map(|index| index.to_string()), size }, Cache::No)
}

fn search_query(ask: &Ask) -> Result<SearchQuery> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(default, deserialize_with = "hex")]
        provider: Option<Address>,
        r#where: Option<String>,
        region: Option<String>,
        #[serde(default, deserialize_with = "optional")]
        from: Option<u64>,
        #[serde(default, deserialize_with = "optional")]
        to: Option<u64>,
        #[serde(default, deserialize_with = "optional")]
        volume: Option<u16>,
        #[serde(default, deserialize_with = "optional")]
        after: Option<u64>,
        #[serde(default)]
        limit: Limit,
    }
    let query: Query = ask.query()?;
    let terms = query.r#where.as_deref().map(Terms::parse).transpose();
    let window = match (query.from, query.to) {
        (None, None) => None,
        (Some(from), Some(to)) if from < to => Some((from, to)),
        _ => return Err(HttpError::parameter("a window has `from` before `to`, both of them")),
    };
    if query.region.as_ref().is_some_and(|region| region.chars().count() > MAX_REGION) {
        return Err(HttpError::parameter(format_args!(
            "a region has at most {MAX_REGION} letters"
        )));
    }
    Ok(SearchQuery {
        provider: query.provider,
        terms: terms.map_err(HttpError::parameter)?,
        region: query.region,
        window,
        volume: query.volume,
        after: query.after,
        limit: query.limit.0,
    })
}

/// `GET /v1/resources/{id}`.
pub(super) fn one(context: &Context, id: &str) -> Result<Answer> {
    let store = &*context.shared.store;
    let kept = find(store, Which::Id(hash(id)?))?;
    let (answer, _) = answer(context, &mut Levels::new(&context.shared), &kept, store.size()?)?;
    Answer::json(&answer, Cache::No)
}

/// The answer, and how long the document in it is.
fn answer(
    context: &Context,
    levels: &mut Levels<'_>,
    kept: &Kept,
    size: u64,
) -> Result<(ResourceAnswer, usize)> {
    let store = &*context.shared.store;
    let Body::Announcement(body) = body(kept)? else {
        return Err(HttpError::not_found("this is the id of another kind of record"));
    };
    let word = store.resource(ResourceId(kept.id))?;
    let bytes = store.offer(body.offer)?;
    // What the store keeps was read as JSON when it came.
    let offer = bytes.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok());
    let answer = ResourceAnswer {
        resource_id: kept.id,
        index: kept.index,
        announcement: body.announcement(),
        signature: evidence(kept)?.signature,
        withdrawn: word.is_some_and(|word| word.withdrawn),
        offer,
        free: None,
        level: levels.of(kept.index)?,
        size,
    };
    Ok((answer, bytes.map_or(0, |bytes| bytes.len())))
}

/// `GET /v1/resources/{id}/calendar`.
pub(super) fn calendar(context: &Context, id: &str, ask: &Ask) -> Result<Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(default, deserialize_with = "optional")]
        from: Option<u64>,
        #[serde(default, deserialize_with = "optional")]
        to: Option<u64>,
    }
    let Query { from, to } = ask.query()?;
    let (store, view) = (&*context.shared.store, context.shared.core.view());
    let id = ResourceId(hash(id)?);
    let word = store.resource(id)?.filter(|word| word.index != 0);
    let word = word.ok_or_else(|| HttpError::not_found("nobody has recorded this resource"))?;
    let size = store.size()?;
    let (from, to) = (from.unwrap_or(view.block.time), to.unwrap_or(word.end_time));
    let told = slots(&word, from, to);
    let (first, used) = match &told {
        Some(slots) => (slots.first, used(store, word.index, slots)?),
        None => (0, Vec::new()),
    };
    let seconds = u64::from(word.slot_seconds);
    let answer = CalendarAnswer {
        resource_id: id.0,
        volume: word.volume,
        slot_seconds: word.slot_seconds,
        first_slot: first,
        start_time: word.start_time.saturating_add(first.saturating_mul(seconds)),
        used,
        size,
    };
    Answer::json(&answer, Cache::No)
}

/// The slots that a window touches, at most [`MAX_SLOTS`].
fn slots(word: &fallow_protocol::ResourceWord, from: u64, to: u64) -> Option<SlotRange> {
    let (from, to) = (from.max(word.start_time), to.min(word.end_time));
    if from >= to {
        return None;
    }
    let slot =
        |time: u64| time.saturating_sub(word.start_time).checked_div(u64::from(word.slot_seconds));
    let (first, last) = (slot(from)?, slot(to.saturating_sub(1))?);
    let most = first.saturating_add(MAX_SLOTS).saturating_sub(1);
    Some(SlotRange { first, last: last.min(most) })
}

fn used(store: &dyn NodeStore, index: u64, slots: &SlotRange) -> Result<Vec<u16>> {
    let words = slots.words();
    let calendar = store.calendar(index, *words.start(), *words.end())?;
    let first = words.start().saturating_mul(LANES);
    let all = (first..).zip(calendar.iter().flat_map(|word| word.used));
    let told = all.filter(|(slot, _)| (slots.first..=slots.last).contains(slot));
    Ok(told.map(|(_, used)| used).collect())
}
