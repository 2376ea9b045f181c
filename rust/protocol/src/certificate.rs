//! Certificates: the aggregated signature of a quorum (section 10).

use crate::bls::{PublicKey, SIGNATURE_BYTES, Signature};
use crate::bytes::{Reader, bounded};
use crate::{Code, DecodeError, MAX_MEMBERS, Member, Refusal, Set};
use alloy_primitives::B256;

/// Bytes of the longest certificate.
pub const CERTIFICATE_MAX_BYTES: usize = 4 + MAX_MEMBERS / 8 + SIGNATURE_BYTES;

const VERSION: u8 = 1;
const SCHEME: u8 = 1;

/// Who signed a checkpoint, and the sum of their signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    members: u16,
    bitmap: Vec<u8>,
    signature: [u8; SIGNATURE_BYTES],
}

/// Why shares make no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A share names a member that the set does not have.
    #[error("member {0} is not in the set")]
    Member(usize),
    /// The shares sum up to infinity, or there are none.
    #[error("the shares cancel each other out, or there are none")]
    Aggregate,
}

impl Certificate {
    /// Aggregates verified shares of members of `set`; each member counts once.
    ///
    /// # Errors
    /// When a position lies outside the set, or the sum is infinity.
    pub fn aggregate(
        set: &Set,
        shares: &std::collections::BTreeMap<usize, Signature>,
    ) -> Result<Self, CertificateError> {
        let count = set.members().len();
        let mut bitmap = vec![0_u8; count.div_ceil(8)];
        for position in shares.keys() {
            let byte = bitmap.get_mut(position / 8).filter(|_| *position < count);
            *byte.ok_or(CertificateError::Member(*position))? |= 1 << (position % 8);
        }
        let sum = Signature::sum(shares.values()).ok_or(CertificateError::Aggregate)?;
        // A set has at most 512 members.
        let members = u16::try_from(count).unwrap_or(u16::MAX);
        Ok(Self { members, bitmap, signature: sum.to_bytes() })
    }

    /// The signers' bitmap.
    #[must_use]
    pub fn bitmap(&self) -> &[u8] {
        &self.bitmap
    }

    /// The aggregate signature, compressed.
    #[must_use]
    pub const fn signature(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.signature
    }

    /// Whether the member at `position` signed.
    #[must_use]
    pub fn has_signed(&self, position: usize) -> bool {
        self.bitmap.get(position / 8).is_some_and(|byte| byte >> (position % 8) & 1 == 1)
    }

    /// How many members signed.
    #[must_use]
    pub fn signers(&self) -> usize {
        self.bitmap.iter().map(|byte| usize::try_from(byte.count_ones()).unwrap_or(0)).sum()
    }

    /// Checks quorum and signature over a digest; returns the weight that signed.
    ///
    /// # Errors
    /// Refusals 605, 606 or 607.
    pub fn verify(&self, set: &Set, digest: B256) -> Result<u64, Refusal> {
        let count = set.members().len();
        if usize::from(self.members) != count {
            return Err(Refusal::new(Code::CertificateMalformed, self.members, count));
        }
        // The set's total fits 64 bits, so no part of it overflows.
        let weight = self.signed(set).fold(0_u64, |sum, member| sum.saturating_add(member.weight));
        if !set.is_quorum(weight) {
            return Err(Refusal::new(Code::QuorumMissing, weight, set.total()));
        }
        let forged = Refusal::new(Code::CertificateSignatureInvalid, digest, set.hash());
        let key = self.signers_key(set).ok_or(forged)?;
        if key.verifies_compressed(digest, &self.signature) { Ok(weight) } else { Err(forged) }
    }

    fn signed<'a>(&'a self, set: &'a Set) -> impl Iterator<Item = &'a Member> {
        let members = set.members().iter().enumerate();
        members.filter(|(position, _)| self.has_signed(*position)).map(|(_, member)| member)
    }

    /// Sum of the signers' keys: that of all keys less the absent ones, who are the minority.
    fn signers_key(&self, set: &Set) -> Option<PublicKey> {
        let members = set.members().iter().enumerate();
        let absent = members.filter(|(position, _)| !self.has_signed(*position));
        let mut absent = absent.map(|(_, member)| &member.key).peekable();
        match absent.peek() {
            None => Some(*set.aggregate()),
            Some(_) => set.aggregate().minus(absent),
        }
    }

    /// The packed form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&[VERSION, SCHEME], &self.members.to_be_bytes()[..], &self.bitmap, &self.signature]
            .concat()
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// When version, scheme or length are other ones, or padding bits are set.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        match reader.u8("scheme")? {
            SCHEME => {}
            got => return Err(DecodeError::Scheme { got, want: SCHEME }),
        }
        let members = reader.u16("n")?;
        let count = usize::from(members);
        bounded("n", count, 1, MAX_MEMBERS)?;
        let bitmap = reader.slice(count.div_ceil(8), "bitmap")?.to_vec();
        let signature = reader.take("signature")?;
        reader.finish()?;
        let padding = bitmap.last().is_some_and(|last| count % 8 != 0 && last >> (count % 8) != 0);
        if padding {
            return Err(DecodeError::Padding("bitmap"));
        }
        Ok(Self { members, bitmap, signature })
    }
}
