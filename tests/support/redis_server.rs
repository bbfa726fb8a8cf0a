//! A real `redis-server`: a process of its own for each test, on a port of its own.
//!
//! It stores nothing on disk and is killed when dropped, even if the test panics. A test can
//! freeze, kill and restart it elsewhere, and send any command. If the program is missing,
//! [`RedisServer::start`] returns `None` and reports that on standard error, so that the test is
//! skipped; if `CI` is `true`, that is a failure.
//!
//! It blocks and needs nothing of the service, so the unit tests of the store use it too.

#[path = "redis_server/resp.rs"]
mod resp;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

pub use self::resp::{Reply, Session};
use super::canary;
use super::certificates::{CA_FILE, CERT_FILE, Certificates, KEY_FILE};

const PROGRAM: &str = "redis-server";
/// The file in which a server saves its data at its end, for the search for secrets.
const DUMP: &str = "end.rdb";

/// The number of attempts to start a server: another process may take a port that was free.
const ATTEMPTS: usize = 20;

/// The interval and the number of the attempts to connect: ten seconds in all.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const POLLS: usize = 2_000;

/// The settings of a server; the default has no password and no TLS.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Options {
    password: Option<String>,
    tls: bool,
    settings: Vec<String>,
}

impl Options {
    /// Refuses clients that do not know the password.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Enables TLS, on [`RedisServer::tls_address`].
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Sets an option of redis.conf.
    pub fn setting(mut self, name: &str, values: &[&str]) -> Self {
        self.settings.push(format!("--{name}"));
        self.settings.extend(values.iter().map(|value| (*value).to_owned()));
        self
    }

    /// Starts the server and waits until it answers; `None` if there is no such program.
    pub fn start(self) -> Option<RedisServer> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificates =
            self.tls.then(|| Certificates::new(folder.path(), &["localhost", "127.0.0.1"]));
        let Some((child, address, tls_address)) = launch(&self, folder.path()) else {
            skip();
            return None;
        };
        Some(RedisServer { child, address, tls_address, options: self, certificates, folder })
    }
}

/// A running server, killed when dropped.
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    address: SocketAddr,
    tls_address: SocketAddr,
    options: Options,
    certificates: Option<Certificates>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server with the default settings; `None` if there is no such program.
    pub fn start() -> Option<Self> {
        Options::default().start()
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address on which the server speaks TLS, if it does.
    pub fn tls_address(&self) -> SocketAddr {
        self.tls_address
    }

    /// Returns the file of its certificate authority in PEM form, if it uses TLS.
    pub fn ca_file(&self) -> PathBuf {
        self.certificates.as_ref().expect("a server that speaks TLS").ca_file.clone()
    }

    /// Runs a command and returns the reply; an error of the server is a reply.
    #[track_caller]
    pub fn command<T: AsRef<[u8]>>(&self, arguments: &[T]) -> Reply {
        let password = self.options.password.as_deref();
        resp::command(self.address, password, arguments).expect("a server that answers")
    }

    /// Opens a connection that stays open, for commands whose replies are not read.
    pub fn session(&self) -> Session {
        Session::open(self.address).expect("a server that accepts")
    }

    /// Requires this password from now on, also from connected clients; none if it is empty.
    #[track_caller]
    pub fn require_password(&mut self, password: &str) {
        self.command(&["CONFIG", "SET", "requirepass", password]);
        self.options.password = (!password.is_empty()).then(|| password.to_owned());
        self.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    }

    /// Freezes the server: its system accepts connections and takes bytes, but the server does not
    /// answer.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets the server continue.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Kills the server; its connections are closed, and new ones refused.
    pub fn kill(&mut self) {
        self.look();
        // This fails if the server has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Kills the server and starts it again on other ports, empty, like another server behind the
    /// same name.
    pub fn restart_on_new_port(&mut self) {
        self.kill();
        let launched = launch(&self.options, self.folder.path()).expect("a program that was there");
        (self.child, self.address, self.tls_address) = launched;
    }

    /// Asserts that no secret is in the keys, values and members of sets of the server. If the
    /// server no longer shows them, there is no check.
    fn look(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        self.resume();
        let password = self.options.password.as_deref();
        let file = self.folder.path().join(DUMP);
        let saved = resp::command(self.address, password, &["SAVE"]);
        if saved.is_ok_and(|reply| reply == Reply::Status("OK".to_owned())) {
            canary::assert_absent("Redis", &std::fs::read(&file).expect("what was saved"));
            // The server would load the file at its next start.
            std::fs::remove_file(file).expect("a file of ours");
        }
    }

    /// Sends a signal with the `kill` of the shell: not every system has another, and a system call
    /// of our own would be unsafe code.
    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, name, &id]).status();
        assert!(sent.expect("a shell").success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the process. Returns it with its plain and its TLS address; `None` if there is no
/// program.
fn launch(options: &Options, folder: &Path) -> Option<(Child, SocketAddr, SocketAddr)> {
    for _ in 0..ATTEMPTS {
        let [plain, tls] = free_addresses();
        let mut child = match command(options, folder, plain, tls).spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            child => child.expect("a program that can be started"),
        };
        if answers(&mut child, plain, options) {
            return Some((child, plain, tls));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
    panic!("{PROGRAM} does not start; its log is in {}", folder.display());
}

fn command(options: &Options, folder: &Path, plain: SocketAddr, tls: SocketAddr) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--bind", "127.0.0.1", "--port", &plain.port().to_string()]);
    command.args(["--dbfilename", DUMP, "--rdbcompression", "no"]);
    command.args(["--save", "", "--appendonly", "no", "--logfile", "redis.log"]);
    if let Some(password) = &options.password {
        command.args(["--requirepass", password]);
    }
    if options.tls {
        command.args(["--tls-port", &tls.port().to_string()]);
        // The paths are relative to the server's folder.
        command.args(["--tls-cert-file", CERT_FILE, "--tls-key-file", KEY_FILE]);
        command.args(["--tls-ca-cert-file", CA_FILE, "--tls-auth-clients", "no"]);
    }
    command.args(&options.settings);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Waits until exactly this process answers: another one may have taken the port.
fn answers(child: &mut Child, address: SocketAddr, options: &Options) -> bool {
    let own = format!("process_id:{}\r\n", child.id());
    for _ in 0..POLLS {
        if child.try_wait().expect("a child of ours").is_some() {
            return false;
        }
        let info = resp::command(address, options.password.as_deref(), &["INFO", "server"]);
        match info {
            Ok(Reply::Text(text)) => return String::from_utf8_lossy(&text).contains(&own),
            _ => std::thread::sleep(POLL_INTERVAL),
        }
    }
    false
}

/// Returns two ports that are currently free.
fn free_addresses() -> [SocketAddr; 2] {
    let bound = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    bound.map(|listener| listener.local_addr().expect("a bound socket"))
}

#[expect(clippy::disallowed_methods, reason = "it is not the service's configuration")]
fn skip() {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let required = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!required, "{test} needs {PROGRAM}, which is not installed");
    eprintln!("SKIPPED: {test} needs {PROGRAM}, which is not installed");
}
