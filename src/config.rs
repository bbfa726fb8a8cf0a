//! The configuration: one typed struct per concern, read from variables.
//!
//! This module opens no file: the component that uses a folder or a certificate checks whether it
//! is usable. A faulty variable does not end the reading: every section is read to its end, so that
//! one run reports all faults.

mod faults;
mod log_filter;
mod memory;
mod named_files;
pub mod near_miss;
pub mod nearest;
mod parse;
mod process;
mod reader;
pub mod redacted;
mod redis;
mod sections;
mod settings;
mod variables;

pub mod dotenv;
pub mod duration;
pub mod vars;

#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::filter::Targets;

use crate::secret::Secret;
use crate::target;
use crate::words::words;

use self::reader::Reader;

pub use faults::{Faults, VariableFault};
pub use named_files::NamedFiles;
pub use redis::{Password, Redis, RedisTls};
pub use settings::{Setting, Shown};
pub use variables::{SECTIONS, Section, VARIABLES, Variable};
pub use vars::Vars;

/// All settings of the operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The listener and the process.
    pub server: Server,
    /// The documents that clients may request.
    pub targets: target::Policy,
    /// The root of the API that svm serves under GitHub's own paths.
    pub api_root: target::ApiRoot,
    /// The address at which clients reach svm, if the operator states it.
    pub public_url: Option<target::PublicUrl>,
    /// Lifetimes, and the size of L1.
    pub cache: Cache,
    /// The connections to GitHub.
    pub upstream: Upstream,
    /// The tokens.
    pub tokens: Tokens,
    /// The store that outlives the process.
    pub store: Store,
    /// The queue in front of the store.
    pub write_behind: WriteBehind,
    /// The background revalidation.
    pub revalidate: Revalidate,
    /// The log.
    pub log: Log,
    /// Every variable with the value in force, in the order of the table.
    pub settings: Vec<Setting>,
}

/// The listener and the process.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// The certificate of HTTPS; `None` is plain HTTP.
    pub certificate: Option<ServerCertificate>,
    /// The limit of open connections.
    pub max_connections: usize,
    /// The limit of open connections of one client; `None` is no limit.
    pub max_connections_per_client: Option<usize>,
    /// The limit of misses per second and client; `None` is no limit.
    pub client_miss_rate: Option<f64>,
    /// The secrets with which GitHub signs deliveries; without a secret, svm accepts no deliveries.
    pub webhook_secrets: Vec<Secret>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The clients that see the status page.
    pub status_page: StatusMode,
    /// The time for which connections are still accepted after the signal to end.
    pub shutdown_delay: Duration,
    /// The time that running requests have after that.
    pub shutdown_grace: Duration,
    /// The time that the write-behind queue has to drain after that.
    pub drain_timeout: Duration,
    /// The time for the head of a request to arrive, and for which an idle connection is kept open.
    /// The time for which a client may read nothing is a multiple of it.
    pub connection_patience: Duration,
}

words! {
    /// The clients that see the status page.
    pub enum StatusMode {
        /// Every client.
        On = "on",
        /// No client.
        Off = "off",
        /// Clients on the same machine.
        Localhost = "localhost",
    }
}

/// The files of the server's certificate, in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerCertificate {
    /// The certificate chain: the certificate, and those between it and a trusted authority.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// Lifetimes, and the size of L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// The lifetime of a 200.
    pub hard_ttl: Duration,
    /// The lifetime of a 404 or 410.
    pub negative_ttl: Duration,
    /// The age up to which the mirror serves a stored absence of a release. It is short, since
    /// installers also look for a release right before its publication.
    pub release_negative_ttl: Duration,
    /// The time past its expiry for which a copy may replace a failed answer of the upstream; zero
    /// is off.
    pub stale_if_error: Duration,
    /// The time that a request waits for the upstream before it gets a stale copy; zero is off.
    pub stale_after: Duration,
    /// The age of the last full check up to which the cache answers a refresh; zero is off.
    pub refresh_min_interval: Duration,
    /// True if an answer that reports a loss must be confirmed before it replaces a stored copy.
    pub confirm_losses: bool,
    /// The interval at which a document that is revalidated by its date is checked by its ETag.
    pub audit_interval: Duration,
    /// The interval at which a document in use is checked; the interval of [`Revalidate`].
    pub check_interval: Duration,
    /// The weight that L1 may reach, in bytes.
    pub l1_max_bytes: u64,
    /// The time that a miss waits for L2. No variable sets it, since clients rely on it.
    pub store_read_budget: Duration,
}

impl Cache {
    /// Returns the time that a miss waits for its turn at the store. It is the time that a request
    /// waits for the upstream.
    pub fn store_patience(&self) -> Duration {
        const DEFAULT: Duration = Duration::from_secs(2);
        if self.stale_after.is_zero() { DEFAULT } else { self.stale_after }
    }
}

