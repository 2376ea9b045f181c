//! A registry that skips one of the five checks does not get far.

#![allow(clippy::unwrap_used)]

use alloy_primitives::Bytes;
use fallow_differential::{DifferentialError, Options, run};
use std::path::Path;

/// Any schedule of this length breaks each of the five checks several times.
const MESSAGES: u64 = 4_000;

/// The registries that the validators' tests are made with.
fn false_registry(check: u32) -> Bytes {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../validator/tests/contracts");
    let file = std::fs::read(folder.join(format!("FalseRegistry{check}.json"))).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    file["bytecode"].as_str().unwrap().parse().unwrap()
}

/// Whether the first difference is one that the ledger refuses with one of these codes, and the
/// registry does not: it records the item, or goes on to a later check.
async fn assert_found(check: u32, codes: &[&str]) {
    let code = false_registry(check);
    let options = Options { seed: check.into(), messages: MESSAGES, code: &code };
    let error = run(&options).await.unwrap_err();
    let DifferentialError::Answer { ledger, registry, .. } = &error else {
        panic!("{error}");
    };
    let refused = |answer: &str| {
        let refusal = answer.strip_prefix("refused: ").unwrap_or(answer);
        codes.iter().any(|code| refusal.starts_with(code))
    };
    assert!(refused(ledger) && !refused(registry), "{error}");
    assert!(!registry.starts_with("reverted"), "{error}");
}

#[tokio::test]
async fn a_requester_that_did_not_sign_is_found() {
    assert_found(1, &["101", "102", "103"]).await;
}

#[tokio::test]
async fn a_provider_that_did_not_sign_and_a_resource_that_nobody_announced_are_found() {
    assert_found(2, &["201", "202"]).await;
}

#[tokio::test]
async fn a_sequence_taken_twice_is_found() {
    assert_found(3, &["302", "303"]).await;
}

#[tokio::test]
async fn a_window_that_is_none_is_found() {
    assert_found(4, &["401", "402", "406", "407", "408", "409", "410"]).await;
}

#[tokio::test]
async fn volume_allocated_twice_is_found() {
    assert_found(5, &["501"]).await;
}
