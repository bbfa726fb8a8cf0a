//! The connections to the server by the configuration: the address, TLS, the login.
//!
//! This module makes the stream, not the `redis` crate, so that svm can bound the bytes that it
//! receives. A look-up of the name blocks a thread until the system has an answer, even when its
//! callers have gone. So both connections share one look-up, and a later call gets the answer of
//! one that was too slow for the earlier calls. A second look-up begins if the reply of the first
//! may be lost, but no third one.

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use ::redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisResult};
use futures_util::future::{BoxFuture, FutureExt, Shared, select_ok};
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::guarded::{Guarded, ReceiveBounds};
use crate::clock::Stopwatch;
use crate::tls::{self, Trust};
use crate::{config, tasks};

/// The time limit for the acknowledgment of sent bytes. After it, svm notices that a server has
/// vanished.
const USER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));

/// The time for which calls wait for one look-up alone. After it, its reply may be lost.
const SHARED_FOR: Duration = Duration::from_secs(3);

/// The most bytes that wait in memory to be sent. Beyond them, senders wait.
const SEND_BUFFER: usize = 256 << 10;

/// The server and the login.
pub(super) struct RedisClient {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    login: RedisConnectionInfo,
    names: Arc<HostNames>,
    /// The look-ups that run, or whose answer no call has had yet, at most two.
    look_ups: Mutex<Vec<PendingLookUp>>,
}

/// A blocking look-up of a name. Each address gets this port.
type HostNames = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// A look-up on a blocking thread. Clones share its answer.
type LookUp = Shared<BoxFuture<'static, Result<Vec<SocketAddr>, Arc<io::Error>>>>;

struct PendingLookUp {
    look_up: LookUp,
    began: Stopwatch,
    /// True if a later one has got its answer.
    is_outdated: bool,
}

/// A connection and the task that drives it. Dropping the task ends the connection.
pub(super) type Connected = (MultiplexedConnection, AbortOnDropHandle<()>);

impl RedisClient {
    /// Creates a client without a connection, which uses the system's look-up.
    pub(super) fn new(config: &config::Redis) -> Result<Self, tls::Error> {
        Self::asking(config, |host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }

    /// Creates a client with this look-up.
    fn asking(
        config: &config::Redis,
        names: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Result<Self, tls::Error> {
        let tls = config.tls.as_ref().map(|tls| tls_connector(tls.ca_file.as_deref()));
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            tls: tls.transpose()?,
            login: login(config),
            names: Arc::new(names),
            look_ups: Mutex::default(),
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
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![(address, self.port).into()]);
        }
        let look_up = self.look_up();
        let answer = look_up.clone().await;
        let mut look_ups = self.look_ups.lock();
        // The next call looks the name up again.
        look_ups.retain(|other| !other.look_up.ptr_eq(&look_up));
        look_ups.iter_mut().for_each(|earlier| earlier.is_outdated = true);
        drop(look_ups);
        answer.map_err(|error| io::Error::new(error.kind(), error))
    }

    /// Returns the look-up to wait for: one that has ended, the latest one, or a new one.
    fn look_up(&self) -> LookUp {
        let mut look_ups = self.look_ups.lock();
        let has_ended = |it: &PendingLookUp| it.look_up.clone().now_or_never().is_some();
        look_ups.retain(|it| !it.is_outdated || !has_ended(it));
        if let Some(ended) = look_ups.iter().find(|it| has_ended(it)) {
            return ended.look_up.clone();
        }
        if let Some(latest) = look_ups.last()
            && (look_ups.len() > 1 || latest.began.elapsed() < SHARED_FOR)
        {
            return latest.look_up.clone();
        }
        let look_up = self.begin_look_up();
        let began = Stopwatch::start();
        look_ups.push(PendingLookUp { look_up: look_up.clone(), began, is_outdated: false });
        look_up
    }

    fn begin_look_up(&self) -> LookUp {
        let (names, host, port) = (Arc::clone(&self.names), self.host.clone(), self.port);
        let call = tasks::blocking(move || names(&host, port));
        let answer = async move { call.await.map_err(io::Error::other)? };
        answer.map(|answer: io::Result<_>| answer.map_err(Arc::new)).boxed().shared()
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
