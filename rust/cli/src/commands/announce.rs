//! `fallow announce`.

use crate::args::message::Announce;
use crate::chain::{Sidechain, block_on};
use crate::commands::request::report_refusal;
use crate::error::{ExitStatus, Failure, Result};
use crate::files::{self, Existing};
use crate::offer::{self, HashedOffer};
use crate::printer::{GOOD, Printer, count};
use crate::submit::{Prepared, Submission};
use crate::{signer, time};
use alloy_primitives::Address;
use fallow_chain::Registry;
use fallow_protocol::{Announcement, AnnouncementFile, FILE_VERSION};
use serde_json::json;

pub(crate) fn announce(args: &Announce, printer: &mut Printer) -> Result<ExitStatus> {
    block_on(announce_async(args, printer))
}

async fn announce_async(args: &Announce, printer: &mut Printer) -> Result<ExitStatus> {
    let sign = &args.sign;
    let now = time::now();
    let offer = offer::read(&args.offer)?;
    let side = Sidechain::connect(&sign.network, &sign.sidechain).await?;
    let key = signer::account(&sign.key, &sign.store)?;
    let sender = match &sign.sender {
        Some(name) => signer::account(name, &sign.store)?,
        None => key.clone(),
    };
    let announcement = announcement(args, &offer, key.address(), now)?;
    let id = announcement.id(&side.file.domain());
    let file = AnnouncementFile {
        version: FILE_VERSION,
        network_id: side.file.network_id,
        announcement,
        signature: key.sign(id.0),
    };
    let call = Registry::announceCall {
        announcement: announcement.into(),
        signatures: file.signature.0.into(),
    };
    let submission = match Submission::prepare(&side, &sender, &call).await? {
        Prepared::Accepted(submission) => submission,
        Prepared::Refused(refusal) => {
            return report_refusal(&refusal, now, sign.output.json, printer);
        }
    };
    // Before it is sent: the provider's door needs the file as soon as the record is there.
    files::write_json(&args.out, &file, Existing::Replace)?;
    let block = submission.send(sign.wait).await?;
    if sign.output.json {
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

fn announcement(
    args: &Announce,
    offer: &HashedOffer,
    provider: Address,
    now: u64,
) -> Result<Announcement> {
    let slot = seconds32(args.slot.0, "--slot")?;
    let notice = seconds32(args.notice.0, "--notice")?;
    let start = args.start.at(now);
    // Slots that begin on whole hours or days, as people count them.
    let start = start.saturating_sub(start.checked_rem(args.slot.0).unwrap_or(0));
    if args.length.0.checked_rem(args.slot.0) != Some(0) {
        return Err(Failure::new(format_args!(
            "{} is no whole number of slots of {}",
            time::duration(args.length.0),
            time::duration(args.slot.0)
        ))
        .hint("choose `--for` as a multiple of `--slot`"));
    }
    Ok(Announcement {
        provider,
        approver: Address::ZERO,
        volume: args.volume.unwrap_or(offer.offer.volume),
        start_time: start,
        end_time: start.saturating_add(args.length.0),
        slot_seconds: slot,
        notice_seconds: notice,
        timestamp: now,
        offer: offer.hash,
    })
}

fn seconds32(seconds: u64, flag: &str) -> Result<u32> {
    u32::try_from(seconds)
        .map_err(|_| Failure::new(format_args!("`{flag}` is too long: below 2^32 seconds")))
}
