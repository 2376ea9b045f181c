//! A node with a made-up history whose chains are away: it serves, and takes nothing.

#[allow(dead_code, unreachable_pub)]
#[path = "../store/world.rs"]
mod history;

use alloy_primitives::B256;
use fallow_chain::{DaemonConfig, Finality, Limits, SenderConfig};
use fallow_node::store::{DiskSettings, DiskStore, NodeStore as _};
use fallow_node::{Config, HttpLimits};
use fallow_protocol::{Checkpoint, SecretKey};
use history::World;
use std::path::Path;
use std::time::Duration;

/// Writes a history of so many records to a folder, its last checkpoint certified, and says what a
/// node is started with to serve it.
pub(crate) fn make(dir: &Path, records: u64, limits: HttpLimits) -> (Config, Checkpoint) {
    let mut world = World::new(records, 100);
    let key = SecretKey::from_bytes([5; 32]).unwrap();
    let settings = DiskSettings { reserve_bytes: 0, ..DiskSettings::default() };
    let file = world.network().file().clone();
    let store = DiskStore::open_with(dir, &file, key.address(), settings).unwrap();
    while let Some(mut change) = world.change() {
        let checkpoint = world.checkpoint.unwrap();
        let certificate = world.network().certify(&checkpoint);
        change.certificates = vec![(checkpoint.block_number, certificate)];
        store.commit(&change).unwrap();
    }
    let daemon = DaemonConfig {
        network: file,
        set: world.network().set().clone(),
        account_key: key,
        // The port of "discard": nobody listens.
        sidechain_url: "http://127.0.0.1:9".to_owned(),
        limits: Limits { retries: 0, ..Limits::default() },
        store: dir.join("unused"),
        poll_interval: Duration::from_millis(50),
        finality: Finality::Latest,
        sender: SenderConfig::default(),
    };
    let mainnet = daemon.sidechain_url.clone();
    let listen = ([127, 0, 0, 1], 0).into();
    let mut config = Config::new(daemon, mainnet, listen, dir.to_owned());
    config.limits = limits;
    (config, world.checkpoint.unwrap())
}

/// A message that nobody has sent.
#[allow(dead_code, reason = "garbage names nothing")]
pub(crate) const NOBODYS: B256 = B256::repeat_byte(0xee);
