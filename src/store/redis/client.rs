//! The connections to the server by the configuration: the address, TLS, the login.
//!
//! This module makes the stream, not the `redis` crate, so that svm can bound the bytes that it
//! receives. Both connections share the look-ups of the name.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use ::redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisResult};
use futures_util::future::select_ok;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::guarded::{Guarded, ReceiveBounds};
use crate::look_ups::{self, LookUps};
use crate::tls::{self, Trust};
use crate::{config, tasks};

/// The time limit for the acknowledgment of sent bytes. After it, svm notices that a server has
/// vanished.
const USER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));

/// The most bytes that wait in memory to be sent. Beyond them, senders wait.
const SEND_BUFFER: usize = 256 << 10;

/// The server and the login.
pub(super) struct RedisClient {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    login: RedisConnectionInfo,
    look_ups: LookUps,
}

/// A connection and the task that drives it. Dropping the task ends the connection.
pub(super) type Connected = (MultiplexedConnection, AbortOnDropHandle<()>);

impl RedisClient {
    /// Creates a client without a connection.
    pub(super) fn new(config: &config::Redis) -> Result<Self, tls::Error> {
        let tls = config.tls.as_ref().map(|tls| tls_connector(tls.ca_file.as_deref()));
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            tls: tls.transpose()?,
            login: login(config),
            look_ups: LookUps::new(look_ups::OF_ONE_NAME),
        })
    }

    /// Finds the server, connects and logs in.
    pub(super) async fn connect(&self, allowance: ReceiveBounds) -> RedisResult<Connected> {
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

    /// Connects to the address of the name that answers first.
    async fn connect_tcp(&self) -> io::Result<TcpStream> {
        let addresses = self.addresses().await?.into_iter();
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

    /// Returns the addresses of the server.
    async fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match self.host.parse::<IpAddr>() {
            Ok(address) => Ok(vec![(address, self.port).into()]),
            Err(_) => self.look_ups.addresses(&self.host, self.port).await,
        }
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

/// Returns a TLS connector that trusts the certificates of the file, or those of the system if
/// there is no file.
fn tls_connector(ca_file: Option<&Path>) -> Result<TlsConnector, tls::Error> {
    let trust = Trust { server: "Redis", variable: "REDIS_CA_FILE", ca_file, with_system: false };
    Ok(TlsConnector::from(Arc::new(trust.client_config(tls::provider())?)))
}
