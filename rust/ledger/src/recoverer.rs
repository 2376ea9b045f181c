//! Who signed what.

use alloy_primitives::{Address, B256};
use fallow_protocol::Signature;
use lru::LruCache;
use rayon::prelude::*;
use std::fmt;
use std::hash::RandomState;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A signature of which one wants to know whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What was signed.
    pub digest: B256,
    /// Under which signature.
    pub signature: Signature,
    /// Who says to have signed; `None` where only the ledger knows who has to.
    pub signer: Option<Address>,
}

/// Signatures that were found good, by everything that the answer depends on.
type Good = LruCache<(B256, Signature), Address, RandomState>;

/// Recovers signers, and may remember the signatures that were found good: a node that judged a
/// message once does not recover its signer again when the chain shows it.
///
/// Clones share what they remember. It changes no verdict, so it is no part of a ledger's state: all
/// recoverers are equal.
#[derive(Clone, Default)]
pub struct Recoverer {
    good: Option<Arc<Mutex<Good>>>,
}

impl Recoverer {
    /// Remembers the last `capacity` good signatures, about 200 bytes each, as they come.
    #[must_use]
    pub fn remembering(capacity: NonZeroUsize) -> Self {
        // Nothing is allocated before it is needed; strangers choose the keys, so they are hashed
        // with the standard library's keyed hasher.
        let mut good = LruCache::unbounded_with_hasher(RandomState::new());
        good.resize(capacity);
        Self { good: Some(Arc::new(Mutex::new(good))) }
    }

    /// How many good signatures are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.good().map_or(0, |good| good.len())
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Recovers the signers of many claims, on all cores, and remembers the good ones: applying the
    /// messages afterwards finds them. Of no use without a memory, or for more claims than it holds.
    ///
    /// Other ledgers and threads can use the same memory meanwhile.
    pub fn warm(&self, claims: &[Claim]) {
        let Some(unknown) = self.unknown(claims) else {
            return;
        };
        let recovered: Vec<_> = unknown.par_iter().filter_map(|claim| claim.recover()).collect();
        if let Some(mut good) = self.good() {
            for (key, signer) in recovered {
                good.put(key, signer);
            }
        }
    }

    /// Whether a claim is remembered as true.
    #[must_use]
    pub fn knows(&self, claim: &Claim) -> bool {
        let known =
            self.good().and_then(|good| good.peek(&(claim.digest, claim.signature)).copied());
        known.is_some_and(|signer| claim.signer.is_none_or(|want| want == signer))
    }

    /// Claims that are not remembered; `None` if nothing ever is.
    fn unknown(&self, claims: &[Claim]) -> Option<Vec<Claim>> {
        let good = self.good()?;
        let is_unknown = |claim: &&Claim| !good.contains(&(claim.digest, claim.signature));
        Some(claims.iter().filter(is_unknown).copied().collect())
    }

    /// Whether `want` signed; else who did, zero if nobody can have.
    pub(crate) fn signed_by(
        &self,
        signature: &Signature,
        digest: B256,
        want: Address,
    ) -> Result<(), Address> {
        let known = self.good().and_then(|mut good| good.get(&(digest, *signature)).copied());
        let got = known.unwrap_or_else(|| signature.recover_or_zero(digest));
        if got != want || got.is_zero() {
            return Err(got);
        }
        // A stranger's signature is not kept: it would take the place of a good one.
        if let (None, Some(mut good)) = (known, self.good()) {
            good.put((digest, *signature), got);
        }
        Ok(())
    }

    fn good(&self) -> Option<MutexGuard<'_, Good>> {
        // Each entry is complete in itself, so one left by a thread that panicked is good too.
        self.good.as_ref().map(|good| good.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Claim {
    /// What to remember, if the claim is true.
    fn recover(&self) -> Option<((B256, Signature), Address)> {
        let got = self.signature.recover_or_zero(self.digest);
        let is_good = !got.is_zero() && self.signer.is_none_or(|signer| signer == got);
        is_good.then_some(((self.digest, self.signature), got))
    }
}

impl PartialEq for Recoverer {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Recoverer {}

impl fmt::Debug for Recoverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recoverer").field("len", &self.len()).finish_non_exhaustive()
    }
}
