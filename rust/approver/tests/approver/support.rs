//! An approver in this process, on a port of its own, and a client that sends any bytes.

use alloy_primitives::{Address, B256};
use fallow_approver::{Config, Daemon, Limits};
use fallow_protocol::{
    AnchorChain, CodeHashes, FILE_VERSION, NetworkFile, NetworkPart, Parameters, Request,
    RequestFile, ResourceId, SecretKey, SetHash, Sidechain, Trust,
};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const DAY: u64 = 86_400;

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32]).unwrap()
}

pub(crate) fn network(seed: u8) -> NetworkFile {
    let part = NetworkPart {
        sidechain: Sidechain {
            chain_id: 10,
            registry: Address::repeat_byte(0xa1),
            bulletin: Address::repeat_byte(0xa2),
            block: 1,
        },
        anchor_chain: AnchorChain { chain_id: 20, anchor: Address::repeat_byte(0xb1), block: 1 },
        random: B256::repeat_byte(seed),
        parameters: Parameters {
            checkpoint_interval: 1,
            heartbeat: 10,
            challenge_period: 600,
            query_deadline: 600,
            ring_size: 64,
            writers: vec![],
        },
        code_hashes: CodeHashes { registry: B256::ZERO, bulletin: B256::ZERO, anchor: B256::ZERO },
    };
    let trust = Trust { era: 0, set_number: 1, set_hash: SetHash::ZERO, checkpoint: None };
    NetworkFile::new(part, trust)
}

pub(crate) fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A day that is ahead, also for tests that run past midnight.
static START: LazyLock<u64> = LazyLock::new(|| (clock() / DAY + 2) * DAY);

/// A request of `requester` for `volume` units, in an hour of one day, or `day` days later.
pub(crate) fn request(requester: u8, sequence: u64, volume: u16, day: u64) -> Request {
    let start_time = *START + day * DAY + 3_600;
    Request {
        resource_id: ResourceId::repeat_byte(3),
        requester: key(requester).address(),
        volume,
        start_time,
        end_time: start_time + 3_600,
        timestamp: clock(),
        sequence,
    }
}

pub(crate) fn signed(network: &NetworkFile, signer: u8, request: Request) -> RequestFile {
    RequestFile {
        version: FILE_VERSION,
        network_id: network.network_id,
        request,
        signature: key(signer).sign(request.id(&network.domain()).0),
        approval: None,
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }

    /// Status, code and name of an answer that is no approval.
    #[track_caller]
    pub(crate) fn error(&self) -> (u16, Option<u64>, &str) {
        let keys: Vec<_> = self.body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["code", "got", "message", "name", "want"], "{self:?}");
        (self.status, self.body["code"].as_u64(), self.body["name"].as_str().unwrap())
    }
}

/// Sends bytes to a daemon and reads until it hangs up.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    // A daemon that refuses what is too long does not read it to its end.
    let send = async {
        if let Err(error) = writer.write_all(bytes).await {
            assert!(matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
            ));
        }
    };
    let receive = async {
        let mut part = [0; 4_096];
        while let Ok(count @ 1..) = reader.read(&mut part).await {
            answer.extend_from_slice(&part[..count]);
        }
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(send, receive) }).await.unwrap();
    answer
}

/// A `POST` of a body.
pub(crate) fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: approver\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A running approver.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) network: NetworkFile,
    pub(crate) folder: tempfile::TempDir,
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Key of the approver.
pub(crate) const APPROVER: u8 = 9;

/// What is allowed unless a test says otherwise: requester 7, 8 units a day.
pub(crate) fn policy_text() -> String {
    format!("units_per_day = 8\n[[requesters]]\naddress = \"{}\"\n", key(7).address())
}

/// Bounds that no test waits for.
pub(crate) fn limits() -> Limits {
    Limits { per_second: 100_000, ..Limits::default() }
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(limits()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("policy.toml"), policy_text()).unwrap();
        Self::within(folder, limits).await
    }

    async fn within(folder: tempfile::TempDir, limits: Limits) -> Self {
        let network = network(1);
        let store = folder.path().join("approver.redb");
        let config = Config { key: key(APPROVER), network: network.clone(), store };
        let listen = "127.0.0.1:0".parse().unwrap();
        let policy = folder.path().join("policy.toml");
        let daemon = Daemon::bind(config, &policy, listen, limits).await.unwrap();
        let address = daemon.address();
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let ended = async { ended.await.unwrap() };
            daemon.run(ended, Duration::from_millis(10)).await.unwrap();
        });
        Self { address, network, folder, end, task }
    }

    /// Ends as if asked to, and leaves its folder.
    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.end.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
        self.folder
    }

    pub(crate) async fn restart(self) -> Self {
        let folder = self.stop().await;
        Self::within(folder, limits()).await
    }

    pub(crate) fn policy_path(&self) -> PathBuf {
        self.folder.path().join("policy.toml")
    }

    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        Answer::parse(&exchange(self.address, bytes).await)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.raw(format!("GET {path} HTTP/1.1\r\nHost: approver\r\n\r\n").as_bytes()).await
    }

    pub(crate) async fn ask(&self, file: &RequestFile) -> Answer {
        self.raw(&post("/v1/approvals", &serde_json::to_vec(file).unwrap())).await
    }

    /// Asks for `request`, signed by its requester's key of that seed.
    pub(crate) async fn ask_for(&self, signer: u8, request: Request) -> Answer {
        self.ask(&signed(&self.network, signer, request)).await
    }
}
