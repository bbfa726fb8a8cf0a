//! A property of `X-Forwarded-For`.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::http::client_ip::client_ip;

/// Reads the peer from the first line and the header from the others. Addresses to the left of the
/// client's address come from no trusted proxy and change nothing.
pub fn forwarded(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    let peer = lines.next().and_then(|line| str::from_utf8(line).ok()?.parse().ok());
    let peer: IpAddr = peer.unwrap_or(IpAddr::from([10, 0, 0, 1]));
    let lines: Vec<&[u8]> = lines.collect();
    let trusted = ["10.0.0.0/8", "2001:db8::/32", "::1/128"];
    let trusted = trusted.map(|network| network.parse::<IpNet>().expect("a network"));
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let found = client_ip(peer, lines.iter().copied(), &trusted);

    assert_eq!(found, found.to_canonical());
    if !is_trusted(peer.to_canonical()) {
        assert_eq!(found, peer.to_canonical());
    }
    let spoofed = [&b"192.0.2.66"[..]].into_iter().chain(lines.iter().copied());
    let after_spoofing = client_ip(peer, spoofed, &trusted);
    assert!(is_trusted(found) || found == after_spoofing);
    // One more trusted proxy, which appends the address that it saw, changes nothing either.
    let seen = found.to_string();
    let through_proxy =
        client_ip(IpAddr::from([10, 9, 9, 9]), [seen.as_bytes()].into_iter(), &trusted);
    assert_eq!(found, through_proxy);
}
