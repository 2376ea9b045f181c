//! `fallow announce` and `offer publish` through a node.

use super::sending::{self, Ended};
use super::session;
use crate::args::message::{Announce, Publish};
use crate::commands::announce::{self, Recorded, Signed};
use crate::error::{ExitStatus, Failure, Result, one_line};
use crate::files::{self, Existing};
use crate::offer;
use crate::printer::{GOOD, Printer};
use crate::time;
use fallow_node_client::{ClientError, NodeCode, NodeError, Travel, VerifiedNode};
use fallow_protocol::{AnnouncementFile, FILE_MAX_BYTES};
use serde_json::json;

pub(crate) async fn announce(
    args: &Announce,
    url: &str,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let (send, now) = (&args.sign.send, time::now());
    let Signed { network, offer, file, .. } = match announce::sign(args, now)? {
        Ok(signed) => signed,
        Err(refused) => return refused.report(now, send.output.json, printer),
    };
    let mut node = session::open(url, &send.through, &send.network.network, None).await?;
    if let Some(path) = &args.gossip {
        let status = announce::gossip(&network, &file, path, args, printer)?;
        if status == ExitStatus::Done {
            travel(&node, &file).await?;
            printer.note("the node hands it out, too")?;
            document(args, &node, printer).await?;
        }
        return Ok(status);
    }
    // Before it is sent: the provider's door needs the file as soon as the record is there.
    files::write_json(&args.out, &file, Existing::forced(args.force))?;
    let submitted = node.announce(&file).await.map_err(session::failure)?;
    let resource_id = file.announcement.id(&network.domain());
    let status = match sending::finish(&mut node, send, submitted, printer).await? {
        Ended::Refused(refusal) => return sending::refused(refusal, send, printer),
        Ended::Promised(path) => {
            let named = ("announcementId", resource_id.0);
            sending::promised(named, json!(file.announcement), &path, send, printer)?
        }
        Ended::Recorded(found) => {
            let recorded = Recorded { resource_id, block: found.block };
            let status = announce::report(args, &file.announcement, &offer, recorded, printer)?;
            sending::standing(&found, send.output.json, printer)?;
            status
        }
    };
    document(args, &node, printer).await?;
    Ok(status)
}

/// Publishes the offer document of an announcement that the node has: searches look into it, and
/// who has only the hash asks for it by that. A node takes no document that no announcement names,
/// and the announcement stands without it.
async fn document(args: &Announce, node: &VerifiedNode, printer: &mut Printer) -> Result<()> {
    let document = files::read(&args.offer, FILE_MAX_BYTES)?;
    match node.put_offer(document.into()).await {
        Ok(_) => Ok(()),
        Err(NodeError::Client(error)) => {
            printer.note(format_args!(
                "the node does not serve the offer document: {}",
                one_line(&error.to_string())
            ))?;
            printer.hint(format_args!("`fallow offer publish {}`", args.offer.display()))
        }
        Err(error) => Err(session::failure(error)),
    }
}

/// Hands an announcement to the node, which must take it.
pub(super) async fn travel(node: &VerifiedNode, file: &AnnouncementFile) -> Result<()> {
    match node.gossip(file).await.map_err(session::failure)? {
        Travel::Taken => Ok(()),
        Travel::Refused(problem) => Err(session::problem_failure(&problem)),
    }
}

pub(crate) async fn publish(args: &Publish, printer: &mut Printer) -> Result<ExitStatus> {
    let document = files::read(&args.offer, FILE_MAX_BYTES)?;
    let hashed = offer::read(&args.offer)?;
    let url = args.through.node.as_deref().ok_or_else(|| {
        Failure::new("nobody is named who serves the document")
            .hint("`--node URL` or the variable FALLOW_NODE names a node")
    })?;
    let node = session::open(url, &args.through, &args.network.network, None).await?;
    let hash = node.put_offer(document.into()).await.map_err(|error| {
        let is_unknown = matches!(&error, NodeError::Client(ClientError::Problem(problem))
            if problem.code == NodeCode::AnnouncementUnknown.number());
        let failure = session::failure(error);
        match is_unknown {
            true => failure.hint("announce it first: `fallow announce --offer FILE`"),
            false => failure,
        }
    })?;
    if hash != hashed.hash {
        return Err(Failure::new("the file has changed while it was read"));
    }
    if args.output.json {
        printer.json(&json!({ "hash": hash }))?;
        return Ok(ExitStatus::Done);
    }
    printer.line(hash)?;
    printer.note(format_args!("{GOOD}published{GOOD:#}: the node serves it by its hash"))?;
    Ok(ExitStatus::Done)
}
