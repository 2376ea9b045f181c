//! A resource's calendar as runs of slots that are alike. It is built from the records' windows,
//! so its size follows from the number of records, however many slots a resource has.

use alloy_primitives::Address;
use fallow_protocol::{AllocationBody, Announcement, ReleaseBody, decimal};
use serde::Serialize;
use std::collections::BTreeMap;

/// The calendar of one resource.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    terms: Announcement,
    is_withdrawn: bool,
    /// What changes at a slot boundary, as against the slot before it.
    changes: BTreeMap<u64, Change>,
}

/// Units by which consecutive slots differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Change {
    used: i64,
    mine: i64,
}

/// Slots that follow each other and are used alike, as `--json` shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    /// Start of the first slot, unix seconds.
    #[serde(with = "decimal")]
    pub(crate) start_time: u64,
    /// End of the last slot, unix seconds.
    #[serde(with = "decimal")]
    pub(crate) end_time: u64,
    /// How many slots.
    #[serde(with = "decimal")]
    pub(crate) slots: u64,
    /// Units used in each of them, mine among them.
    pub(crate) used: u16,
    /// Units that are mine.
    pub(crate) mine: u16,
    /// Units that can be asked for: none once the resource is withdrawn.
    pub(crate) free: u16,
}

impl Calendar {
    /// The calendar of a resource that nobody has asked for.
    pub(crate) const fn new(terms: Announcement) -> Self {
        Self { terms, is_withdrawn: false, changes: BTreeMap::new() }
    }

    /// What is offered.
    pub(crate) const fn terms(&self) -> &Announcement {
        &self.terms
    }

    /// Whether the provider has closed it to new requests.
    pub(crate) const fn is_withdrawn(&self) -> bool {
        self.is_withdrawn
    }

    /// The provider closes it.
    pub(crate) const fn withdraw(&mut self) {
        self.is_withdrawn = true;
    }

    /// Units are allocated.
    pub(crate) fn allocate(&mut self, body: &AllocationBody, me: Option<Address>) {
        let (volume, is_mine) = (i64::from(body.volume), me == Some(body.requester));
        self.change([(body.start_time, volume), (body.end_time, volume.saturating_neg())], is_mine);
    }

    /// The last slots of an allocation are given back.
    pub(crate) fn release(&mut self, body: &ReleaseBody, me: Option<Address>) {
        let (volume, is_mine) = (i64::from(body.volume), me == Some(body.requester));
        self.change([(body.from_time, volume.saturating_neg()), (body.end_time, volume)], is_mine);
    }

    fn change(&mut self, changes: [(u64, i64); 2], is_mine: bool) {
        for (time, units) in changes {
            let change = self.changes.entry(time).or_default();
            change.used = change.used.saturating_add(units);
            if is_mine {
                change.mine = change.mine.saturating_add(units);
            }
        }
    }

