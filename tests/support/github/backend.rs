//! The connections from the terminator to the mock server, one for each client's connection.
//!
//! Only a number is sent; by that number, the rules find the request itself. So no HTTP library in
//! between can change the request that the client really sent.

use std::io;
use std::net::SocketAddr;

use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::clock::NO_DATE;
use super::received;
use super::rules::NUMBER_HEADER;

/// A connection to the mock server.
pub struct Backend(BufReader<TcpStream>);

/// An answer of the mock server.
pub struct Reply {
    /// The status line.
    pub status_line: Vec<u8>,
    /// All headers, including the length unless there is no body.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Backend {
    /// Connects to the mock server.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect(address).await?)))
    }

    /// Returns the rules' answer to the request with this number.
    pub async fn exchange(&mut self, number: u64, method: &str) -> io::Result<Reply> {
        let head =
            format!("GET / HTTP/1.1\r\nhost: localhost\r\n{NUMBER_HEADER}: {number}\r\n\r\n");
        self.0.write_all(head.as_bytes()).await?;
        let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let status_line = received::line(&mut self.0).await?.ok_or_else(ended)?;
        let mut headers = received::headers(&mut self.0).await?;
        // The mock server adds a `Date` if the answer has none.
        if headers.get("date").is_some_and(|date| date == NO_DATE) {
            headers.remove("date");
        }
        let length =
            headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.0.read_exact(&mut body).await?;
        if method == "HEAD" {
            body.clear();
        }
        Ok(Reply { status_line, headers, body })
    }
}

impl Reply {
    /// Returns the bytes of the status line and the headers, including the empty line.
    pub fn head(&self) -> Vec<u8> {
        let mut bytes = [self.status_line.as_slice(), b"\r\n"].concat();
        for (name, value) in &self.headers {
            let line = [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"];
            bytes.extend(line.concat());
        }
        bytes.extend(b"\r\n");
        bytes
    }
}
