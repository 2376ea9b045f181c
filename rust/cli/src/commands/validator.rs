//! `fallow validator`.

use crate::args::daemon::Validator as Args;
use crate::chain::{block_on, failure};
use crate::daemon::{daemon_config, shutdown, start_logs};
use crate::error::{ExitStatus, Failure, Result, chain};
use crate::signer;
use fallow_validator::{Config, Validator, ValidatorError};
use std::pin::pin;

pub(crate) fn validator(args: &Args) -> Result<ExitStatus> {
    start_logs(&args.daemon.logs)?;
    let config = config(args)?;
    block_on(async {
        let mut shutdown = pin!(shutdown()?);
        // A node that answers slowly holds up the start, and nobody who wants to end it.
        let bound = tokio::select! {
            () = &mut shutdown => return Ok(()),
            bound = Validator::bind(config) => bound,
        };
        let validator = bound.map_err(|error| describe(&error))?;
        validator.run(shutdown).await.map_err(|error| describe(&error))
    })?;
    Ok(ExitStatus::Done)
}

fn config(args: &Args) -> Result<Config> {
    Ok(Config {
        daemon: daemon_config(&args.daemon, &args.key, &args.store_file)?,
        bls_key: signer::bls(&args.bls_key, &args.daemon.keys)?,
    })
}

fn describe(error: &ValidatorError) -> Failure {
    match error {
        ValidatorError::Chain(error) => failure("sidechain", error),
        ValidatorError::Refused(_) => Failure::refused(chain(error))
            .hint("this validator signs nothing more; find out what differs before you go on"),
        ValidatorError::Config(_) => {
            Failure::new(chain(error)).hint("check `--key`, `--bls-key`, `--network` and `--set`")
        }
        _ => Failure::new(chain(error)),
    }
}
