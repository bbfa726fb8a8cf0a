//! The listening socket: bound before anything is served, closed when the service drains.

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use salvo::conn::tcp::TcpAcceptor;
use salvo::conn::{Accepted, Acceptor, Holding};
use salvo::fuse::ArcFusePolicy;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

/// Connections that the kernel completes before they are accepted.
const BACKLOG: u32 = 1024;

/// Binds the listen address. Accepted sockets inherit `TCP_NODELAY` from the listening one.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until it is told to close; then the socket is closed at once, while connections live on.
#[derive(Debug)]
pub struct Listener {
    open: Option<TcpAcceptor>,
    holdings: Vec<Holding>,
    close: CancellationToken,
}

impl Listener {
    /// A listener that closes when `close` is cancelled.
    pub fn new(listener: TcpListener, close: CancellationToken) -> io::Result<Self> {
        let open = TcpAcceptor::try_from(listener)?;
        let holdings = open.holdings().to_vec();
        Ok(Self { open: Some(open), holdings, close })
    }
}

impl Acceptor for Listener {
    type Coupler = <TcpAcceptor as Acceptor>::Coupler;
    type Stream = <TcpAcceptor as Acceptor>::Stream;

    fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    async fn accept(
        &mut self,
        fuse_policy: Option<ArcFusePolicy>,
    ) -> io::Result<Accepted<Self::Coupler, Self::Stream>> {
        if let Some(open) = &mut self.open {
            tokio::select! {
                accepted = open.accept(fuse_policy) => return accepted,
                () = self.close.cancelled() => self.open = None,
            }
        }
        pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn accepted_sockets_do_not_delay() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        client.unwrap();
        assert!(accepted.unwrap().0.nodelay().unwrap());
    }
}
