//! A stream to the server that fails if the server sends more than svm has requested.
//!
//! The client reads all bytes into memory before it parses them. So this stream bounds each reply,
//! all replies together that are due at one time, and their number: replies without a command are
//! an error.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{ReplyBounds, RespFrames};

/// The most replies without a command. A server that refuses a client sends one.
const UNASKED: u64 = 16;

/// The bounds on the bytes that a connection receives.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceiveBounds {
    /// The bounds of each reply.
    pub(super) reply: ReplyBounds,
    /// The most bytes of all replies that are due at one time.
    pub(super) due: u64,
}

/// A stream that sends commands and receives replies.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    allowance: ReceiveBounds,
    commands: RespFrames,
    replies: RespFrames,
    /// The number of commands that had been sent when the count of bytes was last reset.
    due_from: u64,
    /// The bytes that arrived since then.
    bytes: u64,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, allowance: ReceiveBounds) -> Self {
        let (commands, replies) =
            (RespFrames::new(ReplyBounds::NONE), RespFrames::new(allowance.reply));
        Self { stream, allowance, commands, replies, due_from: 0, bytes: 0 }
    }

    fn check(&mut self, came: &[u8]) -> io::Result<()> {
        self.replies.read(came).map_err(|excess| io::Error::new(ErrorKind::InvalidData, excess))?;
        let (sent, answered) = (self.commands.whole(), self.replies.whole());
        if answered > sent + UNASKED {
            return Err(refused("the server sends replies to nothing"));
        }
        self.bytes += came.len() as u64;
        if self.bytes > self.allowance.due {
            return Err(refused("the server sends more than all replies have together"));
        }
        // All replies that were due at the last reset have arrived.
        if answered >= self.due_from {
            self.due_from = sent;
            self.bytes = 0;
        }
        Ok(())
    }
}

fn refused(reason: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let checked = self.check(&buffer.filled()[before..]);
        if checked.is_err() {
            buffer.set_filled(before);
        }
        Poll::Ready(checked)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        // The client's own commands are well formed.
        let _ = self.commands.read(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
