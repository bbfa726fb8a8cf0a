//! A process that runs.

use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use svm::clock::Stopwatch;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::super::app::{Answer, encode};
use super::output::{self, Output};
use super::{BOUND, Connection, Ended, Folder};

const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The service as a process; killed when dropped.
#[must_use]
pub struct Running {
    child: Child,
    stdout: Output,
    stderr: Output,
    address: Option<SocketAddr>,
    client: Client,
    /// Dropped after the process.
    _folder: Arc<Folder>,
}

impl Running {
    pub(super) fn new(child: Child, folder: Arc<Folder>) -> Self {
        Self::with_reader(child, folder, |_| false)
    }

    pub(super) fn unread(child: Child, folder: Arc<Folder>) -> Self {
        Self::with_reader(child, folder, |text| serving_at(text).is_some())
    }

    fn with_reader(mut child: Child, folder: Arc<Folder>, enough: fn(&str) -> bool) -> Self {
        let stdout = Output::read(child.stdout.take().expect("a pipe"), enough);
        let stderr = Output::read(child.stderr.take().expect("a pipe"), |_| false);
        // Fails only when a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().no_gzip().tls_danger_accept_invalid_certs(true);
        let client = client.build().expect("a client that needs nothing");
        Self { child, stdout, stderr, address: None, client, _folder: folder }
    }

    /// Waits until it says where it serves, and answers there.
    #[track_caller]
    pub fn serving(mut self) -> impl Future<Output = Self> {
        let address = self.stdout.find(serving_at);
        async move {
            self.address = Some(address.await);
            assert_eq!(self.get("/ping").await.status, 200);
            self
        }
    }

