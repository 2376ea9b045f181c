//! What the chains say, beside blocks.

use crate::core::state::Core;
use crate::core::work::After;
use crate::core::{ChainInput, MainnetView, NodeEvent};
use crate::store::NodeStoreError;
use crate::store::types::{Anchored, Change};
use fallow_chain::BlockRef;
use fallow_protocol::Certificate;

/// After so many blocks without an anchoring it is written how far mainnet was read.
const MAINNET_BLOCKS: u64 = 256;

impl Core {
    /// Takes in what the tasks that watch the chains tell.
    pub(crate) fn hear(&mut self, input: ChainInput) {
        if self.health.is_stopped() {
            return;
        }
        match input {
            ChainInput::Blocks(blocks) => self.take_blocks(blocks),
            ChainInput::Latest(latest) => self.latest(&latest),
            ChainInput::CaughtUp => self.caught_up(),
            ChainInput::Away(why) => self.health.set_away(Some(why)),
            ChainInput::Stopped(why) => self.health.stop(why),
            ChainInput::Certificates(certificates) => self.certified(certificates),
            ChainInput::Mainnet { head, unanchored_from, anchored, view } => {
                self.view.mainnet = Some(view);
                self.anchored(head, unanchored_from, anchored);
            }
        }
    }

    /// Messages can be judged by a ledger that has all that is final. Those that are promised are
    /// judged again at once: whoever waits for one of them is told if it can be recorded no more.
    fn caught_up(&mut self) {
        if self.blocks.is_empty() && self.work.is_empty() && self.ahead().is_some() {
            self.health.set_away(None);
        }
    }

    fn latest(&mut self, latest: &BlockRef) {
        self.view.latest = latest.number;
        self.pace.saw(latest);
    }

    fn certified(&mut self, certificates: Vec<(u64, Certificate)>) {
        let events = certificates.iter().map(|(block, _)| NodeEvent::Certified(*block)).collect();
        self.keep(Change { certificates, ..Change::default() }, After::Levels(events));
    }

    fn anchored(&mut self, head: BlockRef, unanchored_from: Option<u64>, anchored: Vec<Anchored>) {
        let is_news = unanchored_from.is_some() || !anchored.is_empty();
        let is_far = head.number >= self.mainnet_read.saturating_add(MAINNET_BLOCKS);
        if !(is_news || is_far) {
            return self.look_at_levels();
        }
        self.mainnet_read = head.number;
        let events = anchored.iter().copied().map(NodeEvent::Anchored).collect();
        let mainnet_head = Some(head);
        let change = Change { mainnet_head, unanchored_from, anchored, ..Change::default() };
        self.keep(change, After::Levels(events));
    }

    /// Counts how many records are at which level.
    pub(crate) fn look_at_levels(&mut self) {
        match self.levels() {
            Ok([certified, anchored, settled]) => {
                self.view.certified_size = certified;
                self.view.anchored_size = anchored;
                self.view.settled_size = settled;
            }
            Err(error) => self.store_failed(&error),
        }
    }

    fn levels(&self) -> Result<[u64; 3], NodeStoreError> {
        let certified = self.store.checkpoints(None, 1, true)?;
        let certified = certified.first().map_or(0, |newest| newest.checkpoint.size);
        let anchored = self.last_size(|_| true)?;
        let settled = match self.view.mainnet {
            Some(mainnet) => self.last_size(|one| self.is_settled(one, &mainnet))?,
            None => 0,
        };
        Ok([certified, anchored, settled])
    }

    fn is_settled(&self, anchored: &Anchored, mainnet: &MainnetView) -> bool {
        is_settled(anchored, mainnet, self.settings.challenge_period)
    }

    /// Records under the newest anchored checkpoint of which something holds that holds for all
    /// before it, too.
    fn last_size(&self, holds: impl Fn(&Anchored) -> bool) -> Result<u64, NodeStoreError> {
        // Records below `low` are under such a checkpoint, records from `high` on are not.
        let (mut low, mut high) = (0, self.view.size);
        while low < high {
            let middle = low.midpoint(high);
            match self.store.anchored_above(middle)?.filter(&holds) {
                Some(anchored) => low = anchored.size.min(self.view.size),
                None => high = middle,
            }
        }
        Ok(low)
    }
}

/// Whether the challenge period of an anchored checkpoint is over.
pub(crate) const fn is_settled(
    anchored: &Anchored,
    mainnet: &MainnetView,
    challenge_period: u64,
) -> bool {
    anchored.anchored_at.saturating_add(challenge_period) <= mainnet.time
}
