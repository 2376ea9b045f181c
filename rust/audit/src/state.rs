//! Where an audit stopped: a snapshot of the ledger (`docs/protocol.md` section 5.1), so that any
//! re-execution's snapshot will do.

use crate::AuditError;
use fallow_ledger::{Ledger, LedgerConfig};
use std::fs::File;
use std::io;
use std::path::Path;

/// Reads a snapshot; `None` if there is no such file.
///
/// # Errors
/// When it cannot be read, or is no snapshot of this network.
pub fn load_snapshot(path: &Path, config: &LedgerConfig) -> Result<Option<Ledger>, AuditError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(AuditError::State { path: path.to_owned(), error }),
    };
    let ledger = Ledger::load(config.clone(), file);
    ledger.map(Some).map_err(|error| AuditError::Snapshot { path: path.to_owned(), error })
}

/// Writes a snapshot, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn save_snapshot(path: &Path, ledger: &Ledger) -> Result<(), AuditError> {
    let write = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
        ledger.save(&mut file)?;
        file.as_file().sync_all()?;
        file.persist(path).map(|_| ()).map_err(|error| error.error)
    };
    write().map_err(|error| AuditError::State { path: path.to_owned(), error })
}
