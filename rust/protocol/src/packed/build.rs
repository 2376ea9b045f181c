//! Groups from requests.

use super::request::{GroupResource, MAX_GROUP_ITEMS, PackedRequest, RequestGroup};
use super::{PackError, TIME_LIMIT};
use crate::{Announcement, Domain, Evidence, Request, Signature};

/// A signed request, and the announcement that it brings, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackItem {
    /// What is asked.
    pub request: Request,
    /// The requester's signature and, if the resource has an approver, the approver's.
    pub evidence: Evidence,
    /// The request's announcement with the provider's signature, to be recorded if it is not yet.
    pub carried: Option<(Announcement, Signature)>,
}

impl PackItem {
    fn check(&self, index: usize, domain: &Domain) -> Result<(), PackError> {
        let request = &self.request;
        let times = [
            ("startTime", request.start_time),
            ("endTime", request.end_time),
            ("timestamp", request.timestamp),
        ];
        if let Some((field, got)) = times.into_iter().find(|(_, time)| *time >= TIME_LIMIT) {
            return Err(PackError::Time { index, field, got });
        }
        let carried = self.carried.map(|(announcement, _)| announcement.id(domain));
        match (carried, request.resource_id) {
            (Some(got), want) if got != want => Err(PackError::Announcement { index, got, want }),
            _ => Ok(()),
        }
    }

    /// Whether two items can stand in one group, times of signing aside.
    fn shares_all_with(&self, other: &Self) -> bool {
        let of = |item: &Self| {
            let request = item.request;
            let window = (request.start_time, request.end_time);
            (request.resource_id, window, item.evidence.approval.is_some(), item.carried)
        };
        of(self) == of(other)
    }
}

/// Groups adjacent requests that share resource, times and whether they are approved. Their order
/// stays as it is: a batch is applied in order.
///
/// # Errors
/// Names the first item that has no packed form.
pub fn pack_requests(domain: &Domain, items: &[PackItem]) -> Result<Vec<RequestGroup>, PackError> {
    for (index, item) in items.iter().enumerate() {
        item.check(index, domain)?;
    }
    let (mut groups, mut rest) = (Vec::new(), items);
    while let Some(first) = rest.first() {
        let (count, timestamp) = fitting(first, rest);
        let (items, tail) = rest.split_at(count);
        groups.push(group(first, timestamp, items));
        rest = tail;
    }
    Ok(groups)
}

/// How many of the first items make one group, and their earliest timestamp.
fn fitting(first: &PackItem, items: &[PackItem]) -> (usize, u64) {
    let (mut earliest, mut latest) = (first.request.timestamp, first.request.timestamp);
    let mut count = 0_usize;
    for item in items.iter().take(MAX_GROUP_ITEMS) {
        let timestamp = item.request.timestamp;
        let (low, high) = (earliest.min(timestamp), latest.max(timestamp));
        let is_near = high.saturating_sub(low) <= u64::from(u16::MAX);
        if !is_near || !item.shares_all_with(first) {
            break;
        }
        (earliest, latest) = (low, high);
        count = count.saturating_add(1);
    }
    (count, earliest)
}

fn group(first: &PackItem, timestamp: u64, items: &[PackItem]) -> RequestGroup {
    let resource = match first.carried {
        None => GroupResource::Id(first.request.resource_id),
        Some((announcement, signature)) => GroupResource::Carried { announcement, signature },
    };
    let packed = items.iter().map(|PackItem { request, evidence, .. }| PackedRequest {
        requester: request.requester,
        volume: request.volume,
        // Items of one group are at most 65 535 seconds apart.
        delay: u16::try_from(request.timestamp.saturating_sub(timestamp)).unwrap_or(u16::MAX),
        sequence: request.sequence,
        signature: evidence.signature,
        approval: evidence.approval,
    });
    RequestGroup {
        resource,
        start_time: first.request.start_time,
        end_time: first.request.end_time,
        timestamp,
        items: packed.collect(),
    }
}
