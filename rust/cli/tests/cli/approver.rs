//! `fallow approver`: a process that is killed, ended, started twice, or asked once.

use crate::world::{Ran, World, fallow, secret};
use alloy_primitives::hex;
use fallow_devnet::{DevnetError, ManagedProcess, ProcessSpec, Signal, poll};
use fallow_protocol::{ApprovalFile, FILE_VERSION, Request, RequestFile, ResourceId};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);
const DAY: u64 = 86_400;
const LIMIT: u64 = 8;
/// Seed of the approver's key.
const APPROVER: u8 = 5;

/// The day of all requests, also while a test runs past midnight.
static START: LazyLock<u64> = LazyLock::new(|| (clock() / DAY + 2) * DAY);

fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A world with an approver's key and policy: the requester may have 8 units a day signed.
struct Lab {
    world: World,
}

impl Lab {
    fn new() -> Self {
        let world = World::new();
        world.write("approver.key", hex::encode(secret(APPROVER).to_bytes()).as_bytes());
        let ran = world.run(&["keys", "import", "approver", "approver.key"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let requester = world.requester.address();
        let policy =
            format!("units_per_day = {LIMIT}\n[[requesters]]\naddress = \"{requester}\"\n");
        world.write("policy.toml", policy.as_bytes());
        Self { world }
    }

    /// A request for `volume` units.
    fn request(&self, sequence: u64, volume: u16) -> RequestFile {
        let start_time = *START + 3_600;
        let request = Request {
            resource_id: ResourceId::repeat_byte(3),
            requester: self.world.requester.address(),
            volume,
            start_time,
            end_time: start_time + 3_600,
            timestamp: clock(),
            sequence,
        };
        self.signed(request)
    }

    fn signed(&self, request: Request) -> RequestFile {
        let id = request.id(&self.world.network.domain());
        RequestFile {
            version: FILE_VERSION,
            network_id: self.world.network.network_id,
            request,
            signature: self.world.requester.sign(id.0),
            approval: None,
        }
    }

    fn spawn(&self) -> ManagedProcess {
        self.spawn_by(&[])
    }

    /// Starts an approver through another program, whose arguments come first.
    fn spawn_by(&self, wrapper: &[&str]) -> ManagedProcess {
        let command = fallow(self.world.folder());
        let log_dir = self.world.path("logs");
        // Each start has a log of its own, which tells its port.
        let started = std::fs::read_dir(&log_dir).map_or(0, Iterator::count);
        let name = format!("approver-{started}");
        let program = command.get_program().to_str().unwrap();
        let mut line = wrapper.iter().chain([&program]);
        let mut spec = ProcessSpec::new(&name, line.next().unwrap().as_ref(), &log_dir)
            .args(line)
            .args(["approver", "--key", "approver", "--listen", "127.0.0.1:0", "--rate", "100000"])
            .args([
                "--policy".into(),
                self.world.path("policy.toml"),
                "--network".into(),
                self.world.path("network.json"),
                "--store-file".into(),
                self.world.path("approver.redb"),
            ]);
        for (name, value) in command.get_envs() {
            if let (Some(name), Some(value)) = (name.to_str(), value) {
                spec = spec.env(name, value);
            }
        }
        ManagedProcess::spawn(&spec).unwrap()
    }

    async fn start(&self) -> Approver {
        self.started(self.spawn()).await
    }

    async fn started(&self, mut process: ManagedProcess) -> Approver {
        let address = logged(&mut process, "address=").await.parse().unwrap();
        Approver { process, address }
    }

    /// Signs without a server.
    fn sign(&self, file: &RequestFile) -> Ran {
        self.world.write_json("request.json", file);
        self.world.run(&["approver", "--key", "approver", "--sign", "request.json"])
    }
}

/// Waits for a line with `words` in a process's log; answers what follows them.
async fn logged(process: &mut ManagedProcess, words: &str) -> String {
    let what = format!("the approver logs `{words}`");
    let found = poll(&what, PATIENCE, PAUSE, async || {
        process.require_running()?;
        let log = process.log()?;
        let after = log.split_once(words).map(|(_, after)| after);
        let whole = after.filter(|after| after.contains(char::is_whitespace));
        Ok::<_, DevnetError>(
            whole.and_then(|after| after.split_whitespace().next().map(Into::into)),
        )
    });
    found.await.unwrap()
}

/// A running approver.
struct Approver {
    process: ManagedProcess,
    address: SocketAddr,
}

impl Approver {
    fn ask(&self, file: &RequestFile) -> Option<(u16, String)> {
        ask(self.address, file)
    }

    fn kill(self) {
        assert_eq!(self.process.kill().unwrap().signal(), Some(9));
    }
}

/// Status and body of an answer; nothing if the approver died before it was whole.
fn ask(address: SocketAddr, file: &RequestFile) -> Option<(u16, String)> {
    let body = serde_json::to_string(file).unwrap();
    let length = body.len();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "POST /v1/approvals HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    serde_json::from_str::<serde_json::Value>(body).ok()?;
    Some((status, body.to_owned()))
}

#[track_caller]
fn approval(answer: Option<(u16, String)>) -> ApprovalFile {
    let (status, body) = answer.expect("an answer");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn an_approver_killed_between_requests_remembers_what_it_counted() {
    let lab = Lab::new();
    let (first, second) = (lab.request(1, 5), lab.request(2, 3));
    let approver = lab.start().await;
    let approved = approval(approver.ask(&first));
    approver.kill();

    let approver = lab.start().await;
    assert_eq!(approval(approver.ask(&first)), approved, "the same signature, counted once");
    approval(approver.ask(&second));
    approver.kill();

    let approver = lab.start().await;
    let (status, body) = approver.ask(&lab.request(3, 1)).unwrap();
    assert_eq!(status, 403, "{body}");
    assert!(body.contains(r#""code":802"#) && body.contains(r#""want":"0""#), "{body}");
    let status = approver.process.stop(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(0), "asked to end, it ends well");
}

/// Killed at any moment, while it has many requests at once: whoever has a signature keeps it, and
/// together there are never more than the allowance.
#[tokio::test]
async fn an_approver_killed_while_it_signs_never_signs_too_much() {
    let lab = Lab::new();
    let files: Vec<_> = (1..=3 * LIMIT).map(|sequence| lab.request(sequence, 1)).collect();
    let mut approvals = BTreeMap::new();
    let mut collect = |answers: Vec<Option<(u16, String)>>| {
        for (sequence, answer) in answers.into_iter().enumerate() {
            let Some((200, body)) = answer else { continue };
            let kept = approvals.entry(sequence).or_insert_with(|| body.clone());
            assert_eq!(*kept, body, "one request, one signature");
        }
    };
    for answers_before_kill in 0..6 {
        let approver = lab.start().await;
        let address = approver.address;
        let (told, answered) = std::sync::mpsc::channel();
        let asking: Vec<_> = files
            .iter()
            .map(|file| {
                let (file, told) = (*file, told.clone());
                std::thread::spawn(move || {
                    let answer = ask(address, &file);
                    // The other end may have heard enough.
                    told.send(()).is_ok().then_some(answer).flatten()
                })
            })
            .collect();
        for _ in 0..answers_before_kill {
            answered.recv_timeout(PATIENCE).unwrap();
        }
        approver.kill();
        collect(asking.into_iter().map(|thread| thread.join().unwrap()).collect());
    }
    let approver = lab.start().await;
    let answers: Vec<_> = files.iter().map(|file| approver.ask(file)).collect();
    assert!(answers.iter().all(Option::is_some), "it lives");
    let granted = answers.iter().flatten().filter(|(status, _)| *status == 200).count();
    assert_eq!(granted as u64, LIMIT, "the allowance is whole and no more");
    collect(answers);
    assert_eq!(approvals.len() as u64, LIMIT, "nobody else ever had a signature");
}

/// As on a full disk: files cannot grow beyond 100 blocks of the shell's.
const SMALL_FILES: &str = "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"";

#[tokio::test]
async fn an_approver_that_cannot_write_signs_nothing_and_ends() {
    let lab = Lab::new();
    let policy_path = lab.world.path("policy.toml");
    let policy = std::fs::read_to_string(&policy_path).unwrap();
    std::fs::write(&policy_path, format!("horizon_days = 3660\n{policy}")).unwrap();
    let first = lab.request(1, 1);
    // Makes the file, which is made larger than the limit.
    let approver = lab.start().await;
    let approved = approval(approver.ask(&first));
    approver.kill();

    let mut approver = lab.started(lab.spawn_by(&["/bin/sh", "-c", SMALL_FILES])).await;
    assert_eq!(approval(approver.ask(&first)), approved, "nothing to write");
    // 3,000 days are more than fit into the part that can be written.
    let start_time = first.request.start_time;
    let end_time = start_time + 3_000 * DAY;
    let many = lab.signed(Request { end_time, sequence: 2, ..first.request });
    let (status, body) = approver.ask(&many).unwrap();
    assert_eq!(status, 500, "{body}");
    let status = approver.process.wait(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(approver.process.log().unwrap().contains("error: the store failed"));

    let approver = lab.start().await;
    assert_eq!(approval(approver.ask(&first)), approved, "nothing is lost");
    approval(approver.ask(&many));
}

#[tokio::test]
async fn a_broken_policy_leaves_the_old_one_in_force() {
    let lab = Lab::new();
    let mut approver = lab.start().await;
    lab.world.write("policy.toml", b"units_per_day = 1\nunknown = true\n");
    logged(&mut approver.process, "policy not changed").await;
    approval(approver.ask(&lab.request(1, 5)));
    lab.world.write("policy.toml", b"units_per_day = 1\n");
    logged(&mut approver.process, "policy changed").await;
    let (status, body) = approver.ask(&lab.request(2, 1)).unwrap();
    assert!(status == 403 && body.contains(r#""code":801"#), "{body}");
}

#[tokio::test]
async fn a_store_serves_one_process() {
    let lab = Lab::new();
    let approver = lab.start().await;
    let mut second = lab.spawn();
    let status = second.wait(PATIENCE).await.unwrap();
    let log = second.log().unwrap();
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("another approver runs with this store"), "{log}");
    lab.sign(&lab.request(1, 1)).expect_failure("another approver runs with this store");
    approval(approver.ask(&lab.request(1, 1)));
}

#[tokio::test]
async fn an_approver_ends_when_asked_to() {
    let lab = Lab::new();
    for signal in [Signal::Interrupt, Signal::Terminate] {
        let mut approver = lab.start().await;
        approver.process.signal(signal).unwrap();
        let status = approver.process.wait(PATIENCE).await.unwrap();
        assert_eq!(status.code(), Some(0), "{signal:?}");
    }
}

#[tokio::test]
async fn signing_once_is_the_same_as_asking_the_server() {
    let lab = Lab::new();
    let file = lab.request(1, 5);
    let ran = lab.sign(&file);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let signed: ApprovalFile = serde_json::from_str(&ran.stdout).unwrap();
    let id = file.request.id(&lab.world.network.domain());
    assert_eq!(signed.signature.recover(id.0), Ok(secret(APPROVER).address()));
    let approver = lab.start().await;
    assert_eq!(approval(approver.ask(&file)), signed);
    approver.kill();

    let refused = lab.sign(&lab.request(2, 4));
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stdout.starts_with("refused: 802 AllowanceExceeded"), "{refused:?}");
    let args = ["approver", "--key", "approver", "--sign", "request.json", "--json"];
    let refused = lab.world.run(&args);
    let shown: serde_json::Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!((refused.code, &shown["refusal"]["code"]), (1, &802.into()), "{refused:?}");

    lab.world.write_json("request.json", &lab.request(3, 3));
    let args = ["approver", "--key", "approver", "--sign", "request.json", "--out", "a.json"];
    let ran = lab.world.run(&args);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert!(lab.world.path("a.json").exists());
}

#[test]
fn nothing_is_signed_without_a_policy_a_network_and_a_request() {
    let lab = Lab::new();
    let world = &lab.world;
    let sign = |args: &[&str]| {
        let always = ["approver", "--key", "approver", "--sign", "request.json"];
        world.run(&[always.as_slice(), args].concat())
    };
    sign(&[]).expect_failure("cannot read `request.json`");
    world.write("request.json", b"{}");
    sign(&[]).expect_failure("`request.json` is no request file");
    world.write_json("request.json", &lab.request(1, 1));
    sign(&["--policy", "none.toml"]).expect_failure("cannot read `none.toml`");
    world.write("odd.toml", b"units_per_day = 8\nunit_per_day = 9\n");
    sign(&["--policy", "odd.toml"]).expect_failure("unknown field `unit_per_day`");
    sign(&["--network", "none.json"]).expect_failure("cannot read `none.json`");
    assert!(!world.path("approver.redb").exists(), "no store is made for nothing");

    let other = World::with_seed(8);
    world.write_json("other.json", &other.network);
    let refused = sign(&["--network", "other.json"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stdout.starts_with("refused: 601 NetworkMismatch"), "{refused:?}");
    sign(&[]).expect_failure("the store belongs to another account or network");
}
