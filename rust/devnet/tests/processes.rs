//! Children never outlive us, whatever ends us.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    missing_docs
)]

use fallow_devnet::{
    Anvil, AnvilOptions, DevnetError, ManagedProcess, ProcessSpec, SIDECHAIN_ID, Signal, poll,
};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

fn shell(script: &str, logs: &Path) -> ManagedProcess {
    let spec = ProcessSpec::new("shell", Path::new("sh"), logs).args(["-c", script]);
    ManagedProcess::spawn(&spec).unwrap()
}

async fn logged(process: &ManagedProcess, word: &str) {
    let what = format!("`{word}` in the log");
    let look = async || Ok::<_, DevnetError>(process.log()?.contains(word).then_some(()));
    poll(&what, PATIENCE, PAUSE, look).await.unwrap();
}

async fn closed(url: &str) {
    let address = url.strip_prefix("http://").unwrap();
    let look = async || Ok::<_, DevnetError>(TcpStream::connect(address).is_err().then_some(()));
    poll(&format!("{url} closes"), PATIENCE, PAUSE, look).await.unwrap();
}

/// Cargo builds examples before it runs tests, into the folder beside `deps`.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.is_file(), "{} is missing; run `cargo test -p fallow-devnet`", path.display());
    path
}

#[tokio::test]
async fn chains_end_when_their_parent_is_killed_with_sigkill() {
    let mut parent = Command::new(example("chains")).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let urls: Vec<String> = lines
        .take(2)
        .map(|line| line.unwrap().split_whitespace().nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(urls.len(), 2, "both chains run");
    for url in &urls {
        TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    for url in &urls {
        closed(url).await;
    }
}

#[tokio::test]
async fn a_dropped_chain_is_gone() {
    let logs = tempfile::tempdir().unwrap();
    let chain = Anvil::start(&AnvilOptions::sidechain(), logs.path()).await.unwrap();
    assert_eq!(chain.chain_id(), SIDECHAIN_ID);
    let url = chain.url().to_owned();
    drop(chain);
    closed(&url).await;
}

#[tokio::test]
async fn chains_started_at_once_get_ports_of_their_own() {
    let logs = tempfile::tempdir().unwrap();
    let (sidechain, mainnet) = (AnvilOptions::sidechain(), AnvilOptions::mainnet());
    let (one, two) =
        tokio::join!(Anvil::start(&sidechain, logs.path()), Anvil::start(&mainnet, logs.path()));
    assert_ne!(one.unwrap().url(), two.unwrap().url());
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_shows_what_anvil_said() {
    let logs = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = Some(taken.local_addr().unwrap().port());
    let options = AnvilOptions { port, ..AnvilOptions::sidechain() };
    match Anvil::start(&options, logs.path()).await {
        Err(DevnetError::Exited { name, output, .. }) => {
            assert_eq!(name, "sidechain");
            assert!(output.contains("in use"), "{output}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_that_ignores_the_request_to_end_is_killed() {
    let logs = tempfile::tempdir().unwrap();
    let process =
        shell("trap 'echo asked' TERM; echo ready; while :; do sleep 0.01; done", logs.path());
    logged(&process, "ready").await;
    let log = process.log_path().to_owned();
    let status = process.stop(Duration::from_millis(300)).await.unwrap();
    assert_eq!(status.signal(), Some(SIGKILL));
    assert!(std::fs::read_to_string(log).unwrap().contains("asked"));
}

#[tokio::test]
async fn the_exit_status_is_the_programs_own() {
    let logs = tempfile::tempdir().unwrap();
    let mut process = shell("exit 7", logs.path());
    assert_eq!(process.wait(PATIENCE).await.unwrap().code(), Some(7));
    process.signal(Signal::Terminate).unwrap();

    let process = shell("echo ready; exec sleep 1000", logs.path());
    logged(&process, "ready").await;
    let status = process.stop(PATIENCE).await.unwrap();
    assert_eq!(status.signal(), Some(SIGTERM));
}

#[tokio::test]
async fn grandchildren_of_the_group_end_too() {
    let logs = tempfile::tempdir().unwrap();
    // The grandchild holds the pipe's writing end; the pipe ends when it does.
    let fifo = logs.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let script = format!("(echo ready; exec sleep 1000) > '{}' & wait", fifo.display());
    let process = shell(&script, logs.path());
    let mut reader = tokio::net::unix::pipe::OpenOptions::new().open_receiver(&fifo).unwrap();
    // Before the writer is there, the pipe ends at once.
    let first = poll("grandchild is ready", PATIENCE, PAUSE, async || {
        let mut bytes = [0; 8];
        let count = reader.read(&mut bytes).await.unwrap();
        Ok::<_, DevnetError>((count > 0).then(|| bytes[..count].to_vec()))
    });
    assert_eq!(first.await.unwrap(), b"ready\n");
    process.kill().unwrap();
    let mut rest = Vec::new();
    let end = reader.read_to_end(&mut rest);
    tokio::time::timeout(PATIENCE, end).await.expect("the grandchild ended").unwrap();
}
