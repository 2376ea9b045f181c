//! Section 6: what a record says, byte for byte, and how records chain.

use crate::common::{
    GENESIS, NETWORK, NOW, REGISTRY, SLOT, START, allocation, announce, announcement, claim,
    claim_by, domain, empty, key, ledger, provider, recorded, request_for, requester, resource_id,
    signed,
};
use alloy_primitives::{B256, hex, keccak256};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig};
use fallow_log::{EMPTY_ROOT, Tree, leaf_hash};
use fallow_protocol::{CalendarWord, NetworkId, Record, Request, RequesterWord, ResourceId};

/// `0x00` for the scheme 1, then the signature: section 3.1.
fn evidence(signature: &[u8]) -> B256 {
    keccak256([&[1], signature].concat())
}

/// `words` of section 6, put together by hand.
fn words(items: &[(u64, [u16; 12])]) -> B256 {
    let item = |(index, used): &(u64, [u16; 12])| {
        let used = used.iter().flat_map(|used| used.to_be_bytes());
        index.to_be_bytes().into_iter().chain(used).collect::<Vec<_>>()
    };
    keccak256(items.iter().flat_map(item).collect::<Vec<_>>())
}

#[test]
fn the_first_record_is_the_genesis_record() {
    let parent = GenesisParent {
        network: NetworkId::repeat_byte(1),
        checkpoint: B256::repeat_byte(2),
        size: 3,
    };
    let config = LedgerConfig { network_id: NETWORK, registry: REGISTRY, writers: vec![], parent };
    let (ledger, record) = Ledger::new(config, GENESIS);
    let want = [
        &hex!("0100")[..],
        REGISTRY.as_slice(),
        &0_u64.to_be_bytes(),
        &GENESIS.to_be_bytes(),
        NETWORK.as_slice(),
        &[1; 32],
        &[2; 32],
        &3_u64.to_be_bytes(),
    ];
    assert_eq!(record.encode(), want.concat());
    assert_eq!((ledger.size(), ledger.root()), (1, leaf_hash(&want.concat())));
    assert_ne!(ledger.root(), EMPTY_ROOT);
}

#[test]
fn an_announcements_record_has_its_fields_in_order() {
    let (mut ledger, announcement) = (empty(), announcement());
    let record = recorded(&mut ledger, &announce(announcement), NOW);
    let signature = signed(&provider(), announcement.id(&domain()).0);
    let want = [
        &hex!("0101")[..],
        REGISTRY.as_slice(),
        &1_u64.to_be_bytes(),
        &NOW.to_be_bytes(),
        &provider().address().0.0,
        &[0; 20],
        &10_u16.to_be_bytes(),
        &START.to_be_bytes(),
        &(START + 1_000 * SLOT).to_be_bytes(),
        &600_u32.to_be_bytes(),
        &60_u32.to_be_bytes(),
        &5_u64.to_be_bytes(),
        &[0x0f; 32],
        &evidence(&signature).0,
    ];
    assert_eq!(record.encode(), want.concat());
}

#[test]
fn an_allocations_record_has_its_fields_in_order() {
    let (mut ledger, request) = (ledger(), request_for(23, 3, 4, 7));
    let record = recorded(&mut ledger, &claim(request), NOW + 2);
    let signature = signed(&requester(), request.id(&domain()).0);
    let mut first = [0; 12];
    first[11] = 4;
    let mut second = [0; 12];
    second[..2].copy_from_slice(&[4, 4]);
    let want = [
        &hex!("0102")[..],
        REGISTRY.as_slice(),
        &2_u64.to_be_bytes(),
        &(NOW + 2).to_be_bytes(),
        &resource_id().0.0,
        &1_u64.to_be_bytes(),
        &requester().address().0.0,
        &4_u16.to_be_bytes(),
        &(START + 23 * SLOT).to_be_bytes(),
        &(START + 26 * SLOT).to_be_bytes(),
        &23_u64.to_be_bytes(),
        &3_u16.to_be_bytes(),
        &NOW.to_be_bytes(),
        &7_u64.to_be_bytes(),
        &0_u64.to_be_bytes(),
        &7_u64.to_be_bytes(),
        &(1_u128 << 6).to_be_bytes(),
        &words(&[(0, first), (0, second)]).0,
        &evidence(&signature).0,
    ];
    assert_eq!(record.encode(), want.concat());
}

