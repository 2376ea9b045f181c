//! `fallow request` and `check` through a node.

use super::sending::{self, Ended};
use super::session;
use crate::approval;
use crate::args::request::{Ask, Check, Request};
use crate::asking::{self, Signer, Target};
use crate::commands::request::{Recorded, report, sign_only};
use crate::error::{ExitStatus, Failure, Result};
use crate::files::{self, Existing};
use crate::findings::Findings;
use crate::messages::{read_announcement, read_approval, read_request};
use crate::printer::Printer;
use crate::refused::{Checked, line};
use crate::{signer, time};
use alloy_primitives::U256;
use fallow_chain::Registry;
use fallow_node_client::types::CheckAnswer;
use fallow_node_client::{Submitted, Travel, VerifiedNode};
use fallow_protocol::{
    Announcement, AnnouncementFile, Code, Refusal, RequestFile, ResourceId, SecretKey,
};
use serde_json::json;

/// How often a request is signed anew when its sequence was taken meanwhile.
const ATTEMPTS: u32 = 3;

pub(crate) async fn request(
    args: &Request,
    url: &str,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let send = &args.sign.send;
    let network = files::read_network(&send.network.network)?;
    let brought = args.announcement.as_ref().map(|path| read_announcement(path, &network));
    let brought = brought.transpose()?;
    let approval = args.approval.as_ref().map(|path| read_approval(path, &network)).transpose()?;
    let signed = args.request.as_ref().map(|path| read_request(path, &network)).transpose()?;
    let key = match signed {
        Some(_) => None,
        None => Some(args.sign.signer()?),
    };
    let mut node = session::open(url, &send.through, &send.network.network, None).await?;
    let named = signed.map(|file| file.request.resource_id).or(args.resource);
    let (target, terms) = target(&node, named, brought).await?;
    let mut asking = Asking { args, target, terms, key, sequence: args.ask.sequence };
    for attempt in 1..=ATTEMPTS {
        let now = time::now();
        let mut file = match signed {
            Some(file) => file,
            None => match asking.sign(&node, now).await? {
                Ok(file) => file,
                Err(refused) => return refused.report(now, send.output.json, printer),
            },
        };
        file.approval = approval.map(|approval| approval.signature).or(file.approval);
        if args.sign_only {
            let id = file.request.id(&network.domain());
            return sign_only(args, id, &asking.target, &file, printer);
        }
        let file = match asking.approved(file, &node).await? {
            Ok(file) => file,
            Err(refused) => return refused.report(now, send.output.json, printer),
        };
        if let Some(out) = &args.out {
            files::write_json(out, &file, Existing::Replace)?;
        }
        let submitted = asking.post(&node, &file, printer).await?;
        match sending::finish(&mut node, send, submitted, printer).await? {
            Ended::Refused(refusal) if attempt < ATTEMPTS && asking.goes_on(&refusal)? => {}
            ended => return asking.report(ended, &file, &node, printer),
        }
    }
    Err(Failure::refused("other requests of this key take its sequences")
        .hint("name an unused one of the last 128 with `--sequence`, or wait for the others"))
}

/// What is asked for, with the terms of its resource.
async fn target(
    node: &VerifiedNode,
    named: Option<ResourceId>,
    brought: Option<AnnouncementFile>,
) -> Result<(Target, Announcement)> {
    let id = match (brought, named) {
        (Some(file), _) => file.announcement.id(&node.network().domain()),
        (None, Some(id)) => id,
        (None, None) => {
            return Err(Failure::new("no resource is named").hint(
                "name one with `--resource ID` or `--announcement FILE`, or a signed request file",
            ));
        }
    };
    let found = node.resource(id).await.map_err(session::failure)?;
    match (found, brought) {
        (Some(found), _) => {
            let terms = found.answer.announcement;
            Ok((Target::of(id, &terms, None), terms))
        }
        (None, Some(file)) => {
            Ok((Target::of(id, &file.announcement, Some(file)), file.announcement))
        }
        (None, None) => Err(Failure::refused(format_args!("the node has no resource {id}")).hint(
            "`fallow resources` lists them; `--announcement FILE` brings one that nobody has \
             recorded yet",
        )),
    }
}

/// A request on its way.
struct Asking<'a> {
    args: &'a Request,
    target: Target,
    terms: Announcement,
    /// None for a request that was signed before.
    key: Option<SecretKey>,
    sequence: Option<u64>,
}

