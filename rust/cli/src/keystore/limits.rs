//! Which keystores are opened at all: their parameters are a stranger's.

use eth_keystore::{EthKeystore, KdfparamsType};

/// scrypt takes 128 x n x r bytes; geth's standard keys need 256 MiB.
const SCRYPT_MAX_BYTES: u64 = 512 << 20;
/// Bounds the time of a hostile keystore to some seconds; usual are 1 to 8.
const SCRYPT_MAX_P: u32 = 16;
/// Usual is 262 144.
const PBKDF2_MAX_ROUNDS: u32 = 10_000_000;

/// What the crate would panic on, or what would take unbounded memory or time.
pub(super) fn unacceptable(keystore: &EthKeystore) -> Option<String> {
    let crypto = &keystore.crypto;
    if keystore.version != 3 {
        return Some(format!("its version is {}, expected 3", keystore.version));
    }
    if crypto.cipher != "aes-128-ctr" {
        return Some(format!("its cipher is `{}`, expected `aes-128-ctr`", crypto.cipher));
    }
    for (field, got, want) in [
        ("iv", crypto.cipherparams.iv.len(), 16),
        ("ciphertext", crypto.ciphertext.len(), 32),
        ("mac", crypto.mac.len(), 32),
    ] {
        if got != want {
            return Some(format!("`{field}` has {got} bytes, expected {want}"));
        }
    }
    unacceptable_derivation(&crypto.kdfparams)
}

fn unacceptable_derivation(parameters: &KdfparamsType) -> Option<String> {
    let length = match parameters {
        KdfparamsType::Pbkdf2 { dklen, .. } | KdfparamsType::Scrypt { dklen, .. } => *dklen,
    };
    if length != 32 {
        return Some(format!("`dklen` is {length}, expected 32"));
    }
    match parameters {
        KdfparamsType::Pbkdf2 { c, .. } if *c == 0 || *c > PBKDF2_MAX_ROUNDS => {
            Some(format!("`c` is {c}, expected 1 to {PBKDF2_MAX_ROUNDS}"))
        }
        KdfparamsType::Scrypt { n, .. } if !n.is_power_of_two() || *n < 2 => {
            Some(format!("`n` is {n}, expected a power of two"))
        }
        KdfparamsType::Scrypt { n, r, p, .. } => {
            let memory = u64::from(*n).saturating_mul(u64::from(*r)).saturating_mul(128);
            let bounded = *r > 0 && *p > 0 && *p <= SCRYPT_MAX_P && memory <= SCRYPT_MAX_BYTES;
            (!bounded).then(|| format!("scrypt with n {n}, r {r}, p {p} asks for too much"))
        }
        KdfparamsType::Pbkdf2 { .. } => None,
    }
}
