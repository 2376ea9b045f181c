//! `fallow ticket`: the proof of an allocation, built from the sidechain alone. The certificate is
//! summed up from the shares on the bulletin, so no relayer is needed or trusted.

use crate::args::read::Ticket as Args;
use crate::chain::{Sidechain, block_on, failure, follow_failure};
use crate::error::{ExitStatus, Failure, Result, chain};
use crate::files::{self, Existing};
use crate::printer::{GOOD, Printer};
use crate::proof;
use crate::recording::index_of;
use crate::through;
use crate::time;
use fallow_chain::{CertifyError, Follower};
use fallow_protocol::{Set, Ticket};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often a certificate is looked for: shares come with blocks of a second or more.
pub(crate) const POLL: Duration = Duration::from_millis(250);

/// At most so many checkpoints above a record are tried: one that found no quorum in so long will
/// not, and the next ones did.
const TRIED_CHECKPOINTS: usize = 16;

pub(crate) fn ticket(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    let form = Form::of(&args.out)?;
    let ticket = match &args.through.node {
        Some(url) => block_on(through::read::ticket(args, url))?,
        None => block_on(build(args))?,
    };
    form.write(&args.out, &ticket)?;
    let now = time::now();
    printer.note(format_args!("{GOOD}wrote{GOOD:#} `{}`", args.out.display()))?;
    printer.note(proof::sentence(&ticket.record, now))?;
    Ok(ExitStatus::Done)
}

/// How a ticket is written; which one follows from the file's name.
#[derive(Clone, Copy, Debug)]
enum Form {
    Binary,
    Json,
}

impl Form {
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("ticket") => Ok(Self::Binary),
            Some("json") => Ok(Self::Json),
            _ => Err(Failure::new(format_args!("`{}` has no known ending", path.display()))
                .hint("end it with `.ticket` for the binary form, with `.json` for JSON")),
        }
    }

    fn write(self, path: &Path, ticket: &Ticket) -> Result<()> {
        match self {
            Self::Binary => files::write(path, &ticket.encode(), Existing::Replace),
            Self::Json => files::write_json(path, ticket, Existing::Replace),
        }
    }
}

async fn build(args: &Args) -> Result<Ticket> {
    let side = Sidechain::connect(&args.trust.network, &args.sidechain).await?;
    let set = files::read_set(&args.trust, &side.file)?;
    let mut follower = side.follow().await?;
    let until = Instant::now().checked_add(Duration::from_secs(args.wait.0));
    loop {
        let missing = match attempt(&side, &follower, &set, &args.record).await? {
            Attempt::Ticket(ticket) => return Ok(*ticket),
            Attempt::Missing(failure) => failure,
        };
        if until.is_none_or(|until| Instant::now() >= until) {
            return Err(missing);
        }
        sleep(POLL).await;
        follower.sync().await.map_err(|error| follow_failure(&error))?;
    }
}

/// What one look at the chain gave.
enum Attempt {
    Ticket(Box<Ticket>),
    /// Not yet, and why.
    Missing(Failure),
}

async fn attempt(
    side: &Sidechain,
    follower: &Follower,
    set: &Set,
    record: &str,
) -> Result<Attempt> {
    let Some(index) = index_of(follower, record)? else {
        let what = format!("no final sidechain block records `{record}`");
        return Ok(Attempt::Missing(
            Failure::refused(what)
                .hint("`fallow requests` lists what is recorded; `--wait 1m` waits for it"),
        ));
    };
    certified(side, follower, set, index).await
}

/// The ticket under the first certified checkpoint above the record.
async fn certified(
    side: &Sidechain,
    follower: &Follower,
    set: &Set,
    index: u64,
) -> Result<Attempt> {
    let bulletin = side.file.network.sidechain.bulletin;
    let checkpoints = follower.checkpoints_after(0, usize::MAX);
    let above = checkpoints.iter().filter(|checkpoint| checkpoint.size > index);
    let mut why = "no checkpoint is above it yet".to_owned();
    for checkpoint in above.take(TRIED_CHECKPOINTS) {
        match side.client.certificate(bulletin, set, checkpoint).await {
            Ok(certificate) => {
                let ticket = follower.ticket(index, checkpoint, certificate);
                let ticket = ticket.map_err(|error| Failure::new(chain(&error)))?;
                return Ok(Attempt::Ticket(Box::new(ticket)));
            }
            Err(CertifyError::Chain(error)) => return Err(failure("sidechain", &error)),
            Err(other) => why = chain(&other),
        }
    }
    let what = format!("record {index} is recorded, but not certified: {why}");
    let hint = "validators sign soon after a checkpoint block; `--wait 1m` waits for them";
    Ok(Attempt::Missing(Failure::refused(what).hint(hint)))
}
