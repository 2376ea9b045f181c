//! Packed batches, calldata close to the information in it (section 4.6), and the bytes that the
//! registry emits for them (section 6.1).
//!
//! ```text
//! PackItem, ..  --pack_requests-->  RequestGroup, ..  --encode_requests-->  requestPacked(batch)
//!                                        |                                        |
//!                           requests() --+-- Request, Evidence     BatchAllocated.groups
//!                                                                  --decode_allocated--> groups
//! PackedRelease, .. --shorten_paths, encode_releases--> releasePacked(batch)
//! ReleasedItem, ..  <--decode_released--  BatchReleased.items
//! ```
//!
//! Nothing is claimed in these formats that is not there: memory is bounded by the input's length.

mod build;
mod error;
mod release;
mod request;

pub use build::{PackItem, pack_requests};
pub use error::{PackError, PackedError};
pub use release::{
    PackedRelease, ReleasedItem, decode_released, decode_releases, encode_released,
    encode_releases, path_nodes, shorten_paths,
};
pub use request::{
    GroupResource, MAX_GROUP_ITEMS, PackedRequest, RequestGroup, decode_allocated, decode_requests,
    encode_requests,
};

use crate::bytes::Reader;
use crate::{DecodeError, Signature};

/// Times are packed into 40 bits.
const TIME_LIMIT: u64 = 1 << 40;

/// Reads parts, one after the other, to the end. An error names the offset of the part it is in.
fn decode_all<T>(
    bytes: &[u8],
    read: impl Fn(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, PackedError> {
    let (mut reader, length) = (Reader::new(bytes), bytes.len());
    let mut parts = Vec::new();
    while reader.left() > 0 {
        let offset = length.saturating_sub(reader.left());
        let part = read(&mut reader).map_err(|source| PackedError { offset, length, source })?;
        parts.push(part);
    }
    Ok(parts)
}

fn signature(reader: &mut Reader<'_>, field: &'static str) -> Result<Signature, DecodeError> {
    reader.take(field)
}

/// Refuses an event that says nothing.
fn some<T>(parts: Vec<T>, field: &'static str) -> Result<Vec<T>, PackedError> {
    if parts.is_empty() {
        let source = DecodeError::Length { field, got: 0, min: 1, max: usize::MAX };
        return Err(PackedError { offset: 0, length: 0, source });
    }
    Ok(parts)
}