impl Asking<'_> {
    async fn sign(&mut self, node: &VerifiedNode, now: u64) -> Result<Checked<RequestFile>> {
        let key = self.key.as_ref().ok_or_else(|| Failure::new("nobody signs"))?;
        let sequence = next_sequence(node, key, self.sequence).await?;
        self.sequence = Some(sequence);
        let signer = Signer { key, sequence };
        asking::sign_as(node.network(), &self.target, &self.args.ask, &signer, now)
    }

    /// With the approver's signature, where the resource needs it and somebody can be asked.
    async fn approved(
        &self,
        file: RequestFile,
        node: &VerifiedNode,
    ) -> Result<Checked<RequestFile>> {
        match &self.args.approver_url {
            Some(url) if file.approval.is_none() && !self.terms.approver.is_zero() => {
                approval::ask(url, file, node.network()).await
            }
            _ => Ok(Ok(file)),
        }
    }

    /// An announcement that nobody recorded goes ahead as gossip: the node records it with the
    /// request.
    async fn post(
        &self,
        node: &VerifiedNode,
        file: &RequestFile,
        printer: &mut Printer,
    ) -> Result<Submitted> {
        if let Some(carried) = &self.target.carried {
            // The request is judged all the same, and that the node signs.
            let travels = node.gossip(carried).await.map_err(session::failure)?;
            if let Travel::Refused(problem) = travels {
                let why = session::problem_failure(&problem);
                printer.note(format_args!("the announcement does not travel: {why}"))?;
            }
        }
        node.request(file).await.map_err(session::failure)
    }

    /// Whether the sequence was only taken by another request meanwhile; the node says, with its
    /// signature, which one was the highest.
    fn goes_on(&mut self, refusal: &Refusal) -> Result<bool> {
        let is_taken =
            matches!(refusal.code, Code::SequenceAlreadyUsed | Code::SequenceOutsideWindow);
        if !is_taken || self.key.is_none() || self.args.ask.sequence.is_some() {
            return Ok(false);
        }
        let Ok(highest) = u64::try_from(refusal.want) else {
            return Ok(false);
        };
        self.sequence = Some(asking::after(highest)?);
        Ok(true)
    }

    fn report(
        &self,
        ended: Ended,
        file: &RequestFile,
        node: &VerifiedNode,
        printer: &mut Printer,
    ) -> Result<ExitStatus> {
        let send = &self.args.sign.send;
        let request_id = file.request.id(&node.network().domain());
        match ended {
            Ended::Refused(refusal) => {
                let status = sending::refused(refusal, send, printer)?;
                if approval::is_missing(&refusal) {
                    printer.hint(approval::MISSING)?;
                }
                Ok(status)
            }
            Ended::Promised(path) => {
                let named = ("requestId", request_id.0);
                sending::promised(named, json!(file.request), &path, send, printer)
            }
            Ended::Recorded(found) => {
                let recorded = Recorded { request_id, block: found.block };
                let status = report(self.args, file, &self.target, recorded, printer)?;
                sending::standing(&found, send.output.json, printer)?;
                Ok(status)
            }
        }
    }
}

/// The sequence named, else the one after the highest that is recorded.
async fn next_sequence(node: &VerifiedNode, key: &SecretKey, named: Option<u64>) -> Result<u64> {
    match named {
        Some(sequence) => Ok(sequence),
        None => {
            let highest = node.highest_sequence(key.address()).await;
            asking::after(highest.map_err(session::failure)?)
        }
    }
}

pub(crate) async fn check(args: &Check, url: &str, printer: &mut Printer) -> Result<ExitStatus> {
    let network = files::read_network(&args.network.network)?;
    let asked = match (&args.request, args.resource, &args.key) {
        (Some(path), _, _) => Asked::Signed(Box::new(read_request(path, &network)?)),
        (None, Some(resource), Some(key)) if args.ask.volume.is_some() => {
            Asked::Flags { resource, ask: &args.ask, key: signer::account(key, &args.store)? }
        }
        _ => {
            return Err(Failure::new("no request is named")
                .hint("name a request file, or `--resource ID --volume UNITS --key NAME`"));
        }
    };
    let node = session::open(url, &args.through, &args.network.network, None).await?;
    let now = time::now();
    let file = match asked.file(&node, now).await? {
        Ok(file) => file,
        Err(refused) => return refused.report(now, args.output.json, printer),
    };
    let findings = findings(&node.check(&file).await.map_err(session::failure)?, now);
    if args.output.json {
        printer.json(&findings.json())?;
        return Ok(findings.status());
    }
    findings.print(printer)?;
    if let Some(refusal) = findings.refusal() {
        printer.line(line(&refusal, now))?;
    }
    printer.note("the node's word only: nobody signs what a check finds")?;
    Ok(findings.status())
}

/// What is to be checked.
enum Asked<'a> {
    Signed(Box<RequestFile>),
    Flags { resource: ResourceId, ask: &'a Ask, key: SecretKey },
}

impl Asked<'_> {
    async fn file(self, node: &VerifiedNode, now: u64) -> Result<Checked<RequestFile>> {
        match self {
            Self::Signed(file) => Ok(Ok(*file)),
            Self::Flags { resource, ask, key } => {
                let (target, _) = target(node, Some(resource), None).await?;
                let sequence = next_sequence(node, &key, ask.sequence).await?;
                asking::sign_as(node.network(), &target, ask, &Signer { key: &key, sequence }, now)
            }
        }
    }
}

/// A node's findings in the form of the registry's.
fn findings(answer: &CheckAnswer, now: u64) -> Findings {
    let mut found = [const { Registry::Refusal { code: 0, got: U256::ZERO, want: U256::ZERO } }; 5];
    for (place, finding) in found.iter_mut().zip(&answer.findings) {
        let code = finding.code.unwrap_or_default();
        *place = Registry::Refusal { code, got: finding.got, want: finding.want };
    }
    Findings::new(found, now)
}
