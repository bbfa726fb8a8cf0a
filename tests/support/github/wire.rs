//! An answer written byte by byte, which no HTTP library would send. It replaces the answer of the
//! rules.
//!
//! Nothing here is checked against HTTP. A test chooses the bytes, and the end of the connection as
//! well.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{self, AsyncWriteExt};

use super::fault::{Client, Left};

/// Larger writes are no faster.
const PIECE: usize = 16 * 1024;

/// The bytes of an answer, how they come, and what becomes of the connection.
#[derive(Clone, PartialEq)]
pub struct Wire {
    steps: Vec<Step>,
    end: End,
}

#[derive(Clone, PartialEq)]
enum Step {
    /// These bytes, this many times.
    Bytes(Bytes, u64),
    /// These bytes, beside TLS.
    Raw(Bytes),
    /// Sends off what was written.
    Flush,
    /// These bytes, one at a time, with this pause after each.
    Drip(Bytes, Duration),
    /// All of these bytes together, with this pause after them, until the client has had enough.
    Pieces(Bytes, Duration),
    /// Nothing for this long.
    Pause(Duration),
}

/// The fate of the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The next request is read from it.
    Open,
    /// It ends in good order.
    Closed,
    /// It ends without the `close_notify` that tells a whole stream from one that somebody has cut.
    Cut,
}

impl Wire {
    /// Exactly these bytes; the connection then serves on.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { steps: Vec::new(), end: End::Open }.then(bytes)
    }

    /// An answer of this status line and these headers, one a line, without anything of a body.
    pub fn head(status: &str, headers: &str) -> Self {
        let lines = headers.lines().map(|line| format!("{}\r\n", line.trim()));
        Self::new(format!("HTTP/1.1 {status}\r\n{}\r\n", lines.collect::<String>()))
    }

    /// A whole answer: these headers, the right length, and this body.
    pub fn whole(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = format!("content-length: {}", body.len());
        Self::head(status, &format!("{headers}\n{length}").trim_start().replace("\n\n", "\n"))
            .then(body.to_vec())
    }

    /// More bytes.
    pub fn then(self, bytes: impl Into<Bytes>) -> Self {
        self.then_repeated(bytes, 1)
    }

    /// The same bytes many times over.
    pub fn then_repeated(mut self, bytes: impl Into<Bytes>, times: u64) -> Self {
        self.steps.push(Step::Bytes(bytes.into(), times));
        self
    }

    /// The same bytes until the client has had enough.
    pub fn then_for_ever(self, bytes: impl Into<Bytes>) -> Self {
        self.then_repeated(bytes, u64::MAX)
    }

    /// More bytes, one at a time, with this pause after each.
    pub fn then_slowly(mut self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        self.steps.push(Step::Drip(bytes.into(), pause));
        self
    }

    /// Bytes that TLS does not cover.
    pub fn then_raw(mut self, bytes: impl Into<Bytes>) -> Self {
        self.steps.push(Step::Raw(bytes.into()));
        self
    }

    /// The same bytes until the client has had enough, with this pause after each time.
    pub fn then_in_pieces(mut self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        self.steps.push(Step::Pieces(bytes.into(), pause));
        self
    }

    /// The rest comes after this pause.
    pub fn then_after(mut self, pause: Duration) -> Self {
        self.steps.push(Step::Pause(pause));
        self
    }

    /// All that comes so far is sent off before the rest.
    pub fn then_flushed(mut self) -> Self {
        self.steps.push(Step::Flush);
        self
    }

    /// Another answer right behind this one, and the end that it has.
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

    /// Ends the connection as somebody does who cuts it: TLS is not told.
    pub fn cut(mut self) -> Self {
        self.end = End::Cut;
        self
    }

    /// Writes it; an error is the client's having had enough.
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
            // An error ends the connection without another word.
            End::Cut => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl fmt::Debug for Wire {
    /// Without the bytes, which may be many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire of {} steps, then {:?}", self.steps.len(), self.end)
    }
}

/// Short bytes travel together: a record of TLS for each would be all that the test is busy with.
async fn repeat(client: &mut Client, bytes: &Bytes, times: u64) -> io::Result<()> {
    let together = (PIECE / bytes.len().max(1)).max(1) as u64;
    let piece = bytes.repeat(together.min(times) as usize);
    for _ in 0..times / together {
        client.write_all(&piece).await?;
    }
    client.write_all(&bytes.repeat((times % together) as usize)).await
}

/// One byte after the other.
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
