//! Records as the chain has them once they are final: what is reported is read from there.

use crate::chain::follow_failure;
use crate::error::{Context, Failure, Result};
use alloy_primitives::B256;
use fallow_chain::{Follower, Recorded, Replay};
use fallow_protocol::Record;

/// The index that a person names: a decimal number is the index of a record, 32 bytes as hex the id
/// of a message. `None` if it is not recorded.
pub(crate) fn index_of(replay: &Replay, named: &str) -> Result<Option<u64>> {
    if let Ok(index) = named.parse::<u64>() {
        return Ok((index < replay.size()).then_some(index));
    }
    let id: B256 = named.parse().map_err(|_| {
        Failure::new(format_args!("`{named}` is no id and no index"))
            .hint("name the request's id (0x and 64 hex digits), or the index of its record")
    })?;
    Ok(replay.index_of(id))
}

/// The record of a message that is final now.
pub(crate) async fn record_of(follower: &mut Follower, id: B256) -> Result<Record> {
    follower.sync().await.map_err(|error| follow_failure(&error))?;
    let entry = follower.index_of(id).and_then(|index| follower.record(index));
    let entry = entry.ok_or_else(|| {
        Failure::new(format_args!("the node shows no record of {id}"))
            .hint("its transaction is final: ask again, or another node")
    })?;
    decode(entry)
}

/// The record of an entry of the log.
pub(crate) fn decode(recorded: &Recorded) -> Result<Record> {
    Record::decode(&recorded.entry.record).context("a record cannot be decoded")
}
