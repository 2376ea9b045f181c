//! A small HTTP server whose answers may be anything, and a proxy on top of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Longest request of a client of ours.
const LONGEST: usize = 2 << 20;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With `Retry-After`, if any.
    Whole { status: u16, body: Vec<u8>, retry_after: Option<u64> },
    /// A body that never ends.
    Endless,
    /// A body of which a byte comes now and then.
    Slow,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Whole { status, body: body.into(), retry_after: None }
    }
}

type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A running server; dropping it closes every line.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Answers on a free port.
    pub(crate) async fn start(answer: impl Fn(Asked) -> Answering + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                lines.spawn(async move {
                    if let Some(asked) = read(&mut stream).await {
                        let reply = answer(asked).await;
                        // Whoever has heard enough hangs up.
                        drop(write(&mut stream, reply).await);
                    }
                });
            }
        });
        Self { url, _tasks: tasks }
    }

    /// Passes everything on to `upstream`, and lets `alter` change what comes back.
    pub(crate) async fn proxy(
        upstream: &str,
        alter: impl Fn(&Asked, &mut Reply) + Send + Sync + 'static,
    ) -> Self {
        let (upstream, client) =
            (upstream.trim_end_matches('/').to_owned(), reqwest::Client::new());
        let alter = Arc::new(alter);
        Self::start(move |asked| {
            let (url, client) = (format!("{upstream}{}", asked.path), client.clone());
            let alter = Arc::clone(&alter);
            Box::pin(async move {
                let method = asked.method.parse().unwrap();
                let sent = client.request(method, url).body(asked.body.clone()).send().await;
                let answer = sent.unwrap();
                let status = answer.status().as_u16();
                let retry_after = answer.headers().get("retry-after");
                let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
                let body = answer.bytes().await.unwrap().to_vec();
                let mut reply = Reply::Whole { status, body, retry_after };
                alter(&asked, &mut reply);
                reply
            })
        })
        .await
    }
}

/// Reads one request; none if the other side said nothing that is one.
async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let (start, length) = (end + 4, length.unwrap_or(0_usize));
            while bytes.len() < start + length {
                more(stream, &mut bytes).await?;
            }
            let mut words = head.lines().next()?.split(' ');
            let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
            return Some(Asked { method, path, body: bytes[start..start + length].to_vec() });
        }
        more(stream, &mut bytes).await?;
    }
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(bytes).await.ok()?;
    (read > 0 && bytes.len() <= LONGEST).then_some(())
}

async fn write(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    let head = "Connection: close\r\nContent-Type: application/json\r\n";
    match reply {
        Reply::Whole { status, body, retry_after } => {
            let again = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n"));
            let again = again.unwrap_or_default();
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} X\r\n{head}{again}Content-Length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
        }
        Reply::Endless => {
            stream.write_all(format!("HTTP/1.1 200 X\r\n{head}\r\n").as_bytes()).await?;
            loop {
                stream.write_all(&[b' '; 65_536]).await?;
            }
        }
        Reply::Slow => {
            stream.write_all(format!("HTTP/1.1 200 X\r\n{head}\r\n").as_bytes()).await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    stream.shutdown().await
}
