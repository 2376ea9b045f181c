//! `fallow audit`: an honest log, doctored ones, and what cannot be audited, with their exit codes.

use crate::world::{Ran, run};
use fallow_history::{History, HistoryOptions};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const OPTIONS: HistoryOptions =
    HistoryOptions { seed: 8, records: 300, requesters: 20, block_records: 10 };

/// A folder with the network's files, and below `log` the static files.
fn world() -> TempDir {
    world_of(OPTIONS.seed)
}

fn world_of(seed: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fallow_history::write(&mut History::new(HistoryOptions { seed, ..OPTIONS }), &log).unwrap();
    for file in fs::read_dir(&log).unwrap() {
        let file = file.unwrap();
        let name = file.file_name();
        if file.file_type().unwrap().is_file() && name != "checkpoint" {
            fs::rename(file.path(), dir.path().join(name)).unwrap();
        }
    }
    dir
}

fn audit(dir: &Path, more: &[&str]) -> Ran {
    run(dir, &[&["audit", "--tiles", "log"], more].concat())
}

fn tamper(dir: &Path, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = dir.join(file);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn an_honest_log_is_called_honest() {
    let dir = world();
    let ran = audit(dir.path(), &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    insta::assert_snapshot!(ran.stdout);
    let ran = audit(dir.path(), &["--json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["verdict"], &json["size"]), (&"honest".into(), &"300".into()));
    assert_eq!((&json["checkpoints"], &json["flaw"]), (&"1".into(), &Value::Null));
}

#[test]
fn a_doctored_log_is_called_flawed_with_record_check_and_checkpoint() {
    let dir = world();
    tamper(dir.path(), "log/tile/0/000", |bytes| bytes[77 * 32] ^= 1);
    let ran = audit(dir.path(), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    insta::assert_snapshot!(ran.stdout);
    let ran = audit(dir.path(), &["--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["verdict"], &json["flaw"]["record"]), (&"flawed".into(), &"77".into()));
    assert_eq!(json["flaw"]["check"], "TileDiffers");
    assert_eq!(json["flaw"]["checkpoint"]["size"], "300");
}

#[test]
fn a_forged_certificate_is_refused_by_its_code() {
    let dir = world();
    let path = dir.path().join("log/checkpoint");
    let mut file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    file["checkpoint"]["size"] = "299".into();
    fs::write(&path, file.to_string()).unwrap();
    let ran = audit(dir.path(), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.starts_with("flawed: check CertificateSignatureInvalid (607), "), "{last}");
}

#[test]
fn an_audit_goes_on_where_it_stopped() {
    let dir = world();
    let first = audit(dir.path(), &["--state", "state"]);
    assert_eq!(first.code, 0, "{first:?}");
    let again = audit(dir.path(), &["--state", "state", "--json"]);
    assert_eq!(again.stderr, "300 records are taken from the snapshot\n");
    let json: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((again.code, &json["from"], &json["verdict"]), (0, &"300".into(), &"honest".into()));
    assert_eq!(json["startedWith"], json["commitment"]);
}

#[test]
fn what_cannot_be_audited_is_no_verdict() {
    let dir = world();
    let unclear = run(dir.path(), &["audit"]);
    assert_eq!((unclear.code, unclear.stdout.as_str()), (2, ""), "{unclear:?}");
    assert!(unclear.stderr.contains("--node <URL>"), "{unclear:?}");
    run(dir.path(), &["audit", "--tiles", "no"]).expect_failure("`checkpoint` is not there");
    audit(dir.path(), &["--network", "no.json"]).expect_failure("cannot read `no.json`");
    audit(dir.path(), &["--from", "no"]).expect_failure("`no` is not there");
    fs::write(dir.path().join("bad"), b"FLWS").unwrap();
    audit(dir.path(), &["--state", "bad"]).expect_failure("truncated");
    let nobody = run(dir.path(), &["audit", "--node", "http://127.0.0.1:9"]);
    nobody.expect_failure("cannot be reached");
    run(dir.path(), &["audit", "--node", "ftp://x"]).expect_failure("URL");
    let other = world_of(9);
    let network = other.path().join("network.json").display().to_string();
    audit(dir.path(), &["--network", &network]).expect_failure("are of network");
    audit(dir.path(), &["--mainnet", "http://127.0.0.1:9"]).expect_failure("mainnet");
}
