//! A wrapper of the service for one connection. It tells the connection when a request begins and
//! ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::Incoming;
use hyper::service::Service;

use super::connections::{Connection, Connections};

/// The mark of a request that arrived while every connection within the limit had a request.
#[derive(Clone)]
pub(super) struct Overload(Connections);

impl Overload {
    /// Records that the request is refused.
    pub(super) fn refuse(&self) {
        self.0.refuse();
    }
}

/// The service of one connection.
pub(super) struct InFlight<S> {
    pub(super) service: S,
    pub(super) connection: Arc<Connection>,
    pub(super) connections: Connections,
}

impl<S: Service<http::Request<Incoming>>> Service<http::Request<Incoming>> for InFlight<S>
where
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn call(&self, mut request: http::Request<Incoming>) -> Self::Future {
        self.connection.begin_request();
        if !self.connection.ensure_regular(&self.connections) {
            request.extensions_mut().insert(Overload(self.connections.clone()));
        }
        let (answer, connection) = (self.service.call(request), Arc::clone(&self.connection));
        Answering { answer, connection }
    }
}

/// The future of one answer.
pub(super) struct Answering<F> {
    answer: F,
    connection: Arc<Connection>,
}

impl<F: Future + Unpin> Future for Answering<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        self.connection.end_request();
        Poll::Ready(answer)
    }
}
