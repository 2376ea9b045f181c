//! What a call led to, in one form for both sides.

use crate::call::{Call, Entry};
use alloy::sol_types::{SolCall as _, SolError as _, SolValue as _};
use alloy_primitives::{B256, Bytes, U256};
use fallow_chain::Registry;
use fallow_ledger::{Applied, ApplyError, Ledger, MAX_BODY_BYTES, Message};
use fallow_protocol::{Domain, Refusal};
use std::fmt;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Returned(Bytes),
    Refused(Refusal),
    /// For another reason than a refusal.
    Reverted(Bytes),
}

/// What became of a call and of the items in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Items that a batch skipped, by id.
    pub(crate) refused: Vec<(B256, Refusal)>,
    pub(crate) ending: Ending,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned(bytes) => write!(f, "returned {bytes}"),
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Reverted(bytes) => write!(f, "reverted with {bytes}"),
        }
    }
}

/// What one item appended, or why nothing.
pub(crate) type Result = std::result::Result<Applied, ApplyError>;

impl Verdict {
    fn ended(ending: Ending) -> Self {
        Self { refused: Vec::new(), ending }
    }
}

/// Applies a call to the ledger; answers what the registry should do, and what each item led to.
pub(crate) fn apply(ledger: &mut Ledger, call: &Call, now: u64) -> (Verdict, Vec<Result>) {
    match &call.items {
        Err(revert) => (Verdict::ended(Ending::Reverted(revert.clone())), Vec::new()),
        Ok(items) if call.entry == Entry::Check => {
            let mut findings = items.iter().filter_map(|item| findings(ledger, item, now));
            let findings = findings.next().expect("a check is of one request");
            (Verdict::ended(Ending::Returned(findings)), Vec::new())
        }
        Ok(items) if call.is_single() => {
            let results: Vec<_> = items.iter().map(|item| ledger.apply(item, now)).collect();
            let endings = items.iter().zip(&results);
            let mut endings = endings.map(|(item, result)| single(ledger.domain(), item, result));
            let ending = endings.next().expect("a single call has one item");
            (Verdict::ended(ending), results)
        }
        Ok(items) => {
            let results = ledger.apply_batch(items, now);
            let refused = items.iter().zip(&results).filter_map(|(item, result)| {
                let refusal = result.as_ref().err()?.refusal()?;
                Some((item.id(ledger.domain()), *refusal))
            });
            let refused = refused.collect();
            (Verdict { refused, ending: Ending::Returned(Bytes::new()) }, results)
        }
    }
}

/// What `check` should answer.
fn findings(ledger: &Ledger, message: &Message, now: u64) -> Option<Bytes> {
    let Message::Request { request, signatures } = message else {
        return None;
    };
    let findings = ledger.check(request, signatures, now).map(|finding| Registry::Refusal {
        code: finding.code.map_or(0, |code| code.number()),
        got: finding.got,
        want: finding.want,
    });
    Some(Registry::checkCall::abi_encode_returns(&findings).into())
}

/// How the call of one message should end.
fn single(domain: &Domain, message: &Message, result: &Result) -> Ending {
    match (result, message) {
        (Ok(applied), Message::Append { .. }) => {
            Ending::Returned(applied.record.index.abi_encode().into())
        }
        (Ok(_), Message::Announce { announcement, .. }) => {
            Ending::Returned(announcement.id(domain).0.to_vec().into())
        }
        (Ok(_), _) => Ending::Returned(message.id(domain).to_vec().into()),
        (Err(ApplyError::Refused(refusal)), _) => Ending::Refused(*refusal),
        (Err(ApplyError::WriterInvalid { kind, got, want }), _) => {
            let want = want.unwrap_or_default();
            let error = Registry::WriterInvalid { kind: *kind, got: *got, want };
            Ending::Reverted(error.abi_encode().into())
        }
        (Err(ApplyError::BodyTooLong(length)), _) => {
            let [got, want] = [*length, MAX_BODY_BYTES].map(U256::from);
            let error = Registry::BodyTooLong { got, want };
            Ending::Reverted(error.abi_encode().into())
        }
        // An error of a later version is no answer that the registry could give.
        (Err(_), _) => Ending::Reverted(Bytes::new()),
    }
}
