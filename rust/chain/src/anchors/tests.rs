//! A reader on a mainnet that grows, finalises, reorganises and lies.

use super::*;
use crate::Limits;
use crate::fake::{Answer, FakeNode};
use alloy::consensus::Header as Inner;
use alloy::rpc::types::{Block, Header, Log};
use alloy_primitives::{Bytes, U256};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ANCHOR: Address = Address::repeat_byte(0xa1);
/// The anchor's block.
const FIRST: u64 = 3;

/// A mainnet in memory: headers from block 0 on, and which blocks have an anchoring.
#[derive(Debug, Default)]
struct Mainnet {
    headers: Vec<Header>,
    anchored: BTreeMap<u64, u64>,
    finalized: u64,
    /// Makes the blocks of one branch other ones than those of another.
    branch: u64,
    /// The hash under which logs are shown, if it is a lie.
    lie: Option<B256>,
    /// Answers nothing.
    is_away: bool,
}

impl Mainnet {
    fn latest(&self) -> u64 {
        self.headers.len() as u64 - 1
    }

    /// Mines a block, with the anchoring of a sidechain block.
    fn mine(&mut self, sidechain_block: Option<u64>) {
        let number = self.headers.len() as u64;
        let parent_hash = self.headers.last().map(|parent| parent.hash).unwrap_or_default();
        let extra_data = Bytes::copy_from_slice(&self.branch.to_be_bytes());
        let inner =
            Inner { number, parent_hash, timestamp: 12 * number, extra_data, ..Inner::default() };
        self.headers.push(Header {
            hash: inner.hash_slow(),
            inner,
            total_difficulty: None,
            size: None,
        });
        if let Some(block) = sidechain_block {
            self.anchored.insert(number, block);
        }
    }

    fn mine_many(&mut self, count: u64) {
        (0..count).for_each(|_| self.mine(None));
    }

    /// Takes back all blocks from `first` on.
    fn take_back(&mut self, first: u64) {
        assert!(first > self.finalized);
        self.headers.truncate(first as usize);
        self.anchored.retain(|number, _| *number < first);
        self.branch += 1;
    }

    fn want(&self) -> Vec<Anchored> {
        let anchored = self.anchored.iter();
        let anchored = anchored.filter(|(number, _)| **number >= FIRST);
        anchored.map(|(number, block)| self.anchoring(*number, *block)).collect()
    }

    fn anchoring(&self, number: u64, sidechain_block: u64) -> Anchored {
        let block_hash = self.headers[number as usize].hash;
        Anchored {
            sidechain_block,
            size: sidechain_block + 1,
            root: B256::with_last_byte(7),
            block: number,
            block_hash,
            transaction: block_hash,
            anchored_at: 12 * number,
        }
    }

    fn log(&self, anchored: &Anchored) -> Log {
        let event = Anchor::CheckpointAnchored {
            blockNumber: anchored.sidechain_block,
            size: anchored.size,
            root: anchored.root,
            blockHash: B256::ZERO,
            blockTime: 1,
            previousSize: 0,
            previousBlockTime: 0,
            anchoredAt: anchored.anchored_at,
            count: 1,
            bitmap: Bytes::new(),
        };
        Log {
            inner: alloy_primitives::Log { address: ANCHOR, data: event.encode_log_data() },
            block_hash: Some(self.lie.unwrap_or(anchored.block_hash)),
            block_number: Some(anchored.block),
            block_timestamp: None,
            transaction_hash: Some(anchored.transaction),
            transaction_index: Some(0),
            log_index: Some(0),
            removed: false,
        }
    }

    fn block(&self, named: &Value) -> Value {
        let number = match named.as_str().unwrap() {
            "latest" => self.latest(),
            "finalized" => self.finalized,
            number => quantity(number),
        };
        let header = self.headers.get(number as usize);
        json!(header.map(|header| Block::<()>::empty(header.clone())))
    }

