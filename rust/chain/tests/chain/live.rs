//! The client, the sender and the follower against anvil.

use alloy::eips::BlockId;
use alloy::providers::Provider as _;
use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256, U256};
use fallow_chain::{
    Call, ChainError, Class, Client, Finality, FollowError, Follower, Limits, Registry, Sender,
    SenderConfig, TransactionState, check_network, refusal_of,
};
use fallow_devnet::{Anvil, AnvilOptions, DevAccount, Devnet, DevnetError, DevnetOptions, poll};
use fallow_protocol::{Announcement, Code, Request};
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
const SENDER: SenderConfig = SenderConfig { confirmations: 0, patience: 3, poll: POLL };

async fn devnet(folder: &tempfile::TempDir) -> Devnet {
    let mut options = DevnetOptions::new(folder.path());
    for chain in [&mut options.sidechain, &mut options.mainnet] {
        chain.block_time = Duration::from_millis(200);
    }
    options.validators = 1;
    options.funded = vec![DevAccount::new("provider").address()];
    Devnet::start(&options).await.unwrap()
}

fn client(anvil: &Anvil) -> Client {
    Client::new(anvil.url(), Limits::default()).unwrap()
}

fn sender(anvil: &Anvil, account: &DevAccount) -> Sender {
    Sender::new(client(anvil), account.key(), anvil.chain_id(), SENDER).unwrap()
}

/// An offer of an hour's slots around now.
async fn announcement(devnet: &Devnet, provider: &DevAccount) -> Announcement {
    let client = client(&devnet.sidechain);
    let now = client.block(client.latest().await.unwrap()).await.unwrap().time;
    let start_time = now - now % 3_600;
    Announcement {
        provider: provider.address(),
        approver: Address::ZERO,
        volume: 100,
        start_time,
        end_time: start_time + 24 * 3_600,
        slot_seconds: 3_600,
        notice_seconds: 0,
        timestamp: now,
        offer: B256::ZERO,
    }
}

fn request(resource: &Announcement, devnet: &Devnet, sequence: u64) -> Request {
    Request {
        resource_id: resource.id(&devnet.network.domain()),
        requester: resource.provider,
        volume: 1,
        start_time: resource.start_time + 3_600,
        end_time: resource.start_time + 7_200,
        timestamp: resource.timestamp,
        sequence,
    }
}

/// Announces, then asks `requests` times in one batch of which every other item is refused.
async fn record(devnet: &Devnet, requests: u64) -> Request {
    let provider = DevAccount::new("provider");
    let domain = devnet.network.domain();
    let announcement = announcement(devnet, &provider).await;
    let mut sender = sender(&devnet.sidechain, &provider);
    let to = Some(devnet.network.network.sidechain.registry);
    let signatures = provider.key().sign(announcement.id(&domain).0).0.to_vec().into();
    let call = Registry::announceCall { announcement: announcement.into(), signatures };
    sender.send(Call { to, data: call.abi_encode().into() }).await.unwrap();
    let items = (1..=requests).flat_map(|sequence| [request(&announcement, devnet, sequence); 2]);
    let items = items.map(|request| Registry::SignedRequest {
        request: request.into(),
        signatures: provider.key().sign(request.id(&domain).0).0.to_vec().into(),
    });
    let call = Registry::requestManyCall { items: items.collect() };
    sender.send(Call { to, data: call.abi_encode().into() }).await.unwrap();
    request(&announcement, devnet, 1)
}

#[tokio::test]
async fn a_node_of_another_network_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = devnet(&folder).await;
    let (sidechain, mainnet) = (client(&devnet.sidechain), client(&devnet.mainnet));
    check_network(&devnet.network, &sidechain, Some(&mainnet)).await.unwrap();
    let swapped = check_network(&devnet.network, &mainnet, None).await.unwrap_err();
    let (got, want) = (devnet.mainnet.chain_id(), devnet.sidechain.chain_id());
    assert!(
        matches!(swapped, ChainError::ChainId { got: g, want: w } if (g, w) == (got, want)),
        "{swapped}"
    );
    for contract in ["registry", "bulletin", "anchor"] {
        let mut file = devnet.network.clone();
        let codes = &mut file.network.code_hashes;
        let code = match contract {
            "registry" => &mut codes.registry,
            "bulletin" => &mut codes.bulletin,
            _ => &mut codes.anchor,
        };
        *code = B256::repeat_byte(9);
        let refused = check_network(&file, &sidechain, Some(&mainnet)).await.unwrap_err();
        assert!(
            matches!(refused, ChainError::CodeHash { contract: named, .. } if named == contract),
            "{refused}"
        );
        assert_eq!(refused.class(), Class::Fatal);
    }
}

