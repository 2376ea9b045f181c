//! A tap on the line between a program and a node: it lets everything through and can hold one
//! exchange, so that a test may do something at exactly that moment. It can also hide all logs, as
//! a node does whose index of logs is behind.

use crate::DevnetError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Longest head of a message; those of a node and its callers have some hundred bytes.
const HEAD_BYTES: usize = 16 << 10;
/// Longest body: far more than any call here has.
const BODY_BYTES: usize = 16 << 20;

/// What to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Requests with this method: the node never sees them.
    Request(&'static str),
    /// Answers to requests with this method that bring something (not `null`): the node has acted,
    /// the program does not know.
    Answer(&'static str),
}

#[derive(Debug, Default)]
struct Shared {
    hold: Mutex<Option<Hold>>,
    held: Notify,
    hides_logs: AtomicBool,
    hidden: Notify,
}

impl Shared {
    fn holds(&self, is_held: impl Fn(Hold) -> bool) -> bool {
        let hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        hold.is_some_and(is_held)
    }
}

/// A running tap; dropping it closes every line.
#[derive(Debug)]
pub struct Tap {
    url: String,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

impl Tap {
    /// Listens on a free port and passes everything on to the node at `upstream`.
    ///
    /// # Errors
    /// When there is no free port, or `upstream` is not `http://host:port`.
    pub async fn start(upstream: &str) -> Result<Self, DevnetError> {
        let target = upstream.strip_prefix("http://");
        let target = target.ok_or_else(|| DevnetError::Url(upstream.to_owned()))?.to_owned();
        let named = std::path::Path::new("127.0.0.1");
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(DevnetError::io(named))?;
        let address = listener.local_addr().map_err(DevnetError::io(named))?;
        let shared = Arc::new(Shared::default());
        let mut server = JoinSet::new();
        server.spawn(serve(listener, target, Arc::clone(&shared)));
        Ok(Self { url: format!("http://{address}"), shared, _server: server })
    }

    /// Where the program shall connect.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Holds matching exchanges from now on.
    pub fn hold(&self, what: Hold) {
        *self.shared.hold.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    /// Lets everything through again; what was held stays held until its caller gives up.
    pub fn release(&self) {
        *self.shared.hold.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// From now on, every `eth_getLogs` is answered with no logs; or with what there is again.
    pub fn hide_logs(&self, hides: bool) {
        self.shared.hides_logs.store(hides, Ordering::SeqCst);
    }

    /// Waits until logs are hidden from somebody.
    pub async fn hidden(&self) {
        self.shared.hidden.notified().await;
    }

    /// Waits until something is held.
    pub async fn held(&self) {
        self.shared.held.notified().await;
    }
}

async fn serve(listener: TcpListener, target: String, shared: Arc<Shared>) {
    let mut lines = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let (target, shared) = (target.clone(), Arc::clone(&shared));
                lines.spawn(async move {
                    if let Err(error) = pass(client, &target, &shared).await {
                        tracing::debug!(%error, "line closed");
                    }
                });
            }
            Err(error) => tracing::warn!(%error, "tap cannot accept"),
        }
        while lines.try_join_next().is_some() {}
    }
}

/// Passes one caller's exchanges on, one after the other.
async fn pass(mut client: TcpStream, target: &str, shared: &Shared) -> std::io::Result<()> {
    let mut node = TcpStream::connect(target).await?;
    while let Some(request) = message(&mut client).await? {
        let names = |method: &str| contains(&request, format!("\"{method}\"").as_bytes());
        if shared.holds(|hold| matches!(hold, Hold::Request(method) if names(method))) {
            return stay(client, shared).await;
        }
        if shared.hides_logs.load(Ordering::SeqCst) && names("eth_getLogs") {
            client.write_all(&no_logs(&request)?).await?;
            shared.hidden.notify_one();
            continue;
        }
        node.write_all(&request).await?;
        let Some(answer) = message(&mut node).await? else {
            return Ok(());
        };
        let brings = !contains(&answer, b"\"result\":null");
        if shared.holds(|hold| matches!(hold, Hold::Answer(method) if brings && names(method))) {
            return stay(client, shared).await;
        }
        client.write_all(&answer).await?;
    }
    Ok(())
}

/// The answer to a single request for logs when there are none.
fn no_logs(request: &[u8]) -> std::io::Result<Vec<u8>> {
    let head = find(request, b"\r\n\r\n").map_or(0, |end| end.saturating_add(4));
    let asked: serde_json::Value = serde_json::from_slice(&request[head..])?;
    let answer = serde_json::json!({"jsonrpc": "2.0", "id": asked["id"], "result": []}).to_string();
    let fields = format!("content-type: application/json\r\ncontent-length: {}", answer.len());
    Ok(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{answer}").into())
}

/// Keeps the line open without a word until the caller closes it.
async fn stay(mut client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    shared.held.notify_one();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.map(|_| ())
}

/// Reads one HTTP/1.1 message with a `content-length`; `None` at the end of the line.
async fn message(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break end.saturating_add(4);
        }
        if bytes.len() > HEAD_BYTES {
            return Err(invalid("the head of a message is too long"));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let length = content_length(&bytes[..head]).filter(|length| *length <= BODY_BYTES);
    let length = length.ok_or_else(|| invalid("a message has no usable content-length"))?;
    let rest = head.saturating_add(length).saturating_sub(bytes.len());
    let start = bytes.len();
    bytes.resize(start.saturating_add(rest), 0);
    stream.read_exact(&mut bytes[start..]).await?;
    Ok(Some(bytes))
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut fields = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    fields.next()?.1.trim().parse().ok()
}

fn invalid(why: &'static str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, why)
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    find(bytes, part).is_some()
}
