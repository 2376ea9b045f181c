//! Sending a message to the registry and waiting until its record is final.

use crate::chain::{Sidechain, failure};
use crate::error::{Context, Failure, Result};
use crate::time::{self, DurationArg};
use alloy::sol_types::SolCall;
use alloy_primitives::{Address, TxHash};
use fallow_chain::{
    Call, ChainError, Finality, Sender, SenderConfig, Transaction, TransactionState, revert_refusal,
};
use fallow_protocol::{Refusal, SecretKey};
use std::time::Duration;
use tokio::signal::ctrl_c;
use tokio::time::{sleep, timeout};

/// A transaction that the registry would take, not sent yet.
#[derive(Debug)]
pub(crate) struct Submission {
    sender: Sender,
    transaction: Transaction,
}

/// What the registry says before anything is sent.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// It would record the message.
    Accepted(Box<Submission>),
    /// It would refuse the message.
    Refused(Refusal),
}

/// How a transaction that was sent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is final in this block.
    Final(u64),
    /// It changed nothing: what it was tried out on had changed before it was included.
    NoEffect(TxHash),
}

/// Often enough for blocks of a second.
const POLL: Duration = Duration::from_millis(150);

impl Submission {
    /// Signs a call of the registry, which is tried out on the node.
    pub(crate) async fn prepare(
        side: &Sidechain,
        key: &SecretKey,
        call: &impl SolCall,
    ) -> Result<Prepared> {
        let network = &side.file.network.sidechain;
        let config = SenderConfig {
            confirmations: match side.finality() {
                Finality::Latest => 0,
                Finality::Depth(blocks) => blocks,
                Finality::Finalized => SenderConfig::default().confirmations,
            },
            poll: POLL,
            ..SenderConfig::default()
        };
        let mut sender = Sender::new(side.client.clone(), key, network.chain_id, config)
            .map_err(|error| failure("sidechain", &error))?;
        let call = Call { to: Some(network.registry), data: call.abi_encode().into() };
        match sender.build(call).await {
            Ok(transaction) => Ok(Prepared::Accepted(Box::new(Self { sender, transaction }))),
            Err(error) => match refusal(&error) {
                Some(refusal) => Ok(Prepared::Refused(refusal)),
                None => Err(gas_failure(key.address(), &error)),
            },
        }
    }

    /// Sends it and waits until it is final, for at most `wait`. Returns its block.
    pub(crate) async fn send(self, wait: DurationArg) -> Result<u64> {
        match self.try_send(wait).await? {
            Outcome::Final(block) => Ok(block),
            Outcome::NoEffect(hash) => {
                let what = format!("transaction {hash} took no effect");
                Err(Failure::refused(what)
                    .hint("somebody was quicker, or the node dropped it; try again"))
            }
        }
    }

    /// As [`Self::send`], for callers that can build another one.
    pub(crate) async fn try_send(mut self, wait: DurationArg) -> Result<Outcome> {
        let given_up = tokio::select! {
            ended = timeout(Duration::from_secs(wait.0), self.finish()) => match ended {
                Ok(ended) => return ended,
                Err(_) => format!("after {}", time::duration(wait.0)),
            },
            interrupted = ctrl_c() => {
                interrupted.context("cannot listen for Ctrl-C")?;
                "when you stopped waiting".to_owned()
            }
        };
        Err(not_final(&self.transaction, &given_up))
    }

    async fn finish(&mut self) -> Result<Outcome> {
        loop {
            self.sender
                .follow(&mut self.transaction)
                .await
                .map_err(|error| gas_failure(self.sender.address(), &error))?;
            match self.transaction.state {
                TransactionState::Final { block, .. } => return Ok(Outcome::Final(block)),
                TransactionState::Dropped(_) => {
                    return Ok(Outcome::NoEffect(self.transaction.hash()));
                }
                _ => sleep(POLL).await,
            }
        }
    }
}

/// It may still be recorded: only the waiting is over.
fn not_final(transaction: &Transaction, given_up: &str) -> Failure {
    let hash = transaction.hash();
    let what = match transaction.state {
        TransactionState::Built => {
            format!("the node had not said {given_up} whether it took transaction {hash}")
        }
        _ => format!("it was sent as transaction {hash}, and was not final {given_up}"),
    };
    Failure::new(what).hint(
        "it may still be recorded: see `fallow requests` or `fallow resources` before you try \
         again; `--wait` sets how long to wait",
    )
}

fn refusal(error: &ChainError) -> Option<Refusal> {
    match error {
        ChainError::Refused { data: Some(data), .. } => revert_refusal(data),
        _ => None,
    }
}

fn gas_failure(payer: Address, error: &ChainError) -> Failure {
    failure("sidechain", error).or_hint(format_args!(
        "does {payer} have the sidechain's coins for gas? `--sender` names another account"
    ))
}
