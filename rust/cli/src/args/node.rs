//! `fallow node`: every setting may stand in a file, in the environment, and on the command line.

use clap::Args;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `node`.
#[derive(Args, Debug)]
pub(crate) struct Node {
    /// TOML file with any of the settings below under their long names; the environment wins over
    /// it, flags over both. Paths in it are relative to its folder
    #[arg(long, value_name = "FILE", env = "FALLOW_NODE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Print all settings as they would be in force, as such a file, and end
    #[arg(long)]
    pub(crate) print_config: bool,
    #[command(flatten)]
    pub(crate) settings: NodeSettings,
}

/// What a node is started with, as far as somebody said it.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct NodeSettings {
    /// Network file: what the network is, and which validator set to trust [default: network.json]
    #[arg(long, value_name = "FILE", env = "FALLOW_NETWORK")]
    pub(crate) network: Option<PathBuf>,
    /// Set file [default: beside the network file]
    #[arg(long, value_name = "FILE")]
    pub(crate) set: Option<PathBuf>,
    /// JSON-RPC of a sidechain node, best your own: what it shows is re-executed, what it hides
    /// nobody sees [default: http://127.0.0.1:8546]
    #[arg(long, value_name = "URL", env = "FALLOW_SIDECHAIN")]
    pub(crate) sidechain: Option<String>,
    /// When a sidechain block is final: `latest`, `finalized`, or with that many blocks after it
    /// [default: finalized]
    #[arg(long, value_name = "WHEN", env = "FALLOW_FINALITY")]
    pub(crate) finality: Option<String>,
    /// JSON-RPC of a node of the chain with the anchor; levels above `recorded` are its word
    /// [default: http://127.0.0.1:8545]
    #[arg(long, value_name = "URL", env = "FALLOW_MAINNET")]
    pub(crate) mainnet: Option<String>,
    /// Account key that signs promises and pays the sidechain's gas, name or path; nothing else
    /// may send from this account [default: node]
    #[arg(long, value_name = "NAME", env = "FALLOW_KEY")]
    pub(crate) key: Option<String>,
    /// Folder of the keys [default: .fallow/keys in the home folder]
    #[arg(long, value_name = "FOLDER", env = "FALLOW_KEYS")]
    pub(crate) keys_dir: Option<PathBuf>,
    /// File whose first line is the password [default: FALLOW_PASSWORD, else a prompt]
    #[arg(long, value_name = "FILE", env = "FALLOW_PASSWORD_FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Time between two looks at the chains, milliseconds [default: 500]
    #[arg(long, value_name = "MS", env = "FALLOW_POLL")]
    pub(crate) poll: Option<u64>,
    /// Address and port of the API [default: 127.0.0.1:8650]
    #[arg(long, value_name = "ADDRESS", env = "FALLOW_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Folder of the store and of the static files; losing it loses promises that are not recorded
    /// yet, all else is read from the chain again [default: fallow-node]
    #[arg(long, value_name = "FOLDER", env = "FALLOW_NODE_DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// A message is promised to be recorded within this time, seconds [default: 60]
    #[arg(long, value_name = "SECONDS", env = "FALLOW_PROMISE_SECONDS")]
    pub(crate) promise_seconds: Option<u64>,
    /// Promises that are open at once, messages; more are refused with 910 [default: 100000]
    #[arg(long, value_name = "NUMBER", env = "FALLOW_OPEN_PROMISES")]
    pub(crate) open_promises: Option<usize>,
    /// Longest that a message waits for others to share its transaction, milliseconds
    /// [default: 200]
    #[arg(long, value_name = "MS", env = "FALLOW_FLUSH")]
    pub(crate) flush: Option<u64>,
    /// Memory of the database's cache, MiB [default: 64]
    #[arg(long, value_name = "MIB", env = "FALLOW_CACHE")]
    pub(crate) cache: Option<usize>,
    /// Nodes to exchange announcements with: URLs of their APIs, with commas between [default:
    /// none]
    #[arg(long, value_name = "URLS", env = "FALLOW_PEERS", value_delimiter = ',')]
    pub(crate) peers: Option<Vec<String>>,
    /// File of the addresses whose messages are taken, one a line; read again when it changes
    /// [default: everybody's are]
    #[arg(long, value_name = "FILE", env = "FALLOW_ALLOW_LIST")]
    pub(crate) allow_list: Option<PathBuf>,
    /// Connections at once; further ones wait [default: 1024]
    #[arg(long, value_name = "NUMBER", env = "FALLOW_CONNECTIONS")]
    pub(crate) connections: Option<u32>,
    /// Connections of one address at once; further ones are cut. Behind a proxy, all come from it
    /// [default: 256]
    #[arg(long, value_name = "NUMBER", env = "FALLOW_ADDRESS_CONNECTIONS")]
    pub(crate) address_connections: Option<u32>,
    /// The head of a request has arrived within this time, and a connection may be idle for so
    /// long, seconds [default: 20]
    #[arg(long, value_name = "SECONDS", env = "FALLOW_HEAD_SECONDS")]
    pub(crate) head_seconds: Option<u64>,
    /// Longest body of a request, bytes [default: 1048576]
    #[arg(long, value_name = "BYTES", env = "FALLOW_BODY_BYTES")]
    pub(crate) body_bytes: Option<u64>,
    /// A body has arrived within this time, seconds [default: 10]
    #[arg(long, value_name = "SECONDS", env = "FALLOW_BODY_SECONDS")]
    pub(crate) body_seconds: Option<u64>,
    /// Requests that are worked on at once; further ones are refused [default: 1024]
    #[arg(long, value_name = "NUMBER", env = "FALLOW_REQUESTS")]
    pub(crate) requests: Option<u32>,
    /// Memory of all bodies and large answers together, MiB [default: 64]
    #[arg(long, value_name = "MIB", env = "FALLOW_MEMORY")]
    pub(crate) memory: Option<usize>,
    /// Streams of events at once [default: 256]
    #[arg(long, value_name = "NUMBER", env = "FALLOW_STREAMS")]
    pub(crate) streams: Option<u32>,
    /// Requests per second that are taken of one address; behind a proxy, all come from it
    /// [default: 200]
    #[arg(long, value_name = "NUMBER", env = "FALLOW_ADDRESS_RATE")]
    pub(crate) address_rate: Option<u32>,
    /// Messages per second that are taken of one key [default: 100]
    #[arg(long, value_name = "NUMBER", env = "FALLOW_KEY_RATE")]
    pub(crate) key_rate: Option<u32>,
    /// What to log on standard error: `error`, `warn`, `info`, `debug`, `trace`, or one of them
    /// for each module, e.g. `info,fallow_chain=debug` [default: info]
    #[arg(long, value_name = "FILTER", env = "FALLOW_LOG")]
    pub(crate) log: Option<String>,
    /// Log JSON instead of lines for people [default: false]
    #[arg(long, env = "FALLOW_LOG_JSON", value_name = "BOOL", num_args = 0..=1,
        default_missing_value = "true", require_equals = true)]
    pub(crate) log_json: Option<bool>,
}

/// Takes each setting from `over` where it is there, else from `under`.
macro_rules! settings {
    ($($name:ident)*) => {
        impl NodeSettings {
            /// What `self` says, and `under` where it says nothing.
            pub(crate) fn or(self, under: Self) -> Self {
                Self { $($name: self.$name.or(under.$name)),* }
            }
        }
    };
}

settings! {
    network set sidechain finality mainnet key keys_dir password_file poll listen dir
    promise_seconds open_promises flush cache peers allow_list connections address_connections
    head_seconds body_bytes body_seconds requests memory streams address_rate key_rate log log_json
}
