//! Memory that requests and answers may take, all together.

use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of bytes to take shares of. Nobody waits for one: whoever waited with a share in hand
/// for another could wait for ever.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Arc<Semaphore>,
}

/// Bytes taken of a budget; given back when it is dropped.
#[derive(Debug, Default)]
pub struct Share {
    permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { left: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))) }
    }

    /// A share of so many bytes, if they are left.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Option<Share> {
        let permit = Arc::clone(&self.left).try_acquire_many_owned(u32::try_from(bytes).ok()?);
        Some(Share { permit: Some(permit.ok()?) })
    }

    /// Bytes that are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.available_permits()
    }
}

impl Share {
    /// Makes it larger by so many bytes of the budget, if they are left.
    #[must_use]
    pub fn grow(&mut self, budget: &Budget, bytes: usize) -> bool {
        let Some(Self { permit: Some(more) }) = budget.take(bytes) else {
            return false;
        };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        true
    }

    /// Bytes that hold their share until the last of them is gone.
    #[must_use]
    pub fn bind(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Bound { bytes, _share: self })
    }
}

struct Bound {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Bound {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_with_the_last_byte() {
        let budget = Budget::new(10);
        let mut share = budget.take(4).unwrap();
        assert!(budget.take(7).is_none());
        assert!(share.grow(&budget, 6));
        assert!(!share.grow(&budget, 1));
        let bytes = share.bind(vec![1, 2, 3]);
        let part = bytes.slice(1..2);
        drop(bytes);
        assert_eq!((budget.left(), part.as_ref()), (0, [2].as_slice()));
        drop(part);
        assert_eq!(budget.left(), 10);
        assert!(budget.take(usize::MAX).is_none());
    }
}
