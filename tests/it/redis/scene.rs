//! The service, its server and the network between them, before a fault.

use std::cell::Cell;
use std::time::Duration;

use svm::target::Key;
use tokio::time::timeout;

use super::replicas::connected;
use crate::support::app::Answer;
use crate::support::fault_proxy::{FaultProxy, Mode};
use crate::support::github::{Failure, GitHub};
use crate::support::process::{Running, Setup};
use crate::support::redis_server::{Options, RedisServer, Reply};

/// The documents that GitHub has.
const DOCUMENTS: u32 = 50;
/// The documents that another replica has stored, and that GitHub no longer has.
const ELSEWHERE: u32 = 3;

/// The time limit of a miss, which waits 25 ms for L2, and then for GitHub.
const MISS_LIMIT: Duration = Duration::from_secs(5);

/// The service as a process on a server behind a proxy.
pub(super) struct Scene {
    pub(super) server: RedisServer,
    pub(super) proxy: FaultProxy,
    pub(super) svm: Running,
    github: GitHub,
    /// The settings of a replica with its own connection to the server.
    replica: Setup,
    scheme: &'static str,
    /// The documents requested so far, and the number of those that another replica has stored.
    asked: Cell<u32>,
    asked_elsewhere: Cell<u32>,
}

/// The settings of a scene.
#[must_use]
pub(super) struct Plan {
    options: Options,
    scheme: &'static str,
    network: Mode,
}

impl Default for Plan {
    fn default() -> Self {
        Self { options: Options::default(), scheme: "redis://", network: Mode::Pass }
    }
}

impl Plan {
    /// Sets the options of the server.
    pub(super) fn options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// Sets the scheme of the server's address, up to the host.
    pub(super) fn scheme(self, scheme: &'static str) -> Self {
        Self { scheme, ..self }
    }

    /// Sets the network's mode at the start of the service.
    pub(super) fn network(self, network: Mode) -> Self {
        Self { network, ..self }
    }

    /// Starts all parts; `None` if there is no server program.
    pub(super) async fn start(self) -> Option<Scene> {
        let Self { options, scheme, network } = self;
        let server = options.start()?;
        let github = GitHub::start().await;
        for number in 0..DOCUMENTS {
            github.document_bytes(&target("here", number), body("here", number));
        }
        let setup = || match scheme.starts_with("rediss") {
            true => Setup::new().set("REDIS_CA_FILE", &server.ca_file().display().to_string()),
            false => Setup::new(),
        };
        let replica = setup().behind(&github);
        let proxy = FaultProxy::start(address(&server, scheme)).await;
        proxy.set(network).await;
        let host = format!("{scheme}{}", proxy.address());
        let svm = setup().behind(&github).set("REDIS_HOST", &host).start().await;
        let (asked, asked_elsewhere) = (Cell::new(0), Cell::new(0));
        let scene = Scene { server, proxy, svm, github, replica, scheme, asked, asked_elsewhere };
        let scene = scene.with_documents_elsewhere().await;
        if network == Mode::Pass {
            connected(&scene.server, 1).await;
        }
        scene.misses(1).await;
        Some(scene)
    }
}

impl Scene {
    /// Starts a server with the default settings, and a service that is connected to it.
    pub(super) async fn start() -> Option<Self> {
        let scene = Plan::default().start().await?;
        scene.svm.written(1).await;
        Some(scene)
    }

    /// Makes another replica store documents that GitHub does not have for this one.
    pub(super) async fn with_documents_elsewhere(mut self) -> Self {
        let host = format!("{}{}", self.scheme, address(&self.server, self.scheme));
        self.replica = self.replica.set("REDIS_HOST", &host);
        let replica = self.replica.start().await;
        for number in 0..ELSEWHERE {
            let target = target("elsewhere", number);
            self.github.document_bytes(&target, body("elsewhere", number));
            let answer = replica.version(&url("elsewhere", number)).await;
            answer.assert_document(body("elsewhere", number));
            self.github.failing_on("api.github.com", &target, Failure::ServerError502);
        }
        replica.written(u64::from(ELSEWHERE)).await;
        replica.terminate().await.assert_code(0);
        self
    }

    /// Requests this number of documents for the first time. Asserts that each comes from GitHub in
    /// time.
    pub(super) async fn misses(&self, count: u32) {
        for number in self.asked.get()..self.asked.get() + count {
            let answer = timeout(MISS_LIMIT, self.svm.version(&url("here", number))).await;
            let answer = answer.expect("an answer in time");
            answer.assert_document(body("here", number));
            assert_eq!(answer.header("x-cache"), "MISS", "{}", answer.summary());
        }
        self.asked.set(self.asked.get() + count);
    }

    /// Returns the number of documents requested so far; all of them are in memory.
    pub(super) fn asked(&self) -> u32 {
        self.asked.get()
    }

    /// Requests one of these documents.
    pub(super) async fn ask(&self, number: u32) -> Answer {
        let answer = self.svm.version(&url("here", number)).await;
        answer.assert_document(body("here", number));
        answer
    }

    /// Requests a document that another replica has stored, until the server returns it.
    pub(super) async fn is_served_from_redis(&self) {
        let number = self.asked_elsewhere.replace(self.asked_elsewhere.get() + 1);
        assert!(number < ELSEWHERE, "there are no more documents elsewhere");
        let answer = self.svm.stored(&url("elsewhere", number)).await;
        answer.assert_document(body("elsewhere", number));
        let told = answer.header("cache-status");
        assert!(told.ends_with("; detail=l2"), "{}", answer.summary());
    }

    /// Asserts that the server has all documents requested since the scene began; an earlier one
    /// may be on another server.
    #[track_caller]
    pub(super) fn assert_stored(&self) {
        let missing = (1..self.asked.get()).filter(|number| {
            let exists = self.server.command(&["EXISTS", &name("here", *number)]);
            exists != Reply::Number(1)
        });
        assert_eq!(missing.collect::<Vec<_>>(), [0; 0]);
    }
}

/// Returns the address of the server for this scheme.
fn address(server: &RedisServer, scheme: &str) -> std::net::SocketAddr {
    if scheme.starts_with("rediss") { server.tls_address() } else { server.address() }
}

/// Returns the server's key of a record.
fn name(place: &str, number: u32) -> String {
    let key = Key::of(&url(place, number)).to_string();
    format!("svm:v1:entry:{}", key.replace("v1:", ""))
}

fn target(place: &str, number: u32) -> String {
    format!("/repos/{place}/r{number}")
}

fn url(place: &str, number: u32) -> String {
    format!("https://api.github.com{}", target(place, number))
}

fn body(place: &str, number: u32) -> Vec<u8> {
    format!(r#"{{"full_name":"{place}/r{number}"}}"#).into_bytes()
}
