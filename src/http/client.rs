//! The unit to which limits per client apply.

use std::net::{IpAddr, Ipv6Addr};

/// The prefix of an IPv6 address that identifies a client. A client with one address of a /64
/// network has all of them.
const NETWORK: Ipv6Addr = Ipv6Addr::new(0xffff, 0xffff, 0xffff, 0xffff, 0, 0, 0, 0);

/// An IPv4 address, or the /64 network of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client(IpAddr);

impl Client {
    /// Returns the client at an address.
    pub(super) fn at(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(address & NETWORK),
            ipv4 @ IpAddr::V4(_) => ipv4,
        })
    }
}
