//! New records on their way into the log: checked, packed, and what becomes full as files.

use super::Result;
use super::edge::{Edge, WIDTH};
use super::files::NewFile;
use super::log::check_rest;
use crate::store::NodeStoreError;
use crate::store::types::{Change, Kept};
use alloy_primitives::B256;
use fallow_log::{BundleId, TILE_WIDTH, leaf_hash};
use fallow_protocol::{Body, Domain, Record, Release, Withdrawal};
use rayon::prelude::*;

/// Records that fit the log's end.
#[derive(Debug)]
pub(super) struct Staged {
    /// The edge after them.
    pub(super) edge: Edge,
    /// Tiles and bundles that are full then.
    pub(super) files: Vec<NewFile>,
    /// What the indexes need of them.
    pub(super) rows: Vec<Row>,
}

/// What the indexes need of a record.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) index: u64,
    pub(super) id: B256,
    pub(super) block: u64,
    pub(super) body: Body,
}

/// One record, packed.
struct Packed {
    row: Row,
    leaf: B256,
    entry: Vec<u8>,
}

/// Stages the records of a change after an edge.
pub(super) fn stage(edge: &Edge, change: &Change, domain: &Domain) -> Result<Staged> {
    let numbered: Vec<_> = (edge.size()..).zip(&change.records).collect();
    // Some 5 us of hashing for each, on all cores.
    let packed = numbered.into_par_iter().map(|(index, kept)| pack(index, kept, domain));
    let packed: Vec<_> = packed.collect::<Result<_>>()?;
    let (mut tiles, mut tail) = (edge.tiles.clone(), edge.tail.clone());
    let mut rows = Vec::with_capacity(packed.len());
    for Packed { row, leaf, entry } in packed {
        tiles.push(leaf).map_err(|error| unfit(error.to_string()))?;
        tail.push(entry);
        rows.push(row);
    }
    let full = tiles.drain_full().into_iter();
    let mut files: Vec<NewFile> = full
        .map(|(id, hashes)| (id.path(), hashes.iter().flat_map(|hash| hash.0).collect()))
        .collect();
    let mut bundles = tail.chunks_exact(TILE_WIDTH.into());
    for (index, bundle) in (edge.sealed() / WIDTH..).zip(bundles.by_ref()) {
        files.push((BundleId { index, width: TILE_WIDTH }.path(), bundle.concat()));
    }
    let tail = bundles.remainder().to_vec();
    let staged = Staged { edge: Edge::new(tiles, tail), files, rows };
    check_head(&staged, change)?;
    Ok(staged)
}

/// The head tells what the log is after the change.
fn check_head(staged: &Staged, change: &Change) -> Result<()> {
    match &change.head {
        Some(head) => staged.edge.check(head.size, &head.peaks).map_err(unfit),
        None if staged.rows.is_empty() => Ok(()),
        None => Err(unfit("records without a head".into())),
    }
}

fn pack(index: u64, kept: &Kept, domain: &Domain) -> Result<Packed> {
    let wrong = |what: String| unfit(format!("record {index}: {what}"));
    let Record { index: got, body, .. } =
        Record::decode(&kept.entry.record).map_err(|error| wrong(error.to_string()))?;
    if (got, kept.index) != (index, index) {
        return Err(wrong(format!("it is of position {got}")));
    }
    let id = id_of(&body, domain);
    if id != kept.id {
        return Err(wrong(format!("its id is {id}, not {}", kept.id)));
    }
    check_rest(&kept.entry, &body, domain).map_err(|what| wrong(what.into()))?;
    let entry = kept.entry.encode().map_err(|error| wrong(error.to_string()))?;
    let row = Row { index, id, block: kept.block, body };
    Ok(Packed { row, leaf: leaf_hash(&kept.entry.record), entry })
}

/// Id of the message behind a record; zero where there is none.
pub(super) fn id_of(body: &Body, domain: &Domain) -> B256 {
    match body {
        Body::Announcement(body) => body.announcement().id(domain).0,
        Body::Allocation(body) => body.request_id(domain).0,
        Body::Release(body) => {
            let (request_id, from_time) = (body.request_id, body.from_time);
            Release { request_id, from_time, timestamp: body.timestamp }.id(domain)
        }
        Body::Withdrawal(body) => {
            Withdrawal { resource_id: body.resource_id, timestamp: body.timestamp }.id(domain)
        }
        Body::Genesis(_) | Body::Open { .. } => B256::ZERO,
    }
}

fn unfit(what: String) -> NodeStoreError {
    NodeStoreError::Unfit(what)
}
