//! What a run saw.

use crate::{Entry, Notable};
use fallow_protocol::Code;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Counts of a run that found no difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages sent.
    pub messages: u64,
    /// Those that the ledger recorded.
    pub accepted: u64,
    /// Appends by somebody else than the writer, or that were too long.
    pub misused: u64,
    /// Refusals by code.
    pub refused: BTreeMap<Code, u64>,
    /// Cases that a code alone does not name.
    pub notable: BTreeMap<Notable, u64>,
    /// Calls, and the messages in them, by the way they came in.
    pub calls: BTreeMap<Entry, (u64, u64)>,
    /// Packed batches that reverted because they were none.
    pub unreadable: u64,
    /// Comparisons of the whole storage.
    pub storage_checks: u64,
    /// Words in storage at the end.
    pub words: usize,
    /// Blocks.
    pub blocks: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.refused.values().sum();
        write!(f, "{} messages: {} accepted, ", self.messages, self.accepted)?;
        write!(f, "{refused} refused, {} misused; refused by code", self.misused)?;
        for (code, count) in &self.refused {
            write!(f, " {:03}:{count}", code.number())?;
        }
        write!(f, "; among them")?;
        for (case, count) in &self.notable {
            write!(f, " {case:?}:{count}")?;
        }
        write!(f, "; calls (messages)")?;
        for (entry, (calls, messages)) in &self.calls {
            write!(f, " {}:{calls} ({messages})", entry.name())?;
        }
        write!(f, "; {} unreadable batches; ", self.unreadable)?;
        write!(f, "{} blocks, {} words compared ", self.blocks, self.words)?;
        write!(f, "{} times; {:.1} s; ", self.storage_checks, self.elapsed.as_secs_f64())?;
        write!(f, "0 differences")
    }
}
