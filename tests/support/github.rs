//! The simulated GitHub: it speaks real TLS on a real socket and follows GitHub's rules, and tests
//! change it while it runs.
//!
//! The service runs against it unmodified: `UPSTREAM_CONNECT_TO` sends the hosts' connections here,
//! and `UPSTREAM_CA_FILE` names the authority of its certificates. Requests arrive at the
//! terminator, which breaks them as scripted or passes them to a mock server. The only responder of
//! that server answers by the rules, from the state of the world.

mod account;
mod answer;
mod backend;
mod builder;
mod clock;
mod coding;
mod date;
mod document;
mod downloads;
mod echo;
mod errors;
mod etag;
mod events;
mod failure;
mod fault;
mod front;
mod gate;
mod handle;
mod journal;
mod lies;
mod media;
mod nasty;
mod received;
mod render;
mod render_repository;
mod replies;
mod repository;
mod rules;
mod script;
mod second_window;
mod terminator;
mod tls;
mod traffic;
mod wire;
mod witness;
mod world;
mod writes;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::sync::Mutex as AsyncMutex;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

pub use self::coding::Coding;
pub use self::downloads::contents;
pub use self::echo::{Echo, Spelling};
pub use self::failure::Failure;
pub use self::front::Instead;
pub use self::gate::Gate;
pub use self::journal::Counts;
pub use self::lies::Lie;
pub use self::received::Received;
pub use self::tls::{Authority, Defect};
pub use self::wire::Wire;
pub use self::writes::Unprocessable;

use super::canary;

use self::rules::Rules;
use self::terminator::{Site, Terminator};
use self::world::{Shared, World};

/// The hosts that every simulation serves.
pub const HOSTS: [&str; 6] = [
    "api.github.com",
    "uploads.github.com",
    "raw.githubusercontent.com",
    "codeload.github.com",
    "objects.githubusercontent.com",
    "github-releases.githubusercontent.com",
];

/// A running simulation, which ends when it is dropped.
pub struct GitHub {
    world: Shared,
    terminator: AsyncMutex<Terminator>,
    address: SocketAddr,
    hosts: Vec<String>,
    ca_pem: String,
    ca_file: PathBuf,
    _folder: TempDir,
    _server: MockServer,
}

impl GitHub {
    /// Starts a simulation on a free port.
    pub async fn start() -> Self {
        Self::start_on(terminator::any_port(), &[]).await.expect("a free port")
    }

    /// Starts a simulation that serves more hosts than [`HOSTS`].
    pub async fn start_with_hosts(hosts: &[&str]) -> Self {
        Self::start_on(terminator::any_port(), hosts).await.expect("a free port")
    }

    /// Starts a simulation at an address. Fails if the address is taken.
    pub async fn start_on(address: SocketAddr, more_hosts: &[&str]) -> io::Result<Self> {
        let hosts: Vec<String> = HOSTS
            .iter()
            .chain(&downloads::HOSTS)
            .chain(more_hosts)
            .map(|&host| host.to_owned())
            .collect();
        let authority = Authority::new("Simulated GitHub", &hosts);
        let folder = tempfile::tempdir()?;
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, &authority.ca_pem)?;
        let ca_pem = authority.ca_pem.clone();
        let world: Shared = Arc::new(Mutex::new(World::default()));
        let server = MockServer::builder().disable_request_recording().start().await;
        Mock::given(any()).respond_with(Rules(Arc::clone(&world))).mount(&server).await;
        let site = Site {
            world: Arc::clone(&world),
            trusted: authority,
            untrusted: Authority::new("Nobody's authority", &hosts).server,
            backend: *server.address(),
        };
        let terminator = Terminator::start(site, address)?;
        Ok(Self {
            world,
            address: terminator.address(),
            terminator: AsyncMutex::new(terminator),
            hosts,
            ca_pem,
            ca_file,
            _folder: folder,
            _server: server,
        })
    }

    /// Returns the address on which the simulation listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns all host names that it serves.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Returns the value of `UPSTREAM_CONNECT_TO` that sends the connections of all hosts here.
    pub fn connect_to(&self) -> String {
        let pairs = self.hosts.iter().map(|host| format!("{host}:443={}", self.address));
        pairs.collect::<Vec<_>>().join(",")
    }

    /// Returns the authority's certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Returns the value of `UPSTREAM_CA_FILE`; the simulation removes the file when it is dropped.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Ends all connections and refuses new ones.
    pub async fn go_down(&self) {
        self.terminator.lock().await.go_down().await.expect("the port stays ours");
    }

    /// Accepts connections again, on the same port.
    pub async fn come_up(&self) {
        self.terminator.lock().await.come_up().expect("the port stayed ours");
    }
}

impl Drop for GitHub {
    /// Asserts that no secret was found in a request where it must not be.
    fn drop(&mut self) {
        canary::assert_none_found();
    }
}
