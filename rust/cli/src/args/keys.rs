//! `fallow keys`.

use super::{JsonArgs, KeyArgs, parse_address};
use alloy_primitives::Address;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Account and BLS keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a new key and store it encrypted
    New(New),
    /// List the keys in the folder
    List(List),
    /// Store a key that exists already: a keystore file, or 32 bytes as hex
    Import(Import),
    /// Print a key's encrypted keystore, or its secret
    Export(Export),
    /// Prove possession of a BLS key, so that it can be a validator's
    Prove(Prove),
}

/// Where a key goes that is new to this machine.
#[derive(Args, Debug)]
pub(crate) struct Stored {
    /// Overwrite a key of that name; what it could sign is lost for ever
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) store: KeyArgs,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// `keys new`.
#[derive(Args, Debug)]
pub(crate) struct New {
    /// Name of the key, or the path of its file
    pub(crate) name: String,
    /// Make a BLS key, which signs checkpoints, instead of an account key
    #[arg(long)]
    pub(crate) bls: bool,
    #[command(flatten)]
    pub(crate) stored: Stored,
}

/// `keys list`.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Folder of the keys; in the home folder `.fallow/keys` unless given
    #[arg(long, value_name = "FOLDER", env = "FALLOW_KEYS")]
    pub(crate) keys_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// `keys import`.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// Name of the key, or the path of its file
    pub(crate) name: String,
    /// Keystore (Web3 secret storage, version 3), or 64 hex digits; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// The file holds a BLS key, not an account key
    #[arg(long)]
    pub(crate) bls: bool,
    #[command(flatten)]
    pub(crate) stored: Stored,
}

/// `keys export`.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Name of the key, or the path of its file
    pub(crate) name: String,
    /// Export a BLS key, not an account key
    #[arg(long)]
    pub(crate) bls: bool,
    /// Print the secret itself, as hex; whoever sees it owns the key
    #[arg(long)]
    pub(crate) unencrypted: bool,
    #[command(flatten)]
    pub(crate) store: KeyArgs,
}

/// `keys prove`.
#[derive(Args, Debug)]
pub(crate) struct Prove {
    /// Deployment plan that names the network and its anchor
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: PathBuf,
    /// The BLS key: its name or path
    #[arg(long, value_name = "NAME")]
    pub(crate) key: String,
    /// Account that will post the validator's shares
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) account: Address,
    /// Share of the votes, at least 1
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) weight: u64,
    /// Where to write the member file; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) store: KeyArgs,
}
