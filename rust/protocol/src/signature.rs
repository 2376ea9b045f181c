//! Account signatures: 64 bytes of EIP-2098, low s (section 3.1).

use alloy_primitives::{Address, B256, FixedBytes};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

/// Half the order of secp256k1, the largest `s` allowed.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Why nobody can have made a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// `s` is above half the group order (EIP-2): the same signature has a second form.
    #[error("signature has a high `s`")]
    HighS,
    /// No public key recovers.
    #[error("no key recovers from the signature")]
    Unrecoverable,
    /// A secret key is zero or not below the group order.
    #[error("secret key is zero or not below the group order")]
    SecretKey,
}

/// A secp256k1 signature: `r || yParityAndS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Signature(pub FixedBytes<64>);

impl Signature {
    /// The address whose key signed `digest`.
    ///
    /// # Errors
    /// When `s` is high, or `r`, `s` or the key is impossible. The zero address never comes back.
    pub fn recover(&self, digest: B256) -> Result<Address, SignatureError> {
        let mut compact = self.0.0;
        let parity = compact[32] >> 7;
        compact[32] &= 0x7f;
        if compact[32..] > HALF_ORDER[..] {
            return Err(SignatureError::HighS);
        }
        let recovery = if parity == 0 { RecoveryId::Zero } else { RecoveryId::One };
        let key = RecoverableSignature::from_compact(&compact, recovery)
            .and_then(|signature| {
                signature.recover_ecdsa(secp256k1::Message::from_digest(digest.0))
            })
            .map_err(|_| SignatureError::Unrecoverable)?;
        let address = Address::from_raw_public_key(&key.serialize_uncompressed()[1..]);
        if address.is_zero() { Err(SignatureError::Unrecoverable) } else { Ok(address) }
    }

    /// The recovered address, or zero where nobody can have signed: what a refusal shows as `got`.
    #[must_use]
    pub fn recover_or_zero(&self, digest: B256) -> Address {
        self.recover(digest).unwrap_or(Address::ZERO)
    }
}

impl From<[u8; 64]> for Signature {
    fn from(bytes: [u8; 64]) -> Self {
        Self(bytes.into())
    }
}

/// An account's secret key.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey {
    secret: secp256k1::SecretKey,
    /// Kept because it costs as much as a signature, beside which it often stands.
    address: Address,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey of {}", self.address())
    }
}

impl SecretKey {
    /// A key from its 32 bytes.
    ///
    /// # Errors
    /// When they are zero or not below the group order.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, SignatureError> {
        let secret = secp256k1::SecretKey::from_secret_bytes(bytes);
        let secret = secret.map_err(|_| SignatureError::SecretKey)?;
        let key = secp256k1::PublicKey::from_secret_key(&secret);
        let address = Address::from_raw_public_key(&key.serialize_uncompressed()[1..]);
        Ok(Self { secret, address })
    }

    /// The 32 bytes of the key, for a key store.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.secret.to_secret_bytes()
    }

    /// The account's address.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest, deterministically (RFC 6979) and with a low `s`.
    #[must_use]
    pub fn sign(&self, digest: B256) -> Signature {
        let message = secp256k1::Message::from_digest(digest.0);
        let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &self.secret);
        let (recovery, mut compact) = signature.serialize_compact();
        compact[32] |= u8::from(recovery) << 7;
        compact.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::from_bytes([7; 32]).unwrap()
    }

    #[test]
    fn a_signature_recovers_to_its_signer() {
        let digest = B256::repeat_byte(9);
        assert_eq!(key().sign(digest).recover(digest), Ok(key().address()));
        assert_ne!(key().sign(digest).recover(B256::repeat_byte(8)), Ok(key().address()));
    }

    #[test]
    fn the_other_parity_is_somebody_else() {
        let digest = B256::repeat_byte(9);
        let mut signature = key().sign(digest);
        signature.0.0[32] ^= 0x80;
        assert_ne!(signature.recover(digest), Ok(key().address()));
    }

    #[test]
    fn zero_and_all_ones_recover_to_nobody() {
        assert_eq!(
            Signature::from([0; 64]).recover(B256::ZERO),
            Err(SignatureError::Unrecoverable)
        );
        assert_eq!(Signature::from([255; 64]).recover(B256::ZERO), Err(SignatureError::HighS));
    }
}
