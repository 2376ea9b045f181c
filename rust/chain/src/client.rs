//! One node of one chain: typed calls, bounded, with every answer checked against what was asked.

use crate::transport::BoundedHttp;
use crate::{AnswerError, ChainError, Limits, Registry};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::Ethereum;
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::{BatchRequest, ClientBuilder, Waiter};
use alloy::rpc::types::{
    Block, Filter, Header, Log, TransactionInput, TransactionReceipt, TransactionRequest,
};
use alloy::sol_types::{SolCall, SolValue as _};
use alloy::transports::http::reqwest::Url;
use alloy_primitives::{Address, B256, Bloom, Bytes, TxHash, TxKind, U256, keccak256};
use std::ops::RangeInclusive;

/// What we need of a block, after its hash was computed from its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRef {
    /// Block number.
    pub number: u64,
    /// Hash of the header.
    pub hash: B256,
    /// Hash of the header before it.
    pub parent: B256,
    /// Unix seconds.
    pub time: u64,
}

impl BlockRef {
    fn of(header: &Header, number: u64) -> Result<Self, AnswerError> {
        let hash = header.inner.hash_slow();
        if hash != header.hash {
            return Err(AnswerError::HeaderHash { number, got: hash, want: header.hash });
        }
        if header.inner.number != number {
            return Err(AnswerError::BlockNumber { got: header.inner.number, want: number });
        }
        Ok(Self { number, hash, parent: header.inner.parent_hash, time: header.inner.timestamp })
    }
}

/// What a new transaction should offer, wei per gas (EIP-1559).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fees {
    /// At most, base fee included.
    pub max: u128,
    /// Of it for the block's producer.
    pub tip: u128,
}

/// A node. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Client {
    provider: RootProvider<Ethereum>,
}

impl Client {
    /// Names a node; nothing is sent yet. Callers check the chain with
    /// [`check_network`](crate::check_network) or [`Client::check_chain_id`] first.
    ///
    /// # Errors
    /// When `url` is no HTTP URL.
    pub fn new(url: &str, limits: Limits) -> Result<Self, ChainError> {
        let parsed = Url::parse(url).ok();
        let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
        let transport = BoundedHttp::new(parsed.ok_or(ChainError::Url)?, limits)?;
        let provider = RootProvider::new(ClientBuilder::default().transport(transport, false));
        Ok(Self { provider })
    }

    /// The provider underneath, for calls that are not wrapped here; it has the same bounds.
    #[must_use]
    pub const fn provider(&self) -> &RootProvider<Ethereum> {
        &self.provider
    }

    /// The node's chain id (EIP-155).
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn chain_id(&self) -> Result<u64, ChainError> {
        Ok(self.provider.get_chain_id().await?)
    }

    /// Refuses a node of another chain.
    ///
    /// # Errors
    /// [`ChainError::ChainId`] if it is one.
    pub async fn check_chain_id(&self, want: u64) -> Result<(), ChainError> {
        match self.chain_id().await? {
            got if got == want => Ok(()),
            got => Err(ChainError::ChainId { got, want }),
        }
    }

