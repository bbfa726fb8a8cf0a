//! The floors: programs that give one answer to everything, the very one that svm gave, and have
//! nothing to decide.
//!
//! Each is a process of its own: this program once more, which fetches that answer from svm and
//! then serves it. Their runtime is built as svm's is: on one core it has one worker.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderMap, Response, StatusCode};
use hyper_util::rt::TokioIo;
use salvo::http::ResBody;
use salvo::hyper::server::conn::http1;
use salvo::hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::cores::Core;
use crate::harness::tasks;
use crate::pinned::{Pinned, free_address};
use crate::requests::{self, CLOSE};
use crate::scenario::Scenario;
use crate::server::{Kind, Server};
use crate::support::client::{Client, First};
use crate::support::floor;

const ROLE: &str = "peers-floor";

/// The kind of a floor, its address, and its answer.
pub(crate) struct Role<'a> {
    is_salvo: bool,
    address: SocketAddr,
    svm: SocketAddr,
    request: &'a str,
}

/// Returns the request of a floor to svm: the scenario's own, without the request to close the
/// connection, which each server states itself.
pub(crate) fn request(scenario: &Scenario, headers: &[String]) -> String {
    let kept: Vec<_> = headers.iter().filter(|line| *line != CLOSE).cloned().collect();
    requests::whole(&scenario.document(0).path(), &kept)
}

/// Starts one that answers as svm does to `request`.
pub(crate) fn start(core: Core, kind: Kind, svm: SocketAddr, request: &str) -> Server {
    let program = std::env::current_exe().expect("this program");
    let address = free_address();
    let (ours, theirs) = (address.to_string(), svm.to_string());
    let mut command = core.command(program.to_str().expect("a path in Unicode"));
    let process = Pinned::start(command.args([ROLE, kind.name(), &ours, &theirs, request]));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let processes = vec![process.listens(address)];
    Server { kind, address, for_large: None, processes, folder }
}

impl<'a> Role<'a> {
    /// The role that these words ask for.
    pub(crate) fn read(words: &'a [String]) -> Option<Self> {
        let [role, kind, address, svm, request] = words else { return None };
        let is_salvo = kind == Kind::Salvo.name();
        let (address, svm) = (address.parse().ok()?, svm.parse().ok()?);
        (role == ROLE).then_some(Self { is_salvo, address, svm, request })
    }

    /// Serves until the standard input ends.
    pub(crate) fn serve(self) {
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let client = Client::connect(self.svm, self.request.into()).await;
            let First { status, headers, body } = client.first();
            let listener = svm::http::bind(self.address).expect("a free port");
            if self.is_salvo {
                floor::serve_on(listener, floor::service(*status, headers.clone(), body));
            } else {
                let answer = Bare::new(*status, headers.clone(), body);
                drop(tasks::spawn(accept(listener, Arc::new(answer))));
            }
        });
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
    }
}

/// The answer of the bare hyper.
struct Bare {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Bare {
    fn new(status: StatusCode, mut headers: HeaderMap, body: &[u8]) -> Self {
        // The library writes these two itself.
        headers.remove(DATE);
        headers.remove(CONTENT_LENGTH);
        Self { status, headers, body: Bytes::copy_from_slice(body) }
    }

    fn response(&self) -> Response<ResBody> {
        let body = if self.body.is_empty() { ResBody::None } else { self.body.clone().into() };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

async fn accept(listener: TcpListener, answer: Arc<Bare>) {
    while let Ok((stream, _)) = listener.accept().await {
        drop(tasks::spawn(converse(stream, Arc::clone(&answer))));
    }
}

async fn converse(stream: TcpStream, answer: Arc<Bare>) {
    let service = service_fn(|_| {
        let response = answer.response();
        async move { Ok::<_, Infallible>(response) }
    });
    let conversation = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error is the client's affair.
    let _ = conversation.await;
}
