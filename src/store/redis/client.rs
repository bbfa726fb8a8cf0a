//! From the configuration to connections: the address, TLS, the login.
//!
//! The stream is made here and not by the client, so that what comes on it can be bounded.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use ::redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisResult};
use futures_util::future::select_ok;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::guarded::{Allowance, Guarded};
use crate::config::redacted::redacted_path;
use crate::{config, tasks};

/// How long the network may leave bytes unacknowledged: a server that vanished is noticed although
/// nobody answers.
const USER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));

/// The bytes that may wait in memory to be sent before senders wait.
const SEND_BUFFER: usize = 256 << 10;

/// Why the way to Redis cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `REDIS_CA_FILE` cannot be read.
    #[error("REDIS_CA_FILE {} cannot be read", redacted_path(.path))]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `REDIS_CA_FILE` holds no certificate in PEM form.
    #[error("REDIS_CA_FILE {} holds no PEM certificate that can be trusted", redacted_path(.path))]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The system has no certificate authorities, and `REDIS_CA_FILE` is unset.
    #[error(
        "there are no CA certificates to verify Redis with: install the system's package ca-certificates, or name a PEM file in REDIS_CA_FILE (SSL_CERT_FILE and SSL_CERT_DIR, where they are set, name the system's)"
    )]
    NoAuthorities,
    /// TLS cannot be set up.
    #[error("TLS to Redis cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// The server, and the login there.
pub(super) struct Client {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    login: RedisConnectionInfo,
}

/// A connection, and the task that keeps it going for as long as this is held.
pub(super) type Connected = (MultiplexedConnection, AbortOnDropHandle<()>);

impl Client {
    /// A client; it has not connected yet.
    pub(super) fn new(config: &config::Redis) -> Result<Self, SetupError> {
        let tls = config.tls.as_ref().map(|tls| tls_connector(tls.ca_file.as_deref()));
        let login = login(config);
        Ok(Self { host: config.host.clone(), port: config.port, tls: tls.transpose()?, login })
    }

    /// Finds the server, connects and logs in.
    pub(super) async fn connect(&self, allowance: Allowance) -> RedisResult<Connected> {
        let stream = self.connect_tcp().await?;
        match &self.tls {
            None => self.log_in(Guarded::new(stream, allowance)).await,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                let stream = tls.connect(name, stream).await?;
                self.log_in(Guarded::new(stream, allowance)).await
            }
        }
    }

    /// Connects to whichever address of the name answers first.
    async fn connect_tcp(&self) -> io::Result<TcpStream> {
        let addresses = lookup_host((self.host.as_str(), self.port)).await?;
        let attempts: Vec<_> =
            addresses.map(|address| Box::pin(TcpStream::connect(address))).collect();
        if attempts.is_empty() {
            return Err(io::Error::other("the name has no address"));
        }
        let (stream, _) = select_ok(attempts).await?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_keepalive(&KEEPALIVE)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        Ok(stream)
    }

    async fn log_in<S>(&self, stream: Guarded<S>) -> RedisResult<Connected>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_write_backpressure_boundary(SEND_BUFFER);
        let connecting = MultiplexedConnection::new_with_config(&self.login, stream, config);
        let (connection, work) = connecting.await?;
        Ok((connection, tasks::owned(work)))
    }
}

fn login(config: &config::Redis) -> RedisConnectionInfo {
    let database = i64::from(config.database);
    let mut login = RedisConnectionInfo::default().set_db(database).set_skip_set_lib_name();
    if let Some(user) = &config.user {
        login = login.set_username(user);
    }
    if let Some(password) = &config.password {
        login = login.set_password(password.expose());
    }
    login
}

/// TLS that trusts the certificates of the file, or those of the system.
fn tls_connector(ca_file: Option<&Path>) -> Result<TlsConnector, SetupError> {
    // The process may have installed a provider already; whichever is there will do.
    let installed = CryptoProvider::get_default().map(Arc::clone);
    let provider = installed.unwrap_or_else(|| Arc::new(ring::default_provider()));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match ca_file {
        Some(path) => builder.with_root_certificates(authorities(path)?),
        None => {
            let verifier = Verifier::new(provider).map_err(|_| SetupError::NoAuthorities)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())))
}

fn authorities(path: &Path) -> Result<RootCertStore, SetupError> {
    let pem = crate::small_file::read(path);
    let pem = pem.map_err(|source| SetupError::CaFile { path: path.to_owned(), source })?;
    let none = || SetupError::NoCertificate { path: path.to_owned() };
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        authorities.add(certificate.map_err(|_| none())?).map_err(|_| none())?;
    }
    if authorities.is_empty() { Err(none()) } else { Ok(authorities) }
}
