//! The byte stream of a client, decrypted if the client speaks TLS. The stream reports reads and
//! writes to the connection, and marks each raw `#` in HTTP/1.1.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connections::{Connection, Connections, OpenConnection};
use super::marked::Marking;

/// The byte stream of a client, and its connection. `S` is the plain or the decrypted stream. It is
/// a type parameter, so that a hit need not check which one it is.
pub(super) struct ClientStream<S> {
    bytes: S,
    open: OpenConnection,
    framing: Framing,
    marking: Marking,
}

/// The form of requests in the byte stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Text, one request after the other.
    Http1,
    /// Frames of several requests at the same time, with compressed heads.
    Http2,
}

impl<S> ClientStream<S> {
    pub(super) fn new(bytes: S, open: OpenConnection, framing: Framing) -> Self {
        Self { bytes, open, framing, marking: Marking::default() }
    }

    /// Returns the connection, and the set that it belongs to.
    pub(super) fn owners(&self) -> (Arc<Connection>, Connections) {
        (Arc::clone(self.open.connection()), self.open.connections().clone())
    }

    /// Returns the stream without the reports to the connection.
    pub(super) fn bytes(&mut self) -> &mut S {
        &mut self.bytes
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.bytes).poll_read(context, buffer);
        match (self.framing, read.is_pending()) {
            (Framing::Http1, true) => {
                let held = self.marking.held();
                self.open.note_wait(buffer.remaining(), held);
            }
            (Framing::Http1, false) => {
                self.marking.mark_read(buffer, before);
                self.open.note_read(buffer.filled().len() - before);
            }
            // The HTTP library bounds the heads of HTTP/2.
            (Framing::Http2, _) => {}
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.open.note_write();
        Pin::new(&mut self.bytes).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.open.note_write();
        Pin::new(&mut self.bytes).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.bytes.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.bytes).poll_flush(context))?;
        self.open.note_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(context)
    }
}
