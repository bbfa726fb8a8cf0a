//! A real `redis-server`, a process of its own for each test, on a port of its own.
//!
//! It keeps nothing on disk and is killed when dropped, also when the test panics. It can be
//! frozen, killed and restarted elsewhere, and takes any command. Where the program is missing,
//! [`RedisServer::start`] gives `None` and says so on standard error, so that the test is skipped;
//! where `CI` is `true` that is a failure.
//!
//! It blocks and needs nothing of the service, so the unit tests of the store use it as well.

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

/// A port that was free may be taken by the time the server wants it.
const ATTEMPTS: usize = 20;

/// The interval and the number of the attempts to connect: ten seconds in all.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const POLLS: usize = 2_000;

/// The settings of a server; the plain one has no password and speaks no TLS.
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

    /// Speaks TLS, on [`RedisServer::tls_address`].
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Sets anything that redis.conf knows.
    pub fn setting(mut self, name: &str, values: &[&str]) -> Self {
        self.settings.push(format!("--{name}"));
        self.settings.extend(values.iter().map(|value| (*value).to_owned()));
        self
    }

    /// Starts the server and waits until it answers; `None` where there is no such program.
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

/// A server that runs; killed when dropped.
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
    /// Starts a plain server; `None` where there is no such program.
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

    /// The authority that vouches for it, in PEM, if it speaks TLS.
    pub fn ca_file(&self) -> PathBuf {
        self.certificates.as_ref().expect("a server that speaks TLS").ca_file.clone()
    }

    /// Runs a command, and gives the reply; an error of the server is a reply.
    #[track_caller]
    pub fn command<T: AsRef<[u8]>>(&self, arguments: &[T]) -> Reply {
        let password = self.options.password.as_deref();
        resp::command(self.address, password, arguments).expect("a server that answers")
    }

    /// A connection that stays open, for commands whose replies nobody waits for.
    pub fn session(&self) -> Session {
        Session::open(self.address).expect("a server that accepts")
    }

    /// Wants this password from now on, or none if it is empty, of those too who are connected.
    #[track_caller]
    pub fn require_password(&mut self, password: &str) {
        self.command(&["CONFIG", "SET", "requirepass", password]);
        self.options.password = (!password.is_empty()).then(|| password.to_owned());
        self.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    }

    /// Freezes it: its system accepts connections and takes bytes, and nobody answers.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Ends it here and now; connections are closed, and new ones refused.
    pub fn kill(&mut self) {
        self.look();
        // It fails where the server has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Kills it and starts it again on other ports, empty, as another server behind the same name
    /// would be.
    pub fn restart_on_new_port(&mut self) {
        self.kill();
        let launched = launch(&self.options, self.folder.path()).expect("a program that was there");
        (self.child, self.address, self.tls_address) = launched;
    }

    /// Whatever it holds, keys, values and members of sets, no secret is in it. Where it does not
    /// give that away any more, there is nothing to look at.
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
            // It would come back with the next start.
            std::fs::remove_file(file).expect("a file of ours");
        }
    }

    /// The shell's own `kill`: not every system has another, and a system call of our own would be
    /// unsafe code.
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

/// The process, where it listens, and where it speaks TLS; `None` where there is no program.
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
        // Relative to the server's folder.
        command.args(["--tls-cert-file", CERT_FILE, "--tls-key-file", KEY_FILE]);
        command.args(["--tls-ca-cert-file", CA_FILE, "--tls-auth-clients", "no"]);
    }
    command.args(&options.settings);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Waits until this very process answers: another one may have taken the port.
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

/// Two ports that are free just now.
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
