//! One connection, controlled by the test.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::canary;
use super::BOUND;

/// A connection that stays open until one side closes it.
#[derive(Debug)]
pub struct Connection(TcpStream);

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        TcpStream::connect(address).await.map(Self)
    }

    /// Sends a request for a path and returns its answer: head and body, unchanged.
    pub async fn get(&mut self, path: &str) -> String {
        self.send(path).await;
        self.answer().await
    }

    /// Sends a request for a path.
    pub async fn send(&mut self, path: &str) {
        self.write(&format!("GET {path} HTTP/1.1\r\nHost: svm\r\n\r\n")).await;
    }

    /// Sends any text.
    pub async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("an open connection");
    }

    /// Reads one answer.
    pub async fn answer(&mut self) -> String {
        let reading = async {
            let mut text = String::new();
            while !is_whole(&text) {
                assert!(self.read(&mut text).await > 0, "closed after {text:?}");
            }
            text
        };
        timeout(BOUND, reading).await.expect("an answer in time")
    }

    /// Waits until the other side has closed the connection. Returns the text that it sent before.
    pub async fn closed(mut self) -> String {
        let reading = async {
            let mut text = String::new();
            while self.read(&mut text).await > 0 {}
            text
        };
        timeout(BOUND, reading).await.expect("an end in time")
    }

    /// Reads more text. A reset counts as the end.
    async fn read(&mut self, text: &mut String) -> usize {
        let mut bytes = [0; 8192];
        let count = self.0.read(&mut bytes).await.unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        canary::assert_absent("an answer", text.as_bytes());
        count
    }
}

/// Returns true if the body has the length that the head states. All texts of the service are
/// ASCII.
fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.is_some_and(|length| Ok(body.len()) == length.trim().parse())
}
