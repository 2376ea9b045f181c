//! The registry's events as the ledger's messages: what a re-execution reads of the chain.

mod decode;

use crate::{ChainLog, Registry};
use alloy::sol_types::SolEvent as _;
use fallow_ledger::{GenesisParent, Message};
use fallow_protocol::{Domain, NetworkId, ResourceId, Signature};

/// What one event of the registry says, or one item of an event that says many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The registry was deployed.
    Started {
        /// The network that it says it is of.
        network_id: NetworkId,
        /// The network that it says it continues.
        parent: GenesisParent,
    },
    /// The registry says that it recorded a message that the event shows whole: any but a release.
    Recorded {
        /// The position in the log that it says the record has.
        index: u64,
        /// The message with its signatures.
        message: Message,
    },
    /// The registry says that it recorded a release.
    Released(Released),
    /// A batch skipped an item; nothing changed.
    Refused,
    /// An approver signed the request of the event before this one, too.
    Approved {
        /// The position in the log of that request's record.
        index: u64,
        /// The approver's signature.
        signature: Signature,
        /// Position among the logs of its block.
        position: u64,
    },
    /// What no registry emits.
    Unknown {
        /// Position among the logs of its block.
        position: u64,
    },
}

/// A release as events tell it. The allocation's record and the path are not in them: whoever has
/// the log has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// The position in the log that the registry says the record has.
    pub index: u64,
    /// The position in the log of the allocation's record.
    pub allocation: u64,
    /// The resource, where the event names it.
    pub resource_id: Option<ResourceId>,
    /// First slot boundary that is given back, unix seconds.
    pub from_time: u64,
    /// When the release was signed, unix seconds.
    pub timestamp: u64,
    /// The requester's signature.
    pub signature: Signature,
}

impl Event {
    /// Whether the registry says that it added a record; its start adds the first.
    pub(crate) const fn is_record(&self) -> bool {
        matches!(self, Self::Started { .. } | Self::Recorded { .. } | Self::Released(_))
    }

    /// Decodes one log of the registry: one event, or one for each item of a packed batch. Whatever
    /// is none of the registry's events, encoded the one way that there is, is [`Event::Unknown`].
    #[must_use]
    pub fn decode(domain: &Domain, log: &ChainLog) -> Vec<Self> {
        let events = decode::events(domain, &log.inner.data, log.position);
        events.unwrap_or_else(|| vec![Self::Unknown { position: log.position }])
    }

    /// Decodes the logs of one block, in order; a request and its approval become one event.
    #[must_use]
    pub fn decode_block<'a>(
        domain: &Domain,
        logs: impl IntoIterator<Item = &'a ChainLog>,
    ) -> Vec<Self> {
        let mut events: Vec<Self> = Vec::new();
        let mut before: Option<&ChainLog> = None;
        for log in logs {
            // Packed batches have their approvals in them: a second place would be a second form.
            let is_open = before.replace(log).is_some_and(is_allocation);
            let decoded = Self::decode(domain, log);
            if let [Self::Approved { index, signature, position }] = &decoded[..] {
                let approved = events.last_mut().filter(|_| is_open);
                if !approved.is_some_and(|request| request.approve(*index, signature)) {
                    events.push(Self::Unknown { position: *position });
                }
            } else {
                events.extend(decoded);
            }
        }
        events
    }

    /// Adds an approver's signature to a request that has none yet.
    fn approve(&mut self, approved: u64, approval: &Signature) -> bool {
        let Self::Recorded { index, message: Message::Request { signatures, .. } } = self else {
            return false;
        };
        let fits = *index == approved && signatures.len() == approval.0.len();
        if fits {
            *signatures = [&signatures[..], approval.0.as_slice()].concat().into();
        }
        fits
    }
}

/// Whether a log is a single request's.
fn is_allocation(log: &ChainLog) -> bool {
    log.inner.data.topics().first() == Some(&Registry::VolumeAllocated::SIGNATURE_HASH)
}

#[cfg(test)]
mod tests;
