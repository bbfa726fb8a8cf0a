//! Configuration: from text in variables to one typed struct per concern.
//!
//! It reads no file and opens nothing: whether a folder can be written or a certificate read is found out by
//! those who use it. The subtle thing is that a faulty variable does not end the reading: every section is read
//! to its end, so that one run reports all faults.

mod faults;
mod log_filter;
mod memory;
mod near_miss;
mod nearest;
mod parse;
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

use self::reader::Reader;

pub use faults::{Fault, Faults};
pub use redis::{Password, Redis, RedisTls};
pub use settings::{Setting, Shown};
pub use variables::{VARIABLES, Variable};
pub use vars::Vars;

/// Everything an operator decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The listener and the process.
    pub server: Server,
    /// What clients may ask for.
    pub targets: target::Policy,
    /// Lifetimes, and the size of L1.
    pub cache: Cache,
    /// The way to GitHub.
    pub upstream: Upstream,
    /// The tokens.
    pub tokens: Tokens,
    /// What outlives the process.
    pub store: Store,
    /// The queue in front of the store.
    pub write_behind: WriteBehind,
    /// The background revalidation.
    pub revalidate: Revalidate,
    /// What is logged, and how.
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
    /// How many connections are open at once.
    pub max_connections: usize,
    /// The limit of open connections of one client; `None` is no limit.
    pub max_connections_per_client: Option<usize>,
    /// How many requests a second of one client may have the upstream asked; nothing is no limit.
    pub client_miss_rate: Option<f64>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long connections are still accepted after the signal to end.
    pub shutdown_delay: Duration,
    /// How long running requests may go on after that.
    pub shutdown_grace: Duration,
    /// How long the write-behind queue may drain after that.
    pub drain_timeout: Duration,
    /// How long a head may take to arrive, which with this server is also how long an idle connection is kept; and how
    /// long a client may not read.
    pub connection_patience: Duration,
}

/// Lifetimes, and the size of L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// The life of a 200.
    pub hard_ttl: Duration,
    /// The life of a 404 or 410.
    pub negative_ttl: Duration,
    /// How long past its expiry a copy may stand in for a failing upstream; zero is off.
    pub stale_if_error: Duration,
    /// How long a request waits for the upstream before a copy stands in; zero is off.
    pub stale_after: Duration,
    /// A refresh is answered from the cache if the last check is more recent; zero is off.
    pub refresh_min_interval: Duration,
    /// How often a document that is revalidated by its date is checked by its ETag.
    pub audit_interval: Duration,
    /// How often a document in use is checked at all; the interval of [`Revalidate`].
    pub check_interval: Duration,
    /// The weight that L1 may reach, in bytes.
    pub l1_max_bytes: u64,
    /// How long a miss waits for L2. No variable decides it: it is a promise to clients.
    pub store_read_budget: Duration,
}

impl Cache {
    /// How long a miss waits for its turn at the store: as long as it would wait for the upstream.
    pub fn store_patience(&self) -> Duration {
        const DEFAULT: Duration = Duration::from_secs(2);
        if self.stale_after.is_zero() { DEFAULT } else { self.stale_after }
    }
}

/// The way to GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// How long an exchange may take, with all its hops and retries.
    pub timeout: Duration,
    /// How large a decoded body may be, in bytes.
    pub max_response_bytes: u64,
    /// How many exchanges run at once.
    pub max_concurrency: usize,
    /// When the background asks by a date instead of an ETag.
    pub by_date: ByDate,
    /// Hosts whose connections go elsewhere.
    pub connect_to: Vec<ConnectTo>,
    /// Certificates to trust beside those of the system, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// When the background asks for a document by its date instead of its ETag, where the document allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByDate {
    /// While the quota that is left is below half of the limit.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ByDate {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Always, Self::Never];

    /// The name by which it is chosen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// Sends the connections of one host, on port 443, elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    /// The host in the URL, in lower case.
    pub host: String,
    /// Where its connections go instead.
    pub address: ConnectAddress,
}

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectAddress {
    /// To this address.
    Ip(SocketAddr),
    /// To whatever address this name has.
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
    /// At least one, none twice, in the order given.
    pub secrets: Vec<Secret>,
    /// The remaining quota, in requests, under which a token is used last.
    pub usage_threshold: u64,
    /// Whether tokens that can see private data are left unused.
    pub require_public: bool,
    /// Whether GitHub is asked whose each token is. No variable decides it: the service always asks, and a test that
    /// counts requests may go without.
    pub identify: bool,
}

/// What outlives the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// A file of this process alone.
    Embedded(Embedded),
    /// A server that several processes may share.
    Redis(Redis),
}

impl Store {
    /// The name under which it is reported.
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
    /// The size that it may reach, in bytes.
    pub max_bytes: u64,
}

/// The queue in front of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBehind {
    /// How many keys may wait.
    pub queue_size: usize,
    /// How often a batch is written.
    pub flush_interval: Duration,
    /// The longest pause before a failed batch is tried again.
    pub retry_max_interval: Duration,
    /// How long a record is tried before it is dropped.
    pub retry_max_age: Duration,
}

/// The background revalidation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Revalidate {
    /// How often a document in use is checked.
    pub interval: Duration,
    /// How long after its last use a document still is in use.
    pub lookback: Duration,
    /// How many documents one worker takes on in a sweep.
    pub endpoints_per_worker: usize,
    /// How many requests a second one worker makes at most.
    pub per_worker_rps: f64,
    /// The most requests a second of all workers, those of all replicas together.
    pub max_rps: MaxRps,
}

/// The most requests a second that all workers make together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxRps {
    /// As many as GitHub takes.
    Auto,
    /// This many.
    Fixed(f64),
}

impl Display for MaxRps {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(rate) => rate.fmt(f),
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// Which modules log what.
    pub filter: Targets,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    /// The name by which it is chosen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

impl Server {
    /// Reads the variables of this section alone.
    pub fn from_vars(vars: &Vars) -> Result<Self, Faults> {
        let mut reader = Reader::new(vars);
        let server = sections::server(&mut reader);
        reader.finish(server)
    }
}

impl Config {
    /// Reads all variables; the faults of all of them, if there are any.
    pub fn from_vars(vars: &Vars) -> Result<Self, Faults> {
        let mut reader = Reader::new(vars);
        let server = sections::server(&mut reader);
        let targets = sections::targets(&mut reader);
        let revalidate = sections::revalidate(&mut reader);
        let cache = sections::cache(&mut reader, revalidate.as_ref());
        let upstream = sections::upstream(&mut reader, targets.as_ref());
        let tokens = sections::tokens(&mut reader);
        let store = sections::store(&mut reader);
        let write_behind = sections::write_behind(&mut reader);
        let log = sections::log(&mut reader);
        let config = (|| {
            Some(Self {
                server: server?,
                targets: targets?,
                cache: cache?,
                upstream: upstream?,
                tokens: tokens?,
                store: store?,
                write_behind: write_behind?,
                revalidate: revalidate?,
                log: log?,
                settings: reader.settings(),
            })
        })();
        reader.finish(config)
    }
}
