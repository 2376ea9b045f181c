//! `fallow requests`.

use crate::anchored::{Anchorings, Level};
use crate::args::read::Requests;
use crate::bars;
use crate::book::{Allocation, Book};
use crate::chain::{Chains, block_on};
use crate::error::{ExitStatus, Result};
use crate::printer::Printer;
use crate::through;
use crate::time;
use alloy_primitives::Address;
use fallow_protocol::{Request, RequestId, decimal};
use serde::Serialize;

pub(crate) fn requests(args: &Requests, printer: &mut Printer) -> Result<ExitStatus> {
    match &args.list.through.node {
        Some(url) => block_on(through::lists::requests(args, url, printer)),
        None => block_on(requests_async(args, printer)),
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<&'static str>,
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
    let anchorings = Anchorings::read(&chains.side.file, &chains.mainnet).await?;
    let level = |index| LevelShown::from(anchorings.level(index));
    show(args, me, &book, &level, printer)
}

/// How sure a record is, as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct LevelShown {
    /// The word of the vocabulary.
    pub(crate) name: &'static str,
    pub(crate) confirmations: Option<u64>,
    /// For people.
    pub(crate) text: String,
    /// Through a node: `certified` if that was verified, else `nodesWord`.
    pub(crate) standing: Option<&'static str>,
}

impl From<Level> for LevelShown {
    fn from(level: Level) -> Self {
        let confirmations = match level {
            Level::Anchored { confirmations } => Some(confirmations),
            Level::Recorded | Level::Settled => None,
        };
        Self { name: level.name(), confirmations, text: level.text(), standing: None }
    }
}

/// Shows what is wanted of the allocations in the log.
pub(crate) fn show(
    args: &Requests,
    me: Option<Address>,
    book: &Book,
    level: &dyn Fn(u64) -> LevelShown,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let found: Vec<_> = book.allocations.iter().filter(|found| wanted(args, found)).collect();
    if args.list.output.json {
        let json = |found: &&Allocation| allocation_json(found, level(found.index));
        printer.json(&found.iter().map(json).collect::<Vec<_>>())?;
        return Ok(ExitStatus::Done);
    }
    let now = time::now();
    let rows: Vec<_> = found.iter().map(|found| row(found, level(found.index), now)).collect();
    let header = ["record", "request", "requester", "units", "from", "to", "level"];
    printer.table(&header, &rows)?;
    slots(&found, me, args.list.mine.bars, printer)?;
    Ok(ExitStatus::Done)
}

fn wanted(args: &Requests, found: &Allocation) -> bool {
    args.list.filter.of.is_none_or(|account| account == found.body.requester)
        && args.resource.is_none_or(|resource| resource == found.body.resource_id)
}

fn allocation_json(found: &Allocation, level: LevelShown) -> AllocationJson {
    AllocationJson {
        request_id: found.id,
        index: found.index,
        block: found.block,
        request: found.body.request(),
        level: level.name,
        confirmations: level.confirmations,
        standing: level.standing,
        slots: found.slots().0,
        released: found.release.as_ref().map(|(index, release)| ReleasedJson {
            index: *index,
            from_time: release.from_time,
            slots: release.slot_count,
        }),
    }
}

fn row(found: &Allocation, level: LevelShown, now: u64) -> Vec<String> {
    let body = &found.body;
    let mut level = level.text;
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
