//! `fallow withdraw`.

use crate::args::giveback::Withdraw as Args;
use crate::chain::{Sidechain, block_on};
use crate::error::{ExitStatus, Failure, Result};
use crate::files;
use crate::messages;
use crate::printer::{GOOD, Printer};
use crate::recording;
use crate::refused::Refused;
use crate::submit::{Prepared, Submission};
use crate::through;
use crate::time;
use fallow_chain::{Registry, Replay};
use fallow_protocol::{Announcement, Body, Record, ResourceId, Withdrawal};
use serde_json::json;
use std::path::Path;

pub(crate) fn withdraw(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    match &args.sign.send.through.node {
        Some(url) => block_on(through::giveback::withdraw(args, url, printer)),
        None => block_on(withdraw_async(args, printer)),
    }
}

async fn withdraw_async(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    let send = &args.sign.send;
    let named = Named::read(args)?;
    let key = args.sign.signer()?;
    let payer = send.payer(&key)?;
    let side = Sidechain::connect(&send.network, &send.sidechain).await?;
    let mut follower = side.follow_to_latest().await?;
    let announcement = named.announcement(&follower)?;
    let (domain, now) = (side.file.domain(), time::now());
    let withdrawal = Withdrawal { resource_id: announcement.id(&domain), timestamp: now };
    let id = withdrawal.id(&domain);
    let call = Registry::withdrawCall {
        message: withdrawal.into(),
        announcement: announcement.into(),
        signatures: key.sign(id).0.into(),
    };
    let submission = match Submission::prepare(&side, &payer, &call).await? {
        Prepared::Accepted(submission) => submission,
        Prepared::Refused(refusal) => {
            return Refused::from(refusal).report(now, send.output.json, printer);
        }
    };
    let block = submission.send(send.wait).await?;
    let record = recording::record_of(&mut follower, id).await?;
    report(send.output.json, &withdrawal, &record, block, printer)
}

/// What is closed.
enum Named {
    Resource(ResourceId),
    Brought(Box<Announcement>),
}

impl Named {
    /// What is named is read first: without it, no node need be asked.
    fn read(args: &Args) -> Result<Self> {
        if let Ok(id) = args.resource.parse() {
            return Ok(Self::Resource(id));
        }
        let network = files::read_network(&args.sign.send.network.network)?;
        let path = Path::new(&args.resource);
        if path != Path::new(files::STANDARD) && !path.exists() {
            return Err(Failure::new(format_args!("`{}` is no id and no file", path.display()))
                .hint("name a resource's id (`fallow resources`), or an announcement file"));
        }
        let file = messages::read_announcement(path, &network)?;
        Ok(Self::Brought(Box::new(file.announcement)))
    }

    /// The announcement in the file, or that of a recorded resource, rebuilt from its record.
    fn announcement(self, replay: &Replay) -> Result<Announcement> {
        let id = match self {
            Self::Brought(announcement) => return Ok(*announcement),
            Self::Resource(id) => id,
        };
        let entry = replay.index_of(id.0).and_then(|index| replay.record(index));
        let record = entry.map(recording::decode).transpose()?;
        match record.map(|record| record.body) {
            Some(Body::Announcement(body)) => Ok(body.announcement()),
            _ => Err(Failure::refused(format_args!("nobody has recorded the resource {id}"))
                .hint("name the file of its announcement: then it never can be recorded")),
        }
    }
}

pub(crate) fn report(
    json: bool,
    withdrawal: &Withdrawal,
    record: &Record,
    block: u64,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let Body::Withdrawal(body) = &record.body else {
        return Err(Failure::new("the record of a withdrawal is of another kind"));
    };
    let is_tombstone = body.resource_index == 0;
    if json {
        printer.json(&json!({
            "resourceId": withdrawal.resource_id,
            "withdrawal": withdrawal,
            "block": block.to_string(),
            "index": record.index.to_string(),
            "tombstone": is_tombstone,
        }))?;
        return Ok(ExitStatus::Done);
    }
    printer.line(withdrawal.resource_id)?;
    let what = if is_tombstone {
        "nobody had recorded the announcement, and now nobody can".to_owned()
    } else {
        let index = body.resource_index;
        format!("the resource of record {index} takes no more requests; its allocations stand")
    };
    printer.note(format_args!("{GOOD}recorded{GOOD:#} in sidechain block {block}: {what}"))?;
    Ok(ExitStatus::Done)
}
