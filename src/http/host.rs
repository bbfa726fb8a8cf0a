//! The rule for `Host`: one valid line in each request (RFC 9112, 3.2).
//!
//! The service does not go by the value. A proxy in front may, and one that reads another of two
//! lines than the next proxy does sends a request where it should not go.

use http::header::HOST;
use http::{HeaderMap, Version};

/// The sentence for the client of a request that breaks the rule.
pub(super) fn fault(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_valid(host.as_bytes()) => None,
        (Some(_), None) => Some("the Host header must be a host, with or without a port"),
        (Some(_), Some(_)) => Some("a request must have one Host header"),
        // Older clients need none.
        (None, _) if version < Version::HTTP_11 => None,
        (None, _) => Some("a request of HTTP/1.1 must have a Host header"),
    }
}

/// `uri-host [ ":" port ]` of RFC 3986, by the characters that may be in it. It may be empty.
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
        [b'[', address @ .., b']'] => !address.is_empty() && address.iter().all(is_of_address),
        name => is_name(name),
    };
    let is_port = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_name && is_port
}

fn is_of_address(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.' | b'%' | b'-' | b'_' | b'~')
}

/// A name of unreserved characters, triplets and sub-delimiters but for the comma, which would join two hosts.
fn is_name(name: &[u8]) -> bool {
    name.iter().all(|&byte| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*'
            )
            || matches!(byte, b'+' | b';' | b'=')
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn is_refused(version: Version, hosts: &[&str]) -> bool {
        let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_str(host).unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        fault(version, &map).is_some()
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
