//! BLS12-381 min-sig: signatures in G1, keys in G2 (sections 9 and 10).
//!
//! Group arithmetic is `blst`'s. Its uncompressed form writes the second coordinate of a field
//! extension first; EIP-2537, which the contracts and the set format use, writes it last.

use crate::{DecodeError, NetworkId};
use alloy_primitives::{Address, B256};
use blst::{BLST_ERROR, min_sig};

/// Bytes of a key as EIP-2537 has it.
pub const KEY_BYTES: usize = 256;
/// Bytes of a compressed signature.
pub const SIGNATURE_BYTES: usize = 48;
/// Bytes of a signature as EIP-2537 has it.
pub const SIGNATURE_POINT_BYTES: usize = 128;

/// Domain tag of shares and certificates.
pub const SIGNATURE_TAG: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
/// Domain tag of proofs of possession.
pub const POSSESSION_TAG: &[u8] = b"BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

const FIELD_BYTES: usize = 48;
const PADDED_BYTES: usize = 64;
const PADDING_BYTES: usize = PADDED_BYTES - FIELD_BYTES;

/// Pads 48-byte field elements to 64 bytes, in the order given.
fn pad<const N: usize, const M: usize>(uncompressed: &[u8; N], order: &[usize]) -> [u8; M] {
    let mut padded = [0; M];
    for (slot, element) in padded.chunks_exact_mut(PADDED_BYTES).zip(order) {
        let elements = uncompressed.chunks_exact(FIELD_BYTES);
        if let Some(bytes) = elements.into_iter().nth(*element) {
            slot[PADDING_BYTES..].copy_from_slice(bytes);
        }
    }
    padded
}

/// Strips the padding of 64-byte field elements, in the order given.
fn strip<const M: usize, const N: usize>(
    padded: &[u8; M],
    order: &[usize],
    field: &'static str,
) -> Result<[u8; N], DecodeError> {
    let mut uncompressed = [0; N];
    for (slot, element) in uncompressed.chunks_exact_mut(FIELD_BYTES).zip(order) {
        let Some(bytes) = padded.chunks_exact(PADDED_BYTES).nth(*element) else {
            continue;
        };
        if bytes[..PADDING_BYTES].iter().any(|byte| *byte != 0) {
            return Err(DecodeError::Padding(field));
        }
        slot.copy_from_slice(&bytes[PADDING_BYTES..]);
    }
    Ok(uncompressed)
}

/// EIP-2537 has `x.c0 x.c1 y.c0 y.c1`, blst `x.c1 x.c0 y.c1 y.c0`; swapping twice is nothing.
const G2_ORDER: [usize; 4] = [1, 0, 3, 2];
const G1_ORDER: [usize; 2] = [0, 1];

/// A validator's public key: a point of G2's subgroup, not infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(min_sig::PublicKey);

impl PublicKey {
    /// Reads the EIP-2537 form.
    ///
    /// # Errors
    /// When padding is not zero, or the point is off the curve, outside the subgroup or infinity.
    pub fn from_eip2537(bytes: &[u8; KEY_BYTES]) -> Result<Self, DecodeError> {
        let point = DecodeError::Point("key");
        let uncompressed: [u8; 192] = strip(bytes, &G2_ORDER, "key")?;
        // The three top bits are flags in blst's form; a field element never sets them.
        if uncompressed[0] & 0xe0 != 0 {
            return Err(point);
        }
        let key = min_sig::PublicKey::deserialize(&uncompressed).map_err(|_| point.clone())?;
        key.validate().map_err(|_| point)?;
        Ok(Self(key))
    }

    /// The EIP-2537 form.
    #[must_use]
    pub fn to_eip2537(&self) -> [u8; KEY_BYTES] {
        pad(&self.0.serialize(), &G2_ORDER)
    }

    /// Whether this key's owner, as member `address` of the network anchored at `anchor`, made
    /// the proof of possession.
    #[must_use]
    pub fn proves_possession(&self, owner: &Possession, proof: &Signature) -> bool {
        verifies(&proof.0, &owner.message(self), POSSESSION_TAG, &self.0)
    }

    /// Whether `signature` is this key's over a checkpoint digest.
    #[must_use]
    pub fn verifies(&self, digest: B256, signature: &Signature) -> bool {
        verifies(&signature.0, digest.as_slice(), SIGNATURE_TAG, &self.0)
    }

