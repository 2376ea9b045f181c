//! What the tasks that watch the chains tell the core.

use crate::core::MainnetView;
use crate::store::types::Anchored;
use fallow_chain::{BlockEvents, BlockRef};
use fallow_protocol::Certificate;

/// News of the chains.
#[derive(Debug)]
pub enum ChainInput {
    /// Final blocks of the sidechain, following each other from the head on, fetched and checked.
    Blocks(Vec<BlockEvents>),
    /// The sidechain answered: its latest block. It is told at every look, also if nothing is new.
    Latest(BlockRef),
    /// There are no more final blocks at the moment. It is told at the end of every look.
    CaughtUp,
    /// The sidechain did not answer; said after every look that failed.
    Away(String),
    /// The sidechain contradicts what was final: the node stops.
    Stopped(String),
    /// Certificates of checkpoints, by sidechain block.
    Certificates(Vec<(u64, Certificate)>),
    /// Mainnet was read.
    Mainnet {
        /// Up to where anchorings were read.
        head: BlockRef,
        /// Anchorings of this mainnet block and above that were told before are void.
        unanchored_from: Option<u64>,
        /// New anchorings, oldest first.
        anchored: Vec<Anchored>,
        /// Where mainnet is.
        view: MainnetView,
    },
}
