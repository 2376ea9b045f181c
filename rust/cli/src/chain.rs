//! The chains behind a command: every node is compared with the network file before anything that
//! it says is used.

use crate::args::{MainnetArgs, NetworkArgs, SidechainArgs};
use crate::error::{Failure, Result, chain};
use crate::files;
use alloy::eips::BlockId;
use alloy::sol_types::SolCall;
use fallow_chain::{ChainError, Client, Finality, FollowError, Follower, Limits, check_network};
use fallow_protocol::NetworkFile;
use std::ops::RangeInclusive;

/// A network with a node of its sidechain.
#[derive(Debug)]
pub(crate) struct Sidechain {
    /// What the network is.
    pub(crate) file: NetworkFile,
    /// The node.
    pub(crate) client: Client,
    finality: Finality,
}

/// A network with a node of each chain.
#[derive(Debug)]
pub(crate) struct Chains {
    /// The sidechain.
    pub(crate) side: Sidechain,
    /// A node of the chain with the anchor.
    pub(crate) mainnet: Client,
}

impl Sidechain {
    /// Connects and checks chain id and code hashes.
    pub(crate) async fn connect(network: &NetworkArgs, sidechain: &SidechainArgs) -> Result<Self> {
        let side = Self::open(network, sidechain)?;
        check_network(&side.file, &side.client, None)
            .await
            .map_err(|error| failure("sidechain", &error))?;
        Ok(side)
    }

    fn open(network: &NetworkArgs, sidechain: &SidechainArgs) -> Result<Self> {
        Ok(Self {
            file: files::read_network(&network.network)?,
            client: client("sidechain", &sidechain.sidechain)?,
            finality: sidechain.finality,
        })
    }

    /// When its blocks are final.
    pub(crate) const fn finality(&self) -> Finality {
        self.finality
    }

    /// Re-executes the whole ledger up to the last final block.
    pub(crate) async fn follow(&self) -> Result<Follower> {
        self.follow_to(self.finality).await
    }

    /// Re-executes the whole ledger up to the latest block, final or not: what is sent next is
    /// judged by the state after it.
    pub(crate) async fn follow_to_latest(&self) -> Result<Follower> {
        self.follow_to(Finality::Latest).await
    }

    async fn follow_to(&self, finality: Finality) -> Result<Follower> {
        let mut follower = Follower::new(&self.file, self.client.clone(), finality);
        follower.sync().await.map_err(|error| follow_failure(&error))?;
        Ok(follower)
    }

    /// Calls a view of the registry at the latest block.
    pub(crate) async fn registry<C: SolCall>(&self, call: &C) -> Result<C::Return> {
        let registry = self.file.network.sidechain.registry;
        self.client
            .call(registry, call, BlockId::latest())
            .await
            .map_err(|error| failure("sidechain", &error))
    }
}

impl Chains {
    /// Connects to both chains and checks chain ids and code hashes.
    pub(crate) async fn connect(
        network: &NetworkArgs,
        sidechain: &SidechainArgs,
        mainnet: &MainnetArgs,
    ) -> Result<Self> {
        let chains = Self {
            side: Sidechain::open(network, sidechain)?,
            mainnet: client("mainnet", mainnet.url())?,
        };
        check_both(&chains.side.file, &chains.side.client, &chains.mainnet).await?;
        Ok(chains)
    }
}

/// Checks chain ids and code hashes, one chain after the other, so that an error names the chain.
pub(crate) async fn check_both(
    file: &NetworkFile,
    sidechain: &Client,
    mainnet: &Client,
) -> Result<()> {
    check_network(file, sidechain, None).await.map_err(|error| failure("sidechain", &error))?;
    check_network(file, sidechain, Some(mainnet)).await.map_err(|error| failure("mainnet", &error))
}

/// Names a node of the chain `which`; nothing is sent yet.
pub(crate) fn client(which: &str, url: &str) -> Result<Client> {
    Client::new(url, Limits::default()).map_err(|error| failure(which, &error))
}

/// An error of a node, with what to do about it.
pub(crate) fn failure(which: &str, error: &ChainError) -> Failure {
    let failure = Failure::new(format_args!("{which}: {}", chain(error)));
    match error {
        ChainError::Url => failure.hint("a node's URL looks like `http://127.0.0.1:8545`"),
        ChainError::Transport(_) => {
            failure.hint(format_args!("is the node running? {} its URL", named_by(which)))
        }
        ChainError::ChainId { .. } | ChainError::CodeHash { .. } => {
            failure.hint("the node shows another network than the network file; use its own file")
        }
        _ => failure,
    }
}

/// Which flag names the node of a chain.
fn named_by(which: &str) -> &'static str {
    match which {
        "sidechain" => "`--sidechain` names",
        "mainnet" => "`--mainnet` names",
        _ => "`--sidechain` or `--mainnet` names",
    }
}

/// As [`failure`], for following.
pub(crate) fn follow_failure(error: &FollowError) -> Failure {
    match error {
        FollowError::Chain(error) => failure("sidechain", error),
        other => Failure::refused(format_args!("the sidechain breaks a rule: {}", chain(other)))
            .hint("no honest validator signs such a chain; nothing from here on is proven"),
    }
}

/// Runs a command that talks to chains.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format_args!("cannot start: {error}")))?;
    runtime.block_on(work)
}

/// Blocks of one query for logs; many nodes refuse much longer ranges.
const RANGE_BLOCKS: u64 = 500;

/// The blocks from `first` to `last` in ranges that every node takes.
pub(crate) fn ranges(first: u64, last: u64) -> impl Iterator<Item = RangeInclusive<u64>> {
    let mut next = Some(first);
    std::iter::from_fn(move || {
        let start = next.filter(|start| *start <= last)?;
        let end = last.min(start.saturating_add(RANGE_BLOCKS.saturating_sub(1)));
        next = end.checked_add(1);
        Some(start..=end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_block_once() {
        let all = |first, last| ranges(first, last).collect::<Vec<_>>();
        assert_eq!(all(5, 4), []);
        assert_eq!(all(5, 5), [5..=5]);
        assert_eq!(all(0, 999), [0..=499, 500..=999]);
        assert_eq!(all(0, 1_000), [0..=499, 500..=999, 1_000..=1_000]);
        assert_eq!(all(u64::MAX, u64::MAX), [u64::MAX..=u64::MAX]);
    }
}
