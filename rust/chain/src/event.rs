//! The registry's events as the ledger's messages: what a re-execution reads of the chain.

use crate::{ChainLog, Registry};
use Registry::RegistryEvents;
use alloy::sol_types::{SolEvent, SolEventInterface as _};
use alloy_primitives::LogData;
use fallow_ledger::{GenesisParent, Message};
use fallow_protocol::{NetworkId, Request};

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
    /// What no registry emits.
    Unknown {
        /// Position among the logs of its block.
        position: u64,
    },
}

impl Event {
    /// Decodes one log of the registry. Whatever is none of the registry's events, encoded the one
    /// way that there is, is [`Event::Unknown`].
    #[must_use]
    pub fn decode(log: &ChainLog) -> Self {
        let data = &log.inner.data;
        match RegistryEvents::decode_raw_log(data.topics(), &data.data) {
            Ok(event) if encoded(&event) == *data => Self::of(event),
            _ => Self::Unknown { position: log.position },
        }
    }

    fn of(event: RegistryEvents) -> Self {
        match event {
            RegistryEvents::NetworkStarted(event) => Self::Started {
                network_id: event.networkId.into(),
                parent: GenesisParent {
                    network: event.parentNetwork.into(),
                    checkpoint: event.parentCheckpoint,
                    size: event.parentSize,
                },
            },
            RegistryEvents::ResourceAnnounced(event) => Self::Recorded {
                index: event.index,
                message: Message::Announce {
                    announcement: event.announcement.into(),
                    signatures: event.signatures,
                },
            },
            RegistryEvents::VolumeAllocated(event) => Self::Recorded {
                index: event.index,
                message: Message::Request {
                    request: Request {
                        resource_id: event.resourceId.into(),
                        requester: event.requester,
                        volume: event.volume,
                        start_time: event.startTime,
                        end_time: event.endTime,
                        timestamp: event.timestamp,
                        sequence: event.sequence,
                    },
                    signatures: event.signatures,
                },
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
        }
    }
}

/// The event as a contract encodes it: decoding alone does not look at padding and offsets.
fn encoded(event: &RegistryEvents) -> LogData {
    match event {
        RegistryEvents::NetworkStarted(event) => event.encode_log_data(),
        RegistryEvents::ResourceAnnounced(event) => event.encode_log_data(),
        RegistryEvents::VolumeAllocated(event) => event.encode_log_data(),
        RegistryEvents::RecordAppended(event) => event.encode_log_data(),
        RegistryEvents::Refused(event) => event.encode_log_data(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256, Bytes, Log};

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
