//! Connections that say anything.

use crate::world::PATIENCE;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection.
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// What comes until some text did.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut answer = Vec::new();
        let read = async {
            while !String::from_utf8_lossy(&answer).contains(text) {
                let mut part = [0; 4_096];
                let count = self.0.read(&mut part).await.unwrap();
                assert_ne!(count, 0, "no {text}: {}", String::from_utf8_lossy(&answer));
                answer.extend_from_slice(&part[..count]);
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// All that comes until the node hangs up.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        let read = async {
            let mut part = [0; 4_096];
            while let Ok(count @ 1..) = self.0.read(&mut part).await {
                answer.extend_from_slice(&part[..count]);
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap();
        answer
    }
}

/// Sends bytes and reads until the node hangs up.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    // A node that refuses what is too long does not read it to its end.
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