    fn logs(&self, filter: &Value) -> Value {
        let bound = |name: &str| quantity(filter[name].as_str().unwrap());
        let range = bound("fromBlock")..=bound("toBlock");
        let anchored = self.want().into_iter().filter(|one| range.contains(&one.block));
        json!(anchored.map(|one| self.log(&one)).collect::<Vec<_>>())
    }

    fn answer(&self, request: &Value) -> Value {
        let result = match request["method"].as_str().unwrap() {
            "eth_getBlockByNumber" => self.block(&request["params"][0]),
            "eth_getLogs" => self.logs(&request["params"][0]),
            other => panic!("{other} is not asked of mainnet"),
        };
        json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })
    }
}

fn quantity(text: &str) -> u64 {
    U256::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap().to()
}

/// A mainnet, a node of it, a reader, and what the reader has told.
struct World {
    mainnet: Arc<Mutex<Mainnet>>,
    node: FakeNode,
    reader: AnchorReader,
    told: Vec<Anchored>,
    head: Option<BlockRef>,
}

impl World {
    /// Mainnet up to block `latest`, nothing read.
    async fn start(latest: u64) -> Self {
        let mut mainnet = Mainnet::default();
        mainnet.mine_many(latest + 1);
        let mainnet = Arc::new(Mutex::new(mainnet));
        let shown = Arc::clone(&mainnet);
        let node = FakeNode::answering(move |request| {
            let mainnet = shown.lock().unwrap();
            if mainnet.is_away {
                return Answer::Status(500);
            }
            let answer = match request {
                Value::Array(all) => {
                    json!(all.iter().map(|one| mainnet.answer(one)).collect::<Vec<_>>())
                }
                one => mainnet.answer(one),
            };
            Answer::Body(answer.to_string().into())
        })
        .await;
        let reader = reader(&node);
        Self { mainnet, node, reader, told: Vec::new(), head: None }
    }

    fn mainnet<T>(&self, change: impl FnOnce(&mut Mainnet) -> T) -> T {
        change(&mut self.mainnet.lock().unwrap())
    }

    /// One look. Keeps what was told as a store does.
    async fn look(&mut self) -> Option<AnchorNews> {
        let news = self.reader.read().await.unwrap()?;
        if let Some(first) = news.unanchored_from {
            self.told.retain(|one| one.block < first);
        }
        self.told.extend(&news.anchored);
        self.head = Some(news.head);
        Some(news)
    }

    /// Looks until there is nothing new. Answers from where blocks were taken back.
    async fn catch_up(&mut self) -> Option<u64> {
        let mut taken_back = None;
        while let Some(news) = self.look().await {
            taken_back = taken_back.or(news.unanchored_from);
        }
        assert_eq!(self.told, self.mainnet(|mainnet| mainnet.want()));
        taken_back
    }

    /// Another process goes on.
    fn restart(&mut self) {
        self.reader = reader(&self.node);
        if let Some(head) = self.head {
            self.reader = self.reader.clone().resume(head);
        }
    }
}

fn reader(node: &FakeNode) -> AnchorReader {
    let limits = Limits { timeout: Duration::from_secs(5), retries: 0, ..Limits::default() };
    AnchorReader {
        client: Client::new(&node.url(), limits).unwrap(),
        anchor: ANCHOR,
        first: FIRST,
        span: Span::new(),
        trail: VecDeque::new(),
    }
}

