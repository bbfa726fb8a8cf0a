//! A running process.

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

/// The service as a process, killed when dropped.
#[must_use]
pub struct Running {
    child: Child,
    stdout: Output,
    stderr: Output,
    address: Option<SocketAddr>,
    client: Client,
    /// The folder, dropped after the process.
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
        // Fails only if a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().no_gzip().tls_danger_accept_invalid_certs(true);
        let client = client.build().expect("a client that needs nothing");
        Self { child, stdout, stderr, address: None, client, _folder: folder }
    }

    /// Waits until the service logs its address, and answers there.
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

    /// Requests a document from `/version`, with its URL percent-encoded.
    #[track_caller]
    pub fn version(&self, url: &str) -> impl Future<Output = Answer> + use<> {
        self.get(&format!("/version?url={}", encode(url)))
    }

    /// Requests a document with `refresh=true`.
    #[track_caller]
    pub fn refresh(&self, url: &str) -> impl Future<Output = Answer> + use<> {
        self.get(&format!("/version?url={}&refresh=true", encode(url)))
    }

    /// Requests a document that only the store can have, while GitHub answers 502. A read of the
    /// store has 25 ms, which a busy machine may exceed; then the answer is an error, and the next
    /// request asks again.
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

    /// Requests a path and query, unchanged.
    #[track_caller]
    pub fn get(&self, path: &str) -> impl Future<Output = Answer> + use<> {
        Answer::of(self.request(Method::GET, path))
    }

    /// Returns a request, which the caller completes and sends with [`Answer::of`].
    #[track_caller]
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let scheme = if self.speaks_tls() { "https" } else { "http" };
        self.client.request(method, format!("{scheme}://{}{path}", self.address()))
    }

    fn speaks_tls(&self) -> bool {
        self.stdout().contains("\"scheme\":\"https\"")
    }

    /// Opens a connection that the caller controls.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.address()).await.expect("a service that accepts")
    }

    /// Returns the value of a metric, named with its labels as in the text format.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().expect("a number")
    }

    /// Waits until a page satisfies `condition`. Panics if it never does.
    #[track_caller]
    pub fn shows(
        &self,
        path: &str,
        condition: impl Fn(&Answer) -> bool,
    ) -> impl Future<Output = Answer> {
        self.sends(path, |request| request, condition)
    }

    /// Waits until the answer to a request satisfies `condition`; `complete` adds headers to the
    /// request.
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

    /// Waits until all writes to the store are done, and there were at least `count`.
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

    /// Returns the lines of the log so far with this message.
    #[track_caller]
    pub fn said(&self, message: &str) -> Vec<Value> {
        output::said(whole_lines(&self.stdout.text()), message)
    }

    /// Waits for a line of the log with this message. Returns the first one.
    #[track_caller]
    pub fn says(&self, message: &str) -> impl Future<Output = Value> {
        self.says_where(message, |_| true)
    }

    /// Waits for a line with this message that satisfies `condition`.
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

    /// Returns the peak of the resident memory, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        let id = self.child.id().expect("a process that runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
        peak.and_then(|peak| peak.trim().parse::<u64>().ok()).expect("a number") * 1024
    }

    /// Returns the id of the process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("a process that runs")
    }

    /// Limits the process to this number of file descriptors.
    pub async fn limit_descriptors(&self, count: usize) {
        let (limit, id) = (format!("--nofile={count}:{count}"), self.id().to_string());
        let limited = Command::new("prlimit").args([&limit, "--pid", &id]).status();
        assert!(limited.await.expect("prlimit").success());
    }

    /// Sends a signal by its name, such as `TERM`.
    pub async fn signal(&self, name: &str) {
        self.signals(&[name]).await;
    }

    /// Sends signals in quick succession.
    pub async fn signals(&self, names: &[&str]) {
        let id = self.child.id().expect("a process that runs").to_string();
        // The `kill` of the shell: not every system has another.
        let script = r#"for name; do kill -s "$name" "$0" || exit 1; done"#;
        let sent = Command::new("sh").args(["-c", script, &id]).args(names).status().await;
        assert!(sent.expect("a shell").success());
    }

    /// Removes the limit of the file size.
    pub async fn lift_file_limit(&self) {
        let id = self.child.id().expect("a process that runs").to_string();
        let lifted = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &id]).status();
        assert!(lifted.await.expect("prlimit").success());
    }

    /// Asks the process to end, and waits for its end.
    pub async fn terminate(self) -> Ended {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Kills the process.
    pub async fn kill(self) -> Ended {
        self.signal("KILL").await;
        self.ended().await
    }

    /// Waits for the end of the process. Panics if it does not come in time.
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

/// Finds the address in the log, in either log format.
fn serving_at(text: &str) -> Option<SocketAddr> {
    let line = whole_lines(text).lines().find(|line| line.contains("serving"))?;
    let (_, rest) = line.split_once("address")?;
    let rest = rest.trim_start_matches(['"', ':', '=']);
    rest[..rest.find(['"', ' '])?].parse().ok()
}

/// Returns the complete lines of a text.
fn whole_lines(text: &str) -> &str {
    &text[..text.rfind('\n').map_or(0, |end| end + 1)]
}
