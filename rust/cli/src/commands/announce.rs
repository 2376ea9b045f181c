//! `fallow announce`.

use crate::args::message::Announce;
use crate::chain::{Sidechain, block_on};
use crate::error::{ExitStatus, Failure, Result, chain};
use crate::files::{self, Existing};
use crate::offer::{self, HashedOffer};
use crate::printer::{GOOD, Printer, count};
use crate::refused::{Checked, Nearest, Refused};
use crate::submit::{Prepared, Submission};
use crate::through;
use crate::time;
use alloy_primitives::Address;
use fallow_chain::Registry;
use fallow_ledger::{ApplyError, GenesisParent, Ledger, LedgerConfig, Message};
use fallow_protocol::{
    Announcement, AnnouncementFile, Code, FILE_VERSION, NetworkFile, Refusal, ResourceId, SecretKey,
};
use serde_json::json;
use std::path::Path;

pub(crate) fn announce(args: &Announce, printer: &mut Printer) -> Result<ExitStatus> {
    match &args.sign.send.through.node {
        Some(url) => block_on(through::messages::announce(args, url, printer)),
        None => block_on(announce_async(args, printer)),
    }
}

async fn announce_async(args: &Announce, printer: &mut Printer) -> Result<ExitStatus> {
    let send = &args.sign.send;
    let now = time::now();
    let Signed { network, offer, key, file } = match sign(args, now)? {
        Ok(signed) => signed,
        Err(refused) => return refused.report(now, send.output.json, printer),
    };
    let announcement = file.announcement;
    if let Some(path) = &args.gossip {
        return gossip(&network, &file, path, args, printer);
    }
    let side = Sidechain::connect(&send.network, &send.sidechain).await?;
    let call = Registry::announceCall {
        announcement: announcement.into(),
        signatures: file.signature.0.into(),
    };
    let submission = match Submission::prepare(&side, &send.payer(&key)?, &call).await? {
        Prepared::Accepted(submission) => submission,
        Prepared::Refused(refusal) => {
            return Refused::from(refusal).report(now, send.output.json, printer);
        }
    };
    // Before it is sent: the provider's door needs the file as soon as the record is there.
    files::write_json(&args.out, &file, Existing::forced(args.force))?;
    let block = submission.send(send.wait).await?;
    let recorded = Recorded { resource_id: announcement.id(&side.file.domain()), block };
    report(args, &announcement, &offer, recorded, printer)
}

/// An announcement as the flags make it, with what it was made from.
pub(crate) struct Signed {
    pub(crate) network: NetworkFile,
    pub(crate) offer: HashedOffer,
    pub(crate) key: SecretKey,
    pub(crate) file: AnnouncementFile,
}

/// Makes and signs the announcement.
pub(crate) fn sign(args: &Announce, now: u64) -> Result<Checked<Signed>> {
    let offer = offer::read(&args.offer)?;
    let network = files::read_network(&args.sign.send.network.network)?;
    let key = args.sign.signer()?;
    let announcement = match announcement(args, &offer, key.address(), now)? {
        Ok(announcement) => announcement,
        Err(refused) => return Ok(Err(refused)),
    };
    let file = AnnouncementFile {
        version: FILE_VERSION,
        network_id: network.network_id,
        announcement,
        signature: key.sign(announcement.id(&network.domain()).0),
    };
    Ok(Ok(Signed { network, offer, key, file }))
}

/// Where the record is.
pub(crate) struct Recorded {
    pub(crate) resource_id: ResourceId,
    pub(crate) block: u64,
}

pub(crate) fn report(
    args: &Announce,
    announcement: &Announcement,
    offer: &HashedOffer,
    recorded: Recorded,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let (Recorded { resource_id: id, block }, now) = (recorded, time::now());
    if args.sign.send.output.json {
        printer.json(&json!({
            "resourceId": id, "announcement": announcement, "block": block.to_string(),
        }))?;
        return Ok(ExitStatus::Done);
    }
    printer.line(id)?;
    printer.note(format_args!(
        "{GOOD}recorded{GOOD:#} in sidechain block {block}: {} of {}, from {} to {}",
        count(announcement.volume, "unit"),
        offer.offer.unit_text(),
        time::show(announcement.start_time, now),
        time::show(announcement.end_time, now)
    ))?;
    printer.note(format_args!("keep `{}` and the offer document", args.out.display()))?;
    Ok(ExitStatus::Done)
}

