//! A chain on which blocks come when they are called for, with a registry and a forwarder.

use crate::DifferentialError;
use crate::verdict::{Ending, Verdict};
use alloy::providers::Provider as _;
use alloy::rpc::types::Filter;
use alloy::sol_types::{SolCall as _, SolConstructor as _, SolEvent as _};
use alloy_primitives::{Address, B256, Bytes, Log, U256};
use fallow_chain::{BlockRef, ChainLog, Registry, revert_refusal};
use fallow_devnet::{Anvil, AnvilOptions};
use fallow_protocol::{
    AnchorChain, Code, CodeHashes, NetworkFile, NetworkPart, Parameters, Refusal, SetHash,
    Sidechain, Trust, Writer,
};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::time::Duration;

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
mod generated {
    alloy::sol!(
        #[derive(Debug)]
        Forwarder,
        "contracts/Forwarder.json"
    );
}
use generated::Forwarder;

/// Nobody talks to the anchor here.
const ANCHOR_CHAIN: u64 = 1;
const ANCHOR: Address = Address::repeat_byte(0xaa);
/// The kind of record that the forwarder may append.
const OPEN_KIND: u8 = 16;
/// Time of the chain's first block: no run shall depend on the clock.
const START: u64 = 1_800_000_000;
/// More than any block of a schedule needs.
const GAS_LIMIT: u64 = 1_000_000_000_000;
/// More than any transaction of a schedule needs.
const TRANSACTION_GAS: u64 = 100_000_000_000;

/// The chain.
#[derive(Debug)]
pub(crate) struct Chain {
    anvil: Anvil,
    account: Address,
    registry: Address,
    forwarder: Address,
    /// Where its log file is.
    _folder: tempfile::TempDir,
}

/// One block: what became of its calls, and what the registry says of it.
#[derive(Debug)]
pub(crate) struct Mined {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) block: BlockRef,
    /// The logs of the registry.
    pub(crate) logs: Vec<ChainLog>,
    /// Size and root of the log after the block.
    pub(crate) log: (u64, B256),
}

/// What `anvil_dumpState` answers, as far as it matters here.
#[derive(Deserialize)]
struct State {
    accounts: HashMap<Address, Account>,
}

#[derive(Deserialize)]
struct Account {
    storage: HashMap<U256, U256>,
}

/// What the ledger has to start from.
#[derive(Debug)]
pub(crate) struct Genesis {
    pub(crate) network: NetworkFile,
    /// The contract that may append.
    pub(crate) writer: Address,
    /// The registry's first block.
    pub(crate) mined: Mined,
}

impl Chain {
    /// Starts a chain and deploys `code` as the registry.
    pub(crate) async fn start(code: &[u8]) -> Result<(Self, Genesis), DifferentialError> {
        let folder = tempfile::tempdir().map_err(DifferentialError::Folder)?;
        let anvil = Anvil::start(&options(), folder.path()).await?;
        let accounts = anvil.call("eth_accounts", json!([])).await?;
        let account: Address = parse("accounts", &accounts[0])?;
        let (forwarder, registry) = (account.create(0), account.create(1));
        let chain = Self { anvil, account, registry, forwarder, _folder: folder };
        chain.send(None, &Forwarder::BYTECODE).await?;
        let parameters = parameters(forwarder);
        let arguments = Registry::constructorCall { config: config(&parameters) }.abi_encode();
        chain.send(None, &[code, &arguments].concat()).await?;
        let mined = chain.mine(START + 1, 2).await?;
        let network = chain.network(parameters, mined.block.number);
        let got = chain.call(&Registry::networkIdCall {}.abi_encode()).await?;
        same("networkId", &got, &network.network_id.0.to_vec().into())?;
        Ok((chain, Genesis { network, writer: forwarder, mined }))
    }

    /// Nobody looks at the parts that are about contracts elsewhere, or about validators.
    fn network(&self, parameters: Parameters, block: u64) -> NetworkFile {
        let network = NetworkPart {
            sidechain: Sidechain {
                chain_id: self.anvil.chain_id(),
                registry: self.registry,
                bulletin: Address::ZERO,
                block,
            },
            anchor_chain: AnchorChain { chain_id: ANCHOR_CHAIN, anchor: ANCHOR, block: 0 },
            random: B256::ZERO,
            parameters,
            code_hashes: CodeHashes {
                registry: B256::ZERO,
                bulletin: B256::ZERO,
                anchor: B256::ZERO,
            },
        };
        let trust = Trust { era: 0, set_number: 1, set_hash: SetHash::ZERO, checkpoint: None };
        NetworkFile::new(network, trust)
    }

