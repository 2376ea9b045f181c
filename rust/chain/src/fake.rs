//! A node for tests that answers what it is told to, over real HTTP.

use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Where an answer has the id of its request.
pub(crate) const ID: &str = "$ID";

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Status(u16),
    Body(Vec<u8>),
    /// None; the line stays open.
    Silence,
}

impl Answer {
    /// A JSON-RPC answer to the request.
    pub(crate) fn result(result: &str) -> Self {
        Self::Body(format!(r#"{{"jsonrpc":"2.0","id":{ID},"result":{result}}}"#).into())
    }

    /// A JSON-RPC error.
    pub(crate) fn error(error: &str) -> Self {
        Self::Body(format!(r#"{{"jsonrpc":"2.0","id":{ID},"error":{error}}}"#).into())
    }
}

/// Gives the answers in turn, then the last one for ever; or those that a function makes.
#[derive(Debug)]
pub(crate) struct FakeNode {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl FakeNode {
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        let turns = Mutex::new(answers.into_iter().rev().collect::<Vec<_>>());
        Self::answering(move |request| {
            let mut turns = turns.lock().unwrap();
            let answer = if turns.len() > 1 { turns.pop() } else { turns.last().cloned() };
            match answer.unwrap() {
                Answer::Body(body) => Answer::Body(with_id(&body, &request["id"].to_string())),
                other => other,
            }
        })
        .await
    }

    pub(crate) async fn answering(
        answer: impl Fn(&Value) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(listener, answer, Arc::clone(&asked)));
        Self { address, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    listener: TcpListener,
    answer: impl Fn(&Value) -> Answer,
    asked: Arc<Mutex<Vec<Value>>>,
) {
    let mut silent = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = request(&mut stream).await;
        asked.lock().unwrap().push(request.clone());
        let (status, body) = match answer(&request) {
            Answer::Status(status) => (status, Vec::new()),
            Answer::Body(body) => (200, body),
            Answer::Silence => {
                silent.push(stream);
                continue;
            }
        };
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        // A client that has read enough hangs up.
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
            continue;
        }
    }
}

async fn request(stream: &mut TcpStream) -> Value {
    let mut bytes = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "a request is cut short");
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(Ok(request)) = head.map(|head| serde_json::from_slice(&bytes[head + 4..])) {
            return request;
        }
    }
}

fn with_id(body: &[u8], id: &str) -> Vec<u8> {
    match body.windows(ID.len()).position(|window| window == ID.as_bytes()) {
        Some(at) => [&body[..at], id.as_bytes(), &body[at + ID.len()..]].concat(),
        None => body.to_vec(),
    }
}
