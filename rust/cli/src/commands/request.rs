//! `fallow request`.

use crate::approval;
use crate::args::request::Request;
use crate::asking::{self, Target};
use crate::chain::{Sidechain, block_on};
use crate::error::{ExitStatus, Failure, Result};
use crate::files::{self, Existing};
use crate::findings::Findings;
use crate::messages;
use crate::printer::{GOOD, Printer, count};
use crate::refused::{Checked, Refused, line, next_step};
use crate::submit::{Prepared, Submission};
use crate::through;
use crate::time;
use fallow_chain::Registry;
use fallow_protocol::{
    AnnouncementFile, ApprovalFile, Code, NetworkFile, RequestFile, RequestId, ResourceId,
    SecretKey,
};
use serde_json::json;

pub(crate) fn request(args: &Request, printer: &mut Printer) -> Result<ExitStatus> {
    match &args.sign.send.through.node {
        Some(url) => block_on(through::request::request(args, url, printer)),
        None => block_on(request_async(args, printer)),
    }
}

async fn request_async(args: &Request, printer: &mut Printer) -> Result<ExitStatus> {
    let send = &args.sign.send;
    let inputs = Inputs::read(args)?;
    let side = Sidechain::connect(&send.network, &send.sidechain).await?;
    let now = time::now();
    let target = inputs.target(&side).await?;
    let (file, payer) = match inputs.file(args, &side, &target, now).await? {
        Ok(asked) => asked,
        Err(refused) => return refused.report(now, send.output.json, printer),
    };
    if args.sign_only {
        let id = file.request.id(&side.file.domain());
        return sign_only(args, id, &target, &file, printer);
    }
    let file = match judged(args, &side, &target, file, now).await? {
        Judged::Sendable(file) => file,
        Judged::Refused(refused) => return refused.report(now, send.output.json, printer),
        Judged::Recorded(file, recorded) => {
            return report(args, &file, &target, recorded, printer);
        }
        Judged::Found(findings) => return refuse(&findings, now, send.output.json, printer),
    };
    // Before a node is asked to take it: an approval that was counted can be sent again, and once
    // it is recorded, nobody should have to look for it.
    if let Some(out) = &args.out {
        files::write_json(out, &file, Existing::Replace)?;
    }
    let submission = match prepare(&side, &payer, &file, target.carried.as_ref()).await? {
        Prepared::Accepted(submission) => submission,
        Prepared::Refused(refusal) => {
            let status = Refused::from(refusal).report(now, send.output.json, printer)?;
            if approval::is_missing(&refusal) {
                printer.hint(approval::MISSING)?;
            }
            return Ok(status);
        }
    };
    if args.announcement.is_some() && target.carried.is_none() {
        printer.note("the announcement is recorded already: the request is sent alone")?;
    }
    let block = submission.send(send.wait).await?;
    let recorded = Recorded { request_id: file.request.id(&side.file.domain()), block };
    report(args, &file, &target, recorded, printer)
}

/// What is named in the command, read before any node is asked.
struct Inputs {
    asked: Asked,
    announcement: Option<AnnouncementFile>,
    approval: Option<ApprovalFile>,
}

/// What is asked for: by a file, or by the flags.
enum Asked {
    Signed { file: Box<RequestFile>, payer: SecretKey },
    Flags { resource: Option<ResourceId>, key: SecretKey },
}

impl Inputs {
    fn read(args: &Request) -> Result<Self> {
        let network = files::read_network(&args.sign.send.network.network)?;
        let announcement = args.announcement.as_ref();
        let announcement = announcement.map(|path| messages::read_announcement(path, &network));
        let approval = args.approval.as_ref();
        let approval = approval.map(|path| messages::read_approval(path, &network));
        Ok(Self {
            announcement: announcement.transpose()?,
            approval: approval.transpose()?,
            asked: Asked::read(args, &network)?,
        })
    }

    async fn target(&self, side: &Sidechain) -> Result<Target> {
        if let Some(file) = &self.announcement {
            return Target::brought(side, file).await;
        }
        let id = match &self.asked {
            Asked::Signed { file, .. } => Some(file.request.resource_id),
            Asked::Flags { resource, .. } => *resource,
        };
        // `Asked::read` has seen to it.
        let id =
            id.ok_or_else(|| Failure::new("neither a resource nor an announcement is named"))?;
        Target::recorded(side, id).await
    }

    /// The signed request, and who pays for it.
    async fn file(
        self,
        args: &Request,
        side: &Sidechain,
        target: &Target,
        now: u64,
    ) -> Result<Checked<(RequestFile, SecretKey)>> {
        let (mut file, payer) = match self.asked {
            Asked::Signed { file, payer } => (*file, payer),
            Asked::Flags { key, .. } => {
                let payer = args.sign.send.payer(&key)?;
                match asking::sign(side, target, &args.ask, &key, now).await? {
                    Ok(file) => (file, payer),
                    Err(refused) => return Ok(Err(refused)),
                }
            }
        };
        if let Some(approval) = self.approval {
            file.approval = Some(approval.signature);
        }
        Ok(Ok((file, payer)))
    }
}

impl Asked {
    fn read(args: &Request, network: &NetworkFile) -> Result<Self> {
        if let Some(path) = &args.request {
            let file = Box::new(messages::read_request(path, network)?);
            return Ok(Self::Signed { file, payer: args.sign.payer()? });
        }
        if args.resource.is_none() && args.announcement.is_none() {
            return Err(Failure::new("no resource is named").hint(
                "name one with `--resource ID` or `--announcement FILE`, or a signed request file",
            ));
        }
        Ok(Self::Flags { resource: args.resource, key: args.sign.signer()? })
    }
}

