//! Releases, with paths that lead where they should, lean on each other, or went stale.

use crate::notable::peak_height;
use crate::world::{Holding, Scene, World};
use alloy_primitives::{B256, Bytes};
use fallow_ledger::Message;
use fallow_protocol::{AllocationBody, Body, Record, Release, ResourceWord};

/// What a release does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReleaseFault {
    None,
    Signature,
    /// Another requester signs for itself.
    Stranger,
    Length,
    RecordLength,
    RecordKind,
    /// The record says more than was recorded, and the release is signed for what it says.
    RecordForged,
    Request,
    /// A path from when the log was smaller.
    PathStale,
    PathNode,
    PathLength,
    Outside,
    Grid,
    Notice,
    Drift,
    /// Of an allocation that was released.
    Again,
    /// Any numbers at all.
    Wild,
}

const RELEASE_FAULTS: [(u64, ReleaseFault); 17] = [
    (130, ReleaseFault::None),
    (4, ReleaseFault::Signature),
    (6, ReleaseFault::Stranger),
    (4, ReleaseFault::Length),
    (8, ReleaseFault::RecordLength),
    (7, ReleaseFault::RecordKind),
    (6, ReleaseFault::RecordForged),
    (7, ReleaseFault::Request),
    (7, ReleaseFault::PathStale),
    (6, ReleaseFault::PathNode),
    (5, ReleaseFault::PathLength),
    (9, ReleaseFault::Outside),
    (7, ReleaseFault::Grid),
    (7, ReleaseFault::Notice),
    (8, ReleaseFault::Drift),
    (8, ReleaseFault::Again),
    (4, ReleaseFault::Wild),
];

/// Paths of one batch: what the next one can lean on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leaning {
    /// Index of the record that was proven last.
    before: Option<u64>,
    /// Place of its holding, so that the next is near.
    place: Option<usize>,
}

impl World {
    /// A release on its own.
    pub(crate) fn release(&mut self, scene: Scene<'_>) -> Option<Message> {
        let is_release = |message: &Message| matches!(message, Message::Release { .. });
        if self.dice.percent(4)
            && let Some(message) = self.replayed(is_release)
        {
            return Some(message);
        }
        self.release_in(scene, None)
    }

    /// Releases of one batch, of allocations that mostly stand side by side.
    pub(crate) fn releases(&mut self, scene: Scene<'_>, count: u64) -> Vec<Message> {
        let mut leaning = Leaning::default();
        (0..count).filter_map(|_| self.release_in(scene, Some(&mut leaning))).collect()
    }

    fn release_in(
        &mut self,
        scene: Scene<'_>,
        mut leaning: Option<&mut Leaning>,
    ) -> Option<Message> {
        let fault = self.dice.weighted(&RELEASE_FAULTS);
        let holding = self.holding(scene, fault, leaning.as_deref_mut())?;
        let resource = scene.recorded(holding.body.resource_id)?;
        let (record, body) = self.record(&holding, fault);
        let mut release = Release {
            request_id: body.request_id(&self.domain),
            from_time: self.freed_from(scene, &holding.body, &resource, fault),
            timestamp: self.timestamp(scene.now),
        };
        match fault {
            ReleaseFault::Request => release.request_id.0.0[self.dice.place(32)] ^= 1,
            ReleaseFault::Drift => release.timestamp = self.late_timestamp(scene.now),
            ReleaseFault::Wild => {
                release.from_time = self.dice.any();
                release.timestamp = self.dice.any();
            }
            _ => {}
        }
        let path = self.path(scene, &holding, fault, leaning);
        let signatures = self.release_signatures(&release, &body, fault);
        Some(Message::Release { release, signatures, record, path })
    }

    fn release_signatures(
        &mut self,
        release: &Release,
        body: &AllocationBody,
        fault: ReleaseFault,
    ) -> Bytes {
        let mut signer = body.requester;
        if fault == ReleaseFault::Stranger {
            let place = self.dice.place(self.cast.requesters.len());
            signer = self.cast.requesters[place].address;
        }
        let id = release.id(&self.domain);
        let signature = self.signature(signer, id, fault == ReleaseFault::Signature);
        self.lengthened(signature.0.to_vec(), fault == ReleaseFault::Length)
    }

    /// An allocation that can still be released, or one that was.
    fn holding(
        &mut self,
        scene: Scene<'_>,
        fault: ReleaseFault,
        leaning: Option<&mut Leaning>,
    ) -> Option<Holding> {
        if self.holdings.is_empty() {
            return None;
        }
        let near = leaning.as_ref().and_then(|leaning| leaning.place);
        // Twice in one batch: what the second finds is not in storage yet.
        if let Some(holding) = near.and_then(|near| self.holdings.get(near)).cloned()
            && self.dice.percent(10)
        {
            return Some(holding);
        }
        let wanted = fault == ReleaseFault::Again;
        let mut place = self.dice.place(self.holdings.len());
        for attempt in 0..16 {
            place = match near {
                Some(near) if self.dice.percent(85) && near + 1 + attempt < self.holdings.len() => {
                    near + 1 + attempt
                }
                _ => self.dice.place(self.holdings.len()),
            };
            let holding = &self.holdings[place];
            let is_released = scene.ledger.is_released(holding.index);
            if is_released == wanted && (wanted || holding.body.end_time > scene.now) {
                break;
            }
        }
        if let Some(leaning) = leaning {
            leaning.place = Some(place);
        }
        Some(self.holdings[place].clone())
    }

