//! A registry that keeps the rules.

use crate::support::{Chain, PATIENCE};
use alloy::sol_types::SolEvent as _;
use alloy_primitives::B256;
use fallow_chain::{
    Bulletin, Call, ChainError, Finality, Follower, Registry, Sender, SenderConfig,
};
use fallow_devnet::{DevAccount, Hold, Tap};
use fallow_protocol::{Checkpoint, Code, bls};
use fallow_validator::{Config, Identity, Status, Store, StoreError, Validator, ValidatorError};
use std::future::{Pending, pending};
use tokio::sync::watch;
use tokio::task::JoinHandle;

struct Running {
    status: watch::Receiver<Status>,
    task: JoinHandle<Result<(), ValidatorError>>,
}

impl Running {
    async fn start(config: Config) -> Self {
        let validator = Validator::bind(config).await.unwrap();
        let never: Pending<()> = pending();
        Self { status: validator.status(), task: tokio::spawn(validator.run(never)) }
    }

    async fn until(&mut self, what: &str, reached: impl Fn(&Status) -> bool) -> Status {
        let waited = self.status.wait_for(|status| reached(status));
        let status = tokio::time::timeout(PATIENCE, waited).await;
        status.unwrap_or_else(|_| panic!("not in time: {what}")).unwrap().clone()
    }

