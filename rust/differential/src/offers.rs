//! Announcements and withdrawals.

use crate::world::{Offer, Scene, Standing, World};
use alloy_primitives::{Address, B256, Bytes};
use fallow_ledger::Message;
use fallow_protocol::{Announcement, Withdrawal};

/// The first time that has no room in a resource word.
const END_LIMIT: u64 = 1 << 40;

/// What an announcement does wrong, each by the rule of `docs/protocol.md` section 4.1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TermsFault {
    Volume,
    Window,
    SlotSeconds,
    Multiple,
    End,
}

impl TermsFault {
    const ALL: [Self; 5] =
        [Self::Volume, Self::Window, Self::SlotSeconds, Self::Multiple, Self::End];
}

/// What an announcement on its own is.
#[derive(Clone, Copy, Debug)]
enum Announced {
    New,
    Again(Standing),
    Terms,
    Signature,
    Length,
    Replayed,
}

const ANNOUNCED: [(u64, Announced); 8] = [
    (48, Announced::New),
    (12, Announced::Again(Standing::Unknown)),
    (9, Announced::Again(Standing::Live)),
    (6, Announced::Again(Standing::Withdrawn)),
    (14, Announced::Terms),
    (5, Announced::Signature),
    (3, Announced::Length),
    (3, Announced::Replayed),
];

/// What a withdrawal is.
#[derive(Clone, Copy, Debug)]
enum Withdrawn {
    Of(Standing),
    OfNobodys,
    Mismatch,
    Signature,
    Length,
    Replayed,
}

const WITHDRAWN: [(u64, Withdrawn); 8] = [
    (16, Withdrawn::Of(Standing::Live)),
    (10, Withdrawn::Of(Standing::Unknown)),
    (16, Withdrawn::Of(Standing::Withdrawn)),
    (18, Withdrawn::OfNobodys),
    (14, Withdrawn::Mismatch),
    (14, Withdrawn::Signature),
    (8, Withdrawn::Length),
    (4, Withdrawn::Replayed),
];

impl World {
    /// An offer that nobody has seen and that breaks no rule.
    pub(crate) fn new_offer(&mut self, now: u64) -> Offer {
        let slots = self.dice.weighted(&[(50, 40), (30, 200), (20, 400)]);
        let slots = self.dice.between(1, slots);
        let slot_seconds = self.dice.one_of([7, 60, 300, 900, 3_600, 3_600, 86_400]);
        // From long running to not yet begun.
        let start_time = now - self.dice.below(slots * slot_seconds) + self.dice.below(7_200);
        let approver = if self.dice.percent(30) {
            self.dice.pick(&self.cast.approvers).map_or(Address::ZERO, |actor| actor.address)
        } else {
            Address::ZERO
        };
        let notices =
            [(40, 0), (20, 60), (20, 900), (12, 3_600), (5, 86_400), (3, u64::from(u32::MAX))];
        let announcement = Announcement {
            provider: self.provider(),
            approver,
            volume: self.dice.one_of([1, 3, 8, 16, 40, 100, 1_000, 10_000, u16::MAX]),
            start_time,
            end_time: start_time + slots * slot_seconds,
            slot_seconds: slot_seconds as u32,
            notice_seconds: self.dice.weighted(&notices) as u32,
            timestamp: self.dice.between(now - 100_000, now + 100_000),
            offer: B256::from(alloy_primitives::U256::from(self.dice.any())),
        };
        self.signed_offer(announcement)
    }

    pub(crate) fn signed_offer(&mut self, announcement: Announcement) -> Offer {
        let id = announcement.id(&self.domain);
        let signature = self.signature(announcement.provider, id.0, false);
        Offer { announcement, id, signature }
    }

    /// A new offer that breaks a rule about its terms, properly signed.
    pub(crate) fn faulty_offer(&mut self, now: u64) -> Offer {
        let mut offer = self.new_offer(now).announcement;
        match self.dice.one_of(TermsFault::ALL) {
            TermsFault::Volume => offer.volume = 0,
            TermsFault::Window if self.dice.percent(50) => offer.end_time = offer.start_time,
            TermsFault::Window => offer.end_time = self.dice.below(offer.start_time),
            TermsFault::SlotSeconds => offer.slot_seconds = 0,
            TermsFault::Multiple => {
                // A window of two slots but for some seconds.
                offer.slot_seconds = offer.slot_seconds.max(2);
                let slot = u64::from(offer.slot_seconds);
                offer.end_time = offer.start_time + 2 * slot - self.dice.between(1, slot - 1);
            }
            TermsFault::End => {
                offer.slot_seconds = self.dice.one_of([1, 60]);
                let slots = (END_LIMIT - offer.start_time).div_ceil(offer.slot_seconds.into());
                let slots = slots + self.dice.one_of([0, 1, 1 << 30]);
                offer.end_time = offer.start_time + slots * u64::from(offer.slot_seconds);
            }
        }
        self.signed_offer(offer)
    }

