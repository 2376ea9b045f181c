//! The registry's events as the ledger's messages: what a re-execution reads of the chain.

use crate::{ChainLog, Registry};
use Registry::RegistryEvents;
use alloy::sol_types::{SolEvent, SolEventInterface as _};
use alloy_primitives::{B256, LogData, U256};
use fallow_ledger::{GenesisParent, Message};
use fallow_protocol::{Announcement, NetworkId, Request, Signature};

/// One event of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The registry was deployed.
    Started {
        /// The network that it says it is of.
        network_id: NetworkId,
        /// The network that it says it continues.
        parent: GenesisParent,
    },
    /// The registry says that it recorded a message.
    Recorded {
        /// The position in the log that it says the record has.
        index: u64,
        /// The message with its signatures.
        message: Message,
    },
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

impl Event {
    /// Whether the registry says that it added a record; its start adds the first.
    pub(crate) const fn is_record(&self) -> bool {
        matches!(self, Self::Started { .. } | Self::Recorded { .. })
    }

    /// Decodes one log of the registry. Whatever is none of the registry's events, encoded the one
    /// way that there is, is [`Event::Unknown`].
    #[must_use]
    pub fn decode(log: &ChainLog) -> Self {
        let data = &log.inner.data;
        match RegistryEvents::decode_raw_log(data.topics(), &data.data) {
            Ok(event) if encoded(&event) == *data => Self::of(event, log.position),
            _ => None,
        }
        .unwrap_or(Self::Unknown { position: log.position })
    }

