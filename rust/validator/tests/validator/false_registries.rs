//! Registries that skip one of the five checks each. The network file names their code, so nothing
//! but re-execution can tell; the validator must refuse, and say which rule was broken.
//!
//! The bytecode in `tests/contracts` comes from `test/utils/FalseRegistries.sol` (`make abi`).

use crate::support::{Chain, PATIENCE};
use alloy_primitives::{B256, Bytes};
use fallow_chain::{ChainError, Disagreement, Registry};
use fallow_devnet::DevAccount;
use fallow_protocol::{Announcement, Code, SecretKey};
use fallow_validator::{Phase, RefusalReason, Validator, ValidatorError};
use std::future::pending;

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

/// The honest registry refuses the lie with its code; the false one records it, and the validator
/// refuses to sign, with the same code.
async fn is_refused(json: &str, lies: &[Lie]) {
    for lie in lies {
        honest_registry_refuses(*lie).await;
        validator_refuses(&bytecode(json), *lie).await;
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

async fn validator_refuses(code: &Bytes, lie: Lie) {
    let mut chain = Chain::start(code).await;
    let resource = truth(&mut chain).await;
    let validator = Validator::bind(chain.config()).await.unwrap();
    let mut status = validator.status();
    let running = tokio::spawn(validator.run(pending()));
    // It signs as long as all is well.
    let signed = status.wait_for(|status| status.size == 3 && status.posted.is_some());
    tokio::time::timeout(PATIENCE, signed).await.unwrap().unwrap();
    lie.tell(&mut chain, &resource).await.unwrap();
    let error = tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.exit_code(), 1);
    let ValidatorError::Refused(RefusalReason::Disagreement(reason)) = error else {
        panic!("{lie:?}: {error}");
    };
    assert!(matches!(reason, Disagreement::Refused { index: 3, .. }), "{reason}");
    assert_eq!(reason.code(), Some(lie.code()), "{reason}");
    let status = status.borrow().clone();
    assert_eq!(status.phase, Phase::Refused(RefusalReason::Disagreement(reason.clone())));
    assert!(status.signed < Some(reason.block()), "nothing is signed from the lie on");
    for block in reason.block()..=chain.client.latest().await.unwrap() {
        assert_eq!(chain.posted(block).await, B256::ZERO, "{lie:?}: posted at {block}");
    }
    never_signs_again(&chain, lie).await;
}

/// A restart changes nothing.
async fn never_signs_again(chain: &Chain, lie: Lie) {
    let validator = Validator::bind(chain.config()).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, validator.run(pending())).await.unwrap();
    let Err(ValidatorError::Refused(RefusalReason::Disagreement(reason))) = ended else {
        panic!("{lie:?}: {ended:?}");
    };
    assert_eq!(reason.code(), Some(lie.code()));
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
