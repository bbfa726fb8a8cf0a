//! From the configuration to a client that can connect.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    TlsCertificates,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config;

/// How long the network may leave bytes unacknowledged: a server that vanished is noticed although nobody answers.
const USER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));

/// Why the way to Redis cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `REDIS_CA_FILE` cannot be read.
    #[error("REDIS_CA_FILE {path} cannot be read")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `REDIS_CA_FILE` holds no certificate in PEM form.
    #[error("REDIS_CA_FILE {path} holds no PEM certificate that can be trusted")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The client does not take the settings.
    #[error("the client for Redis cannot be set up: {0}")]
    Client(RedisError),
}

/// A client; it has not connected yet.
pub(super) fn client(config: &config::Redis) -> Result<Client, SetupError> {
    // The process may have installed a provider already; whichever is there will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let info = info(config).map_err(SetupError::Client)?;
    match config.tls.as_ref().and_then(|tls| tls.ca_file.as_deref()) {
        None => Client::open(info).map_err(SetupError::Client),
        Some(path) => {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem(path)?) };
            Client::build_with_tls(info, certificates)
                .map_err(|_| SetupError::NoCertificate { path: path.to_owned() })
        }
    }
}

fn info(config: &config::Redis) -> Result<ConnectionInfo, RedisError> {
    let (host, port) = (config.host.clone(), config.port);
    let address = match config.tls {
        None => ConnectionAddr::Tcp(host, port),
        Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    };
    let tcp = TcpSettings::default();
    let tcp = tcp.set_nodelay(true).set_keepalive(KEEPALIVE).set_user_timeout(USER_TIMEOUT);
    Ok(address.into_connection_info()?.set_tcp_settings(tcp).set_redis_settings(login(config)))
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

/// The text of the file, which holds a certificate; the client would take one without, and then trust nobody.
fn pem(path: &Path) -> Result<Vec<u8>, SetupError> {
    let pem = std::fs::read(path);
    let pem = pem.map_err(|source| SetupError::CaFile { path: path.to_owned(), source })?;
    match CertificateDer::pem_slice_iter(&pem).next() {
        Some(Ok(_)) => Ok(pem),
        _ => Err(SetupError::NoCertificate { path: path.to_owned() }),
    }
}
