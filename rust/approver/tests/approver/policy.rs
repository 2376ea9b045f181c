//! A policy that changes while the approver runs, and approvers that cannot start.

use crate::support::{APPROVER, PATIENCE, Running, key, limits, network, policy_text, request};
use fallow_approver::{ApproverError, Config, Daemon};
use std::path::Path;

async fn until_units_per_day(running: &Running, units: u64) {
    let shown = async { while running.get("/v1/policy").await.body["unitsPerDay"] != units {} };
    tokio::time::timeout(PATIENCE, shown).await.unwrap();
}

#[tokio::test]
async fn a_changed_policy_is_in_force_and_a_broken_one_is_not() {
    let running = Running::start().await;
    let write = |text: &str| std::fs::write(running.policy_path(), text).unwrap();
    assert_eq!(running.ask_for(7, request(7, 1, 8, 0)).await.status, 200);
    write("units_per_day = ");
    // The order of changes is kept: once this is in force, the broken one has been looked at or
    // was never seen.
    write(&policy_text().replace("= 8", "= 9"));
    until_units_per_day(&running, 9).await;
    assert_eq!(running.ask_for(7, request(7, 2, 2, 0)).await.error().1, Some(802), "1 is left");
    assert_eq!(running.ask_for(7, request(7, 2, 1, 0)).await.status, 200);

    let signed_before = request(7, 3, 1, 1);
    assert_eq!(running.ask_for(7, signed_before).await.status, 200);
    write("units_per_day = 5");
    until_units_per_day(&running, 5).await;
    assert_eq!(running.ask_for(7, request(7, 4, 1, 1)).await.error().1, Some(801));
    let again = running.ask_for(7, signed_before).await;
    assert_eq!(again.error().1, Some(801), "who is off the list gets no signature any more");
}

fn config(folder: &Path) -> Config {
    Config { key: key(APPROVER), network: network(1), store: folder.join("approver.redb") }
}

async fn bind(folder: &Path, config: Config, listen: &str) -> Result<Daemon, ApproverError> {
    Daemon::bind(config, &folder.join("policy.toml"), listen.parse().unwrap(), limits()).await
}

#[tokio::test]
async fn nothing_starts_without_a_policy_a_store_and_an_address_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let any = "127.0.0.1:0";
    let error = bind(path, config(path), any).await.unwrap_err();
    assert!(matches!(error, ApproverError::Policy(_)), "{error}");
    std::fs::write(path.join("policy.toml"), "unit_per_day = 8").unwrap();
    let error = bind(path, config(path), any).await.unwrap_err();
    assert!(matches!(error, ApproverError::Policy(_)), "{error}");
    assert!(!path.join("approver.redb").exists(), "no store is made for nothing");

    std::fs::write(path.join("policy.toml"), policy_text()).unwrap();
    let first = bind(path, config(path), any).await.unwrap();
    let error = bind(path, config(path), any).await.unwrap_err();
    assert!(error.to_string().contains("another approver runs with this store"), "{error}");
    let taken = first.address().to_string();
    let other = Config { store: path.join("other.redb"), ..config(path) };
    let error = bind(path, other, &taken).await.unwrap_err();
    assert!(matches!(error, ApproverError::Listen { .. }), "{error}");
    drop(first);

    for other in
        [Config { key: key(1), ..config(path) }, Config { network: network(2), ..config(path) }]
    {
        let error = bind(path, other, any).await.unwrap_err();
        assert!(error.to_string().contains("another account or network"), "{error}");
    }
}