    /// The same for a compressed signature that nobody has looked at yet. It is the faster way to
    /// check one only once: blst checks its group while another thread computes the pairing.
    #[must_use]
    pub fn verifies_compressed(&self, digest: B256, signature: &[u8; SIGNATURE_BYTES]) -> bool {
        // blst takes infinity for a point of the group; its compressed form alone has this bit.
        let infinity = signature[0] & 0x40 != 0;
        let Ok(signature) = min_sig::Signature::uncompress(signature) else { return false };
        let error = signature.verify(true, digest.as_slice(), SIGNATURE_TAG, &[], &self.0, false);
        !infinity && error == BLST_ERROR::BLST_SUCCESS
    }

    /// Sum of keys; `None` for no keys or a sum of infinity.
    pub fn sum<'a>(keys: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let keys: Vec<_> = keys.into_iter().map(|key| &key.0).collect();
        Self::of_sum(&min_sig::AggregatePublicKey::aggregate(&keys, false).ok()?)
    }

    /// This sum of keys less some of them; `None` if infinity is left.
    pub fn minus<'a>(&self, keys: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut sum = min_sig::AggregatePublicKey::from_public_key(&self.0);
        for key in keys {
            sum.sub_aggregate(&min_sig::AggregatePublicKey::from_public_key(&key.0));
        }
        Self::of_sum(&sum)
    }

    fn of_sum(sum: &min_sig::AggregatePublicKey) -> Option<Self> {
        let key = sum.to_public_key();
        // A sum of subgroup points is in the subgroup, so only infinity is left to refuse; its
        // compressed form has the second bit set.
        (key.compress()[0] & 0x40 == 0).then_some(Self(key))
    }
}

fn verifies(
    signature: &min_sig::Signature,
    message: &[u8],
    tag: &[u8],
    key: &min_sig::PublicKey,
) -> bool {
    // Neither group is checked again: what holds a key or a signature has checked it, a twentieth
    // of the time of this verification each.
    signature.verify(false, message, tag, &[], key, false) == BLST_ERROR::BLST_SUCCESS
}

/// Whom a proof of possession is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Possession {
    /// The network.
    pub network_id: NetworkId,
    /// The contract on mainnet that checks the proof.
    pub anchor: Address,
    /// The member's account.
    pub member: Address,
}

impl Possession {
    fn message(&self, key: &PublicKey) -> Vec<u8> {
        [
            b"fallow.pop.v1".as_slice(),
            self.network_id.as_slice(),
            self.anchor.as_slice(),
            self.member.as_slice(),
            &key.to_eip2537(),
        ]
        .concat()
    }
}

/// A share, an aggregate or a proof of possession: a point of G1's subgroup, not infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(min_sig::Signature);

impl Signature {
    /// Reads the compressed form.
    ///
    /// # Errors
    /// When the point is malformed, outside the subgroup or infinity.
    pub fn from_bytes(bytes: &[u8; SIGNATURE_BYTES]) -> Result<Self, DecodeError> {
        let point = DecodeError::Point("signature");
        let signature = min_sig::Signature::uncompress(bytes).map_err(|_| point.clone())?;
        signature.validate(true).map_err(|_| point)?;
        Ok(Self(signature))
    }

    /// The compressed form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SIGNATURE_BYTES] {
        self.0.compress()
    }

    /// Reads the EIP-2537 form.
    ///
    /// # Errors
    /// When padding is not zero, or the point is malformed, outside the subgroup or infinity.
    pub fn from_eip2537(bytes: &[u8; SIGNATURE_POINT_BYTES]) -> Result<Self, DecodeError> {
        let point = DecodeError::Point("signature");
        let uncompressed: [u8; 96] = strip(bytes, &G1_ORDER, "signature")?;
        if uncompressed[0] & 0xe0 != 0 {
            return Err(point);
        }
        let signature =
            min_sig::Signature::deserialize(&uncompressed).map_err(|_| point.clone())?;
        signature.validate(true).map_err(|_| point)?;
        Ok(Self(signature))
    }

    /// The form that contracts take.
    #[must_use]
    pub fn to_eip2537(&self) -> [u8; SIGNATURE_POINT_BYTES] {
        pad(&self.0.serialize(), &G1_ORDER)
    }

    /// Sum of signatures; `None` for none, or a sum of infinity.
    pub fn sum<'a>(signatures: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let signatures: Vec<_> = signatures.into_iter().map(|signature| &signature.0).collect();
        let sum = min_sig::AggregateSignature::aggregate(&signatures, false).ok()?.to_signature();
        (sum.compress()[0] & 0x40 == 0).then_some(Self(sum))
    }
}

