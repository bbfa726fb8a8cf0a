//! The floor under a hit: a bare handler of the same HTTP library, which has nothing to decide and
//! everything at hand.
//!
//! It gives the very bytes and headers that the service gave, on a socket with the same options,
//! under the same limits.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderMap, StatusCode};
use salvo::conn::tcp::TcpAcceptor;
use salvo::fuse::FuseConfig;
use salvo::http::ResBody;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, Server, Service, async_trait};
use tokio::net::TcpListener;

use super::harness::tasks;

/// As the service has it.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(30);
const MAX_CONNECTIONS: usize = 10_000;
const LARGEST_HEAD: usize = 32 * 1024;

struct Bare {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

#[async_trait]
impl Handler for Bare {
    async fn handle(&self, _: &mut Request, _: &mut Depot, res: &mut Response, _: &mut FlowCtrl) {
        res.status_code(self.status);
        res.set_headers(self.headers.clone());
        if !self.body.is_empty() {
            res.body(ResBody::Once(self.body.clone()));
        }
    }
}

/// A service that gives this answer to everything.
pub(crate) fn service(status: StatusCode, mut headers: HeaderMap, body: &[u8]) -> Service {
    // The library writes these two itself.
    headers.remove(DATE);
    headers.remove(CONTENT_LENGTH);
    let bare = Bare { status, headers, body: Bytes::copy_from_slice(body) };
    // The cheapest route that the library has: nothing is matched, no parameter is kept.
    let everything = Router::with_filter_fn(|req, state| {
        state.forward(req.uri().path().len());
        true
    });
    Service::new(everything.goal(bare))
}

/// Has it listen on a free port of loopback.
pub(crate) fn serve(service: Service) -> SocketAddr {
    let listener = svm::http::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    serve_on(listener, service);
    address
}

/// The same on a socket that listens already.
pub(crate) fn serve_on(listener: TcpListener, service: Service) {
    let acceptor = TcpAcceptor::try_from(listener).expect("a bound socket");
    let fuse = FuseConfig::default()
        .with_http1_header_timeout(CONNECTION_PATIENCE)
        .with_write_stall_timeout(CONNECTION_PATIENCE);
    let mut server = Server::new(acceptor).fuse_config(fuse).max_connections(MAX_CONNECTIONS);
    server.http1_mut().max_header_size(LARGEST_HEAD);
    drop(tasks::spawn(server.try_serve(service)));
}
