//! wrk, which asks from the clients' core.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::Command;

use crate::cores::Core;

const SCRIPT: &str = include_str!("wrk.lua");
/// Over all of which it asks at once.
const CONNECTIONS: &str = "-c32";

/// wrk, and what it reads.
pub(crate) struct Wrk {
    core: Core,
    seconds: u32,
    folder: TempDir,
}

/// The report of wrk at its end.
#[derive(Deserialize)]
pub(crate) struct Report {
    /// Whole answers.
    pub(crate) requests: u64,
    /// The bytes over all connections, answers included that were cut off at the end.
    pub(crate) bytes: u64,
    /// The length of the run.
    pub(crate) micros: u64,
    /// The median of the times, in microseconds.
    pub(crate) p50: u64,
    /// The 99th percentile of the times.
    pub(crate) p99: u64,
    /// Connections that failed.
    broken: u64,
    /// Answers with a status of an error.
    refused: u64,
}

impl Wrk {
    /// One that will ask for so many seconds each time.
    pub(crate) fn new(core: Core, seconds: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("wrk.lua"), SCRIPT).expect("a file");
        Self { core, seconds, folder }
    }

    /// The file in which it looks for paths.
    pub(crate) fn paths(&self) -> PathBuf {
        self.folder.path().join("paths")
    }

    /// Asks a server; ends when this future is dropped.
    pub(crate) async fn ask(&self, address: SocketAddr, headers: &[String]) -> Report {
        let mut command = Command::from(self.core.command("wrk"));
        command.args(["-t1", CONNECTIONS, "-d", &format!("{}s", self.seconds), "-s"]);
        command.arg(self.folder.path().join("wrk.lua"));
        command.arg(format!("http://{address}/")).arg("--").arg(self.paths()).args(headers);
        let output = command.kill_on_drop(true).output().await.expect("wrk, which is installed");
        let text = String::from_utf8_lossy(&output.stdout);
        let report = text.lines().find_map(|line| serde_json::from_str::<Report>(line).ok());
        let report = report.unwrap_or_else(|| {
            panic!("wrk says {text}{}", String::from_utf8_lossy(&output.stderr))
        });
        assert_eq!((report.broken, report.refused), (0, 0), "failures at {address}: {text}");
        report
    }
}
