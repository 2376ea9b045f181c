//! A network that is kept: the same after Ctrl-C and after SIGKILL, and another one after a fresh
//! start.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, missing_docs)]

use fallow_devnet::{DevnetError, poll};
use fallow_node_client::types::StatusAnswer;
use fallow_node_client::{Limits, NodeClient};
use fallow_protocol::NetworkFile;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Two chains, four validators, relayer, node.
const PROCESSES: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

fn fallow(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fallow"));
    command
        .args(args)
        .current_dir(folder)
        // With it, `cargo run` would be suggested instead of the program's path.
        .env_remove("CARGO")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn is_running(id: u32) -> bool {
    // A process that nobody waited for yet has ended all the same.
    let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/stat")) else {
        return false;
    };
    !status.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z')
}

/// A running `fallow up`, and what it has said.
struct Up {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    told: String,
}

impl Up {
    fn start(folder: &Path) -> Self {
        let mut child = fallow(folder, &["up", "--dir", "net"]).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut up = Self { child, lines, told: String::new() };
        up.hear("ready in ");
        // The last one of what to try next.
        up.hear("/v1/status");
        up
    }

    /// Waits for a line with `part`.
    fn hear(&mut self, part: &str) -> String {
        loop {
            let Some(line) = self.lines.next() else {
                let mut errors = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
                panic!("no `{part}` in {}\n{errors}", self.told);
            };
            let line = line.unwrap();
            self.told.push_str(&line);
            self.told.push('\n');
            if line.contains(part) {
                return line;
            }
        }
    }

    /// `(name, id)` of every process.
    fn processes(&self) -> Vec<(String, u32)> {
        let line = self.told.lines().find_map(|line| line.strip_prefix("processes"));
        let words: Vec<_> = line.unwrap().split_whitespace().collect();
        let pairs = words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].parse().unwrap()));
        pairs.collect()
    }

    /// Of the processes that were named first, that one is gone.
    fn forget(&mut self, id: u32) {
        self.told = self.told.replace(&format!(" {id}"), " 1000000000");
    }

    fn end(mut self, signal: &str, code: Option<i32>) {
        let ids: Vec<_> = self.processes().into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids.len(), PROCESSES, "{}", self.told);
        kill(signal, self.child.id());
        // Read to the end: a closed pipe would be another way to end it.
        for line in self.lines.by_ref() {
            self.told.push_str(&line.unwrap());
        }
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), code, "{}", self.told);
        let deadline = Instant::now() + PATIENCE;
        while ids.iter().any(|id| is_running(*id)) {
            assert!(Instant::now() < deadline, "some of {ids:?} are still running");
            std::thread::yield_now();
        }
    }
}

fn kill(signal: &str, id: u32) {
    let id = id.to_string();
    assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
}

/// The network that a test's `up` runs.
struct Net {
    folder: tempfile::TempDir,
}

impl Net {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn id(&self) -> String {
        let json = std::fs::read(self.path().join("net/network.json")).unwrap();
        NetworkFile::read(&json).unwrap().network_id.to_string()
    }

    fn api(&self) -> String {
        let text = std::fs::read_to_string(self.path().join("net/env")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("export FALLOW_NODE="));
        line.unwrap().to_owned()
    }