    /// Hash of the code at an address, that of no bytes if there is none.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn code_hash(&self, address: Address) -> Result<B256, ChainError> {
        Ok(keccak256(self.provider.get_code_at(address).await?))
    }

    /// Number of the latest block.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn latest(&self) -> Result<u64, ChainError> {
        Ok(self.provider.get_block_number().await?)
    }

    /// Number of the latest block that the node says is final; `None` before there is one.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn finalized(&self) -> Result<Option<u64>, ChainError> {
        let tag = BlockNumberOrTag::Finalized;
        let block = self.provider.get_block_by_number(tag).await?;
        Ok(block.map(|block| block.header.inner.number))
    }

    /// The latest block's header.
    ///
    /// # Errors
    /// When the node does not answer, or with a header of another hash.
    pub async fn latest_block(&self) -> Result<BlockRef, ChainError> {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await?;
        let header = found(block, 0)?.header;
        Ok(BlockRef::of(&header, header.inner.number)?)
    }

    /// One block's header.
    ///
    /// # Errors
    /// When the node does not have it, or sends another one.
    pub async fn block(&self, number: u64) -> Result<BlockRef, ChainError> {
        let block = self.provider.get_block_by_number(number.into()).await?;
        Ok(BlockRef::of(&found(block, number)?.header, number)?)
    }

    /// Headers of consecutive blocks, in one exchange; each one the parent of the next. With each
    /// comes its bloom filter, which the hash covers: it names every contract that logged.
    ///
    /// # Errors
    /// When the node does not have them all, or they are no chain.
    pub(crate) async fn headers(
        &self,
        range: RangeInclusive<u64>,
    ) -> Result<Vec<(BlockRef, Bloom)>, ChainError> {
        let mut batch = BatchRequest::new(self.provider.client());
        let mut answers = Vec::new();
        for number in range {
            let parameters = (BlockNumberOrTag::from(number), false);
            let answer: Waiter<Option<Block>> =
                batch.add_call("eth_getBlockByNumber", &parameters)?;
            answers.push((number, answer));
        }
        if answers.is_empty() {
            return Ok(Vec::new());
        }
        batch.send().await?;
        let mut headers: Vec<(BlockRef, Bloom)> = Vec::with_capacity(answers.len());
        for (number, answer) in answers {
            let header = found(answer.await?, number)?.header;
            let block = BlockRef::of(&header, number)?;
            if let Some((before, _)) = headers.last() {
                follows(before, &block)?;
            }
            headers.push((block, header.inner.logs_bloom));
        }
        Ok(headers)
    }

    /// Logs of one contract in a range of blocks, checked to be that contract's, in range and in
    /// strictly ascending order.
    ///
    /// # Errors
    /// When the node does not answer, or with other logs than those asked for.
    pub async fn logs(
        &self,
        contract: Address,
        range: RangeInclusive<u64>,
    ) -> Result<Vec<ChainLog>, ChainError> {
        self.logs_like(Filter::new(), contract, range).await
    }

    /// The same, of those logs only whose topics are like the filter's.
    ///
    /// # Errors
    /// As [`Client::logs`].
    pub(crate) async fn logs_like(
        &self,
        filter: Filter,
        contract: Address,
        range: RangeInclusive<u64>,
    ) -> Result<Vec<ChainLog>, ChainError> {
        let filter = filter.address(contract);
        let filter = filter.from_block(*range.start()).to_block(*range.end());
        let logs = self.provider.get_logs(&filter).await?;
        let logs = logs.into_iter().map(ChainLog::of);
        let logs = logs.collect::<Result<Vec<_>, _>>()?;
        in_order(&logs, contract, &range)?;
        Ok(logs)
    }

    /// Calls a contract's view at a block.
    ///
    /// # Errors
    /// When the node does not answer, the call reverts, or its result is not what the ABI says.
    pub async fn call<C: SolCall>(
        &self,
        contract: Address,
        call: &C,
        at: BlockId,
    ) -> Result<C::Return, ChainError> {
        let bytes = self.provider.call(view(contract, call)).block(at).await?;
        Ok(returned::<C>(&bytes)?)
    }

    /// A registry's size and root after each of some blocks, in one exchange. Both are of one state:
    /// asked for one by one, a block could come between them at the chain's end.
    ///
    /// # Errors
    /// As [`Client::call`]; also when the node has forgotten a block's state.
    pub(crate) async fn claims(
        &self,
        registry: Address,
        blocks: &[BlockRef],
    ) -> Result<Vec<(u64, B256)>, ChainError> {
        let mut batch = BatchRequest::new(self.provider.client());
        let mut answers = Vec::with_capacity(blocks.len());
        for block in blocks {
            let parameters = (claim_call(registry), BlockId::from(block.hash));
            let answer: Waiter<Bytes> = batch.add_call("eth_call", &parameters)?;
            answers.push(answer);
        }
        if answers.is_empty() {
            return Ok(Vec::new());
        }
        batch.send().await?;
        let mut claims = Vec::with_capacity(answers.len());
        for answer in answers {
            let claim = <(u64, B256)>::abi_decode_params_validate(&answer.await?);
            claims.push(claim.map_err(|error| AnswerError::Abi { what: "size and root", error })?);
        }
        Ok(claims)
    }

    /// Gas that a transaction needs; an error if it would revert.
    ///
    /// # Errors
    /// When the node does not answer, or the transaction would revert.
    pub async fn estimate_gas(&self, request: TransactionRequest) -> Result<u64, ChainError> {
        Ok(self.provider.estimate_gas(request).await?)
    }

    /// What a transaction should offer now.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn fees(&self) -> Result<Fees, ChainError> {
        let fees = self.provider.estimate_eip1559_fees().await?;
        Ok(Fees { max: fees.max_fee_per_gas, tip: fees.max_priority_fee_per_gas })
    }

    /// Transactions that an account has sent: those in blocks, or with `pending` also those that
    /// wait in the node's pool.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn nonce(&self, account: Address, at: NonceAt) -> Result<u64, ChainError> {
        let tag = match at {
            NonceAt::Latest => BlockId::latest(),
            NonceAt::Pending => BlockId::pending(),
            NonceAt::Block(number) => BlockId::number(number),
        };
        let count = self.provider.get_transaction_count(account);
        Ok(count.block_id(tag).await?)
    }

    /// An account's coins, wei.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        Ok(self.provider.get_balance(account).await?)
    }

    /// Hands a signed transaction to the node.
    ///
    /// # Errors
    /// When the node does not take it, or names another hash.
    pub async fn send_raw(&self, payload: &Bytes) -> Result<TxHash, ChainError> {
        let pending = self.provider.send_raw_transaction(payload).await?;
        let (got, want) = (*pending.tx_hash(), keccak256(payload));
        if got == want { Ok(got) } else { Err(AnswerError::TransactionHash { got, want }.into()) }
    }

    /// A transaction's receipt, once it is in a block.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn receipt(&self, hash: TxHash) -> Result<Option<TransactionReceipt>, ChainError> {
        Ok(self.provider.get_transaction_receipt(hash).await?)
    }
}

