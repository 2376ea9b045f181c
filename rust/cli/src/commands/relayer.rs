//! `fallow relayer`.

use crate::args::daemon::Relayer as Args;
use crate::chain::{check_both, client, failure};
use crate::daemon::{daemon_config, run, start_logs};
use crate::error::{ExitStatus, Failure, Result, chain};
use fallow_chain::ChainError;
use fallow_relayer::{Config, Relayer, RelayerError};
use std::time::Duration;

pub(crate) fn relayer(args: &Args) -> Result<ExitStatus> {
    start_logs(&args.daemon.logs)?;
    run(bind(config(args)?), async |relayer, shutdown| {
        relayer.run(shutdown).await.map_err(|error| describe(&error))
    })
}

async fn bind(config: Config) -> Result<Relayer> {
    // Done here, too, because this way an error names the chain.
    let sidechain = client("sidechain", &config.daemon.sidechain_url)?;
    let mainnet = client("mainnet", &config.mainnet_url)?;
    check_both(&config.daemon.network, &sidechain, &mainnet).await?;
    Relayer::bind(config).await.map_err(|error| describe(&error))
}

fn config(args: &Args) -> Result<Config> {
    let mut daemon = daemon_config(&args.daemon, &args.key, &args.store_file)?;
    daemon.sender.confirmations = args.confirmations;
    Ok(Config {
        daemon,
        mainnet_url: args.mainnet.url().to_owned(),
        min_anchor_interval: Duration::from_secs(args.every.0),
    })
}

fn describe(error: &RelayerError) -> Failure {
    match error {
        // Of what ends a relayer once both chains are checked, this alone is the sidechain's.
        RelayerError::Chain(error @ ChainError::Reorganised { .. }) => failure("sidechain", error),
        RelayerError::Chain(error) => failure("mainnet", error),
        RelayerError::Config(_) => Failure::new(chain(error)).hint("check `--network` and `--set`"),
        _ if error.exit_code() == 1 => Failure::refused(chain(error)),
        _ => Failure::new(chain(error)),
    }
}
