//! `fallow offer`: what one unit of this machine is.

use crate::args::message::{Detect, Offer as Args, Show};
use crate::chain::block_on;
use crate::error::{ExitStatus, Result};
use crate::files::{self, Existing};
use crate::offer::{self, Offer};
use crate::printer::{Printer, count};
use crate::through;
use alloy_primitives::keccak256;
use std::path::Path;

pub(crate) fn offer(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    match args {
        Args::Detect(args) => detect(args, printer),
        Args::Show(args) => show(args, printer),
        Args::Publish(args) => block_on(through::messages::publish(args, printer)),
    }
}

fn detect(args: &Detect, printer: &mut Printer) -> Result<ExitStatus> {
    let machine = offer::this_machine()?;
    let volume = args.volume.unwrap_or_else(|| u16::try_from(machine.cores).unwrap_or(u16::MAX));
    let offer = Offer::of(machine, volume, args.region.clone())?;
    let json = files::to_json(&offer)?;
    if args.out == Path::new(files::STANDARD) {
        printer.text(&json)?;
    } else {
        files::write(&args.out, json.as_bytes(), Existing::Replace)?;
        printer.note(format_args!("wrote `{}`", args.out.display()))?;
    }
    printer.note(format_args!("machine: {}", offer.machine_text()))?;
    printer.note(format_args!("{} of {}", count(offer.volume, "unit"), offer.unit_text()))?;
    printer.note(format_args!("hash:    {}", keccak256(&json)))?;
    Ok(ExitStatus::Done)
}

fn show(args: &Show, printer: &mut Printer) -> Result<ExitStatus> {
    let hashed = offer::read(&args.offer)?;
    if args.output.json {
        printer.json(&serde_json::json!({ "hash": hashed.hash, "offer": hashed.offer }))?;
        return Ok(ExitStatus::Done);
    }
    let offer = &hashed.offer;
    printer.field("hash", hashed.hash)?;
    printer.field("volume", count(offer.volume, "unit"))?;
    printer.field("unit", offer.unit_text())?;
    printer.field("machine", crate::error::one_line(&offer.machine_text()))?;
    if let Some(region) = &offer.region {
        printer.field("region", crate::error::one_line(region))?;
    }
    Ok(ExitStatus::Done)
}
