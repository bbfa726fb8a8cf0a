//! A client that costs next to nothing: one connection, a prepared request, the answer read and
//! thrown away.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use svm::clock::Stopwatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// More than the largest answer.
const BUFFER: usize = 512 * 1024;

/// A client and its connection.
pub(crate) struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Box<[u8]>,
    /// As the first answer said; it stays, while the head may grow with the age.
    body_bytes: Option<usize>,
    first: First,
}

/// The first answer, for asserts.
#[derive(Default)]
pub(crate) struct First {
    pub(crate) status: StatusCode,
    /// Without the date.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// Connects and asks once.
    pub(crate) async fn connect(address: SocketAddr, request: Vec<u8>) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a connection");
        let buffer = vec![0; BUFFER].into_boxed_slice();
        let first = First::default();
        let mut client = Self { stream, request, buffer, body_bytes: None, first };
        let (head_bytes, body_bytes) = client.exchange().await;
        let (head, rest) = client.buffer.split_at(head_bytes);
        let (status, headers) = parse(head);
        client.first = First { status, headers, body: rest[..body_bytes].to_vec() };
        client.body_bytes = Some(body_bytes);
        client
    }

    /// The first answer.
    pub(crate) fn first(&self) -> &First {
        &self.first
    }

    /// Asks `times` times, one after the other; returns how long that took.
    pub(crate) async fn ask(&mut self, times: u64) -> Duration {
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            self.exchange().await;
        }
        stopwatch.elapsed()
    }

    /// One request and its whole answer; returns the sizes of its head and its body.
    async fn exchange(&mut self) -> (usize, usize) {
        self.stream.write_all(&self.request).await.expect("a server that reads");
        let (mut filled, mut sizes) = (0, None);
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await;
            filled += read.ok().filter(|bytes| *bytes > 0).expect("a server that answers");
            sizes = sizes.or_else(|| self.sizes(filled));
            if let Some((head, body)) = sizes
                && filled >= head + body
            {
                return (head, body);
            }
        }
    }

    fn sizes(&self, filled: usize) -> Option<(usize, usize)> {
        let mut places = self.buffer[..filled].windows(END_OF_HEAD.len());
        let head = places.position(|place| place == END_OF_HEAD)? + END_OF_HEAD.len();
        Some((head, self.body_bytes.unwrap_or_else(|| length(&parse(&self.buffer[..head]).1))))
    }
}

impl First {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text header"))
    }
}

fn length(headers: &HeaderMap) -> usize {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or(0)
}

fn parse(head: &[u8]) -> (StatusCode, HeaderMap) {
    let mut lines = str::from_utf8(head).expect("a text head").trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let header = |line: &str| -> Option<(HeaderName, HeaderValue)> {
        let (name, value) = line.split_once(": ")?;
        Some((name.parse().ok()?, value.parse().ok()?))
    };
    let mut headers: HeaderMap = lines.map(|line| header(line).expect("a header")).collect();
    headers.remove(DATE);
    (status.expect("a status line"), headers)
}
