//! Requests, alone or with the announcement that they bring.

use crate::world::{Offer, Scene, Standing, World};
use alloy_primitives::Address;
use fallow_ledger::Message;
use fallow_protocol::{Announcement, MAX_WORDS, Request, ResourceId, SEQUENCE_WINDOW};

/// Seconds that a request may be away from the block's time (`docs/protocol.md` section 4.2).
pub(crate) const MAX_DRIFT: u64 = 300;
/// Slots that fit 16 words wherever they begin.
const MOST_SLOTS: u64 = (MAX_WORDS - 1) * 12;

/// What a request does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimFault {
    None,
    Signature,
    Length,
    /// More or fewer signatures than the resource needs.
    Count,
    /// The approver's signature is somebody else's, nobody's, or of another request.
    Approval,
    Resource,
    SequenceFar,
    SequenceUsed,
    Volume,
    Window,
    Outside,
    Grid,
    Words,
    Ended,
    Drift,
    Capacity,
    /// Any numbers at all.
    Wild,
}

const CLAIM_FAULTS: [(u64, ClaimFault); 17] = [
    (280, ClaimFault::None),
    (6, ClaimFault::Signature),
    (3, ClaimFault::Length),
    (6, ClaimFault::Count),
    (12, ClaimFault::Approval),
    (3, ClaimFault::Resource),
    (6, ClaimFault::SequenceFar),
    (6, ClaimFault::SequenceUsed),
    (4, ClaimFault::Volume),
    (4, ClaimFault::Window),
    (6, ClaimFault::Outside),
    (6, ClaimFault::Grid),
    (14, ClaimFault::Words),
    (6, ClaimFault::Ended),
    (5, ClaimFault::Drift),
    (5, ClaimFault::Capacity),
    (4, ClaimFault::Wild),
];

/// What is wrong with what a request brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brought {
    Fresh,
    Standing(Standing),
    Terms,
    Signature,
    Mismatch,
    Length,
    Replayed,
}

const BROUGHT: [(u64, Brought); 10] = [
    (34, Brought::Fresh),
    (12, Brought::Standing(Standing::Unknown)),
    (16, Brought::Standing(Standing::Live)),
    (4, Brought::Standing(Standing::Ended)),
    (8, Brought::Standing(Standing::Withdrawn)),
    (8, Brought::Terms),
    (8, Brought::Signature),
    (6, Brought::Mismatch),
    (3, Brought::Length),
    (3, Brought::Replayed),
];

impl World {
    pub(crate) fn claim_fault(&mut self) -> ClaimFault {
        self.dice.weighted(&CLAIM_FAULTS)
    }

    /// A request on its own.
    pub(crate) fn request(&mut self, scene: Scene<'_>) -> Message {
        let is_request = |message: &Message| matches!(message, Message::Request { .. });
        match self.dice.below(100) {
            0..4 => {
                if let Some(message) = self.replayed(is_request) {
                    return message;
                }
            }
            4..7 => {
                if let Some(message) = self.overdue(is_request) {
                    return message;
                }
            }
            7..10 => {
                let message = self.new_request(scene);
                self.withhold(message);
            }
            _ => {}
        }
        self.new_request(scene)
    }

    fn new_request(&mut self, scene: Scene<'_>) -> Message {
        let fault = self.claim_fault();
        let offer = if fault == ClaimFault::Words {
            self.long_offer(scene)
        } else {
            self.asked_offer(scene)
        };
        let request = self.claim(scene, &offer, fault);
        self.signed_request(scene, request, &offer.announcement, fault)
    }

    /// Mostly one that is open, often the one that the call is about.
    pub(crate) fn asked_offer(&mut self, scene: Scene<'_>) -> Offer {
        if let Some(focus) = self.focus
            && self.dice.percent(50)
        {
            return focus.offer;
        }
        let standings = [
            (93, Standing::Live),
            (2, Standing::Ended),
            (3, Standing::Withdrawn),
            (2, Standing::Unknown),
        ];
        let standing = self.dice.weighted(&standings);
        let offer = self.offer(scene, standing);
        offer.unwrap_or_else(|| {
            let offer = self.new_offer(scene.now);
            self.keep_offer(offer);
            offer
        })
    }