#[tokio::test]
async fn anchorings_are_told_once_with_block_and_transaction() {
    let mut world = World::start(1).await;
    assert_eq!(world.look().await, None, "the anchor is not there yet");
    world.mainnet(|mainnet| {
        mainnet.mine_many(8);
        mainnet.mine(Some(40));
        mainnet.mine(Some(44));
        mainnet.finalized = 5;
    });
    let news = world.look().await.unwrap();
    let want = world.mainnet(|mainnet| [mainnet.anchoring(10, 40), mainnet.anchoring(11, 44)]);
    assert_eq!(news.anchored, want);
    assert_eq!((news.head.number, news.latest.number, news.finalized), (11, 11, 5));
    assert_eq!((news.latest.time, news.unanchored_from), (132, None));
    assert_eq!(world.look().await, None);
    world.mainnet(|mainnet| mainnet.mine(Some(48)));
    let news = world.look().await.unwrap();
    assert_eq!(news.anchored, world.mainnet(|mainnet| [mainnet.anchoring(12, 48)]));
    assert_eq!(world.catch_up().await, None);
}

#[tokio::test]
async fn an_old_history_costs_a_query_for_many_blocks() {
    let mut world = World::start(5_000).await;
    world.mainnet(|mainnet| {
        mainnet.mine(Some(1));
        mainnet.mine_many(5_000);
        mainnet.finalized = 9_990;
    });
    assert_eq!(world.catch_up().await, None);
    let blocks: usize =
        world.node.asked().iter().map(|one| one.as_array().map_or(1, Vec::len)).sum();
    assert!(blocks < 21 * 5 + 512, "{blocks} blocks and queries asked for");
    assert!(world.reader.trail.len() < 20, "only what may go away is remembered");
}

#[tokio::test]
async fn what_is_taken_back_is_void_and_what_replaces_it_is_told() {
    let mut world = World::start(20).await;
    world.mainnet(|mainnet| (1..=6).for_each(|block| mainnet.mine(Some(4 * block))));
    assert_eq!(world.catch_up().await, None);
    // The same anchoring in another block, one that is gone, a new one.
    world.mainnet(|mainnet| {
        mainnet.take_back(24);
        mainnet.mine(None);
        mainnet.mine(Some(16));
        mainnet.mine(Some(28));
        mainnet.mine_many(4);
    });
    let news = world.look().await.unwrap();
    assert_eq!(news.unanchored_from, Some(24));
    assert_eq!(news.anchored.iter().map(|one| one.block).collect::<Vec<_>>(), [25, 26]);
    assert_eq!(world.catch_up().await, None);
}

#[tokio::test]
async fn a_chain_that_got_shorter_or_lower_is_noticed() {
    let mut world = World::start(20).await;
    world.mainnet(|mainnet| (1..=6).for_each(|block| mainnet.mine(Some(4 * block))));
    assert_eq!(world.catch_up().await, None);
    world.mainnet(|mainnet| {
        mainnet.take_back(22);
        mainnet.mine(None);
    });
    assert_eq!(world.catch_up().await, Some(22), "of 26 blocks 22 are left, the last is another");
    world.mainnet(|mainnet| mainnet.mine(Some(99)));
    assert_eq!(world.catch_up().await, None);
}

/// A node that is behind another one shows less, but nothing else.
#[tokio::test]
async fn a_node_that_is_behind_takes_nothing_back() {
    let mut world = World::start(20).await;
    world.mainnet(|mainnet| (1..=6).for_each(|block| mainnet.mine(Some(4 * block))));
    assert_eq!(world.catch_up().await, None);
    let told = world.told.clone();
    let (headers, anchored) = world.mainnet(|mainnet| {
        let all = (mainnet.headers.clone(), mainnet.anchored.clone());
        mainnet.headers.truncate(23);
        mainnet.anchored.retain(|number, _| *number < 23);
        all
    });
    assert_eq!(world.look().await, None);
    world.restart();
    assert_eq!(world.look().await, None, "nor after a restart");
    assert_eq!(world.told, told);
    world.mainnet(|mainnet| (mainnet.headers, mainnet.anchored) = (headers, anchored));
    world.mainnet(|mainnet| mainnet.mine(Some(100)));
    assert_eq!(world.catch_up().await, None);
}

