//! Writing promises, transactions, offers and gossip, within bounds: strangers fill these tables.

use super::rows::{Stored, Totals};
use super::tables::{FAILED, FLIGHTS, GOSSIP, GOSSIPED, OFFERS, PENDING, PROMISED, STATE, TOTALS};
use super::{DiskSettings, Result};
use crate::store::NodeStoreError;
use crate::store::types::{Change, Failed, Pending};
use alloy_primitives::keccak256;
use fallow_store::failed;
use redb::{ReadableTable as _, WriteTransaction};

/// How long a message that failed can be asked for.
const FAILED_SECONDS: u64 = 7 * 86_400;

/// Writes what a change says of messages.
pub(super) fn write(
    write: &WriteTransaction,
    change: &Change,
    settings: &DiskSettings,
) -> Result<()> {
    let before = totals(write)?;
    let mut writing = Writing { write, settings, totals: before };
    writing.promise(&change.promised)?;
    change.kept.iter().try_for_each(|arrival| writing.keep(*arrival))?;
    change.failed.iter().try_for_each(|(arrival, why)| writing.fail(*arrival, *why))?;
    if let Some(head) = &change.head {
        writing.forget(head.block.time.saturating_sub(FAILED_SECONDS))?;
    }
    write_flights(write, change)?;
    writing.offers(change)?;
    writing.gossip(change)?;
    let totals = writing.totals;
    if totals != before {
        let mut state = write.open_table(STATE).map_err(failed)?;
        state.insert(TOTALS, totals.to_bytes()?.as_slice()).map_err(failed)?;
    }
    Ok(())
}

fn totals(write: &WriteTransaction) -> Result<Totals> {
    let state = write.open_table(STATE).map_err(failed)?;
    let row = state.get(TOTALS).map_err(failed)?;
    row.map_or_else(|| Ok(Totals::default()), |row| Totals::from_bytes(row.value()))
}

struct Writing<'a> {
    write: &'a WriteTransaction,
    settings: &'a DiskSettings,
    totals: Totals,
}

