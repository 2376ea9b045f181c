//! A server in this process, and connections that say anything.

use fallow_http::{Limits, Peer, Server};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use warp::reply::{Reply as _, Response};
use warp::{Filter, Rejection};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of the long answer.
pub(crate) const LONG: usize = 64 << 20;

/// A server that greets, waits at a gate, and has a long answer.
pub(crate) struct Running {
    address: SocketAddr,
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    entered: Notify,
    open: Arc<Notify>,
    dropped: Arc<Notify>,
}

/// Tells when it is dropped.
struct Long(Vec<u8>, Arc<Notify>);

impl AsRef<[u8]> for Long {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Long {
    fn drop(&mut self) {
        self.1.notify_one();
    }
}

/// A server that was told to end.
pub(crate) struct Stopped {
    pub(crate) task: JoinHandle<()>,
    pub(crate) gate: Arc<Notify>,
}

fn routes(
    gate: Arc<Gate>,
) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
    let hello = warp::path!("hello")
        .and(warp::ext::get::<Peer>())
        .map(|Peer(peer): Peer| peer.to_string().into_response());
    let waiting = Arc::clone(&gate);
    let at_gate = warp::path!("gate").and(warp::any().map(move || Arc::clone(&waiting))).then(
        |gate: Arc<Gate>| async move {
            gate.entered.notify_one();
            gate.open.notified().await;
            "gate".into_response()
        },
    );
    let long = warp::path!("long").map(move || {
        let bytes = Long(vec![b'x'; LONG], Arc::clone(&gate.dropped));
        Response::new(bytes::Bytes::from_owner(bytes).into())
    });
    let nothing = |_: Rejection| async { Ok::<_, Infallible>("nothing".into_response()) };
    hello.or(at_gate).unify().or(long).unify().recover(nothing).unify()
}

impl Running {
    pub(crate) async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::new(Gate::default());
        let server = Server::new(limits, routes(Arc::clone(&gate)));
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run(listener, async { ended.await.unwrap() }));
        Self { address, end, task, gate }
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection { stream: BufReader::new(TcpStream::connect(self.address).await.unwrap()) }
    }

    /// Waits until somebody stands at the gate.
    pub(crate) async fn entered(&self) {
        tokio::time::timeout(PATIENCE, self.gate.entered.notified()).await.unwrap();
    }

    pub(crate) fn open_gate(&self) {
        self.gate.open.notify_one();
    }

    /// Waits until the long answer is given up.
    pub(crate) async fn dropped(&self) {
        tokio::time::timeout(PATIENCE, self.gate.dropped.notified()).await.unwrap();
    }

    pub(crate) fn stop(self) -> Stopped {
        self.end.send(()).unwrap();
        Stopped { task: self.task, gate: Arc::clone(&self.gate.open) }
    }
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Status and body of the next answer.
    pub(crate) async fn answer(&mut self) -> String {
        self.read().await.unwrap()
    }

    async fn read(&mut self) -> io::Result<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.split(' ').nth(1).unwrap().to_owned();
        let mut lengths = head.lines().filter_map(|line| line.strip_prefix("content-length: "));
        let length = lengths.next().map_or(0, |length| length.trim().parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(format!("{status} {}", String::from_utf8_lossy(&body)))
    }

    /// Whether the server ends it without another answer.
    pub(crate) async fn is_over(&mut self) -> bool {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        ended(&tokio::time::timeout(PATIENCE, read).await.unwrap()) && rest.is_empty()
    }

    /// Sends a request; whether the server had ended the connection. If not, its answer is next.
    pub(crate) async fn is_cut_off(&mut self, request: &[u8]) -> bool {
        let sent = self.write_all(request).await;
        sent.is_err() || self.stream.fill_buf().await.map_or(true, <[u8]>::is_empty)
    }
}

/// Whether reading came to an end, rather than to an error of ours.
pub(crate) fn ended(read: &io::Result<usize>) -> bool {
    match read {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}