/// What is known of a request before it is sent.
enum Judged {
    /// Nothing speaks against it, or the user wants it all the same.
    Sendable(Box<RequestFile>),
    /// The approver refused it.
    Refused(Box<Refused>),
    /// It is recorded already.
    Recorded(Box<RequestFile>, Recorded),
    /// One of the five checks fails.
    Found(Box<Findings>),
}

/// Checks a request, and has it approved if that is all that it lacks.
async fn judged(
    args: &Request,
    side: &Sidechain,
    target: &Target,
    file: RequestFile,
    now: u64,
) -> Result<Judged> {
    // The registry's view knows recorded resources only; for others, trying it out has to do.
    let findings = match target.carried {
        None => Some(asking::check(side, &file, now).await?),
        Some(_) => None,
    };
    let lacks_approval = file.approval.is_none()
        && match (&findings, &target.carried) {
            (Some(findings), _) => findings.need_approval(),
            (None, carried) => {
                carried.as_ref().is_some_and(|file| !file.announcement.approver.is_zero())
            }
        };
    match (&args.approver_url, findings) {
        (Some(url), _) if lacks_approval => {
            let asked = approval::ask(url, file, &side.file).await?;
            Ok(asked.map_or_else(Judged::Refused, |file| Judged::Sendable(Box::new(file))))
        }
        (_, Some(findings)) if !findings.hold() && !args.force => {
            let recorded = match &args.request {
                Some(_) => recorded(side, &file).await?,
                None => None,
            };
            Ok(match recorded {
                Some(recorded) => Judged::Recorded(Box::new(file), recorded),
                None => Judged::Found(Box::new(findings)),
            })
        }
        _ => Ok(Judged::Sendable(Box::new(file))),
    }
}

/// Where a signed request stands if it is recorded: anybody may send it, and whoever did may not
/// know how it ended.
async fn recorded(side: &Sidechain, file: &RequestFile) -> Result<Option<Recorded>> {
    let request_id = file.request.id(&side.file.domain());
    let follower = side.follow().await?;
    let entry = follower.index_of(request_id.0).and_then(|index| follower.record(index));
    Ok(entry.map(|entry| Recorded { request_id, block: entry.block }))
}

/// Tries the request out, with its announcement if it brings one.
async fn prepare(
    side: &Sidechain,
    payer: &SecretKey,
    file: &RequestFile,
    carried: Option<&AnnouncementFile>,
) -> Result<Prepared> {
    let (message, signatures) = (file.request.into(), asking::signatures(file));
    let Some(carried) = carried else {
        let call = Registry::requestCall { message, signatures: signatures.into() };
        return Submission::prepare(side, payer, &call).await;
    };
    let call = Registry::announceAndRequestCall {
        announcement: carried.announcement.into(),
        message,
        signatures: [carried.signature.0.as_slice(), &signatures].concat().into(),
    };
    Submission::prepare(side, payer, &call).await
}

pub(crate) fn sign_only(
    args: &Request,
    id: RequestId,
    target: &Target,
    file: &RequestFile,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    // The parser requires it.
    let Some(out) = &args.out else {
        return Err(Failure::new("`--sign-only` needs `--out FILE`"));
    };
    files::write_json(out, file, Existing::Replace)?;
    if args.sign.send.output.json {
        printer.json(&json!({ "requestId": id, "request": file.request, "block": null }))?;
        return Ok(ExitStatus::Done);
    }
    printer.line(id)?;
    printer.note(format_args!("{GOOD}wrote{GOOD:#} `{}`; nothing was sent", out.display()))?;
    let brought = args.announcement.as_ref().filter(|_| target.carried.is_some());
    let brought = brought.map(|path| format!(" --announcement {}", path.display()));
    printer.hint(format_args!(
        "an approver answers it; `fallow request {}{} --approval FILE` sends it within 5 minutes",
        out.display(),
        brought.unwrap_or_default()
    ))?;
    Ok(ExitStatus::Done)
}

fn refuse(findings: &Findings, now: u64, json: bool, printer: &mut Printer) -> Result<ExitStatus> {
    if json {
        printer.json(&findings.json())?;
        return Ok(ExitStatus::Refused);
    }
    findings.print(printer)?;
    if let Some(refusal) = findings.refusal() {
        printer.line(line(&refusal, now))?;
    }
    printer.note("nothing was sent")?;
    let code = findings.refusal().map(|refusal| refusal.code);
    let next = match code {
        _ if findings.need_approval() => Some(approval::MISSING),
        Some(Code::ResourceUnknown) => {
            Some("`--announcement FILE` brings an announcement that nobody has recorded yet")
        }
        code => code.and_then(next_step),
    };
    printer.hint(next.unwrap_or("`--force` sends it all the same; the registry will refuse it"))?;
    Ok(ExitStatus::Refused)
}

/// Where the record is.
pub(crate) struct Recorded {
    pub(crate) request_id: RequestId,
    pub(crate) block: u64,
}

pub(crate) fn report(
    args: &Request,
    file: &RequestFile,
    target: &Target,
    recorded: Recorded,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let (request, now) = (&file.request, time::now());
    let Recorded { request_id: id, block } = recorded;
    if args.sign.send.output.json {
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
    if target.carried.is_some() {
        printer.note(format_args!("with its announcement, resource {}", target.id))?;
    }
    printer.hint(format_args!("`fallow ticket {id} --out my.ticket` writes the proof"))?;
    Ok(ExitStatus::Done)
}