#[tokio::test]
async fn a_follower_re_executes_what_the_contract_did() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = devnet(&folder).await;
    let request = record(&devnet, 20).await;
    let client = client(&devnet.sidechain);
    let mut follower = Follower::new(&devnet.network, client.clone(), Finality::Latest);
    follower.sync().await.unwrap();
    assert_eq!(follower.size(), 22, "genesis, announcement, 20 of 40 requests");
    let registry = devnet.network.network.sidechain.registry;
    let root = client.call(registry, &Registry::rootCall {}, BlockId::latest()).await.unwrap();
    assert_eq!(follower.root(), root);
    assert_eq!(follower.index_of(request.id(&devnet.network.domain()).0), Some(2));
    let call = Registry::checkCall { message: request.into(), signatures: vec![0; 64].into() };
    let findings = client.call(registry, &call, BlockId::latest()).await.unwrap();
    let ledger = follower.ledger().unwrap();
    let now = follower.head().unwrap().time;
    for (found, own) in findings.iter().zip(ledger.check(&request, &[0; 64], now)).take(3) {
        assert_eq!(refusal_of(found), own.refusal(), "the contract and the ledger judge alike");
    }
    assert_eq!(refusal_of(&findings[2]).unwrap().code, Code::SequenceAlreadyUsed);
}

#[tokio::test]
async fn a_node_that_gives_little_at_once_is_asked_for_less() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = devnet(&folder).await;
    record(&devnet, 3).await;
    // A header is about 1.5 kB: two or three blocks fit.
    let limits = Limits { answer_bytes: 12_000, ..Limits::default() };
    let client = Client::new(devnet.sidechain.url(), limits).unwrap();
    let mut follower = Follower::new(&devnet.network, client, Finality::Latest);
    follower.sync().await.unwrap();
    assert_eq!(follower.size(), 5);
}

#[tokio::test]
async fn a_rewritten_chain_stops_the_follower() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = devnet(&folder).await;
    record(&devnet, 1).await;
    let client = client(&devnet.sidechain);
    let mut follower = Follower::new(&devnet.network, client, Finality::Latest);
    follower.sync().await.unwrap();
    let head = follower.head().unwrap().number;
    devnet.sidechain.call("anvil_rollback", json!([2])).await.unwrap();
    let stopped =
        poll("a reorganisation is seen", PATIENCE, POLL, async || match follower.sync().await {
            Ok(_) => Ok::<_, DevnetError>(None),
            Err(error) if error.class() == Class::Retry => Ok(None),
            Err(error) => Ok(Some(error)),
        });
    let stopped = stopped.await.unwrap();
    assert!(
        matches!(
            stopped,
            FollowError::Chain(ChainError::Reorganised { number, .. }) if number >= head - 2
        ),
        "{stopped}"
    );
    assert_eq!(stopped.class(), Class::Fatal);
}

#[tokio::test]
async fn blocks_count_only_when_they_are_final() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = devnet(&folder).await;
    record(&devnet, 1).await;
    let client = client(&devnet.sidechain);
    for finality in [Finality::Depth(3), Finality::Finalized] {
        let mut follower = Follower::new(&devnet.network, client.clone(), finality);
        let followed = poll("some blocks are final", PATIENCE, POLL, async || {
            let applied = follower.sync().await.unwrap();
            Ok::<_, DevnetError>((applied > 0).then_some(()))
        });
        followed.await.unwrap();
        let head = follower.head().unwrap().number;
        let latest = client.latest().await.unwrap();
        assert!(head < latest, "{finality:?}: {head} of {latest}");
    }
}

/// A chain that mines when it is told to.
async fn manual(folder: &tempfile::TempDir) -> (Anvil, DevAccount) {
    let block_time = Duration::from_secs(3_600);
    let options = AnvilOptions { block_time, ..AnvilOptions::sidechain() };
    let anvil = Anvil::start(&options, folder.path()).await.unwrap();
    let account = DevAccount::new("sender");
    anvil.fund(&[account.address()]).await.unwrap();
    (anvil, account)
}

async fn mine(anvil: &Anvil, blocks: usize) {
    for _ in 0..blocks {
        anvil.call("evm_mine", json!([])).await.unwrap();
    }
}