    /// One that is open for more slots than fit 16 words, if there is any.
    fn long_offer(&mut self, scene: Scene<'_>) -> Offer {
        let is_long = |offer: &Offer| {
            let slot = u64::from(offer.announcement.slot_seconds);
            let left = offer.announcement.end_time.saturating_sub(scene.now);
            left > (MAX_WORDS + 1) * 12 * slot
        };
        let mut offers = (0..16).map(|_| self.asked_offer(scene));
        let long = offers.find(is_long);
        long.unwrap_or_else(|| self.asked_offer(scene))
    }

    /// Signs a request as far as the fault lets it.
    pub(crate) fn signed_request(
        &mut self,
        scene: Scene<'_>,
        request: Request,
        announcement: &Announcement,
        fault: ClaimFault,
    ) -> Message {
        let signatures = self.claim_signatures(scene, &request, announcement, fault);
        let signatures = self.lengthened(signatures, fault == ClaimFault::Length);
        Message::Request { request, signatures }
    }

    /// The requester's signature and the approver's if there is one, or not quite.
    pub(crate) fn claim_signatures(
        &mut self,
        scene: Scene<'_>,
        request: &Request,
        announcement: &Announcement,
        fault: ClaimFault,
    ) -> Vec<u8> {
        let id = request.id(&self.domain).0;
        let is_flawed = fault == ClaimFault::Signature;
        let mut signatures = self.signature(request.requester, id, is_flawed).0.to_vec();
        let mut approver = announcement.approver;
        if fault == ClaimFault::Count {
            let surplus = self.cast.approvers[0].address;
            approver = if approver.is_zero() { surplus } else { Address::ZERO };
        }
        if approver.is_zero() {
            return signatures;
        }
        // An approval of another request is no approval of this one.
        let is_reused = fault == ClaimFault::Approval && self.dice.percent(40);
        let approved = if is_reused {
            Request { timestamp: scene.now ^ 1, sequence: self.dice.any(), ..*request }
                .id(&self.domain)
                .0
        } else {
            id
        };
        let is_flawed = fault == ClaimFault::Approval && !is_reused;
        signatures.extend(self.signature(approver, approved, is_flawed).0);
        signatures
    }

    /// A request for slots of an offer, with everything wrong that the fault names but signatures.
    pub(crate) fn claim(&mut self, scene: Scene<'_>, offer: &Offer, fault: ClaimFault) -> Request {
        let requester = self.requester();
        let (start_time, end_time) = self.window(scene, &offer.announcement);
        let largest = u64::from(offer.announcement.volume).clamp(1, 8);
        let largest = self.dice.between(1, largest);
        let mut request = Request {
            resource_id: offer.id,
            requester,
            volume: self.dice.between(1, largest) as u16,
            start_time,
            end_time,
            timestamp: self.timestamp(scene.now),
            sequence: self.sequence(scene, requester),
        };
        self.spoil_claim(scene, &offer.announcement, fault, &mut request);
        request
    }

    /// Whole slots that are not over, if there are any left.
    pub(crate) fn window(&mut self, scene: Scene<'_>, offer: &Announcement) -> (u64, u64) {
        let slot = u64::from(offer.slot_seconds).max(1);
        let slots = (offer.end_time.saturating_sub(offer.start_time) / slot).max(1);
        let first = scene.now.saturating_sub(offer.start_time) / slot;
        // Anywhere, now and then: numbers of slots and words are large in the longest windows.
        let ahead = self.dice.weighted(&[(70, 6), (24, 40), (3, 400), (3, slots)]);
        let first = (first + self.dice.below(ahead)).min(slots - 1);
        let length = self.dice.weighted(&[(60, 3), (25, 14), (10, 50), (5, MOST_SLOTS)]);
        let length = self.dice.between(1, length).min(slots - first);
        let start = offer.start_time + first * slot;
        (start, start + length * slot)
    }

