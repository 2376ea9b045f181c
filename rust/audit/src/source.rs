//! Where the static files come from.

use fallow_node_client::{ClientError, NodeClient};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// Why a file cannot be read. Nothing of it says that the source lies.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The disk failed, or the file is longer than any of its kind.
    #[error("cannot read `{path}`: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The server does not answer, or too much.
    #[error(transparent)]
    Server(#[from] ClientError),
}

/// Gives out files by their path of `docs/protocol.md` section 18. Any thread may ask at any time.
pub trait Source: Sync {
    /// At most `limit` bytes of a file; `None` if there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, or is longer.
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, SourceError>;
}

/// A folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder that has `tile/`, `checkpoint` and so on in it.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Source for Folder {
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, SourceError> {
        let path = self.0.join(path);
        match read_bounded(&path, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SourceError::File { path, error }),
        }
    }
}

fn read_bounded(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        let message = format!("it has more than {limit} bytes, as no file of its kind has");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(bytes)
}

/// A node, or any server that has the files below its URL.
#[derive(Clone, Debug)]
pub struct Server {
    client: NodeClient,
    runtime: Handle,
}

impl Server {
    /// Asks through `client` on the given runtime, which must have more threads than one: whoever
    /// reads waits.
    #[must_use]
    pub const fn new(client: NodeClient, runtime: Handle) -> Self {
        Self { client, runtime }
    }
}

impl Source for Server {
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, SourceError> {
        match self.runtime.block_on(self.client.file(path)) {
            Ok(bytes) if bytes.len() > limit => {
                let path = path.to_owned();
                Err(ClientError::TooLong { path, limit }.into())
            }
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(ClientError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