/// The connections to GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The time for an exchange with all its hops and retries.
    pub timeout: Duration,
    /// The largest decoded body, in bytes.
    pub max_response_bytes: u64,
    /// The number of exchanges that run at once.
    pub max_concurrency: usize,
    /// The use of a date instead of an ETag by background checks.
    pub by_date: ByDate,
    /// Hosts whose connections go to another address.
    pub connect_to: Vec<ConnectTo>,
    /// Certificates to trust beside those of the system, in PEM.
    pub ca_file: Option<PathBuf>,
}

words! {
    /// The condition under which a background check uses the document's date instead of its ETag,
    /// if the document allows it.
    pub enum ByDate {
        /// While the remaining quota is below half of the limit.
        Auto = "auto",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

/// A rule that sends the connections of one host, on port 443, to another address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    /// The host in the URL, in lower case.
    pub host: String,
    /// The address that is dialled instead.
    pub address: ConnectAddress,
}

/// The address that is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectAddress {
    /// An IP address.
    Ip(SocketAddr),
    /// A name, resolved on each connection.
    Name {
        /// The name, in lower case.
        host: String,
        /// The port.
        port: u16,
    },
}

/// The tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The tokens in the given order: at least one, none twice.
    pub secrets: Vec<Secret>,
    /// The remaining quota, in requests, below which a token is used last.
    pub usage_threshold: u64,
    /// True if tokens that can see private data are not used.
    pub require_public: bool,
    /// True if svm asks GitHub for the account of each token. No variable sets it: the service
    /// always asks. A test that counts requests may turn it off.
    pub identify: bool,
}

/// The store that outlives the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// A file of this process alone.
    Embedded(Embedded),
    /// A server that several processes may share.
    Redis(Redis),
}

impl Store {
    /// Returns the name in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "embedded_store",
            Self::Redis(_) => "redis",
        }
    }
}

/// The embedded store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// The folder of its file.
    pub dir: PathBuf,
    /// The largest size of the file, in bytes.
    pub max_bytes: u64,
}

/// The queue in front of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBehind {
    /// The number of keys that may wait.
    pub queue_size: usize,
    /// The interval between batches.
    pub flush_interval: Duration,
    /// The longest pause before the retry of a failed batch.
    pub retry_max_interval: Duration,
    /// The time after which a record that cannot be written is dropped.
    pub retry_max_age: Duration,
}

/// The background revalidation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Revalidate {
    /// The interval between checks of a document in use.
    pub interval: Duration,
    /// The time after its last use for which a document is in use.
    pub lookback: Duration,
    /// The number of documents that one worker checks in a sweep.
    pub endpoints_per_worker: usize,
    /// The limit of requests per second of one worker.
    pub per_worker_rps: f64,
    /// The limit of requests per second of all workers of all replicas together.
    pub max_rps: MaxRps,
}

/// The limit of requests per second of all workers together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxRps {
    /// As many as GitHub permits.
    Auto,
    /// A fixed number.
    Fixed(f64),
}

impl Revalidate {
    /// Returns a warning if a worker cannot check its documents within an interval.
    pub fn warning(&self) -> Option<String> {
        let Self { interval, endpoints_per_worker, per_worker_rps, .. } = self;
        let checks = interval.as_secs_f64() * per_worker_rps;
        (checks < *endpoints_per_worker as f64).then(|| {
            format!(
                "REVALIDATE_PER_WORKER_RPS={per_worker_rps} is too low: a worker checks \
                 {checks:.1} documents in REVALIDATE_INTERVAL, and takes on \
                 REVALIDATE_ENDPOINTS_PER_WORKER={endpoints_per_worker}, so that with many documents in use checks are late"
            )
        })
    }
}

impl Display for MaxRps {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(rate) => rate.fmt(f),
        }
    }
}

/// The log.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// The levels of the modules.
    pub filter: Targets,
}

words! {
    /// The form of a log line.
    pub enum LogFormat {
        /// One JSON object a line.
        Json = "json",
        /// Text for humans.
        Text = "text",
    }
}

impl Server {
    /// Reads only the variables of this section.
    pub fn from_vars(vars: &Vars) -> Result<Self, Faults> {
        let mut reader = Reader::new(vars);
        let server = sections::server(&mut reader);
        reader.finish(server)
    }
}

impl Config {
    /// Reads all variables. Fails with all faults.
    pub fn from_vars(vars: &Vars) -> Result<Self, Faults> {
        let mut reader = Reader::new(vars);
        let config = sections::config(&mut reader);
        reader.refuse_unsupported();
        reader.finish(config)
    }
}
