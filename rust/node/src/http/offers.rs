//! Offer documents, and announcements that travel without being recorded.

use super::answer::{Answer, Cache, JSON, Reply};
use super::ask::{Ask, Limit, decimal, hash};
use super::context::Context;
use super::error::{HttpError, Result};
use alloy_primitives::B256;
use fallow_http::Body;
use fallow_node_client::types::{GossipAnswer, Page};
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

/// `POST /v1/offers`.
pub(super) async fn put(context: &Context, body: Body) -> Result<Reply> {
    #[derive(Serialize)]
    struct Put {
        hash: B256,
    }
    let (bytes, share) = body.into_parts();
    let hash = context.shared.core.put_offer(share.bind(bytes).into()).await?;
    Ok(Answer::json(&Put { hash }, Cache::No)?.with_status(StatusCode::CREATED).into())
}

/// `GET /v1/offers/{hash}`.
pub(super) fn get(context: &Context, text: &str) -> Result<Answer> {
    let offer = context.shared.store.offer(hash(text)?)?;
    let offer = offer.ok_or_else(|| HttpError::not_found("this node has no such document"))?;
    Ok(Answer::bytes(JSON, offer, Cache::Immutable))
}

/// `GET /v1/gossip`.
pub(super) fn gossip(context: &Context, ask: &Ask) -> Result<Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(default, deserialize_with = "decimal")]
        after: u64,
        #[serde(default)]
        limit: Limit,
    }
    let Query { after, limit: Limit(limit) } = ask.query()?;
    let store = &*context.shared.store;
    let mut found = store.gossip(after, limit.saturating_add(1))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().map(|last| last.arrival.to_string()).filter(|_| more);
    let items = found.into_iter().map(|one| GossipAnswer {
        arrival: one.arrival,
        resource_id: one.id.0,
        announcement: one.announcement,
        signature: one.signature,
    });
    let items = items.collect::<Vec<_>>();
    Answer::json(&Page { items, next, size: store.size()? }, Cache::No)
}
