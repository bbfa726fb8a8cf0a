//! The client address of a request, for the log and for the limits per client.
//!
//! Any client can send `X-Forwarded-For`. So svm reads the hops from the right, where trusted
//! proxies append them, and only the hops that trusted proxies have added. A client can neither use
//! the address of another client nor a new address for each request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use salvo::Request;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most hops that svm reads: far more than a real chain of proxies has.
const MAX_HOPS: usize = 64;

/// The proxies that the operator trusts to name their clients.
#[derive(Clone, Debug)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// Trusts the proxies in these networks.
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Returns true if the peer at this address is a trusted proxy.
    pub(super) fn are_trusted_at(&self, peer: IpAddr) -> bool {
        is_trusted(peer.to_canonical(), &self.0)
    }

    /// Returns true if a trusted proxy sent the request.
    pub(super) fn have_sent(&self, req: &Request) -> bool {
        !self.0.is_empty() && peer_of(req).is_some_and(|peer| self.are_trusted_at(peer))
    }

    /// Returns the client address of a request, or `None` if the request did not come over a
    /// socket.
    pub(super) fn client_of(&self, req: &Request) -> Option<IpAddr> {
        let peer = peer_of(req)?;
        // The header has a meaning only if a trusted proxy sent it.
        if !self.are_trusted_at(peer) {
            return Some(peer.to_canonical());
        }
        let forwarded = req.headers().get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
        Some(client_ip(peer, forwarded, &self.0))
    }
}

/// Returns the address at the other end of the connection, if the request came over a socket.
pub(super) fn peer_of(req: &Request) -> Option<IpAddr> {
    Some(req.remote_addr().clone().into_std()?.ip())
}

/// Returns the client's address: the peer or, if the peer is trusted, the right-most untrusted hop
/// of all lines.
///
/// `forwarded` gives the values of the `X-Forwarded-For` lines in their order. A hop that is not an
/// address ends the search. If no hop is untrusted, the result is the left-most trusted address
/// that was read. IPv4-mapped addresses become IPv4 addresses.
pub fn client_ip<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &[IpNet],
) -> IpAddr {
    let mut nearest = peer.to_canonical();
    if !is_trusted(nearest, trusted) {
        return nearest;
    }
    let hops = forwarded.rev().flat_map(|line| line.rsplit(|&byte| byte == b','));
    for hop in hops.take(MAX_HOPS).map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty()) {
        let Some(address) = parse(hop) else { break };
        nearest = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    nearest
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Parses `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]` or `[::1]:567`.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(hop).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(ipv6) => ipv6.parse().map(IpAddr::V6).ok()?,
        None => text.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::{MAX_HOPS, client_ip, parse};

    fn trusted() -> Vec<IpNet> {
        ["10.0.0.0/8", "2001:db8::/32", "::1/128"].map(|network| network.parse().unwrap()).to_vec()
    }

    fn found(peer: &str, lines: &[&str]) -> String {
        let lines = lines.iter().map(|line| line.as_bytes());
        client_ip(peer.parse().unwrap(), lines, &trusted()).to_string()
    }

    #[test]
    fn walks() {
        for (peer, lines, client) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.1"], "192.0.2.1"),
            ("::ffff:192.0.2.1", &["198.51.100.1"], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1 ,\t10.2.3.4"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.1", "10.2.3.4,10.9.9.9"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, ::ffff:10.2.3.4"], "198.51.100.1"),
            ("10.0.0.1", &["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
            ("10.0.0.1", &["198.51.100.1,,", "", " , "], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, unknown, 10.2.2.2"], "10.2.2.2"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("2001:db8::1", &["2001:db9::5, [2001:db8::2]:80"], "2001:db9::5"),
            ("::1", &["[2001:DB9::5]:4711"], "2001:db9::5"),
        ] {
            assert_eq!(found(peer, lines), client, "{peer} {lines:?}");
        }
        assert_eq!(
            client_ip(Ipv4Addr::LOCALHOST.into(), [&b"1.1.1.1"[..]].into_iter(), &[]),
            Ipv4Addr::LOCALHOST
        );
    }

    #[test]
    fn hops() {
        for (hop, address) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4:567", "1.2.3.4"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("[::1]:567", "::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("[::ffff:102:304]:5", "1.2.3.4"),
        ] {
            assert_eq!(parse(hop.as_bytes()).map(|it| it.to_string()).as_deref(), Some(address));
        }
        for malformed in [
            "1.2.3",
            "1.2.3.4:",
            "1.2.3.4:x",
            "1.2.3.4:65536",
            "01.2.3.4",
            "[1.2.3.4]",
            "[::1",
            "::1]",
            "[::1]x",
            "fe80::1%eth0",
            "_hidden",
            "unknown",
            "\"[::1]\"",
            "1.2.3.4 5",
            "１.2.3.4",
        ] {
            assert_eq!(parse(malformed.as_bytes()), None, "{malformed}");
        }
        assert_eq!(parse(b"1.2.3.\xff"), None);
    }

    #[test]
    fn the_work_is_bounded() {
        let long = "198.51.100.1".to_owned() + &",10.0.0.2".repeat(MAX_HOPS);
        assert_eq!(found("10.0.0.1", &[&long]), "10.0.0.2");
        let commas = "198.51.100.1".to_owned() + &",".repeat(MAX_HOPS);
        assert_eq!(found("10.0.0.1", &[&commas]), "10.0.0.1");
    }

    fn hop() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<[u8; 3]>().prop_map(|[b, c, d]| IpAddr::from([10, b, c, d])),
            any::<IpAddr>().prop_map(|address| address.to_canonical()),
        ]
    }

    proptest! {
        #[test]
        fn the_right_most_untrusted_hop(
            hops in prop::collection::vec(hop(), 0..12), cuts in any::<[bool; 5]>()
        ) {
            let peer: IpAddr = "10.0.0.1".parse().unwrap();
            let is_trusted = |address: &IpAddr| trusted().iter().any(|it| it.contains(address));
            let chain: Vec<_> = hops.iter().copied().chain([peer]).collect();
            let expected = chain.iter().rfind(|address| !is_trusted(address)).unwrap_or(&chain[0]);

            let mut lines = vec![String::new()];
            for (hop, cut) in hops.iter().zip(cuts.iter().cycle()) {
                match lines.last_mut() {
                    Some(line) if !cut => *line = format!("{line},{hop}"),
                    _ => lines.push(hop.to_string()),
                }
            }
            let lines = lines.iter().map(|line| line.as_bytes());
            prop_assert_eq!(client_ip(peer, lines, &trusted()), *expected);
        }

        #[test]
        fn hops_of_untrusted_clients_are_ignored(
            forged in prop::collection::vec("[0-9a-f.:, \\[\\]]{0,20}|\\PC{0,9}", 0..4)
        ) {
            let honest = [&b"198.51.100.1, 10.1.1.1"[..]];
            let lines = forged.iter().map(|line| line.as_bytes());
            let lines: Vec<_> = lines.chain(honest).collect();
            let client = client_ip("10.0.0.1".parse().unwrap(), lines.into_iter(), &trusted());
            prop_assert_eq!(client.to_string(), "198.51.100.1");
        }

        #[test]
        fn arbitrary_lines_never_panic(lines in prop::collection::vec(any::<Vec<u8>>(), 0..4)) {
            let lines = lines.iter().map(Vec::as_slice);
            let _client = client_ip("::1".parse().unwrap(), lines, &trusted());
        }
    }
}
