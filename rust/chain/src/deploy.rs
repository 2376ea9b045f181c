//! Deployment of a network (docs/protocol.md section 2).
//!
//! Two contracts on two chains name each other, so both addresses are predicted from the deployer
//! and its next nonces before anything is sent: that is the plan. The plan gives the networkId and
//! the anchor's address, over which validators prove possession of their keys. Then the registry
//! is deployed, the bulletin, and last the anchor, whose constructor checks the set.
//!
//! A deployment that fails half-way leaves contracts that no network file names. They cannot be
//! completed: the nonces are spent. Make a new plan.

use crate::{
    Anchor, Bulletin, Call, ChainError, Client, NonceAt, Registry, Sender, SenderConfig,
    TransactionState,
};
use alloy::eips::BlockId;
use alloy::sol_types::SolConstructor as _;
use alloy_primitives::{Address, B256, TxHash, U256};
use fallow_protocol::bls::{Possession, PublicKey, Signature};
use fallow_protocol::{
    AnchorChain, CodeHashes, Member, Network, NetworkFile, NetworkId, NetworkPart, Parameters,
    ParametersError, SecretKey, Set, SetError, Sidechain, Trust,
};

/// Number of the only set there is (docs/protocol.md section 8).
const FIRST_SET: u64 = 1;

/// Why a network was not deployed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// A node said no, or nothing.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// No network may have these parameters.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// The members are no set.
    #[error(transparent)]
    Set(#[from] SetError),
    /// A member did not prove possession of its key for this network.
    #[error("the proof of possession of {0} is not for this network, anchor, account and key")]
    Possession(Address),
    /// The deployer has sent something since the plan was made.
    #[error("the deployer's next nonce on chain {chain_id} is {got}, the plan's {want}")]
    Nonce {
        /// Which chain.
        chain_id: u64,
        /// Of the account.
        got: u64,
        /// Of the plan.
        want: u64,
    },
    /// The key is not the one that the plan names.
    #[error("the key is that of {got}, the plan's deployer is {want}")]
    Deployer {
        /// Account of the key.
        got: Address,
        /// Of the plan.
        want: Address,
    },
    /// A transaction ended in no block.
    #[error("the deployment of the {contract}, transaction {hash}, is in no block")]
    Missing {
        /// Which contract.
        contract: &'static str,
        /// The transaction.
        hash: TxHash,
    },
    /// A contract came out at another address than predicted.
    #[error("the {contract} is at {got}, the plan says {want}")]
    Address {
        /// Which contract.
        contract: &'static str,
        /// Where it is.
        got: Address,
        /// Where it should be.
        want: Address,
    },
    /// A contract computed another networkId: discard the deployment.
    #[error("the {contract} has networkId {got}, the plan's is {want}")]
    NetworkId {
        /// Which contract.
        contract: &'static str,
        /// What it computed.
        got: NetworkId,
        /// What the plan says.
        want: NetworkId,
    },
    /// The anchor stored another set than the one that was meant.
    #[error("the anchor's set has hash {got}, ours {want}")]
    SetHash {
        /// What the anchor computed.
        got: B256,
        /// Ours.
        want: B256,
    },
}

/// A chain as the deployer finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeployerChain {
    /// EIP-155 id.
    pub chain_id: u64,
    /// The deployer's next nonce.
    pub nonce: u64,
}

/// What a network will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployPlan {
    /// Account that deploys on both chains.
    pub deployer: Address,
    /// Where registry and bulletin go.
    pub sidechain: DeployerChain,
    /// Where the anchor goes.
    pub anchor_chain: DeployerChain,
    /// 32 random bytes.
    pub random: B256,
    /// What both contracts are deployed with.
    pub parameters: Parameters,
}

impl DeployPlan {
    /// Plans a deployment with the deployer's next nonces; nothing is sent.
    ///
    /// # Errors
    /// When a node does not answer, or no network may have the parameters.
    pub async fn make(
        deployer: Address,
        sidechain: &Client,
        mainnet: &Client,
        random: B256,
        parameters: Parameters,
    ) -> Result<Self, DeployError> {
        parameters.validate()?;
        Ok(Self {
            deployer,
            sidechain: found(deployer, sidechain).await?,
            anchor_chain: found(deployer, mainnet).await?,
            random,
            parameters,
        })
    }

    /// The registry to be.
    #[must_use]
    pub fn registry(&self) -> Address {
        self.deployer.create(self.sidechain.nonce)
    }

    /// The anchor to be.
    #[must_use]
    pub fn anchor(&self) -> Address {
        self.deployer.create(self.anchor_chain.nonce)
    }

    /// The network to be.
    #[must_use]
    pub fn network_id(&self) -> NetworkId {
        let network = Network {
            sidechain_id: self.sidechain.chain_id,
            registry: self.registry(),
            anchor_chain_id: self.anchor_chain.chain_id,
            anchor: self.anchor(),
            salt: self.parameters.salt(self.random),
        };
        network.id()
    }