/// Which transactions count for a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceAt {
    /// Those in blocks.
    Latest,
    /// Those that wait in the node's pool, too.
    Pending,
    /// Those in blocks up to this one.
    Block(u64),
}

/// A log with its place on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLog {
    /// Number of its block.
    pub number: u64,
    /// Hash of its block as the node says it; followers compare it with the header's.
    pub block_hash: B256,
    /// Position among the logs of the block.
    pub position: u64,
    /// The transaction that logged it, as the node says it.
    pub transaction: TxHash,
    /// Contract, topics and data.
    pub inner: alloy_primitives::Log,
}

impl ChainLog {
    fn of(log: Log) -> Result<Self, AnswerError> {
        let block = (log.block_number, log.block_hash);
        let place = (block, log.log_index, log.transaction_hash);
        let ((Some(number), Some(block_hash)), Some(position), Some(transaction)) = place else {
            return Err(AnswerError::PendingLog);
        };
        Ok(Self { number, block_hash, position, transaction, inner: log.inner })
    }
}

fn view<C: SolCall>(contract: Address, call: &C) -> TransactionRequest {
    let input = TransactionInput::new(call.abi_encode().into());
    TransactionRequest::default().to(contract).input(input)
}

/// A call without a contract of its own: as creation code, which asks the registry for its size and
/// its root and returns both as if they were code. Any client executes it, and nothing is created.
fn claim_call(registry: Address) -> TransactionRequest {
    // PUSH4 selector, PUSH1 224, SHL, PUSH0, MSTORE; then STATICCALL(gas, registry, 0, 4, place, 32)
    let ask = |selector: [u8; 4], place: u8| {
        let argument = [&[0x63][..], &selector, &[0x60, 0xe0, 0x1b, 0x5f, 0x52]].concat();
        let output = [0x60, 0x20, 0x60, place, 0x60, 0x04, 0x5f];
        [&argument[..], &output, &[0x73], registry.as_slice(), &[0x5a, 0xfa]].concat()
    };
    let code = [
        &ask(Registry::sizeCall::SELECTOR, 0x20)[..],
        &ask(Registry::rootCall::SELECTOR, 0x40),
        // AND: both went well; and the second gave a word, else JUMPI to the end.
        &[0x16, 0x3d, 0x60, 0x20, 0x14, 0x16, 0x15, 0x60, 0x5f, 0x57],
        // RETURN(32, 64); JUMPDEST at 95, REVERT(0, 0)
        &[0x60, 0x40, 0x60, 0x20, 0xf3, 0x5b, 0x5f, 0x5f, 0xfd],
    ];
    TransactionRequest {
        input: TransactionInput::new(code.concat().into()),
        to: Some(TxKind::Create),
        ..TransactionRequest::default()
    }
}

