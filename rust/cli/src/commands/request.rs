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
use fallow_protocol::{Refusal, RequestFile};
use serde_json::json;

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
    let side = Sidechain::connect(&args.network, &args.sidechain).await?;
    let now = time::now();
    let file = match &args.request {
        Some(path) => {
            let file: RequestFile = files::read_message(path, "request file")?;
            let (got, want) = (file.network_id, side.file.network_id);
            if got != want {
                let what = format!("`{}` is for the network {got}, not {want}", path.display());
                return Err(Failure::refused(what).hint("`--network FILE` names the network file"));
            }
            file
        }
        None => made(&side, args, now).await?,
    };
    let findings = asking::check(&side, &file, now).await?;
    if args.output.json {
        printer.json(&findings.json())?;
    } else {
        findings.print(printer)?;
    }
    Ok(findings.status())
}

/// A request of the flags.
async fn made(side: &Sidechain, args: &Check, now: u64) -> Result<RequestFile> {
    let (Some(resource), Some(volume), Some(key)) = (args.resource, args.volume, &args.key) else {
        return Err(Failure::new("no request is named")
            .hint("name a request file, or `--resource`, `--volume` and `--key`"));
    };
    let ask =
        Ask { resource, volume, start: args.start, length: args.length, sequence: args.sequence };
    asking::sign(side, &ask, &signer::account(key, &args.store)?, now).await
}
