//! One connection, which costs next to nothing: what is measured is the service.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::series::Series;

/// Enough for the answer with a document of the usual size; it grows where that is not enough.
const BUFFER: usize = 8 * 1024;
/// Longer than any answer takes; one that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(15);
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A connection that stays open.
pub(super) struct Lane {
    stream: TcpStream,
    request: String,
    buffer: Vec<u8>,
}

/// The kind of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The document, which was in memory or in the store.
    Hit,
    /// The document, of which somebody had to be asked.
    Miss,
    /// Anything else.
    Wrong,
}

impl Lane {
    /// Connects.
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: String::new(), buffer: vec![0; BUFFER] })
    }

    /// Asks for a document and looks at the whole answer.
    pub(super) async fn ask(&mut self, series: &Series, number: usize) -> io::Result<Answer> {
        series.ask_for(number, &mut self.request);
        let (head, body) = timeout(PATIENCE, self.exchange()).await??;
        let (head, rest) = self.buffer.split_at(head);
        if !head.starts_with(b"HTTP/1.1 200 ") || !series.has(number, &rest[..body]) {
            return Ok(Answer::Wrong);
        }
        let is_hit = memmem::find(head, b"\r\nx-cache: HIT\r\n").is_some();
        Ok(if is_hit { Answer::Hit } else { Answer::Miss })
    }

    /// Sends the request and reads the answer; returns the sizes of its head and its body.
    async fn exchange(&mut self) -> io::Result<(usize, usize)> {
        self.stream.write_all(self.request.as_bytes()).await?;
        let (mut filled, mut sizes) = (0, None);
        loop {
            if filled == self.buffer.len() {
                self.buffer.resize(2 * filled, 0);
            }
            match self.stream.read(&mut self.buffer[filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
            sizes = sizes.or_else(|| head_and_body(&self.buffer[..filled]));
            if let Some((head, body)) = sizes
                && filled >= head + body
            {
                return Ok((head, body));
            }
        }
    }
}

/// Returns the lengths of both, once the head is there.
fn head_and_body(answer: &[u8]) -> Option<(usize, usize)> {
    const LENGTH: &[u8] = b"\r\ncontent-length: ";
    let head = memmem::find(answer, END_OF_HEAD)? + END_OF_HEAD.len();
    let length = memmem::find(&answer[..head], LENGTH)? + LENGTH.len();
    let digits = answer[length..head].split(|byte| *byte == b'\r').next()?;
    Some((head, str::from_utf8(digits).ok()?.parse().ok()?))
}