#[test]
fn records_of_a_word_name_the_one_before() {
    let mut ledger = ledger();
    ledger.apply(&claim(request_for(12, 1, 1, 1)), NOW).unwrap();
    ledger.apply(&claim(request_for(36, 1, 1, 2)), NOW).unwrap();
    let record = recorded(&mut ledger, &claim(request_for(22, 15, 2, 3)), NOW);
    // Word 1 was written by record 2, word 2 by none, word 3 by record 3.
    let mut first = [0; 12];
    (first[0], first[10], first[11]) = (1, 2, 2);
    let mut third = [0; 12];
    third[0] = 3;
    let want = words(&[(2, first), (0, [2; 12]), (3, third)]);
    assert_eq!((record.index, allocation(&record).words), (4, want));
    for (number, used) in [(1, first), (2, [2; 12]), (3, third)] {
        let stored = CalendarWord { index: 4, used };
        assert_eq!(ledger.word(resource_id(), number), stored);
    }
    assert_eq!(ledger.word(resource_id(), 0), CalendarWord::default());
    assert_eq!(ledger.word(ResourceId::ZERO, 1), CalendarWord::default());
}

/// What a record says of the requester's word.
fn chain(record: &Record) -> (u64, u64, u128) {
    let body = allocation(record);
    (body.previous_index, body.highest_after, body.bitmap_after)
}

#[test]
fn records_of_a_requester_name_the_one_before() {
    let mut ledger = ledger();
    let other = Request { requester: key(3).address(), ..request_for(12, 1, 1, 1) };
    let first = recorded(&mut ledger, &claim(request_for(12, 1, 1, 3)), NOW);
    let others = recorded(&mut ledger, &claim_by(other, &key(3)), NOW);
    let second = recorded(&mut ledger, &claim(request_for(12, 1, 1, 1)), NOW);
    let third = recorded(&mut ledger, &claim(request_for(12, 1, 1, 131)), NOW);
    assert_eq!(chain(&first), (0, 3, 0b100));
    assert_eq!(chain(&others), (0, 1, 0b1));
    // Bit 1: sequence 3 - 1 - 1. Bit 2 is sequence 0, which nobody has: highest before was 0.
    assert_eq!(chain(&second), (2, 3, 0b110));
    assert_eq!(chain(&third), (4, 131, 1 << 127));
    let word = RequesterWord { highest: 131, bitmap: 1 << 127, index: 5 };
    assert_eq!(ledger.requester(requester().address()), word);
    assert_eq!(ledger.requester(key(9).address()), RequesterWord::default());
}

/// Items of one block chain to each other, and a refused one leaves no gap.
#[test]
fn a_batch_is_its_items_one_by_one() {
    let mut ledger = ledger();
    let items = [request_for(12, 1, 6, 1), request_for(12, 1, 5, 2), request_for(12, 1, 4, 2)];
    let results = items.map(|item| ledger.apply(&claim(item), NOW));
    let record = |place: usize| results[place].clone().unwrap().record;
    let (first, third) = (record(0), record(2));
    assert!(results[1].is_err());
    assert_eq!((first.index, third.index), (2, 3));
    assert_eq!(chain(&third).0, 2);
    let used = |volume| {
        let mut used = [0; 12];
        used[0] = volume;
        used
    };
    assert_eq!(allocation(&first).words, words(&[(0, used(6))]));
    assert_eq!(allocation(&third).words, words(&[(2, used(10))]));
}

#[test]
fn root_and_frontier_are_those_of_a_tree_of_the_records() {
    let mut ledger = empty();
    let (_, genesis) = Ledger::new(
        LedgerConfig {
            network_id: NETWORK,
            registry: REGISTRY,
            writers: vec![],
            parent: GenesisParent::default(),
        },
        GENESIS,
    );
    let mut tree = Tree::new();
    tree.push(leaf_hash(&genesis.encode())).unwrap();
    let claims = (1..40).map(|sequence| claim(request_for(12 + sequence, 1, 1, sequence)));
    for message in [announce(announcement())].into_iter().chain(claims) {
        assert_eq!((ledger.size(), ledger.root()), (tree.size(), tree.root()));
        let record = recorded(&mut ledger, &message, NOW);
        tree.push(leaf_hash(&record.encode())).unwrap();
    }
    assert_eq!(ledger.frontier().root(), tree.root());
    assert_eq!(ledger.frontier().size(), 41);
}
