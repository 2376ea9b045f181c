//! Releases, each with its allocation's record and a path.

use super::{PackError, PackedError, decode_all, signature};
use crate::bytes::{Reader, bounded};
use crate::{
    ALLOCATION_BYTES, Body, DecodeError, Domain, HEADER_BYTES, MAX_PATH_NODES, RECORD_VERSION,
    Record, Release, RequestId, Signature,
};
use alloy_primitives::{B256, FixedBytes};

/// Where a record has its index: after version, kind and writer.
const INDEX_AT: usize = 22;

/// One release of a packed batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedRelease {
    /// First slot boundary that is given back, unix seconds.
    pub from_time: u64,
    /// When the release was signed, unix seconds.
    pub timestamp: u64,
    /// The requester's.
    pub signature: Signature,
    /// The allocation's record; whether it is one is for the ledger to judge.
    pub record: FixedBytes<ALLOCATION_BYTES>,
    /// From the record's leaf up, at most [`MAX_PATH_NODES`].
    pub path: Vec<B256>,
}

/// What `BatchReleased` says of one release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleasedItem {
    /// Index of the allocation's record.
    pub index: u64,
    /// First slot boundary that is given back, unix seconds.
    pub from_time: u64,
    /// When the release was signed, unix seconds.
    pub timestamp: u64,
    /// The requester's.
    pub signature: Signature,
}

impl PackedRelease {
    /// Index that the record has by its own words.
    #[must_use]
    pub fn index(&self) -> u64 {
        let bytes = self.record.get(INDEX_AT..).and_then(|bytes| bytes.first_chunk());
        u64::from_be_bytes(bytes.copied().expect("a record is longer than its header"))
    }

    /// The message that was signed: its request is that of the record.
    #[must_use]
    pub fn release(&self, domain: &Domain) -> Release {
        let (from_time, timestamp) = (self.from_time, self.timestamp);
        Release { request_id: self.request_id(domain), from_time, timestamp }
    }

    /// Id of the request in the record's fields, whatever version and kind say.
    fn request_id(&self, domain: &Domain) -> RequestId {
        let mut bytes = self.record;
        bytes[..2].copy_from_slice(&[RECORD_VERSION, 2]);
        match Record::decode(bytes.as_slice()).map(|record| record.body) {
            Ok(Body::Allocation(body)) => body.request_id(domain),
            _ => unreachable!("every {ALLOCATION_BYTES} bytes are the fields of an allocation"),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.from_time.to_be_bytes());
        out.extend(self.timestamp.to_be_bytes());
        out.extend(self.signature.0);
        out.extend(self.record);
        // Checked before.
        out.push(u8::try_from(self.path.len()).unwrap_or(u8::MAX));
        out.extend(self.path.iter().flatten());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            from_time: reader.u64("fromTime")?,
            timestamp: reader.u64("timestamp")?,
            signature: signature(reader, "signature")?,
            record: reader.take("record")?,
            path: read_path(reader)?,
        })
    }
}

fn read_path(reader: &mut Reader<'_>) -> Result<Vec<B256>, DecodeError> {
    let nodes = reader.u8("path")?.into();
    bounded("path", nodes, 0, MAX_PATH_NODES)?;
    (0..nodes).map(|_| reader.take("node")).collect()
}

impl ReleasedItem {
    fn write(&self, out: &mut Vec<u8>) {
        for number in [self.index, self.from_time, self.timestamp] {
            out.extend(number.to_be_bytes());
        }
        out.extend(self.signature.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            index: reader.u64("index")?,
            from_time: reader.u64("fromTime")?,
            timestamp: reader.u64("timestamp")?,
            signature: signature(reader, "signature")?,
        })
    }
}

/// The calldata of a packed batch of releases; without any it is empty.
///
/// # Errors
/// Names the first release whose path is too long.
pub fn encode_releases(releases: &[PackedRelease]) -> Result<Vec<u8>, PackError> {
    let mut out = Vec::new();
    for (index, release) in releases.iter().enumerate() {
        let got = release.path.len();
        if got > MAX_PATH_NODES {
            return Err(PackError::Path { index, got });
        }
        release.write(&mut out);
    }
    Ok(out)
}

/// Reads a packed batch of releases.
///
/// # Errors
/// Names the first item that is cut off or has a path that is too long.
pub fn decode_releases(bytes: &[u8]) -> Result<Vec<PackedRelease>, PackedError> {
    decode_all(bytes, PackedRelease::read)
}

/// `items` of `BatchReleased`.
#[must_use]
pub fn encode_released(items: &[ReleasedItem]) -> Vec<u8> {
    let mut out = Vec::new();
    items.iter().for_each(|item| item.write(&mut out));
    out
}

/// Reads `items` of `BatchReleased`.
///
/// # Errors
/// When there is none, or the last is cut off.
pub fn decode_released(bytes: &[u8]) -> Result<Vec<ReleasedItem>, PackedError> {
    super::some(decode_all(bytes, ReleasedItem::read)?, "items")
}

/// How many nodes of its inclusion path a release brings, for the record at `index` in a log of
/// `size`: those up to the peak or, if the record proven last in the same batch, `before`, stands
/// under the same peak, those up to where the two part. `None` if there is no such record.
#[must_use]
pub fn path_nodes(size: u64, index: u64, before: Option<u64>) -> Option<usize> {
    let peak = |index: u64| (index < size).then(|| (index ^ size).ilog2());
    let height = peak(index)?;
    let before = before.filter(|before| peak(*before) == Some(height));
    let parts = before.and_then(|before| (before ^ index).checked_ilog2());
    usize::try_from(parts.unwrap_or(height)).ok()
}

/// Shortens the paths of a batch that leads into a log of `size`: each leans on the one before it
/// where both stand under one peak. Each path given leads to its peak at least; nodes above are cut
/// off, and a path with too few is left as it is.
pub fn shorten_paths(size: u64, releases: &mut [PackedRelease]) {
    let mut before = None;
    for release in releases {
        let index = release.index();
        let is_whole = path_nodes(size, index, None).is_some_and(|want| release.path.len() >= want);
        if let Some(nodes) = path_nodes(size, index, before).filter(|_| is_whole) {
            release.path.truncate(nodes);
            before = Some(index);
        }
    }
}

const _: () = assert!(INDEX_AT + 16 == HEADER_BYTES);
