//! The detection that the service beside the simulation accepts requests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// The interval between two attempts, and the time limit of one.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until a process listens at this address; the service does so once it is ready.
pub(crate) async fn ready(address: SocketAddr) {
    while !is_ready(address).await {
        sleep(LOOK).await;
    }
}

/// Returns true if a process listens at this address.
pub(crate) async fn is_ready(address: SocketAddr) -> bool {
    matches!(timeout(LOOK, TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// Returns the loopback address for a service that listens on every address.
pub(crate) fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    }
}
