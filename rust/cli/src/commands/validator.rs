//! `fallow validator`.

use crate::args::daemon::Validator as Args;
use crate::chain::failure;
use crate::daemon::{daemon_config, run, start_logs};
use crate::error::{ExitStatus, Failure, Result, chain};
use crate::signer;
use fallow_validator::{Config, Validator, ValidatorError};

pub(crate) fn validator(args: &Args) -> Result<ExitStatus> {
    start_logs(&args.daemon.logs)?;
    run(bind(config(args)?), async |validator, shutdown| {
        validator.run(shutdown).await.map_err(|error| describe(&error))
    })
}

async fn bind(config: Config) -> Result<Validator> {
    Validator::bind(config).await.map_err(|error| describe(&error))
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
