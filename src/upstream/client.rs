//! The HTTP clients: timeouts, TCP settings, and nothing that a client would do on its own.

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
use crate::tls::{self, Trust};

use super::dial;
use super::intake::{OpenIntakes, metered};
use super::resolver::Resolver;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Below the idle time of GitHub's servers, so that a request rarely meets a connection that is
/// being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The one coding that the body's reader undoes.
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// An idle connection that a firewall forgot is found while it is idle.
const KEEPALIVE_TIME: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_RETRIES: u32 = 3;
/// The time for which the network may leave bytes unacknowledged.
const USER_TIMEOUT: Duration = Duration::from_secs(3);
/// Names neither curl nor a browser: GitHub would pretty-print, and clients grep for the compact
/// form.
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

/// Builds clients that share one TLS configuration: one for each pool of connections.
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
        Self::with_resolver(Resolver::new(&config.connect_to), config)
    }

    /// The same with this resolver: it alone decides which addresses a name is dialled at.
    pub(super) fn with_resolver(
        resolver: impl Resolve + 'static,
        config: &config::Upstream,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            tls: tls_config(config.ca_file.as_deref())?,
            resolver: Arc::new(resolver),
            max_idle: config.max_concurrency,
            // A dead peer leaves the exchange the time for another connection.
            user_timeout: USER_TIMEOUT.min(config.timeout / 3),
            intakes: Arc::default(),
        })
    }

    /// The intakes of the connections of all its clients.
    pub(super) fn intakes(&self) -> &OpenIntakes {
        &self.intakes
    }

    /// A client that keeps as many idle connections to a host as there may be exchanges.
    pub(super) fn pooled(&self) -> Result<Client, ClientError> {
        self.build(self.max_idle)
    }

    /// A client that dials for each request.
    pub(super) fn unpooled(&self) -> Result<Client, ClientError> {
        self.build(0)
    }

    /// HTTP/1.1 alone: a deadline that passes then drops the connection, where HTTP/2 would go on
    /// using a dead one for the next request.
    fn build(&self, max_idle: usize) -> Result<Client, ClientError> {
        let intakes = Arc::clone(&self.intakes);
        let client = Client::builder()
            .https_only(true)
            .no_proxy()
            .http1_only()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::clone(&self.resolver))
            .connector_layer(MapFutureLayer::new(move |dialling| {
                dial::noted(dialling, Arc::clone(&intakes))
            }))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEPALIVE_TIME)
            .tcp_keepalive_interval(KEEPALIVE_INTERVAL)
            .tcp_keepalive_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(self.user_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(max_idle)
            .user_agent(USER_AGENT)
            // The library's own decoding reads one member of a gzip body, and one spelling of its
            // name.
            .no_gzip()
            .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, GZIP)]))
            .build()?;
        Ok(client)
    }
}

/// Returns the configuration of TLS for HTTP/1.1, whose incoming bytes are counted.
fn tls_config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, tls::Error> {
    let trust =
        Trust { server: "GitHub", variable: "UPSTREAM_CA_FILE", ca_file, with_system: true };
    let provider = tls::provider().as_ref().clone();
    let mut config = trust.client_config(Arc::new(metered(provider)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
