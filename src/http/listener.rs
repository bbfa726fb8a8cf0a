//! The listening socket, and how it closes when the service drains. Its connections show a raw `#`
//! ([`Marked`]).
//!
//! The server asks for connections only while it has room for one more. So the socket lies in a slot between two
//! accepts, where whoever closes it finds it: a full server lets go of its socket as promptly as an idle one.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use salvo::conn::tcp::{TcpAcceptor, TcpCoupler};
use salvo::conn::{Accepted, Acceptor, Holding};
use salvo::fuse::ArcFusePolicy;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use super::marked::Marked;

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

/// Accepts until it is closed; connections live on.
pub struct Listener {
    socket: Arc<Socket>,
    holdings: Vec<Holding>,
}

/// Closes a listener; clones close the same one.
#[derive(Clone)]
pub struct Closer(Arc<Socket>);

struct Socket {
    /// Empty while an accept has it, and for good once it is closed.
    slot: Mutex<Option<TcpAcceptor>>,
    closed: CancellationToken,
}

impl Listener {
    /// A listener on a bound socket.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        let acceptor = TcpAcceptor::try_from(listener)?;
        let holdings = acceptor.holdings().to_vec();
        let slot = Mutex::new(Some(acceptor));
        Ok(Self { socket: Arc::new(Socket { slot, closed: CancellationToken::new() }), holdings })
    }

    /// What closes it.
    pub fn closer(&self) -> Closer {
        Closer(Arc::clone(&self.socket))
    }
}

impl Closer {
    /// Closes the socket at once.
    pub fn close(&self) {
        self.0.closed.cancel();
        drop(self.0.slot.lock().take());
    }
}

impl Socket {
    /// The next connection; `None` once the socket is closed.
    async fn accept(&self, fuse: Option<ArcFusePolicy>) -> Option<io::Result<AcceptedTcp>> {
        let mut acceptor = self.slot.lock().take()?;
        let accepted = tokio::select! {
            biased;
            () = self.closed.cancelled() => return None,
            accepted = acceptor.accept(fuse) => accepted,
        };
        *self.slot.lock() = Some(acceptor);
        if self.closed.is_cancelled() {
            // It was closed between the accept and the slot.
            drop(self.slot.lock().take());
        }
        Some(accepted)
    }
}

type AcceptedTcp = Accepted<<TcpAcceptor as Acceptor>::Coupler, <TcpAcceptor as Acceptor>::Stream>;

type MarkedTcp = Marked<<TcpAcceptor as Acceptor>::Stream>;

impl Acceptor for Listener {
    type Coupler = TcpCoupler<MarkedTcp>;
    type Stream = MarkedTcp;

    fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    async fn accept(
        &mut self,
        fuse: Option<ArcFusePolicy>,
    ) -> io::Result<Accepted<Self::Coupler, Self::Stream>> {
        let Some(accepted) = self.socket.accept(fuse).await else { return pending().await };
        let Accepted {
            stream, fuse_config, conn_ctrl, local_addr, remote_addr, http_scheme, ..
        } = accepted?;
        let (coupler, stream) = (TcpCoupler::new(), Marked::new(stream));
        Ok(Accepted {
            coupler,
            stream,
            fuse_config,
            conn_ctrl,
            local_addr,
            remote_addr,
            http_scheme,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use tokio::net::TcpStream;

    fn listening() -> (TcpListener, SocketAddr) {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn accepted_sockets_do_not_delay() {
        let (listener, address) = listening();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        client.unwrap();
        assert!(accepted.unwrap().0.nodelay().unwrap());
    }

    #[tokio::test]
    async fn it_closes_whether_or_not_it_is_being_asked_for_a_connection() {
        for asked in [false, true] {
            let (listener, address) = listening();
            let listener = Listener::new(listener).unwrap();
            let closer = listener.closer();
            if asked {
                let accept = listener.socket.accept(None);
                let close = async { closer.close() };
                let (accepted, ()) = tokio::join!(accept, close);
                assert!(accepted.is_none());
            } else {
                closer.close();
            }
            let refused = TcpStream::connect(address).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "asked: {asked}");
        }
    }
}