fn nothing() -> Call {
    Call { to: Some(Address::repeat_byte(5)), data: vec![].into() }
}

#[tokio::test]
async fn a_payload_that_the_pool_forgot_is_replaced_with_the_same_nonce() {
    let folder = tempfile::tempdir().unwrap();
    let (anvil, account) = manual(&folder).await;
    let sender_client = client(&anvil);
    let mut sender = sender(&anvil, &account);
    let mut transaction = sender.build(nothing()).await.unwrap();
    sender.follow(&mut transaction).await.unwrap();
    assert!(matches!(transaction.state, TransactionState::Sent { .. }));
    anvil.call("anvil_dropTransaction", json!([transaction.hash()])).await.unwrap();
    mine(&anvil, 2).await;
    sender.follow(&mut transaction).await.unwrap();
    assert_eq!(transaction.payloads.len(), 1, "it still waits");
    mine(&anvil, 1).await;
    sender.follow(&mut transaction).await.unwrap();
    assert_eq!(transaction.payloads.len(), 2, "signed again, with higher fees");
    assert_eq!(transaction.state, TransactionState::Built, "to be stored");
    let hash = transaction.hash();
    let known = sender_client.provider().get_transaction_by_hash(hash).await.unwrap();
    assert_eq!(known, None, "no node has what may not be stored yet");
    sender.follow(&mut transaction).await.unwrap();
    assert!(matches!(transaction.state, TransactionState::Sent { .. }));
    assert!(transaction.payloads[1].fees.max > transaction.payloads[0].fees.max);
    mine(&anvil, 1).await;
    sender.follow(&mut transaction).await.unwrap();
    assert!(matches!(transaction.state, TransactionState::Final { .. }), "{transaction:?}");
    let nonce = client(&anvil).nonce(account.address(), fallow_chain::NonceAt::Latest).await;
    assert_eq!(nonce.unwrap(), 1, "sent once");
}

#[tokio::test]
async fn a_transaction_stored_before_it_was_sent_is_sent_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (anvil, account) = manual(&folder).await;
    let transaction = sender(&anvil, &account).build(nothing()).await.unwrap();
    let stored = serde_json::to_vec(&transaction).unwrap();
    let mut again: fallow_chain::Transaction = serde_json::from_slice(&stored).unwrap();
    assert_eq!(again, transaction);
    let sender = sender(&anvil, &account);
    sender.follow(&mut again).await.unwrap();
    // The node's answer was lost: the same payload once more is no second transaction.
    let mut lost = transaction;
    sender.follow(&mut lost).await.unwrap();
    mine(&anvil, 1).await;
    for sent in [&mut again, &mut lost] {
        sender.follow(sent).await.unwrap();
        assert!(matches!(sent.state, TransactionState::Final { .. }), "{sent:?}");
    }
}

#[tokio::test]
async fn several_transactions_wait_with_nonces_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (anvil, account) = manual(&folder).await;
    let mut sender = sender(&anvil, &account);
    let mut transactions = Vec::new();
    for want in 0..3 {
        let transaction = sender.build(nothing()).await.unwrap();
        assert_eq!(transaction.nonce, want);
        transactions.push(transaction);
    }
    for transaction in transactions.iter_mut().rev() {
        sender.follow(transaction).await.unwrap();
    }
    mine(&anvil, 1).await;
    for transaction in &mut transactions {
        sender.follow(transaction).await.unwrap();
        assert!(matches!(transaction.state, TransactionState::Final { .. }), "{transaction:?}");
    }
}

#[tokio::test]
async fn a_call_that_would_revert_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = devnet(&folder).await;
    let provider = DevAccount::new("provider");
    let announcement = announcement(&devnet, &provider).await;
    let call = Registry::announceCall {
        announcement: announcement.into(),
        signatures: vec![0; 64].into(),
    };
    let to = Some(devnet.network.network.sidechain.registry);
    let mut sender = sender(&devnet.sidechain, &provider);
    let call = Call { to, data: call.abi_encode().into() };
    let error = sender.build(call).await.unwrap_err();
    assert_eq!(error.class(), Class::Skip);
    let ChainError::Refused { data: Some(data), .. } = error else { panic!("{error}") };
    let refusal = fallow_chain::revert_refusal(&data).unwrap();
    let provider = U256::from_be_bytes(provider.address().into_word().0);
    assert_eq!((refusal.code, refusal.want), (Code::ProviderSignatureInvalid, provider));
}
