//! JSON files that people exchange (sections 1 and 13).

use crate::{AccessGrant, Announcement, NetworkId, Request, Signature};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Bytes of the longest JSON file.
pub const FILE_MAX_BYTES: usize = 65_536;
/// Version of every JSON file.
pub const FILE_VERSION: u8 = 1;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file is longer than [`FILE_MAX_BYTES`].
    #[error("the file has {0} bytes, at most {FILE_MAX_BYTES} are read")]
    TooLong(usize),
    /// The bytes are no UTF-8.
    #[error("the file is not UTF-8")]
    Utf8(#[from] std::str::Utf8Error),
    /// The text is not the JSON that was expected.
    #[error("the file is not what was expected: {0}")]
    Json(#[from] serde_json::Error),
    /// The file's version is another one.
    #[error("the file has version {0}, this program reads {FILE_VERSION}")]
    Version(u64),
    /// The networkId does not follow from the network part.
    #[error("networkId is {got}, but the network part gives {want}")]
    NetworkId {
        /// Id in the file.
        got: NetworkId,
        /// Id that follows from the parameters.
        want: NetworkId,
    },
    /// The network's parameters are none.
    #[error(transparent)]
    Parameters(#[from] crate::ParametersError),
}

/// Reads a versioned JSON file.
///
/// # Errors
/// When it is too long, not UTF-8, of another version, or not the JSON expected. Depth is bounded
/// by the parser.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FileError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    if bytes.len() > FILE_MAX_BYTES {
        return Err(FileError::TooLong(bytes.len()));
    }
    let text = std::str::from_utf8(bytes)?;
    // The version first: another version may well have other fields.
    let Versioned { version } = serde_json::from_str(text)?;
    if version != u64::from(FILE_VERSION) {
        return Err(FileError::Version(version));
    }
    Ok(serde_json::from_str(text)?)
}

/// A signed announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnnouncementFile {
    /// Always [`FILE_VERSION`].
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// What is offered.
    pub announcement: Announcement,
    /// The provider's.
    pub signature: Signature,
}

/// A signed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestFile {
    /// Always [`FILE_VERSION`].
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// What is asked.
    pub request: Request,
    /// The requester's.
    pub signature: Signature,
}

/// A provider's nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NonceFile {
    /// Always [`FILE_VERSION`].
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// Whose nonce.
    pub provider: Address,
    /// 32 random bytes.
    pub nonce: B256,
}

/// A requester's answer to a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantFile {
    /// Always [`FILE_VERSION`].
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// What is granted.
    pub grant: AccessGrant,
    /// The requester's.
    pub signature: Signature,
}
