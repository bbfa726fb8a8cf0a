//! The moment from which on the service beside the simulation takes requests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// The time between two looks, and the longest that one takes.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until something listens at that address; the service does once it is ready.
pub(crate) async fn ready(address: SocketAddr) {
    while !is_ready(address).await {
        sleep(LOOK).await;
    }
}

/// Returns true if something listens at that address.
pub(crate) async fn is_ready(address: SocketAddr) -> bool {
    matches!(timeout(LOOK, TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// The address of a service that listens on every address is this machine's own.
pub(crate) fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    }
}
