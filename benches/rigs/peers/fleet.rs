//! The servers of one kind of scenario: all that are compared, with the same documents in their
//! caches.

use tokio::task::yield_now;

use crate::cores::Core;
use crate::document::Document;
use crate::pour::pour;
use crate::say;
use crate::server::{Kind, Server};
use crate::servers::{nginx, squid, svm, trafficserver, varnish};
use crate::turn::metric;
use crate::upstream::Upstream;

const CONNECTIONS: usize = 32;
/// Between two moments at which Ctrl-C is heard.
const DOCUMENTS_AT_ONCE: usize = 20_000;

/// Servers that run, without the floors, which have no documents.
pub(crate) struct Fleet(pub(crate) Vec<Server>);

impl Fleet {
    /// Starts them.
    pub(crate) fn start(core: Core, kinds: &[Kind], binary: &str, upstream: &mut Upstream) -> Self {
        let plain = upstream.plain();
        let start = |kind: &Kind| match kind {
            Kind::Svm => Some(svm::start(core, binary, upstream)),
            Kind::Nginx => Some(nginx::start(core, &plain)),
            Kind::Varnish => Some(varnish::start(core, &plain)),
            Kind::Varnishncsa => Some(varnish::start_with_log(core, &plain)),
            Kind::Squid => Some(squid::start(core, &plain)),
            Kind::TrafficServer => Some(trafficserver::start(core, &plain)),
            Kind::Salvo | Kind::Hyper => None,
        };
        Self(kinds.iter().filter_map(start).collect())
    }

    /// Has each of them asked for each of these documents.
    pub(crate) async fn fill(&self, count: usize, document: &(dyn Fn(usize) -> Document + Sync)) {
        for server in &self.0 {
            fill(server, count, document).await;
        }
    }

    /// Prints the memory of svm, and whether its log is whole: lines that it drops are work that it
    /// does not do.
    pub(crate) fn print_svm(&self) {
        let metric = |name| metric(self.svm().address, name);
        let (entries, dropped) = (metric("svm_l1_entries"), metric("svm_log_lines_dropped_total"));
        let requests = metric("svm_cache_hits_total");
        say(&format!(
            "\nsvm: {entries} entries, {requests} hits, {dropped} lines of its log dropped"
        ));
    }

    /// svm.
    pub(crate) fn svm(&self) -> &Server {
        let svm = self.0.iter().find(|server| server.kind == Kind::Svm);
        svm.expect("svm is always among them")
    }
}

async fn fill(server: &Server, count: usize, document: &(dyn Fn(usize) -> Document + Sync)) {
    for start in (0..count).step_by(DOCUMENTS_AT_ONCE) {
        let some = DOCUMENTS_AT_ONCE.min(count - start);
        let url = |number: usize| document(start + number).url();
        let poured = pour(server.address, CONNECTIONS.min(some), some, &url);
        assert_eq!(poured.answers(200), some, "{server:?} is filled: {poured}");
        server.forget_log();
        yield_now().await;
    }
    if count > DOCUMENTS_AT_ONCE {
        say(&format!("{server:?} has {count} documents"));
    }
}
