//! A TCP proxy that breaks the network on demand, between the service and a server such as Redis.
//!
//! A test changes its mode while the proxy runs; the mode also applies to open connections. The
//! address behind the proxy can change too, as when a name leads to another server after a
//! failover. The proxy does not interpret the bytes; a reply is all that the server sends at once.
//!
//! The subtle part: a connection that has lost bytes is useless, so it stays a black hole until it
//! is closed, even if the mode changes.

#[path = "fault_proxy/connection.rs"]
mod connection;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

const BIND_ATTEMPTS: usize = 1_000;
const BIND_INTERVAL: Duration = Duration::from_millis(1);

/// The treatment of connections and of the bytes on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bytes pass unchanged.
    Pass,
    /// New connections are refused, and open ones reset.
    Refuse,
    /// Connections are accepted and their bytes are read, but nothing is sent.
    BlackHole,
    /// Each reply is delayed by this time.
    Delay(Duration),
    /// Replies pass up to this number of bytes in total, and then the connection is closed.
    CutAfter(usize),
    /// New connections are accepted and reset, and open ones are reset.
    Reset,
}

/// The current mode of the proxy, and the server behind it.
#[derive(Clone, Copy, Debug)]
struct Plan {
    mode: Mode,
    target: SocketAddr,
}

/// A proxy that runs until it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    plan: watch::Sender<Plan>,
    /// True while connections are refused.
    refuses: watch::Receiver<bool>,
    _running: JoinSet<()>,
}

impl FaultProxy {
    /// Listens on a free port, in front of `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let socket = bind((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port");
        let address = socket.local_addr().expect("a bound socket");
        let (plan, plans) = watch::channel(Plan { mode: Mode::Pass, target });
        let (refusing, refuses) = watch::channel(true);
        let mut running = JoinSet::new();
        running.spawn(run(socket, address, plans, refusing));
        let proxy = Self { address, plan, refuses, _running: running };
        proxy.set(Mode::Pass).await;
        proxy
    }

    /// Returns the address on which the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the mode, for open connections too. It is in force when the call returns.
    pub async fn set(&self, mode: Mode) {
        self.plan.send_modify(|plan| plan.mode = mode);
        let wanted = mode == Mode::Refuse;
        let mut refuses = self.refuses.clone();
        refuses.wait_for(|refuses| *refuses == wanted).await.expect("a proxy that runs");
    }

    /// Leads new connections to this address; open ones stay as they are.
    pub fn lead_to(&self, target: SocketAddr) {
        self.plan.send_modify(|plan| plan.target = target);
    }
}

/// Listens, or keeps the port without listening, so that connections are refused and no other
/// process takes the port.
async fn run(
    mut socket: TcpSocket,
    address: SocketAddr,
    mut plans: watch::Receiver<Plan>,
    refusing: watch::Sender<bool>,
) {
    while plans.wait_for(|plan| plan.mode != Mode::Refuse).await.is_ok() {
        let listener = socket.listen(1_024).expect("a bound socket");
        refusing.send_replace(false);
        let mut refuse = plans.clone();
        tokio::select! {
            _ = refuse.wait_for(|plan| plan.mode == Mode::Refuse) => {}
            () = accept(&listener, &plans) => {}
        }
        drop(listener);
        socket = bind(address).await.expect("a port that was ours");
        refusing.send_replace(true);
    }
}

/// Accepts connections until the future is dropped, which ends them too.
async fn accept(listener: &TcpListener, plans: &watch::Receiver<Plan>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(connection::serve(client, plans.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Binds without listening. Reuse of the address lets it take a port whose old connections linger.
/// A child process that is just being started holds copies of the sockets until it executes its
/// program, so binding may need several attempts.
async fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let mut attempts = 0..BIND_ATTEMPTS;
    loop {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        match socket.bind(address) {
            Ok(()) => return Ok(socket),
            Err(_) if attempts.next().is_some() => sleep(BIND_INTERVAL).await,
            Err(error) => return Err(error),
        }
    }
}
