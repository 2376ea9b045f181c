//! Registries that skip one of the five checks each. The network file names their code, so nothing
//! but re-execution can tell; every validator must refuse, and say which rule was broken.
//!
//! The bytecode in `tests/contracts` comes from `test/utils/FalseRegistries.sol` (`make abi`).

use crate::support::{Chain, PATIENCE};
use alloy_primitives::{Address, B256, Bytes};
use fallow_chain::{ChainError, Disagreement, Registry};
use fallow_devnet::DevAccount;
use fallow_protocol::{Announcement, Code, SecretKey};
use fallow_validator::{Config, Phase, RefusalReason, Status, Validator, ValidatorError};
use std::future::pending;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Something that breaks one rule.
#[derive(Clone, Copy, Debug)]
enum Lie {
    RequestOfSomebodyElse,
    ApprovalOfNobody,
    AnnouncementOfSomebodyElse,
    UnknownResource,
    SequenceTwice,
    SlotOver,
    TimestampOld,
    VolumeZero,
    TooMuch,
}

impl Lie {
    const fn code(self) -> Code {
        match self {
            Self::RequestOfSomebodyElse => Code::RequesterSignatureInvalid,
            Self::ApprovalOfNobody => Code::SignatureCountInvalid,
            Self::AnnouncementOfSomebodyElse => Code::ProviderSignatureInvalid,
            Self::UnknownResource => Code::ResourceUnknown,
            Self::SequenceTwice => Code::SequenceAlreadyUsed,
            Self::SlotOver => Code::FirstSlotEnded,
            Self::TimestampOld => Code::TimestampOutsideDrift,
            Self::VolumeZero => Code::VolumeTooSmall,
            Self::TooMuch => Code::CapacityExceeded,
        }
    }

    /// Sends it, after what it needs. The truth before it is recorded in any case.
    async fn tell(self, chain: &mut Chain, resource: &Announcement) -> Result<(), ChainError> {
        let (requester, stranger) = (key("requester"), key("stranger"));
        let mut request = chain.request(resource, &requester, 2);
        (request.start_time, request.end_time) = later(resource);
        match self {
            Self::RequestOfSomebodyElse => return chain.ask(request, &stranger).await,
            Self::ApprovalOfNobody => {
                return chain.ask_signed_by(request, &[&requester, &stranger]).await;
            }
            Self::AnnouncementOfSomebodyElse => {
                let other = Announcement { offer: B256::ZERO, ..*resource };
                return chain.announce(other, &stranger).await;
            }
            Self::UnknownResource => request.resource_id.0 = B256::repeat_byte(5),
            Self::SequenceTwice => request.sequence = 1,
            Self::SlotOver => {
                request.start_time = resource.start_time;
                request.end_time = resource.start_time + 3_600;
            }
            Self::TimestampOld => request.timestamp -= 400,
            Self::VolumeZero => request.volume = 0,
            // One of the two units is taken.
            Self::TooMuch => request.volume = 2,
        }
        chain.ask(request, &requester).await
    }
}

fn key(name: &str) -> SecretKey {
    DevAccount::new(name).key().clone()
}

/// A resource of two units since yesterday, and one unit of it taken.
async fn truth(chain: &mut Chain) -> Announcement {
    let provider = key("provider");
    let mut resource = chain.announcement(&provider, 2);
    resource.start_time -= 24 * 3_600;
    resource.end_time += 24 * 3_600;
    chain.announce(resource, &provider).await.unwrap();
    let requester = key("requester");
    let mut request = chain.request(&resource, &requester, 1);
    (request.start_time, request.end_time) = later(&resource);
    chain.ask(request, &requester).await.unwrap();
    resource
}

/// A slot that is not over.
fn later(resource: &Announcement) -> (u64, u64) {
    let start = resource.start_time + 26 * 3_600;
    (start, start + 3_600)
}

#[derive(serde::Deserialize)]
struct Contract {
    bytecode: Bytes,
}

fn bytecode(json: &str) -> Bytes {
    serde_json::from_str::<Contract>(json).unwrap().bytecode
}

/// The honest registry refuses the lie with its code; the false one records it, and each of the
/// four validators refuses to sign, with the same code.
async fn is_refused(json: &str, lies: &[Lie]) {
    for lie in lies {
        honest_registry_refuses(*lie).await;
        validators_refuse(&bytecode(json), *lie).await;
    }
}