/// Writes an announcement that travels by itself. Nobody has judged it yet, so the ledger's own
/// rules do, on an empty ledger: what they refuse could never be recorded.
pub(crate) fn gossip(
    network: &NetworkFile,
    file: &AnnouncementFile,
    path: &Path,
    args: &Announce,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let (output, now) = (args.sign.send.output, time::now());
    let config = LedgerConfig {
        network_id: network.network_id,
        registry: network.network.sidechain.registry,
        writers: network.network.parameters.writers.clone(),
        parent: GenesisParent::default(),
    };
    let message =
        Message::Announce { announcement: file.announcement, signatures: file.signature.0.into() };
    let (mut ledger, _) = Ledger::new(config, now);
    match ledger.apply(&message, now) {
        Ok(_) => {}
        Err(ApplyError::Refused(refusal)) => {
            return Refused::from(refusal).report(now, output.json, printer);
        }
        Err(error) => return Err(Failure::new(chain(&error))),
    }
    files::write_json(path, file, Existing::forced(args.force))?;
    let id = file.announcement.id(&network.domain());
    if output.json {
        let announcement = &file.announcement;
        printer.json(&json!({ "resourceId": id, "announcement": announcement, "block": null }))?;
        return Ok(ExitStatus::Done);
    }
    printer.line(id)?;
    printer
        .note(format_args!("{GOOD}wrote{GOOD:#} `{}`; nothing is recorded yet", path.display()))?;
    printer.hint(format_args!(
        "hand it out: `fallow request --announcement {}` records it with the first request",
        path.display()
    ))?;
    Ok(ExitStatus::Done)
}

fn announcement(
    args: &Announce,
    offer: &HashedOffer,
    provider: Address,
    now: u64,
) -> Result<Checked<Announcement>> {
    let (length, slot) = (args.length.0, args.slot.0);
    let slot_seconds = seconds32(slot, "--slot")?;
    let notice_seconds = seconds32(args.notice.0, "--notice")?;
    let mut start_time = args.start.at(now)?;
    if !args.start.is_exact() {
        // Slots that begin on whole hours or days, as people count them.
        start_time = start_time.saturating_sub(start_time.checked_rem(slot).unwrap_or(0));
    }
    if let Some(over) = length.checked_rem(slot).filter(|over| *over != 0) {
        let shorter = length.saturating_sub(over);
        return Ok(Err(not_whole_slots(length, shorter, slot)));
    }
    Ok(Ok(Announcement {
        provider,
        approver: args.approver.unwrap_or_default(),
        volume: args.volume.unwrap_or(offer.offer.volume),
        start_time,
        end_time: start_time.saturating_add(length),
        slot_seconds,
        notice_seconds,
        timestamp: now,
        offer: offer.hash,
    }))
}

/// The ledger would say the same, but not what is near.
fn not_whole_slots(length: u64, shorter: u64, slot: u64) -> Box<Refused> {
    let nearest = [("shorter", shorter), ("longer", shorter.saturating_add(slot))].into_iter();
    let nearest = nearest.filter(|(_, length)| *length > 0).map(|(which, length)| Nearest {
        text: format!("{which}, whole slots of {}", time::duration(slot)),
        flag: format!("--for {}", time::duration_flag(length)),
    });
    let refusal = Refusal::new(Code::WindowNotWholeSlots, length, slot);
    Box::new(Refused { refusal, nearest: nearest.collect() })
}

fn seconds32(seconds: u64, flag: &str) -> Result<u32> {
    u32::try_from(seconds)
        .map_err(|_| Failure::new(format_args!("`{flag}` is too long: below 2^32 seconds")))
}
