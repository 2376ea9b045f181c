//! Where a network is reached, as commands are told.

/// URLs of one node of each chain, and of the network's own node.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    /// Of the sidechain.
    pub(crate) sidechain: String,
    /// Of the chain with the anchor.
    pub(crate) mainnet: String,
    /// Of the API.
    pub(crate) api: String,
    /// When a sidechain block is final.
    pub(crate) finality: &'static str,
}

impl Nodes {
    /// Names the sidechain's node, and when its blocks are final.
    pub(crate) fn sidechain_args(&self) -> Vec<String> {
        ["--sidechain", &self.sidechain, "--finality", self.finality].map(str::to_owned).to_vec()
    }

    /// Names the mainnet's node.
    pub(crate) fn mainnet_args(&self) -> Vec<String> {
        ["--mainnet", &self.mainnet].map(str::to_owned).to_vec()
    }

    /// Names both.
    pub(crate) fn args(&self) -> Vec<String> {
        [self.sidechain_args(), self.mainnet_args()].concat()
    }
}
