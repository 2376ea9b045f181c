//! Bytes of strangers: each is answered or cut, and none is believed.

use crate::contract::Client;
use crate::made;
use crate::people::Resource;
use crate::raw::{Raw, exchange};
use crate::world::{PATIENCE, limits};
use fallow_node::{Config, HttpLimits, Node, Shared};
use fallow_protocol::NetworkFile;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A node with a history of a hundred records and more, without chains.
pub(crate) struct Still {
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    pub(crate) network: NetworkFile,
    pub(crate) shared: Arc<Shared>,
    pub(crate) folder: tempfile::TempDir,
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Still {
    pub(crate) async fn start(limits: HttpLimits) -> Self {
        Self::with(|config| config.limits = limits).await
    }

    pub(crate) async fn with_list(list: &Path) -> Self {
        Self::with(|config| config.allow_list = Some(list.to_owned())).await
    }

    async fn with(alter: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut config, _) = made::make(folder.path(), 120, limits());
        alter(&mut config);
        let node = Node::bind(config).await.unwrap();
        let (address, shared) = (node.address(), Arc::clone(node.shared()));
        let network = shared.network.clone();
        let (end, ended) = oneshot::channel::<()>();
        // A test that ends without its node drops the other end, too.
        let ended = async { drop(ended.await) };
        let task = tokio::spawn(async { node.run(ended).await.unwrap() });
        Self { client: Client::new(address), address, network, shared, folder, end, task }
    }

    /// Ends as if asked to.
    pub(crate) async fn stop(self) {
        self.end.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }

    fn resource(&self) -> Resource {
        Resource::new(self.network.domain(), 1)
    }
}

#[tokio::test]
async fn what_is_no_message_is_malformed() {
    let still = Still::start(limits()).await;
    let good = serde_json::to_value(still.resource().request(2, 1, 1, 1)).unwrap();
    let altered = |alter: &dyn Fn(&mut Value)| {
        let mut file = good.clone();
        alter(&mut file);
        file.to_string().into_bytes()
    };
    let huge = "9".repeat(100_000);
    let bodies = [
        b"".to_vec(),
        b"{}".to_vec(),
        b"null".to_vec(),
        b"[null]".to_vec(),
        b"[[]]".to_vec(),
        vec![0xff; 100],
        vec![b'['; 1 << 20],
        [b"[".repeat(500_000), b"]".repeat(500_000)].concat(),
        b"{\"a\":".repeat(100_000),
        altered(&|file| file["version"] = 2.into()),
        altered(&|file| file["version"] = json!(1.0e300)),
        altered(&|file| file["extra"] = 1.into()),
        altered(&|file| file["request"]["extra"] = 1.into()),
        altered(&|file| file["request"]["volume"] = 65_536.into()),
        altered(&|file| file["request"]["volume"] = (-1).into()),
        altered(&|file| file["request"]["volume"] = "1".into()),
        altered(&|file| file["request"]["sequence"] = 1.into()),
        altered(&|file| file["request"]["sequence"] = huge.clone().into()),
        altered(&|file| file["request"]["endTime"] = "18446744073709551616".into()),
        altered(&|file| file["request"]["endTime"] = "01".into()),
        altered(&|file| file["signature"] = format!("0x{}", "00".repeat(65)).into()),
        altered(&|file| file["signature"] = "0x".into()),
        altered(&|file| file["networkId"] = Value::Null),
        [good.to_string().as_bytes(), b" {}"].concat(),
        good.to_string().replace("\"volume\":1", &format!("\"volume\":{huge}")).into_bytes(),
        good.to_string().replace("\"volume\":1", "\"volume\":1,\"volume\":2").into_bytes(),
    ];
    let kind = [("content-type", "application/json")];
    for body in bodies {
        for path in [
            "/v1/requests",
            "/v1/announcements",
            "/v1/releases",
            "/v1/withdrawals",
            "/v1/gossip",
            "/v1/check",
        ] {
            let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            let answer = still.client.call("post", path, &kind, Some(body.clone())).await;
            let problem = answer.problem();
            let is_long = path == "/v1/check" && body.len() > 65_536;
            assert_eq!(problem, if is_long { (413, 906) } else { (400, 901) }, "{path} {shown}");
        }
    }
}

#[tokio::test]
async fn what_is_of_another_network_or_kind_is_refused() {
    let still = Still::start(limits()).await;
    let mut other = still.resource().request(2, 1, 1, 1);
    other.network_id = fallow_protocol::NetworkId::repeat_byte(1);
    assert_eq!(still.client.post("/v1/requests", &other).await.problem(), (422, 914));
    let many = still.client.post("/v1/requests", &[other]).await;
    assert_eq!(many.json()["items"][0]["problem"]["code"], 914);
    for kind in ["text/plain", "", "application/xml", "application/jsonp", "multipart/form-data"] {
        let headers = [("content-type", kind)];
        let answer = still.client.call("post", "/v1/requests", &headers, Some(vec![])).await;
        assert_eq!(answer.problem(), (415, 907), "{kind}");
    }
}

