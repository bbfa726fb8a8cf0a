//! The HTTP client: TLS, timeouts, and nothing that it would do on its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use reqwest::dns::Resolve;
use reqwest::redirect::Policy;
use reqwest::tls::Version;
use reqwest::{Certificate, Client};

use crate::config;

use super::resolver::Resolver;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Below the idle time of GitHub's servers, so that a request rarely meets a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const IDLE_PER_HOST: usize = 16;
/// The one coding that the body's reader undoes.
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// Names neither curl nor a browser: GitHub would pretty-print, and clients grep for the compact form.
const USER_AGENT: &str = concat!("svm/", env!("CARGO_PKG_VERSION"));

/// Why the client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// `UPSTREAM_CA_FILE` cannot be read.
    #[error("UPSTREAM_CA_FILE {path} cannot be read")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `UPSTREAM_CA_FILE` holds no certificate in PEM form.
    #[error("UPSTREAM_CA_FILE {path} holds no PEM certificate")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up.
    #[error("the HTTPS client cannot be set up")]
    Client(#[from] reqwest::Error),
}

/// Builds the client. HTTP/1.1 alone: a deadline that passes then drops the connection, where HTTP/2 would go on
/// using a dead one for the next request.
pub(super) fn build(config: &config::Upstream) -> Result<Client, ClientError> {
    dialling_through(Resolver::new(&config.connect_to), config)
}

/// The same with this resolver: it alone decides which addresses a name is dialled at.
pub(super) fn dialling_through(
    resolver: impl Resolve + 'static,
    config: &config::Upstream,
) -> Result<Client, ClientError> {
    // The process may have installed a provider already; whichever is there will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .https_only(true)
        .no_proxy()
        .http1_only()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .tls_version_min(Version::TLS_1_2)
        .tls_certs_merge(certificates(config)?)
        .dns_resolver(Arc::new(resolver))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .user_agent(USER_AGENT)
        // The library's own decoding reads one member of a gzip body, and one spelling of its name.
        .no_gzip()
        .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, GZIP)]))
        .build()?;
    Ok(client)
}

fn certificates(config: &config::Upstream) -> Result<Vec<Certificate>, ClientError> {
    let Some(path) = &config.ca_file else { return Ok(Vec::new()) };
    let pem =
        std::fs::read(path).map_err(|source| ClientError::CaFile { path: path.clone(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ClientError::NoCertificate { path: path.clone() }),
    }
}
