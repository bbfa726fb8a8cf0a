//! The builder of a service under test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use svm::app::App;
use svm::clock::{Clock, ManualClock, Timestamp};
use svm::config::{Config, Vars};
use svm::http;
use svm::store::Store;
use svm::telemetry::Lines;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::super::canary;
use super::super::github::GitHub;
use super::log::search_all_events;
use super::{Log, Running, TestApp};

/// The time that a miss waits for the store: long, so that a test of the store's contents does not
/// depend on the load of the machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Noon of a day in 2026.
pub const START: Timestamp = Timestamp::from_secs(1_780_315_200);

/// A service that has not started yet.
#[must_use]
pub struct TestAppBuilder {
    vars: BTreeMap<String, String>,
    folder: TempDir,
    store: Option<Arc<dyn Store>>,
    store_read_budget: Duration,
    connection_patience: Option<Duration>,
    identify: bool,
}

impl Default for TestAppBuilder {
    fn default() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let vars = [
            ("GITHUB_PATS", "ghp_first,ghp_second"),
            ("API_USAGE_THRESHOLD", "100"),
            ("WRITE_BEHIND_FLUSH_INTERVAL", "10ms"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            vars: vars.into(),
            folder,
            store: None,
            store_read_budget: PATIENCE,
            connection_patience: None,
            identify: false,
        }
    }
}

impl TestAppBuilder {
    /// Sets a variable of the configuration.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.change(name, value);
        self
    }

    pub(super) fn change(&mut self, name: &str, value: &str) {
        self.vars.insert(name.to_owned(), canary::dressed(name, value));
    }

    /// Returns the folder of the store.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Uses this store in place of the embedded one.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Makes a miss wait for the store only as long as in production.
    pub fn production_read_budget(self) -> Self {
        self.read_budget(Duration::from_millis(25))
    }

    /// Makes a miss wait for the store for this time.
    pub fn read_budget(mut self, budget: Duration) -> Self {
        self.store_read_budget = budget;
        self
    }

    /// Makes the service drop slow clients after this time instead of that of production.
    pub fn connection_patience(mut self, patience: Duration) -> Self {
        self.connection_patience = Some(patience);
        self
    }

    /// Makes svm ask GitHub for the account of each token, as in production. By default it does
    /// not, so a test need not count those requests.
    pub fn identifying(mut self) -> Self {
        self.identify = true;
        self
    }

    /// Starts the service in front of a new simulated GitHub.
    pub async fn start(self) -> TestApp {
        self.start_with(GitHub::start().await).await
    }

    /// Starts the service in front of this GitHub, which follows the service's clock.
    pub async fn start_with(self, github: GitHub) -> TestApp {
        let clock = ManualClock::at(START);
        github.follow(Clock::Manual(clock.clone()));
        let client = Client::builder()
            .no_proxy()
            .no_gzip()
            .redirect(Policy::none())
            .tls_danger_accept_invalid_certs(true)
            .build()
            .expect("a client that needs nothing");
        let log = Log::default();
        let (address, running) = self.launch(&github, &clock, &log).await;
        let scheme = if self.vars.contains_key("TLS_CERT_FILE") { "https" } else { "http" };
        TestApp { github, clock, address, scheme, client, plan: self, running: Some(running), log }
    }

    pub(super) async fn launch(
        &self,
        github: &GitHub,
        clock: &ManualClock,
        log: &Log,
    ) -> (SocketAddr, Running) {
        search_all_events();
        let config = self.config(github);
        let targets = config.targets.clone();
        let clock = Clock::Manual(clock.clone());
        let lines = Lines::start(config.log.format, log.clone()).expect("a thread");
        let listener = http::bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let app = match &self.store {
            Some(store) => App::assemble(config, clock, Arc::clone(store), lines.clone()),
            None => App::build(config, clock, lines.clone()).await,
        };
        let app = app.expect("a service that can be built");
        let cache = app.cache().clone();
        let (stop, stopped) = oneshot::channel();
        let serving = super::super::tasks::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            app.serve(listener, shutdown).await.expect("a socket that accepts")
        });
        (address, Running { cache, targets, stop, serving, lines })
    }

    /// Returns the configuration as the service would read it.
    pub fn config(&self, github: &GitHub) -> Config {
        let folder = self.folder.path().display().to_string();
        let defaults = [
            ("CACHE_DIR", folder),
            ("UPSTREAM_CONNECT_TO", github.connect_to()),
            ("UPSTREAM_CA_FILE", github.ca_file().display().to_string()),
        ];
        let defaults = defaults.map(|(name, value)| (name.to_owned(), value));
        let vars: BTreeMap<_, _> = defaults.into_iter().chain(self.vars.clone()).collect();
        canary::guard_variables(vars.iter().map(|(name, value)| (&**name, &**value)));
        let vars: Vars = vars.into_iter().collect();
        let mut config = Config::from_vars(&vars).unwrap_or_else(|faults| panic!("{faults}"));
        config.cache.store_read_budget = self.store_read_budget;
        config.tokens.identify = self.identify;
        if let Some(patience) = self.connection_patience {
            config.server.connection_patience = patience;
        }
        canary::assert_not_shown("the configuration", &config);
        config
    }
}