    /// Decodes the logs of one block, in order; a request and its approval become one event.
    #[must_use]
    pub fn decode_block<'a>(logs: impl IntoIterator<Item = &'a ChainLog>) -> Vec<Self> {
        let mut events: Vec<Self> = Vec::new();
        for log in logs {
            match (Self::decode(log), events.last_mut()) {
                (Self::Approved { index, signature, position }, before) => {
                    if !before.is_some_and(|before| before.approve(index, &signature)) {
                        events.push(Self::Unknown { position });
                    }
                }
                (event, _) => events.push(event),
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

    fn of(event: RegistryEvents, position: u64) -> Option<Self> {
        Some(match event {
            RegistryEvents::NetworkStarted(event) => Self::Started {
                network_id: event.networkId.into(),
                parent: GenesisParent {
                    network: event.parentNetwork.into(),
                    checkpoint: event.parentCheckpoint,
                    size: event.parentSize,
                },
            },
            RegistryEvents::ResourceAnnounced(event) => return announced(event),
            RegistryEvents::VolumeAllocated(event) => return allocated(event),
            RegistryEvents::VolumeApproved(event) => Self::Approved {
                index: event.index,
                signature: signature(event.r, event.vs),
                position,
            },
            RegistryEvents::RecordAppended(event) => Self::Recorded {
                index: event.index,
                message: Message::Append {
                    kind: event.kind,
                    writer: event.writer,
                    body: event.body,
                },
            },
            RegistryEvents::Refused(_) => Self::Refused,
        })
    }
}

/// Cuts fields off the front of a packed word, most significant byte first.
struct Word([u8; 32], usize);

impl Word {
    const fn new(word: U256) -> Self {
        Self(word.to_be_bytes::<32>(), 0)
    }

    /// The next `N` bytes; zeros beyond the end, where nobody reads.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let rest = self.0.get(self.1..).unwrap_or_default();
        self.1 = self.1.saturating_add(N);
        rest.first_chunk().copied().unwrap_or([0; N])
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }
}

/// Both messages end `terms` with two bytes of zero and have the same `times`: start, end,
/// timestamp, index of the record.
fn announced(event: Registry::ResourceAnnounced) -> Option<Event> {
    let (mut terms, mut times) = (Word::new(event.terms), Word::new(event.times));
    let announcement = Announcement {
        provider: terms.take().into(),
        approver: event.approver,
        volume: terms.u16(),
        slot_seconds: terms.u32(),
        notice_seconds: terms.u32(),
        start_time: times.u64(),
        end_time: times.u64(),
        timestamp: times.u64(),
        offer: event.offer,
    };
    let signatures = signature(event.r, event.vs).0.into();
    let message = Message::Announce { announcement, signatures };
    (terms.u16() == 0).then(|| Event::Recorded { index: times.u64(), message })
}

fn allocated(event: Registry::VolumeAllocated) -> Option<Event> {
    let (mut terms, mut times) = (Word::new(event.terms), Word::new(event.times));
    let request = Request {
        resource_id: event.resourceId.into(),
        requester: terms.take().into(),
        sequence: terms.u64(),
        volume: terms.u16(),
        start_time: times.u64(),
        end_time: times.u64(),
        timestamp: times.u64(),
    };
    let signatures = signature(event.r, event.vs).0.into();
    let message = Message::Request { request, signatures };
    (terms.u16() == 0).then(|| Event::Recorded { index: times.u64(), message })
}

fn signature(r: B256, vs: B256) -> Signature {
    Signature(r.concat_const(vs))
}

/// The event as a contract encodes it: decoding alone does not look at padding and offsets.
fn encoded(event: &RegistryEvents) -> LogData {
    match event {
        RegistryEvents::NetworkStarted(event) => event.encode_log_data(),
        RegistryEvents::ResourceAnnounced(event) => event.encode_log_data(),
        RegistryEvents::VolumeAllocated(event) => event.encode_log_data(),
        RegistryEvents::VolumeApproved(event) => event.encode_log_data(),
        RegistryEvents::RecordAppended(event) => event.encode_log_data(),
        RegistryEvents::Refused(event) => event.encode_log_data(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, Bytes, Log};

    fn log(data: LogData) -> ChainLog {
        let inner = Log { address: Address::ZERO, data };
        ChainLog { number: 1, block_hash: B256::ZERO, position: 4, inner }
    }

    fn appended() -> LogData {
        let writer = Address::repeat_byte(7);
        let body = Bytes::from_static(&[1, 2, 3]);
        Registry::RecordAppended { kind: 16, writer, index: 5, body }.encode_log_data()
    }

    const UNKNOWN: Event = Event::Unknown { position: 4 };

    #[test]
    fn a_further_writers_record_is_an_append() {
        let writer = Address::repeat_byte(7);
        let body = Bytes::from_static(&[1, 2, 3]);
        let message = Message::Append { kind: 16, writer, body };
        assert_eq!(Event::decode(&log(appended())), Event::Recorded { index: 5, message });
    }

    fn allocated(zero: u16) -> LogData {
        let terms = [&[7; 20], &9_u64.to_be_bytes()[..], &3_u16.to_be_bytes(), &zero.to_be_bytes()];
        let times = [100_u64, 200, 50, 5].map(u64::to_be_bytes);
        let event = Registry::VolumeAllocated {
            resourceId: B256::repeat_byte(1),
            terms: U256::from_be_slice(&terms.concat()),
            times: U256::from_be_slice(times.as_flattened()),
            r: B256::repeat_byte(4),
            vs: B256::repeat_byte(4),
        };
        event.encode_log_data()
    }

    fn approved(index: u64) -> LogData {
        let (r, vs) = (B256::repeat_byte(5), B256::repeat_byte(6));
        Registry::VolumeApproved { index, r, vs }.encode_log_data()
    }

    #[test]
    fn an_approval_joins_the_request_before_it() {
        let (request, approval) = (log(allocated(0)), log(approved(5)));
        let events = Event::decode_block([&request, &approval]);
        let [Event::Recorded { index: 5, message: Message::Request { signatures, .. } }] =
            &events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!(signatures[..], [[4; 32], [4; 32], [5; 32], [6; 32]].concat());
    }

    #[test]
    fn an_approval_of_anything_else_is_unknown() {
        let (request, approval, other) = (log(allocated(0)), log(approved(5)), log(approved(6)));
        assert_eq!(Event::decode_block([&approval]), [UNKNOWN], "first in its block");
        assert_eq!(Event::decode_block([&request, &other])[1], UNKNOWN, "another index");
        let twice = Event::decode_block([&request, &approval, &approval]);
        assert_eq!(twice[1..], [UNKNOWN], "a second one");
        let append = log(appended());
        assert_eq!(Event::decode_block([&append, &approval])[1], UNKNOWN, "no request");
    }

    #[test]
    fn packed_fields_of_a_request_are_unpacked() {
        let request = Request {
            resource_id: B256::repeat_byte(1).into(),
            requester: Address::repeat_byte(7),
            volume: 3,
            start_time: 100,
            end_time: 200,
            timestamp: 50,
            sequence: 9,
        };
        let signatures = Bytes::from_static(&[4; 64]);
        let message = Message::Request { request, signatures };
        assert_eq!(Event::decode(&log(allocated(0))), Event::Recorded { index: 5, message });
        assert_eq!(Event::decode(&log(allocated(1))), UNKNOWN, "bits that mean nothing");
    }

    #[test]
    fn packed_fields_of_an_announcement_are_unpacked() {
        let terms = [&[7; 20], &3_u16.to_be_bytes()[..], &[0, 0, 0, 60], &[0, 0, 0, 9], &[0, 0]];
        let times = [120_u64, 240, 50, 5].map(u64::to_be_bytes);
        let event = |terms: Vec<u8>| Registry::ResourceAnnounced {
            resourceId: B256::repeat_byte(1),
            terms: U256::from_be_slice(&terms),
            times: U256::from_be_slice(times.as_flattened()),
            approver: Address::repeat_byte(8),
            offer: B256::repeat_byte(2),
            r: B256::repeat_byte(4),
            vs: B256::repeat_byte(4),
        };
        let announcement = Announcement {
            provider: Address::repeat_byte(7),
            approver: Address::repeat_byte(8),
            volume: 3,
            start_time: 120,
            end_time: 240,
            slot_seconds: 60,
            notice_seconds: 9,
            timestamp: 50,
            offer: B256::repeat_byte(2),
        };
        let signatures = Bytes::from_static(&[4; 64]);
        let message = Message::Announce { announcement, signatures };
        let good = log(event(terms.concat()).encode_log_data());
        assert_eq!(Event::decode(&good), Event::Recorded { index: 5, message });
        let mut surplus = terms.concat();
        surplus[31] = 1;
        assert_eq!(Event::decode(&log(event(surplus).encode_log_data())), UNKNOWN);
    }

    #[test]
    fn another_topic_is_unknown() {
        assert_eq!(Event::decode(&log(LogData::empty())), UNKNOWN);
        let topics = vec![B256::repeat_byte(9)];
        let other = LogData::new_unchecked(topics, appended().data);
        assert_eq!(Event::decode(&log(other)), UNKNOWN);
    }

    #[test]
    fn a_second_encoding_of_the_same_values_is_unknown() {
        let good = appended();
        let trailing = [&good.data[..], &[0; 32]].concat();
        // The index is a u64 in a word of 32 bytes, the body's last word is padded.
        let (mut index, mut padding) = (good.data.to_vec(), good.data.to_vec());
        index[0] = 1;
        *padding.last_mut().unwrap() = 1;
        for data in [trailing, index, padding, good.data[..40].to_vec()] {
            let other = LogData::new_unchecked(good.topics().to_vec(), data.into());
            assert_eq!(Event::decode(&log(other)), UNKNOWN);
        }
        // The kind is a u8 in a topic.
        let mut topics = good.topics().to_vec();
        topics[1].0[0] = 1;
        let other = LogData::new_unchecked(topics, good.data);
        assert_eq!(Event::decode(&log(other)), UNKNOWN);
    }
}
