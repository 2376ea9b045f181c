//! A peer that answers what it is told to.

use crate::world::wait;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Liar {
    pub(crate) url: String,
    gossip: Arc<AtomicUsize>,
    offers: Arc<AtomicUsize>,
}

impl Liar {
    /// Answers every look with `page`, and every question for a document with `document`.
    pub(crate) async fn start(page: String, document: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (gossip, offers) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counters = (Arc::clone(&gossip), Arc::clone(&offers));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (page, document) = (page.clone(), document.clone());
                let (gossip, offers) = counters.clone();
                tokio::spawn(async move {
                    let (mut stream, path) = asked(stream).await;
                    let (counter, body) = match path.starts_with("/v1/gossip") {
                        true => (gossip, page),
                        false => (offers, document),
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                    let length = body.len();
                    let all = format!(
                        "{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                    );
                    // Whoever is asked for too much hangs up.
                    if let Err(error) = stream.write_all(all.as_bytes()).await {
                        println!("cut after the bound: {error}");
                    }
                });
            }
        });
        Self { url, gossip, offers }
    }

    pub(crate) fn times(&self, path: &str) -> usize {
        let counter = if path == "/v1/gossip" { &self.gossip } else { &self.offers };
        counter.load(Ordering::Relaxed)
    }

    pub(crate) async fn was_asked(&self) {
        wait("the liar is asked", || (self.times("/v1/gossip") > 0).then_some(())).await;
    }
}

/// Reads a request's head.
async fn asked(mut stream: TcpStream) -> (TcpStream, String) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut bytes = [0; 1_024];
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(count > 0, "a whole head comes");
        head.extend(&bytes[..count]);
    }
    let head = String::from_utf8(head).unwrap();
    (stream, head.split(' ').nth(1).unwrap().to_owned())
}
