//! Evidence: the signatures that a record commits to (section 3.1).

use crate::{DecodeError, Signature, bytes::Reader};
use alloy_primitives::{B256, keccak256};

/// Bound on evidence of any scheme, bytes.
pub const EVIDENCE_MAX_BYTES: usize = 161;

const SCHEME: u8 = 1;

/// One signature, or two when a resource has an approver; both over the same message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The provider's or requester's signature.
    pub signature: Signature,
    /// The approver's signature over the request id.
    pub approval: Option<Signature>,
}

impl Evidence {
    /// Evidence of a single signature.
    #[must_use]
    pub const fn of(signature: Signature) -> Self {
        Self { signature, approval: None }
    }

    /// From the signatures as contracts take them: 64 or 128 bytes.
    ///
    /// # Errors
    /// When the length is another one.
    pub fn from_signatures(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let signature = reader.take("signature")?;
        let approval = match bytes.len() {
            64 => None,
            _ => Some(reader.take("approval")?),
        };
        reader.finish()?;
        Ok(Self { signature, approval })
    }

    /// The signatures as contracts take them: 64 or 128 bytes.
    #[must_use]
    pub fn signatures(&self) -> Vec<u8> {
        let approval = self.approval.iter().flat_map(|approval| approval.0.0);
        self.signature.0.0.into_iter().chain(approval).collect()
    }

    /// `scheme || signatures`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [vec![SCHEME], self.signatures()].concat()
    }

    /// Reads `scheme || signatures`.
    ///
    /// # Errors
    /// When scheme or length are other ones.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.u8("evidence")? {
            SCHEME => Self::from_signatures(reader.rest()),
            got => Err(DecodeError::Scheme { got, want: SCHEME }),
        }
    }

    /// What a record commits to.
    #[must_use]
    pub fn hash(&self) -> B256 {
        // As `encode`, but without a heap: this stands in the ledger's way for every record.
        let mut bytes = [SCHEME; 129];
        bytes[1..65].copy_from_slice(self.signature.0.as_slice());
        match &self.approval {
            None => keccak256(&bytes[..65]),
            Some(approval) => {
                bytes[65..].copy_from_slice(approval.0.as_slice());
                keccak256(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_encoding() {
        let signature = Signature::from([7; 64]);
        for approval in [None, Some(Signature::from([9; 64]))] {
            let evidence = Evidence { signature, approval };
            assert_eq!(evidence.hash(), keccak256(evidence.encode()));
        }
    }
}