    /// Returns the address on which the process serves.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a service that serves")
    }

    /// Asks `/version` for a document, its URL percent-encoded.
    #[track_caller]
    pub fn version(&self, url: &str) -> impl Future<Output = Answer> + use<> {
        self.get(&format!("/version?url={}", encode(url)))
    }

    /// The same with `refresh=true`.
    #[track_caller]
    pub fn refresh(&self, url: &str) -> impl Future<Output = Answer> + use<> {
        self.get(&format!("/version?url={}&refresh=true", encode(url)))
    }

    /// The same, while GitHub answers 502, of a document that only the store can have. A read of
    /// the store gets 25 ms, which a busy machine may exceed; then there is nothing to answer with,
    /// and the next request asks again.
    #[track_caller]
    pub fn stored(&self, url: &str) -> impl Future<Output = Answer> {
        let path = format!("/version?url={}", encode(url));
        let caller = Location::caller();
        async move {
            let answer = self.shows(&path, |answer| answer.status != 502).await;
            assert_eq!(answer.header("x-cache"), "HIT", "at {caller}: {}", answer.summary());
            answer
        }
    }

    /// Asks for a path and query, as they are.
    #[track_caller]
    pub fn get(&self, path: &str) -> impl Future<Output = Answer> + use<> {
        Answer::of(self.request(Method::GET, path))
    }

    /// A request to be completed and sent with [`Answer::of`].
    #[track_caller]
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let scheme = if self.speaks_tls() { "https" } else { "http" };
        self.client.request(method, format!("{scheme}://{}{path}", self.address()))
    }

    fn speaks_tls(&self) -> bool {
        self.stdout().contains("\"scheme\":\"https\"")
    }

    /// A connection of its own, to be kept open.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.address()).await.expect("a service that accepts")
    }

    /// The value of a metric, with its labels in the text format's spelling.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().expect("a number")
    }

    /// Waits until a page satisfies `condition`; panics if it never does.
    #[track_caller]
    pub fn shows(
        &self,
        path: &str,
        condition: impl Fn(&Answer) -> bool,
    ) -> impl Future<Output = Answer> {
        self.sends(path, |request| request, condition)
    }

    /// The same for a request with headers, which `complete` adds.
    #[track_caller]
    pub fn sends(
        &self,
        path: &str,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
        condition: impl Fn(&Answer) -> bool,
    ) -> impl Future<Output = Answer> {
        let caller = Location::caller();
        async move {
            let waited = Stopwatch::start();
            loop {
                let answer = Answer::of(complete(self.request(Method::GET, path))).await;
                if condition(&answer) {
                    return answer;
                }
                assert!(waited.elapsed() < BOUND, "at {caller}: {path} still is {}", answer.text());
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    /// Waits until all writes to the store are done, of which there are to be at least `count`.
    #[track_caller]
    pub fn written(&self, count: u64) -> impl Future<Output = ()> {
        let caller = Location::caller();
        async move {
            let waited = Stopwatch::start();
            while self.metric("svm_l2_writes_total").await < count as f64
                || self.metric("svm_write_behind_depth").await > 0.0
            {
                assert!(waited.elapsed() < BOUND, "at {caller}: not written\n{}", self.stdout());
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    /// Returns the standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// The lines of its log so far with this message.
    #[track_caller]
    pub fn said(&self, message: &str) -> Vec<Value> {
        output::said(whole_lines(&self.stdout.text()), message)
    }

    /// Waits for a line of the log with this message, and gives the first.
    #[track_caller]
    pub fn says(&self, message: &str) -> impl Future<Output = Value> {
        self.says_where(message, |_| true)
    }

    /// The same for a line that satisfies `condition`.
    #[track_caller]
    pub fn says_where(
        &self,
        message: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> impl Future<Output = Value> {
        let message = message.to_owned();
        self.stdout.find(move |text| {
            output::said(whole_lines(text), &message).into_iter().find(|line| condition(line))
        })
    }

    /// The most memory that it ever had resident, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        let id = self.child.id().expect("a process that runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
        peak.and_then(|peak| peak.trim().parse::<u64>().ok()).expect("a number") * 1024
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("a process that runs")
    }

    /// Lets it have no more than so many file descriptors.
    pub async fn limit_descriptors(&self, count: usize) {
        let (limit, id) = (format!("--nofile={count}:{count}"), self.id().to_string());
        let limited = Command::new("prlimit").args([&limit, "--pid", &id]).status();
        assert!(limited.await.expect("prlimit").success());
    }

    /// Sends a signal by its name, such as `TERM`.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().expect("a process that runs").to_string();
        // The shell's own: not every system has another.
        let sent =
            Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, name, &id]).status().await;
        assert!(sent.expect("a shell").success());
    }

    /// Lets its files grow again.
    pub async fn lift_file_limit(&self) {
        let id = self.child.id().expect("a process that runs").to_string();
        let lifted = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &id]).status();
        assert!(lifted.await.expect("prlimit").success());
    }

    /// Asks it to end, and waits for that.
    pub async fn terminate(self) -> Ended {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Ends it here and now.
    pub async fn kill(self) -> Ended {
        self.signal("KILL").await;
        self.ended().await
    }

    /// Waits for its end; panics if that does not come.
    #[track_caller]
    pub fn ended(mut self) -> impl Future<Output = Ended> {
        let caller = Location::caller();
        async move {
            let waited = Stopwatch::start();
            let status = timeout(BOUND, self.child.wait()).await;
            let waited = waited.elapsed();
            let Ok(status) = status else { panic!("at {caller}: still runs\n{}", self.stdout()) };
            let status = status.expect("a child of ours");
            let (stdout, stderr) = (self.stdout.rest().await, self.stderr.rest().await);
            Ended { status, stdout, stderr, waited }
        }
    }
}

/// Finds the address in the log, in either form.
fn serving_at(text: &str) -> Option<SocketAddr> {
    let line = whole_lines(text).lines().find(|line| line.contains("serving"))?;
    let (_, rest) = line.split_once("address")?;
    let rest = rest.trim_start_matches(['"', ':', '=']);
    rest[..rest.find(['"', ' '])?].parse().ok()
}

/// The text without what is still being written.
fn whole_lines(text: &str) -> &str {
    &text[..text.rfind('\n').map_or(0, |end| end + 1)]
}