async fn honest_registry_refuses(lie: Lie) {
    let mut chain = Chain::start(&Registry::BYTECODE).await;
    let resource = truth(&mut chain).await;
    let error = lie.tell(&mut chain, &resource).await.unwrap_err();
    let ChainError::Refused { data: Some(data), .. } = error else {
        panic!("{lie:?}: {error}");
    };
    assert_eq!(fallow_chain::revert_refusal(&data).unwrap().code, lie.code(), "{lie:?}");
}

/// A validator as a task.
struct Running {
    address: Address,
    status: watch::Receiver<Status>,
    task: JoinHandle<Result<(), ValidatorError>>,
}

impl Running {
    async fn start(config: Config) -> Self {
        let address = config.daemon.account_key.address();
        let validator = Validator::bind(config).await.unwrap();
        let status = validator.status();
        Self { address, status, task: tokio::spawn(validator.run(pending())) }
    }

    /// Waits until it has signed the truth: it signs as long as all is well.
    async fn signs(&mut self) {
        let posted = self.status.wait_for(|status| status.size == 3 && status.posted.is_some());
        tokio::time::timeout(PATIENCE, posted).await.unwrap().unwrap();
    }

    /// Waits until it refuses the lie, and checks that it signed and posted nothing from there on.
    async fn refuses(self, chain: &Chain, lie: Lie) {
        let ended = tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
        let reason = reason(ended, lie);
        let status = self.status.borrow().clone();
        let phase = Phase::Refused(RefusalReason::Disagreement(reason.clone()));
        assert_eq!(status.phase, phase);
        assert!(status.signed < Some(reason.block()), "nothing is signed from the lie on");
        for block in reason.block()..=chain.client.latest().await.unwrap() {
            let posted = chain.posted_by(self.address, block).await;
            assert_eq!(posted, B256::ZERO, "{lie:?}: {} posted at {block}", self.address);
        }
    }
}

/// Why a validator ended, which must be the lie.
fn reason(ended: Result<(), ValidatorError>, lie: Lie) -> Disagreement {
    let error = ended.unwrap_err();
    assert_eq!(error.exit_code(), 1);
    let ValidatorError::Refused(RefusalReason::Disagreement(reason)) = error else {
        panic!("{lie:?}: {error}");
    };
    assert!(matches!(reason, Disagreement::Refused { index: 3, .. }), "{reason}");
    assert_eq!(reason.code(), Some(lie.code()), "{reason}");
    reason
}

async fn validators_refuse(code: &Bytes, lie: Lie) {
    let mut chain = Chain::start(code).await;
    let resource = truth(&mut chain).await;
    let mut all = Vec::new();
    for config in chain.configs() {
        all.push(Running::start(config).await);
    }
    assert_eq!(all.len(), chain.set.members().len());
    for running in &mut all {
        running.signs().await;
    }
    lie.tell(&mut chain, &resource).await.unwrap();
    for running in all {
        running.refuses(&chain, lie).await;
    }
    // A restart changes nothing.
    for config in chain.configs() {
        let validator = Validator::bind(config).await.unwrap();
        let ended = tokio::time::timeout(PATIENCE, validator.run(pending())).await.unwrap();
        reason(ended, lie);
    }
}

#[tokio::test]
async fn a_registry_that_skips_check_1_is_refused() {
    let json = include_str!("../contracts/FalseRegistry1.json");
    is_refused(json, &[Lie::RequestOfSomebodyElse, Lie::ApprovalOfNobody]).await;
}

#[tokio::test]
async fn a_registry_that_skips_check_2_is_refused() {
    let json = include_str!("../contracts/FalseRegistry2.json");
    is_refused(json, &[Lie::AnnouncementOfSomebodyElse, Lie::UnknownResource]).await;
}

#[tokio::test]
async fn a_registry_that_skips_check_3_is_refused() {
    let json = include_str!("../contracts/FalseRegistry3.json");
    is_refused(json, &[Lie::SequenceTwice]).await;
}

#[tokio::test]
async fn a_registry_that_skips_check_4_is_refused() {
    let json = include_str!("../contracts/FalseRegistry4.json");
    is_refused(json, &[Lie::SlotOver, Lie::TimestampOld, Lie::VolumeZero]).await;
}

#[tokio::test]
async fn a_registry_that_skips_check_5_is_refused() {
    let json = include_str!("../contracts/FalseRegistry5.json");
    is_refused(json, &[Lie::TooMuch]).await;
}