    /// Sends calls of the registry in transactions of one block, and answers what became of them.
    pub(crate) async fn block(
        &self,
        time: u64,
        transactions: &[&[Bytes]],
    ) -> Result<Mined, DifferentialError> {
        for calls in transactions {
            let call = Forwarder::forwardCall { to: self.registry, calls: calls.to_vec() };
            self.send(Some(self.forwarder), &call.abi_encode()).await?;
        }
        self.mine(time, transactions.len()).await
    }

    /// Size and root of the registry's log.
    async fn log(&self) -> Result<(u64, B256), DifferentialError> {
        let size = self.call(&Registry::sizeCall {}.abi_encode()).await?;
        let root = self.call(&Registry::rootCall {}.abi_encode()).await?;
        let sizes = U256::try_from_be_slice(&size).and_then(|size| u64::try_from(size).ok());
        let size = sizes.ok_or_else(|| unexpected("size", &size))?;
        Ok((size, B256::try_from(&root[..]).map_err(|_| unexpected("root", &root))?))
    }

    /// All words of the registry's storage but zeros.
    pub(crate) async fn storage(&self) -> Result<BTreeMap<B256, B256>, DifferentialError> {
        let packed: Bytes = parse("state", &self.anvil.call("anvil_dumpState", json!([])).await?)?;
        let mut state = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut state).map_err(DifferentialError::State)?;
        let state: State = serde_json::from_slice(&state)
            .map_err(|error| DifferentialError::State(error.into()))?;
        let registry = state.accounts.into_iter().find(|(address, _)| *address == self.registry);
        let words = registry.map(|(_, account)| account.storage).unwrap_or_default();
        // A slot that was only read is there with zero.
        let words = words.into_iter().map(|(slot, word)| (slot.into(), word.into()));
        Ok(words.filter(|(_, word): &(B256, B256)| !word.is_zero()).collect())
    }

    async fn call(&self, data: &[u8]) -> Result<Bytes, DifferentialError> {
        let to = json!({ "to": self.registry, "data": Bytes::copy_from_slice(data) });
        parse("call", &self.anvil.call("eth_call", json!([to, "latest"])).await?)
    }

    async fn send(&self, to: Option<Address>, data: &[u8]) -> Result<(), DifferentialError> {
        let transaction = json!({
            "from": self.account,
            "to": to,
            "data": Bytes::copy_from_slice(data),
            "gas": U256::from(TRANSACTION_GAS),
            "gasPrice": "0x0",
        });
        self.anvil.call("eth_sendTransaction", json!([transaction])).await?;
        Ok(())
    }

    /// Mines one block with all transactions that were sent, at exactly this time.
    async fn mine(&self, time: u64, transactions: usize) -> Result<Mined, DifferentialError> {
        self.anvil.call("evm_setNextBlockTimestamp", json!([time])).await?;
        self.anvil.call("evm_mine", json!([])).await?;
        let header = self.anvil.call("eth_getBlockByNumber", json!(["latest", false])).await?;
        let number = |name| {
            let number: U256 = parse(name, &header[name])?;
            Ok::<_, DifferentialError>(number.saturating_to::<u64>())
        };
        same("block time", &number("timestamp")?, &time)?;
        let got = header["transactions"].as_array().map_or(0, Vec::len);
        same("transactions in the block", &got, &transactions)?;
        let block = BlockRef {
            number: number("number")?,
            hash: parse("block hash", &header["hash"])?,
            parent: parse("hash of the block before", &header["parentHash"])?,
            time,
        };
        let (verdicts, logs) = self.events(&block).await?;
        Ok(Mined { verdicts, block, logs, log: self.log().await? })
    }

    /// The events stand in the order of the calls: what the registry says, then how the call ended.
    async fn events(
        &self,
        block: &BlockRef,
    ) -> Result<(Vec<Verdict>, Vec<ChainLog>), DifferentialError> {
        let filter = Filter::new().from_block(block.number).to_block(block.number);
        let filter = filter.address(vec![self.registry, self.forwarder]);
        let (mut verdicts, mut refused, mut logs) = (Vec::new(), Vec::new(), Vec::new());
        for (position, log) in (0..).zip(self.anvil.provider().get_logs(&filter).await?) {
            let (transaction, inner) = (log.transaction_hash.unwrap_or_default(), log.inner);
            if inner.address == self.forwarder {
                let event = Forwarder::Outcome::decode_log(&inner);
                let event = event.map_err(|error| unexpected("event", &error))?;
                let refused = std::mem::take(&mut refused);
                verdicts.push(Verdict { refused, ending: ending(event.ok, &event.answer) });
                continue;
            }
            refused.extend(refusal(&inner)?);
            let (number, block_hash) = (block.number, block.hash);
            logs.push(ChainLog { number, block_hash, position, transaction, inner });
        }
        Ok((verdicts, logs))
    }
}

