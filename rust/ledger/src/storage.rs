//! The state as the contract stores it (section 5).

use crate::Ledger;
use crate::state::peaks;
use alloy_primitives::{B256, U256, keccak256};
use std::collections::HashMap;

/// Slots of the contract.
const SIZE: u64 = 0;
const PEAKS: u64 = 1;
const RESOURCES: u64 = 65;
const APPROVERS: u64 = 66;
const CALENDARS: u64 = 67;
const REQUESTERS: u64 = 68;
const RELEASED: u64 = 69;
const WRITERS: u64 = 70;

impl Ledger {
    /// Every storage slot of the registry that is not zero, with its word, in no order. Slots of
    /// heights at which the log has no peak are left out: the contract leaves old peaks there.
    pub fn storage(&self) -> impl Iterator<Item = (B256, B256)> {
        let state = &self.state;
        let log = peaks(&state.log)
            .map(|(height, peak)| (number(PEAKS.saturating_add(height.into())), peak));
        let resources = state.resources.iter();
        let resources = resources.map(|(id, word)| (entry(id.0, RESOURCES), word.to_word().into()));
        let approvers = state.approvers.iter();
        let approvers =
            approvers.map(|(id, approver)| (entry(id.0, APPROVERS), approver.into_word()));
        let requesters = state.requesters.iter();
        let requesters =
            requesters.map(|(requester, word)| (entry(requester.into_word(), REQUESTERS), *word));
        let released = state.released.iter();
        let released =
            released.map(|(group, word)| (entry(number(*group), RELEASED), (*word).into()));
        let writers = state
            .writers
            .iter()
            .map(|writer| (entry(number(writer.kind.into()), WRITERS), writer.writer.into_word()));
        std::iter::once((number(SIZE), number(self.size())))
            .chain(log)
            .chain(resources)
            .chain(approvers)
            .chain(self.calendar_slots())
            .chain(requesters)
            .chain(released)
            .chain(writers)
    }

    fn calendar_slots(&self) -> impl Iterator<Item = (B256, B256)> {
        let resources = self.state.resources.iter().filter(|(_, word)| word.index != 0);
        let maps: HashMap<u64, B256> =
            resources.map(|(id, word)| (word.index, entry(id.0, CALENDARS))).collect();
        self.state.calendars.iter().filter_map(move |((index, word_number), word)| {
            // Each calendar is of a resource that is recorded.
            let map = maps.get(index)?;
            Some((entry_of(number(*word_number), *map), word.to_bytes().into()))
        })
    }
}

/// Where a mapping that stands in slot `slot` keeps a key's value.
fn entry(key: B256, slot: u64) -> B256 {
    entry_of(key, number(slot))
}

fn entry_of(key: B256, slot: B256) -> B256 {
    keccak256([key.0, slot.0].as_flattened())
}

fn number(value: u64) -> B256 {
    U256::from(value).into()
}
