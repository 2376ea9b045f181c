//! The registry on a real chain and the library are the same machine.
//!
//! `FALLOW_DIFFERENTIAL_MESSAGES` sets how many messages are sent, `FALLOW_DIFFERENTIAL_SEED`
//! repeats a schedule, `FALLOW_DIFFERENTIAL_REGISTRY` names a file with the creation code of another
//! registry, in hex.

#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]

use alloy_primitives::Bytes;
use fallow_chain::Registry;
use fallow_differential::{Notable, Options, Summary, run};
use fallow_protocol::Code;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

const MESSAGES: u64 = 100_000;
/// How often each code and each notable case has to come up among that many messages.
const EACH: u64 = 100;
/// Codes above are not the ledger's (`docs/protocol.md` section 15).
const LAST_OF_LEDGER: u16 = 599;

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok()?;
    let parsed = value.parse().ok();
    assert!(parsed.is_some(), "{name} is `{value}`");
    parsed
}

/// The harness keeps what is printed by macros to itself unless a test fails, but seed and counts are
/// worth seeing each time.
fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Another one each time: what one schedule does not show, the next one may.
fn random_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_nanos() as u64 ^ u64::from(std::process::id())
}

fn registry() -> Bytes {
    match std::env::var_os("FALLOW_DIFFERENTIAL_REGISTRY") {
        Some(path) => std::fs::read_to_string(path).unwrap().trim().parse().unwrap(),
        None => Registry::BYTECODE.clone(),
    }
}

fn assert_nothing_is_rare(summary: &Summary, messages: u64) {
    let is_rare = |count: Option<&u64>| count.copied().unwrap_or(0) < messages * EACH / MESSAGES;
    let ledger = Code::ALL.iter().filter(|code| code.number() <= LAST_OF_LEDGER);
    let codes: Vec<_> = ledger.filter(|code| is_rare(summary.refused.get(code))).collect();
    let cases = Notable::ALL.into_iter().filter(|case| is_rare(summary.notable.get(case)));
    let cases: Vec<_> = cases.collect();
    assert!(codes.is_empty() && cases.is_empty(), "hardly came up: {codes:?} {cases:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_schedule_leads_registry_and_ledger_to_the_same_state() {
    let seed = variable("FALLOW_DIFFERENTIAL_SEED").unwrap_or_else(random_seed);
    let messages = variable("FALLOW_DIFFERENTIAL_MESSAGES").unwrap_or(MESSAGES);
    say(&format!("FALLOW_DIFFERENTIAL_SEED={seed} repeats this schedule of {messages} messages"));
    let code = registry();
    match run(&Options { seed, messages, code: &code }).await {
        Ok(summary) => {
            say(&format!("differential: {summary}"));
            assert_nothing_is_rare(&summary, messages);
        }
        Err(error) => panic!("seed {seed}: {error}"),
    }
}
