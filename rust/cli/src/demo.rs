//! `fallow demo`: one allocation from a signed offer to an offline proof, with real chains and a
//! process for each part. It is told while it happens, and every claim that it makes is checked:
//! the demo fails if anything comes out other than told.

mod door;
mod network;
mod next;
mod stage;

use crate::args::daemon::Demo as Args;
use crate::chain::block_on;
use crate::daemon::shutdown;
use crate::error::{ExitStatus, Failure, Result};
use crate::local::{Folder, Nodes, Owner};
use crate::printer::Printer;
use network::Network;
use stage::Stage;
use std::time::Instant;

/// Marks a folder as the demo's own, which it may replace.
const OWNER: Owner = Owner {
    whose: "demo",
    marker: ".fallow-demo",
    text: "made by `fallow demo`, which replaces the whole folder\n",
    flag: "--out",
};

/// Units that this machine is divided into; the requester asks for half of them.
const VOLUME: u16 = 4;
const ASKED: u16 = 2;
/// More than is left then.
const TOO_MUCH: u16 = 3;
/// When the slots begin that the requester gives back.
const LATER: &str = "in 12 hours";

pub(crate) fn demo(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    block_on(async {
        let asked_to_end = shutdown()?;
        // Dropping the story drops every process that it started.
        tokio::select! {
            told = tell(args, printer) => told,
            () = asked_to_end => Err(Failure::new("the demo was interrupted")
                .hint("every process that it started is ended; run it again")),
        }
    })
}

async fn tell(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    let started = Instant::now();
    let folder = Folder::prepare(&args.out, &OWNER)?;
    let mut stage = Stage::new(folder, printer)?;
    stage.title("One allocation, from a signed offer to an offline proof")?;
    let mut network = Network::start(&mut stage).await?;
    let resource = announce(&mut stage, network.nodes()).await?;
    let request = request(&mut stage, network.nodes(), &resource).await?;
    give_back(&mut stage, network.nodes(), &resource, &request).await?;
    network.wait_until_anchored(&mut stage, &request).await?;
    ticket(&mut stage, network.nodes(), &request).await?;
    let ended = network.stop(&mut stage).await?;
    door::verify_offline(&mut stage).await?;
    door::refuse_everybody_else(&mut stage, &ended).await?;
    next::steps(&mut stage, started.elapsed())?;
    Ok(ExitStatus::Done)
}

async fn announce(stage: &mut Stage<'_>, nodes: &Nodes) -> Result<String> {
    stage.step("A provider offers this machine")?;
    let volume = VOLUME.to_string();
    let offer = stage.path("offer.json");
    stage.run("offer", &["offer", "detect", "--volume", &volume, "--out", &offer]).await?.done()?;
    let announcement = stage.path("announcement.json");
    let args = ["announce", "--offer", &offer, "--slot", "1h", "--for", "7d", "--out"];
    let args = [&args[..], &[&announcement]].concat();
    let announced = stage.sign(nodes, "announce", "provider", &args).await?.done()?;
    stage.why(
        "the provider signed it; the node promised, with its own signature, to have it recorded, \
         and a broken promise is proof against the node; the ledger checks the provider's \
         signature and keeps the hash of the offer document, so nobody can change what one unit is",
    )?;
    announced.first_id()
}

async fn request(stage: &mut Stage<'_>, nodes: &Nodes, resource: &str) -> Result<String> {
    stage.step("A requester asks for half of it until tomorrow, and gets it")?;
    let volume = ASKED.to_string();
    let args = ["request", "--resource", resource, "--for", "23h", "--volume"];
    let asked = [&args[..], &[&volume]].concat();
    let accepted = stage.sign(nodes, "request", "requester", &asked).await?.done()?;
    stage.why(
        "the contract made five checks: both signatures, not recorded before, whole slots \
         inside the offer, and enough units free in every slot",
    )?;

    stage.step("A second one asks for more than is left, and is refused with the numbers")?;
    let volume = TOO_MUCH.to_string();
    let asked = [&args[..], &[&volume]].concat();
    let refused = stage.sign(nodes, "second-request", "second", &asked).await?;
    let numbers = format!("(volume asked: {TOO_MUCH}; ");
    refused.refused_by("refused: 501 CapacityExceeded")?;
    refused.says(&numbers)?;
    let checked = [&["check"], &asked[1..]].concat();
    let checked = stage.sign(nodes, "check", "second", &checked).await?;
    checked.refused_by("NO  5 capacity")?;
    checked.says(&numbers)?;
    stage.why(
        "the node judges by the ledger that it re-executed itself, and signs its refusal; the \
         contract would have refused the same",
    )?;
    accepted.first_id()
}

/// The end of the allocation goes to whoever was refused before.
async fn give_back(
    stage: &mut Stage<'_>,
    nodes: &Nodes,
    resource: &str,
    request: &str,
) -> Result<()> {
    stage.step(
        "The requester gives the second half of its slots back, and the second one gets some",
    )?;
    let args = ["release", request, "--from", LATER];
    let released = stage.sign(nodes, "release", "requester", &args).await?.done()?;
    released.says("are free again")?;
    let volume = TOO_MUCH.to_string();
    let args = ["request", "--resource", resource, "--start", LATER, "--for", "2h", "--volume"];
    let asked = [&args[..], &[&volume]].concat();
    stage.sign(nodes, "third-request", "second", &asked).await?.done()?;
    stage.why(
        "the contract keeps no list of allocations: a release shows the record's path in the log, \
         counts once, and comes early enough that no provider waits in vain",
    )
}

async fn ticket(stage: &mut Stage<'_>, nodes: &Nodes, request: &str) -> Result<()> {
    stage.step("The requester writes the ticket: one small file that proves the allocation")?;
    let out = stage.path("ticket.json");
    let args = ["ticket", request, "--wait", "30s", "--out", &out];
    stage.run_through_node(nodes, "ticket", &args).await?.done()?;
    stage.why(
        "it holds the record, its path in the log, the checkpoint, and the validators' \
         signature; the node handed it out, and all of it was verified before it was written",
    )
}
