//! Ends TLS, reads each request, and passes it on to the rules or breaks the connection as scripted.
//!
//! The subtle part: while the simulation is down, its port stays bound without listening, so that connections are
//! refused and no other process can take the port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::received;
use super::world::{Shared, lock};

/// What every connection needs.
pub struct Site {
    /// The simulated world.
    pub world: Shared,
    /// The certificate clients trust.
    pub acceptor: TlsAcceptor,
    /// The mock server with the rules.
    pub backend: SocketAddr,
}

/// The listener and all its connections; stops when dropped.
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

    /// Where it listens.
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

    /// Closes the listener and all connections; from its return on, connections are refused.
    pub async fn go_down(&mut self) -> io::Result<()> {
        if let State::Up { stop, tasks } = &mut self.state {
            stop.cancel();
            while tasks.join_next().await.is_some() {}
            self.state = State::Down(bind(self.address)?);
        }
        Ok(())
    }
}

/// Binds without listening; a port may be taken again while its old connections linger.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// A free port of the loopback interface.
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
                    connections.spawn(serve(stream, Arc::clone(&site)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Serves one connection; an error is the client's affair and ends it.
async fn serve(stream: TcpStream, site: Arc<Site>) {
    let _ = stream.set_nodelay(true);
    if let Ok(client) = site.acceptor.accept(stream).await {
        let _ = converse(client, &site).await;
    }
}

async fn converse(client: TlsStream<TcpStream>, site: &Site) -> io::Result<()> {
    let sni = client.get_ref().1.server_name().map(str::to_owned);
    let mut client = BufReader::new(client);
    let mut backend = Backend::connect(site.backend).await?;
    while let Some(request) = received::read(&mut client, sni.as_deref()).await? {
        let (method, last) = (request.method.clone(), request.wants_close());
        let number = {
            let mut world = lock(&site.world);
            world.journal.received(&request);
            let failure = world.next_failure(&request);
            world.hand_over(request, failure)
        };
        let reply = backend.exchange(number, &method).await?;
        client.write_all(&[reply.head(), reply.body].concat()).await?;
        client.flush().await?;
        if last {
            break;
        }
    }
    client.shutdown().await
}
