//! A client without an HTTP library: it sends any bytes, and reads the answer.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

const BOUND: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer, unparsed except for its parts.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// The status; 0 if the bytes are no answer.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// The body, with the length that the head states.
    pub body: Vec<u8>,
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a service that accepts");
        Self { stream, unread: Vec::new() }
    }

    /// Connects from another address of loopback.
    pub async fn connect_from(client: [u8; 4], address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((client, 0).into()).expect("an address of loopback");
        let stream = socket.connect(address).await.expect("a service that accepts");
        Self { stream, unread: Vec::new() }
    }

    /// Sends a `GET`. Returns the status of the answer; `None` if the service has closed the
    /// connection.
    pub async fn get(&mut self, path: &str) -> Option<u16> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: svm\r\n\r\n")).await;
        Some(self.answer().await?.status)
    }

    /// Sends bytes. The service may close the connection before it has read all of them.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sending = self.stream.write_all(bytes.as_ref());
        let _ = timeout(BOUND, sending).await.expect("a service that reads or closes");
    }

    /// Sends bytes to a service that must not close the connection before it has them.
    pub async fn send_all(&mut self, bytes: &[u8]) {
        let sending = self.stream.write_all(bytes);
        timeout(BOUND, sending).await.expect("a service that reads").expect("an open connection");
    }

    /// Returns the next answer; `None` if the service has closed the connection, or sends something
    /// other than HTTP.
    pub async fn answer(&mut self) -> Option<RawAnswer> {
        loop {
            if let Some((answer, length)) = RawAnswer::parse(&self.unread) {
                self.unread.drain(..length);
                return Some(answer);
            }
            if self.read().await == 0 {
                return None;
            }
        }
    }

    /// Returns all answers until the service closes the connection.
    pub async fn answers(mut self) -> Vec<RawAnswer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.answer().await {
            answers.push(answer);
        }
        assert!(self.unread.is_empty(), "{:?}", String::from_utf8_lossy(&self.unread));
        answers
    }

    /// Counts the bytes that arrive until the service closes the connection.
    pub async fn drain(mut self) -> usize {
        while self.read().await > 0 {}
        self.unread.len()
    }

    /// Reads more bytes. A reset counts as the end.
    async fn read(&mut self) -> usize {
        let mut bytes = [0; 16 * 1024];
        let reading = timeout(BOUND, self.stream.read(&mut bytes));
        let count = reading.await.expect("an answer or an end in time").unwrap_or(0);
        self.unread.extend(&bytes[..count]);
        count
    }
}

/// Sends bytes on a new connection. Returns all answers until the service closes the connection.
pub async fn talk(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Vec<RawAnswer> {
    let mut raw = Raw::connect(address).await;
    raw.send(bytes).await;
    raw.answers().await
}

impl RawAnswer {
    /// Returns the value of a header; empty if the header is missing.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim())
    }

    /// Returns the body as JSON; null if it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Parses the first answer in these bytes. Returns the answer and its length.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let head_length = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&bytes[..head_length]).into_owned();
        let line = ["HTTP/1.1 ", "HTTP/1.0 "].iter().find_map(|version| head.strip_prefix(version));
        let status = line.and_then(|rest| rest.get(..3)?.parse().ok());
        let mut answer = Self { status: status.unwrap_or(0), head, body: Vec::new() };
        let length = head_length + answer.header("content-length").parse().unwrap_or(0);
        answer.body = bytes.get(head_length..length)?.to_vec();
        Some((answer, length))
    }
}
