//! The terminator: it ends TLS, reads each request, and passes it to the rules or breaks the
//! connection as scripted.
//!
//! The subtle part: while the simulation is down, its port stays bound without listening, so that
//! connections are refused and no other process can take the port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::LazyConfigAcceptor;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::failure::Failure;
use super::fault::{self, Client, Left};
use super::received::{self, Received};
use super::tls::Authority;
use super::traffic;
use super::world::{Shared, lock};

const BIND_ATTEMPTS: usize = 1_000;
const BIND_INTERVAL: Duration = Duration::from_millis(1);

/// The state that all connections share.
pub struct Site {
    /// The simulated world.
    pub world: Shared,
    /// The authority that clients trust.
    pub trusted: Authority,
    /// The certificate of an unknown authority.
    pub untrusted: Arc<ServerConfig>,
    /// The mock server with the rules.
    pub backend: SocketAddr,
}

/// The listener and all its connections, which end when it is dropped.
pub struct Terminator {
    site: Arc<Site>,
    address: SocketAddr,
    state: State,
}

enum State {
    Up { stop: CancellationToken, tasks: JoinSet<()> },
    Down(TcpSocket),
}

impl Terminator {
    /// Listens on `address`; port 0 takes a free one.
    pub fn start(site: Site, address: SocketAddr) -> io::Result<Self> {
        let socket = bind(address)?;
        let address = socket.local_addr()?;
        let mut terminator = Self { site: Arc::new(site), address, state: State::Down(socket) };
        terminator.come_up()?;
        Ok(terminator)
    }

    /// Returns the address on which the terminator listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens again on the same port.
    pub fn come_up(&mut self) -> io::Result<()> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let up = State::Up { stop: stop.clone(), tasks: JoinSet::new() };
        match std::mem::replace(&mut self.state, up) {
            State::Down(socket) => {
                tasks.spawn(accept(socket.listen(1_024)?, Arc::clone(&self.site), stop.clone()));
                self.state = State::Up { stop, tasks };
            }
            up @ State::Up { .. } => self.state = up,
        }
        Ok(())
    }

    /// Closes the listener and all connections. From its return on, connections are refused.
    pub async fn go_down(&mut self) -> io::Result<()> {
        if let State::Up { stop, tasks } = &mut self.state {
            stop.cancel();
            while tasks.join_next().await.is_some() {}
            self.state = State::Down(bind_again(self.address).await?);
        }
        Ok(())
    }
}

/// Binds without listening. Reuse of the address lets it take a port whose old connections linger.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Binds an address that was just released. A child process that is just being started holds copies
/// of the sockets until it executes its program, so binding may need several attempts.
async fn bind_again(address: SocketAddr) -> io::Result<TcpSocket> {
    for _ in 0..BIND_ATTEMPTS {
        match bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => sleep(BIND_INTERVAL).await,
            done => return done,
        }
    }
    bind(address)
}

/// Returns a free port of the loopback interface.
pub fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn accept(listener: TcpListener, site: Arc<Site>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    lock(&site.world).journal.accepted += 1;
                    connections.spawn(serve(stream, Arc::clone(&site)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Serves one connection; an error concerns only the client, and ends the connection.
async fn serve(stream: TcpStream, site: Arc<Site>) {
    let _ = stream.set_nodelay(true);
    if let Some((client, number)) = shake_hands(stream, &site).await {
        let _ = converse(client, number, &site).await;
        lock(&site.world).journal.ended += 1;
    }
}

/// Ends TLS, unless the handshake must fail; that is decided once the client has named the host.
async fn shake_hands(stream: TcpStream, site: &Site) -> Option<(Client, u64)> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.ok()?;
    let host = start.client_hello().server_name().unwrap_or_default().to_owned();
    let failure = lock(&site.world).next_handshake_failure(&host);
    let config = match failure {
        Some(Failure::TlsHandshake) => return None,
        Some(Failure::UntrustedCertificate) => Arc::clone(&site.untrusted),
        Some(Failure::DefectiveCertificate(defect)) => site.trusted.defective(defect, &host),
        _ => Arc::clone(&site.trusted.server),
    };
    let client = start.into_stream(config).await.ok()?;
    let journal = &mut lock(&site.world).journal;
    journal.connections += 1;
    Some((BufReader::new(client), journal.connections))
}

async fn converse(mut client: Client, number: u64, site: &Site) -> io::Result<()> {
    let sni = client.get_ref().get_ref().1.server_name().map(str::to_owned);
    let mut backend = Backend::connect(site.backend).await?;
    while let Some(mut request) = received::read(&mut client, sni.as_deref()).await? {
        request.connection = number;
        if lock(&site.world).refuses_handshakes(&request.host) {
            break;
        }
        let last = request.wants_close();
        let left = exchange(request, &mut client, &mut backend, site).await?;
        if last || matches!(left, Left::Nothing) {
            break;
        }
    }
    client.shutdown().await
}

/// Reads one request and sends the remaining part of its answer.
async fn exchange(
    mut request: Received,
    client: &mut Client,
    backend: &mut Backend,
    site: &Site,
) -> io::Result<Left> {
    let (passage, refusal) = traffic::enter(&mut request, &site.world);
    let barrier = {
        let mut world = lock(&site.world);
        world.journal.received(&request);
        world.barrier(&request.target)
    };
    if let Some(barrier) = barrier.filter(|_| refusal.is_none()) {
        barrier.pass().await;
    }
    let failure = refusal.or_else(|| lock(&site.world).next_failure(&request));
    let (fault, failure) = match failure {
        Some(fault) if fault.spoils_answers() => (Some(fault), None),
        failure => (None, failure),
    };
    match fault::before(fault.as_ref(), client).await? {
        Left::Everything => {}
        left => return Ok(left),
    }
    let method = request.method.clone();
    let number = lock(&site.world).hand_over(request, failure);
    let reply = backend.exchange(number, &method).await?;
    drop(passage);
    fault::send(fault.as_ref(), reply, client).await
}
