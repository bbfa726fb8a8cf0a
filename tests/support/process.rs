//! The real binary as a process: its environment, its signals, its output, its exit code.
//!
//! It starts without the test's environment, in a folder of its own, so it finds no `.env` unless
//! the test wrote one. The system chooses its port, which the log states. A process that no test
//! waited for is killed.

mod connection;
mod ended;
mod output;
mod running;

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use svm::clock::Clock;
use tempfile::TempDir;
use tokio::process::Command;

use super::canary;
use super::github::GitHub;

pub use self::connection::Connection;
pub use self::ended::Ended;
pub use self::output::lines;
pub use self::running::Running;

/// The limit of all waits here. Each, including the one for the lock of the store, takes less.
const BOUND: Duration = Duration::from_secs(30);

/// A folder and an environment, in which the binary can be started repeatedly.
#[must_use]
pub struct Setup {
    folder: Arc<Folder>,
    vars: BTreeMap<String, String>,
    /// The commands that a shell runs before it executes the binary.
    prelude: Vec<String>,
}

impl Setup {
    /// Creates the variables that the binary needs, with a port that the system chooses.
    pub fn new() -> Self {
        let vars = [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("GITHUB_PATS", "ghp_first,ghp_second"),
            ("API_USAGE_THRESHOLD", "100"),
            ("WRITE_BEHIND_FLUSH_INTERVAL", "10ms"),
            // No process listens there: svm asks for the accounts of its tokens from the start, and
            // must not ask the real GitHub.
            ("UPSTREAM_CONNECT_TO", "api.github.com:443=127.0.0.1:1"),
        ];
        vars.into_iter().fold(Self::bare(), |setup, (name, value)| setup.set(name, value))
    }

    /// Creates a setup without any variable.
    pub fn bare() -> Self {
        Self { folder: Folder::make(), vars: BTreeMap::new(), prelude: Vec::new() }
    }

    /// Sends the binary's requests to GitHub to a simulation.
    pub fn behind(self, github: &GitHub) -> Self {
        self.set("UPSTREAM_CONNECT_TO", &github.connect_to())
            .set("UPSTREAM_CA_FILE", &github.ca_file().display().to_string())
    }

    /// Sets a variable.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), canary::dressed(name, value));
        self
    }

    /// Removes a variable.
    pub fn unset(mut self, name: &str) -> Self {
        self.vars.remove(name);
        self
    }

    /// Writes `.env` into the folder in which the binary starts.
    pub fn dotenv(self, text: &str) -> Self {
        canary::guard_variables(text.lines().filter_map(|line| line.split_once('=')));
        self.dotenv_bytes(text.as_bytes())
    }

    /// Writes bytes into `.env`, readable only by our user.
    pub fn dotenv_bytes(self, bytes: &[u8]) -> Self {
        let path = self.folder().join(".env");
        std::fs::write(&path, bytes).expect("a folder that can be written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a file of ours");
        self
    }

    /// Lets no file grow past this number of bytes, which has the effect of a full disk; see
    /// [`Running::lift_file_limit`].
    pub fn largest_file(self, bytes: u64) -> Self {
        self.after(&format!("prlimit --fsize={bytes}:unlimited --pid $$"))
    }

    /// Makes a shell run this command before it executes the binary, which inherits the changes to
    /// the process: limits, umask, ignored signals.
    pub fn after(mut self, command: &str) -> Self {
        self.prelude.push(command.to_owned());
        self
    }

    /// Limits the file descriptors. The service may raise the limit from `soft` to `hard`.
    pub fn descriptors(self, soft: u64, hard: u64) -> Self {
        self.after(&format!("ulimit -Sn {soft}; ulimit -Hn {hard}"))
    }

    /// Returns the folder in which the binary starts.
    pub fn folder(&self) -> &Path {
        self.folder.0.path()
    }

    /// Starts the service and waits until it serves.
    #[track_caller]
    pub fn start(&self) -> impl Future<Output = Running> {
        let running = self.spawn();
        running.serving()
    }

    /// Starts the service without waiting for anything.
    pub fn spawn(&self) -> Running {
        self.running(&[])
    }

    /// Starts the service, and stops reading its output after the line with its address.
    #[track_caller]
    pub fn start_unread(&self) -> impl Future<Output = Running> {
        let child = self.command(&[]).spawn().expect("the binary");
        let running = Running::unread(child, Arc::clone(&self.folder));
        running.serving()
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> impl Future<Output = Ended> {
        self.running(arguments).ended()
    }

    fn running(&self, arguments: &[&str]) -> Running {
        let child = self.command(arguments).spawn().expect("the binary");
        Running::new(child, Arc::clone(&self.folder))
    }

    /// Returns the command of the binary with its environment, for a caller that redirects its
    /// output.
    pub fn command(&self, arguments: &[&str]) -> Command {
        canary::guard_variables(self.vars.iter().map(|(name, value)| (&**name, &**value)));
        let mut command = match &self.prelude[..] {
            [] => Command::new(binary()),
            prelude => through_shell(prelude),
        };
        command
            .args(arguments)
            .env_clear()
            .envs(coverage())
            .envs(&self.vars)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// The folder of a setup and of its processes, removed with the last of them.
struct Folder(TempDir);

impl Folder {
    /// Creates a folder. Its name consists of digits: the service may hide random letters, since
    /// they may be a token.
    fn make() -> Arc<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let name = format!("svm-{process}-{number}-{}", Clock::System.now().as_millis());
        let folder = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir();
        Arc::new(Self(folder.expect("a temporary folder")))
    }
}

impl Drop for Folder {
    /// Asserts that the binary has written no secret into its folder.
    fn drop(&mut self) {
        canary::assert_not_in_files(self.0.path());
    }
}

/// Returns the path of the binary. Cargo states it for the tests and benches of its own package; a
/// program of another package is beside it.
pub fn binary() -> String {
    let beside = || {
        let program = std::env::current_exe().expect("this program");
        program.with_file_name("svm").into_os_string().into_string().expect("a path in UTF-8")
    };
    option_env!("CARGO_BIN_EXE_svm").map_or_else(beside, str::to_owned)
}

/// Returns the command of a shell that runs these commands and then executes the binary.
fn through_shell(prelude: &[String]) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = format!(r#"{}; exec "$0" "$@""#, prelude.join("; "));
    command.args(["-c", &script, &binary()]);
    command
}

/// Returns the variable that names the coverage file of a binary that was built to measure
/// coverage.
#[expect(clippy::disallowed_methods, reason = "it is not the service's configuration")]
fn coverage() -> Option<(&'static str, std::ffi::OsString)> {
    const NAME: &str = "LLVM_PROFILE_FILE";
    Some((NAME, std::env::var_os(NAME)?))
}
