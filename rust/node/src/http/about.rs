//! The node itself: network, set, state, metrics.

use super::answer::{Answer, BINARY, Cache, JSON};
use super::ask::hash;
use super::context::Context;
use super::error::{HttpError, Result};
use crate::core::NotReady;
use fallow_node_client::NodeCode;
use fallow_node_client::types::StatusAnswer;
use serde::Serialize;

/// The description of the API.
const OPENAPI: &str = include_str!("../../openapi.json");
/// What Prometheus calls its text.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /v1/network`.
pub(super) fn network(context: &Context) -> Result<Answer> {
    Answer::json(&context.shared.network, Cache::Tag)
}

/// `GET /v1/sets/{hash}`.
pub(super) fn set(context: &Context, text: &str) -> Result<Answer> {
    let set = &context.shared.set;
    if hash(text)? != set.hash().0 {
        return Err(HttpError::not_found("this node has no set of this hash"));
    }
    Ok(Answer::bytes(BINARY, set.encode(), Cache::Immutable))
}

/// `GET /v1/status`.
pub(super) fn status(context: &Context) -> Result<Answer> {
    let (shared, view) = (&context.shared, context.shared.core.view());
    let answer = StatusAnswer {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        network_id: shared.network.network_id.0,
        node: shared.config.daemon.account_key.address(),
        block: view.block.number,
        block_time: view.block.time,
        size: view.size,
        root: view.root,
        certified_size: view.certified_size,
        anchored_size: view.anchored_size,
        settled_size: view.settled_size,
        open_promises: u64::try_from(view.open_promises).unwrap_or(u64::MAX),
        not_ready: view.not_ready.as_ref().map(NotReady::to_string),
    };
    Answer::json(&answer, Cache::No)
}

#[derive(Serialize)]
struct Good {
    status: &'static str,
}

/// `GET /health`: the process answers.
pub(super) fn health() -> Result<Answer> {
    Answer::json(&Good { status: "ok" }, Cache::No)
}

/// `GET /ready`: messages are taken.
pub(super) fn ready(context: &Context) -> Result<Answer> {
    match &context.shared.core.view().not_ready {
        Some(why) => Err(why.clone().into()),
        None => Answer::json(&Good { status: "ready" }, Cache::No),
    }
}

/// `GET /metrics`.
pub(super) fn metrics(context: &Context) -> Result<Answer> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &context.shared.metrics.registry)
        .map_err(|error| HttpError::new(NodeCode::StoreFailed, error))?;
    Ok(Answer::bytes(OPENMETRICS, text.into_bytes(), Cache::No))
}

/// `GET /openapi.json`.
pub(super) fn openapi() -> Answer {
    Answer::bytes(JSON, OPENAPI.as_bytes().to_vec(), Cache::Tag)
}
