//! What the schedule remembers, so that what it sends next is plausible.

use crate::cast::{Cast, spoil};
use crate::dice::Dice;
use crate::verdict;
use alloy_primitives::{Address, B256, Bytes};
use fallow_ledger::{Applied, Ledger, Message};
use fallow_log::{Tree, leaf_hash};
use fallow_protocol::{
    AllocationBody, Announcement, Body, Domain, Record, ResourceId, ResourceWord, Signature,
};
use std::collections::HashMap;

/// So few offers that their slots fill up.
const MAX_OFFERS: usize = 160;
const MAX_HOLDINGS: usize = 800;
const MAX_PAST: usize = 400;
const MAX_WITHHELD: usize = 60;
/// Requesters that a call is mostly about.
const FEW: usize = 4;
/// The lists forget among so many of their oldest entries.
const FORGOTTEN_AMONG: usize = 80;

/// A signed announcement, recorded or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) announcement: Announcement,
    pub(crate) id: ResourceId,
    pub(crate) signature: Signature,
}

/// An allocation that was recorded, released or not.
#[derive(Clone, Debug)]
pub(crate) struct Holding {
    pub(crate) index: u64,
    pub(crate) body: AllocationBody,
    pub(crate) record: Bytes,
}

/// The moment for which something is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) ledger: &'a Ledger,
    /// The block's time.
    pub(crate) now: u64,
}

/// What an offer is to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Recorded, open, with slots that are not over.
    Live,
    /// Recorded and over.
    Ended,
    /// Withdrawn, whether it was ever recorded or not.
    Withdrawn,
    /// Not recorded.
    Unknown,
}

impl Scene<'_> {
    pub(crate) fn standing(&self, offer: &Offer) -> Standing {
        match self.ledger.resource(offer.id) {
            None => Standing::Unknown,
            Some(word) if word.withdrawn => Standing::Withdrawn,
            Some(word) if word.end_time <= self.now => Standing::Ended,
            Some(_) => Standing::Live,
        }
    }

    pub(crate) fn recorded(&self, id: ResourceId) -> Option<ResourceWord> {
        self.ledger.resource(id).filter(|word| word.index != 0)
    }
}

/// What one call is mostly about, so that its items meet: in the same words of storage, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Focus {
    pub(crate) offer: Offer,
    /// Place of the first of the few requesters.
    pub(crate) requesters: usize,
}

/// Everybody's keys and what became of earlier messages.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) cast: Cast,
    pub(crate) domain: Domain,
    /// The further writer.
    pub(crate) writer: Address,
    pub(crate) offers: Vec<Offer>,
    pub(crate) holdings: Vec<Holding>,
    past: Vec<Message>,
    withheld: Vec<Message>,
    pub(crate) tree: Tree,
    /// Highest sequence that each requester has used in the call that is being drawn.
    pub(crate) pending: HashMap<Address, u64>,
    pub(crate) focus: Option<Focus>,
}

impl World {
    pub(crate) fn new(seed: u64, domain: Domain, writer: Address, genesis: &Record) -> Self {
        let mut world = Self {
            dice: Dice::new(seed),
            cast: Cast::new(),
            domain,
            writer,
            offers: Vec::new(),
            holdings: Vec::new(),
            past: Vec::new(),
            withheld: Vec::new(),
            tree: Tree::new(),
            pending: HashMap::new(),
            focus: None,
        };
        world.append(genesis);
        world
    }

    /// Takes notice of what became of a message.
    pub(crate) fn observe(&mut self, message: &Message, result: &verdict::Result) {
        self.remember(message);
        if let Ok(applied) = result {
            self.learn(applied);
        }
    }

    fn learn(&mut self, applied: &Applied) {
        if let Some(announced) = &applied.announced {
            self.append(announced);
        }
        let bytes = self.append(&applied.record);
        if let Body::Allocation(body) = &applied.record.body {
            let holding =
                Holding { index: applied.record.index, body: body.clone(), record: bytes.into() };
            keep(&mut self.dice, &mut self.holdings, holding, MAX_HOLDINGS);
        }
    }

    fn append(&mut self, record: &Record) -> Vec<u8> {
        let bytes = record.encode();
        let index = self.tree.push(leaf_hash(&bytes)).expect("no log is that long");
        assert_eq!(index, record.index, "records follow each other");
        bytes
    }

    /// Keeps a message, to send it again.
    fn remember(&mut self, message: &Message) {
        if self.dice.percent(25) {
            keep(&mut self.dice, &mut self.past, message.clone(), MAX_PAST);
        }
    }

    /// A message that was sent before and is `wanted`.
    pub(crate) fn replayed(&mut self, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        let place = self.dice.place(self.past.len());
        let (before, after) = self.past.split_at(place);
        after.iter().chain(before).find(|message| wanted(message)).cloned()
    }

    /// Keeps a message instead of sending it, to send it when others have overtaken it.
    pub(crate) fn withhold(&mut self, message: Message) {
        keep(&mut self.dice, &mut self.withheld, message, MAX_WITHHELD);
    }

    /// A message that was withheld and is `wanted`.
    pub(crate) fn overdue(&mut self, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        let place = self.withheld.iter().position(wanted)?;
        Some(self.withheld.swap_remove(place))
    }

    pub(crate) fn keep_offer(&mut self, offer: Offer) {
        keep(&mut self.dice, &mut self.offers, offer, MAX_OFFERS);
    }

    /// An offer of this standing, if one turns up soon.
    pub(crate) fn offer(&mut self, scene: Scene<'_>, wanted: Standing) -> Option<Offer> {
        (0..24).find_map(|_| {
            let offer = self.dice.pick(&self.offers).copied()?;
            (scene.standing(&offer) == wanted).then_some(offer)
        })
    }

    /// Begins a call, of which one half is about few things.
    pub(crate) fn begin_call(&mut self, scene: Scene<'_>) {
        self.pending.clear();
        self.focus = None;
        if self.dice.percent(50) {
            let offer = self.offer(scene, Standing::Live);
            let requesters = self.dice.place(self.cast.requesters.len());
            self.focus = offer.map(|offer| Focus { offer, requesters });
        }
    }

    /// Anybody, or one of the few that the call is about.
    pub(crate) fn requester(&mut self) -> Address {
        let all = self.cast.requesters.len();
        let place = match self.focus {
            Some(focus) if self.dice.percent(60) => focus.requesters + self.dice.place(FEW),
            _ => self.dice.place(all),
        };
        self.cast.requesters[place % all].address
    }

    /// The signature of an address; of somebody else, or of nobody, if it is to be `flawed`.
    pub(crate) fn signature(&mut self, signer: Address, digest: B256, flawed: bool) -> Signature {
        if flawed && self.dice.percent(40) {
            return self.cast.forger.sign(digest);
        }
        let signature = self.cast.of(signer).sign(digest);
        if flawed { spoil(&mut self.dice, &signature) } else { signature }
    }

    /// The bytes, or too few or too many.
    pub(crate) fn lengthened(&mut self, bytes: Vec<u8>, flawed: bool) -> Bytes {
        let mut bytes = bytes;
        if flawed {
            let length = self.dice.one_of([0, 1, 63, 65, 96, 127, 129, 191, 193, 256]);
            bytes.resize(length, 0x5a);
        }
        bytes.into()
    }
}

/// Adds to a list that forgets old entries.
fn keep<T>(dice: &mut Dice, list: &mut Vec<T>, entry: T, limit: usize) {
    if list.len() >= limit {
        list.remove(dice.place(FORGOTTEN_AMONG.min(limit)));
    }
    list.push(entry);
}