impl Writing<'_> {
    fn promise(&mut self, promised: &[Pending]) -> Result<()> {
        if promised.is_empty() {
            return Ok(());
        }
        let mut table = self.write.open_table(PENDING).map_err(failed)?;
        let mut ids = self.write.open_table(PROMISED).map_err(failed)?;
        for pending in promised {
            let row = pending.to_bytes()?;
            self.totals.pending = self.totals.pending.saturating_add(length(&row));
            let before = table.insert(pending.arrival, row.as_slice()).map_err(failed)?;
            let before = before.map_or(0, |row| length(row.value()));
            self.totals.pending = self.totals.pending.saturating_sub(before);
            let by_time = pending.promise.promise.by_time;
            ids.insert(pending.id.0, (by_time, pending.arrival)).map_err(failed)?;
        }
        bounded("promises", self.totals.pending, self.settings.pending_bytes)
    }

    /// A message is recorded: the log tells all of it. Does nothing if it is not promised.
    fn keep(&mut self, arrival: u64) -> Result<()> {
        if let Some(pending) = self.take(arrival)? {
            self.unlink(&pending)?;
        }
        Ok(())
    }

    fn fail(&mut self, arrival: u64, why: Failed) -> Result<()> {
        let Some(pending) = self.take(arrival)? else { return Ok(()) };
        let pending = Pending { failed: Some(why), ..pending };
        let row = pending.to_bytes()?;
        self.totals.failed = self.totals.failed.saturating_add(length(&row));
        let mut table = self.write.open_table(FAILED).map_err(failed)?;
        let key = (pending.promise.promise.by_time, arrival);
        table.insert(key, row.as_slice()).map_err(failed)?;
        Ok(())
    }

    /// Takes a message out of those that wait.
    fn take(&mut self, arrival: u64) -> Result<Option<Pending>> {
        let mut table = self.write.open_table(PENDING).map_err(failed)?;
        let Some(row) = table.remove(arrival).map_err(failed)? else { return Ok(None) };
        self.totals.pending = self.totals.pending.saturating_sub(length(row.value()));
        Pending::from_bytes(row.value()).map(Some)
    }

    /// Forgets an id, if no later message has it.
    fn unlink(&self, pending: &Pending) -> Result<()> {
        let mut ids = self.write.open_table(PROMISED).map_err(failed)?;
        let newest = ids.get(pending.id.0).map_err(failed)?.map(|row| row.value().1);
        if newest == Some(pending.arrival) {
            ids.remove(pending.id.0).map_err(failed)?;
        }
        Ok(())
    }

    /// Forgets messages that failed: those promised for before `oldest`, and the oldest ones where
    /// they are too many.
    fn forget(&mut self, oldest: u64) -> Result<()> {
        loop {
            let mut table = self.write.open_table(FAILED).map_err(failed)?;
            let first = table.first().map_err(failed)?.map(|(key, _)| key.value());
            let over = self.totals.failed > self.settings.failed_bytes;
            let Some(key) = first.filter(|(by_time, _)| over || *by_time < oldest) else {
                return Ok(());
            };
            if let Some(row) = table.remove(key).map_err(failed)? {
                self.totals.failed = self.totals.failed.saturating_sub(length(row.value()));
                self.unlink(&Pending::from_bytes(row.value())?)?;
            }
        }
    }

    fn offers(&mut self, change: &Change) -> Result<()> {
        if change.offers.is_empty() && change.unoffer.is_empty() {
            return Ok(());
        }
        let mut table = self.write.open_table(OFFERS).map_err(failed)?;
        for hash in &change.unoffer {
            if let Some(row) = table.remove(hash.0).map_err(failed)? {
                self.totals.offers = self.totals.offers.saturating_sub(length(row.value()));
            }
        }
        for offer in &change.offers {
            let key = keccak256(offer).0;
            if table.get(key).map_err(failed)?.is_none() {
                table.insert(key, offer.as_ref()).map_err(failed)?;
                self.totals.offers = self.totals.offers.saturating_add(length(offer));
            }
        }
        bounded("offers", self.totals.offers, self.settings.offers_bytes)
    }

    fn gossip(&mut self, change: &Change) -> Result<()> {
        if change.gossip.is_empty() && change.ungossip.is_empty() {
            return Ok(());
        }
        let mut table = self.write.open_table(GOSSIP).map_err(failed)?;
        let mut ids = self.write.open_table(GOSSIPED).map_err(failed)?;
        let mut total = self.totals.gossip;
        for gossiped in &change.gossip {
            let row = gossiped.to_bytes()?;
            if let Some(before) = ids.insert(gossiped.id.0.0, gossiped.arrival).map_err(failed)? {
                let row = table.remove(before.value()).map_err(failed)?;
                total = total.saturating_sub(row.map_or(0, |row| length(row.value())));
            }
            total = total.saturating_add(length(&row));
            table.insert(gossiped.arrival, row.as_slice()).map_err(failed)?;
        }
        for id in &change.ungossip {
            if let Some(arrival) = ids.remove(id.0.0).map_err(failed)? {
                let row = table.remove(arrival.value()).map_err(failed)?;
                total = total.saturating_sub(row.map_or(0, |row| length(row.value())));
            }
        }
        self.totals.gossip = total;
        bounded("gossip", total, self.settings.gossip_bytes)
    }
}

fn write_flights(write: &WriteTransaction, change: &Change) -> Result<()> {
    if change.flights.is_empty() && change.landed.is_empty() {
        return Ok(());
    }
    let mut table = write.open_table(FLIGHTS).map_err(failed)?;
    for flight in &change.flights {
        table.insert(flight.transaction.nonce, flight.to_bytes()?.as_slice()).map_err(failed)?;
    }
    for nonce in &change.landed {
        table.remove(nonce).map_err(failed)?;
    }
    Ok(())
}

fn length(row: &[u8]) -> u64 {
    u64::try_from(row.len()).unwrap_or(u64::MAX)
}

const fn bounded(what: &'static str, bytes: u64, limit: u64) -> Result<()> {
    if bytes > limit { Err(NodeStoreError::Full { what, limit }) } else { Ok(()) }
}
