//! Announcements and withdrawals: arrays of items as the ABI encodes them.

use crate::batcher::gas::{Cell, Cost, Meter, item};
use crate::batcher::plan::{Batch, PathSource, PlanError, Waiting};
use crate::store::types::Pending;
use alloy::sol_types::SolCall as _;
use alloy_primitives::Bytes;
use fallow_chain::Registry;
use fallow_ledger::Message;
use fallow_protocol::{Announcement, ResourceId, Withdrawal};
use std::collections::HashSet;

/// Of the ABI: offset, nine words, offset, length, two words of signature.
const ANNOUNCEMENT_BYTES: usize = 14 * 32;
/// Two words more.
const WITHDRAWAL_BYTES: usize = 16 * 32;

/// Items of `announceMany`.
#[derive(Debug)]
pub(crate) struct AnnouncementBatch;

/// An announcement.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    id: ResourceId,
    announcement: Announcement,
    signatures: Bytes,
}

/// Items of `withdrawMany`.
#[derive(Debug)]
pub(crate) struct WithdrawalBatch;

/// A withdrawal.
#[derive(Clone, Debug)]
pub(crate) struct Withdrawn {
    withdrawal: Withdrawal,
    announcement: Announcement,
    signatures: Bytes,
}

pub(crate) fn announcements(pending: &[&Pending]) -> Vec<Waiting<Announced>> {
    let picked = pending.iter().filter_map(|pending| match &pending.message {
        Message::Announce { announcement, signatures } => {
            let (announcement, signatures) = (*announcement, signatures.clone());
            let item = Announced { id: pending.id.into(), announcement, signatures };
            Some(Waiting { arrival: pending.arrival, item })
        }
        _ => None,
    });
    picked.collect()
}

/// All but those of resources for which requests have to wait: these came first.
pub(crate) fn withdrawals(
    pending: &[&Pending],
    late: &HashSet<ResourceId>,
) -> Vec<Waiting<Withdrawn>> {
    let picked = pending.iter().filter_map(|pending| match &pending.message {
        Message::Withdraw { withdrawal, announcement, signatures }
            if !late.contains(&withdrawal.resource_id) =>
        {
            let (withdrawal, announcement) = (*withdrawal, *announcement);
            let item = Withdrawn { withdrawal, announcement, signatures: signatures.clone() };
            Some(Waiting { arrival: pending.arrival, item })
        }
        _ => None,
    });
    picked.collect()
}

impl<P: PathSource> Batch<P> for AnnouncementBatch {
    type Item = Announced;

    fn cost(&self, meter: &Meter<'_>, _before: Option<&Announced>, item: &Announced) -> Cost {
        let mut cost = item::announcement(ANNOUNCEMENT_BYTES);
        write_resource(meter, &mut cost, item.id, &item.announcement);
        cost
    }

    fn data(&self, items: &[Waiting<Announced>]) -> Result<Vec<u8>, PlanError<P::Error>> {
        let items = items.iter().map(|waiting| Registry::SignedAnnouncement {
            announcement: waiting.item.announcement.into(),
            signatures: waiting.item.signatures.clone(),
        });
        Ok(Registry::announceManyCall { items: items.collect() }.abi_encode())
    }
}

/// An announcement's cells.
pub(crate) fn write_resource(
    meter: &Meter<'_>,
    cost: &mut Cost,
    id: ResourceId,
    announcement: &Announcement,
) {
    meter.write(cost, Cell::Resource(id));
    if !announcement.approver.is_zero() {
        meter.write(cost, Cell::Approver(id));
    }
}

impl<P: PathSource> Batch<P> for WithdrawalBatch {
    type Item = Withdrawn;

    fn cost(&self, meter: &Meter<'_>, _before: Option<&Withdrawn>, item: &Withdrawn) -> Cost {
        let mut cost = item::withdrawal(WITHDRAWAL_BYTES);
        meter.write(&mut cost, Cell::Resource(item.withdrawal.resource_id));
        cost
    }

    fn data(&self, items: &[Waiting<Withdrawn>]) -> Result<Vec<u8>, PlanError<P::Error>> {
        let items = items.iter().map(|waiting| Registry::SignedWithdrawal {
            withdrawal: waiting.item.withdrawal.into(),
            announcement: waiting.item.announcement.into(),
            signatures: waiting.item.signatures.clone(),
        });
        Ok(Registry::withdrawManyCall { items: items.collect() }.abi_encode())
    }
}
