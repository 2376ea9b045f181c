//! `fallow ticket` and `status` through a node.

use super::lists::compared;
use super::session;
use crate::args::read::{Status, Ticket as TicketArgs};
use crate::commands::ticket::POLL;
use crate::error::{ExitStatus, Failure, Result, one_line};
use crate::printer::Printer;
use crate::time;
use fallow_node_client::types::StatusAnswer;
use fallow_node_client::{IdOrIndex, VerifiedNode, is_not_certified_yet};
use fallow_protocol::Ticket;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(crate) async fn ticket(args: &TicketArgs, url: &str) -> Result<Ticket> {
    let named = match (args.record.parse(), args.record.parse()) {
        (Ok(index), _) => IdOrIndex::Index(index),
        (_, Ok(id)) => IdOrIndex::Id(id),
        _ => {
            return Err(Failure::new(format_args!("`{}` is no id and no index", args.record))
                .hint("name the request's id (0x and 64 hex digits), or the index of its record"));
        }
    };
    let (network, set) = (&args.trust.network.network, args.trust.set.as_deref());
    let node = session::open(url, &args.through, network, set).await?;
    let until = Instant::now().checked_add(Duration::from_secs(args.wait.0));
    loop {
        let missing = match node.ticket(named).await {
            Ok(Some(ticket)) => return Ok(ticket),
            Ok(None) => Failure::refused(format_args!("the node has no record `{}`", args.record))
                .hint("`fallow requests` lists what is recorded; `--wait 1m` waits for it"),
            Err(error) if is_not_certified_yet(&error) => {
                Failure::refused(format_args!("`{}` is recorded, but not certified", args.record))
                    .hint(
                        "validators sign soon after a checkpoint block; `--wait 1m` waits for them",
                    )
            }
            Err(error) => return Err(session::failure(error)),
        };
        if until.is_none_or(|until| Instant::now() >= until) {
            return Err(missing);
        }
        sleep(POLL).await;
    }
}

pub(crate) async fn status(args: &Status, url: &str, printer: &mut Printer) -> Result<ExitStatus> {
    let (network, set) = (&args.trust.network.network, args.trust.set.as_deref());
    let mut node = session::open(url, &args.through, network, set).await?;
    let anchorings = match &args.mainnet.mainnet {
        Some(url) => Some(compared(&mut node, url).await?),
        None => None,
    };
    let status = node.status().await.map_err(session::failure)?;
    if args.output.json {
        let head = node.head();
        printer.json(&json!({
            "networkId": node.network().network_id,
            "node": url,
            "status": status,
            "ready": status.not_ready.is_none(),
            "setExpires": node.set().not_after().to_string(),
            "checkpoint": head.map(|head| head.checkpoint),
            "certified": head.is_some(),
            "anchor": anchorings.as_ref().and_then(|found| found.all.last()).map(|newest| json!({
                "sidechainBlock": newest.sidechain_block.to_string(),
                "records": newest.size.to_string(),
                "anchoredAt": newest.anchored_at.to_string(),
                "mainnetBlock": newest.block.to_string(),
            })),
        }))?;
        return Ok(ExitStatus::Done);
    }
    print(&node, &status, printer)?;
    let now = time::now();
    match anchorings.as_ref().map(|found| found.all.last()) {
        None => printer.field(
            "anchor",
            format_args!(
                "{} records, {} settled, says the node; `--mainnet URL` compares",
                status.anchored_size, status.settled_size
            ),
        )?,
        Some(None) => printer.field("anchor", "nothing is anchored yet")?,
        Some(Some(newest)) => printer.field(
            "anchor",
            format_args!(
                "{} records, sidechain block {}, anchored {}; the node's log is mainnet's",
                newest.size,
                newest.sidechain_block,
                time::show(newest.anchored_at, now)
            ),
        )?,
    }
    Ok(ExitStatus::Done)
}

fn print(node: &VerifiedNode, status: &StatusAnswer, printer: &mut Printer) -> Result<()> {
    let now = time::now();
    printer.field("network", node.network().network_id)?;
    let version = one_line(&status.version);
    printer.field("node", format_args!("{}, version {version}, says itself", status.node))?;
    let shown = time::show(status.block_time, now);
    printer.field("sidechain", format_args!("block {}, {shown}, says the node", status.block))?;
    printer.field("records", format_args!("{}, says the node", status.size))?;
    let set = node.set();
    let expiry = time::show(set.not_after(), now);
    printer.field("set", format_args!("number {}, expires {expiry}", set.number()))?;
    match node.head() {
        None => printer.field("checkpoint", "nothing is certified yet")?,
        Some(head) => printer.field(
            "checkpoint",
            format_args!(
                "block {}, {} records, {}, certified by {} of {}: verified",
                head.checkpoint.block_number,
                head.checkpoint.size,
                time::show(head.checkpoint.block_time, now),
                head.weight,
                set.total()
            ),
        )?,
    }
    printer.field("promises", format_args!("{} open, says the node", status.open_promises))?;
    match &status.not_ready {
        Some(why) => printer.field("ready", format_args!("no: {}", one_line(why))),
        None => printer.field("ready", "yes: it takes messages, says the node"),
    }
}
