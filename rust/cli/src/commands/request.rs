//! `fallow request` and `fallow check`.

use crate::args::message::{Ask, Check, Request};
use crate::asking;
use crate::chain::{Sidechain, block_on};
use crate::error::{ExitStatus, Failure, Result};
use crate::files::{self, Existing};
use crate::findings::Findings;
use crate::printer::{BAD, GOOD, Printer, count};
use crate::submit::{Prepared, Submission};
use crate::verdict::explain;
use crate::{signer, time};
use fallow_chain::Registry;
use fallow_protocol::{Refusal, RequestFile, SecretKey};
use serde_json::json;
use std::path::Path;

pub(crate) fn request(args: &Request, printer: &mut Printer) -> Result<ExitStatus> {
    block_on(request_async(args, printer))
}

async fn request_async(args: &Request, printer: &mut Printer) -> Result<ExitStatus> {
    let sign = &args.sign;
    let side = Sidechain::connect(&sign.network, &sign.sidechain).await?;
    let key = signer::account(&sign.key, &sign.store)?;
    let sender = match &sign.sender {
        Some(name) => signer::account(name, &sign.store)?,
        None => key.clone(),
    };
    let now = time::now();
    let file = asking::sign(&side, &args.ask, &key, now).await?;
    let findings = asking::check(&side, &file, now).await?;
    if !findings.hold() && !args.force {
        return refuse(&findings, sign.output.json, printer);
    }
    let call =
        Registry::requestCall { message: file.request.into(), signatures: file.signature.0.into() };
    let submission = match Submission::prepare(&side, &sender, &call).await? {
        Prepared::Accepted(submission) => submission,
        Prepared::Refused(refusal) => {
            return report_refusal(&refusal, now, sign.output.json, printer);
        }
    };
    // Before it is sent: once it is recorded, nobody should have to look for it.
    if let Some(out) = &args.out {
        files::write_json(out, &file, Existing::Replace)?;
    }
    let block = submission.send(sign.wait).await?;
    report(&side, &file, block, sign.output.json, printer)
}

fn refuse(findings: &Findings, json: bool, printer: &mut Printer) -> Result<ExitStatus> {
    if json {
        printer.json(&findings.json())?;
    } else {
        findings.print(printer)?;
        if let Some(refusal) = findings.refusal() {
            let (code, name) = (refusal.code.number(), refusal.code.name());
            printer
                .line(format_args!("{BAD}refused{BAD:#}: {code:03} {name}; nothing was sent"))?;
        }
        printer.hint("`--force` sends it all the same; the registry will refuse it")?;
    }
    Ok(ExitStatus::Refused)
}

/// A refusal of the registry itself.
pub(crate) fn report_refusal(
    refusal: &Refusal,
    now: u64,
    json: bool,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    if json {
        printer.json(&json!({ "refusal": refusal }))?;
    } else {
        let (code, name) = (refusal.code.number(), refusal.code.name());
        let why = explain(refusal, now);
        printer.line(format_args!("{BAD}refused{BAD:#}: {code:03} {name}: {why}"))?;
    }
    Ok(ExitStatus::Refused)
}

fn report(
    side: &Sidechain,
    file: &RequestFile,
    block: u64,
    json: bool,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let (request, now) = (&file.request, time::now());
    let id = request.id(&side.file.domain());
    if json {
        printer.json(&json!({
            "requestId": id, "request": request, "block": block.to_string(),
        }))?;
        return Ok(ExitStatus::Done);
    }
    printer.line(id)?;
    printer.note(format_args!(
        "{GOOD}recorded{GOOD:#} in sidechain block {block}: {} from {} to {}",
        count(request.volume, "unit"),
        time::show(request.start_time, now),
        time::show(request.end_time, now)
    ))?;
    printer.hint(format_args!("`fallow ticket {id} --out my.ticket` writes the proof"))?;
    Ok(ExitStatus::Done)
}

pub(crate) fn check(args: &Check, printer: &mut Printer) -> Result<ExitStatus> {
    block_on(check_async(args, printer))
}

async fn check_async(args: &Check, printer: &mut Printer) -> Result<ExitStatus> {
    // What is named is read first: without it, no node need be asked.
    let asked = Asked::read(args)?;
    let side = Sidechain::connect(&args.network, &args.sidechain).await?;
    let now = time::now();
    let findings = asking::check(&side, &asked.file(&side, now).await?, now).await?;
    if args.output.json {
        printer.json(&findings.json())?;
    } else {
        findings.print(printer)?;
    }
    Ok(findings.status())
}

/// What is to be checked.
enum Asked<'a> {
    /// A request that was signed before.
    Signed { path: &'a Path, file: Box<RequestFile> },
    /// A request that the flags make.
    Flags { ask: Ask, key: SecretKey },
}

impl<'a> Asked<'a> {
    fn read(args: &'a Check) -> Result<Self> {
        if let Some(path) = &args.request {
            let file = Box::new(files::read_message(path, "request file")?);
            return Ok(Self::Signed { path, file });
        }
        let (Some(resource), Some(volume), Some(key)) = (args.resource, args.volume, &args.key)
        else {
            return Err(Failure::new("no request is named")
                .hint("name a request file, or `--resource ID --volume UNITS --key NAME`"));
        };
        let Check { start, length, sequence, .. } = *args;
        let ask = Ask { resource, volume, start, length, sequence };
        Ok(Self::Flags { ask, key: signer::account(key, &args.store)? })
    }

    async fn file(self, side: &Sidechain, now: u64) -> Result<RequestFile> {
        let (path, file) = match self {
            Self::Flags { ask, key } => return asking::sign(side, &ask, &key, now).await,
            Self::Signed { path, file } => (path, *file),
        };
        let (got, want) = (file.network_id, side.file.network_id);
        if got != want {
            let what = format!("`{}` is for the network {got}, not {want}", path.display());
            return Err(Failure::refused(what).hint("`--network FILE` names the network file"));
        }
        Ok(file)
    }
}