    /// What the node says once `holds`.
    fn status(&self, holds: impl Fn(&StatusAnswer) -> bool) -> StatusAnswer {
        let client = NodeClient::new(&self.api(), Limits::default()).unwrap();
        let look = async || {
            let status = client.status().await.unwrap();
            Ok::<_, DevnetError>(holds(&status).then_some(status))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(poll("what the node says", PATIENCE, PAUSE, look)).unwrap()
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    fn post(&self, path: &str, body: &str) -> String {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\ncontent-length: {length}\r\n");
        self.ask(&format!("{head}content-type: application/json\r\n"), body)
    }

    fn ask(&self, head: &str, body: &str) -> String {
        let api = self.api();
        let mut stream = TcpStream::connect(api.strip_prefix("http://").unwrap()).unwrap();
        write!(stream, "{head}host: node\r\nconnection: close\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Types a command into a shell that has read the network's variables.
    fn type_in(&self, command: &str) -> Output {
        let script = format!(". net/env && {command}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(self.path()).stdin(Stdio::null());
        // Promises are kept in the home folder.
        shell.env("HOME", self.path());
        shell.output().unwrap()
    }

    /// Asks for a unit in `hours`, with the command that was suggested; returns the log's size with
    /// it.
    fn allocate(&self, command: &str, hours: u8) -> u64 {
        let command = &format!("{command} --start +{hours}h");
        let before = self.status(|_| true).size;
        let ran = self.type_in(command);
        assert!(ran.status.success(), "{command}: {ran:?}");
        self.status(|status| status.size > before).size
    }
}

/// Every metric that the dashboard asks for is one that the node has.
fn expect_metrics(net: &Net) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/grafana");
    let dashboard = std::fs::read_to_string(path.join("fallow-node.json")).unwrap();
    // A family by codes is described from its first member on: a message that nobody signed.
    let signed = std::fs::read_to_string(net.path().join("net/announcement.json")).unwrap();
    let mut forged: serde_json::Value = serde_json::from_str(&signed).unwrap();
    forged["announcement"]["volume"] = 999.into();
    let refused = net.post("/v1/announcements", &forged.to_string());
    assert!(refused.starts_with("HTTP/1.1 422 "), "{refused}");
    let metrics = net.get("/metrics");
    let is_word = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '_';
    let names = dashboard.split(|symbol| !is_word(symbol));
    let names: std::collections::BTreeSet<_> =
        names.filter(|word| word.starts_with("fallow_node_")).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        // A family is described without its members' endings.
        let family = name.trim_end_matches("_total").trim_end_matches("_bucket");
        let described = format!("# TYPE {family} ");
        assert!(metrics.contains(&described), "{name} in {metrics}");
    }
}

#[test]
fn a_network_is_the_same_after_every_end_and_another_one_after_a_fresh_start() {
    let net = Net { folder: tempfile::tempdir().unwrap() };
    let mut up = Up::start(net.path());
    let id = net.id();
    let program = env!("CARGO_BIN_EXE_fallow");
    let next = up.told.split("What to try next").nth(1).unwrap();
    let lines = next.lines().map(str::trim).filter(|line| line.starts_with(program));
    let commands: Vec<_> = lines.map(str::to_owned).collect();
    let request = commands.iter().find(|command| command.contains(" request ")).unwrap().clone();
    for command in &commands {
        let ran = net.type_in(command);
        assert!(ran.status.success(), "{command}: {ran:?}");
    }
    let status = net.status(|status| status.size == 3 && status.anchored_size == 3);
    expect_metrics(&net);

    let second = fallow(net.path(), &["up", "--dir", "net", "--fresh"]).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8(second.stderr).unwrap().contains("is running already"));

    // Whatever dies is started again, and the network goes on.
    let chain = up.processes().into_iter().find(|(name, _)| name == "sidechain").unwrap();
    kill("KILL", chain.1);
    up.hear("sidechain died and runs again");
    up.forget(chain.1);
    let validator = up.processes().into_iter().find(|(name, _)| name == "validator-2").unwrap();
    kill("KILL", validator.1);
    up.hear("validator-2 is started again");
    up.forget(validator.1);
    up.end("INT", Some(0));

    let up = Up::start(net.path());
    assert_eq!(net.id(), id);
    assert!(up.told.contains("the network, resumed"), "{}", up.told);
    let again = net.status(|status| status.anchored_size >= 3);
    assert_eq!((again.size, again.root), (status.size, status.root));
    assert_eq!(net.allocate(&request, 4), 4);
    let status = net.status(|status| status.certified_size == 4);
    up.end("KILL", None);

    let up = Up::start(net.path());
    let again = net.status(|status| status.size == 4);
    assert_eq!((net.id(), again.root), (id.clone(), status.root));
    assert_eq!(net.allocate(&request, 8), 5);
    net.status(|status| status.anchored_size == 5);
    up.end("INT", Some(0));

    let args = ["up", "--dir", "net", "--fresh", "--until-ready"];
    let fresh = fallow(net.path(), &args).output().unwrap();
    assert_eq!(fresh.status.code(), Some(0), "{fresh:?}");
    assert_ne!(net.id(), id);
}

#[test]
fn a_folder_that_is_no_networks_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("net");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("thesis.txt"), "x").unwrap();
    let ran = fallow(folder.path(), &["up", "--dir", "net", "--fresh"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    assert!(String::from_utf8(ran.stderr).unwrap().contains("is no network's folder"));
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
}
