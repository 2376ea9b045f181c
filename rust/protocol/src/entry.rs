//! Entries: a record with what its hash does not show, as bundles hold them (section 18).

use crate::bytes::{Reader, bounded};
use crate::{Announcement, DecodeError, EVIDENCE_MAX_BYTES, HEADER_BYTES, RECORD_MAX_BYTES};

/// Entries of a full bundle, and hashes of a full tile.
pub const TILE_WIDTH: u64 = BUNDLE_ENTRIES as u64;
const BUNDLE_ENTRIES: usize = 256;
/// An announcement as nine ABI words.
const ANNOUNCEMENT_BYTES: usize = 288;
/// Bytes of the longest entry: three lengths, and the bound of each part.
const ENTRY_MAX_BYTES: usize = 6 + RECORD_MAX_BYTES + EVIDENCE_MAX_BYTES + ANNOUNCEMENT_BYTES;
/// Bytes of the longest bundle.
pub const BUNDLE_MAX_BYTES: usize = BUNDLE_ENTRIES * ENTRY_MAX_BYTES;

/// The kind of a withdrawal's record.
const WITHDRAWAL: u8 = 4;
/// Where a withdrawal's record has its `resourceIndex`.
const RESOURCE_INDEX_AT: usize = HEADER_BYTES + 32;

/// All that a re-execution needs of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The record, packed (section 6).
    pub record: Vec<u8>,
    /// Scheme and signatures (section 3.1); empty for kinds without evidence.
    pub evidence: Vec<u8>,
    /// The announcement that a tombstone bars, which its record does not show; else none.
    pub announcement: Option<Announcement>,
}

impl Entry {
    /// `length || record || length || evidence || length || announcement`.
    ///
    /// # Errors
    /// When it is none that [`Self::decode`] reads again.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::with_capacity(512);
        self.write(&mut out)?;
        Ok(out)
    }

    /// Reads one entry.
    ///
    /// # Errors
    /// When a length is outside its bounds, the bytes are cut short or too many, or there is evidence
    /// or an announcement with a record that has none.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let entry = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(entry)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let announcement = self.announcement.map(|announcement| announcement.words());
        let announcement = announcement.as_ref().map_or(&[][..], |words| words);
        let parts = Parts {
            record: &self.record,
            evidence: &self.evidence,
            announcement: announcement.len().saturating_mul(32),
        };
        parts.check()?;
        write_part(out, &self.record);
        write_part(out, &self.evidence);
        write_length(out, parts.announcement);
        out.extend(announcement.iter().flatten());
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let parts = Parts::read(reader)?;
        let (record, evidence) = (parts.record.to_vec(), parts.evidence.to_vec());
        let announcement = match parts.announcement {
            0 => None,
            _ => Some(Announcement::read_words(reader)?),
        };
        Ok(Self { record, evidence, announcement })
    }
}

/// An entry up to its announcement, of which only the length was read.
struct Parts<'a> {
    record: &'a [u8],
    evidence: &'a [u8],
    announcement: usize,
}

impl<'a> Parts<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let part = |reader: &mut Reader<'a>, field| {
            let length = reader.u16(field)?.into();
            reader.slice(length, field)
        };
        let (record, evidence) = (part(reader, "record")?, part(reader, "evidence")?);
        let parts = Self { record, evidence, announcement: reader.u16("announcement")?.into() };
        parts.check()?;
        Ok(parts)
    }

    /// One record has one entry: with evidence and announcement if its kind has them, else without.
    fn check(&self) -> Result<(), DecodeError> {
        bounded("record", self.record.len(), HEADER_BYTES, RECORD_MAX_BYTES)?;
        let kind = self.record.get(1).copied().unwrap_or(0);
        let (min, max) =
            if (1..=WITHDRAWAL).contains(&kind) { (1, EVIDENCE_MAX_BYTES) } else { (0, 0) };
        bounded("evidence", self.evidence.len(), min, max)?;
        let want = if self.is_tombstone(kind) { ANNOUNCEMENT_BYTES } else { 0 };
        bounded("announcement", self.announcement, want, want)
    }

    fn is_tombstone(&self, kind: u8) -> bool {
        let index = self.record.get(RESOURCE_INDEX_AT..).and_then(|bytes| bytes.first_chunk());
        kind == WITHDRAWAL && index == Some(&[0; 8])
    }
}

