//! `fallow node`.

use crate::args::daemon::LogArgs;
use crate::args::node::{Node as Args, NodeSettings};
use crate::args::{KeyArgs, MAINNET_URL, NetworkArgs, SIDECHAIN_URL, TrustArgs, parse_finality};
use crate::chain::{check_both, client, failure};
use crate::daemon::{run, start_logs};
use crate::error::{Context, ExitStatus, Failure, Result, chain};
use crate::files;
use crate::printer::Printer;
use crate::proof::Trusted;
use crate::signer;
use fallow_chain::{DaemonConfig, Limits, SenderConfig};
use fallow_node::store::NodeStoreError;
use fallow_node::{Config, HttpLimits, Node, NodeError};
use fallow_protocol::FILE_MAX_BYTES;
use fallow_store::StoreError;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the API listens unless told otherwise.
pub(crate) const LISTEN: &str = "127.0.0.1:8650";
const MIB: usize = 1 << 20;

pub(crate) fn node(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    let settings = effective(args)?;
    if args.print_config {
        printer.text(shown(&settings)?)?;
        return Ok(ExitStatus::Done);
    }
    start_logs(&LogArgs {
        log: settings.log.clone().unwrap_or_default(),
        log_json: settings.log_json == Some(true),
    })?;
    run(bind(config(&settings)?), async |node: Node, shutdown| {
        node.run(shutdown).await.map_err(|error| describe(&error))
    })
}

/// Flags and environment, then the file, then the defaults.
fn effective(args: &Args) -> Result<NodeSettings> {
    let file = match &args.config {
        Some(path) => read_file(path)?,
        None => NodeSettings::default(),
    };
    Ok(args.settings.clone().or(file).or(defaults()))
}

fn read_file(path: &Path) -> Result<NodeSettings> {
    let bytes = files::read(path, FILE_MAX_BYTES)?;
    let not = format!("`{}` is no file of a node's settings", path.display());
    let text = String::from_utf8(bytes).context(&not)?;
    let mut settings: NodeSettings = toml::from_str(&text).context(&not).map_err(|failure| {
        failure.hint("`fallow node --print-config` shows all that may be in it")
    })?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    for named in [
        &mut settings.network,
        &mut settings.set,
        &mut settings.keys_dir,
        &mut settings.password_file,
        &mut settings.dir,
        &mut settings.allow_list,
    ] {
        *named = named.take().map(|relative| folder.join(relative));
    }
    Ok(settings)
}

fn defaults() -> NodeSettings {
    let limits = HttpLimits::default();
    NodeSettings {
        network: Some("network.json".into()),
        sidechain: Some(SIDECHAIN_URL.to_owned()),
        finality: Some("finalized".to_owned()),
        mainnet: Some(MAINNET_URL.to_owned()),
        key: Some("node".to_owned()),
        poll: Some(500),
        listen: LISTEN.parse().ok(),
        dir: Some("fallow-node".into()),
        promise_seconds: Some(60),
        open_promises: Some(100_000),
        flush: Some(200),
        cache: Some(64),
        peers: Some(Vec::new()),
        connections: Some(limits.connections),
        address_connections: Some(limits.connections_per_address),
        head_seconds: Some(limits.head_time.as_secs()),
        body_bytes: Some(limits.body_bytes),
        body_seconds: Some(limits.body_time.as_secs()),
        requests: Some(limits.requests),
        memory: limits.memory.checked_div(MIB),
        streams: Some(limits.streams),
        address_rate: Some(limits.per_address),
        key_rate: Some(limits.per_key),
        log: Some("info".to_owned()),
        log_json: Some(false),
        // What is not there has no value that could be written down.
        set: None,
        keys_dir: None,
        password_file: None,
        allow_list: None,
    }
}

/// Settings as a file, each below its own line of help.
fn shown(settings: &NodeSettings) -> Result<String> {
    let table = toml::Table::try_from(settings).context("cannot show the settings")?;
    let described = <NodeSettings as clap::Args>::augment_args(clap::Command::new("node"));
    let mut text = String::new();
    for argument in described.get_arguments() {
        let name = argument.get_id().as_str().replace('_', "-");
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let line = match table.get(&name) {
            Some(value) => format!("{name} = {value}"),
            None => format!("# {name} ="),
        };
        writeln!(text, "# {help}\n{line}\n").context("cannot show the settings")?;
    }
    Ok(text)
}

/// A setting that has a default.
fn given<T>(setting: Option<T>, name: &str) -> Result<T> {
    setting.ok_or_else(|| Failure::new(format_args!("`--{name}` is missing")))
}

