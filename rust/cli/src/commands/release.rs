//! `fallow release`.

use crate::args::giveback::Release as Args;
use crate::chain::{Sidechain, block_on};
use crate::error::{ExitStatus, Failure, Result};
use crate::files::{self, Existing};
use crate::messages;
use crate::printer::{GOOD, Printer, count};
use crate::recording;
use crate::refused::Checked;
use crate::releasing::{self, Held, Submitted, Submitter};
use crate::through;
use crate::time;
use alloy_primitives::B256;
use fallow_chain::Follower;
use fallow_protocol::{Body, Record, Release, ReleaseBody, ReleaseFile, SecretKey};
use serde_json::json;
use std::path::Path;

pub(crate) fn release(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    match &args.sign.send.through.node {
        Some(url) => block_on(through::giveback::release(args, url, printer)),
        None => block_on(release_async(args, printer)),
    }
}

async fn release_async(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    let send = &args.sign.send;
    let asked = Asked::read(args)?;
    let side = Sidechain::connect(&send.network, &send.sidechain).await?;
    // The path has to fit the log that the next block finds.
    let mut follower = side.follow_to_latest().await?;
    let held = Held::find(&follower, &asked.allocation())?;
    let now = clock(&follower);
    let (file, payer) = match asked.file(args, &side, &held, now)? {
        Ok(asked) => asked,
        Err(refused) => return refused.report(now, send.output.json, printer),
    };
    if let Some(out) = &args.out {
        files::write_json(out, &file, Existing::Replace)?;
    }
    let id = file.release.id(&side.file.domain());
    if args.sign_only {
        return signed(args, id, &file, printer);
    }
    let mut submitter =
        Submitter { side: &side, follower: &mut follower, payer: &payer, wait: send.wait };
    match submitter.submit(&held, &file).await? {
        Ok(Submitted { block, rebuilt }) => {
            if rebuilt > 0 {
                let times = count(rebuilt, "time");
                printer.note(format_args!("the log had grown: its path was built anew {times}"))?;
            }
            let record = recording::record_of(&mut follower, id).await?;
            report(&file, &Recorded { id, block, record }, send.output.json, printer)
        }
        Err(refused) => refused.report(now, send.output.json, printer),
    }
}

/// The later one of this machine's clock and the latest block's: a slot that is too near for
/// either is not chosen.
fn clock(follower: &Follower) -> u64 {
    time::now().max(follower.head().map_or(0, |head| head.time))
}

/// What is given back: by a file, or by an allocation's name.
enum Asked {
    Signed { file: Box<ReleaseFile>, payer: SecretKey },
    Named { allocation: String, key: SecretKey },
}

impl Asked {
    /// What is named is read first: without it, no node need be asked.
    fn read(args: &Args) -> Result<Self> {
        let named = &args.allocation;
        if named.parse::<u64>().is_ok() || named.parse::<B256>().is_ok() {
            return Ok(Self::Named { allocation: named.clone(), key: args.sign.signer()? });
        }
        if args.from.is_some() || args.out.is_some() {
            return Err(Failure::new("a signed release is sent as it is")
                .hint("`--from` and `--out` are for an allocation, named by its id or index"));
        }
        let path = Path::new(named);
        let network = files::read_network(&args.sign.send.network.network)?;
        let file = messages::read_release(path, &network)?;
        Ok(Self::Signed { file: Box::new(file), payer: args.sign.payer()? })
    }

    fn allocation(&self) -> String {
        match self {
            Self::Signed { file, .. } => file.release.request_id.to_string(),
            Self::Named { allocation, .. } => allocation.clone(),
        }
    }

    /// The signed release, and who pays for it.
    fn file(
        self,
        args: &Args,
        side: &Sidechain,
        held: &Held,
        now: u64,
    ) -> Result<Checked<(ReleaseFile, SecretKey)>> {
        let key = match self {
            Self::Signed { file, payer } => return Ok(Ok((*file, payer))),
            Self::Named { key, .. } => key,
        };
        if let Some(refusal) = held.spent(&side.file.domain()) {
            return Ok(Err(Box::new(refusal.into())));
        }
        let from_time = match held.first_freed(args.from.as_ref(), now)? {
            Ok(from_time) => from_time,
            Err(refused) => return Ok(Err(refused)),
        };
        let request_id = held.body.request_id(&side.file.domain());
        let release = Release { request_id, from_time, timestamp: time::now() };
        let payer = args.sign.send.payer(&key)?;
        Ok(Ok((releasing::sign(&side.file, &key, release), payer)))
    }
}

pub(crate) fn signed(
    args: &Args,
    id: B256,
    file: &ReleaseFile,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    // The parser requires it.
    let Some(out) = &args.out else {
        return Err(Failure::new("`--sign-only` needs `--out FILE`"));
    };
    if args.sign.send.output.json {
        printer.json(&json!({ "releaseId": id, "release": file.release, "block": null }))?;
        return Ok(ExitStatus::Done);
    }
    printer.line(id)?;
    printer.note(format_args!("{GOOD}wrote{GOOD:#} `{}`; nothing was sent", out.display()))?;
    printer.hint(format_args!(
        "anybody can send it within 5 minutes: `fallow release {}`",
        out.display()
    ))?;
    Ok(ExitStatus::Done)
}

/// A release that is final.
pub(crate) struct Recorded {
    pub(crate) id: B256,
    pub(crate) block: u64,
    pub(crate) record: Record,
}

pub(crate) fn report(
    file: &ReleaseFile,
    recorded: &Recorded,
    json: bool,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let Recorded { id, block, record } = recorded;
    let Body::Release(body) = &record.body else {
        return Err(Failure::new("the record of a release is of another kind"));
    };
    if json {
        printer.json(&json!({
            "releaseId": id,
            "release": file.release,
            "block": block.to_string(),
            "index": record.index.to_string(),
            "freed": {
                "startTime": body.from_time.to_string(),
                "endTime": body.end_time.to_string(),
                "slots": body.slot_count,
                "volume": body.volume,
            },
        }))?;
        return Ok(ExitStatus::Done);
    }
    printer.line(id)?;
    let recorded = format!("{GOOD}recorded{GOOD:#} in sidechain block {block}");
    printer.note(format_args!("{recorded}: {}", freed(body)))?;
    Ok(ExitStatus::Done)
}

/// What is free again, for people.
fn freed(body: &ReleaseBody) -> String {
    let range = time::range(body.from_time, body.end_time);
    let (slots, units) = (count(body.slot_count, "slot"), count(body.volume, "unit"));
    let kept = if body.from_time == body.start_time {
        "nothing of the allocation is left".to_owned()
    } else {
        format!("{} stay yours", time::range(body.start_time, body.from_time))
    };
    format!("{units} in {slots} are free again, {range}; {kept}")
}
