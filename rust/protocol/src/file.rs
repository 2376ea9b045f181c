//! JSON files that people exchange (sections 1 and 13).

use crate::{
    AccessGrant, Announcement, NetworkId, Release, Request, RequestId, Signature, Withdrawal,
};
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
    /// The approver's, if the resource has one and it has signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Signature>,
}

/// An approver's answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalFile {
    /// Always [`FILE_VERSION`].
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// The request that is approved.
    pub request_id: RequestId,
    /// Who approves.
    pub approver: Address,
    /// The approver's, over the request's id.
    pub signature: Signature,
}

/// A signed release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseFile {
    /// Always [`FILE_VERSION`].
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// What is given back. Record and path are for whoever submits it, who has the log.
    pub release: Release,
    /// The requester's.
    pub signature: Signature,
}

/// A signed withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WithdrawalFile {
    /// Always [`FILE_VERSION`].
    pub version: u8,
    /// The network.
    pub network_id: NetworkId,
    /// What is closed.
    pub withdrawal: Withdrawal,
    /// The provider's.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request() -> Value {
        json!({
            "version": 1,
            "networkId": NetworkId::repeat_byte(1),
            "request": {
                "resourceId": B256::repeat_byte(2),
                "requester": Address::repeat_byte(3),
                "volume": 4,
                "startTime": "5",
                "endTime": "6",
                "timestamp": "7",
                "sequence": "8",
            },
            "signature": Signature::from([9; 64]),
        })
    }

    /// Reads a file and writes it: the same again.
    fn same<T: DeserializeOwned + Serialize>(file: &Value) -> bool {
        let read: T = read_json(file.to_string().as_bytes()).unwrap();
        serde_json::to_value(read).unwrap() == *file
    }

    #[test]
    fn a_request_is_approved_or_not() {
        let mut file = request();
        assert!(same::<RequestFile>(&file));
        file["approval"] = json!(Signature::from([10; 64]));
        assert!(same::<RequestFile>(&file));
        let read: RequestFile = read_json(file.to_string().as_bytes()).unwrap();
        assert_eq!(read.approval, Some(Signature::from([10; 64])));
    }

    #[test]
    fn approvals_releases_and_withdrawals_have_files() {
        let file = |field: &str, value: Value| {
            let mut file = json!({
                "version": 1,
                "networkId": NetworkId::repeat_byte(1),
                "signature": Signature::from([9; 64]),
            });
            file[field] = value;
            file
        };
        let id = B256::repeat_byte(2);
        let release = json!({ "requestId": id, "fromTime": "3", "timestamp": "4" });
        assert!(same::<ReleaseFile>(&file("release", release)));
        let withdrawal = json!({ "resourceId": id, "timestamp": "4" });
        assert!(same::<WithdrawalFile>(&file("withdrawal", withdrawal)));
        let mut approval = file("requestId", json!(id));
        approval["approver"] = json!(Address::repeat_byte(5));
        assert!(same::<ApprovalFile>(&approval));
    }

    #[test]
    fn unknown_keys_and_short_signatures_are_refused() {
        let refused = |key: &str, value: Value| {
            let mut file = request();
            file[key] = value;
            read_json::<RequestFile>(file.to_string().as_bytes()).unwrap_err().to_string()
        };
        assert!(refused("approver", json!(null)).contains("unknown field"));
        assert!(!refused("approval", json!("0x00")).is_empty());
        assert!(!refused("signature", json!(format!("0x{}", "00".repeat(63)))).is_empty());
    }
}
