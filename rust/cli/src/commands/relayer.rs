//! `fallow relayer`.

use crate::args::daemon::Relayer as Args;
use crate::chain::{block_on, failure};
use crate::daemon::{poll_interval, shutdown, start_logs};
use crate::error::{ExitStatus, Failure, Result, chain};
use crate::proof::Trusted;
use crate::signer;
use fallow_chain::{Limits, SenderConfig};
use fallow_relayer::{Config, Relayer, RelayerError};
use std::time::Duration;

pub(crate) fn relayer(args: &Args) -> Result<ExitStatus> {
    start_logs(&args.daemon)?;
    let config = config(args)?;
    block_on(async {
        let shutdown = shutdown()?;
        let relayer = Relayer::bind(config).await.map_err(|error| describe(&error))?;
        relayer.run(shutdown).await.map_err(|error| describe(&error))
    })?;
    Ok(ExitStatus::Done)
}

fn config(args: &Args) -> Result<Config> {
    let trusted = Trusted::read(&args.network.network, args.set.as_deref())?;
    let poll = poll_interval(&args.daemon);
    Ok(Config {
        account_key: signer::account(&args.key, &args.keys)?,
        network: trusted.network,
        set: trusted.set,
        sidechain_url: args.sidechain.sidechain.clone(),
        mainnet_url: args.mainnet.mainnet.clone(),
        limits: Limits::default(),
        store: args.store_file.clone(),
        poll_interval: poll,
        min_anchor_interval: Duration::from_secs(args.every.0),
        finality: args.sidechain.finality,
        sender: SenderConfig { poll, confirmations: args.confirmations, ..SenderConfig::default() },
    })
}

fn describe(error: &RelayerError) -> Failure {
    match error {
        RelayerError::Chain(error) => failure("chain", error),
        RelayerError::Config(_) => Failure::new(chain(error)).hint("check `--network` and `--set`"),
        _ if error.exit_code() == 1 => Failure::refused(chain(error)),
        _ => Failure::new(chain(error)),
    }
}