fn returned<C: SolCall>(bytes: &Bytes) -> Result<C::Return, AnswerError> {
    let decoded = C::abi_decode_returns_validate(bytes);
    decoded.map_err(|error| AnswerError::Abi { what: C::SIGNATURE, error })
}

fn found<T>(block: Option<T>, number: u64) -> Result<T, ChainError> {
    block.ok_or(ChainError::Missing { what: "block", number })
}

/// Checks that logs are of this contract and these blocks, each after the one before it.
fn in_order(
    logs: &[ChainLog],
    contract: Address,
    range: &RangeInclusive<u64>,
) -> Result<(), AnswerError> {
    let mut before = None;
    for log in logs {
        let place = (log.number, log.position);
        let asked = log.inner.address == contract && range.contains(&log.number);
        if !asked || before.is_some_and(|before| before >= place) {
            return Err(AnswerError::Log { number: log.number, position: log.position });
        }
        before = Some(place);
    }
    Ok(())
}

/// Checks that one header names the other as its parent.
pub(crate) fn follows(before: &BlockRef, block: &BlockRef) -> Result<(), AnswerError> {
    if block.parent == before.hash {
        return Ok(());
    }
    Err(AnswerError::Parent { number: block.number, got: block.parent, want: before.hash })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::consensus::Header as Inner;

    fn header(number: u64) -> Header {
        let inner = Inner { number, timestamp: 9, ..Inner::default() };
        Header { hash: inner.hash_slow(), inner, total_difficulty: None, size: None }
    }

    #[test]
    fn a_header_must_hash_to_what_the_node_says_and_be_the_one_asked_for() {
        let good = header(4);
        let block = BlockRef::of(&good, 4).unwrap();
        assert_eq!((block.number, block.hash, block.time), (4, good.hash, 9));
        assert!(matches!(
            BlockRef::of(&good, 5),
            Err(AnswerError::BlockNumber { got: 4, want: 5 })
        ));
        let mut forged = header(4);
        forged.inner.timestamp = 10;
        assert!(matches!(
            BlockRef::of(&forged, 4),
            Err(AnswerError::HeaderHash { number: 4, want, .. }) if want == good.hash
        ));
    }

    #[test]
    fn a_header_must_follow_from_the_one_before_it() {
        let before = BlockRef::of(&header(4), 4).unwrap();
        let mut block = BlockRef::of(&header(5), 5).unwrap();
        assert!(matches!(follows(&before, &block), Err(AnswerError::Parent { number: 5, .. })));
        block.parent = before.hash;
        assert!(follows(&before, &block).is_ok());
    }

    #[test]
    fn logs_must_be_what_was_asked_for_in_order() {
        let contract = Address::repeat_byte(1);
        let log = |number, position, address| ChainLog {
            number,
            position,
            block_hash: B256::ZERO,
            transaction: TxHash::ZERO,
            inner: alloy_primitives::Log { address, data: alloy_primitives::LogData::empty() },
        };
        let good = [log(4, 0, contract), log(4, 2, contract), log(6, 0, contract)];
        assert!(in_order(&good, contract, &(4..=6)).is_ok());
        let stranger = Address::repeat_byte(2);
        let wrong = [
            vec![log(4, 0, stranger)],
            vec![log(3, 0, contract)],
            vec![log(7, 0, contract)],
            vec![log(4, 1, contract), log(4, 1, contract)],
            vec![log(5, 0, contract), log(4, 9, contract)],
        ];
        for logs in wrong {
            let refused = in_order(&logs, contract, &(4..=6));
            assert!(matches!(refused, Err(AnswerError::Log { .. })), "{logs:?}");
        }
    }
}