/// Only the last blocks are kept: a run has thousands, and nobody asks for old ones.
fn options() -> AnvilOptions {
    let further = [
        "--prune-history",
        "--transaction-block-keeper=4",
        "--no-request-size-limit",
        "--timestamp",
        &START.to_string(),
        // The profile of the edit loop makes a registry that no chain would take.
        "--disable-code-size-limit",
    ];
    AnvilOptions {
        block_time: Duration::ZERO,
        block_gas_limit: GAS_LIMIT,
        further: further.map(str::to_owned).into(),
        ..AnvilOptions::sidechain()
    }
}

fn parameters(writer: Address) -> Parameters {
    Parameters {
        checkpoint_interval: 1,
        heartbeat: 1,
        challenge_period: 60,
        query_deadline: 60,
        ring_size: 60,
        writers: vec![Writer { kind: OPEN_KIND, writer }],
    }
}

fn config(parameters: &Parameters) -> Registry::RegistryConfig {
    let writers = parameters.writers.iter();
    Registry::RegistryConfig {
        anchorChainId: U256::from(ANCHOR_CHAIN),
        anchor: ANCHOR,
        parameters: Registry::Parameters {
            random: B256::ZERO,
            checkpointInterval: parameters.checkpoint_interval,
            heartbeat: parameters.heartbeat,
            challengePeriod: parameters.challenge_period,
            queryDeadline: parameters.query_deadline,
            ringSize: parameters.ring_size,
            writers: writers
                .map(|entry| Registry::Writer { kind: entry.kind, writer: entry.writer })
                .collect(),
        },
        parentNetwork: B256::ZERO,
        parentCheckpoint: B256::ZERO,
        parentSize: 0,
    }
}

/// The item and the reason, if the event is a refusal.
fn refusal(log: &Log) -> Result<Option<(B256, Refusal)>, DifferentialError> {
    if log.topics().first() != Some(&Registry::Refused::SIGNATURE_HASH) {
        return Ok(None);
    }
    let event = Registry::Refused::decode_log(log).map_err(|error| unexpected("event", &error))?;
    let reason = &event.reason;
    let code = Code::from_number(reason.code);
    let code = code.ok_or_else(|| unexpected("code of a refusal", &reason.code))?;
    Ok(Some((event.id, Refusal { code, got: reason.got, want: reason.want })))
}

fn ending(ok: bool, answer: &Bytes) -> Ending {
    if ok {
        return Ending::Returned(answer.clone());
    }
    revert_refusal(answer).map_or_else(|| Ending::Reverted(answer.clone()), Ending::Refused)
}

fn parse<T: std::str::FromStr>(what: &'static str, value: &Value) -> Result<T, DifferentialError> {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| unexpected(what, value))
}

fn unexpected(what: &'static str, got: &impl ToString) -> DifferentialError {
    DifferentialError::Chain { what, got: got.to_string(), want: "something else".to_owned() }
}

fn same<T: PartialEq + ToString>(
    what: &'static str,
    got: &T,
    want: &T,
) -> Result<(), DifferentialError> {
    if got == want {
        return Ok(());
    }
    Err(DifferentialError::Chain { what, got: got.to_string(), want: want.to_string() })
}
