//! Starts real chains and Fallow processes on this machine, for the demo and for tests, and always
//! cleans up what it started.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod account;
mod anvil;
mod devnet;
mod error;
mod journal;
mod keeper;
mod kept;
mod network;
mod pace;
mod poll;
mod probe;
mod process;
mod replay;
mod tap;

pub use account::{DevAccount, DevValidator};
pub use anvil::{ANVIL_VARIABLE, Anvil, AnvilOptions, MAINNET_ID, SIDECHAIN_ID, find_anvil};
pub use devnet::{Devnet, DevnetOptions};
pub use error::DevnetError;
pub use keeper::{ChainPhase, ChainState, Keeper};
pub use kept::KeptOptions;
pub use network::{KeptNetwork, NetworkOptions, Opened};
pub use pace::Pace;
pub use poll::poll;
pub use probe::{Probe, probe_accounts};
pub use process::{ManagedProcess, ProcessSpec, Signal};
pub use tap::{Hold, Tap};
