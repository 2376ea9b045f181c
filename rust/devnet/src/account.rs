//! Keys of a development network: derived from public words, worth nothing anywhere else.

use alloy_primitives::{Address, B256, keccak256};
use fallow_protocol::{SecretKey, bls};

/// A key pair with coins on both chains.
#[derive(Clone, Debug)]
pub struct DevAccount {
    name: String,
    key: SecretKey,
}

impl DevAccount {
    /// The account of a name: everybody derives the same.
    ///
    /// # Panics
    /// If a hash is no valid key, which has a chance of 2^-128.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let key = SecretKey::from_bytes(secret("account", name).0);
        Self { name: name.to_owned(), key: key.expect("a hash is a valid key") }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// Signs for it.
    #[must_use]
    pub const fn key(&self) -> &SecretKey {
        &self.key
    }
}

/// A validator: an account that posts, and a key that signs checkpoints.
#[derive(Clone, Debug)]
pub struct DevValidator {
    /// Posts the shares.
    pub account: DevAccount,
    /// Signs checkpoints.
    pub key: bls::SecretKey,
}

impl DevValidator {
    /// Validator `number` of a development network, from 1.
    ///
    /// # Panics
    /// Never: 32 bytes are enough for a key.
    #[must_use]
    pub fn new(number: usize) -> Self {
        let name = format!("validator-{number}");
        let key = bls::SecretKey::generate(secret("bls", &name).as_slice());
        Self { key: key.expect("32 bytes are enough"), account: DevAccount::new(&name) }
    }
}

fn secret(purpose: &str, name: &str) -> B256 {
    keccak256(format!("fallow devnet v1/{purpose}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_keys_of_their_own() {
        let [one, two] = [1, 2].map(DevValidator::new);
        assert_ne!(one.account.address(), two.account.address());
        assert_ne!(one.key.public_key(), two.key.public_key());
        let [first, again] = [(); 2].map(|()| DevAccount::new("relayer").address());
        assert_eq!(first, again);
    }
}
