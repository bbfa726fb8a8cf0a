//! The socket of a client. A write fails if the client reads nothing for too long.
//!
//! The kernel reports a socket as writable only when a third of its send buffer is free, which may
//! take minutes with a slow client. So before the socket gives up, it tries one more write without
//! waiting for that report: the kernel takes bytes as soon as the client has read any.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::connections::Connection;

/// A socket and the connection that it belongs to.
pub(super) struct ClientSocket {
    socket: TcpStream,
    connection: Arc<Connection>,
    /// The time for which a client may read nothing.
    patience: Duration,
    /// The timer for this time, while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl ClientSocket {
    pub(super) fn new(socket: TcpStream, connection: Arc<Connection>, patience: Duration) -> Self {
        Self { socket, connection, patience, stalled: None }
    }

    /// Limits the time for which a write may wait. `written` is the result of writing `bytes`.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        self.stalled = None;
        // Rust's runtime ignores SIGPIPE.
        Poll::Ready(match send(&self.socket, bytes, SendFlags::DONTWAIT) {
            Err(rustix::io::Errno::AGAIN) => Err(io::ErrorKind::TimedOut.into()),
            written => Ok(written?),
        })
    }
}

impl Drop for ClientSocket {
    /// Ends an aborted answer with a reset. Otherwise the kernel would hold the unread bytes for
    /// minutes after the connection is gone.
    fn drop(&mut self) {
        if self.connection.is_writing() || self.stalled.is_some() {
            let _ = set_socket_linger(&self.socket, Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.written(context, bytes, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // An answer without a body. The kernel takes one buffer faster than a list of one.
        if let [only] = slices {
            return self.poll_write(context, only);
        }
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
        self.written(context, first, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
