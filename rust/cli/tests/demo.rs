//! The demo as its readers see it: every step, commands that work as printed, no process left.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Processes of the demo: two chains, four validators, one relayer, one node.
const PROCESSES: usize = 8;

fn demo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fallow"));
    command
        .args(["demo", "--out", "fallow-demo"])
        .current_dir(folder)
        // With it, the demo would print `cargo run` instead of the program's path.
        .env_remove("CARGO")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Process ids as the demo names them: `process 12,` and `validator-1 (12)`.
fn process_ids(output: &str) -> Vec<u32> {
    let numbers = |line: &str, before: &str, after: char| -> Vec<u32> {
        let parts = line.split(before).skip(1);
        parts.filter_map(|part| part.split(after).next()?.parse().ok()).collect()
    };
    let lines = output.lines();
    lines
        .flat_map(|line| [numbers(line, ", process ", ','), numbers(line, " (", ')')].concat())
        .collect()
}

fn is_running(id: u32) -> bool {
    // A process that nobody waited for yet has ended all the same.
    let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/stat")) else {
        return false;
    };
    !status.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z')
}

#[track_caller]
fn expect_gone(ids: &[u32]) {
    assert_eq!(ids.len(), PROCESSES, "{ids:?}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while ids.iter().any(|id| is_running(*id)) {
        assert!(Instant::now() < deadline, "some of {ids:?} are still running");
        std::thread::yield_now();
    }
}

#[test]
fn the_demo_tells_every_step_and_its_commands_work_as_printed() {
    let folder = tempfile::tempdir().unwrap();
    let ran = demo(folder.path()).output().unwrap();
    let (output, errors) =
        (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert_eq!(ran.status.code(), Some(0), "{output}\n{errors}");
    assert!(!output.contains('\u{1b}'), "no colour in a pipe");
    for told in [
        "Two chains",
        "Four validators, a relayer and a node",
        "A provider offers this machine",
        "promised by the node ",
        "asks for half of it",
        "NO  5 capacity   more is asked than is free (volume asked: 3; volume free in the first \
         slot that lacks it: 2)",
        " slots are free again, ",
        "3 units from ",
        "mainnet keeps the root of all 5 records",
        "The requester writes the ticket",
        "8 processes have ended",
        "proven: let in",
        "refused: 703 NonceSpent",
        "refused: 707 GrantSignatureInvalid",
        "refused: 610 InclusionRootMismatch",
        "refused: 601 NetworkMismatch",
        "refused: 604 SetExpired",
        "refused: 709 SlotEnded",
        "What to try next",
    ] {
        assert!(output.contains(told), "`{told}` in {output}");
    }
    expect_gone(&process_ids(&output));
    expect_files(&folder.path().join("fallow-demo"));
    try_what_is_printed(folder.path(), &output);
}

fn expect_files(folder: &Path) {
    let json = std::fs::read(folder.join("network.json")).unwrap();
    let network = fallow_protocol::NetworkFile::read(&json).unwrap();
    for name in [
        "ticket.json",
        "nonce.json",
        "grant.json",
        "announcement.json",
        "offer.json",
        &network.set_file_name(),
    ] {
        assert!(folder.join(name).is_file(), "{name}");
    }
}

fn try_what_is_printed(folder: &Path, output: &str) {
    let program = env!("CARGO_BIN_EXE_fallow");
    let next = output.split("What to try next").nth(1).unwrap();
    let commands: Vec<_> =
        next.lines().map(str::trim).filter(|line| line.starts_with(program)).collect();
    assert!(commands.len() >= 6, "{next}");
    for command in &commands {
        let ran = Command::new("sh").args(["-c", command]).current_dir(folder).output().unwrap();
        let late = command.contains("--at +30d");
        assert_eq!(ran.status.code(), Some(i32::from(late)), "{command}: {ran:?}");
    }
    // After them a fresh nonce and grant stand there; a grant opens the door once.
    let door = commands.iter().find(|command| command.contains("access verify")).unwrap();
    for code in [0, 1] {
        let ran = Command::new("sh").args(["-c", door]).current_dir(folder).output().unwrap();
        assert_eq!(ran.status.code(), Some(code), "{door}: {ran:?}");
    }
}

/// Starts the demo and reads until it has named all its processes.
fn start_until_all_run(folder: &Path) -> (Child, Vec<u32>) {
    let mut child = demo(folder).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut told = String::new();
    while process_ids(&told).len() < PROCESSES {
        let Some(line) = lines.next() else {
            let mut errors = String::new();
            child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
            panic!("the demo ended early: {told}\n{errors}");
        };
        told.push_str(&line.unwrap());
        told.push('\n');
    }
    let ids = process_ids(&told);
    assert!(ids.iter().all(|id| is_running(*id)), "{ids:?}");
    (child, ids)
}

fn interrupt_with(signal: &str, code: Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let (child, ids) = start_until_all_run(folder.path());
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    // Its output is read to the end: a closed pipe would be another way to end it.
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), code, "{ended:?}");
    expect_gone(&ids);
}

#[test]
fn ctrl_c_leaves_no_process_behind() {
    interrupt_with("INT", Some(2));
}

/// Whoever reads only the beginning ends the demo, too.
#[test]
fn a_closed_pipe_leaves_no_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, ids) = start_until_all_run(folder.path());
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), b"".as_slice()));
    expect_gone(&ids);
}

#[test]
fn not_even_sigkill_leaves_a_process_behind() {
    interrupt_with("KILL", None);
}
