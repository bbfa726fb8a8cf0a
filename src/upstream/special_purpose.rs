//! The addresses of special purpose, which the resolver must never return.
//!
//! The tables contain the IANA special-purpose registries of IPv4 and IPv6, and multicast. They
//! include blocks that are globally reachable (anycast relays, AS112), since GitHub does not use
//! those.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

#[cfg(test)]
mod tests;

/// Returns true if the address is not global unicast.
pub(super) fn is_special_purpose(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => IPV4.iter().any(|block| block.contains(&address)),
        IpAddr::V6(address) => {
            !GLOBAL_UNICAST.contains(&address) || IPV6.iter().any(|block| block.contains(&address))
        }
    }
}

const IPV4: [Ipv4Net; 18] = [
    v4([0, 0, 0, 0], 8),       // this network, RFC 791
    v4([10, 0, 0, 0], 8),      // private, RFC 1918
    v4([100, 64, 0, 0], 10),   // shared by carrier-grade NAT, RFC 6598
    v4([127, 0, 0, 0], 8),     // loopback, RFC 1122
    v4([169, 254, 0, 0], 16),  // link-local, and cloud metadata, RFC 3927
    v4([172, 16, 0, 0], 12),   // private, RFC 1918
    v4([192, 0, 0, 0], 24),    // protocol assignments, RFC 6890
    v4([192, 0, 2, 0], 24),    // documentation, RFC 5737
    v4([192, 31, 196, 0], 24), // AS112, RFC 7535
    v4([192, 52, 193, 0], 24), // AMT, RFC 7450
    v4([192, 88, 99, 0], 24),  // 6to4 relays, RFC 7526
    v4([192, 168, 0, 0], 16),  // private, RFC 1918
    v4([192, 175, 48, 0], 24), // AS112, RFC 7534
    v4([198, 18, 0, 0], 15),   // benchmarks, RFC 2544
    v4([198, 51, 100, 0], 24), // documentation, RFC 5737
    v4([203, 0, 113, 0], 24),  // documentation, RFC 5737
    v4([224, 0, 0, 0], 4),     // multicast, RFC 5771
    v4([240, 0, 0, 0], 4),     // reserved, RFC 1112, and broadcast, RFC 919
];

/// The block that is assigned for global unicast, RFC 4291. Outside it are the unspecified address
/// and loopback (`::`, `::1`), mapped and compatible IPv4 (`::ffff:0:0/96`, `::/96`), NAT64
/// (`64:ff9b::/96`, `64:ff9b:1::/48`, RFC 6052 and 8215), discard (`100::/64`, `100:0:0:1::/64`,
/// RFC 6666 and 9780), SRv6 (`5f00::/16`, RFC 9602), unique-local (`fc00::/7`, RFC 4193),
/// link-local and site-local (`fe80::/10`, `fec0::/10`, RFC 3879) and multicast (`ff00::/8`).
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0], 3);

/// The special blocks within [`GLOBAL_UNICAST`].
const IPV6: [Ipv6Net; 5] = [
    v6([0x2001, 0, 0], 23),     // Teredo, benchmarks, ORCHID and more, RFC 2928
    v6([0x2001, 0xdb8, 0], 32), // documentation, RFC 3849
    v6([0x2002, 0, 0], 16),     // 6to4, RFC 3056
    v6([0x2620, 0x4f, 0x8000], 48), // AS112, RFC 7534
    v6([0x3fff, 0, 0], 20),     // documentation, RFC 9637
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c]: [u16; 3], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}
