//! Every block of the registries, tested at its edges against a table that was written from the
//! registries, not from the code.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use proptest::prelude::*;

use super::is_special_purpose;

const TABLE: &str = include_str!("../../../testdata/hostile/special-purpose.txt");

/// A line of the table: a block, and whether the addresses before and after it are special; `None`
/// if there is no such address.
struct Block {
    net: IpNet,
    neighbours: [Option<bool>; 2],
}

fn blocks() -> Vec<Block> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let block = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [net, before, after, .., "RFC", _] = words[..] else { panic!("{line}") };
        let neighbours = [before, after].map(|word| match word {
            "special" => Some(true),
            "public" => Some(false),
            "-" => None,
            other => panic!("{other} in {line}"),
        });
        Block { net: net.parse().unwrap_or_else(|_| panic!("{line}")), neighbours }
    };
    lines.map(block).collect()
}

#[test]
fn the_edges_of_every_block_differ_from_neighbours() {
    for Block { net, neighbours } in blocks() {
        let (first, last) = (net.network(), net.broadcast());
        assert!(is_special_purpose(first), "the first address of {net}");
        assert!(is_special_purpose(last), "the last address of {net}");
        let found = [step(first, -1), step(last, 1)].map(|it| it.map(is_special_purpose));
        assert_eq!(found, neighbours, "before and after {net}");
    }
}

#[test]
fn no_block_is_missing_or_twice_in_the_table() {
    let mut nets: Vec<_> = blocks().into_iter().map(|block| block.net).collect();
    let is_v4 = |net: &&IpNet| matches!(net, IpNet::V4(_));
    // For IPv4, 26 entries of the registry and 4 of multicast. For IPv6, 25 of the registry and 19
    // that are not global unicast.
    assert_eq!((nets.iter().filter(is_v4).count(), nets.len()), (30, 74));
    nets.sort();
    assert!(nets.is_sorted_by(|a, b| a < b), "{nets:?}");
}

#[test]
fn the_blocks_of_the_code_are_those_of_the_table() {
    let nets: Vec<_> = blocks().into_iter().map(|block| block.net).collect();
    let coded = super::IPV4.map(IpNet::V4).into_iter().chain(super::IPV6.map(IpNet::V6));
    for net in coded {
        assert!(nets.contains(&net), "{net} is special for a reason that the table does not know");
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
    fn an_address_is_special_exactly_if_a_block_of_the_table_has_it(address in any::<IpAddr>()) {
        let listed = blocks().iter().any(|block| block.net.contains(&address));
        prop_assert_eq!(is_special_purpose(address), listed);
    }

    #[test]
    fn so_is_any_address_of_a_block(at in any::<prop::sample::Index>(), bits in any::<u128>()) {
        let blocks = blocks();
        let net = at.get(&blocks).net;
        prop_assert!(is_special_purpose(within(net, bits)), "{}", within(net, bits));
    }

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
    fn ipv4_in_any_ipv6_clothes_is_refused(address in any::<Ipv4Addr>()) {
        let [a, b, c, d] = address.octets();
        for clothes in [
            address.to_ipv6_mapped().to_string(),
            format!("::{address}"),
            format!("::ffff:0:{address}"),
            format!("64:ff9b::{address}"),
            format!("64:ff9b:1::{address}"),
            format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
            format!("2001:0:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
        ] {
            prop_assert!(is_special_purpose(clothes.parse().unwrap()), "{}", clothes);
        }
    }
}

/// Returns the address of the block whose host bits are these.
fn within(net: IpNet, bits: u128) -> IpAddr {
    match net {
        IpNet::V4(net) => {
            let host = bits as u32 & net.hostmask().to_bits();
            IpAddr::V4((net.network().to_bits() | host).into())
        }
        IpNet::V6(net) => {
            let host = bits & net.hostmask().to_bits();
            IpAddr::V6((net.network().to_bits() | host).into())
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