    /// An offer that ends at the last time there is room for: no rule is broken.
    pub(crate) fn latest_offer(&mut self, now: u64) -> Offer {
        let mut offer = self.new_offer(now).announcement;
        offer.slot_seconds = 1;
        offer.end_time = END_LIMIT - 1;
        self.signed_offer(offer)
    }

    fn provider(&mut self) -> Address {
        self.dice.pick(&self.cast.providers).map_or(Address::ZERO, |actor| actor.address)
    }

    /// An announcement on its own.
    pub(crate) fn announce(&mut self, scene: Scene<'_>) -> Message {
        let kind = self.dice.weighted(&ANNOUNCED);
        let offer = match kind {
            Announced::Replayed => {
                if let Some(message) =
                    self.replayed(|message| matches!(message, Message::Announce { .. }))
                {
                    return message;
                }
                self.new_offer(scene.now)
            }
            Announced::Again(standing) => {
                self.offer(scene, standing).unwrap_or_else(|| self.new_offer(scene.now))
            }
            Announced::Terms => self.faulty_offer(scene.now),
            Announced::New if self.dice.percent(4) => self.latest_offer(scene.now),
            Announced::New | Announced::Signature | Announced::Length => self.new_offer(scene.now),
        };
        self.keep_offer(offer);
        let Offer { announcement, id, signature } = offer;
        let signature = if matches!(kind, Announced::Signature) {
            self.signature(announcement.provider, id.0, true)
        } else {
            signature
        };
        let is_long = matches!(kind, Announced::Length);
        let signatures = self.lengthened(signature.0.to_vec(), is_long);
        Message::Announce { announcement, signatures }
    }

    /// A withdrawal.
    pub(crate) fn withdraw(&mut self, scene: Scene<'_>) -> Message {
        let kind = self.dice.weighted(&WITHDRAWN);
        let offer = match kind {
            Withdrawn::Replayed => {
                if let Some(message) =
                    self.replayed(|message| matches!(message, Message::Withdraw { .. }))
                {
                    return message;
                }
                None
            }
            Withdrawn::Of(standing) => self.offer(scene, standing),
            // Of an offer that could never be recorded, too.
            Withdrawn::OfNobodys if self.dice.percent(30) => Some(self.faulty_offer(scene.now)),
            Withdrawn::OfNobodys => None,
            Withdrawn::Mismatch | Withdrawn::Signature | Withdrawn::Length => {
                self.dice.pick(&self.offers).copied()
            }
        };
        let offer = offer.unwrap_or_else(|| self.new_offer(scene.now));
        if self.dice.percent(50) {
            self.keep_offer(offer);
        }
        self.withdrawal_of(scene, &offer, kind)
    }

    fn withdrawal_of(&mut self, scene: Scene<'_>, offer: &Offer, kind: Withdrawn) -> Message {
        let mut resource_id = offer.id;
        if matches!(kind, Withdrawn::Mismatch) {
            resource_id.0.0[self.dice.place(32)] ^= 1;
        }
        let times = [0, scene.now, u64::MAX, self.dice.any()];
        let withdrawal = Withdrawal { resource_id, timestamp: self.dice.one_of(times) };
        let is_flawed = matches!(kind, Withdrawn::Signature);
        let id = withdrawal.id(&self.domain);
        let signature = self.signature(offer.announcement.provider, id, is_flawed);
        let is_long = matches!(kind, Withdrawn::Length);
        let signatures = self.lengthened(signature.0.to_vec(), is_long);
        Message::Withdraw { withdrawal, announcement: offer.announcement, signatures }
    }

    /// A record of the further writer, or something that it may not append.
    pub(crate) fn append_open(&mut self) -> Message {
        let kind = self.dice.weighted(&[(80, 16), (5, 17), (5, 2), (5, 0), (5, 255)]);
        // 200 bytes make a record as long as an allocation's.
        let length = self.dice.one_of([0, 1, 31, 200, 511, 512, 513, 700]);
        let body: Bytes = vec![self.dice.any() as u8; length].into();
        Message::Append { kind, writer: self.writer, body }
    }
}
