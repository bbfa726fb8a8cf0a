//! The rule for `Host`: each request has one valid line (RFC 9112, 3.2).
//!
//! svm uses the value only for links and for the status page, but a proxy in front may route by it.
//! If there were two lines and two proxies read different ones, a request could reach the wrong
//! service.

use std::net::Ipv6Addr;

use http::{HeaderValue, Version};

use crate::target::characters::set;
use crate::target::percent;

/// The `Host` lines of a request.
#[derive(Default)]
pub(super) struct HostLines {
    count: usize,
    has_invalid: bool,
}

impl HostLines {
    /// Adds a line.
    pub(super) fn add(&mut self, host: &HeaderValue) {
        self.count += 1;
        self.has_invalid |= !is_valid(host.as_bytes());
    }

    /// Returns the error message for a request that breaks the rule.
    pub(super) fn fault(&self, version: Version) -> Option<&'static str> {
        match self.count {
            // HTTP/1.0 does not require `Host`.
            0 if version < Version::HTTP_11 => None,
            0 => Some("a request of HTTP/1.1 must have a Host header"),
            1 if self.has_invalid => Some("the Host header must be a host, with or without a port"),
            1 => None,
            _ => Some("a request must have one Host header"),
        }
    }
}

/// Checks the characters of `uri-host [ ":" port ]` (RFC 3986). The host may be empty.
fn is_valid(host: &[u8]) -> bool {
    let end = match host {
        [b'[', ..] => match host.iter().position(|&byte| byte == b']') {
            Some(bracket) => bracket + 1,
            None => return false,
        },
        _ => host.iter().position(|&byte| byte == b':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(end);
    let is_name = match name {
        [b'[', address @ .., b']'] => is_address(address),
        name => is_name(name),
    };
    let is_port = match port {
        [] => true,
        [b':', digits @ ..] => is_port(digits),
        _ => false,
    };
    is_name && is_port
}

/// Checks an IPv6 address, which may have a zone (RFC 6874).
fn is_address(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else { return false };
    let (address, zone) = text.split_once("%25").unwrap_or((text, "z"));
    address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && is_name(zone.as_bytes())
}

fn is_port(digits: &[u8]) -> bool {
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        digit.is_ascii_digit().then(|| number.saturating_mul(10) + u32::from(digit - b'0'))
    });
    number.is_some_and(|number| number <= u32::from(u16::MAX))
}

/// The characters that a name may contain.
const NAME: [bool; 256] =
    set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+;=");

/// Checks a name: unreserved characters, percent-encoded triplets, and sub-delimiters. A comma is
/// not allowed, since it could join two hosts.
fn is_name(name: &[u8]) -> bool {
    let has_triplets = |at: usize| name[at] != b'%' || percent::triplet(&name[at..]).is_some();
    name.iter().enumerate().all(|(at, byte)| NAME[usize::from(*byte)] && has_triplets(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(version: Version, hosts: &[&str]) -> bool {
        let mut lines = HostLines::default();
        hosts.iter().for_each(|host| lines.add(&HeaderValue::from_str(host).unwrap()));
        lines.fault(version).is_some()
    }

    #[test]
    fn one_valid_host_is_needed() {
        for host in [
            "svm",
            "svm:8000",
            "",
            "127.0.0.1:80",
            "[::1]:8000",
            "[::1]",
            "a_b.example",
            "svm:",
            "A-B",
            "a%20b",
            "a:65535",
            "[fe80::1%25eth0]:80",
        ] {
            assert!(!is_refused(Version::HTTP_11, &[host]), "{host}");
            assert!(!is_refused(Version::HTTP_10, &[host]), "{host}");
        }
        for host in [
            "a b",
            "a,b",
            "user@svm",
            "svm/x",
            "svm:80:80",
            "svm:port",
            "[::1",
            "[]",
            "::1]",
            "[::1]x",
            "svm?x",
            "svm:123456",
            "http://svm",
            "\"svm\"",
            "a\tb",
            "[::1]:x",
            "a%zz",
            "a%2",
            "[::g]",
            "a:99999",
            "a:65536",
            "[1.2.3.4]",
            "[fe80::1%25]",
            "[::1%eth0]",
            "svm\\x",
            "<svm>",
        ] {
            assert!(is_refused(Version::HTTP_11, &[host]), "{host}");
            assert!(is_refused(Version::HTTP_10, &[host]), "{host}");
        }
    }

    #[test]
    fn none_and_two_are_refused() {
        assert!(is_refused(Version::HTTP_11, &[]));
        assert!(!is_refused(Version::HTTP_10, &[]));
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert!(is_refused(version, &["svm", "svm"]));
            assert!(is_refused(version, &["svm", ""]));
            assert!(is_refused(version, &["a", "b", "c"]));
        }
    }
}
