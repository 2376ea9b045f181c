//! `fallow resources`.

use crate::args::read::Resources;
use crate::bars;
use crate::book::{Book, Resource, Withdrawn};
use crate::calendar::Run;
use crate::chain::{Sidechain, block_on};
use crate::error::{ExitStatus, Result};
use crate::printer::{Printer, count};
use crate::through;
use crate::time;
use fallow_protocol::{Announcement, ResourceId, decimal};
use serde::Serialize;

pub(crate) fn resources(args: &Resources, printer: &mut Printer) -> Result<ExitStatus> {
    match &args.list.through.node {
        Some(url) => block_on(through::lists::resources(args, url, printer)),
        None => block_on(resources_async(args, printer)),
    }
}

/// A resource as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceJson<'a> {
    resource_id: ResourceId,
    #[serde(with = "decimal")]
    index: u64,
    announcement: &'a Announcement,
    /// Units free at the time asked for; `null` outside the resource's window.
    free: Option<u16>,
    withdrawn: bool,
    calendar: Vec<Run>,
}

async fn resources_async(args: &Resources, printer: &mut Printer) -> Result<ExitStatus> {
    let me = args.list.mine.address()?.or(args.list.filter.of);
    let side = Sidechain::connect(&args.list.network, &args.list.sidechain).await?;
    let book = Book::read(side.follow().await?.records(), me)?;
    show(args, &book, printer)
}

/// Shows what is wanted of the resources in the log.
pub(crate) fn show(args: &Resources, book: &Book, printer: &mut Printer) -> Result<ExitStatus> {
    let now = time::now();
    let at = args.at.at(now)?;
    let of = args.list.filter.of;
    let wanted = |resource: &&Resource| {
        of.is_none_or(|account| account == resource.calendar.terms().provider)
    };
    let found: Vec<_> = book.resources.iter().filter(wanted).collect();
    if args.list.output.json {
        let found: Vec<_> = found.into_iter().map(|resource| resource_json(resource, at)).collect();
        printer.json(&found)?;
        return Ok(ExitStatus::Done);
    }
    let rows: Vec<_> = found.iter().map(|resource| row(resource, at, now)).collect();
    printer.table(&["resource", "provider", "free", "slot", "from", "to"], &rows)?;
    calendars(&found, now, args.list.mine.bars, printer)?;
    if !book.tombstones.is_empty() {
        let barred = u64::try_from(book.tombstones.len()).unwrap_or(u64::MAX);
        let what = count(barred, "announcement");
        printer.note(format_args!("{what} withdrawn before anybody recorded it"))?;
    }
    Ok(ExitStatus::Done)
}

fn resource_json(resource: &Resource, at: u64) -> ResourceJson<'_> {
    ResourceJson {
        resource_id: resource.id,
        index: resource.index,
        announcement: resource.calendar.terms(),
        free: resource.calendar.free_at(at),
        withdrawn: resource.withdrawn.is_some(),
        calendar: resource.calendar.runs(),
    }
}

fn row(resource: &Resource, at: u64, now: u64) -> Vec<String> {
    let terms = resource.calendar.terms();
    let free = match (resource.calendar.free_at(at), resource.withdrawn) {
        (_, Some(Withdrawn::Record(index))) => format!("withdrawn by record {index}"),
        (_, Some(Withdrawn::NodesWord)) => "withdrawn, says the node".to_owned(),
        (Some(free), None) => format!("{free} of {}", terms.volume),
        (None, None) => format!("- of {}", terms.volume),
    };
    vec![
        resource.id.to_string(),
        terms.provider.to_string(),
        free,
        time::duration(terms.slot_seconds.into()),
        time::show(terms.start_time, now),
        time::show(terms.end_time, now),
    ]
}

/// The calendar of each resource, where the terminal has room for it.
fn calendars(
    found: &[&Resource],
    now: u64,
    wanted: bars::When,
    printer: &mut Printer,
) -> Result<()> {
    let Some(room) = printer.room(wanted) else {
        return Ok(());
    };
    let mut has_bars = false;
    for resource in found {
        let lines = bars::calendar(&resource.calendar, now, room).unwrap_or_default();
        if lines.is_empty() {
            continue;
        }
        has_bars = true;
        printer.line("")?;
        printer.line(resource.id)?;
        lines.iter().try_for_each(|line| printer.line(line))?;
    }
    match has_bars {
        true => printer.note(room.symbols.of_resources()),
        false => Ok(()),
    }
}
