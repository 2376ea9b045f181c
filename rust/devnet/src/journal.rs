//! What a kept chain consists of: one line for its beginning, one for each block. Executed again
//! in order, they give the same chain, hash by hash.
//!
//! A line is on the disk before the block after it exists. So what is lost with a torn last line
//! is a block without a successor, which no follower with one confirmation has looked at.

use crate::DevnetError;
use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Version of the format.
const VERSION: u32 = 1;

/// How a kept chain began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Beginning {
    version: u32,
    /// EIP-155 id.
    pub(crate) chain_id: u64,
    /// Unix seconds of block 0.
    pub(crate) time: u64,
    /// Accounts that had coins from the beginning.
    pub(crate) funded: Vec<Address>,
}

impl Beginning {
    /// A chain that begins at `time`.
    pub(crate) const fn new(chain_id: u64, time: u64, funded: Vec<Address>) -> Self {
        Self { version: VERSION, chain_id, time, funded }
    }
}

/// All that makes a block what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BlockLine {
    pub(crate) number: u64,
    /// Unix seconds.
    pub(crate) time: u64,
    /// What the same block must come out as when it is executed again.
    pub(crate) hash: B256,
    /// EIP-2718 envelopes in the order of the block.
    pub(crate) transactions: Vec<Bytes>,
}

/// An open journal, at its end.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Begins a new one in place of whatever was there.
    pub(crate) fn begin(path: &Path, beginning: &Beginning) -> Result<Self, DevnetError> {
        let file = File::create(path).map_err(DevnetError::io(path))?;
        let mut journal = Self { path: path.to_owned(), file };
        journal.write(beginning)?;
        Ok(journal)
    }

    /// Reads one, removes a torn last line, and goes on at its end.
    pub(crate) fn resume(path: &Path) -> Result<(Self, Beginning, Vec<BlockLine>), DevnetError> {
        let open = OpenOptions::new().read(true).write(true).open(path);
        let file = open.map_err(DevnetError::io(path))?;
        let mut reader = BufReader::new(&file);
        let mut next = || line(&mut reader).map_err(DevnetError::io(path));
        let corrupt =
            |line: u64, why: String| DevnetError::Journal { path: path.to_owned(), line, why };
        let first = next()?.ok_or_else(|| corrupt(1, "there is none".to_owned()))?;
        let mut length = first.len();
        let beginning: Beginning =
            serde_json::from_str(&first).map_err(|error| corrupt(1, error.to_string()))?;
        if beginning.version != VERSION {
            return Err(corrupt(1, format!("version {}, expected {VERSION}", beginning.version)));
        }
        let mut blocks: Vec<BlockLine> = Vec::new();
        while let Some(text) = next()? {
            let number = u64::try_from(blocks.len()).unwrap_or(u64::MAX).saturating_add(1);
            let corrupt = |why| corrupt(number.saturating_add(1), why);
            let block: BlockLine =
                serde_json::from_str(&text).map_err(|error| corrupt(error.to_string()))?;
            if block.number != number {
                return Err(corrupt(format!("block {}, expected {number}", block.number)));
            }
            length = length.saturating_add(text.len());
            blocks.push(block);
        }
        let mut journal = Self { path: path.to_owned(), file };
        journal.cut(length)?;
        Ok((journal, beginning, blocks))
    }

    /// Adds a block; it is on the disk afterwards.
    pub(crate) fn append(&mut self, block: &BlockLine) -> Result<(), DevnetError> {
        self.write(block)
    }

    fn write(&mut self, value: &impl Serialize) -> Result<(), DevnetError> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(DevnetError::io(&self.path))
    }

    fn cut(&mut self, length: usize) -> Result<(), DevnetError> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let cut = self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::Start(length)));
        cut.map(|_| ()).map_err(DevnetError::io(&self.path))
    }
}

/// The next whole line with its end; `None` at the end, or before a line that has no end.
fn line(reader: &mut impl std::io::BufRead) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes)?;
    if bytes.last() != Some(&b'\n') {
        return Ok(None);
    }
    String::from_utf8(bytes).map(Some).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64) -> BlockLine {
        let transactions = vec![Bytes::from_static(b"raw")];
        BlockLine { number, time: 100 + number, hash: B256::repeat_byte(7), transactions }
    }

    fn written(path: &Path, blocks: u64) -> Journal {
        let beginning = Beginning::new(5, 100, vec![Address::repeat_byte(1)]);
        let mut journal = Journal::begin(path, &beginning).unwrap();
        (1..=blocks).for_each(|number| journal.append(&block(number)).unwrap());
        journal
    }

    #[test]
    fn what_was_written_is_read_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chain.journal");
        drop(written(&path, 2));
        let (mut journal, beginning, blocks) = Journal::resume(&path).unwrap();
        assert_eq!((beginning.chain_id, beginning.time), (5, 100));
        assert_eq!(blocks, [block(1), block(2)]);
        journal.append(&block(3)).unwrap();
        assert_eq!(Journal::resume(&path).unwrap().2.len(), 3);
    }

    #[test]
    fn a_torn_last_line_is_dropped_wherever_it_was_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chain.journal");
        drop(written(&path, 2));
        let whole = std::fs::read(&path).unwrap();
        drop(written(&path, 1));
        let kept = std::fs::read(&path).unwrap().len();
        for torn in kept..whole.len() {
            std::fs::write(&path, &whole[..torn]).unwrap();
            let (mut journal, _, blocks) = Journal::resume(&path).unwrap();
            assert_eq!(blocks, [block(1)], "torn at {torn}");
            journal.append(&block(2)).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "torn at {torn}");
        }
    }

    #[test]
    fn anything_else_that_is_wrong_is_an_error_that_names_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chain.journal");
        drop(written(&path, 3));
        let whole = std::fs::read_to_string(&path).unwrap();
        for (from, to, line) in [
            ("\"number\":2", "\"number\":7", 3),
            ("{\"number\":2", "[\"number\":2", 3),
            ("\"version\":1", "\"version\":9", 1),
        ] {
            std::fs::write(&path, whole.replace(from, to)).unwrap();
            let error = Journal::resume(&path).unwrap_err();
            assert!(
                matches!(&error, DevnetError::Journal { line: at, .. } if *at == line),
                "{error}"
            );
        }
        std::fs::write(&path, "").unwrap();
        assert!(Journal::resume(&path).is_err(), "an empty file is no chain");
    }
}
