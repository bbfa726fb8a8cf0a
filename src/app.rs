//! The wiring of the service: its components, the background tasks, and the shutdown. No other
//! module connects components.

mod background;
mod shutdown;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;

pub use shutdown::ShutdownReport;

use background::BackgroundTasks;
use shutdown::Shutdown;

use crate::activity::Activity;
use crate::cache::write_behind::WriteBehind;
use crate::cache::{
    Cache, CacheMetrics, CacheParts, Compressor, Confirmations, Flights, Lists, Memory, Pushes,
};
use crate::clock::Clock;
use crate::config::{self, Config, NamedFiles, StatusMode};
use crate::http::client_ip::Proxies;
use crate::http::{self, AccessLog, Health, Https, MetricsSources, StatusParts, StatusRecords};
use crate::metrics::Registry;
use crate::revalidate::{self, Revalidator, SweepMetrics};
use crate::store::embedded::{self, Embedded, Locked, Opened};
use crate::store::redis::Redis;
use crate::store::{Guard, Store, StoreMetrics};
use crate::tasks::Tasks;
use crate::telemetry::{Lines, chain};
use crate::tls::{self, ServerTls};
use crate::upstream::{
    Calls, ClientError, LOOK_UPS, Reachability, TokenPool, Upstream, UpstreamMetrics,
};

/// The time that the start waits while another process holds the store's file: long enough for a
/// rolling restart.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// The number of blocking calls without a permit: a hanging open of the store's file or two
/// look-ups of the name of Redis, its close or a batch for Redis, the compression of bodies, and
/// the reading of the certificate.
const WITHOUT_PERMIT: usize = 5;
/// The number of threads for blocking calls, so that no kind of call waits for a hanging call of
/// another kind. Long records from Redis are read on the threads that the embedded store does not
/// need then.
///
/// It must be set explicitly: a permit is released shortly before its thread is idle, so the next
/// caller would start another thread. Dozens of threads would result, and each keeps some of the
/// allocator's memory to itself.
pub const BLOCKING_THREADS: usize =
    embedded::READERS + embedded::WRITERS + LOOK_UPS + WITHOUT_PERMIT;

/// A service that is ready to serve.
pub struct App {
    config: config::Server,
    service: salvo::Service,
    connections: http::Connections,
    https: Option<Arc<Https>>,
    cache: Cache,
    store: Arc<dyn Store>,
    guard: Arc<Guard>,
    write_behind: Arc<WriteBehind>,
    revalidator: Arc<Revalidator>,
    upstream: Arc<Upstream>,
    health: Health,
    records: Option<Arc<StatusRecords>>,
    flights: Tasks,
}

