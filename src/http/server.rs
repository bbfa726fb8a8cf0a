//! The server: it accepts clients, serves each one through the HTTP library, and stops in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use salvo::Service;
use salvo::conn::ConnCtrl;
use salvo::http::uri::Scheme;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::tasks::Tasks;

use super::connections::{Connections, OpenConnection};
use super::https::Https;
use super::listener;
use super::protocols::Protocols;
use super::socket::ClientSocket;

/// The time for which a client may read nothing, in multiples of the patience. The system of a slow
/// client acknowledges bytes in large steps, of 64 KiB and more.
const READING: u32 = 3;
/// The time for aborted connections to end.
const ABORT_LIMIT: Duration = Duration::from_secs(1);

/// A server that does not accept clients yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    service: Service,
    connections: Connections,
    https: Option<Arc<Https>>,
    protocols: Arc<Protocols>,
    patience: Duration,
    signals: StopSignals,
}

/// The handle to stop a server step by step. Dropping it aborts the remaining connections.
pub struct Stop {
    signals: StopSignals,
    _when_dropped: DropGuard,
}

#[derive(Clone, Default)]
struct StopSignals {
    /// Stops accepting clients.
    closed: CancellationToken,
    /// Ends each connection after its answer.
    last_answers: CancellationToken,
    /// Ends each connection at once.
    abort: CancellationToken,
    tasks: Tasks,
}

impl Server {
    /// Creates a server of `service` on a bound socket, over TLS with the certificate of `https`.
    /// `patience` is the time for a head to arrive, the time for which a connection may be idle,
    /// and a third of the time for which a client may read nothing.
    ///
    /// # Errors
    ///
    /// If the socket has no address.
    pub fn new(
        listener: TcpListener,
        service: Service,
        connections: Connections,
        https: Option<Arc<Https>>,
        patience: Duration,
    ) -> std::io::Result<(Self, Stop)> {
        let address = listener.local_addr()?;
        limit_unread(&listener, patience * READING)?;
        let signals = StopSignals::default();
        let protocols = Arc::new(Protocols::new(signals.tasks.clone(), patience));
        let stop =
            Stop { signals: signals.clone(), _when_dropped: signals.abort.clone().drop_guard() };
        let server =
            Self { listener, address, service, connections, https, protocols, patience, signals };
        Ok((server, stop))
    }

    /// Accepts clients until the listener is closed. Their connections outlive this call.
    pub async fn run(self) {
        let closed = self.signals.closed.clone();
        closed.run_until_cancelled(self.accept()).await;
    }

    async fn accept(&self) {
        loop {
            let (socket, peer) = listener::next(&self.listener, &self.connections).await;
            let StopSignals { last_answers, abort, .. } = &self.signals;
            let admitted = self.connections.admit(peer.ip(), last_answers, abort);
            if let Some(open) = admitted.await {
                self.serve(socket, peer, open);
            }
        }
    }

    fn serve(&self, socket: TcpStream, peer: SocketAddr, open: OpenConnection) {
        let scheme = if self.https.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        // The HTTP library enforces its own limits, so its wrapper needs none.
        let (address, control) = (self.address.into(), ConnCtrl::new());
        let service = self.service.hyper_handler(address, peer.into(), scheme, None, control, None);
        let connection = open.connection().clone();
        let socket = ClientSocket::new(socket, connection, self.patience * READING);
        let protocols = Arc::clone(&self.protocols);
        match self.https.clone() {
            None => self.signals.tasks.spawn(async move {
                protocols.serve_plain(socket, open, service).await;
            }),
            Some(https) => self.signals.tasks.spawn(async move {
                protocols.serve_tls(&https, socket, open, service).await;
            }),
        }
    }
}

/// Limits the time for which the kernel keeps an answer that its client does not read, also after
/// the end of the connection. Accepted sockets inherit the limit.
#[cfg(target_os = "linux")]
fn limit_unread(listener: &TcpListener, limit: Duration) -> std::io::Result<()> {
    let millis = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(listener, millis)?)
}

#[cfg(not(target_os = "linux"))]
fn limit_unread(_: &TcpListener, _: Duration) -> std::io::Result<()> {
    Ok(())
}

impl Stop {
    /// Stops accepting clients.
    pub fn close_listener(&self) {
        self.signals.closed.cancel();
    }

    /// Ends each connection after its current answer, and aborts the connections that have not
    /// ended after `limit`.
    pub async fn end_connections(&self, limit: Duration) {
        let StopSignals { last_answers, abort, tasks, .. } = &self.signals;
        last_answers.cancel();
        if tasks.wait(limit).await > 0 {
            abort.cancel();
            tasks.wait(ABORT_LIMIT).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use salvo::Router;

    use super::*;
    use crate::clock::Clock;
    use crate::http::ConnectionCounters;
    use crate::http::client_ip::Proxies;
    use crate::http::{ConnectionLimits, bind};
    use crate::metrics::Registry;

    #[tokio::test]
    async fn its_listener_closes_whether_or_not_it_is_polled() {
        for is_polled in [false, true] {
            let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = listener.local_addr().unwrap();
            let limits =
                ConnectionLimits { connections: 1, per_client: None, proxies: Proxies::new(&[]) };
            let connections = Connections::new(
                limits,
                Clock::System,
                ConnectionCounters::new(&Registry::default()),
            );
            let service = Service::new(Router::new());
            let (server, stop) =
                Server::new(listener, service, connections, None, Duration::from_secs(1)).unwrap();
            let mut running = Box::pin(server.run());
            if is_polled {
                assert!(futures_util::poll!(running.as_mut()).is_pending());
            }
            stop.close_listener();
            running.as_mut().await;
            drop(running);
            let refused = TcpStream::connect(address).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "polled: {is_polled}");
        }
    }
}
