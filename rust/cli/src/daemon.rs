//! What the long-running commands have in common: logs, and an end when asked for one.

use crate::args::daemon::{DaemonArgs, LogArgs};
use crate::chain::block_on;
use crate::error::{Context, ExitStatus, Failure, Result};
use crate::proof::Trusted;
use crate::signer;
use fallow_chain::{DaemonConfig, Limits, SenderConfig};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Sends logs to standard error.
pub(crate) fn start_logs(args: &LogArgs) -> Result<()> {
    let filter = EnvFilter::try_new(&args.log)
        .context(format_args!("`{}` is no log filter", args.log))
        .map_err(|failure| failure.hint("use `info` or `debug`, or `info,fallow_chain=debug`"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if args.log_json {
        builder.json().try_init()
    } else {
        builder.with_ansi(anstream::stderr().is_terminal()).try_init()
    };
    started.map_err(|error| Failure::new(format_args!("cannot log: {error}")))
}

/// What every daemon is started with that follows the sidechain.
pub(crate) fn daemon_config(args: &DaemonArgs, key: &str, store: &Path) -> Result<DaemonConfig> {
    let Trusted { network, set } = Trusted::read(&args.trust)?;
    // Zero would never let the node rest.
    let poll = Duration::from_millis(args.poll.max(1));
    Ok(DaemonConfig {
        network,
        set,
        account_key: signer::account(key, &args.keys)?,
        sidechain_url: args.sidechain.sidechain.clone(),
        limits: Limits::default(),
        store: store.to_path_buf(),
        poll_interval: poll,
        finality: args.sidechain.finality,
        sender: SenderConfig { poll, ..SenderConfig::default() },
    })
}

/// Completes when the process is asked to end: Ctrl-C or SIGTERM.
pub(crate) type Shutdown = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs a daemon until it is asked to end.
pub(crate) fn run<D>(
    bind: impl Future<Output = Result<D>>,
    serve: impl AsyncFnOnce(D, Shutdown) -> Result<()>,
) -> Result<ExitStatus> {
    block_on(async {
        let mut shutdown = shutdown()?;
        // Nodes that answer slowly hold up the start, and nobody who wants to end it.
        let bound = tokio::select! {
            () = &mut shutdown => return Ok(()),
            bound = bind => bound,
        };
        serve(bound?, shutdown).await
    })?;
    Ok(ExitStatus::Done)
}

/// The signals that end a process, from now on.
pub(crate) fn shutdown() -> Result<Shutdown> {
    let cannot = "cannot listen for signals";
    let mut interrupt = signal(SignalKind::interrupt()).context(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).context(cannot)?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("asked to end: SIGINT"),
            _ = terminate.recv() => tracing::info!("asked to end: SIGTERM"),
        }
    }))
}