#[tokio::test]
async fn nothing_is_taken_while_the_chain_is_away() {
    let still = Still::start(limits()).await;
    let file = still.resource().announce();
    let answer = still.client.post("/v1/announcements", &file).await;
    assert_eq!(answer.problem(), (503, 911));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(still.client.post("/v1/gossip", &file).await.status, 202, "that needs no chain");
    assert_eq!(still.client.get("/ready").await.problem(), (503, 911));
    assert_eq!(still.client.get("/health").await.status, 200);
    assert!(still.client.get("/v1/status").await.json()["notReady"].is_string());
    assert_eq!(still.client.get("/v1/records/0").await.status, 200, "what is known is served");
}

#[tokio::test]
async fn too_long_bodies_and_arrays_are_not_read() {
    let still = Still::start(limits()).await;
    let kind = [("content-type", "application/json")];
    let longest = vec![b' '; 1 << 20];
    let answer = still.client.call("post", "/v1/requests", &kind, Some(longest.clone())).await;
    assert_eq!(answer.problem(), (400, 901), "read, and no JSON");
    let longer = [longest, b" ".to_vec()].concat();
    let answer = still.client.call("post", "/v1/requests", &kind, Some(longer)).await;
    assert_eq!(answer.problem(), (413, 906));
    let many = vec![still.resource().withdraw(); 1_001];
    assert_eq!(still.client.post("/v1/withdrawals", &many).await.problem(), (413, 906));
    // Without a length, in chunks that never end.
    let head = "POST /v1/requests HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = format!("200000\r\n{}", " ".repeat(0x20_0000));
    let answer = exchange(still.address, &[head.as_bytes(), chunks.as_bytes()].concat()).await;
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{:?}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn whoever_dawdles_is_cut_off() {
    let short = Duration::from_millis(100);
    let still = Still::start(HttpLimits { head_time: short, body_time: short, ..limits() }).await;
    for begun in [b"GET /health HT".as_slice(), b""] {
        let mut stream = Raw::connect(still.address).await;
        stream.send(begun).await;
        assert!(!stream.rest().await.starts_with(b"HTTP/1.1 200"));
    }
    let head = b"POST /v1/requests HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{";
    let mut stream = Raw::connect(still.address).await;
    stream.send(head).await;
    assert!(stream.rest().await.starts_with(b"HTTP/1.1 408"));
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection() {
    let still = Still::start(limits()).await;
    let long_head = format!("GET /health HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    let many_heads = format!("GET /health HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1_000));
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00".as_slice(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n \0",
        b"GET /health HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /v1/requests HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n",
        long_head.as_bytes(),
        many_heads.as_bytes(),
    ] {
        let answer = exchange(still.address, bytes).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(still.client.get("/health").await.status, 200);
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_their_order() {
    let still = Still::start(limits()).await;
    let asked: String = (0..50)
        .map(|index| format!("GET /v1/records/{index} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .chain(["GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned()])
        .collect();
    let answers = String::from_utf8(exchange(still.address, asked.as_bytes()).await).unwrap();
    let indexes =
        answers.split("{\"index\":\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    assert!(indexes.eq((0..50).map(|index| index.to_string()).collect::<Vec<_>>()));
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let still = Still::start(limits()).await;
    std::fs::write(still.folder.path().join("secret.set"), "secret").unwrap();
    for path in [
        "/tile/../../../../etc/passwd",
        "/tile/..%2f..%2fstore.redb",
        "/tile/0/../../../secret.set",
        "/tile/0/000/../000",
        "/tile//0/000",
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/0",
        "/tile/00/000",
        "/tile/8/000",
        "/tile/0/x000/000",
        "/tile/entries/000.p/300",
        "/tile/0/000%00",
        "/..",
        "/../secret.set",
        "/secret.set",
        "/%2e%2e/secret.set",
        "/.set",
        "/node.redb",
    ] {
        // As it is: clients would tidy it up.
        let ask = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = exchange(still.address, ask.as_bytes()).await;
        let status = String::from_utf8_lossy(&answer[..12]).into_owned();
        assert!(["HTTP/1.1 404", "HTTP/1.1 400"].contains(&&*status), "{path}: {status}");
    }
}

#[tokio::test]
async fn parameters_out_of_their_range_are_refused() {
    let still = Still::start(limits()).await;
    let hash = made::NOBODYS;
    for path in [
        "/v1/records?limit=0".to_owned(),
        "/v1/records?limit=1001".to_owned(),
        "/v1/records?limit=x".to_owned(),
        "/v1/records?after=-1".to_owned(),
        "/v1/records?after=18446744073709551616".to_owned(),
        "/v1/records?unknown=1".to_owned(),
        "/v1/records?after=1&after=2".to_owned(),
        "/v1/records/-1".to_owned(),
        "/v1/records/+1".to_owned(),
        "/v1/records/0x12".to_owned(),
        "/v1/records/18446744073709551616".to_owned(),
        "/v1/messages/1".to_owned(),
        format!("/v1/resources/{}", &hash.to_string()[..65]),
        format!("/v1/resources/{hash}0"),
        "/v1/resources?where=cpu%20%3E%3D".to_owned(),
        format!("/v1/resources?where={}", "(".repeat(500)),
        format!("/v1/resources?where={}", "a".repeat(513)),
        "/v1/resources?from=1".to_owned(),
        "/v1/resources?from=2&to=1".to_owned(),
        "/v1/resources?volume=65536".to_owned(),
        "/v1/resources?volume=%2B1".to_owned(),
        "/v1/records?after=01".to_owned(),
        format!("/v1/resources?region={}", "a".repeat(65)),
        format!("/v1/resources?provider={}", "00".repeat(20)),
        "/v1/resources?provider=0x12".to_owned(),
        format!("/v1/requests?requester=0x{}&resource={hash}", "00".repeat(20)),
        "/v1/proofs/inclusion".to_owned(),
        "/v1/proofs/inclusion?index=1000000".to_owned(),
        "/v1/proofs/inclusion?index=3&size=3".to_owned(),
        "/v1/proofs/inclusion?index=3&size=1000000".to_owned(),
        "/v1/proofs/consistency?from=0".to_owned(),
        "/v1/proofs/consistency?from=3&to=2".to_owned(),
        "/v1/proofs/consistency?from=3&to=18446744073709551615".to_owned(),
        "/v1/checkpoints/latest2".to_owned(),
        "/v1/checkpoints?certified=maybe".to_owned(),
        "/v1/tickets/x".to_owned(),
        "/v1/events?after=18446744073709551615".to_owned(),
    ] {
        let answer = still.client.get(&path).await;
        assert_eq!(answer.problem(), (400, 902), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_so() {
    let still = Still::start(limits()).await;
    let hash = made::NOBODYS;
    for path in [
        format!("/v1/records/{hash}"),
        "/v1/records/18446744073709551615".to_owned(),
        format!("/v1/messages/{hash}"),
        format!("/v1/offers/{hash}"),
        format!("/v1/resources/{hash}"),
        format!("/v1/resources/{hash}/calendar"),
        format!("/v1/requests/{hash}"),
        format!("/v1/requests?resource={hash}"),
        format!("/v1/tickets/{hash}"),
        "/v1/checkpoints/0".to_owned(),
        "/v1/checkpoints/18446744073709551615/shares".to_owned(),
        format!("/v1/sets/{hash}"),
        format!("/{hash}.set"),
    ] {
        let answer = still.client.get(&path).await;
        assert_eq!(answer.problem(), (404, 903), "{path}: {}", answer.text());
    }
    for path in ["/", "/v1", "/v2/records", "/v1/records/", "/v1/records/1/2/3/4/5/6"] {
        let answer = still.client.raw("get", path, &[], None).await;
        assert_eq!(answer.problem(), (404, 903), "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let still = Still::start(limits()).await;
    for (method, path, allow) in [
        ("delete", "/v1/records", "GET, HEAD, OPTIONS"),
        ("post", "/v1/records", "GET, HEAD, OPTIONS"),
        ("get", "/v1/releases", "POST, OPTIONS"),
        ("put", "/v1/requests", "GET, HEAD, POST, OPTIONS"),
        ("trace", "/health", "GET, HEAD, OPTIONS"),
        ("post", "/tile/0/000", "GET, HEAD, OPTIONS"),
    ] {
        let answer = still.client.raw(method, path, &[], None).await;
        assert_eq!(answer.problem(), (405, 904), "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow));
    }
}

#[tokio::test]
async fn browsers_may_read_and_post_from_anywhere() {
    let still = Still::start(limits()).await;
    let asked = [
        ("origin", "https://example.org"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let answer = still.client.raw("options", "/v1/requests", &asked, None).await;
    assert_eq!((answer.status, answer.bytes.len()), (204, 0));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("content-type"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let read = still.client.get_with("/v1/status", &asked[..1]).await;
    assert!(read.header("access-control-expose-headers").unwrap().contains("retry-after"));
    let head = still.client.raw("head", "/v1/status", &[], None).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
}
