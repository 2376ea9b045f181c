//! Many paths at once: the tiles that they need are fetched once each, and the paths computed here.

use super::VerifiedNode;
use crate::ClientError;
use alloy_primitives::B256;
use fallow_log::{TileId, TileSource, TiledLog, needed_tiles};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

/// From so many records on, tiles are fewer questions than paths.
const WORTH_TILES: usize = 6;
/// Questions on the way at the same time.
pub(super) const AT_ONCE: usize = 8;

/// Tiles that were fetched; what is not there is zeros, which lead to no certified root.
struct Fetched(BTreeMap<TileId, Vec<B256>>);

impl TileSource for &Fetched {
    type Error = Infallible;

    fn tile(&self, id: TileId) -> Result<Vec<B256>, Infallible> {
        let hashes = self.0.get(&id).cloned();
        Ok(hashes.unwrap_or_else(|| vec![B256::ZERO; id.width.into()]))
    }
}

impl VerifiedNode {
    /// Paths of these records to the certified root, from tiles. What they lead to is the reader's
    /// to check. None where tiles are not worth it, or the node no longer has those of this size:
    /// it is asked for each path then.
    pub(super) async fn paths(
        &self,
        indexes: &[u64],
    ) -> Result<BTreeMap<u64, Vec<B256>>, ClientError> {
        let size = self.certified_size();
        let indexes: Vec<u64> = indexes.iter().copied().filter(|index| *index < size).collect();
        if indexes.len() < WORTH_TILES {
            return Ok(BTreeMap::new());
        }
        let needed = indexes.iter().filter_map(|index| {
            needed_tiles(size, |log| log.prove_inclusion(*index, size).map(drop)).ok()
        });
        let needed: BTreeSet<TileId> = needed.flatten().collect();
        let fetched: Result<BTreeMap<_, _>, _> = stream::iter(needed)
            .map(|id| async move { self.tile(id).await.map(|hashes| (id, hashes)) })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await;
        let fetched = match fetched {
            Ok(fetched) => Fetched(fetched),
            // Partial tiles of an older size may go (section 18).
            Err(error) if error.is_not_found() => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        let log = TiledLog::new(size, &fetched);
        let path = |index: u64| Some((index, log.prove_inclusion(index, size).ok()?));
        Ok(indexes.into_iter().filter_map(path).collect())
    }

    async fn tile(&self, id: TileId) -> Result<Vec<B256>, ClientError> {
        let path = id.path();
        let bytes = self.client.file(&path).await?;
        if bytes.len() != usize::from(id.width).saturating_mul(32) {
            return Err(ClientError::Form { path });
        }
        Ok(bytes.chunks_exact(32).map(B256::from_slice).collect())
    }
}