    /// A time of signing that is taken, often at the edge.
    pub(crate) fn timestamp(&mut self, now: u64) -> u64 {
        match self.dice.below(10) {
            0 => now - MAX_DRIFT,
            1 => now + MAX_DRIFT,
            _ => self.dice.between(now - MAX_DRIFT, now + MAX_DRIFT),
        }
    }

    /// One that is not taken, often just so.
    pub(crate) fn late_timestamp(&mut self, now: u64) -> u64 {
        match self.dice.below(6) {
            0 => self.dice.any(),
            1 => now - MAX_DRIFT - self.dice.between(1, 100_000),
            2 | 3 => now - MAX_DRIFT - 1,
            _ => now + MAX_DRIFT + 1,
        }
    }

    /// A sequence that is new as far as can be seen.
    pub(crate) fn sequence(&mut self, scene: Scene<'_>, requester: Address) -> u64 {
        let word = scene.ledger.requester(requester);
        let top = self.pending.get(&requester).map_or(word.highest, |top| word.highest.max(*top));
        let sequence = match self.dice.below(100) {
            0..3 => word.highest + SEQUENCE_WINDOW,
            3..9 => top + self.dice.between(2, 30),
            9..22 => {
                // A place in the window that is still free.
                let behind = self.dice.between(1, SEQUENCE_WINDOW);
                let is_free = word.bitmap >> (behind - 1) & 1 == 0;
                if is_free && behind < word.highest { word.highest - behind } else { top + 1 }
            }
            22..24 => word.highest.saturating_sub(SEQUENCE_WINDOW).max(1),
            _ => top + 1,
        };
        self.pending.insert(requester, top.max(sequence));
        sequence
    }

    fn far_sequence(&mut self, highest: u64) -> u64 {
        match self.dice.below(8) {
            0 => 0,
            1 => u64::MAX,
            2..5 => highest.saturating_sub(SEQUENCE_WINDOW + 1),
            5 => highest + SEQUENCE_WINDOW + self.dice.between(2, 1_000_000),
            _ => highest + SEQUENCE_WINDOW + 1,
        }
    }

    fn used_sequence(&mut self, scene: Scene<'_>, requester: Address) -> u64 {
        let word = scene.ledger.requester(requester);
        if self.dice.percent(30) {
            return word.highest;
        }
        // The oldest or the youngest that is marked.
        let behind = if self.dice.percent(50) {
            u64::from(word.bitmap.trailing_zeros()) + 1
        } else {
            u64::from(128 - word.bitmap.leading_zeros())
        };
        word.highest.saturating_sub(behind)
    }

    fn spoil_claim(
        &mut self,
        scene: Scene<'_>,
        offer: &Announcement,
        fault: ClaimFault,
        request: &mut Request,
    ) {
        let slot = u64::from(offer.slot_seconds).max(1);
        match fault {
            ClaimFault::Resource => request.resource_id = ResourceId::from(self.random_word()),
            ClaimFault::SequenceFar => {
                let highest = scene.ledger.requester(request.requester).highest;
                request.sequence = self.far_sequence(highest);
            }
            ClaimFault::SequenceUsed => {
                request.sequence = self.used_sequence(scene, request.requester);
            }
            ClaimFault::Volume => request.volume = 0,
            ClaimFault::Window if self.dice.percent(50) => request.end_time = request.start_time,
            ClaimFault::Window => request.end_time = self.dice.below(request.start_time),
            ClaimFault::Outside => self.move_outside(offer, request),
            ClaimFault::Grid => {
                let off = self.dice.between(1, slot);
                match self.dice.below(3) {
                    0 => request.start_time += off,
                    1 => request.end_time -= off,
                    _ => {
                        request.start_time += 1;
                        request.end_time += 1;
                    }
                }
            }
            ClaimFault::Words => {
                // 16 words and one slot, or as many as there are.
                let first = (request.start_time.saturating_sub(offer.start_time)) / slot;
                let past =
                    (first / 12 + MAX_WORDS) * 12 + self.dice.one_of([0, 0, 0, 1, 1, 12, 300]);
                request.volume = 1;
                request.end_time = (offer.start_time + past * slot).min(offer.end_time);
            }
            ClaimFault::Ended => {
                let over = scene.now.saturating_sub(offer.start_time) / slot;
                let first = over.saturating_sub(self.dice.between(1, 3));
                request.start_time = offer.start_time + first * slot;
            }
            ClaimFault::Drift => request.timestamp = self.late_timestamp(scene.now),
            ClaimFault::Capacity => {
                let over = [offer.volume.saturating_add(1), offer.volume, u16::MAX];
                request.volume = self.dice.one_of(over);
            }
            ClaimFault::Wild => self.run_wild(request),
            ClaimFault::None
            | ClaimFault::Signature
            | ClaimFault::Length
            | ClaimFault::Count
            | ClaimFault::Approval => {}
        }
    }

