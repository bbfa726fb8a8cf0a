//! The listening socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;

use super::connections::Connections;

/// The number of connections that the kernel completes before the service accepts them.
const BACKLOG: u32 = 1024;

/// The number of bytes that the kernel buffers for a client that reads slowly. The kernel doubles
/// the number for its own overhead. By default, it would buffer some megabytes for each client that
/// reads nothing.
const SEND_BUFFER: u32 = 64 << 10;

/// The pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest pause if the system has no descriptor left; a connection that closes ends it.
const LONG_PAUSE: Duration = Duration::from_millis(200);

/// Binds the listen address. Accepted sockets inherit `TCP_NODELAY` and the size of the send buffer
/// from the listening socket.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts the next client. Retries after every failure, so it waits without limit.
pub(super) async fn next(
    listener: &TcpListener,
    connections: &Connections,
) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_exhausted(&error) => {
                connections.yield_descriptor();
                connections.wait_for_close(LONG_PAUSE).await;
            }
            Err(error) => {
                // The failure concerns one client, which for example reset its connection before
                // the accept.
                tracing::debug!(%error, "a client cannot be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Returns true if the process or the system lacks descriptors, or memory for a socket.
fn is_exhausted(error: &io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    exhausted.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_sockets_do_not_delay() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        client.unwrap();
        assert!(accepted.unwrap().0.nodelay().unwrap());
    }
}