    /// What `member` proves possession of its key over.
    #[must_use]
    pub fn possession(&self, member: Address) -> Possession {
        Possession { network_id: self.network_id(), anchor: self.anchor(), member }
    }
}

async fn found(deployer: Address, client: &Client) -> Result<DeployerChain, ChainError> {
    Ok(DeployerChain {
        chain_id: client.chain_id().await?,
        nonce: client.nonce(deployer, NonceAt::Pending).await?,
    })
}

/// A member of the first set with its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Founder {
    /// The account that posts its shares.
    pub address: Address,
    /// Its share of the votes.
    pub weight: u64,
    /// Its key.
    pub key: PublicKey,
    /// Proof that it has the secret key.
    pub proof: Signature,
}

/// The two chains and the deployer's key.
#[derive(Debug)]
pub struct Deployer<'a> {
    /// A node of the sidechain.
    pub sidechain: &'a Client,
    /// A node of the anchor's chain.
    pub mainnet: &'a Client,
    /// Pays on both.
    pub key: &'a SecretKey,
    /// How long to wait for each transaction.
    pub config: SenderConfig,
}

/// Deploys what was planned; `not_after` is when the set expires, unix seconds.
///
/// # Errors
/// When anything is not as planned. Nothing is sent if that shows before the first transaction.
pub async fn deploy(
    plan: &DeployPlan,
    founders: &[Founder],
    not_after: u64,
    deployer: &Deployer<'_>,
) -> Result<(NetworkFile, Set), DeployError> {
    plan.parameters.validate()?;
    let mut founders = founders.to_vec();
    founders.sort_by_key(|founder| founder.address);
    let set = first_set(plan, &founders, not_after)?;
    deployer.check(plan).await?;
    let registry = deployer.registry(plan).await?;
    let bulletin = deployer.bulletin(plan).await?;
    let anchor = deployer.anchor(plan, &founders, &set, registry.block).await?;
    deployer.check_set(anchor.address, &set).await?;
    let network = NetworkPart {
        sidechain: Sidechain {
            chain_id: plan.sidechain.chain_id,
            registry: registry.address,
            bulletin: bulletin.address,
            block: registry.block,
        },
        anchor_chain: AnchorChain {
            chain_id: plan.anchor_chain.chain_id,
            anchor: anchor.address,
            block: anchor.block,
        },
        random: plan.random,
        parameters: plan.parameters.clone(),
        code_hashes: CodeHashes {
            registry: registry.code_hash,
            bulletin: bulletin.code_hash,
            anchor: anchor.code_hash,
        },
    };
    let trust = Trust { era: 0, set_number: set.number(), set_hash: set.hash(), checkpoint: None };
    Ok((NetworkFile::new(network, trust), set))
}

/// The set, its proofs checked here first: a constructor that reverts costs as much as one that
/// does not.
fn first_set(plan: &DeployPlan, founders: &[Founder], not_after: u64) -> Result<Set, DeployError> {
    for founder in founders {
        let owner = plan.possession(founder.address);
        if !founder.key.proves_possession(&owner, &founder.proof) {
            return Err(DeployError::Possession(founder.address));
        }
    }
    let members = founders.iter().map(|founder| Member {
        address: founder.address,
        weight: founder.weight,
        key: founder.key,
    });
    Ok(Set::new(plan.network_id(), FIRST_SET, not_after, members.collect())?)
}

/// A contract on a chain.
#[derive(Clone, Copy, Debug)]
struct Deployed {
    address: Address,
    block: u64,
    code_hash: B256,
}

/// A contract to be.
struct Creation {
    contract: &'static str,
    want: Address,
    chain_id: u64,
    code: Vec<u8>,
}

