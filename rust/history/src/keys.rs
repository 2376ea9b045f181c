//! Who takes part.

use crate::draft::Draft;
use alloy_primitives::{Bytes, keccak256};
use fallow_ledger::Message;
use fallow_protocol::{Domain, SecretKey};
use rayon::prelude::*;

/// The kind that the made-up network's further writer appends.
pub(crate) const OPEN_KIND: u8 = 16;

/// Everybody's keys.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) providers: Vec<SecretKey>,
    pub(crate) approvers: Vec<SecretKey>,
    pub(crate) requesters: Vec<SecretKey>,
}

impl Keys {
    pub(crate) fn new(seed: u64, requesters: u64) -> Self {
        let keys = |what: &str, count: u64| {
            let numbers = (0..count).into_par_iter();
            numbers.map(|number| key(seed, what, number)).collect()
        };
        Self {
            providers: keys("provider", requesters.div_ceil(20)),
            approvers: keys("approver", 4),
            requesters: keys("requester", requesters),
        }
    }

    /// The message that a draft becomes.
    pub(crate) fn sign(&self, draft: &Draft, domain: &Domain, writer: [u8; 20]) -> Message {
        match draft {
            Draft::Announce { announcement, provider } => Message::Announce {
                announcement: *announcement,
                signatures: by(&[&self.providers[*provider]], announcement.id(domain).0),
            },
            Draft::Request { request, requester, approver } => {
                let approver = approver.map(|approver| &self.approvers[approver]);
                let signers = [Some(&self.requesters[*requester]), approver];
                let signers: Vec<_> = signers.into_iter().flatten().collect();
                Message::Request {
                    request: *request,
                    signatures: by(&signers, request.id(domain).0),
                }
            }
            Draft::Carried { announcement, provider, request, requester } => {
                let announced = by(&[&self.providers[*provider]], announcement.id(domain).0);
                let requested = by(&[&self.requesters[*requester]], request.id(domain).0);
                let signatures = [announced, requested].concat().into();
                let (announcement, request) = (*announcement, *request);
                Message::AnnounceAndRequest { announcement, request, signatures }
            }
            Draft::Release { release, requester, record } => Message::Release {
                release: *release,
                signatures: by(&[&self.requesters[*requester]], release.id(domain)),
                record: record.clone(),
                path: Vec::new(),
            },
            Draft::Withdraw { withdrawal, announcement, provider } => Message::Withdraw {
                withdrawal: *withdrawal,
                announcement: *announcement,
                signatures: by(&[&self.providers[*provider]], withdrawal.id(domain)),
            },
            Draft::Append { body } => {
                Message::Append { kind: OPEN_KIND, writer: writer.into(), body: body.clone() }
            }
        }
    }
}

fn by(signers: &[&SecretKey], digest: alloy_primitives::B256) -> Bytes {
    signers.iter().flat_map(|key| key.sign(digest).0.0).collect()
}

fn key(seed: u64, what: &str, number: u64) -> SecretKey {
    let secret = keccak256(format!("history {seed} {what} {number}"));
    SecretKey::from_bytes(secret.0).expect("a hash is a valid key")
}
