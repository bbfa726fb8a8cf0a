//! A blocking client with a connection that it keeps: what it costs does not depend on any runtime.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer takes; one that takes longer is a failure.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection that stays open.
pub(crate) struct Connection(BufReader<TcpStream>);

/// An answer.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// `Cache-Status`.
    pub(crate) cache: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks for a path and query.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: svm\r\n\r\n");
        self.0.get_mut().write_all(head.as_bytes())?;
        let status = self.line()?.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let (length, cache) = self.headers()?;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status, cache, body })
    }

    /// Reads the headers; returns how long the body is, and where it comes from.
    fn headers(&mut self) -> io::Result<(usize, String)> {
        let (mut length, mut cache) = (None, String::new());
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                let length = length.ok_or(io::ErrorKind::InvalidData)?;
                return Ok((length, cache));
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok();
            } else if let Some(value) = line.strip_prefix("cache-status:") {
                value.trim().clone_into(&mut cache);
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Asks once, on a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    Connection::open(address)?.get(path)
}
