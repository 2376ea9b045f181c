//! One block as both machines took it, compared.

use crate::DifferentialError;
use crate::call::Call;
use crate::chain::Mined;
use crate::verdict::{Ending, Verdict};
use alloy_primitives::{B256, Bytes};
use fallow_protocol::{Domain, Refusal};

/// Characters of a message that an error shows; the seed brings back the rest.
const SHOWN: usize = 2_000;

/// A block as it was drawn, and what the ledger made of it.
pub(crate) struct Block {
    pub(crate) number: u64,
    pub(crate) time: u64,
    /// Its first and last message.
    pub(crate) messages: (u64, u64),
    pub(crate) calls: Vec<Call>,
    /// For each call its first message, and what should become of it.
    pub(crate) expected: Vec<(u64, Verdict)>,
    /// Size and root of the log after it.
    pub(crate) log: (u64, B256),
}

impl Block {
    /// The first call that the two differ on, or else their logs.
    pub(crate) fn compare(&self, domain: &Domain, mined: &Mined) -> Result<(), DifferentialError> {
        let nothing = Verdict { refused: Vec::new(), ending: Ending::Reverted(Bytes::new()) };
        let got = mined.verdicts.iter().chain(std::iter::repeat(&nothing));
        let pairs = self.expected.iter().zip(got);
        let mut differing =
            self.calls.iter().zip(pairs).filter(|(_, ((_, want), got))| want != *got);
        if let Some((call, ((number, want), got))) = differing.next() {
            return Err(self.difference(domain, call, (*number, want), got));
        }
        if mined.log == self.log {
            return Ok(());
        }
        let show = |(size, root): (u64, B256)| format!("{size} records and root {root}");
        Err(DifferentialError::Log {
            block: self.number,
            first: self.messages.0,
            last: self.messages.1,
            ledger: show(self.log),
            registry: show(mined.log),
        })
    }

    /// Names the first item of a call on which the two differ.
    fn difference(
        &self,
        domain: &Domain,
        call: &Call,
        (number, want): (u64, &Verdict),
        got: &Verdict,
    ) -> DifferentialError {
        let (mut wanted, mut found) = (want.refused.iter(), got.refused.iter());
        let (mut next_wanted, mut next_found) = (wanted.next(), found.next());
        // Of a call that ended in another way, no item says more than its end.
        let ended_alike = want.ending == got.ending;
        let items = call.items.iter().flatten().enumerate().filter(|_| ended_alike);
        for (place, message) in items {
            let id = message.id(domain);
            let of = |next: Option<&(B256, Refusal)>| next.filter(|next| next.0 == id).copied();
            let answers = [of(next_wanted), of(next_found)];
            if answers[0] != answers[1] {
                return self.answer(call, (number, place), answers.map(shown));
            }
            if answers[0].is_some() {
                (next_wanted, next_found) = (wanted.next(), found.next());
            }
        }
        let whole = [want, got].map(|verdict| match verdict.refused.len() {
            0 => verdict.ending.to_string(),
            refused => format!("{}, {refused} items refused", verdict.ending),
        });
        self.answer(call, (number, 0), whole)
    }

    fn answer(
        &self,
        call: &Call,
        (number, place): (u64, usize),
        [ledger, registry]: [String; 2],
    ) -> DifferentialError {
        let message = call.items.as_ref().ok().and_then(|items| items.get(place));
        let mut shown = message.map_or_else(|| call.data.to_string(), |one| format!("{one:?}"));
        shown.truncate(SHOWN);
        DifferentialError::Answer {
            number: number + place as u64,
            block: self.number,
            time: self.time,
            item: place + 1,
            entry: call.entry.name(),
            ledger,
            registry,
            message: shown,
        }
    }
}

fn shown(refused: Option<(B256, Refusal)>) -> String {
    refused.map_or_else(|| "recorded".to_owned(), |(_, refusal)| refusal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Entry;
    use alloy_primitives::Address;
    use fallow_chain::BlockRef;
    use fallow_ledger::Message;
    use fallow_protocol::{Code, NetworkId};

    fn domain() -> Domain {
        Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(2))
    }

    /// A batch of three withdrawals that differ in time.
    fn items() -> Vec<Message> {
        let announcement = fallow_protocol::Announcement {
            provider: Address::repeat_byte(3),
            approver: Address::ZERO,
            volume: 1,
            start_time: 0,
            end_time: 1,
            slot_seconds: 1,
            notice_seconds: 0,
            timestamp: 0,
            offer: B256::ZERO,
        };
        let items = (0..3).map(|timestamp| Message::Withdraw {
            withdrawal: fallow_protocol::Withdrawal { resource_id: [4; 32].into(), timestamp },
            announcement,
            signatures: Bytes::new(),
        });
        items.collect()
    }

    fn refused(places: &[usize], got: u64) -> Verdict {
        let refusal = Refusal::new(Code::ResourceWithdrawn, got, 0_u64);
        let items = items();
        let refused = places.iter().map(|place| (items[*place].id(&domain()), refusal));
        Verdict { refused: refused.collect(), ending: Ending::Returned(Bytes::new()) }
    }

    /// What comes of a block in which the ledger refuses items 1 and 2 of three.
    fn compared(verdicts: Vec<Verdict>, size: u64) -> Result<(), DifferentialError> {
        let log = |size: u64| (size, B256::ZERO);
        let (hash, parent) = (B256::ZERO, B256::ZERO);
        let mined = Mined {
            verdicts,
            block: BlockRef { number: 1, hash, parent, time: 2 },
            logs: Vec::new(),
            log: log(size),
        };
        let block = Block {
            number: 1,
            time: 2,
            messages: (11, 13),
            calls: vec![Call {
                entry: Entry::WithdrawMany,
                data: Bytes::new(),
                items: Ok(items()),
            }],
            expected: vec![(11, refused(&[1, 2], 5))],
            log: log(7),
        };
        block.compare(&domain(), &mined)
    }

    fn number(result: Result<(), DifferentialError>) -> u64 {
        match result {
            Err(DifferentialError::Answer { number, .. }) => number,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn equal_answers_are_no_difference() {
        assert!(compared(vec![refused(&[1, 2], 5)], 7).is_ok());
    }

    #[test]
    fn the_first_item_that_differs_is_named() {
        assert_eq!(number(compared(vec![refused(&[0, 1, 2], 5)], 7)), 11, "refused, too");
        assert_eq!(number(compared(vec![refused(&[2], 5)], 7)), 12, "recorded instead");
        assert_eq!(number(compared(vec![refused(&[1], 5)], 7)), 13, "recorded at the end");
        assert_eq!(number(compared(vec![refused(&[1, 2], 6)], 7)), 12, "other words");
        assert_eq!(number(compared(vec![refused(&[2, 1], 5)], 7)), 12, "in another order");
        assert_eq!(number(compared(vec![], 7)), 11, "no answer at all");
    }

    #[test]
    fn another_log_is_a_difference() {
        let result = compared(vec![refused(&[1, 2], 5)], 8);
        assert!(matches!(result, Err(DifferentialError::Log { first: 11, last: 13, .. })));
    }
}