fn write_part(out: &mut Vec<u8>, part: &[u8]) {
    write_length(out, part.len());
    out.extend(part);
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    // Checked before.
    out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
}

/// The entries of a bundle, one after the other.
///
/// # Errors
/// When there are none or more than [`TILE_WIDTH`], or one of them has no encoding.
pub fn encode_bundle(entries: &[Entry]) -> Result<Vec<u8>, DecodeError> {
    bounded("bundle", entries.len(), 1, BUNDLE_ENTRIES)?;
    let mut out = Vec::with_capacity(entries.len().saturating_mul(384));
    entries.iter().try_for_each(|entry| entry.write(&mut out))?;
    Ok(out)
}

/// Reads a bundle of exactly `width` entries.
///
/// # Errors
/// When `width` is not 1 to [`TILE_WIDTH`], or the bytes are not that many entries.
pub fn decode_bundle(bytes: &[u8], width: u16) -> Result<Vec<Entry>, DecodeError> {
    bounded("bundle", width.into(), 1, BUNDLE_ENTRIES)?;
    let mut reader = Reader::new(bytes);
    let entries = (0..width).map(|_| Entry::read(&mut reader)).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(entries)
}

/// Reads one entry of a bundle by its position; those before it are only skipped, what follows is
/// not looked at.
///
/// # Errors
/// When the bytes end before, or an entry up to there is none.
pub fn entry_of_bundle(bytes: &[u8], position: u16) -> Result<Entry, DecodeError> {
    let mut reader = Reader::new(bytes);
    for _ in 0..position {
        let parts = Parts::read(&mut reader)?;
        reader.slice(parts.announcement, "announcement")?;
    }
    Entry::read(&mut reader)
}

