//! The keys that may submit, for private networks: a file with one address a line.

use alloy_primitives::Address;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Bytes of the longest list: a hundred thousand keys.
const LIST_MAX_BYTES: u64 = 8 << 20;

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllowListError {
    /// It cannot be read.
    #[error("cannot read the list of keys `{path}`: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// It is longer than any list.
    #[error("the list of keys has more than {LIST_MAX_BYTES} bytes")]
    TooLong,
    /// A line is neither empty, nor a comment, nor an address.
    #[error("line {line} of the list of keys is no address: `{text}`")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
}

/// Keys that may submit.
pub(super) type Keys = HashSet<Address>;

/// The list's file, to see whether it has changed.
#[derive(Debug)]
pub(super) struct AllowList {
    path: PathBuf,
    /// What was last read; `None` after it could not be read.
    seen: Option<Vec<u8>>,
}

impl AllowList {
    /// Reads the list for the first time.
    pub(super) fn open(path: &Path) -> Result<(Self, Keys), AllowListError> {
        let bytes = read(path)?;
        let keys = parse(&bytes)?;
        Ok((Self { path: path.to_owned(), seen: Some(bytes) }, keys))
    }

    /// The keys, if the file has changed. What is wrong with it is told once for each change.
    pub(super) fn changed(&mut self) -> Result<Option<Keys>, AllowListError> {
        match read(&self.path) {
            Ok(bytes) if self.seen.as_ref() == Some(&bytes) => Ok(None),
            Ok(bytes) => {
                let keys = parse(&bytes);
                self.seen = Some(bytes);
                keys.map(Some)
            }
            Err(error) => match self.seen.take() {
                Some(_) => Err(error),
                None => Ok(None),
            },
        }
    }
}

/// Reads at most one byte more than a list may have.
fn read(path: &Path) -> Result<Vec<u8>, AllowListError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LIST_MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| AllowListError::Read { path: path.to_owned(), error })?;
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<Keys, AllowListError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LIST_MAX_BYTES {
        return Err(AllowListError::TooLong);
    }
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().zip(1..).map(|(line, number)| {
        let word = line.split('#').next().unwrap_or_default().trim();
        (word, number)
    });
    lines
        .filter(|(word, _)| !word.is_empty())
        .map(|(word, line)| {
            // Shown as far as an address would go: what stands there may be anything.
            let text = || word.chars().take(42).filter(|shown| !shown.is_control()).collect();
            word.parse().map_err(|_| AllowListError::Line { line, text: text() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "0x5050a4f4b3f9338c3472dcc01a87c76a144b3c9c";

    #[test]
    fn a_list_has_one_address_a_line() {
        let text =
            format!("# ours\n\n{ADA} # ada\n  0x1a642F0E3c3aF545E7AcBD38b07251B3990914F1\r\n");
        let keys = parse(text.as_bytes()).unwrap();
        assert_eq!(keys.len(), 2);
        assert!(keys.contains(&ADA.parse::<Address>().unwrap()));
        assert!(parse(b"").unwrap().is_empty(), "nobody may submit");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["0x12", &format!("{ADA} {ADA}"), "\u{1b}[31m", "ada"] {
            let error = parse(format!("#\n{text}").as_bytes()).unwrap_err();
            assert!(matches!(error, AllowListError::Line { line: 2, .. }), "{text}");
            assert!(!error.to_string().contains('\u{1b}'));
        }
        let long = vec![b'\n'; usize::try_from(LIST_MAX_BYTES).unwrap() + 1];
        assert!(matches!(parse(&long), Err(AllowListError::TooLong)));
        assert!(parse(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn a_changed_list_is_judged_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        assert!(matches!(AllowList::open(&path), Err(AllowListError::Read { .. })));
        std::fs::write(&path, ADA).unwrap();
        let (mut list, keys) = AllowList::open(&path).unwrap();
        assert_eq!((keys.len(), list.changed().unwrap()), (1, None));
        std::fs::write(&path, "").unwrap();
        assert_eq!(list.changed().unwrap(), Some(Keys::new()));
        std::fs::write(&path, "nobody").unwrap();
        assert!(list.changed().is_err());
        assert_eq!(list.changed().unwrap(), None, "told once");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(list.changed(), Err(AllowListError::Read { .. })));
        assert_eq!(list.changed().unwrap(), None, "told once");
    }
}
