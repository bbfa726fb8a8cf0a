//! The HTTP/2 connections of clients: their bounds, their requests, and the end of silent
//! connections.

mod origin_form;
mod silence;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Request;
use http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::Service;
use salvo::rt::tokio::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;

use crate::tasks::Tasks;

use super::connections::{Connection, Connections};
use super::in_flight::{Handler, Handling, Overload};
use super::patience::LateTimer;
use super::stream::ClientStream;

use origin_form::to_origin_form;
use silence::until_silent;

/// The most simultaneous requests of one connection: the minimum that RFC 9113 (6.5.2) recommends.
const MOST_STREAMS: u32 = 100;
/// The flow-control window in bytes: the part of a request body that a client may send before svm
/// reads it. Only webhooks have bodies that svm reads.
const WINDOW: u32 = 64 << 10;
/// The time for the remaining answers when a connection is to end, in multiples of the patience.
const ANSWERS: u32 = 3;
/// The time that a client without a request has to close its connection when the connection is to
/// end, and after which an answer without a further byte is given up. Without this limit, a silent
/// client could keep another client out.
const LEAVE: Duration = Duration::from_secs(2);

/// The settings of all HTTP/2 connections.
pub(super) struct Http2 {
    builder: http2::Builder<StreamTasks>,
    patience: Duration,
}

impl Http2 {
    /// Creates the settings. Each request is a task of the group `tasks`.
    pub(super) fn new(tasks: Tasks, largest_head: usize, patience: Duration) -> Self {
        let mut builder = http2::Builder::new(StreamTasks(tasks));
        builder
            .timer(LateTimer)
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(u32::try_from(largest_head).unwrap_or(u32::MAX))
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        Self { builder, patience }
    }

    /// Serves a client until the client closes the connection or is silent for too long, or until
    /// the connection gets a signal to end.
    pub(super) async fn serve<S>(&self, stream: ClientStream<S>, service: impl Handler)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (connection, connections) = stream.owners();
        let silence = until_silent(&connection, &connections, self.patience);
        let service = Streams {
            service,
            connection: Arc::clone(&connection),
            connections: connections.clone(),
        };
        let mut http = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            _ = &mut http => return,
            () = connection.abort_signal().cancelled() => return,
            () = connection.close_signal().cancelled() => {}
            () = silence => {}
        }
        http.as_mut().graceful_shutdown();
        tokio::select! {
            // The client's time begins once the signal is on its way.
            biased;
            _ = http => {}
            () = connection.abort_signal().cancelled() => {}
            () = until_silent(&connection, &connections, LEAVE) => {}
            () = sleep(self.patience * ANSWERS) => {}
        }
    }
}

/// The spawner of one task for each request.
#[derive(Clone)]
struct StreamTasks(Tasks);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamTasks {
    fn execute(&self, request: F) {
        self.0.spawn(request);
    }
}

/// The service of one connection, which answers several requests at the same time.
struct Streams<S> {
    service: S,
    connection: Arc<Connection>,
    connections: Connections,
}

impl<S: Handler> Service<Request<Incoming>> for Streams<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = StreamAnswer;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let open = OpenStream::begin(&self.connection);
        to_origin_form(&mut request);
        if !self.connection.ensure_regular(&self.connections) {
            request.extensions_mut().insert(Overload::new(&self.connections));
        }
        StreamAnswer { answer: self.service.call(request), open }
    }
}

/// The guard of a request. The request counts as under way until the guard is dropped.
struct OpenStream(Arc<Connection>);

impl OpenStream {
    fn begin(connection: &Arc<Connection>) -> Self {
        connection.begin_stream();
        Self(Arc::clone(connection))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.end_stream();
    }
}

/// The future of one answer.
struct StreamAnswer {
    answer: Handling,
    open: OpenStream,
}

impl Future for StreamAnswer {
    type Output = <Handling as Future>::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.as_mut().poll(context));
        // HTTP/2 has no such field: the end of the connection tells the client to leave.
        if answer.as_ref().is_ok_and(|answer| answer.headers().contains_key(CONNECTION)) {
            self.open.0.close_signal().cancel();
        }
        Poll::Ready(answer)
    }
}