#[tokio::test]
async fn what_changed_while_nobody_looked_is_read_again() {
    let mut world = World::start(2_000).await;
    world.mainnet(|mainnet| {
        mainnet.finalized = 1_990;
        (1..=6).for_each(|block| mainnet.mine(Some(4 * block)));
    });
    assert_eq!(world.catch_up().await, None);
    world.restart();
    assert_eq!(world.catch_up().await, None, "nothing changed");
    world.restart();
    world.mainnet(|mainnet| {
        mainnet.take_back(2_003);
        mainnet.mine_many(300);
        mainnet.mine(Some(100));
        mainnet.finalized = 2_200;
    });
    // Which of the blocks before is still there nobody knows any more.
    assert_eq!(world.catch_up().await, Some(2_006 - REREAD));
}

#[tokio::test]
async fn a_log_of_a_block_that_the_chain_does_not_have_is_refused() {
    for finalized in [0, 30] {
        let mut world = World::start(20).await;
        world.mainnet(|mainnet| {
            mainnet.mine(Some(4));
            mainnet.mine_many(12);
            mainnet.finalized = finalized;
            mainnet.lie = Some(B256::repeat_byte(1));
        });
        let refused = world.reader.read().await.unwrap_err();
        assert!(matches!(refused, ChainError::Answer(AnswerError::Log { number: 21, .. })));
        world.mainnet(|mainnet| mainnet.lie = None);
        assert_eq!(world.catch_up().await, None, "nothing is lost by it");
    }
}

#[tokio::test]
async fn a_mainnet_that_is_away_loses_nothing() {
    let mut world = World::start(20).await;
    world.mainnet(|mainnet| mainnet.mine(Some(4)));
    world.mainnet(|mainnet| mainnet.is_away = true);
    let error = world.reader.read().await.unwrap_err();
    assert_eq!(error.class(), crate::Class::Retry);
    world.mainnet(|mainnet| mainnet.is_away = false);
    assert_eq!(world.catch_up().await, None);
    world.mainnet(|mainnet| {
        mainnet.take_back(21);
        mainnet.mine_many(3);
        mainnet.is_away = true;
    });
    world.reader.read().await.unwrap_err();
    world.mainnet(|mainnet| mainnet.is_away = false);
    assert_eq!(world.catch_up().await, Some(21));
}

/// A generator for tests: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Whatever mainnet does, and whenever one looks: what was told is what stands on it.
#[tokio::test]
async fn after_any_history_what_was_told_is_what_stands_on_mainnet() {
    for seed in 0..12 {
        let (mut dice, mut world) = (Dice(seed), World::start(8).await);
        for step in 0..40 {
            let sidechain_block = 4 * step;
            match dice.below(6) {
                0 => world.mainnet(|mainnet| mainnet.mine_many(dice.below(600))),
                1 | 2 => world.mainnet(|mainnet| mainnet.mine(Some(sidechain_block))),
                3 => world.mainnet(|mainnet| {
                    let open = mainnet.latest() - mainnet.finalized;
                    mainnet.finalized += dice.below(open + 1);
                }),
                4 => world.mainnet(|mainnet| {
                    let open = mainnet.latest() - mainnet.finalized;
                    let depth = dice.below(open.min(300) + 1);
                    mainnet.take_back(mainnet.latest() + 1 - depth);
                    mainnet.mine_many(dice.below(2 * depth + 1) + 1);
                    mainnet.mine(Some(sidechain_block));
                }),
                _ => {
                    world.look().await;
                }
            }
            if dice.below(8) == 0 {
                world.restart();
            }
            // As everywhere, blocks become final in the end.
            world.mainnet(|mainnet| {
                mainnet.finalized = mainnet.finalized.max(mainnet.latest().saturating_sub(900));
            });
        }
        // A shorter chain may be a node that is behind: that shows when it grows.
        let head = world.head.map_or(0, |head| head.number);
        while world.mainnet(|mainnet| mainnet.latest()) <= head {
            world.mainnet(|mainnet| mainnet.mine(None));
        }
        world.catch_up().await;
    }
}
