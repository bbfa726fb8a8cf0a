//! The service under test: built by the production constructor, and used over a real socket.
//!
//! It differs from production only in its configuration, its clock, its store and the sink of its
//! log. [`TestApp::advance`] moves the clock that decides freshness; the sockets run on real time.

mod answer;
mod builder;
mod log;

use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use svm::app::ShutdownReport;
use svm::cache::{Cache, Demand, ExchangeResult, FlightResult, Payload};
use svm::clock::ManualClock;
use svm::entry::Entry;
use svm::target::{Policy, Target};
use svm::telemetry::Lines;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use self::answer::Answer;
pub use self::builder::{START, TestAppBuilder};
pub use self::log::Log;
use super::canary;
use super::github::GitHub;

const BOUND: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// A running service and the simulated GitHub behind it.
#[must_use]
pub struct TestApp {
    /// GitHub.
    pub github: GitHub,
    /// The service's clock.
    pub clock: ManualClock,
    address: SocketAddr,
    /// `https` if the service has a certificate; the client accepts any authority.
    scheme: &'static str,
    client: Client,
    plan: TestAppBuilder,
    running: Option<Running>,
    log: Log,
}

struct Running {
    cache: Cache,
    targets: Policy,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<ShutdownReport>,
    lines: Lines,
}

impl TestApp {
    /// Starts a service with the defaults, on an embedded store of its own.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Returns the builder of a service.
    pub fn builder() -> TestAppBuilder {
        TestAppBuilder::default()
    }

    /// Returns the address on which the service listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests a document from `/version`, with its URL percent-encoded.
    pub async fn version(&self, url: &str) -> Answer {
        self.get(&format!("/version?url={}", encode(url))).await
    }

    /// Requests a document as a client that accepts gzip.
    pub async fn version_as_gzip(&self, url: &str) -> Answer {
        let request = self.request(Method::GET, &format!("/version?url={}", encode(url)));
        Answer::of(request.header("accept-encoding", "gzip")).await
    }

    /// Waits until the body is compressed, and requests the document with gzip.
    #[track_caller]
    pub fn compressed(&self, url: &str) -> impl Future<Output = Answer> {
        let is_compressed =
            async || self.version_as_gzip(url).await.header("content-encoding") == "gzip";
        let compressed = self.until(is_compressed);
        async move {
            compressed.await;
            self.version_as_gzip(url).await
        }
    }

    /// Returns [`TestApp::version`] as a future of its own, for a task.
    pub fn ask(&self, url: &str) -> impl Future<Output = Answer> + Send + use<> {
        let path = format!("/version?url={}", encode(url));
        Answer::of(self.request(Method::GET, &path))
    }

    /// Returns [`TestApp::refresh`] as a future of its own, for a task.
    pub fn ask_refresh(&self, url: &str) -> impl Future<Output = Answer> + Send + use<> {
        let path = format!("/version?url={}&refresh=true", encode(url));
        Answer::of(self.request(Method::GET, &path))
    }

    /// Requests a document with `refresh=true`.
    pub async fn refresh(&self, url: &str) -> Answer {
        self.get(&format!("/version?url={}&refresh=true", encode(url))).await
    }

    /// Revalidates a document as a sweep does. Asserts that the result is usable.
    #[track_caller]
    pub fn revalidate(&self, url: &str) -> impl Future<Output = ()> + use<> {
        let revalidated = self.try_to_revalidate(url);
        async move {
            let facts = revalidated.await;
            let FlightResult::Exchange { exchanged, .. } = &*facts else { panic!("{facts:?}") };
            assert!(!matches!(exchanged, ExchangeResult::NotStored(_)), "{exchanged:?}");
        }
    }

    /// Revalidates a document as a sweep does, and returns any result.
    #[track_caller]
    pub fn try_to_revalidate(&self, url: &str) -> impl Future<Output = Arc<FlightResult>> + use<> {
        let (cache, target) = self.cache_and_target(url);
        async move { cache.revalidate(&target).await }
    }

    /// Returns the cache's answer for a client that may not cause a request to the upstream; `None`
    /// if there is no answer.
    #[track_caller]
    pub fn look(&self, url: &str) -> impl Future<Output = Option<Payload>> + use<> {
        let (cache, target) = self.cache_and_target(url);
        async move { Some(cache.wait(&target, Demand::Cached, || Err(())).await.ok()?.given) }
    }

