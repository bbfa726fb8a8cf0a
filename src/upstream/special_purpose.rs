//! Addresses that no public host has: what the resolver must never hand out.
//!
//! The IANA special-purpose registries of IPv4 and IPv6, and multicast, as tables. Blocks that the registries
//! call globally reachable (anycast relays, AS112) are in them too: no GitHub lives there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Whether the address is anything but global unicast.
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

/// All that is assigned for global unicast, RFC 4291. Outside lie the unspecified address and loopback (`::`,
/// `::1`), mapped and compatible IPv4 (`::ffff:0:0/96`, `::/96`), NAT64 (`64:ff9b::/96`, `64:ff9b:1::/48`, RFC
/// 6052 and 8215), discard (`100::/64`, `100:0:0:1::/64`, RFC 6666 and 9780), SRv6 (`5f00::/16`, RFC 9602),
/// unique-local (`fc00::/7`, RFC 4193), link-local and site-local (`fe80::/10`, `fec0::/10`, RFC 3879) and
/// multicast (`ff00::/8`).
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::is_special_purpose;

    /// Each block with whether the addresses before and after it are special too.
    const BLOCKS: [(&str, [bool; 2]); 41] = [
        ("0.0.0.0/8", [true, false]),
        ("10.0.0.0/8", [false, false]),
        ("100.64.0.0/10", [false, false]),
        ("127.0.0.0/8", [false, false]),
        ("169.254.0.0/16", [false, false]),
        ("172.16.0.0/12", [false, false]),
        ("192.0.0.0/24", [false, false]),
        ("192.0.2.0/24", [false, false]),
        ("192.31.196.0/24", [false, false]),
        ("192.52.193.0/24", [false, false]),
        ("192.88.99.0/24", [false, false]),
        ("192.168.0.0/16", [false, false]),
        ("192.175.48.0/24", [false, false]),
        ("198.18.0.0/15", [false, false]),
        ("198.51.100.0/24", [false, false]),
        ("203.0.113.0/24", [false, false]),
        ("224.0.0.0/4", [false, true]),
        ("240.0.0.0/4", [true, true]),
        ("255.255.255.255/32", [true, true]),
        ("::/128", [true, true]),
        ("::1/128", [true, true]),
        ("::/96", [true, true]),
        ("::ffff:0:0/96", [true, true]),
        ("64:ff9b::/96", [true, true]),
        ("64:ff9b:1::/48", [true, true]),
        ("100::/64", [true, true]),
        ("100:0:0:1::/64", [true, true]),
        ("::/3", [true, false]),
        ("2001::/23", [false, false]),
        ("2001::/32", [false, true]),
        ("2001:2::/48", [true, true]),
        ("2001:20::/28", [true, true]),
        ("2001:db8::/32", [false, false]),
        ("2002::/16", [false, false]),
        ("2620:4f:8000::/48", [false, false]),
        ("3fff::/20", [false, false]),
        ("5f00::/16", [true, true]),
        ("fc00::/7", [true, true]),
        ("fe80::/10", [true, true]),
        ("fec0::/10", [true, true]),
        ("ff00::/8", [true, true]),
    ];

    #[test]
    fn the_edges_of_every_block() {
        for (block, neighbours) in BLOCKS {
            let block: IpNet = block.parse().unwrap();
            let (first, last) = (block.network(), block.broadcast());
            assert!(is_special_purpose(first) && is_special_purpose(last), "{block}");
            let special = |address: Option<IpAddr>| address.is_none_or(is_special_purpose);
            assert_eq!([special(step(first, -1)), special(step(last, 1))], neighbours, "{block}");
        }
    }

    #[test]
    fn public_hosts_pass() {
        for address in [
            "140.82.121.6",
            "185.199.108.133",
            "20.205.243.168",
            "8.8.8.8",
            "1.1.1.1",
            "2606:50c0:8000::154",
            "2a00:1450:4001::200e",
            "2001:4860:4860::8888",
            "2000::",
        ] {
            assert!(!is_special_purpose(address.parse().unwrap()), "{address}");
        }
    }

    proptest! {
        #[test]
        fn the_standard_library_agrees_where_it_speaks(address in any::<IpAddr>()) {
            let known = address.is_loopback()
                || address.is_multicast()
                || address.is_unspecified()
                || match address {
                    IpAddr::V4(it) => it.is_private() || it.is_link_local() || it.is_documentation(),
                    IpAddr::V6(it) => it.is_unique_local() || it.is_unicast_link_local(),
                };
            prop_assert!(!known || is_special_purpose(address));
        }

        #[test]
        fn ipv4_in_any_ipv6_clothes_is_refused(address in any::<std::net::Ipv4Addr>()) {
            let [a, b, c, d] = address.octets();
            for clothes in [
                address.to_ipv6_mapped().to_string(),
                format!("::{address}"),
                format!("64:ff9b::{address}"),
                format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
            ] {
                prop_assert!(is_special_purpose(clothes.parse().unwrap()), "{}", clothes);
            }
        }
    }

    fn step(address: IpAddr, by: i8) -> Option<IpAddr> {
        match address {
            IpAddr::V4(it) => {
                it.to_bits().checked_add_signed(by.into()).map(|bits| IpAddr::V4(bits.into()))
            }
            IpAddr::V6(it) => {
                it.to_bits().checked_add_signed(by.into()).map(|bits| IpAddr::V6(bits.into()))
            }
        }
    }
}
