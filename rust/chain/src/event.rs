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
