//! The HTTP clients: timeouts, TCP settings, and no automatic behavior.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use reqwest::Client;
use reqwest::dns::Resolve;
use reqwest::redirect::Policy;
use tower::util::MapFutureLayer;

use crate::config;
use crate::look_ups::LookUps;
use crate::tls::{self, Trust};

use super::dial;
use super::intake::{OpenIntakes, metered};
use super::resolver::{LOOK_UPS, Resolver};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Shorter than the idle time of GitHub's servers, so that a request rarely meets a connection that
/// the server closes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The only coding that `body` decodes.
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// The idle time before the first keep-alive probe. The probes detect a connection that a firewall
/// has dropped.
const KEEPALIVE_TIME: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_RETRIES: u32 = 3;
/// The time for which sent bytes may stay unacknowledged.
const USER_TIMEOUT: Duration = Duration::from_secs(3);
/// The user agent. GitHub indents its JSON for curl and for browsers, but clients search the
/// compact form.
const USER_AGENT: &str = concat!("svm/", env!("CARGO_PKG_VERSION"));

/// The reason why the HTTPS client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTPS client cannot be set up")]
    Client(#[from] reqwest::Error),
}

/// A builder of clients that share one TLS configuration, one for each connection pool.
pub(super) struct ClientBuilder {
    tls: rustls::ClientConfig,
    resolver: Arc<dyn Resolve>,
    max_idle: usize,
    user_timeout: Duration,
    intakes: Arc<OpenIntakes>,
}

impl ClientBuilder {
    /// Reads the certificates to trust.
    pub(super) fn new(config: &config::Upstream) -> Result<Self, ClientError> {
        Self::with_resolver(Resolver::new(&config.connect_to, LookUps::new(LOOK_UPS)), config)
    }

    /// Reads the certificates to trust. This resolver alone decides which addresses are dialled.
    pub(super) fn with_resolver(
        resolver: impl Resolve + 'static,
        config: &config::Upstream,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            tls: tls_config(config.ca_file.as_deref())?,
            resolver: Arc::new(resolver),
            max_idle: config.max_concurrency,
            // After a dead peer, the exchange must have time for another connection.
            user_timeout: USER_TIMEOUT.min(config.timeout / 3),
            intakes: Arc::default(),
        })
    }

    /// Returns the intakes of the connections of all its clients.
    pub(super) fn intakes(&self) -> &OpenIntakes {
        &self.intakes
    }

    /// Builds a client whose pool keeps as many idle connections as exchanges may run.
    pub(super) fn pooled(&self) -> Result<Client, ClientError> {
        self.build(self.max_idle)
    }

    /// Builds a client that dials for each request.
    pub(super) fn unpooled(&self) -> Result<Client, ClientError> {
        self.build(0)
    }

    /// Builds a client for HTTP/1.1 only: after a missed deadline HTTP/1.1 drops the connection,
    /// whereas HTTP/2 would use the dead connection for the next request.
    fn build(&self, max_idle: usize) -> Result<Client, ClientError> {
        let intakes = Arc::clone(&self.intakes);
        let client = Client::builder();
        // Other systems have no such limit; there, the keepalive probes find a dead connection.
        #[cfg(target_os = "linux")]
        let client = client.tcp_user_timeout(self.user_timeout);
        let client = client
            .https_only(true)
            .no_proxy()
            .http1_only()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::clone(&self.resolver))
            .connector_layer(MapFutureLayer::new(move |dialling| {
                dial::recorded(dialling, Arc::clone(&intakes))
            }))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEPALIVE_TIME)
            .tcp_keepalive_interval(KEEPALIVE_INTERVAL)
            .tcp_keepalive_retries(KEEPALIVE_RETRIES)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(max_idle)
            .user_agent(USER_AGENT)
            // The library's decoder reads only one gzip member, and knows only one spelling of the
            // coding's name.
            .no_gzip()
            .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, GZIP)]))
            .build()?;
        Ok(client)
    }
}

/// Returns the TLS configuration for HTTP/1.1. It counts the incoming bytes.
pub(super) fn tls_config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, tls::Error> {
    let trust =
        Trust { server: "GitHub", variable: "UPSTREAM_CA_FILE", ca_file, with_system: true };
    let provider = tls::provider().as_ref().clone();
    let mut config = trust.client_config(Arc::new(metered(provider)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