impl Deployer<'_> {
    async fn check(&self, plan: &DeployPlan) -> Result<(), DeployError> {
        let (got, want) = (self.key.address(), plan.deployer);
        if got != want {
            return Err(DeployError::Deployer { got, want });
        }
        for (client, chain) in [(self.sidechain, plan.sidechain), (self.mainnet, plan.anchor_chain)]
        {
            client.check_chain_id(chain.chain_id).await?;
            let got = client.nonce(plan.deployer, NonceAt::Pending).await?;
            let (chain_id, want) = (chain.chain_id, chain.nonce);
            if got != want {
                return Err(DeployError::Nonce { chain_id, got, want });
            }
        }
        Ok(())
    }

    async fn registry(&self, plan: &DeployPlan) -> Result<Deployed, DeployError> {
        let config = Registry::RegistryConfig {
            anchorChainId: U256::from(plan.anchor_chain.chain_id),
            anchor: plan.anchor(),
            parameters: registry_parameters(plan),
            parentNetwork: B256::ZERO,
            parentCheckpoint: B256::ZERO,
            parentSize: 0,
        };
        let arguments = Registry::constructorCall { config }.abi_encode();
        let creation = Creation {
            contract: "registry",
            want: plan.registry(),
            chain_id: plan.sidechain.chain_id,
            code: [&Registry::BYTECODE[..], &arguments].concat(),
        };
        let deployed = self.create(self.sidechain, creation).await?;
        let call = Registry::networkIdCall {};
        let got = self.sidechain.call(deployed.address, &call, BlockId::latest()).await?;
        same_network("registry", got, plan)?;
        Ok(deployed)
    }

    async fn bulletin(&self, plan: &DeployPlan) -> Result<Deployed, DeployError> {
        let nonce = plan.sidechain.nonce.saturating_add(1);
        let creation = Creation {
            contract: "bulletin",
            want: plan.deployer.create(nonce),
            chain_id: plan.sidechain.chain_id,
            code: Bulletin::BYTECODE.to_vec(),
        };
        self.create(self.sidechain, creation).await
    }

    /// The base, which the first checkpoint must exceed in number and time, is the block before
    /// the registry's: no checkpoint block can be there, and the anchor's bound on the number of
    /// blocks (docs/protocol.md section 11, rule 3) counts from the network's beginning.
    async fn anchor(
        &self,
        plan: &DeployPlan,
        founders: &[Founder],
        set: &Set,
        registry_block: u64,
    ) -> Result<Deployed, DeployError> {
        let base = self.sidechain.block(registry_block.saturating_sub(1)).await?;
        let config = Anchor::AnchorConfig {
            sidechainId: U256::from(plan.sidechain.chain_id),
            registry: plan.registry(),
            parameters: anchor_parameters(plan),
            baseBlock: base.number,
            baseTime: base.time,
            notAfter: set.not_after(),
            members: founders.iter().map(member).collect(),
        };
        let arguments = Anchor::constructorCall { config }.abi_encode();
        let creation = Creation {
            contract: "anchor",
            want: plan.anchor(),
            chain_id: plan.anchor_chain.chain_id,
            code: [&Anchor::BYTECODE[..], &arguments].concat(),
        };
        let deployed = self.create(self.mainnet, creation).await?;
        let call = Anchor::networkIdCall {};
        let got = self.mainnet.call(deployed.address, &call, BlockId::latest()).await?;
        same_network("anchor", got, plan)?;
        Ok(deployed)
    }

    async fn check_set(&self, anchor: Address, set: &Set) -> Result<(), DeployError> {
        let call = Anchor::setHashCall {};
        let got = self.mainnet.call(anchor, &call, BlockId::latest()).await?;
        let want = set.hash().0;
        if got == want { Ok(()) } else { Err(DeployError::SetHash { got, want }) }
    }

    async fn create(&self, client: &Client, creation: Creation) -> Result<Deployed, DeployError> {
        let Creation { contract, want, chain_id, code } = creation;
        let mut sender = Sender::new(client.clone(), self.key, chain_id, self.config)?;
        let call = Call { to: None, data: code.into() };
        let transaction = sender.send(call).await?;
        let got = sender.address().create(transaction.nonce);
        if got != want {
            return Err(DeployError::Address { contract, got, want });
        }
        let TransactionState::Final { block, .. } = transaction.state else {
            let hash = transaction.hash();
            return Err(DeployError::Missing { contract, hash });
        };
        let code_hash = client.code_hash(got).await?;
        Ok(Deployed { address: got, block, code_hash })
    }
}

fn same_network(contract: &'static str, got: B256, plan: &DeployPlan) -> Result<(), DeployError> {
    let (got, want) = (NetworkId(got), plan.network_id());
    if got == want { Ok(()) } else { Err(DeployError::NetworkId { contract, got, want }) }
}

fn member(founder: &Founder) -> Anchor::Member {
    Anchor::Member {
        account: founder.address,
        weight: founder.weight,
        key: words(&founder.key.to_eip2537()),
        proofOfPossession: words(&founder.proof.to_eip2537()),
    }
}

/// Cuts a point into words; `N` is its length divided by 32.
fn words<const N: usize>(bytes: &[u8]) -> [B256; N] {
    let mut words = [B256::ZERO; N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(32)) {
        *word = B256::from_slice(bytes);
    }
    words
}

/// Each contract's bindings have a struct of their own for the same parameters.
macro_rules! parameters {
    ($name:ident, $contract:ident) => {
        fn $name(plan: &DeployPlan) -> $contract::Parameters {
            let parameters = &plan.parameters;
            let writers = parameters
                .writers
                .iter()
                .map(|entry| $contract::Writer { kind: entry.kind, writer: entry.writer });
            $contract::Parameters {
                random: plan.random,
                checkpointInterval: parameters.checkpoint_interval,
                heartbeat: parameters.heartbeat,
                challengePeriod: parameters.challenge_period,
                queryDeadline: parameters.query_deadline,
                ringSize: parameters.ring_size,
                writers: writers.collect(),
            }
        }
    };
}
parameters!(registry_parameters, Registry);
parameters!(anchor_parameters, Anchor);
