//! `fallow resources` and `fallow requests`.

use crate::anchored::{Anchorings, Level};
use crate::args::read::{Requests, Resources};
use crate::chain::{Chains, Sidechain, block_on};
use crate::error::{Context, ExitStatus, Result};
use crate::printer::Printer;
use crate::time;
use fallow_chain::{Entry, Follower};
use fallow_protocol::{
    AllocationBody, Announcement, Body, Record, RequestId, ResourceId, SlotRange, decimal,
};
use serde::Serialize;

pub(crate) fn resources(args: &Resources, printer: &mut Printer) -> Result<ExitStatus> {
    block_on(resources_async(args, printer))
}

/// A resource as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource_id: ResourceId,
    #[serde(with = "decimal")]
    index: u64,
    announcement: Announcement,
    /// Units free at the time asked for; `null` outside the resource's window.
    free: Option<u16>,
}

async fn resources_async(args: &Resources, printer: &mut Printer) -> Result<ExitStatus> {
    let side = Sidechain::connect(&args.network, &args.sidechain).await?;
    let follower = side.follow().await?;
    let now = time::now();
    let at = args.at.at(now);
    let mut found = Vec::new();
    for (entry, record) in records(&follower) {
        let record = record?;
        if let Body::Announcement(body) = &record.body
            && args.filter.of.is_none_or(|account| account == body.provider)
        {
            let announcement = body.announcement();
            found.push(Resource {
                resource_id: entry.id.into(),
                index: record.index,
                free: free(&follower, entry.id.into(), &announcement, at),
                announcement,
            });
        }
    }
    if args.output.json {
        printer.json(&found)?;
        return Ok(ExitStatus::Done);
    }
    let rows = found.iter().map(|resource| resource.row(now)).collect();
    let header = ["resource", "provider", "free", "slot", "from", "to"];
    printer.table(&header, rows)?;
    Ok(ExitStatus::Done)
}

impl Resource {
    fn row(&self, now: u64) -> Vec<String> {
        let announcement = &self.announcement;
        let free = self.free.map_or_else(|| "-".to_owned(), |free| free.to_string());
        vec![
            self.resource_id.to_string(),
            announcement.provider.to_string(),
            format!("{free} of {}", announcement.volume),
            time::duration(announcement.slot_seconds.into()),
            time::show(announcement.start_time, now),
            time::show(announcement.end_time, now),
        ]
    }
}

/// Units free in the slot that holds `at`.
fn free(follower: &Follower, id: ResourceId, announcement: &Announcement, at: u64) -> Option<u16> {
    if at >= announcement.end_time {
        return None;
    }
    let into = at.checked_sub(announcement.start_time)?;
    let slot = into.checked_div(announcement.slot_seconds.into())?;
    let used = follower.ledger()?.used(id, SlotRange { first: slot, last: slot });
    Some(announcement.volume.saturating_sub(*used.first()?))
}

/// All records of the log, in order.
fn records(follower: &Follower) -> impl Iterator<Item = (&Entry, Result<Record>)> {
    follower.entries().iter().map(|entry| {
        let record = Record::decode(&entry.bytes).context("a record cannot be decoded");
        (entry, record)
    })
}

pub(crate) fn requests(args: &Requests, printer: &mut Printer) -> Result<ExitStatus> {
    block_on(requests_async(args, printer))
}

/// An allocation as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Allocation {
    request_id: RequestId,
    #[serde(with = "decimal")]
    index: u64,
    #[serde(with = "decimal")]
    block: u64,
    request: fallow_protocol::Request,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmations: Option<u64>,
}

async fn requests_async(args: &Requests, printer: &mut Printer) -> Result<ExitStatus> {
    let chains = Chains::connect(&args.network, &args.sidechain, &args.mainnet).await?;
    let follower = chains.side.follow().await?;
    let anchorings = Anchorings::read(&chains).await?;
    let now = time::now();
    let (mut found, mut rows) = (Vec::new(), Vec::new());
    for (entry, record) in records(&follower) {
        let record = record?;
        let Body::Allocation(body) = &record.body else {
            continue;
        };
        if !wanted(args, body) {
            continue;
        }
        let level = anchorings.level(record.index);
        rows.push(row(&record, body, entry, level, now));
        found.push(Allocation {
            request_id: entry.id.into(),
            index: record.index,
            block: entry.block,
            request: body.request(),
            level: level.name(),
            confirmations: match level {
                Level::Anchored { confirmations } => Some(confirmations),
                Level::Recorded | Level::Settled => None,
            },
        });
    }
    if args.output.json {
        printer.json(&found)?;
        return Ok(ExitStatus::Done);
    }
    printer.table(&["record", "request", "requester", "units", "from", "to", "level"], rows)?;
    Ok(ExitStatus::Done)
}

fn wanted(args: &Requests, body: &AllocationBody) -> bool {
    args.filter.of.is_none_or(|account| account == body.requester)
        && args.resource.is_none_or(|resource| resource == body.resource_id)
}

fn row(
    record: &Record,
    body: &AllocationBody,
    entry: &Entry,
    level: Level,
    now: u64,
) -> Vec<String> {
    vec![
        record.index.to_string(),
        entry.id.to_string(),
        body.requester.to_string(),
        body.volume.to_string(),
        time::show(body.start_time, now),
        time::show(body.end_time, now),
        level.text(),
    ]
}