/// The reason why the service cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The embedded store is in use by another process.
    #[error(transparent)]
    Store(#[from] Locked),
    /// TLS cannot be set up, to Redis or for clients.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The HTTP client for the upstream cannot be set up.
    #[error(transparent)]
    Upstream(#[from] ClientError),
}

impl App {
    /// Opens the configured store and builds the service on it. If the folder of the store is not
    /// usable, or Redis is not reachable, the service runs without the store until it is.
    pub async fn build(config: Config, clock: Clock, lines: Lines) -> Result<Self, BuildError> {
        let store: Arc<dyn Store> = match &config.store {
            config::Store::Embedded(config) => Arc::new(open(config, &clock).await?),
            // The client connects in the background, so that no start waits for it.
            config::Store::Redis(config) => Arc::new(Redis::new(config)?),
        };
        Self::assemble(config, clock, store, lines)
    }

    /// Returns the errors that [`App::build`] would find in the files that the configuration names.
    /// Opens no store and makes no connection.
    pub fn check(files: &NamedFiles) -> Vec<BuildError> {
        let mut errors = Vec::new();
        if let Some(config) = &files.redis {
            errors.extend(Redis::new(config).err().map(BuildError::from));
        }
        if let Some(certificate) = &files.certificate {
            errors.extend(ServerTls::check(certificate).into_iter().map(BuildError::from));
        }
        let ca_file = files.upstream_ca_file.as_deref();
        errors.extend(Upstream::check(ca_file).err().map(BuildError::from));
        errors
    }

    /// Builds the service on an open store.
    pub fn assemble(
        config: Config,
        clock: Clock,
        store: Arc<dyn Store>,
        lines: Lines,
    ) -> Result<Self, BuildError> {
        let registry = Registry::of_process();
        let tokens = Arc::new(TokenPool::new(&config.tokens));
        let reachability = Arc::new(Reachability::default());
        let calls = Arc::new(Calls::default());
        let background_slots = config.upstream.max_concurrency / 2;
        let upstream = Arc::new(Upstream::new(
            config.upstream,
            config.targets.clone(),
            Arc::clone(&tokens),
            Arc::clone(&reachability),
            Arc::clone(&calls),
            clock.clone(),
            UpstreamMetrics::new(&registry),
        )?);
        let write_behind =
            Arc::new(WriteBehind::new(config.write_behind, Arc::clone(&store), clock.clone()));
        let budget = config.cache.store_read_budget;
        let patience = config.cache.store_patience();
        let guard = Arc::new(Guard::new(
            Arc::clone(&store),
            budget,
            patience,
            StoreMetrics::new(&registry),
        ));
        let policy = Arc::new(config.targets);
        let cache_metrics = Arc::new(CacheMetrics::new(&registry));
        let flights = Tasks::new();
        let activity = Arc::new(Activity::default());
        store.consult(Arc::<Activity>::clone(&activity));
        let l1_bytes = config.cache.l1_max_bytes;
        // If svm rewrites the URLs in documents to its own, a document is in memory twice.
        let form_bytes = if config.public_url.is_some() { l1_bytes / 4 } else { 0 };
        let doubtful_below = config.cache.negative_ttl - config.cache.release_negative_ttl;
        let cache = Cache::new(CacheParts {
            memory: Memory::new(l1_bytes - form_bytes, Arc::clone(&activity)),
            rules: config.cache,
            clock: clock.clone(),
            activity: Arc::clone(&activity),
            lists: Lists::default(),
            confirmations: Confirmations::default(),
            pushes: Pushes::default(),
            targets: Arc::clone(&policy),
            compressor: Compressor::new(Arc::clone(&cache_metrics)),
            flights: Flights::new(flights.clone()),
            write_behind: Arc::clone(&write_behind),
            store: Arc::clone(&guard),
            lost_at: Mutex::default(),
            upstream: Arc::clone(&upstream),
            metrics: cache_metrics,
        });
        let log = crate::telemetry::wants_access_lines(&config.log).then(|| lines.clone());
        let has_probes = crate::telemetry::wants_lines_of_probes(&config.log);
        let revalidator = Arc::new(Revalidator::new(revalidate::RevalidatorParts {
            config: config.revalidate,
            slots: background_slots,
            cache: cache.clone(),
            activity: Arc::clone(&activity),
            store: Arc::clone(&guard),
            upstream: Arc::clone(&upstream),
            tokens: Arc::clone(&tokens),
            policy: Arc::clone(&policy),
            clock: clock.clone(),
            metrics: SweepMetrics::new(&registry),
        }));
        let sources = MetricsSources {
            cache: cache.clone(),
            activity,
            write_behind: Arc::clone(&write_behind),
            tokens,
            reachability,
            lines,
            clock: clock.clone(),
        };
        let health = Health::new(config.store.as_str(), sources.clone());
        let proxies = Proxies::new(&config.server.trusted_proxies);
        let limits = http::ConnectionLimits {
            connections: config.server.max_connections,
            per_client: config.server.max_connections_per_client,
            proxies: proxies.clone(),
        };
        let connections =
            http::Connections::new(limits, clock.clone(), http::ConnectionCounters::new(&registry));
        let tls_counters = http::TlsCounters::new(&registry);
        let certificate = config.server.certificate.as_ref().map(ServerTls::read).transpose()?;
        let https = certificate.map(|it| Arc::new(Https::new(it, tls_counters)));
        let records = (config.server.status_page != StatusMode::Off)
            .then(|| Arc::new(StatusRecords::new(registry.clone(), cache.clone(), clock)));
        let status = records.clone().map(|records| StatusParts {
            mode: config.server.status_page,
            calls,
            records,
            is_shared: store.is_shared(),
        });
        let service = http::service(http::Parts {
            mirror: http::MirrorConfig {
                root: config.api_root,
                public_url: config.public_url,
                max_bytes: form_bytes,
                doubtful_below,
            },
            policy,
            webhook_secrets: config.server.webhook_secrets.clone(),
            client_lifetime: config.revalidate.interval,
            lookback: config.revalidate.lookback,
            client_miss_rate: config.server.client_miss_rate,
            proxies: proxies.clone(),
            registry,
            sources,
            health: health.clone(),
            access_log: AccessLog::new(log, has_probes, proxies),
            status,
        });
        let config = config.server;
        Ok(Self {
            config,
            service,
            connections,
            https,
            cache,
            store,
            guard,
            write_behind,
            revalidator,
            upstream,
            health,
            records,
            flights,
        })
    }

    /// Returns the cache behind `/version`, for benchmarks of the cache alone.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns the HTTP service without a socket, for benchmarks of the service alone.
    pub fn service(&self) -> &salvo::Service {
        &self.service
    }

    /// Serves until `shutdown` resolves, then stops in order: connections are accepted for another
    /// `SHUTDOWN_DELAY`, the listener closes, running requests get `SHUTDOWN_GRACE`, and waiting
    /// writes get `SHUTDOWN_DRAIN_TIMEOUT`.
    ///
    /// # Errors
    ///
    /// If the listening socket fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<ShutdownReport> {
        let background = BackgroundTasks::start(&self);
        let patience = self.config.connection_patience;
        let (server, stop) =
            http::Server::new(listener, self.service, self.connections, self.https, patience)?;
        let serving = pin!(server.run());
        let sequence = Shutdown {
            config: &self.config,
            health: &self.health,
            stop,
            flights: &self.flights,
            background,
            write_behind: &self.write_behind,
            revalidator: &self.revalidator,
            store: &*self.store,
        };
        sequence.serve_until(serving, shutdown).await
    }
}

/// Opens the embedded store. A store that cannot be opened now retries in the background.
async fn open(config: &config::Embedded, clock: &Clock) -> Result<Embedded, Locked> {
    let Opened { store, shut, .. } = Embedded::open(config, clock, LOCK_WAIT).await?;
    if let Some(why) = shut {
        tracing::warn!(error = chain(&why), "starting without the persistent store");
    }
    Ok(store)
}
