//! The service as a process whose log goes to a file, as in production: nobody has to keep up with
//! reading it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use svm::clock::Stopwatch;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::client;
use crate::harness::process::Setup;
use crate::process::Process;
use crate::simulation::TOKENS;
use crate::system;

/// Longer than a start or an end takes.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

const LOG: &str = "svm.log";

/// A process that serves; killed when dropped.
pub(crate) struct Service {
    child: Child,
    /// The address on which it serves.
    pub(crate) address: SocketAddr,
}

/// A folder and an environment behind an upstream, with the defaults but for where things are.
pub(crate) fn setup(upstream: &Process) -> Setup {
    Setup::bare()
        .set("HOST", "127.0.0.1")
        .set("PORT", "0")
        .set("GITHUB_PATS", TOKENS)
        .set("API_USAGE_THRESHOLD", "100")
        .set("UPSTREAM_CONNECT_TO", &upstream.connect_to)
        .set("UPSTREAM_CA_FILE", &upstream.ca_file)
}

impl Service {
    /// Starts one and waits until it serves.
    pub(crate) async fn start(setup: &Setup) -> Self {
        Self::started(setup, setup.command(&[])).await
    }

    /// The same on these cores alone, of which it knows when it decides how many threads to have.
    pub(crate) async fn start_on(cores: &[usize], setup: &Setup) -> Self {
        Self::started(setup, system::on_cores(cores, &setup.command(&[]))).await
    }

    async fn started(setup: &Setup, mut command: Command) -> Self {
        let log = setup.folder().join(LOG);
        let (output, errors) = (File::create(&log), File::create(setup.folder().join("errors")));
        let (output, errors) = (output.expect("a log"), errors.expect("a file"));
        let child = command.stdout(output).stderr(errors).spawn().expect("the binary");
        let starting = async {
            loop {
                let text = fs::read_to_string(&log).expect("a log");
                if let Some(address) = serving_at(&text) {
                    return address;
                }
                sleep(POLL_INTERVAL).await;
            }
        };
        let address =
            timeout(PATIENCE, starting).await.unwrap_or_else(|_| panic!("{}", why(setup)));
        Self { child, address }
    }

    /// Ends it in order.
    pub(crate) async fn stop(mut self) {
        let id = self.id().to_string();
        // The shell's own: not every system has another.
        let signal = ["-c", r#"kill -s TERM "$0""#, &id];
        let sent = Command::new("sh").args(signal).status().await;
        assert!(sent.expect("a shell").success());
        let ended = timeout(PATIENCE, self.child.wait()).await.expect("an end in time");
        assert!(ended.expect("a child of ours").success(), "an end in order");
    }

    /// Returns a value of the process's memory, in bytes: `VmRSS`, or `VmHWM`, which is the most so
    /// far.
    pub(crate) fn memory(&self, name: &str) -> f64 {
        system::memory(self.id(), name)
    }

    /// The CPU time that the process has taken so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        system::cpu_time(self.id())
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("a process that runs")
    }

    /// A metric, with its labels in the text format's spelling.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        metric(self.address, name)
    }

    /// Waits until metrics have these values; returns how long that took, or nothing if it takes
    /// too long.
    pub(crate) async fn reaches(
        &self,
        metrics: &[(&str, f64)],
        limit: Duration,
    ) -> Option<Duration> {
        let waited = Stopwatch::start();
        while waited.elapsed() < limit {
            if metrics.iter().all(|(name, value)| self.metric(name) == *value) {
                return Some(waited.elapsed());
            }
            sleep(POLL_INTERVAL).await;
        }
        None
    }
}

/// A metric of the service at that address.
pub(crate) fn metric(address: SocketAddr, name: &str) -> f64 {
    let page = client::get(address, "/metrics").expect("a service that answers").body;
    let page = String::from_utf8(page).expect("a text");
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{page}"))
}

/// Finds the address in the log, if the log has it already.
fn serving_at(log: &str) -> Option<SocketAddr> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let address = |line: Value| line["address"].as_str()?.parse().ok();
    lines.filter(|line| line["message"] == "serving").find_map(address)
}

/// Returns the output of a process that does not serve.
fn why(setup: &Setup) -> String {
    let texts = [LOG, "errors"].map(|name| fs::read_to_string(setup.folder().join(name)));
    format!("it does not serve:\n{}", texts.map(Result::unwrap_or_default).concat())
}