    /// Ends it where it stands, as a crash does.
    async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// What the chain says, re-executed by somebody else.
async fn followed(chain: &Chain) -> Follower {
    let mut follower = Follower::new(&chain.network, chain.client.clone(), Finality::Latest);
    follower.sync().await.unwrap();
    follower
}

/// The share that is on the bulletin for a checkpoint.
async fn share(chain: &Chain, checkpoint: &Checkpoint) -> bls::Signature {
    let bulletin = chain.network.network.sidechain.bulletin;
    let first = chain.network.network.sidechain.block;
    let latest = chain.client.latest().await.unwrap();
    let logs = chain.client.logs(bulletin, first..=latest).await.unwrap();
    let posts = logs.iter().map(|log| Bulletin::SharePosted::decode_log(&log.inner).unwrap().data);
    let mut posts = posts.filter(|post| post.blockNumber == checkpoint.block_number);
    let post = posts.next().expect("a share of the block");
    assert_eq!(posts.next(), None, "one share for each block");
    assert_eq!(post.validator, chain.validators[0].account.address());
    assert_eq!(post.digest, checkpoint.digest());
    bls::Signature::from_bytes(post.share.as_ref().try_into().unwrap()).unwrap()
}

async fn announce_and_ask(chain: &mut Chain) {
    let [provider, requester] =
        ["provider", "requester"].map(|name| DevAccount::new(name).key().clone());
    let announcement = chain.announcement(&provider, 2);
    chain.announce(announcement, &provider).await.unwrap();
    let request = chain.request(&announcement, &requester, 1);
    chain.ask(request, &requester).await.unwrap();
    let again = chain.ask(request, &requester).await.unwrap_err();
    let ChainError::Refused { data: Some(data), .. } = again else {
        panic!("unexpected: {again}");
    };
    let refusal = fallow_chain::revert_refusal(&data).unwrap();
    assert_eq!(refusal.code, Code::SequenceAlreadyUsed);
}

#[tokio::test]
async fn checkpoints_of_an_honest_registry_are_signed_and_posted() {
    let mut chain = Chain::start(&Registry::BYTECODE).await;
    let mut running = Running::start(chain.config()).await;
    announce_and_ask(&mut chain).await;
    let recorded = chain.client.latest().await.unwrap();
    let posted = running.until("a share", |status| status.posted > Some(recorded)).await;
    assert_eq!(posted.size, 3, "genesis, announcement, allocation");
    let follower = followed(&chain).await;
    let checkpoint = follower.checkpoint(posted.posted.unwrap()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (3, follower.root()));
    let share = share(&chain, &checkpoint).await;
    assert!(chain.validators[0].key.public_key().verifies(checkpoint.digest(), &share));
    running.crash().await;
}

/// An approved allocation, given back; its offer, withdrawn; and an offer barred before anybody
/// recorded it.
async fn live_through(chain: &mut Chain) {
    let [provider, requester, approver] =
        ["provider", "requester", "approver"].map(|name| DevAccount::new(name).key().clone());
    let mut offer = chain.announcement(&provider, 2);
    offer.approver = approver.address();
    chain.announce(offer, &provider).await.unwrap();
    let request = chain.request(&offer, &requester, 1);
    chain.ask_signed_by(request, &[&requester, &approver]).await.unwrap();
    let follower = followed(chain).await;
    chain.release(&follower, 2, request.start_time, &requester).await.unwrap();
    chain.withdraw(&offer, &provider).await.unwrap();
    offer.volume = 3;
    chain.withdraw(&offer, &provider).await.unwrap();
}

#[tokio::test]
async fn checkpoints_over_every_kind_of_record_are_signed() {
    let mut chain = Chain::start(&Registry::BYTECODE).await;
    let mut running = Running::start(chain.config()).await;
    live_through(&mut chain).await;
    let posted = running.until("all records", |status| status.size == 6).await;
    let posted = running.until("a share", |status| status.posted > posted.posted).await;
    let follower = followed(&chain).await;
    let kinds: Vec<_> = follower.records().iter().map(|one| one.entry.record[1]).collect();
    assert_eq!(kinds, [0, 1, 2, 3, 4, 4]);
    let checkpoint = follower.checkpoint(posted.posted.unwrap()).unwrap();
    let share = share(&chain, &checkpoint).await;
    assert!(chain.validators[0].key.public_key().verifies(checkpoint.digest(), &share));
    running.crash().await;
}

#[tokio::test]
async fn a_crashed_validator_goes_on_with_what_it_signed() {
    let mut chain = Chain::start(&Registry::BYTECODE).await;
    let mut running = Running::start(chain.config()).await;
    running.until("a signature", |status| status.signed.is_some()).await;
    announce_and_ask(&mut chain).await;
    running.until("three records", |status| status.size == 3).await;
    running.crash().await;
    let down_at = chain.client.latest().await.unwrap();
    let mut running = Running::start(chain.config()).await;
    let status = running.until("a share", |status| status.posted > Some(down_at)).await;
    running.crash().await;
    // Whatever it signed before and after is on the bulletin, each with the one digest.
    let follower = followed(&chain).await;
    let posted = status.posted.unwrap();
    let mut shares = 0;
    for checkpoint in follower.checkpoints_after(0, usize::MAX) {
        let digest = chain.posted(checkpoint.block_number).await;
        assert!([B256::ZERO, checkpoint.digest()].contains(&digest), "another digest is there");
        shares += u32::from(digest == checkpoint.digest() && checkpoint.block_number <= posted);
    }
    assert!(shares >= 2, "one of each life, got {shares}");
}

/// Crashes at one exchange with the node and starts again; whatever was signed is posted once.
async fn crash_at(hold: Hold) {
    let chain = Chain::start(&Registry::BYTECODE).await;
    let tap = Tap::start(chain.anvil.url()).await.unwrap();
    tap.hold(hold);
    let running = Running::start(chain.config_at(tap.url())).await;
    tokio::time::timeout(PATIENCE, tap.held()).await.unwrap();
    let signed = running.status.borrow().signed.expect("it signs before it posts");
    running.crash().await;
    let stored = {
        let account = chain.validators[0].account.address();
        let identity = Identity { network_id: chain.network.network_id, account };
        Store::open(&chain.config().daemon.store, &identity).unwrap().signed(0, signed).unwrap()
    };
    let mut running = Running::start(chain.config()).await;
    running.until("the share", |status| status.posted >= Some(signed)).await;
    running.crash().await;
    let checkpoint = followed(&chain).await.checkpoint(signed).unwrap();
    assert_eq!(stored, Some(checkpoint.digest()), "durable before anything was posted");
    let share = share(&chain, &checkpoint).await;
    assert!(chain.validators[0].key.public_key().verifies(checkpoint.digest(), &share));
}

#[tokio::test]
async fn a_crash_before_the_share_is_built_loses_nothing() {
    crash_at(Hold::Request("eth_estimateGas")).await;
}

#[tokio::test]
async fn a_crash_before_the_node_has_the_share_loses_nothing() {
    crash_at(Hold::Request("eth_sendRawTransaction")).await;
}

#[tokio::test]
async fn a_crash_after_the_node_took_the_share_posts_it_once() {
    crash_at(Hold::Answer("eth_sendRawTransaction")).await;
}

#[tokio::test]
async fn a_crash_after_the_share_was_included_posts_it_once() {
    crash_at(Hold::Answer("eth_getTransactionReceipt")).await;
}

#[tokio::test]
async fn a_second_process_cannot_use_the_store() {
    let chain = Chain::start(&Registry::BYTECODE).await;
    let first = Validator::bind(chain.config()).await.unwrap();
    let second = Validator::bind(chain.config()).await;
    assert!(matches!(second, Err(ValidatorError::Store(StoreError::InUse { .. }))));
    drop(first);
    assert!(Validator::bind(chain.config()).await.is_ok());
}

#[tokio::test]
async fn another_digest_on_the_bulletin_stops_the_validator() {
    let chain = Chain::start(&Registry::BYTECODE).await;
    let bulletin = chain.network.network.sidechain.bulletin;
    // Somebody with the same account posts for every block that may come next.
    let key = chain.validators[0].account.key();
    let config = SenderConfig { confirmations: 0, ..SenderConfig::default() };
    let chain_id = chain.anvil.chain_id();
    let mut sender = Sender::new(chain.client.clone(), key, chain_id, config).unwrap();
    let latest = chain.client.latest().await.unwrap();
    let stolen = B256::repeat_byte(9);
    let mut transactions = Vec::new();
    for block in latest..latest + 40 {
        let call = Bulletin::postCall {
            era: 0,
            blockNumber: block,
            digest: stolen,
            share: vec![1; 48].into(),
        };
        let data = alloy::sol_types::SolCall::abi_encode(&call).into();
        let mut transaction = sender.build(Call { to: Some(bulletin), data }).await.unwrap();
        sender.follow(&mut transaction).await.unwrap();
        transactions.push(transaction);
    }
    let last = latest + 39;
    fallow_devnet::poll(
        "stolen posts",
        PATIENCE,
        std::time::Duration::from_millis(50),
        async || {
            let posted = chain.posted(last).await == stolen;
            Ok::<_, fallow_devnet::DevnetError>(posted.then_some(()))
        },
    )
    .await
    .unwrap();
    let validator = Validator::bind(chain.config()).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, validator.run(pending())).await.unwrap();
    let error = ended.unwrap_err();
    assert_eq!(error.exit_code(), 1);
    let reason = error.to_string();
    assert!(reason.contains(&stolen.to_string()), "names the digest: {reason}");
}

#[tokio::test]
async fn a_registry_of_other_code_is_refused_before_anything_runs() {
    let chain = Chain::start(&Registry::BYTECODE).await;
    let mut config = chain.config();
    config.daemon.network.network.code_hashes.registry = B256::repeat_byte(1);
    let refused = Validator::bind(config).await;
    assert!(matches!(
        refused,
        Err(ValidatorError::Chain(ChainError::CodeHash { contract: "registry", .. }))
    ));
}

#[tokio::test]
async fn shutting_down_ends_it_without_an_error() {
    let chain = Chain::start(&Registry::BYTECODE).await;
    let validator = Validator::bind(chain.config()).await.unwrap();
    let mut status = validator.status();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move { stopped.await.expect("the sender lives") };
    let task = tokio::spawn(validator.run(shutdown));
    status.wait_for(|status| status.head.is_some()).await.unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
}
