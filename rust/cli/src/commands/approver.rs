//! `fallow approver`.

use crate::args::approver::Approver as Args;
use crate::daemon::{run, start_logs};
use crate::error::{ExitStatus, Failure, Result, chain};
use crate::files::{self, Existing, STANDARD};
use crate::printer::Printer;
use crate::refused::Refused;
use crate::{signer, time};
use fallow_approver::{
    ApproveError, Approver, ApproverError, Config, Daemon, Limits, PolicyError, PolicyFile,
    StoreError,
};
use fallow_protocol::RequestFile;
use std::path::Path;
use std::time::Duration;

/// Time between two looks at the policy file: a change is in force before a person can ask again.
const POLICY_POLL: Duration = Duration::from_millis(500);

pub(crate) fn approver(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    match &args.sign {
        Some(path) => sign(path, args, printer),
        None => listen(args),
    }
}

fn listen(args: &Args) -> Result<ExitStatus> {
    start_logs(&args.logs)?;
    let config = config(args)?;
    let limits = Limits { per_second: args.rate, ..Limits::default() };
    let bind = async {
        let daemon = Daemon::bind(config, &args.policy, args.listen, limits).await;
        daemon.map_err(|error| describe(&error))
    };
    run(bind, async |daemon, shutdown| {
        daemon.run(shutdown, POLICY_POLL).await.map_err(|error| describe(&error))
    })
}

/// Without a server: the same policy, the same store.
fn sign(path: &Path, args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    let file: RequestFile = files::read_message(path, "request file")?;
    let (_, policy) = PolicyFile::open(&args.policy).map_err(|error| describe(&error.into()))?;
    let approver =
        Approver::open(config(args)?, policy).map_err(|error| describe(&error.into()))?;
    let now = time::now();
    let approval = match approver.approve(&file, now) {
        Ok(approval) => approval,
        Err(ApproveError::Refused(refusal)) => {
            return Refused::from(refusal).report(now, args.json, printer);
        }
        Err(error) => return Err(Failure::new(chain(&error))),
    };
    let text = files::to_json(&approval)?;
    if args.out == Path::new(STANDARD) {
        printer.line(text.trim_end())?;
    } else {
        files::write(&args.out, text.as_bytes(), Existing::Replace)?;
        printer.note(format_args!("`{}` approves {}", args.out.display(), approval.request_id))?;
    }
    Ok(ExitStatus::Done)
}

fn config(args: &Args) -> Result<Config> {
    Ok(Config {
        network: files::read_network(&args.network.network)?,
        key: signer::account(&args.key, &args.keys)?,
        store: args.store_file.clone(),
    })
}

fn describe(error: &ApproverError) -> Failure {
    let failure = Failure::new(chain(error));
    match error {
        ApproverError::Policy(PolicyError::Read { .. }) => {
            failure.hint("`--policy FILE` or the variable FALLOW_POLICY names the policy file")
        }
        ApproverError::Policy(_) => {
            failure.hint("docs/approver.md describes every field of a policy file")
        }
        ApproverError::Store(StoreError::Database(_)) => {
            failure.hint("is the disk full, or the file no store? nothing is signed without it")
        }
        ApproverError::Store(_) => failure.hint("`--store-file FILE` names the store"),
        ApproverError::Listen { .. } => {
            failure.hint("`--listen ADDRESS` names a free address, e.g. `127.0.0.1:8640`")
        }
        _ => failure,
    }
}