fn config(settings: &NodeSettings) -> Result<Config> {
    let limits = limits(settings)?;
    let settings = settings.clone();
    let network = NetworkArgs { network: given(settings.network.clone(), "network")? };
    let Trusted { network, set } =
        Trusted::read(&TrustArgs { network, set: settings.set.clone() })?;
    let keys = KeyArgs { keys_dir: settings.keys_dir, password_file: settings.password_file };
    let dir: PathBuf = given(settings.dir, "dir")?;
    // Zero would never let the chain's node rest.
    let poll = Duration::from_millis(given(settings.poll, "poll")?.max(1));
    let finality = given(settings.finality, "finality")?;
    let finality = parse_finality(&finality)
        .map_err(|expected| Failure::new(format_args!("`--finality {finality}`: {expected}")))?;
    let daemon = DaemonConfig {
        network,
        set,
        account_key: signer::account(&given(settings.key, "key")?, &keys)?,
        sidechain_url: given(settings.sidechain, "sidechain")?,
        limits: Limits::default(),
        store: dir.clone(),
        poll_interval: poll,
        finality,
        sender: SenderConfig { poll, ..SenderConfig::default() },
    };
    let mainnet = given(settings.mainnet, "mainnet")?;
    let mut config = Config::new(daemon, mainnet, given(settings.listen, "listen")?, dir);
    config.promise_seconds = given(settings.promise_seconds, "promise-seconds")?;
    config.open_promises = given(settings.open_promises, "open-promises")?;
    config.flush = Duration::from_millis(given(settings.flush, "flush")?);
    config.cache_bytes = given(settings.cache, "cache")?.saturating_mul(MIB);
    config.peers = given(settings.peers, "peers")?;
    config.allow_list = settings.allow_list;
    config.limits = limits;
    Ok(config)
}

/// Bounds on what strangers can ask.
fn limits(settings: &NodeSettings) -> Result<HttpLimits> {
    let seconds = |setting, name| given(setting, name).map(Duration::from_secs);
    Ok(HttpLimits {
        connections: given(settings.connections, "connections")?,
        connections_per_address: given(settings.address_connections, "address-connections")?,
        head_time: seconds(settings.head_seconds, "head-seconds")?,
        body_bytes: given(settings.body_bytes, "body-bytes")?,
        body_time: seconds(settings.body_seconds, "body-seconds")?,
        requests: given(settings.requests, "requests")?,
        memory: given(settings.memory, "memory")?.saturating_mul(MIB),
        streams: given(settings.streams, "streams")?,
        per_address: given(settings.address_rate, "address-rate")?,
        per_key: given(settings.key_rate, "key-rate")?,
    })
}

async fn bind(config: Config) -> Result<Node> {
    // Done here, too, because this way an error names the chain.
    let sidechain = client("sidechain", &config.daemon.sidechain_url)?;
    let mainnet = client("mainnet", &config.mainnet_url)?;
    check_both(&config.daemon.network, &sidechain, &mainnet).await?;
    let node = Node::bind(config).await.map_err(|error| describe(&error))?;
    tracing::info!(address = %node.address(), "the API listens");
    Ok(node)
}

fn describe(error: &NodeError) -> Failure {
    let plain = || Failure::new(chain(error));
    match error {
        NodeError::Chain(error) => failure("a chain", error),
        NodeError::Config(_) => plain().hint("check `--network` and `--set`"),
        NodeError::Listen { .. } => plain().hint("`--listen` names another address or port"),
        NodeError::Store(NodeStoreError::Store(StoreError::InUse { .. })) => {
            plain().hint("end the other node, or name another `--dir`")
        }
        NodeError::Store(NodeStoreError::Store(StoreError::Identity)) => plain().hint(
            "`--dir` names another folder for each account and network; a new one is filled \
                 from the chain",
        ),
        NodeError::Store(_) => plain().hint(
            "free space on the disk, or restore the folder that `--dir` names from a backup; an \
             empty folder is filled from the chain",
        ),
        NodeError::AllowList(_) => plain().hint("`--allow-list` names one address a line"),
        _ => plain(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        node: Args,
    }

    fn typed(args: &[&str]) -> Args {
        Typed::parse_from([&["node"], args].concat()).node
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.toml");
        let text = "flush = 50\npoll = 70\ndir = \"data\"\npeers = [\"http://a\", \"http://b\"]\n";
        std::fs::write(&file, text).unwrap();
        let args = typed(&["--config", &file.display().to_string(), "--poll", "90"]);
        let settings = effective(&args).unwrap();
        assert_eq!((settings.flush, settings.poll, settings.cache), (Some(50), Some(90), Some(64)));
        assert_eq!(settings.dir, Some(folder.path().join("data")));
        assert_eq!(settings.peers.unwrap(), ["http://a", "http://b"]);
    }

    #[test]
    fn unknown_settings_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.toml");
        std::fs::write(&file, "flus = 50\n").unwrap();
        let refused = effective(&typed(&["--config", &file.display().to_string()])).unwrap_err();
        assert!(refused.what().contains("flus"), "{}", refused.what());
    }

    /// What is printed is a file that says the same, and names every setting.
    #[test]
    fn the_printed_configuration_can_be_read_again() {
        let settings = defaults().or(NodeSettings::default());
        let text = shown(&settings).unwrap();
        assert_eq!(toml::from_str::<NodeSettings>(&text).unwrap(), settings);
        for name in ["# set =", "# keys-dir =", "# password-file =", "# allow-list ="] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }
}
