//! What the log says about resources and allocations today: announcements with their calendars and
//! withdrawals, allocations with their releases.

use crate::calendar::Calendar;
use crate::error::Result;
use crate::recording;
use alloy_primitives::Address;
use fallow_chain::Recorded;
use fallow_protocol::{AllocationBody, Body, ReleaseBody, RequestId, ResourceId, WithdrawalBody};
use std::collections::HashMap;

/// Resources and allocations, each in the order of their records.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) resources: Vec<Resource>,
    pub(crate) allocations: Vec<Allocation>,
    /// Announcements that were withdrawn before anybody recorded them.
    pub(crate) tombstones: Vec<WithdrawalBody>,
    /// Positions of resources by id, of allocations by the index of their record.
    by_id: HashMap<ResourceId, usize>,
    by_index: HashMap<u64, usize>,
}

/// A recorded announcement.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) id: ResourceId,
    /// Index of its record.
    pub(crate) index: u64,
    /// Terms and use.
    pub(crate) calendar: Calendar,
    /// Who says that it is closed, if it is.
    pub(crate) withdrawn: Option<Withdrawn>,
}

/// What shows that a resource is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// The record of this index.
    Record(u64),
    /// A node, without a record.
    NodesWord,
}

/// A recorded request.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) id: RequestId,
    /// Sidechain block of its record.
    pub(crate) block: u64,
    /// Index of its record.
    pub(crate) index: u64,
    pub(crate) body: AllocationBody,
    /// The record that gave slots of it back, with its index.
    pub(crate) release: Option<(u64, ReleaseBody)>,
}

impl Book {
    /// Reads all records; `me` is whose units count as mine.
    pub(crate) fn read(records: &[Recorded], me: Option<Address>) -> Result<Self> {
        let mut book = Self::default();
        for recorded in records {
            let record = recording::decode(recorded)?;
            let index = record.index;
            match record.body {
                Body::Announcement(body) => {
                    let id = recorded.id.into();
                    book.by_id.insert(id, book.resources.len());
                    let calendar = Calendar::new(body.announcement());
                    book.resources.push(Resource { id, index, calendar, withdrawn: None });
                }
                Body::Allocation(body) => {
                    if let Some(resource) = book.resource_mut(body.resource_id) {
                        resource.calendar.allocate(&body, me);
                    }
                    let (id, block) = (recorded.id.into(), recorded.block);
                    book.by_index.insert(index, book.allocations.len());
                    book.allocations.push(Allocation { id, block, index, body, release: None });
                }
                Body::Release(body) => book.release(index, body, me),
                Body::Withdrawal(body) => book.withdraw(index, body),
                Body::Genesis(_) | Body::Open { .. } => {}
            }
        }
        Ok(book)
    }

    fn release(&mut self, index: u64, body: ReleaseBody, me: Option<Address>) {
        if let Some(resource) = self.resource_mut(body.resource_id) {
            resource.calendar.release(&body, me);
        }
        let position = self.by_index.get(&body.request_index);
        if let Some(allocation) = position.and_then(|at| self.allocations.get_mut(*at)) {
            allocation.release = Some((index, body));
        }
    }

    fn withdraw(&mut self, index: u64, body: WithdrawalBody) {
        match self.resource_mut(body.resource_id) {
            Some(resource) => {
                resource.calendar.withdraw();
                resource.withdrawn = Some(Withdrawn::Record(index));
            }
            None => self.tombstones.push(body),
        }
    }

    /// Notes what a node says of a resource.
    pub(crate) fn withdrawn_by_word(&mut self, id: ResourceId) {
        if let Some(resource) = self.resource_mut(id) {
            resource.calendar.withdraw();
            resource.withdrawn = Some(Withdrawn::NodesWord);
        }
    }

    fn resource_mut(&mut self, id: ResourceId) -> Option<&mut Resource> {
        self.resources.get_mut(*self.by_id.get(&id)?)
    }
}

impl Allocation {
    /// Slots that are still held, and slots that were given back.
    pub(crate) fn slots(&self) -> (u16, u16) {
        let released = self.release.as_ref().map_or(0, |(_, body)| body.slot_count);
        (self.body.slot_count.saturating_sub(released), released)
    }
}
