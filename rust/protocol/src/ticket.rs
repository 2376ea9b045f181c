//! Tickets: one small file that proves a record (section 12).

use crate::bytes::{Reader, bounded};
use crate::{
    CERTIFICATE_MAX_BYTES, CHECKPOINT_BYTES, Certificate, Checkpoint, DecodeError,
    EVIDENCE_MAX_BYTES, HEADER_BYTES, RECORD_MAX_BYTES, Record,
};
use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// At most so many nodes in an inclusion path.
pub const MAX_PATH_NODES: usize = 64;
/// Bytes of the longest ticket.
pub const TICKET_MAX_BYTES: usize = 15
    + RECORD_MAX_BYTES
    + EVIDENCE_MAX_BYTES
    + 32 * MAX_PATH_NODES
    + CHECKPOINT_BYTES
    + CERTIFICATE_MAX_BYTES;

const MAGIC: &str = "FLWT";
const VERSION: u8 = 1;

/// A record, its evidence, its inclusion path, and a certified checkpoint above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The record; the leaf's index is its own.
    pub record: Record,
    /// Scheme and signatures that the record commits to; empty for kinds without evidence.
    pub evidence: Vec<u8>,
    /// Sibling hashes from the leaf up.
    pub path: Vec<B256>,
    /// The checkpoint whose root the path leads to.
    pub checkpoint: Checkpoint,
    /// The validators' signature over the checkpoint.
    pub certificate: Certificate,
}

impl Ticket {
    /// The binary form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let parts = [
            self.record.encode(),
            self.evidence.clone(),
            self.path.iter().flatten().copied().collect(),
            self.checkpoint.encode(),
            self.certificate.encode(),
        ];
        let mut out = [MAGIC.as_bytes(), &[VERSION]].concat();
        for part in parts {
            // Every part is bounded far below 65 536 bytes.
            out.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend(part);
        }
        out
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// Names the part that is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.slice(4, "magic")? != MAGIC.as_bytes() {
            return Err(DecodeError::Magic(MAGIC));
        }
        reader.version(VERSION)?;
        let record = part(&mut reader, "record", HEADER_BYTES, RECORD_MAX_BYTES)?;
        let evidence = part(&mut reader, "evidence", 0, EVIDENCE_MAX_BYTES)?;
        let path = part(&mut reader, "path", 0, 32 * MAX_PATH_NODES)?;
        let checkpoint = part(&mut reader, "checkpoint", CHECKPOINT_BYTES, CHECKPOINT_BYTES)?;
        let certificate = part(&mut reader, "certificate", 1, CERTIFICATE_MAX_BYTES)?;
        reader.finish()?;
        Ok(Self {
            record: Record::decode(record)?,
            evidence: evidence.to_vec(),
            path: nodes(path)?,
            checkpoint: Checkpoint::decode(checkpoint)?,
            certificate: Certificate::decode(certificate)?,
        })
    }
}

fn part<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
    min: usize,
    max: usize,
) -> Result<&'a [u8], DecodeError> {
    let length = usize::from(reader.u16(field)?);
    bounded(field, length, min, max)?;
    reader.slice(length, field)
}

fn nodes(bytes: &[u8]) -> Result<Vec<B256>, DecodeError> {
    let chunks = bytes.chunks_exact(32);
    match chunks.remainder().len() {
        0 => Ok(chunks.map(B256::from_slice).collect()),
        surplus => Err(DecodeError::Trailing(surplus)),
    }
}

/// The form for people, with the same content.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TicketJson {
    version: u8,
    record: Bytes,
    evidence: Bytes,
    path: Vec<B256>,
    checkpoint: Checkpoint,
    certificate: Bytes,
}

impl Serialize for Ticket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TicketJson {
            version: VERSION,
            record: self.record.encode().into(),
            evidence: self.evidence.clone().into(),
            path: self.path.clone(),
            checkpoint: self.checkpoint,
            certificate: self.certificate.encode().into(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ticket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = TicketJson::deserialize(deserializer)?;
        if json.version != VERSION {
            return Err(D::Error::custom(DecodeError::Version {
                got: json.version,
                want: VERSION,
            }));
        }
        bounded("path", json.path.len(), 0, MAX_PATH_NODES).map_err(D::Error::custom)?;
        bounded("evidence", json.evidence.len(), 0, EVIDENCE_MAX_BYTES)
            .map_err(D::Error::custom)?;
        Ok(Self {
            record: Record::decode(&json.record).map_err(D::Error::custom)?,
            evidence: json.evidence.to_vec(),
            path: json.path,
            checkpoint: json.checkpoint,
            certificate: Certificate::decode(&json.certificate).map_err(D::Error::custom)?,
        })
    }
}
