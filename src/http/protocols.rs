//! The protocols of client connections: HTTP/1.1 over plain TCP, and HTTP/1.1 or HTTP/2 over TLS.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use salvo::rt::tokio::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::tasks::Tasks;

use super::connections::OpenConnection;
use super::http2::Http2;
use super::https::Https;
use super::in_flight::{Handler, InFlight};
use super::lingering::linger;
use super::marked::LARGEST_HEAD;
use super::patience::LateTimer;
use super::socket::ClientSocket;
use super::stream::{ClientStream, Framing};

/// The largest number of bytes that a connection may buffer: a head, and one read beyond it.
const LARGEST_BUFFER: usize = 40 * 1024;

/// The time for the rest of a head to arrive, once the connection is to end.
const LAST_HEAD_LIMIT: Duration = Duration::from_secs(1);

/// The settings of each protocol.
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: Http2,
    patience: Duration,
}

impl Protocols {
    /// Creates the settings. `patience` limits the time for a handshake, the time for a head to
    /// arrive, and the idle time of a connection. HTTP/2 requests are tasks of the group `tasks`.
    pub(super) fn new(tasks: Tasks, patience: Duration) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(LateTimer)
            .header_read_timeout(patience)
            .max_header_size(LARGEST_HEAD)
            .max_buf_size(LARGEST_BUFFER);
        let http2 = Http2::new(tasks, LARGEST_HEAD, patience);
        Self { http1, http2, patience }
    }

    /// Serves a client of plain HTTP.
    pub(super) async fn serve_plain(
        &self,
        socket: ClientSocket,
        open: OpenConnection,
        service: impl Handler,
    ) {
        let stream = ClientStream::new(socket, open, Framing::Http1);
        self.serve_http1(stream, service).await;
    }

    /// Serves a client of HTTPS, over the version of HTTP that the handshake chooses.
    pub(super) async fn serve_tls(
        &self,
        https: &Https,
        socket: ClientSocket,
        open: OpenConnection,
        service: impl Handler,
    ) {
        let connection = Arc::clone(open.connection());
        let accepted = tokio::select! {
            accepted = https.accept(socket, self.patience) => accepted,
            () = connection.abort_signal().cancelled() => None,
            () = connection.close_signal().cancelled() => None,
        };
        let Some((bytes, framing)) = accepted else { return };
        let stream = ClientStream::new(bytes, open, framing);
        match framing {
            Framing::Http1 => self.serve_http1(stream, service).await,
            Framing::Http2 => self.http2.serve(stream, service).await,
        }
    }

    async fn serve_http1<S>(&self, mut stream: ClientStream<S>, service: impl Handler)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (connection, connections) = stream.owners();
        let Some(end) = self.answer_http1(&mut stream, service).await else { return };
        // After a head that is no HTTP, the client may send the rest of it.
        let is_refused = end.is_err_and(|error| error.is_parse());
        if (is_refused || connection.had_body()) && connections.begin_lingering(&connection) {
            linger(stream.bytes(), &connection).await;
        }
    }

    /// Answers requests until the connection ends. Returns `None` if it was aborted.
    async fn answer_http1<S>(
        &self,
        stream: &mut ClientStream<S>,
        service: impl Handler,
    ) -> Option<hyper::Result<()>>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (connection, connections) = stream.owners();
        let service = InFlight { service, connection: Arc::clone(&connection), connections };
        let mut http = pin!(self.http1.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            end = &mut http => return Some(end),
            () = connection.abort_signal().cancelled() => return None,
            () = connection.close_signal().cancelled() => http.as_mut().graceful_shutdown(),
        }
        let abort = connection.abort_signal();
        match timeout(LAST_HEAD_LIMIT, abort.run_until_cancelled(http.as_mut())).await {
            Ok(end) => end,
            // The library waits for the rest of a head that has begun.
            Err(_) if connection.is_within_head() => None,
            Err(_) => abort.run_until_cancelled(http).await,
        }
    }
}
