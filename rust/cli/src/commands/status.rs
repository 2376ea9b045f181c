//! `fallow status`: both chains, the validators' shares for the last checkpoint, and the anchor.

use crate::anchored::{Anchoring, Anchorings};
use crate::args::read::Status as Args;
use crate::chain::{Chains, block_on, failure};
use crate::error::{ExitStatus, Result};
use crate::files;
use crate::printer::{BAD, GOOD, Printer};
use crate::through;
use crate::time;
use alloy_primitives::Address;
use fallow_chain::Follower;
use fallow_protocol::{Checkpoint, NetworkId, Set, decimal};
use serde::Serialize;

pub(crate) fn status(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    match &args.through.node {
        Some(url) => block_on(through::read::status(args, url, printer)),
        None => block_on(status_async(args, printer)),
    }
}

/// A block of one of the chains.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(with = "decimal")]
    block: u64,
    #[serde(with = "decimal")]
    time: u64,
}

/// One validator and the last checkpoint.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    validator: Address,
    #[serde(with = "decimal")]
    weight: u64,
    signed: bool,
}

/// The checkpoint anchored last.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AnchorHead {
    #[serde(with = "decimal")]
    sidechain_block: u64,
    #[serde(with = "decimal")]
    records: u64,
    #[serde(with = "decimal")]
    anchored_at: u64,
    #[serde(with = "decimal")]
    mainnet_block: u64,
}

/// Everything that is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    network_id: NetworkId,
    /// Last final block of the sidechain.
    sidechain: Option<Head>,
    mainnet: Head,
    #[serde(with = "decimal")]
    records: u64,
    set_expires: String,
    checkpoint: Option<Checkpoint>,
    shares: Vec<Signed>,
    certified: bool,
    anchor: Option<AnchorHead>,
}

async fn status_async(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    let chains = Chains::connect(&args.trust.network, &args.sidechain, &args.mainnet).await?;
    let file = &chains.side.file;
    let set = files::read_set(&args.trust, file)?;
    let follower = chains.side.follow().await?;
    let anchorings = Anchorings::read(&chains.side.file, &chains.mainnet).await?;
    let status = Status::read(&chains, &set, &follower, &anchorings).await?;
    if args.output.json {
        printer.json(&status)?;
    } else {
        status.print(&set, printer)?;
    }
    Ok(ExitStatus::Done)
}

impl Status {
    async fn read(
        chains: &Chains,
        set: &Set,
        follower: &Follower,
        anchorings: &Anchorings,
    ) -> Result<Self> {
        let checkpoint = follower.latest_checkpoint();
        let (shares, certified) = match checkpoint {
            Some(checkpoint) => signed(chains, set, &checkpoint).await?,
            None => (Vec::new(), false),
        };
        Ok(Self {
            network_id: chains.side.file.network_id,
            sidechain: follower.head().map(|head| Head { block: head.number, time: head.time }),
            mainnet: Head { block: anchorings.latest, time: anchorings.time },
            records: follower.size(),
            set_expires: set.not_after().to_string(),
            checkpoint,
            shares,
            certified,
            anchor: anchorings.all.last().map(anchor_head),
        })
    }

    fn print(&self, set: &Set, printer: &mut Printer) -> Result<()> {
        let now = time::now();
        printer.field("network", self.network_id)?;
        match self.sidechain {
            Some(head) => printer.field(
                "sidechain",
                format_args!("final block {}, {}", head.block, time::show(head.time, now)),
            )?,
            None => printer.field("sidechain", "no final block of this network yet")?,
        }
        let head = self.mainnet;
        let shown = time::show(head.time, now);
        printer.field("mainnet", format_args!("block {}, {shown}", head.block))?;
        printer.field("records", self.records)?;
        let expiry = time::show(set.not_after(), now);
        printer.field("set", format_args!("number {}, expires {expiry}", set.number()))?;
        self.print_checkpoint(now, printer)?;
        match &self.anchor {
            Some(anchor) => printer.field(
                "anchor",
                format_args!(
                    "{} records, sidechain block {}, anchored {}",
                    anchor.records,
                    anchor.sidechain_block,
                    time::show(anchor.anchored_at, now)
                ),
            ),
            None => printer.field("anchor", "nothing is anchored yet"),
        }
    }

    fn print_checkpoint(&self, now: u64, printer: &mut Printer) -> Result<()> {
        let Some(checkpoint) = &self.checkpoint else {
            return printer.field("checkpoint", "none yet");
        };
        let quorum = if self.certified { "certified" } else { "no quorum yet" };
        printer.field(
            "checkpoint",
            format_args!(
                "block {}, {} records, {}, {quorum}",
                checkpoint.block_number,
                checkpoint.size,
                time::show(checkpoint.block_time, now)
            ),
        )?;
        for share in &self.shares {
            let (style, word) = if share.signed { (GOOD, "signed") } else { (BAD, "no share") };
            printer.field("  share", format_args!("{} {style}{word}{style:#}", share.validator))?;
        }
        Ok(())
    }
}

fn anchor_head(anchoring: &Anchoring) -> AnchorHead {
    AnchorHead {
        sidechain_block: anchoring.sidechain_block,
        records: anchoring.size,
        anchored_at: anchoring.anchored_at,
        mainnet_block: anchoring.block,
    }
}

/// Who has a valid share over the checkpoint on the bulletin, and whether they are a quorum.
async fn signed(
    chains: &Chains,
    set: &Set,
    checkpoint: &Checkpoint,
) -> Result<(Vec<Signed>, bool)> {
    let bulletin = chains.side.file.network.sidechain.bulletin;
    let tally = chains.side.client.tally(bulletin, set, checkpoint).await;
    let tally = tally.map_err(|error| failure("sidechain", &error))?;
    let shares = set.members().iter().enumerate().map(|(position, member)| Signed {
        validator: member.address,
        weight: member.weight,
        signed: tally.has_signed(position),
    });
    Ok((shares.collect(), set.is_quorum(tally.weight())))
}