    /// Returns the entry of a document in L1.
    #[track_caller]
    pub fn held(&self, url: &str) -> Option<Arc<Entry>> {
        let (cache, target) = self.cache_and_target(url);
        cache.memory().entry(&target.key())
    }

    /// Inserts an entry into L1, as if a client had just received it.
    pub fn hold(&self, entry: Entry) {
        let memory = self.running.as_ref().expect("a running service").cache.memory();
        let key = entry.key();
        memory.insert(key, Arc::new(entry), self.clock.now());
        memory.get(&key).expect("it was just inserted").usage.mark(self.clock.now());
    }

    #[track_caller]
    fn cache_and_target(&self, url: &str) -> (Cache, Target) {
        let Running { cache, targets, .. } = self.running.as_ref().expect("a running service");
        (cache.clone(), Target::parse(url, targets).expect("an allowed URL"))
    }

    /// Requests a path and query, unchanged.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// Returns a request, which the caller completes and sends with [`Answer::of`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}://{}{path}", self.scheme, self.address))
    }

    /// Moves the clock of the service, and that of GitHub.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Returns the value of a metric, named with its labels as in the text format.
    #[track_caller]
    pub fn metric(&self, name: &str) -> impl Future<Output = f64> {
        let caller = Location::caller();
        let name = name.to_owned();
        async move {
            let text = self.get("/metrics").await.text();
            let value = text.lines().find_map(|line| line.strip_prefix(&name)?.strip_prefix(' '));
            let value = value.unwrap_or_else(|| panic!("at {caller}: no {name} in\n{text}"));
            value.parse().expect("a number")
        }
    }

    /// Waits until a metric has this value. Panics after 10 s with the caller's line.
    #[track_caller]
    pub fn reaches(&self, name: &str, value: f64) -> impl Future<Output = ()> {
        self.until(async move || self.metric(name).await == value)
    }

    /// Waits until a metric is above this value.
    #[track_caller]
    pub fn exceeds(&self, name: &str, value: f64) -> impl Future<Output = ()> {
        self.until(async move || self.metric(name).await > value)
    }

    /// Waits until `/healthz` reports this overall status.
    #[track_caller]
    pub fn is_healthy(&self, status: &str) -> impl Future<Output = ()> {
        self.until(async move || self.get("/healthz").await.json()["status"] == status)
    }

    /// Waits until the condition holds. Panics after 10 s with the caller's line.
    #[track_caller]
    pub fn until(&self, condition: impl AsyncFn() -> bool) -> impl Future<Output = ()> {
        let caller = Location::caller();
        async move {
            let polling = async {
                while !condition().await {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            };
            let reached = tokio::time::timeout(BOUND, polling).await;
            assert!(reached.is_ok(), "at {caller}: still not so after {BOUND:?}");
        }
    }

    /// Returns the service's log so far.
    pub fn log(&self) -> String {
        self.flush_log();
        self.log.text()
    }

    fn flush_log(&self) {
        if let Some(running) = &self.running {
            running.lines.wait_until_written();
        }
    }

    /// Stops the service in order.
    pub async fn stop(&mut self) -> ShutdownReport {
        let Running { stop, serving, lines, .. } = self.running.take().expect("a running service");
        let _ = stop.send(());
        let report = serving.await.expect("the service ends without a panic");
        lines.wait_until_written();
        canary::assert_none_found();
        report
    }

    /// Restarts the service with another value of a variable, on the same store.
    pub async fn restart_with(&mut self, name: &str, value: &str) -> ShutdownReport {
        self.plan.change(name, value);
        self.restart().await
    }

    /// Restarts the service on the same store, at another port.
    pub async fn restart(&mut self) -> ShutdownReport {
        let report = self.stop().await;
        self.start_again().await;
        report
    }

    /// Starts the service again on the same store, after it was stopped.
    pub async fn start_again(&mut self) {
        let (address, running) = self.plan.launch(&self.github, &self.clock, &self.log).await;
        self.address = address;
        self.running = Some(running);
    }
}

impl Drop for TestApp {
    /// Asserts that no secret is in the log or in the files of the service.
    fn drop(&mut self) {
        self.flush_log();
        canary::assert_not_in_files(self.plan.folder());
    }
}

/// Percent-encodes every byte that is not unreserved.
pub fn encode(url: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    url.bytes()
        .map(
            |byte| {
                if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            },
        )
        .collect()
}
