//! The HTTP service in process: routing, the handler, the headers, the counters, the access line;
//! no socket, and nobody who writes the answer out.
//!
//! The entry point is the one that the library's own connections use. It is hidden from the
//! library's documentation, but its test client, which would be the other way, brings compressors
//! into the build.

use criterion::{BatchSize, Criterion};
use http::header::HOST;
use http::{HeaderValue, StatusCode, Uri};
use salvo::conn::addr::SocketAddr;
use salvo::{ConnCtrl, Request, Response, Service};

use crate::support::documents::Document;
use crate::support::floor;
use crate::support::runtime;
use crate::support::service::Filled;

use super::releases::releases;

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = runtime();
    let documents = releases(1);
    let filled = runtime.block_on(Filled::with(&documents));
    let service = filled.app.service();
    let answer = runtime.block_on(ask(service, request(&documents[0])));
    assert_eq!(answer.headers().get("x-cache"), Some(&HeaderValue::from_static("HIT")));
    let floor = floor::service(StatusCode::OK, answer.headers().clone(), &documents[0].body);

    let mut group = criterion.benchmark_group("service");
    for (name, service) in [("svm", service), ("floor", &floor)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || request(&documents[0]),
                |request| runtime.block_on(ask(service, request)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn request(document: &Document) -> Request {
    let mut request = Request::new();
    request.set_uri(document.ours().parse::<Uri>().expect("a path and query"));
    request.headers_mut().insert(HOST, HeaderValue::from_static("svm.example"));
    request
}

async fn ask(service: &Service, request: Request) -> Response {
    let here = || SocketAddr::from(std::net::SocketAddr::from(([127, 0, 0, 1], 80)));
    let scheme = http::uri::Scheme::HTTP;
    let handler = service.hyper_handler(here(), here(), scheme, None, ConnCtrl::new(), None);
    handler.handle(request).await
}
