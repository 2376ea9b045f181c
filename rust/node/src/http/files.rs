//! The static files of the log (section 18), as any other server would give them.

use super::answer::{Answer, BINARY, Cache, JSON};
use super::context::Context;
use super::error::{HttpError, Result};
use crate::store::NodeStoreError;
use fallow_log::{BundleId, TileId};
use fallow_protocol::SetHash;
use std::io;
use std::path::Path;

/// Where the store keeps them.
const FOLDER: &str = "tiles";
/// Bytes of the longest file: a bundle of 256 of the longest entries has fewer.
const FILE_MAX_BYTES: u64 = 512 << 10;

/// `GET /tile/..`: only paths that name a tile or bundle in the one form there is.
pub(super) fn tile(context: &Context, path: &str) -> Result<Answer> {
    let full = if path.starts_with("tile/entries/") {
        BundleId::parse(path).map(|id| id.is_full())
    } else {
        TileId::parse(path).map(|id| id.is_full())
    };
    // What is partial goes one day, and its full one takes its place under another name.
    let cache = match full {
        Ok(true) => Cache::Immutable,
        Ok(false) => Cache::Tag,
        Err(error) => return Err(HttpError::not_found(error)),
    };
    Ok(Answer::bytes(BINARY, read(context, path)?, cache))
}

/// `GET /<setHash>.set`: only the name that the network file gives.
pub(super) fn set(context: &Context, hash: &str) -> Result<Answer> {
    let hash: SetHash = super::ask::hash(hash)?.into();
    let name = context.shared.network.set_file_name();
    if hash != context.shared.set.hash() {
        return Err(HttpError::not_found("this node has no set of this hash"));
    }
    Ok(Answer::bytes(BINARY, read(context, &name)?, Cache::Immutable))
}

/// `GET /checkpoint`, `GET /network.json`.
pub(super) fn json(context: &Context, name: &'static str) -> Result<Answer> {
    Ok(Answer::bytes(JSON, read(context, name)?, Cache::Tag))
}

/// Reads a file whose path was made here, or was read as the one form of a tile's.
fn read(context: &Context, path: &str) -> Result<Vec<u8>> {
    let path = context.shared.config.dir.join(FOLDER).join(path);
    match read_bounded(&path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(HttpError::not_found("there is no such file now"))
        }
        Err(error) => Err(NodeStoreError::File { path, error }.into()),
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
