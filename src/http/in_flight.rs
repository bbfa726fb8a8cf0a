//! A wrapper of the service for one HTTP/1.1 connection. It tells the connection when a request
//! begins and ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use salvo::http::ResBody;

use super::connections::{Connection, Connections};

/// The mark of a request on a spare connection: it arrived while every connection within the limit
/// had a request.
#[derive(Clone)]
pub(super) struct Overload(Connections);

impl Overload {
    pub(super) fn new(connections: &Connections) -> Self {
        Self(connections.clone())
    }

    /// Records that svm refuses the request.
    pub(super) fn refuse(&self) {
        self.0.refuse();
    }
}

/// A service of the routes for one client. This trait stands for the library's type, which has no
/// public name.
pub(super) trait Handler:
    Service<
        Request<Incoming>,
        Response = Response<ResBody>,
        Error = hyper::Error,
        Future = Handling,
    > + Send
    + 'static
{
}

impl<S> Handler for S where
    S: Service<
            Request<Incoming>,
            Response = Response<ResBody>,
            Error = hyper::Error,
            Future = Handling,
        > + Send
        + 'static
{
}

/// The work on one request.
pub(super) type Handling =
    Pin<Box<dyn Future<Output = Result<Response<ResBody>, hyper::Error>> + Send>>;

/// The service of one connection.
pub(super) struct InFlight<S> {
    pub(super) service: S,
    pub(super) connection: Arc<Connection>,
    pub(super) connections: Connections,
}

impl<S: Handler> Service<Request<Incoming>> for InFlight<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.connection.begin_request(!request.body().is_end_stream());
        if !self.connection.ensure_regular(&self.connections) {
            request.extensions_mut().insert(Overload::new(&self.connections));
        }
        let (answer, connection) = (self.service.call(request), Arc::clone(&self.connection));
        Answering { answer, connection }
    }
}

/// The future of one answer.
pub(super) struct Answering {
    answer: Handling,
    connection: Arc<Connection>,
}

impl Future for Answering {
    type Output = <Handling as Future>::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.as_mut().poll(context));
        self.connection.end_request();
        Poll::Ready(answer)
    }
}
