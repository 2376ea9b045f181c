//! Section 4.7: records of further writers.

use crate::common::{NOW, REGISTRY, WRITER, empty, recorded};
use alloy_primitives::{Address, Bytes};
use fallow_ledger::{ApplyError, GenesisParent, Ledger, LedgerConfig, MAX_BODY_BYTES, Message};
use fallow_protocol::{Body, NetworkId, Writer};

fn append(kind: u8, writer: Address, length: usize) -> Message {
    Message::Append { kind, writer, body: Bytes::from(vec![7; length]) }
}

#[test]
fn the_named_writer_appends_up_to_512_bytes() {
    let mut ledger = empty();
    for (index, length) in [(1, 0), (2, 512)] {
        let record = recorded(&mut ledger, &append(16, WRITER, length), NOW);
        assert_eq!((record.index, record.writer, record.block_time), (index, WRITER, NOW));
        let bytes = vec![7; length];
        assert_eq!(record.body, Body::Open { kind: 16, bytes });
        assert_eq!(record.encode().len(), 38 + length);
    }
    assert_eq!(MAX_BODY_BYTES, 512);
}

#[test]
fn a_longer_body_is_refused() {
    let mut ledger = empty();
    let refused = ledger.apply(&append(16, WRITER, 513), NOW);
    assert_eq!(refused, Err(ApplyError::BodyTooLong(513)));
    assert_eq!(ledger, empty());
}

#[test]
fn nobody_else_appends_and_nobody_appends_other_kinds() {
    let cases = [
        (16, REGISTRY, Some(WRITER)),
        (17, WRITER, None),
        (17, Address::ZERO, None),
        (0, REGISTRY, None),
        (2, REGISTRY, None),
    ];
    for (kind, got, want) in cases {
        let mut ledger = empty();
        let refused = ledger.apply(&append(kind, got, 1), NOW);
        assert_eq!(refused, Err(ApplyError::WriterInvalid { kind, got, want }));
        assert_eq!(ledger, empty());
    }
}

/// Kinds below 16 are the registry's own, whatever a configuration says.
#[test]
fn a_writer_named_for_a_kind_below_16_appends_nothing() {
    let config = LedgerConfig {
        network_id: NetworkId::ZERO,
        registry: REGISTRY,
        writers: vec![Writer { kind: 2, writer: WRITER }],
        parent: GenesisParent::default(),
    };
    let (mut ledger, _) = Ledger::new(config, NOW);
    let refused = ledger.apply(&append(2, WRITER, 200), NOW).unwrap_err();
    assert!(matches!(refused, ApplyError::WriterInvalid { want: None, .. }));
    assert_eq!(refused.refusal(), None);
}