    /// All slots, from the first to the last.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let (start, end) = (self.terms.start_time, self.terms.end_time);
        let mut runs: Vec<Run> = Vec::new();
        let (mut since, mut now) = (start, Change::default());
        let changes = self.changes.iter().map(|(time, change)| (*time, *change));
        for (time, change) in changes.chain([(end, Change::default())]) {
            self.push(&mut runs, since, time, now);
            since = time;
            now.used = now.used.saturating_add(change.used);
            now.mine = now.mine.saturating_add(change.mine);
        }
        runs
    }

    /// Adds slots, to the run before them where they are used alike.
    fn push(&self, runs: &mut Vec<Run>, start_time: u64, end_time: u64, units: Change) {
        let Some(slots) = end_time
            .checked_sub(start_time)
            .and_then(|seconds| seconds.checked_div(self.terms.slot_seconds.into()))
            .filter(|slots| *slots > 0)
        else {
            return;
        };
        let [used, mine] = [units.used, units.mine].map(|units| u16::try_from(units).unwrap_or(0));
        if let Some(last) = runs.last_mut().filter(|last| (last.used, last.mine) == (used, mine)) {
            last.end_time = end_time;
            last.slots = last.slots.saturating_add(slots);
            return;
        }
        let free = if self.is_withdrawn { 0 } else { self.terms.volume.saturating_sub(used) };
        runs.push(Run { start_time, end_time, slots, used, mine, free });
    }

    /// Units free in the slot that holds `time`; `None` outside the window.
    pub(crate) fn free_at(&self, time: u64) -> Option<u16> {
        let mut runs = self.runs().into_iter();
        runs.find(|run| (run.start_time..run.end_time).contains(&time)).map(|run| run.free)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use alloy_primitives::B256;
    use fallow_protocol::{RequestId, ResourceId};

    const ME: Address = Address::repeat_byte(2);

    pub(crate) fn calendar(volume: u16) -> Calendar {
        Calendar::new(Announcement {
            provider: Address::repeat_byte(1),
            approver: Address::ZERO,
            volume,
            start_time: 1_000,
            end_time: 2_000,
            slot_seconds: 100,
            notice_seconds: 0,
            timestamp: 0,
            offer: B256::ZERO,
        })
    }

    pub(crate) fn allocation(
        requester: Address,
        volume: u16,
        from: u64,
        to: u64,
    ) -> AllocationBody {
        AllocationBody {
            resource_id: ResourceId::ZERO,
            resource_index: 1,
            requester,
            volume,
            start_time: from,
            end_time: to,
            first_slot: 0,
            slot_count: 0,
            timestamp: 0,
            sequence: 1,
            previous_index: 0,
            highest_after: 0,
            bitmap_after: 0,
            words: B256::ZERO,
            evidence: B256::ZERO,
        }
    }

    fn release(of: &AllocationBody, from_time: u64) -> ReleaseBody {
        ReleaseBody {
            request_id: RequestId::ZERO,
            request_index: 2,
            resource_id: of.resource_id,
            resource_index: 1,
            requester: of.requester,
            volume: of.volume,
            start_time: of.start_time,
            end_time: of.end_time,
            first_slot: 0,
            slot_count: 0,
            from_time,
            timestamp: 0,
            words: B256::ZERO,
            evidence: B256::ZERO,
        }
    }

    fn short(calendar: &Calendar) -> Vec<(u64, u64, u16, u16, u16)> {
        let runs = calendar.runs().into_iter();
        runs.map(|run| (run.start_time, run.slots, run.used, run.mine, run.free)).collect()
    }

    #[test]
    fn an_unused_resource_is_one_run() {
        assert_eq!(short(&calendar(4)), [(1_000, 10, 0, 0, 4)]);
    }

    #[test]
    fn allocations_add_up_and_end() {
        let mut calendar = calendar(4);
        calendar.allocate(&allocation(ME, 1, 1_000, 1_300), Some(ME));
        calendar.allocate(&allocation(Address::ZERO, 2, 1_200, 2_000), Some(ME));
        let want = [(1_000, 2, 1, 1, 3), (1_200, 1, 3, 1, 1), (1_300, 7, 2, 0, 2)];
        assert_eq!(short(&calendar), want);
        assert_eq!(calendar.free_at(1_299), Some(1));
        assert_eq!((calendar.free_at(999), calendar.free_at(2_000)), (None, None));
    }

    #[test]
    fn what_is_released_is_free_again() {
        let mut calendar = calendar(4);
        let mine = allocation(ME, 4, 1_000, 1_400);
        calendar.allocate(&mine, Some(ME));
        calendar.release(&release(&mine, 1_200), Some(ME));
        assert_eq!(short(&calendar), [(1_000, 2, 4, 4, 0), (1_200, 8, 0, 0, 4)]);
        calendar.allocate(&allocation(Address::ZERO, 4, 1_200, 1_300), Some(ME));
        let want = [(1_000, 2, 4, 4, 0), (1_200, 1, 4, 0, 0), (1_300, 7, 0, 0, 4)];
        assert_eq!(short(&calendar), want);
    }

    #[test]
    fn a_withdrawn_resource_keeps_its_allocations_and_has_nothing_free() {
        let mut calendar = calendar(4);
        calendar.allocate(&allocation(ME, 1, 1_000, 1_100), None);
        calendar.withdraw();
        assert_eq!(short(&calendar), [(1_000, 1, 1, 0, 0), (1_100, 9, 0, 0, 0)]);
    }

    /// A resource may have 2^39 slots; nobody walks them.
    #[test]
    fn the_length_of_a_calendar_costs_nothing() {
        let mut calendar = calendar(4);
        calendar.terms.end_time = (1 << 40) - 1;
        calendar.terms.slot_seconds = 1;
        assert_eq!(calendar.runs().len(), 1);
    }
}