    fn move_outside(&mut self, offer: &Announcement, request: &mut Request) {
        let slot = u64::from(offer.slot_seconds).max(1);
        match self.dice.below(3) {
            0 => request.start_time = offer.start_time - slot * self.dice.between(1, 3),
            1 => request.start_time = offer.start_time - 1,
            _ => request.end_time = offer.end_time + self.dice.one_of([1, slot, 3 * slot]),
        }
    }

    fn run_wild(&mut self, request: &mut Request) {
        let mut number = || match self.dice.below(4) {
            0 => u64::MAX,
            1 => 0,
            2 => 1 << 40,
            _ => self.dice.any(),
        };
        request.start_time = number();
        request.end_time = number();
        request.volume = number() as u16;
        if number() & 1 == 0 {
            request.timestamp = number();
            request.sequence = number();
        }
    }

    pub(crate) fn random_word(&mut self) -> [u8; 32] {
        let mut word = [0; 32];
        for part in word.chunks_exact_mut(8) {
            part.copy_from_slice(&self.dice.any().to_be_bytes());
        }
        word
    }

    /// A request that brings its announcement.
    pub(crate) fn announce_and_request(&mut self, scene: Scene<'_>) -> Message {
        let kind = self.dice.weighted(&BROUGHT);
        if kind == Brought::Replayed {
            let is_same = |message: &Message| matches!(message, Message::AnnounceAndRequest { .. });
            if let Some(message) = self.replayed(is_same) {
                return message;
            }
        }
        let offer = self.brought_offer(scene, kind);
        let fault = self.claim_fault();
        // What becomes of the request's id is the fault of the kind alone.
        let fault = if fault == ClaimFault::Resource { ClaimFault::None } else { fault };
        let request = self.claim(scene, &offer, fault);
        let signatures = self.claim_signatures(scene, &request, &offer.announcement, fault);
        let signatures = [offer.signature.0.to_vec(), signatures].concat();
        let is_long = kind == Brought::Length || fault == ClaimFault::Length;
        let signatures = self.lengthened(signatures, is_long);
        let mut announcement = offer.announcement;
        if kind == Brought::Mismatch {
            announcement.timestamp ^= 1;
        }
        Message::AnnounceAndRequest { announcement, request, signatures }
    }

    fn brought_offer(&mut self, scene: Scene<'_>, kind: Brought) -> Offer {
        let offer = match kind {
            Brought::Standing(standing) => self.offer(scene, standing),
            Brought::Terms => Some(self.faulty_offer(scene.now)),
            Brought::Mismatch | Brought::Length => self.offer(scene, Standing::Live),
            Brought::Fresh | Brought::Signature | Brought::Replayed => None,
        };
        let mut offer = offer.unwrap_or_else(|| self.new_offer(scene.now));
        self.keep_offer(offer);
        if kind == Brought::Signature {
            let provider = offer.announcement.provider;
            offer.signature = self.signature(provider, offer.id.0, true);
        }
        offer
    }
}
