//! `fallow verify`: a ticket, offline.

use crate::args::read::Verify;
use crate::error::{ExitStatus, Result};
use crate::printer::Printer;
use crate::proof::{self, Trusted};
use crate::time;

pub(crate) fn verify(args: &Verify, printer: &mut Printer) -> Result<ExitStatus> {
    let clock = time::clock(args.at.as_ref())?;
    let trusted = Trusted::read(&args.trust)?;
    let read = proof::read_ticket(&args.ticket)?;
    let verdict = trusted.verify(&read, clock)?;
    if args.output.json {
        printer.json(&verdict.json())?;
        return Ok(verdict.status());
    }
    verdict.print(printer)?;
    verdict.conclude(&proof::sentence(&read.ticket.record, clock), printer)?;
    if verdict.refusal().is_none() {
        printer
            .note("this was so at the checkpoint; a ticket cannot show what was released since")?;
    }
    Ok(verdict.status())
}
