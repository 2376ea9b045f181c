//! The state as bytes (section 5.1): saved, loaded, and hashed so that two can compare theirs.
//!
//! Both directions stream: nothing is held in memory beside the state but the keys of one list, in
//! order, when saving, and the recorded resources by index when loading.

mod error;
mod load;

pub use error::{Fault, List, SnapshotError};

use crate::Ledger;
use crate::state::{State, peaks};
use alloy_primitives::{Address, B256, Keccak256};
use fallow_protocol::{ResourceId, ResourceWord};
use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

/// First bytes of a snapshot.
const MAGIC: &[u8; 4] = b"FLWS";
/// Version of the format.
const VERSION: u8 = 1;

impl Ledger {
    /// Writes the snapshot. The same state always gives the same bytes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn save(&self, writer: impl Write) -> io::Result<()> {
        let mut writer = BufWriter::new(writer);
        self.write_head(&mut writer)?;
        let State { resources, calendars, requesters, released, .. } = &*self.state;
        write_list(&mut writer, resources, |out, id, word| self.write_resource(out, *id, word))?;
        write_list(&mut writer, calendars, |out, (index, number), word| {
            out.write_all(&index.to_be_bytes())?;
            out.write_all(&number.to_be_bytes())?;
            out.write_all(&word.to_bytes())
        })?;
        write_list(&mut writer, requesters, |out, requester: &Address, word| {
            out.write_all(requester.as_slice())?;
            out.write_all(word.as_slice())
        })?;
        write_list(&mut writer, released, |out, number, word| {
            out.write_all(&number.to_be_bytes())?;
            out.write_all(&word.to_be_bytes::<32>())
        })?;
        writer.flush()
    }

    /// The state commitment: Keccak-256 of the snapshot. Equal states have equal commitments, however
    /// they came to be.
    #[must_use]
    pub fn commitment(&self) -> B256 {
        let mut hasher = Hasher(Keccak256::new());
        self.save(&mut hasher).expect("a hasher takes any bytes");
        hasher.0.finalize()
    }

    fn write_head(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(MAGIC)?;
        out.write_all(&[VERSION])?;
        out.write_all(self.domain.network_id.as_slice())?;
        out.write_all(self.domain.registry.as_slice())?;
        out.write_all(&self.size().to_be_bytes())?;
        let mut highest_first = peaks(&self.state.log).rev();
        highest_first.try_for_each(|(_, peak)| out.write_all(peak.as_slice()))
    }

    fn write_resource(
        &self,
        out: &mut impl Write,
        id: ResourceId,
        word: &ResourceWord,
    ) -> io::Result<()> {
        out.write_all(id.as_slice())?;
        out.write_all(&word.to_word().to_be_bytes::<32>())?;
        if word.has_approver {
            out.write_all(self.state.approver(id).as_slice())?;
        }
        Ok(())
    }
}

/// Writes how many there are, then each in the order of the keys.
fn write_list<K: Ord, V, W: Write>(
    out: &mut W,
    list: &HashMap<K, V>,
    write: impl Fn(&mut W, &K, &V) -> io::Result<()>,
) -> io::Result<()> {
    let mut items: Vec<_> = list.iter().collect();
    items.sort_unstable_by_key(|(key, _)| *key);
    let count = u64::try_from(items.len()).map_err(io::Error::other)?;
    out.write_all(&count.to_be_bytes())?;
    items.into_iter().try_for_each(|(key, value)| write(out, key, value))
}

/// Hashes what is written to it.
struct Hasher(Keccak256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
