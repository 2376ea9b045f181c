//! `fallow requests`.

use crate::anchored::{Anchorings, Level};
use crate::args::read::Requests;
use crate::bars;
use crate::book::{Allocation, Book};
use crate::chain::{Chains, block_on};
use crate::error::{ExitStatus, Result};
use crate::printer::Printer;
use crate::time;
use alloy_primitives::Address;
use fallow_protocol::{Request, RequestId, decimal};
use serde::Serialize;

pub(crate) fn requests(args: &Requests, printer: &mut Printer) -> Result<ExitStatus> {
    block_on(requests_async(args, printer))
}

/// An allocation as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AllocationJson {
    request_id: RequestId,
    #[serde(with = "decimal")]
    index: u64,
    #[serde(with = "decimal")]
    block: u64,
    request: Request,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmations: Option<u64>,
    /// Slots that are still held.
    slots: u16,
    /// What was given back; `null` if nothing was.
    released: Option<ReleasedJson>,
}

/// Slots that were given back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReleasedJson {
    #[serde(with = "decimal")]
    index: u64,
    #[serde(with = "decimal")]
    from_time: u64,
    slots: u16,
}

async fn requests_async(args: &Requests, printer: &mut Printer) -> Result<ExitStatus> {
    let me = args.list.mine.address()?.or(args.list.filter.of);
    let chains = Chains::connect(&args.list.network, &args.list.sidechain, &args.mainnet).await?;
    let book = Book::read(chains.side.follow().await?.records(), me)?;
    let anchorings = Anchorings::read(&chains).await?;
    let found: Vec<_> = book.allocations.iter().filter(|found| wanted(args, found)).collect();
    if args.list.output.json {
        let json = |found: &&Allocation| allocation_json(found, anchorings.level(found.index));
        printer.json(&found.iter().map(json).collect::<Vec<_>>())?;
        return Ok(ExitStatus::Done);
    }
    let now = time::now();
    let rows: Vec<_> =
        found.iter().map(|found| row(found, anchorings.level(found.index), now)).collect();
    let header = ["record", "request", "requester", "units", "from", "to", "level"];
    printer.table(&header, &rows)?;
    slots(&found, me, args.list.mine.bars, printer)?;
    Ok(ExitStatus::Done)
}

fn wanted(args: &Requests, found: &Allocation) -> bool {
    args.list.filter.of.is_none_or(|account| account == found.body.requester)
        && args.resource.is_none_or(|resource| resource == found.body.resource_id)
}

fn allocation_json(found: &Allocation, level: Level) -> AllocationJson {
    AllocationJson {
        request_id: found.id,
        index: found.index,
        block: found.block,
        request: found.body.request(),
        level: level.name(),
        confirmations: match level {
            Level::Anchored { confirmations } => Some(confirmations),
            Level::Recorded | Level::Settled => None,
        },
        slots: found.slots().0,
        released: found.release.as_ref().map(|(index, release)| ReleasedJson {
            index: *index,
            from_time: release.from_time,
            slots: release.slot_count,
        }),
    }
}

fn row(found: &Allocation, level: Level, now: u64) -> Vec<String> {
    let body = &found.body;
    let mut level = level.text();
    if let Some((index, release)) = &found.release {
        let from = time::local(release.from_time);
        level.push_str(&format!("; released from {from} on by record {index}"));
    }
    vec![
        found.index.to_string(),
        found.id.to_string(),
        body.requester.to_string(),
        body.volume.to_string(),
        time::show(body.start_time, now),
        time::show(body.end_time, now),
        level,
    ]
}

/// The slots of each allocation, where the terminal has room for them.
fn slots(
    found: &[&Allocation],
    me: Option<Address>,
    wanted: bars::When,
    printer: &mut Printer,
) -> Result<()> {
    let Some(room) = printer.room(wanted) else {
        return Ok(());
    };
    let slots = |found: &&Allocation| {
        let (held, released) = found.slots();
        let range = time::range(found.body.start_time, found.body.end_time);
        let is_mine = me == Some(found.body.requester);
        bars::Slots { label: format!("{:>6}  {range}", found.index), held, released, is_mine }
    };
    let slots: Vec<_> = found.iter().map(slots).collect();
    let Some(lines) = bars::slots(&slots, room) else {
        return Ok(());
    };
    printer.line("")?;
    lines.iter().try_for_each(|line| printer.line(line))?;
    printer.note(room.symbols.of_requests())
}
