//! From a signed message to its record: the node's promise is verified, kept, and waited for.

use super::session;
use crate::args::message::SendArgs;
use crate::error::{ExitStatus, Result};
use crate::files::{self, Existing};
use crate::printer::{GOOD, Printer, count};
use crate::refused::Refused;
use crate::time;
use alloy_primitives::B256;
use fallow_node_client::{NodeError, Proven, Standing, Submitted, VerifiedNode};
use fallow_protocol::{NetworkId, PromiseFile, Refusal};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// How a message that was posted ended.
pub(super) enum Ended {
    /// In the log; verified.
    Recorded(Box<Proven>),
    /// The node's promise is all that was wanted.
    Promised(PathBuf),
    /// By a rule; the node signed that.
    Refused(Refusal),
}

/// Keeps the promise and waits for the record, unless nobody wants to.
pub(super) async fn finish(
    node: &mut VerifiedNode,
    send: &SendArgs,
    submitted: Submitted,
    printer: &mut Printer,
) -> Result<Ended> {
    let promise = match submitted {
        Submitted::Promised(promise) => promise,
        Submitted::Recorded(found) => return Ok(Ended::Recorded(found)),
        Submitted::Refused(refusal, _) => return Ok(Ended::Refused(refusal)),
        Submitted::Rejected(problem) => return Err(session::problem_failure(&problem)),
    };
    let path = keep(send, &promise, node.network().network_id)?;
    let within = promise.promise.by_time.saturating_sub(time::now());
    printer.note(format_args!(
        "{GOOD}promised{GOOD:#} by the node {}, to be recorded within {}",
        promise.node,
        count(within, "second")
    ))?;
    if send.promise.no_wait {
        printer.note(format_args!("its signed promise is in `{}`", path.display()))?;
        return Ok(Ended::Promised(path));
    }
    match node.wait(&promise, Duration::from_secs(send.wait.0)).await {
        Ok(found) => Ok(Ended::Recorded(Box::new(found))),
        Err(NodeError::Failed(problem)) => {
            let kept = format!("the node's promise is kept in `{}`", path.display());
            Err(session::failure(NodeError::Failed(problem)).or_hint(kept))
        }
        Err(error) => Err(session::failure(error)),
    }
}

/// Writes the promise where it can be found again.
fn keep(send: &SendArgs, promise: &PromiseFile, network: NetworkId) -> Result<PathBuf> {
    let path = match &send.promise.promise {
        Some(path) => path.clone(),
        None => {
            let name = format!("{}.json", promise.promise.message_id);
            // Beside the folder of what was seen, wherever that is.
            let state = session::folder(send.through.state.as_deref(), "state")?;
            let home = state.parent().map_or_else(|| state.clone(), |home| home.to_path_buf());
            home.join("promises").join(network.to_string()).join(name)
        }
    };
    files::write_json(&path, promise, Existing::Replace)?;
    Ok(path)
}

/// Says what a node's signed refusal is.
pub(super) fn refused(
    refusal: Refusal,
    send: &SendArgs,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    Refused::from(refusal).report(time::now(), send.output.json, printer)
}

/// What stands behind a record that was just reported.
pub(super) fn standing(found: &Proven, json: bool, printer: &mut Printer) -> Result<()> {
    if json {
        return Ok(());
    }
    let index = found.index();
    match found.standing {
        Standing::Certified { block, .. } => printer.note(format_args!(
            "record {index} is under the certified checkpoint of block {block}: verified"
        )),
        Standing::NodesWord => printer.note(format_args!(
            "record {index} is verified in itself; that it is in the log is the node's word until \
             validators certify it"
        )),
    }
}

/// A promise without waiting, reported.
pub(super) fn promised(
    (name, id): (&str, B256),
    message: Value,
    path: &std::path::Path,
    send: &SendArgs,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    match send.output.json {
        true => {
            let (kind, _) = name.split_at(name.len().saturating_sub("Id".len()));
            printer.json(&json!({ name: id, kind: message, "block": null, "promise": path }))?;
        }
        false => printer.line(id)?,
    }
    Ok(ExitStatus::Done)
}
