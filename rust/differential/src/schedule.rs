//! The schedule: which calls a block has, and when it is mined.

use crate::DifferentialError;
use crate::call::{Call, Entry, is_packable, pack_release};
use crate::claims::ClaimFault;
use crate::world::{Focus, Scene, World};
use fallow_ledger::Message;

/// Seconds between blocks: mostly those of a chain, sometimes long enough that slots end.
const STEPS: [(u64, (u64, u64)); 4] =
    [(80, (1, 12)), (14, (13, 400)), (5, (401, 4_000)), (1, (4_001, 40_000))];

/// Seconds that a block may be late so that it begins with a slot.
const MAX_WAIT: u64 = 3_600;

const ENTRIES: [(u64, Entry); 8] = [
    (46, Entry::Single),
    (4, Entry::Check),
    (5, Entry::AnnounceMany),
    (18, Entry::RequestMany),
    (8, Entry::ReleaseMany),
    (4, Entry::WithdrawMany),
    (14, Entry::RequestPacked),
    (6, Entry::ReleasePacked),
];

/// What a message on its own is.
#[derive(Clone, Copy, Debug)]
enum Single {
    Announce,
    Request,
    AnnounceAndRequest,
    Release,
    Withdraw,
    Append,
}

const SINGLES: [(u64, Single); 6] = [
    (20, Single::Announce),
    (34, Single::Request),
    (18, Single::AnnounceAndRequest),
    (20, Single::Release),
    (5, Single::Withdraw),
    (3, Single::Append),
];

impl World {
    /// Time of the next block; often just when a slot of some offer begins.
    pub(crate) fn next_time(&mut self, now: u64) -> u64 {
        let (low, high) = self.dice.weighted(&STEPS);
        let next = now + self.dice.between(low, high);
        if let Some(offer) = self.dice.pick(&self.offers).map(|offer| offer.announcement)
            && self.dice.percent(30)
        {
            let slot = u64::from(offer.slot_seconds).max(1);
            let over = next.saturating_sub(offer.start_time).div_ceil(slot);
            let boundary = offer.start_time + over * slot;
            if boundary < next + MAX_WAIT {
                return boundary.max(next) + self.dice.below(2);
            }
        }
        next
    }

    /// The next call.
    pub(crate) fn call(&mut self, scene: Scene<'_>) -> Result<Call, DifferentialError> {
        self.begin_call(scene);
        match self.dice.weighted(&ENTRIES) {
            Entry::Single => Ok(Call::single(self.single(scene))),
            Entry::Check => Ok(self.check(scene)),
            Entry::AnnounceMany => Ok(Call::announce_many(self.some(12, |w| w.announce(scene)))),
            Entry::RequestMany => Ok(Call::request_many(self.requests(scene))),
            Entry::ReleaseMany => {
                let count = self.dice.between(0, 12);
                Ok(Call::release_many(self.releases(scene, count)))
            }
            Entry::WithdrawMany => Ok(Call::withdraw_many(self.some(5, |w| w.withdraw(scene)))),
            Entry::RequestPacked => self.packed_requests(scene),
            Entry::ReleasePacked => self.packed_releases(scene),
        }
    }

    /// A look at what would become of a request.
    fn check(&mut self, scene: Scene<'_>) -> Call {
        match self.request(scene) {
            Message::Request { request, signatures } => Call::check(request, signatures),
            other => Call::single(other),
        }
    }

    fn single(&mut self, scene: Scene<'_>) -> Message {
        match self.dice.weighted(&SINGLES) {
            Single::Announce => self.announce(scene),
            Single::Request => self.request(scene),
            Single::AnnounceAndRequest => self.announce_and_request(scene),
            Single::Release => {
                let release = self.release(scene);
                release.unwrap_or_else(|| self.announce(scene))
            }
            Single::Withdraw => self.withdraw(scene),
            Single::Append => self.append_open(),
        }
    }

    fn some(&mut self, most: u64, mut draw: impl FnMut(&mut Self) -> Message) -> Vec<Message> {
        (0..self.dice.between(0, most)).map(|_| draw(self)).collect()
    }

    /// Requests of one batch, some of them twice, sometimes in another order than they were made.
    fn requests(&mut self, scene: Scene<'_>) -> Vec<Message> {
        let mut requests = self.some(24, |world| world.request(scene));
        if let Some(twice) = self.dice.pick(&requests).cloned()
            && self.dice.percent(25)
        {
            requests.push(twice);
        }
        if self.dice.percent(30) {
            self.dice.shuffle(&mut requests);
        }
        requests
    }