/// A validator's secret key.
#[derive(Clone)]
pub struct SecretKey(min_sig::SecretKey);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl SecretKey {
    /// Derives a key from at least 32 random bytes (draft-irtf-cfrg-bls-signature section 2.3).
    ///
    /// # Errors
    /// When there are fewer than 32.
    pub fn generate(randomness: &[u8]) -> Result<Self, DecodeError> {
        min_sig::SecretKey::key_gen(randomness, &[]).map(Self).map_err(|_| DecodeError::Length {
            field: "randomness",
            got: randomness.len(),
            min: 32,
            max: usize::MAX,
        })
    }

    /// A key from its 32 bytes.
    ///
    /// # Errors
    /// When they are zero or not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, DecodeError> {
        min_sig::SecretKey::from_bytes(bytes)
            .map(Self)
            .map_err(|_| DecodeError::Point("secret key"))
    }

    /// The 32 bytes of the key, for a key store.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.sk_to_pk())
    }

    /// A share: signs a checkpoint digest.
    #[must_use]
    pub fn sign(&self, digest: B256) -> Signature {
        Signature(self.0.sign(digest.as_slice(), SIGNATURE_TAG, &[]))
    }

    /// Proves possession of the key.
    #[must_use]
    pub fn prove_possession(&self, owner: &Possession) -> Signature {
        Signature(self.0.sign(&owner.message(&self.public_key()), POSSESSION_TAG, &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SecretKey {
        SecretKey::generate(&[seed; 32]).unwrap()
    }

    #[test]
    fn both_forms_of_points_are_read_back() {
        let (key, signature) = (key(1).public_key(), key(1).sign(B256::ZERO));
        assert_eq!(PublicKey::from_eip2537(&key.to_eip2537()), Ok(key));
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
        assert_eq!(Signature::from_eip2537(&signature.to_eip2537()), Ok(signature));
    }

    #[test]
    fn infinity_is_no_key_and_no_signature() {
        let mut compressed = [0; SIGNATURE_BYTES];
        compressed[0] = 0xc0;
        assert!(Signature::from_bytes(&compressed).is_err());
        assert!(Signature::from_eip2537(&[0; SIGNATURE_POINT_BYTES]).is_err());
        assert!(PublicKey::from_eip2537(&[0; KEY_BYTES]).is_err());
    }

    #[test]
    fn swapped_halves_of_a_field_element_are_no_key() {
        let mut bytes = key(1).public_key().to_eip2537();
        let (low, high) = bytes.split_at_mut(64);
        low.swap_with_slice(&mut high[..64]);
        assert_eq!(PublicKey::from_eip2537(&bytes), Err(DecodeError::Point("key")));
    }

    #[test]
    fn padding_must_be_zero() {
        let mut bytes = key(1).public_key().to_eip2537();
        bytes[64] = 1;
        assert_eq!(PublicKey::from_eip2537(&bytes), Err(DecodeError::Padding("key")));
    }

    #[test]
    fn a_proof_of_possession_is_of_no_use_to_anybody_else() {
        let owner = Possession {
            network_id: NetworkId::repeat_byte(1),
            anchor: Address::repeat_byte(2),
            member: Address::repeat_byte(3),
        };
        let proof = key(1).prove_possession(&owner);
        assert!(key(1).public_key().proves_possession(&owner, &proof));
        let others = [
            Possession { network_id: NetworkId::repeat_byte(9), ..owner },
            Possession { anchor: Address::repeat_byte(9), ..owner },
            Possession { member: Address::repeat_byte(9), ..owner },
        ];
        for other in others {
            assert!(!key(1).public_key().proves_possession(&other, &proof), "{other:?}");
        }
        assert!(!key(2).public_key().proves_possession(&owner, &proof));
    }

    #[test]
    fn a_sum_less_its_parts_is_the_rest() {
        let keys = [1, 2, 3].map(|seed| key(seed).public_key());
        let all = PublicKey::sum(&keys).unwrap();
        assert_eq!(all.minus(&keys[1..]), Some(keys[0]));
        assert_eq!(all.minus(&keys), None, "infinity");
        assert_eq!(PublicKey::sum([]), None);
    }
}