/// The newest certified checkpoint of static files (section 18).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckpointFile {
    /// Format version.
    pub version: u8,
    /// What was certified.
    pub checkpoint: crate::Checkpoint,
    /// The certificate (section 10).
    pub certificate: alloy_primitives::Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256};
    use proptest::prelude::*;

    fn record(kind: u8, length: usize) -> Vec<u8> {
        let mut record = vec![7; length];
        record[..2].copy_from_slice(&[1, kind]);
        record
    }

    fn announcement() -> Announcement {
        Announcement {
            provider: Address::repeat_byte(3),
            approver: Address::ZERO,
            volume: u16::MAX,
            start_time: 3_600,
            end_time: u64::MAX,
            slot_seconds: 60,
            notice_seconds: u32::MAX,
            timestamp: 5,
            offer: B256::repeat_byte(6),
        }
    }

    fn tombstone() -> Entry {
        let mut record = record(WITHDRAWAL, 138);
        record[RESOURCE_INDEX_AT..RESOURCE_INDEX_AT + 8].fill(0);
        Entry { record, evidence: vec![1; 65], announcement: Some(announcement()) }
    }

    fn entries() -> Vec<Entry> {
        let entry = |kind, length, evidence| Entry {
            record: record(kind, length),
            evidence: vec![1; evidence],
            announcement: None,
        };
        let withdrawal = entry(WITHDRAWAL, 138, 65);
        let shortest = entry(16, HEADER_BYTES, 0);
        let longest = entry(255, RECORD_MAX_BYTES, 0);
        let approved = entry(2, 238, EVIDENCE_MAX_BYTES);
        vec![entry(0, 142, 0), approved, withdrawal, tombstone(), shortest, longest]
    }

    #[test]
    fn entries_are_read_as_they_were_written() {
        for entry in entries() {
            let bytes = entry.encode().unwrap();
            assert_eq!(Entry::decode(&bytes), Ok(entry));
            for length in 0..bytes.len() {
                assert!(Entry::decode(&bytes[..length]).is_err(), "cut to {length} bytes");
            }
            assert_eq!(Entry::decode(&[&bytes[..], &[0]].concat()), Err(DecodeError::Trailing(1)));
        }
    }

    #[test]
    fn each_entry_of_a_bundle_is_found_by_its_position() {
        let entries = entries();
        let width = u16::try_from(entries.len()).unwrap();
        let bytes = encode_bundle(&entries).unwrap();
        assert_eq!(decode_bundle(&bytes, width), Ok(entries.clone()));
        for (position, entry) in (0..).zip(entries) {
            assert_eq!(entry_of_bundle(&bytes, position), Ok(entry));
        }
        assert!(entry_of_bundle(&bytes, width).is_err());
        assert!(decode_bundle(&bytes, width + 1).is_err(), "an entry is missing");
        assert!(decode_bundle(&bytes, width - 1).is_err(), "an entry is left over");
    }

    #[test]
    fn a_full_bundle_of_the_longest_entries_is_within_the_bound() {
        let mut longest = tombstone();
        longest.record.resize(RECORD_MAX_BYTES, 0);
        longest.evidence.resize(EVIDENCE_MAX_BYTES, 0);
        let bytes = encode_bundle(&vec![longest.clone(); 256]).unwrap();
        assert_eq!(bytes.len(), BUNDLE_MAX_BYTES);
        let length = |got| DecodeError::Length { field: "bundle", got, min: 1, max: 256 };
        assert_eq!(encode_bundle(&vec![longest; 257]), Err(length(257)));
        assert_eq!(encode_bundle(&[]), Err(length(0)));
        assert_eq!(decode_bundle(&bytes, 0), Err(length(0)));
        assert_eq!(decode_bundle(&bytes, 257), Err(length(257)));
    }

    /// Neither written nor read.
    fn refused(what: &str, field: &'static str, change: impl Fn(&mut Entry), of: Entry) {
        let mut entry = of;
        change(&mut entry);
        let refusal = entry.encode().unwrap_err();
        assert!(
            matches!(refusal, DecodeError::Length { field: got, .. } if got == field),
            "{what}"
        );
        let mut bytes = Vec::new();
        write_part(&mut bytes, &entry.record);
        write_part(&mut bytes, &entry.evidence);
        let words = entry.announcement.map(|announcement| announcement.words());
        write_part(&mut bytes, words.map(|words| words.concat()).as_deref().unwrap_or(&[]));
        assert_eq!(Entry::decode(&bytes), Err(refusal), "{what}");
    }

    #[test]
    fn a_record_has_one_entry_only() {
        let [genesis, allocation, withdrawal, tombstone, open, _] = entries().try_into().unwrap();
        refused("short", "record", |entry| entry.record.truncate(37), open.clone());
        refused("long", "record", |entry| entry.record.resize(551, 0), open.clone());
        for entry in [genesis, open] {
            refused("evidence of nothing", "evidence", |entry| entry.evidence.push(1), entry);
        }
        refused("no evidence", "evidence", |entry| entry.evidence.clear(), allocation.clone());
        refused("long evidence", "evidence", |entry| entry.evidence.push(1), allocation.clone());
        for entry in [allocation, withdrawal] {
            let bring = |entry: &mut Entry| entry.announcement = Some(announcement());
            refused("announcement shown twice", "announcement", bring, entry);
        }
        refused("hidden", "announcement", |entry| entry.announcement = None, tombstone);
    }

    #[test]
    fn an_announcement_has_no_padding() {
        let entry = tombstone();
        let bytes = entry.encode().unwrap();
        let words = bytes.len() - ANNOUNCEMENT_BYTES;
        for word in 0..8 {
            let mut padded = bytes.clone();
            padded[words + 32 * word] = 1;
            assert!(matches!(Entry::decode(&padded), Err(DecodeError::Padding(_))), "{word}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_read_but_those_that_are_written(
            bytes in proptest::collection::vec(any::<u8>(), 0..700),
            place in any::<proptest::sample::Index>(),
            value: u8,
        ) {
            let mut changed = encode_bundle(&entries()).unwrap();
            let place = place.index(changed.len());
            changed[place] = value;
            for (bytes, width) in [(&bytes, 1), (&changed, 6)] {
                if let Ok(entries) = decode_bundle(bytes, width) {
                    prop_assert_eq!(&encode_bundle(&entries).unwrap(), bytes);
                }
            }
        }
    }
}
