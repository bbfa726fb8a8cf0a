//! An answer written byte by byte, which no HTTP library would send. It replaces the answer of the
//! rules.
//!
//! Nothing here is checked against HTTP. A test chooses the bytes and the end of the connection.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{self, AsyncWriteExt};

use super::fault::{Client, Left};

/// The size of a write; larger writes are no faster.
const PIECE: usize = 16 * 1024;

/// The bytes of an answer, their timing, and the end of the connection.
#[derive(Clone, PartialEq)]
pub struct Wire {
    steps: Vec<Step>,
    end: End,
}

#[derive(Clone, PartialEq)]
enum Step {
    /// These bytes, this number of times.
    Bytes(Bytes, u64),
    /// These bytes, outside TLS.
    Raw(Bytes),
    /// Sends the bytes written so far.
    Flush,
    /// These bytes, one at a time, with this pause after each.
    Drip(Bytes, Duration),
    /// All of these bytes together, with this pause after them, until the client ends the
    /// connection.
    Pieces(Bytes, Duration),
    /// Nothing for this long.
    Pause(Duration),
}

/// The state of the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The next request is read from the connection.
    Open,
    /// The connection ends in good order.
    Closed,
    /// The connection ends without `close_notify`, which distinguishes a complete stream from one
    /// that was cut.
    Cut,
}

impl Wire {
    /// Creates an answer of exactly these bytes; the connection then stays open.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { steps: Vec::new(), end: End::Open }.then(bytes)
    }

    /// Creates an answer of this status line and these headers, one per line, without a body.
    pub fn head(status: &str, headers: &str) -> Self {
        let lines = headers.lines().map(|line| format!("{}\r\n", line.trim()));
        Self::new(format!("HTTP/1.1 {status}\r\n{}\r\n", lines.collect::<String>()))
    }

    /// Creates a complete answer: these headers, the right length, and this body.
    pub fn whole(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = format!("content-length: {}", body.len());
        Self::head(status, &format!("{headers}\n{length}").trim_start().replace("\n\n", "\n"))
            .then(body.to_vec())
    }

    /// Adds bytes.
    pub fn then(self, bytes: impl Into<Bytes>) -> Self {
        self.then_repeated(bytes, 1)
    }

    /// Adds the same bytes many times.
    pub fn then_repeated(mut self, bytes: impl Into<Bytes>, times: u64) -> Self {
        self.steps.push(Step::Bytes(bytes.into(), times));
        self
    }

    /// Adds the same bytes until the client ends the connection.
    pub fn then_for_ever(self, bytes: impl Into<Bytes>) -> Self {
        self.then_repeated(bytes, u64::MAX)
    }

    /// Adds bytes, one at a time, with this pause after each.
    pub fn then_slowly(mut self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        self.steps.push(Step::Drip(bytes.into(), pause));
        self
    }

    /// Adds bytes outside TLS.
    pub fn then_raw(mut self, bytes: impl Into<Bytes>) -> Self {
        self.steps.push(Step::Raw(bytes.into()));
        self
    }

    /// Adds the same bytes until the client ends the connection, with this pause after each write.
    pub fn then_in_pieces(mut self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        self.steps.push(Step::Pieces(bytes.into(), pause));
        self
    }

    /// Adds a pause.
    pub fn then_after(mut self, pause: Duration) -> Self {
        self.steps.push(Step::Pause(pause));
        self
    }

    /// Sends all bytes so far before the rest.
    pub fn then_flushed(mut self) -> Self {
        self.steps.push(Step::Flush);
        self
    }

    /// Adds another answer directly after this one, and takes over its end.
    pub fn followed_by(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self.end = other.end;
        self
    }

    /// Ends the connection in good order.
    pub fn closed(mut self) -> Self {
        self.end = End::Closed;
        self
    }

    /// Ends the connection without `close_notify`, as an intermediary does that cuts it.
    pub fn cut(mut self) -> Self {
        self.end = End::Cut;
        self
    }

    /// Writes the answer. An error means that the client has ended the connection.
    pub(super) async fn play(&self, client: &mut Client) -> io::Result<Left> {
        for step in &self.steps {
            match step {
                Step::Bytes(bytes, times) => repeat(client, bytes, *times).await?,
                Step::Raw(bytes) => client.get_mut().get_mut().0.write_all(bytes).await?,
                Step::Flush => client.flush().await?,
                Step::Drip(bytes, pause) => drip(client, bytes, *pause).await?,
                Step::Pieces(bytes, pause) => pieces(client, bytes, *pause).await?,
                Step::Pause(pause) => tokio::time::sleep(*pause).await,
            }
        }
        client.flush().await?;
        match self.end {
            End::Open => Ok(Left::Connection),
            End::Closed => Ok(Left::Nothing),
            // An error ends the connection without `close_notify`.
            End::Cut => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl fmt::Debug for Wire {
    /// Formats the wire without its bytes, which may be many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire of {} steps, then {:?}", self.steps.len(), self.end)
    }
}

/// Writes short bytes together; otherwise, a TLS record for each would take most of the test's
/// time.
async fn repeat(client: &mut Client, bytes: &Bytes, times: u64) -> io::Result<()> {
    let together = (PIECE / bytes.len().max(1)).max(1) as u64;
    let piece = bytes.repeat(together.min(times) as usize);
    for _ in 0..times / together {
        client.write_all(&piece).await?;
    }
    client.write_all(&bytes.repeat((times % together) as usize)).await
}

/// Writes one byte after the other.
pub(super) async fn drip(client: &mut Client, bytes: &[u8], pause: Duration) -> io::Result<()> {
    for byte in bytes {
        client.write_all(&[*byte]).await?;
        client.flush().await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn pieces(client: &mut Client, bytes: &Bytes, pause: Duration) -> io::Result<()> {
    loop {
        client.write_all(bytes).await?;
        client.flush().await?;
        tokio::time::sleep(pause).await;
    }
}
