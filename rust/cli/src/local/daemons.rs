//! The daemons of a network on this machine: this same program, each a process of its own.

use super::{Folder, Nodes};
use fallow_devnet::ProcessSpec;
use std::net::SocketAddr;
use std::path::Path;

/// Time between two looks at a chain, milliseconds: people are watching.
const POLL: &str = "150";

/// How the daemons of one network are started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Daemons<'a> {
    /// This program.
    pub(crate) program: &'a Path,
    /// The network's folder.
    pub(crate) folder: &'a Folder,
    /// Its chains.
    pub(crate) nodes: &'a Nodes,
}

impl Daemons<'_> {
    /// Validator `number`, from 1.
    pub(crate) fn validator(&self, number: usize) -> ProcessSpec {
        let name = format!("validator-{number}");
        let args = ["validator", "--key", &name, "--bls-key", &name].map(str::to_owned).to_vec();
        self.spec(&name, [args, self.nodes.sidechain_args(), self.store_args(&name)].concat())
    }

    /// The relayer.
    pub(crate) fn relayer(&self) -> ProcessSpec {
        let args = ["relayer", "--key", "relayer", "--every", "1s"].map(str::to_owned).to_vec();
        self.spec("relayer", [args, self.nodes.args(), self.store_args("relayer")].concat())
    }

    /// The node, with its API at `listen`.
    pub(crate) fn node(&self, listen: SocketAddr) -> ProcessSpec {
        let (listen, dir) = (listen.to_string(), self.folder.data().join("node"));
        let dir = dir.display().to_string();
        let args = ["node", "--key", "node", "--listen", &listen, "--dir", &dir];
        self.spec("node", [args.map(str::to_owned).to_vec(), self.nodes.args()].concat())
    }

    fn store_args(&self, name: &str) -> Vec<String> {
        let store = self.folder.data().join(format!("{name}.redb"));
        vec!["--store-file".to_owned(), store.display().to_string()]
    }

    fn spec(&self, name: &str, args: Vec<String>) -> ProcessSpec {
        let places = [self.folder.network_args(), self.folder.key_args()].concat();
        ProcessSpec::new(name, self.program, &self.folder.logs())
            .args(args)
            .args(["--poll", POLL])
            .args(places)
    }
}
