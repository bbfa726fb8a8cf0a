//! A client as limits know it.

use std::net::{IpAddr, Ipv6Addr};

/// The part of an IPv6 address that is a client's own: a client with one address of a network has
/// all of it.
const NETWORK: Ipv6Addr = Ipv6Addr::new(0xffff, 0xffff, 0xffff, 0xffff, 0, 0, 0, 0);

/// An IPv4 address, or the /64 network of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client(IpAddr);

impl Client {
    /// The client at an address.
    pub(super) fn at(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(address & NETWORK),
            ipv4 @ IpAddr::V4(_) => ipv4,
        })
    }
}
