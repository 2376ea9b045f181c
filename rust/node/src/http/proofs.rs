//! Proofs, tickets, checkpoints.

use super::answer::{Answer, BINARY, Cache};
use super::ask::{Ask, Limit, Which, decimal, number, optional};
use super::context::Context;
use super::error::{HttpError, Result};
use super::levels::anchor_answer;
use super::records::find;
use crate::store::NodeStoreError;
use crate::store::types::Checkpointed;
use alloy_primitives::Bytes;
use fallow_log::TiledLog;
use fallow_node_client::NodeCode;
use fallow_node_client::types::{
    CheckpointAnswer, ConsistencyAnswer, InclusionAnswer, Page, ShareAnswer, SharesAnswer,
};
use fallow_protocol::{Record, Ticket};
use serde::Deserialize;

/// `GET /v1/proofs/inclusion`.
pub(super) fn inclusion(context: &Context, ask: &Ask) -> Result<Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(deserialize_with = "decimal")]
        index: u64,
        #[serde(default, deserialize_with = "optional")]
        size: Option<u64>,
    }
    let Query { index, size } = ask.query()?;
    let store = &*context.shared.store;
    let whole = store.size()?;
    let size = at_most(size.unwrap_or(whole), whole)?;
    if index >= size {
        let why = format_args!("index {index} is not below size {size}");
        return Err(HttpError::parameter(why));
    }
    let log = TiledLog::new(whole, store);
    let answer = InclusionAnswer {
        index,
        size,
        leaf: log.leaf(index)?,
        root: log.root_at(size)?,
        path: log.prove_inclusion(index, size)?,
    };
    Answer::json(&answer, Cache::Tag)
}

fn at_most(size: u64, whole: u64) -> Result<u64> {
    if size <= whole {
        return Ok(size);
    }
    Err(HttpError::parameter(format_args!("size {size} is above the log's, {whole}")))
}

/// `GET /v1/proofs/consistency`.
pub(super) fn consistency(context: &Context, ask: &Ask) -> Result<Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(deserialize_with = "decimal")]
        from: u64,
        #[serde(default, deserialize_with = "optional")]
        to: Option<u64>,
    }
    let Query { from, to } = ask.query()?;
    let store = &*context.shared.store;
    let whole = store.size()?;
    let to = at_most(to.unwrap_or(whole), whole)?;
    if from == 0 || from > to {
        let why = format_args!("`from` {from} is not between 1 and `to` {to}");
        return Err(HttpError::parameter(why));
    }
    let log = TiledLog::new(whole, store);
    let answer = ConsistencyAnswer {
        from,
        from_root: log.root_at(from)?,
        to,
        to_root: log.root_at(to)?,
        path: log.prove_consistency(from, to)?,
    };
    Answer::json(&answer, Cache::Tag)
}

/// `GET /v1/tickets/{id}`: under the first certified checkpoint above the record, or under the one
/// that is asked for.
pub(super) fn ticket(context: &Context, which: &str, ask: &Ask) -> Result<Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(default, deserialize_with = "optional")]
        checkpoint: Option<u64>,
    }
    let Query { checkpoint } = ask.query()?;
    let store = &*context.shared.store;
    let kept = find(store, Which::parse(which)?)?;
    let above = match checkpoint {
        Some(block) => store.checkpoint(block)?.filter(|one| one.checkpoint.size > kept.index),
        None => store.certified_above(kept.index)?,
    };
    let Some(Checkpointed { checkpoint, certificate: Some(certificate) }) = above else {
        return Err(NodeCode::NotCertifiedYet.into());
    };
    let record = Record::decode(&kept.entry.record)
        .map_err(|error| NodeStoreError::Corrupt(format!("record {}: {error}", kept.index)))?;
    let log = TiledLog::new(store.size()?, store);
    let path = log.prove_inclusion(kept.index, checkpoint.size)?;
    let ticket = Ticket { record, evidence: kept.entry.evidence, path, checkpoint, certificate };
    let answer = if ask.wants_binary() {
        Answer::bytes(BINARY, ticket.encode(), Cache::Tag)
    } else {
        Answer::json(&ticket, Cache::Tag)?
    };
    Ok(Answer { varies: true, ..answer })
}

/// `GET /v1/checkpoints`.
pub(super) fn checkpoints(context: &Context, ask: &Ask) -> Result<Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(default, deserialize_with = "optional")]
        after: Option<u64>,
        #[serde(default)]
        certified: bool,
        #[serde(default)]
        limit: Limit,
    }
    let Query { after, certified, limit: Limit(limit) } = ask.query()?;
    let store = &*context.shared.store;
    let mut found = store.checkpoints(after, limit.saturating_add(1), certified)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().map(|last| last.checkpoint.block_number.to_string());
    let size = store.size()?;
    let items = found.into_iter().map(|one| checkpoint_answer(context, one));
    let items = items.collect::<Result<Vec<_>>>()?;
    Answer::json(&Page { items, next: next.filter(|_| more), size }, Cache::No)
}

/// A checkpoint as it is told.
pub(super) fn checkpoint_answer(
    context: &Context,
    Checkpointed { checkpoint, certificate }: Checkpointed,
) -> Result<CheckpointAnswer> {
    let block = checkpoint.block_number;
    let anchored = context.shared.store.anchorings(block, 1)?;
    let anchored = anchored.first().filter(|anchored| anchored.sidechain_block == block);
    let anchor = anchored.and_then(|anchored| anchor_answer(&context.shared, anchored));
    Ok(CheckpointAnswer {
        checkpoint,
        certificate: certificate.map(|certificate| Bytes::from(certificate.encode())),
        anchor,
    })
}

/// `GET /v1/checkpoints/latest`.
pub(super) fn latest(context: &Context) -> Result<Answer> {
    let found = context.shared.store.checkpoints(None, 1, true)?.pop();
    let found = found.ok_or_else(|| HttpError::not_found("no checkpoint is certified yet"))?;
    Answer::json(&checkpoint_answer(context, found)?, Cache::Tag)
}

fn of_block(context: &Context, block: &str) -> Result<Checkpointed> {
    let block = number(block)?;
    let found = context.shared.store.checkpoint(block)?;
    found.ok_or_else(|| HttpError::not_found(format_args!("block {block} is no checkpoint")))
}

/// `GET /v1/checkpoints/{block}`.
pub(super) fn checkpoint(context: &Context, block: &str) -> Result<Answer> {
    Answer::json(&checkpoint_answer(context, of_block(context, block)?)?, Cache::Tag)
}

/// `GET /v1/checkpoints/{block}/shares`.
pub(super) fn shares(context: &Context, block: &str) -> Result<Answer> {
    let Checkpointed { checkpoint, certificate } = of_block(context, block)?;
    let set = &context.shared.set;
    let (tally, of) = (context.shared.shares.of(checkpoint.block_number), certificate.as_ref());
    // A certificate may have come without its shares, from before the node's time.
    let signed = |place| {
        tally.as_ref().is_some_and(|tally| tally.has_signed(place))
            || of.is_some_and(|certificate| certificate.has_signed(place))
    };
    let members: Vec<_> = (0..)
        .zip(set.members())
        .map(|(place, member)| ShareAnswer {
            validator: member.address,
            weight: member.weight,
            signed: signed(place),
        })
        .collect();
    let weight = members.iter().filter(|member| member.signed);
    let weight = weight.fold(0_u64, |sum, member| sum.saturating_add(member.weight));
    Answer::json(&SharesAnswer { checkpoint, members, weight, total: set.total() }, Cache::No)
}