    /// Groups of requests for the same slots, and whatever else there is.
    fn packed_requests(&mut self, scene: Scene<'_>) -> Result<Call, DifferentialError> {
        let mut items = Vec::new();
        for _ in 0..self.dice.between(0, 6) {
            match self.dice.below(10) {
                0 => items.push(self.request(scene)),
                1 => items.push(self.announce_and_request(scene)),
                _ => items.extend(self.group(scene)),
            }
        }
        let domain = self.domain;
        items.retain(|item| is_packable(&domain, item));
        let is_spoiled = self.dice.percent(8);
        Call::request_packed(&domain, &items, |batch| is_spoiled && self.spoil_batch(batch))
    }

    /// Requests that share all but requester, volume, sequence and time of signing.
    fn group(&mut self, scene: Scene<'_>) -> Vec<Message> {
        let brought = self.dice.percent(30).then(|| self.announce_and_request(scene));
        let offer = match &brought {
            Some(Message::AnnounceAndRequest { announcement, .. }) => {
                let offer = self.signed_offer(*announcement);
                // What follows may name the resource instead of bringing it.
                self.focus = self.focus.map(|focus| Focus { offer, ..focus });
                offer
            }
            _ => self.asked_offer(scene),
        };
        let (start_time, end_time) = self.window(scene, &offer.announcement);
        let items = (0..self.dice.between(1, 9)).map(|_| {
            let fault = self.claim_fault();
            let mut request = self.claim(scene, &offer, fault);
            if matches!(fault, ClaimFault::None | ClaimFault::Approval | ClaimFault::Count) {
                (request.start_time, request.end_time) = (start_time, end_time);
            }
            let signatures = self.claim_signatures(scene, &request, &offer.announcement, fault);
            match &brought {
                None => Message::Request { request, signatures: signatures.into() },
                Some(_) => {
                    request.resource_id = offer.id;
                    let announcement = offer.announcement;
                    let signatures = [&offer.signature.0[..], &signatures].concat().into();
                    Message::AnnounceAndRequest { announcement, request, signatures }
                }
            }
        });
        let items: Vec<_> = items.collect();
        brought.into_iter().chain(items).collect()
    }

    fn packed_releases(&mut self, scene: Scene<'_>) -> Result<Call, DifferentialError> {
        let count = self.dice.between(0, 14);
        let mut items = self.releases(scene, count);
        items.retain(|item| pack_release(item).is_some());
        let domain = self.domain;
        let is_spoiled = self.dice.percent(8);
        Call::release_packed(&domain, &items, |batch| is_spoiled && self.spoil_batch(batch))
    }

    /// Cuts a batch off, adds to it, or changes a byte. Answers whether it is another one now.
    fn spoil_batch(&mut self, batch: &mut Vec<u8>) -> bool {
        let before = batch.clone();
        match self.dice.below(5) {
            0 => batch.truncate(self.dice.place(batch.len())),
            1 => batch.push(self.dice.any() as u8),
            2 if !batch.is_empty() => batch[0] = self.dice.any() as u8,
            3 if batch.len() > 2 => batch[1..3].copy_from_slice(&[0, 0]),
            _ if !batch.is_empty() => {
                let place = self.dice.place(batch.len());
                batch[place] ^= 1 << self.dice.below(8);
            }
            _ => {}
        }
        *batch != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict;
    use alloy_primitives::{Address, B256, Keccak256};
    use fallow_ledger::{GenesisParent, Ledger, LedgerConfig};
    use fallow_protocol::NetworkId;

    /// Hash of the first calls of a schedule.
    fn drawn(seed: u64) -> B256 {
        let config = LedgerConfig {
            network_id: NetworkId::repeat_byte(1),
            registry: Address::repeat_byte(2),
            writers: vec![],
            parent: GenesisParent::default(),
        };
        let mut now = 1_800_000_000;
        let (mut ledger, genesis) = Ledger::new(config, now);
        let mut world = World::new(seed, *ledger.domain(), Address::repeat_byte(3), &genesis);
        let mut hash = Keccak256::new();
        for _ in 0..150 {
            now = world.next_time(now);
            let call = world.call(Scene { ledger: &ledger, now }).unwrap();
            hash.update(&call.data);
            let (_, results) = verdict::apply(&mut ledger, &call, now);
            for (message, result) in call.items.iter().flatten().zip(&results) {
                world.observe(message, result);
            }
        }
        hash.finalize()
    }

    #[test]
    fn a_schedule_follows_from_its_seed() {
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }
}
