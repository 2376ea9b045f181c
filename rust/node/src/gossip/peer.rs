//! What one peer has told, pure.

use alloy_primitives::B256;
use fallow_node_client::types::{GossipAnswer, Page};
use fallow_protocol::{Announcement, Domain, Signature};
use std::collections::VecDeque;

use super::PAGE;

/// After so many looks without news everything is read again: a peer that lost its store counts
/// from 1, and what was refused here for lack of room may fit by now. About five minutes.
const QUIET: u32 = 100;
/// Documents that are remembered as missing; further ones are asked for when everything is read
/// again.
const WANTED: usize = 1_000;
/// A document that the peer does not have is asked for so often.
const ATTEMPTS: u32 = 5;

/// How a peer's answer cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lie {
    /// More than was asked for.
    #[error("a page has {got} announcements, {want} were asked for")]
    TooMany {
        /// On the page.
        got: usize,
        /// The most.
        want: u16,
    },
    /// Its numbers do not rise.
    #[error("announcement {got} comes after {before}")]
    Order {
        /// Its number.
        got: u64,
        /// The number before, or the one that was asked for.
        before: u64,
    },
    /// Nothing, and more of it.
    #[error("an empty page says that more follows")]
    Empty,
    /// An announcement has another id.
    #[error("an announcement has id {want}, not {got}")]
    Id {
        /// As the peer says.
        got: B256,
        /// As it is.
        want: B256,
    },
    /// A provider's signature is wrong.
    #[error("a provider has not signed its announcement")]
    Signature,
    /// A document is another one.
    #[error("a document has hash {got}, not {want}")]
    Document {
        /// As it is.
        got: B256,
        /// As asked for.
        want: B256,
    },
}

/// How far a peer was read.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// The last number that was read.
    cursor: u64,
    /// Looks without news.
    quiet: u32,
    missing: VecDeque<(B256, u32)>,
}

impl Peer {
    /// The last number that was read.
    pub(crate) const fn after(&self) -> u64 {
        self.cursor
    }

    /// Checks a page, and says what is on it.
    pub(crate) fn read(
        &self,
        page: &Page<GossipAnswer>,
        domain: &Domain,
    ) -> Result<Vec<(Announcement, Signature)>, Lie> {
        let got = page.items.len();
        if got > usize::from(PAGE) {
            return Err(Lie::TooMany { got, want: PAGE });
        }
        if got == 0 && page.next.is_some() {
            return Err(Lie::Empty);
        }
        let mut before = self.cursor;
        for item in &page.items {
            if item.arrival <= before {
                return Err(Lie::Order { got: item.arrival, before });
            }
            before = item.arrival;
            let (got, want) = (item.resource_id, item.announcement.id(domain).0);
            if got != want {
                return Err(Lie::Id { got, want });
            }
        }
        Ok(page.items.iter().map(|item| (item.announcement, item.signature)).collect())
    }

    /// Goes on after a page that was handed on.
    pub(crate) fn keep(&mut self, page: &Page<GossipAnswer>) {
        match page.items.last() {
            Some(last) => (self.cursor, self.quiet) = (last.arrival, 0),
            None => self.quiet = self.quiet.saturating_add(1),
        }
        if self.quiet >= QUIET {
            (self.cursor, self.quiet) = (0, 0);
        }
    }

    /// Notes the document of an announcement that was accepted.
    pub(crate) fn want(&mut self, offer: B256) {
        let is_known = self.missing.iter().any(|(hash, _)| *hash == offer);
        if !offer.is_zero() && !is_known && self.missing.len() < WANTED {
            self.missing.push_back((offer, 0));
        }
    }

    /// The documents to be asked for next; each so often at most.
    pub(crate) fn wanted(&mut self, most: usize) -> Vec<B256> {
        let count = most.min(self.missing.len());
        let next: Vec<_> = self.missing.drain(..count).collect();
        let again = next.iter().map(|(hash, attempts)| (*hash, attempts.saturating_add(1)));
        self.missing.extend(again.filter(|(_, attempts)| *attempts < ATTEMPTS));
        next.into_iter().map(|(hash, _)| hash).collect()
    }

    /// A document is here, or will never be.
    pub(crate) fn got(&mut self, offer: B256) {
        self.missing.retain(|(hash, _)| *hash != offer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use fallow_protocol::{NetworkId, SecretKey};

    fn domain() -> Domain {
        Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(2))
    }

    fn item(arrival: u64) -> GossipAnswer {
        let key = SecretKey::from_bytes([7; 32]).unwrap();
        let announcement = Announcement {
            provider: key.address(),
            approver: Address::ZERO,
            volume: 1,
            start_time: 0,
            end_time: 3_600,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: arrival,
            offer: B256::with_last_byte(9),
        };
        let id = announcement.id(&domain()).0;
        GossipAnswer { arrival, resource_id: id, announcement, signature: key.sign(id) }
    }

    fn page(arrivals: impl IntoIterator<Item = u64>, more: bool) -> Page<GossipAnswer> {
        let items = arrivals.into_iter().map(item).collect();
        Page { items, next: more.then(String::new), size: 1 }
    }

    #[test]
    fn a_peer_is_read_on_from_where_it_was() {
        let mut peer = Peer::default();
        let first = page([3, 5], true);
        assert_eq!(peer.read(&first, &domain()).unwrap().len(), 2);
        peer.keep(&first);
        assert_eq!(peer.after(), 5);
        assert_eq!(peer.read(&page([], false), &domain()), Ok(vec![]));
    }

    #[test]
    fn a_quiet_peer_is_read_again_from_the_start() {
        let mut peer = Peer::default();
        peer.keep(&page([500], false));
        for _ in 1..QUIET {
            peer.keep(&page([], false));
            assert_eq!(peer.after(), 500);
        }
        peer.keep(&page([], false));
        assert_eq!(peer.after(), 0, "it may have lost its store");
        peer.keep(&page([2], false));
        assert_eq!(peer.after(), 2);
    }

    #[test]
    fn pages_that_cannot_be_true_are_lies() {
        let mut peer = Peer::default();
        peer.keep(&page([10], false));
        let lie = |page: &Page<GossipAnswer>| peer.read(page, &domain()).unwrap_err();
        assert_eq!(lie(&page([9], false)), Lie::Order { got: 9, before: 10 });
        assert_eq!(lie(&page([10], false)), Lie::Order { got: 10, before: 10 });
        assert_eq!(lie(&page([11, 11], false)), Lie::Order { got: 11, before: 11 });
        assert_eq!(lie(&page([], true)), Lie::Empty, "for ever");
        assert_eq!(lie(&page(11..262, false)), Lie::TooMany { got: 251, want: 250 });
        let mut forged = page([11], false);
        forged.items[0].announcement.volume = 2;
        assert!(matches!(lie(&forged), Lie::Id { .. }));
    }

    #[test]
    fn documents_are_asked_for_a_few_times_and_few_are_remembered() {
        let mut peer = Peer::default();
        let hash = B256::with_last_byte(1);
        peer.want(B256::ZERO);
        peer.want(hash);
        peer.want(hash);
        for _ in 0..ATTEMPTS {
            assert_eq!(peer.wanted(4), [hash]);
        }
        assert_eq!(peer.wanted(4), [B256::ZERO; 0], "it does not have it");
        peer.want(hash);
        peer.got(hash);
        assert!(peer.wanted(4).is_empty());
        (1..=2_000_u64)
            .for_each(|number| peer.want(B256::from(alloy_primitives::U256::from(number))));
        assert_eq!(peer.wanted(5_000).len(), WANTED);
    }
}
