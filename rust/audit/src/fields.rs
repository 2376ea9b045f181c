//! In which field two records of one kind differ, by the layout of `docs/protocol.md` section 6.

use fallow_protocol::{HEADER_BYTES, Record};

type Field = (&'static str, usize);

const HEADER: &[Field] =
    &[("version", 1), ("kind", 1), ("writer", 20), ("index", 8), ("blockTime", 8)];
const GENESIS: &[Field] =
    &[("networkId", 32), ("parentNetwork", 32), ("parentCheckpoint", 32), ("parentSize", 8)];
const ANNOUNCEMENT: &[Field] = &[
    ("provider", 20),
    ("approver", 20),
    ("volume", 2),
    ("startTime", 8),
    ("endTime", 8),
    ("slotSeconds", 4),
    ("noticeSeconds", 4),
    ("timestamp", 8),
    ("offer", 32),
    ("evidence", 32),
];
const ALLOCATION: &[Field] = &[
    ("resourceId", 32),
    ("resourceIndex", 8),
    ("requester", 20),
    ("volume", 2),
    ("startTime", 8),
    ("endTime", 8),
    ("firstSlot", 8),
    ("slotCount", 2),
    ("timestamp", 8),
    ("sequence", 8),
    ("previousIndex", 8),
    ("highestAfter", 8),
    ("bitmapAfter", 16),
    ("words", 32),
    ("evidence", 32),
];
const RELEASE: &[Field] = &[
    ("requestId", 32),
    ("requestIndex", 8),
    ("resourceId", 32),
    ("resourceIndex", 8),
    ("requester", 20),
    ("volume", 2),
    ("startTime", 8),
    ("endTime", 8),
    ("firstSlot", 8),
    ("slotCount", 2),
    ("fromTime", 8),
    ("timestamp", 8),
    ("words", 32),
    ("evidence", 32),
];
const WITHDRAWAL: &[Field] = &[
    ("resourceId", 32),
    ("resourceIndex", 8),
    ("provider", 20),
    ("timestamp", 8),
    ("evidence", 32),
];

/// The first field in which `got` differs from `want`.
pub(crate) fn first_difference(got: &Record, want: &Record) -> &'static str {
    let (got_bytes, want_bytes) = (got.encode(), want.encode());
    let place = got_bytes.iter().zip(&want_bytes).position(|(got, want)| got != want);
    place.and_then(|place| field_at(got.body.kind(), place)).unwrap_or("body")
}

/// The field that a record of this kind has at a byte.
fn field_at(kind: u8, place: usize) -> Option<&'static str> {
    let (fields, start) = match (place < HEADER_BYTES, kind) {
        (true, _) => (HEADER, 0),
        (false, 0) => (GENESIS, HEADER_BYTES),
        (false, 1) => (ANNOUNCEMENT, HEADER_BYTES),
        (false, 2) => (ALLOCATION, HEADER_BYTES),
        (false, 3) => (RELEASE, HEADER_BYTES),
        (false, 4) => (WITHDRAWAL, HEADER_BYTES),
        _ => return None,
    };
    let mut end = start;
    let field = fields.iter().find(|(_, size)| {
        end = end.saturating_add(*size);
        place < end
    });
    field.map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_fill_every_kind_of_record() {
        for (kind, size) in [(0, 142), (1, 176), (2, 238), (3, 246), (4, 138)] {
            assert!(field_at(kind, size - 1).is_some(), "kind {kind}");
            assert_eq!(field_at(kind, size), None, "kind {kind}");
        }
        assert_eq!(field_at(2, 0), Some("version"));
        assert_eq!(field_at(2, 37), Some("blockTime"));
        assert_eq!(field_at(2, 38), Some("resourceId"));
        assert_eq!(field_at(2, 237), Some("evidence"));
        assert_eq!(field_at(2, 205), Some("words"));
        assert_eq!(field_at(16, 40), None);
    }
}