    /// The record's bytes as they are sent, and what they say.
    fn record(&mut self, holding: &Holding, fault: ReleaseFault) -> (Bytes, AllocationBody) {
        let mut bytes = holding.record.to_vec();
        let mut body = holding.body.clone();
        match fault {
            ReleaseFault::RecordLength => {
                let length = self.dice.one_of([0, 38, 237, 239, 246]);
                bytes.resize(length, 0);
            }
            ReleaseFault::RecordKind => match self.dice.below(3) {
                0 => bytes[0] = self.dice.one_of([0, 2, 255]),
                _ => bytes[1] = self.dice.one_of([0, 1, 3, 4, 16, 255]),
            },
            ReleaseFault::RecordForged => {
                (bytes, body) = self.forged(holding);
            }
            _ => {}
        }
        (bytes.into(), body)
    }

    /// A record that nobody wrote.
    fn forged(&mut self, holding: &Holding) -> (Vec<u8>, AllocationBody) {
        let mut record = Record::decode(&holding.record).expect("it was recorded");
        let mut body = holding.body.clone();
        match self.dice.below(9) {
            0 => body.requester = self.cast.forger.address,
            1 => body.volume = body.volume.wrapping_add(1),
            2 => body.end_time += 3_600,
            3 => (body.start_time, body.end_time) = (u64::MAX, 0),
            4 => body.resource_id = self.random_word().into(),
            5 => body.first_slot ^= 1 << self.dice.below(64),
            6 => record.block_time = self.dice.any(),
            7 => record.writer = self.cast.forger.address,
            _ => {
                let indexes = [0, 1, record.index + 1, self.tree.size(), u64::MAX];
                record.index = self.dice.one_of(indexes);
            }
        }
        record.body = Body::Allocation(body.clone());
        (record.encode(), body)
    }

    /// Mostly the earliest boundary that the notice allows, or one after it.
    fn freed_from(
        &mut self,
        scene: Scene<'_>,
        body: &AllocationBody,
        resource: &ResourceWord,
        fault: ReleaseFault,
    ) -> u64 {
        let slot = u64::from(resource.slot_seconds).max(1);
        let earliest = scene.now + u64::from(resource.notice_seconds);
        let over = earliest.saturating_sub(body.start_time).div_ceil(slot);
        let slots = body.end_time.saturating_sub(body.start_time) / slot;
        let boundary = |number: u64| body.start_time + number * slot;
        match fault {
            ReleaseFault::Outside => {
                let times = [body.start_time - slot, body.start_time - 1, body.end_time, u64::MAX];
                self.dice.one_of(times)
            }
            ReleaseFault::Grid => {
                boundary(self.dice.below(slots)) + self.dice.below(slot.saturating_sub(1)) + 1
            }
            // The last boundary that is too early, if one is.
            ReleaseFault::Notice => boundary(over.saturating_sub(1).min(slots.saturating_sub(1))),
            _ if over >= slots => boundary(slots.saturating_sub(1)),
            _ if self.dice.percent(40) => boundary(over),
            _ => boundary(self.dice.between(over, slots - 1)),
        }
    }

    fn path(
        &mut self,
        scene: Scene<'_>,
        holding: &Holding,
        fault: ReleaseFault,
        leaning: Option<&mut Leaning>,
    ) -> Vec<B256> {
        let (index, mut size) = (holding.index, scene.ledger.size());
        if fault == ReleaseFault::PathStale {
            let older = self.dice.between(index + 1, size);
            size = self.dice.one_of([index + 1, older]);
        }
        let whole = peak_height(index, size);
        let mut nodes = whole;
        if let Some(leaning) = leaning {
            // A stale path is of a log in which that record may not have been yet.
            let before = leaning.before.filter(|before| *before < size);
            let parts = before.filter(|before| peak_height(*before, size) == whole);
            let parts = parts.and_then(|before| (before ^ index).checked_ilog2());
            if let Some(parts) = parts
                && self.dice.percent(75)
            {
                nodes = parts as usize;
            }
            if is_proven(fault) {
                leaning.before = Some(index);
            }
        }
        let mut path = self.tree.prove_inclusion(index, size).expect("the record is in the log");
        path.truncate(nodes);
        self.spoil_path(fault, &mut path);
        path
    }

    fn spoil_path(&mut self, fault: ReleaseFault, path: &mut Vec<B256>) {
        match fault {
            ReleaseFault::PathNode if !path.is_empty() => {
                let place = self.dice.place(path.len());
                path[place].0[self.dice.place(32)] ^= 1 << self.dice.below(8);
            }
            ReleaseFault::PathLength => match self.dice.below(3) {
                0 => path.push(B256::from(self.random_word())),
                1 => path.clear(),
                _ => drop(path.pop()),
            },
            _ => {}
        }
    }
}

/// Faults that leave record and path alone: what they prove can be leaned on.
const fn is_proven(fault: ReleaseFault) -> bool {
    matches!(
        fault,
        ReleaseFault::None
            | ReleaseFault::Signature
            | ReleaseFault::Stranger
            | ReleaseFault::Request
            | ReleaseFault::Outside
            | ReleaseFault::Grid
            | ReleaseFault::Notice
            | ReleaseFault::Drift
            | ReleaseFault::Again
            | ReleaseFault::Wild
    )
}
