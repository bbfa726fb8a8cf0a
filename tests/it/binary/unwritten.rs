//! A log that cannot be written, and a file that may not grow.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;

use tokio::process::{Child, Command};

use crate::support::eventually::eventually;
use crate::support::process::{Connection, Setup, lines};

/// A service that logs to a file.
struct Logging {
    child: Child,
    address: SocketAddr,
}

impl Logging {
    /// Starts the service at this address, since the test cannot read the address from a log.
    async fn start(setup: &Setup, log: File, address: SocketAddr) -> Self {
        let child = setup.command(&[]).stdout(log).spawn().expect("the binary");
        eventually(|| std::net::TcpStream::connect(address).is_ok()).await;
        Self { child, address }
    }

    async fn get(&self, path: &str) -> String {
        Connection::open(self.address).await.expect("a service").get(path).await
    }

    async fn dropped(&self) -> u64 {
        let text = self.get("/metrics").await;
        let name = "svm_log_lines_dropped_total ";
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.trim().parse().ok()).expect("a metric")
    }

    /// Requests pages until the metric has passed this value.
    async fn drops_more_than(&self, least: u64) -> u64 {
        for _ in 0..2_000 {
            let dropped = self.dropped().await;
            if dropped > least {
                return dropped;
            }
        }
        panic!("no more than {least} lines were dropped");
    }

    async fn lift_limit(&self) {
        let id = self.child.id().expect("a process that runs").to_string();
        let lifted = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &id]).status();
        assert!(lifted.await.expect("prlimit").success());
    }

    async fn end(self) -> String {
        let id = self.child.id().expect("a process that runs").to_string();
        let sent = Command::new("sh").args(["-c", r#"kill -s TERM "$0""#, &id]).status().await;
        assert!(sent.expect("a shell").success());
        let ended = self.child.wait_with_output().await.expect("an end");
        assert_eq!(ended.status.code(), Some(0));
        String::from_utf8(ended.stderr).expect("text")
    }
}

/// Returns a loopback address that no other test and no concurrent run uses.
fn own_address(last: u8) -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, 1 | high, low, last], 18_000))
}

fn setup_at(address: SocketAddr) -> Setup {
    let setup = Setup::new().set("HOST", &address.ip().to_string());
    // The requests for the metric have log lines as well.
    setup.set("PORT", &address.port().to_string()).set("RUST_LOG", "info,svm::access=debug")
}

fn bytes(path: &Path) -> u64 {
    fs::metadata(path).expect("a file").len()
}

#[tokio::test]
async fn lines_that_a_full_device_does_not_take_are_counted() {
    let address = own_address(1);
    let setup = setup_at(address);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let svm = Logging::start(&setup, full, address).await;
    let before = svm.drops_more_than(0).await;
    for _ in 0..100 {
        let _ = svm.get("/ping").await;
    }
    // Each request causes a line, including those for the metric.
    svm.drops_more_than(before + 100).await;
    let complaint = svm.end().await;
    let sentence = "svm: the log cannot be written: No space left on device (os error 28)\n";
    assert_eq!(complaint, sentence);
}

#[tokio::test]
async fn lines_that_a_closed_pipe_does_not_take_are_counted() {
    let address = own_address(2);
    let setup = setup_at(address);
    let (reader, writer) = std::io::pipe().unwrap();
    let writer = File::from(std::os::fd::OwnedFd::from(writer));
    let svm = Logging::start(&setup, writer, address).await;
    drop(reader);
    svm.drops_more_than(100).await;
    let _ = svm.end().await;
}

#[tokio::test]
async fn a_log_at_the_file_limit_goes_on_whole_without_it() {
    const LIMIT: u64 = 20_000;
    let address = own_address(3);
    let setup = setup_at(address).set("CACHE_DIR", "/dev/null/none").largest_file(LIMIT);
    let path = setup.folder().join("log");
    let svm = Logging::start(&setup, File::create(&path).unwrap(), address).await;
    let dropped = svm.drops_more_than(0).await;
    assert_eq!(bytes(&path), LIMIT);
    svm.drops_more_than(dropped).await;

    svm.lift_limit().await;
    while bytes(&path) < LIMIT + 2_000 {
        let _ = svm.get("/ping").await;
    }
    let _ = svm.end().await;
    // No line is cut, and no two lines are joined.
    let lines = lines(&fs::read_to_string(&path).unwrap());
    let again = |line: &&serde_json::Value| line["message"] == "the log can be written again";
    let again: Vec<_> = lines.iter().filter(again).collect();
    assert_eq!(again.len(), 1);
    assert!(again[0]["lines"].as_u64() > Some(dropped), "{}", again[0]);
}

#[tokio::test]
async fn a_command_at_the_file_limit_fails_with_a_reason() {
    let setup = Setup::new().largest_file(16);
    for arguments in [&["check"][..], &["--help"]] {
        let file = File::create(setup.folder().join("output")).unwrap();
        let child = setup.command(arguments).stdout(file).spawn().unwrap();
        let ended = child.wait_with_output().await.unwrap();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {ended:?}");
        let complaint = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(complaint, "svm: File too large (os error 27)\n", "{arguments:?}");
    }
}

#[tokio::test]
async fn where_no_file_may_grow_it_serves_without_a_store() {
    let setup = Setup::new().largest_file(0);
    let svm = setup.start().await;
    let health = svm.shows("/healthz", |health| health.json()["status"] == "degraded").await;
    assert_eq!(health.status, 200);
    svm.lift_file_limit().await;
    let _ = svm.shows("/healthz", |health| health.json()["status"] == "healthy").await;
    svm.terminate().await.assert_code(0);
}
