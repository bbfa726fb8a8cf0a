//! A hit as its client sees it: one kept connection over loopback, a prepared request, the whole
//! answer read.
//!
//! Server and client share one thread, so the figure is the work of both, with the kernel's, and
//! not the time that two cores take to wake each other up.

use std::net::SocketAddr;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use tokio::runtime::Runtime;

use crate::support::client::Client;
use crate::support::documents::{Document, of_size};
use crate::support::pair::Pair;
use crate::support::runtime;
use crate::support::service::Filled;

const SIZES: [usize; 3] = [2 * 1024, 7 * 1024, 120 * 1024];
/// The document of the conditional request and of the request for gzip.
const MIDDLE: usize = 1;

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = runtime();
    let documents = SIZES.map(of_size);
    let served = runtime.block_on(async { Filled::with(&documents).await.serve() });

    let mut group = criterion.benchmark_group("socket");
    for document in &documents {
        let pair = runtime.block_on(Pair::plain(served.address, document));
        compare(&mut group, &runtime, pair, &document.body.len().to_string());
    }
    let pair = runtime.block_on(Pair::gzip(served.address, &documents[MIDDLE]));
    compare(&mut group, &runtime, pair, "gzip");
    let pair = runtime.block_on(Pair::conditional(served.address, &documents[MIDDLE]));
    compare(&mut group, &runtime, pair, "304");
    let others = [
        ("mirror", runtime.block_on(mirror(served.address, &documents[MIDDLE]))),
        ("pointer", runtime.block_on(pointer(served.address, &documents[MIDDLE]))),
    ];
    for (name, mut client) in others {
        group.bench_function(BenchmarkId::new(name, documents[MIDDLE].body.len()), |bencher| {
            bencher.iter_custom(|times| runtime.block_on(client.ask(times)));
        });
    }
    group.finish();
}

/// A client of the mirror, to be compared with the one of `/version`.
async fn mirror(address: SocketAddr, document: &Document) -> Client {
    let request = String::from_utf8(document.request("")).expect("a text head");
    let request = request.replace(&document.ours(), &document.path);
    let client = Client::connect(address, request.into_bytes()).await;
    assert_eq!(client.first().header("x-cache"), "HIT");
    assert_eq!(client.first().body, document.body, "the document's bytes");
    client
}

/// A client of a part of the document, to be compared with the one of the whole: its answer is
/// smaller.
async fn pointer(address: SocketAddr, document: &Document) -> Client {
    let request = String::from_utf8(document.request("")).expect("a text head");
    let request = request.replace(&document.ours(), &format!("{}&pointer=/id", document.ours()));
    let client = Client::connect(address, request.into_bytes()).await;
    assert_eq!(client.first().header("x-cache"), "HIT");
    assert!(client.first().body.len() < 100, "a value alone");
    client
}

fn compare(group: &mut BenchmarkGroup<'_, WallTime>, runtime: &Runtime, pair: Pair, what: &str) {
    let Pair { mut svm, mut floor } = pair;
    for (name, client) in [("svm", &mut svm), ("floor", &mut floor)] {
        group.bench_function(BenchmarkId::new(name, what), |bencher| {
            bencher.iter_custom(|times| runtime.block_on(client.ask(times)));
        });
    }
}
