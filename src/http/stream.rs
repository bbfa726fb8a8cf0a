//! The bytes of a client, decrypted where it speaks TLS: the connection hears of each read and
//! write, and each raw `#` in HTTP/1.1 is marked.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::connections::{Connection, Connections, OpenConnection};
use super::marked::mark_read;
use super::socket::ClientSocket;

/// The bytes and their connection.
pub(super) struct ClientStream {
    transport: Transport,
    open: OpenConnection,
    framing: Framing,
}

/// The way to the client.
pub(super) enum Transport {
    /// Plain TCP.
    Plain(ClientSocket),
    /// TLS. Its state is large.
    Tls(Box<TlsStream<ClientSocket>>),
}

/// The form of requests in the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Text, one request after the other.
    Http1,
    /// Frames of several requests at once, with compressed heads, whose bytes say nothing here.
    Http2,
}

impl ClientStream {
    pub(super) fn new(transport: Transport, open: OpenConnection, framing: Framing) -> Self {
        Self { transport, open, framing }
    }

    /// Returns the connection, and the set that it belongs to.
    pub(super) fn owners(&self) -> (Arc<Connection>, Connections) {
        (Arc::clone(self.open.connection()), self.open.connections().clone())
    }
}

/// Calls a method of whichever transport it is.
macro_rules! forward {
    ($stream:expr, $method:ident($($argument:expr),*)) => {
        match &mut $stream.transport {
            Transport::Plain(socket) => Pin::new(socket).$method($($argument),*),
            Transport::Tls(stream) => Pin::new(&mut **stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = forward!(self, poll_read(context, buffer));
        match (self.framing, read.is_pending()) {
            (Framing::Http1, true) => self.open.note_wait(buffer.remaining()),
            (Framing::Http1, false) => {
                mark_read(buffer, before);
                self.open.note_read(buffer.filled().len() - before);
            }
            // The library bounds the heads of HTTP/2.
            (Framing::Http2, _) => {}
        }
        read
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.open.note_write();
        forward!(self, poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.open.note_write();
        forward!(self, poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(socket) => socket.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(forward!(self, poll_flush(context)))?;
        self.open.note_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_shutdown(context))
    }
}
