//! `fallow up`.

use crate::args::up::Up as Args;
use crate::chain::block_on;
use crate::error::{ExitStatus, Result};
use crate::printer::Printer;
use crate::up;

pub(crate) fn up(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    block_on(up::run(args, printer))
}
