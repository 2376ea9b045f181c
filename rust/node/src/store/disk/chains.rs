//! Writing what is known of checkpoints and anchorings, and where both chains are.

use super::Result;
use super::rows::Stored as _;
use super::tables::{
    ANCHORED, ANCHORED_SIZES, CERTIFICATES, CERTIFIED, CHECKPOINTS, HEAD, MAINNET_HEAD, STATE,
};
use crate::store::NodeStoreError;
use crate::store::types::{Anchored, Change};
use fallow_protocol::{Certificate, Checkpoint};
use fallow_store::failed;
use redb::{ReadableTable as _, WriteTransaction};

/// Writes checkpoints, certificates, anchorings and heads.
pub(super) fn write(write: &WriteTransaction, change: &Change) -> Result<()> {
    write_checkpoints(write, &change.checkpoints)?;
    write_certificates(write, &change.certificates)?;
    if let Some(first) = change.unanchored_from {
        void_anchorings(write, first)?;
    }
    write_anchorings(write, &change.anchored)?;
    write_heads(write, change)
}

fn write_checkpoints(write: &WriteTransaction, checkpoints: &[Checkpoint]) -> Result<()> {
    if checkpoints.is_empty() {
        return Ok(());
    }
    let mut table = write.open_table(CHECKPOINTS).map_err(failed)?;
    for checkpoint in checkpoints {
        let row = checkpoint.encode();
        table.insert(checkpoint.block_number, row.as_slice()).map_err(failed)?;
    }
    Ok(())
}

fn write_certificates(write: &WriteTransaction, certificates: &[(u64, Certificate)]) -> Result<()> {
    if certificates.is_empty() {
        return Ok(());
    }
    let checkpoints = write.open_table(CHECKPOINTS).map_err(failed)?;
    let mut table = write.open_table(CERTIFICATES).map_err(failed)?;
    let mut sizes = write.open_table(CERTIFIED).map_err(failed)?;
    for (block, certificate) in certificates {
        let row = checkpoints.get(block).map_err(failed)?.ok_or_else(|| {
            NodeStoreError::Unfit(format!("a certificate for block {block} without checkpoint"))
        })?;
        let size = decode(row.value())?.size;
        sizes.insert((size, *block), ()).map_err(failed)?;
        table.insert(block, certificate.encode().as_slice()).map_err(failed)?;
    }
    Ok(())
}

/// A stored checkpoint.
pub(super) fn decode(row: &[u8]) -> Result<Checkpoint> {
    Checkpoint::decode(row)
        .map_err(|error| NodeStoreError::Corrupt(format!("a checkpoint: {error}")))
}

/// Mainnet's reorganisations are rare and anchorings few: all of them are looked at.
fn void_anchorings(write: &WriteTransaction, first: u64) -> Result<()> {
    let mut table = write.open_table(ANCHORED).map_err(failed)?;
    table.retain(|(_, block), _| block < first).map_err(failed)?;
    let mut sizes = write.open_table(ANCHORED_SIZES).map_err(failed)?;
    sizes.retain(|(_, _, block), ()| block < first).map_err(failed)?;
    Ok(())
}

fn write_anchorings(write: &WriteTransaction, anchored: &[Anchored]) -> Result<()> {
    if anchored.is_empty() {
        return Ok(());
    }
    let mut table = write.open_table(ANCHORED).map_err(failed)?;
    let mut sizes = write.open_table(ANCHORED_SIZES).map_err(failed)?;
    for anchoring in anchored {
        let key = (anchoring.sidechain_block, anchoring.block);
        table.insert(key, anchoring.to_bytes()?.as_slice()).map_err(failed)?;
        sizes.insert((anchoring.size, key.0, key.1), ()).map_err(failed)?;
    }
    Ok(())
}

fn write_heads(write: &WriteTransaction, change: &Change) -> Result<()> {
    let mut state = write.open_table(STATE).map_err(failed)?;
    if let Some(head) = &change.head {
        state.insert(HEAD, head.to_bytes()?.as_slice()).map_err(failed)?;
    }
    if let Some(head) = &change.mainnet_head {
        state.insert(MAINNET_HEAD, head.to_bytes()?.as_slice()).map_err(failed)?;
    }
    Ok(())
}
