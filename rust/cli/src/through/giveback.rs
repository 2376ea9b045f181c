//! `fallow release` and `withdraw` through a node.

use super::sending::{self, Ended};
use super::{messages, session};
use crate::args::giveback::{Release as ReleaseArgs, Withdraw};
use crate::commands::{release as releases, withdraw as withdrawals};
use crate::error::{ExitStatus, Failure, Result};
use crate::files::{self, Existing};
use crate::messages::{read_announcement, read_release};
use crate::printer::Printer;
use crate::refused::Checked;
use crate::releasing::{self, Held};
use crate::time;
use alloy_primitives::B256;
use fallow_node_client::VerifiedNode;
use fallow_protocol::{
    Announcement, AnnouncementFile, Body, FILE_VERSION, Release, ReleaseFile, ResourceId,
    SecretKey, Withdrawal, WithdrawalFile,
};
use serde_json::json;
use std::path::Path;

pub(crate) async fn release(
    args: &ReleaseArgs,
    url: &str,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let (send, now) = (&args.sign.send, time::now());
    let network = files::read_network(&send.network.network)?;
    let named = &args.allocation;
    let (index, id) = (named.parse::<u64>().ok(), named.parse::<B256>().ok());
    let asked = match index.is_some() || id.is_some() {
        true => Ok(args.sign.signer()?),
        false if args.from.is_some() || args.out.is_some() => {
            return Err(Failure::new("a signed release is sent as it is")
                .hint("`--from` and `--out` are for an allocation, named by its id or index"));
        }
        false => Err(read_release(Path::new(named), &network)?),
    };
    let mut node = session::open(url, &send.through, &send.network.network, None).await?;
    let file = match asked {
        Err(signed) => signed,
        Ok(key) => match sign(args, &node, &key, (index, id), now).await? {
            Ok(file) => file,
            Err(refused) => return refused.report(now, send.output.json, printer),
        },
    };
    if let Some(out) = &args.out {
        files::write_json(out, &file, Existing::Replace)?;
    }
    let id = file.release.id(&network.domain());
    if args.sign_only {
        return releases::signed(args, id, &file, printer);
    }
    let submitted = node.release(&file).await.map_err(session::failure)?;
    match sending::finish(&mut node, send, submitted, printer).await? {
        Ended::Refused(refusal) => sending::refused(refusal, send, printer),
        Ended::Promised(path) => {
            sending::promised(("releaseId", id), json!(file.release), &path, send, printer)
        }
        Ended::Recorded(found) => {
            let record = found.sound.record.clone();
            let recorded = releases::Recorded { id, block: found.block, record };
            let status = releases::report(&file, &recorded, send.output.json, printer)?;
            sending::standing(&found, send.output.json, printer)?;
            Ok(status)
        }
    }
}

/// Signs the release of an allocation, whose record and terms are verified first.
async fn sign(
    args: &ReleaseArgs,
    node: &VerifiedNode,
    key: &SecretKey,
    named: (Option<u64>, Option<B256>),
    now: u64,
) -> Result<Checked<ReleaseFile>> {
    let found = match named {
        (Some(index), _) => node.record_at(index).await,
        (None, Some(id)) => node.record_of(id).await,
        (None, None) => Ok(None),
    };
    let found = found.map_err(session::failure)?.ok_or_else(|| {
        Failure::refused(format_args!("the node has no record `{}`", args.allocation))
            .hint("`fallow requests` lists what is recorded")
    })?;
    let Body::Allocation(body) = &found.sound.record.body else {
        return Err(Failure::refused(format_args!("`{}` is no allocation", args.allocation))
            .hint("`fallow requests` lists allocations"));
    };
    let terms = node.terms(body.resource_index, body.resource_id).await;
    let terms = terms.map_err(session::failure)?;
    let held = Held::of(found.index(), found.answer.record.clone(), body.clone(), terms);
    let from_time = match held.first_freed(args.from.as_ref(), now)? {
        Ok(from_time) => from_time,
        Err(refused) => return Ok(Err(refused)),
    };
    let request_id = body.request_id(&node.network().domain());
    let release = Release { request_id, from_time, timestamp: time::now() };
    Ok(Ok(releasing::sign(node.network(), key, release)))
}

pub(crate) async fn withdraw(
    args: &Withdraw,
    url: &str,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let send = &args.sign.send;
    let network = files::read_network(&send.network.network)?;
    let named = args.resource.parse::<ResourceId>().ok();
    let brought = match named {
        Some(_) => None,
        None => Some(read_announcement(Path::new(&args.resource), &network)?),
    };
    let key = args.sign.signer()?;
    let mut node = session::open(url, &send.through, &send.network.network, None).await?;
    let announcement = announcement(&node, named, brought.as_ref()).await?;
    let domain = network.domain();
    let withdrawal = Withdrawal { resource_id: announcement.id(&domain), timestamp: time::now() };
    let id = withdrawal.id(&domain);
    let file = WithdrawalFile {
        version: FILE_VERSION,
        network_id: network.network_id,
        withdrawal,
        signature: key.sign(id),
    };
    let submitted = node.withdraw(&file).await.map_err(session::failure)?;
    match sending::finish(&mut node, send, submitted, printer).await? {
        Ended::Refused(refusal) => sending::refused(refusal, send, printer),
        Ended::Promised(path) => {
            sending::promised(("withdrawalId", id), json!(withdrawal), &path, send, printer)
        }
        Ended::Recorded(found) => {
            let (json, record) = (send.output.json, &found.sound.record);
            let status = withdrawals::report(json, &withdrawal, record, found.block, printer)?;
            sending::standing(&found, json, printer)?;
            Ok(status)
        }
    }
}

/// The announcement that is closed. One that the node has not seen yet is handed to it first.
async fn announcement(
    node: &VerifiedNode,
    named: Option<ResourceId>,
    brought: Option<&AnnouncementFile>,
) -> Result<Announcement> {
    let id = match (named, brought) {
        (Some(id), _) => id,
        (None, Some(file)) => file.announcement.id(&node.network().domain()),
        (None, None) => return Err(Failure::new("no resource is named")),
    };
    let found = node.resource(id).await.map_err(session::failure)?;
    match (found, brought) {
        (Some(found), _) => Ok(found.answer.announcement),
        (None, Some(file)) => {
            messages::travel(node, file).await?;
            Ok(file.announcement)
        }
        (None, None) => Err(Failure::refused(format_args!("the node has no resource {id}"))
            .hint("name the file of its announcement: then it never can be recorded")),
    }
}
