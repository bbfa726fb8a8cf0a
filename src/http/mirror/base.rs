//! The address at which a client reaches svm, for the links in an answer.
//!
//! The request names the address, so the address is untrusted input. If it has characters that a
//! host cannot have, svm renders no links.

use http::header::HOST;
use http::{HeaderName, HeaderValue};
use salvo::Request;

use crate::http::client_ip::Proxies;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

const LONGEST: usize = 255;

/// Returns the URL in front of the path of a request, without a trailing slash: `http://svm:8000`.
pub(super) fn of(req: &Request, proxies: &Proxies) -> Option<String> {
    let is_proxied = proxies.have_sent(req);
    let forwarded = |name| if is_proxied { last(req, name) } else { None };
    let scheme = match forwarded(FORWARDED_PROTO) {
        Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
        _ => req.scheme().as_str(),
    };
    let named = || req.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = forwarded(FORWARDED_HOST).or_else(named).filter(|host| is_host(host))?;
    let prefix = forwarded(FORWARDED_PREFIX).unwrap_or_default().trim_end_matches('/');
    is_prefix(prefix).then(|| format!("{scheme}://{host}{prefix}"))
}

/// Returns the last value of the field, which the nearest proxy wrote, unless that is empty.
fn last(req: &Request, name: HeaderName) -> Option<&str> {
    let value = req.headers().get_all(name).iter().next_back().map(HeaderValue::to_str)?.ok()?;
    value.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, "0"),
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_name = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)),
    };
    is_name && !name.is_empty() && host.len() <= LONGEST && port.parse::<u16>().is_ok()
}

fn is_prefix(prefix: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let is_path = prefix.is_empty() || prefix.starts_with('/') && !prefix.contains("//");
    is_path && prefix.len() <= LONGEST && prefix.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    const PROXY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    fn base(peer: Ipv4Addr, headers: &[(&str, &str)]) -> Option<String> {
        let mut req = Request::new();
        *req.remote_addr_mut() = SocketAddr::from((peer, 1)).into();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            req.headers_mut().append(name, value.parse().unwrap());
        }
        of(&req, &Proxies::new(&["10.0.0.0/8".parse().unwrap()]))
    }

    #[test]
    fn the_host_of_the_request_is_the_base() {
        for host in ["svm", "svm:8000", "svm.example", "10.0.0.1:80", "[::1]:8000", "[::1]"] {
            let want = Some(format!("http://{host}"));
            assert_eq!(base(Ipv4Addr::LOCALHOST, &[("host", host)]), want);
        }
    }

    #[test]
    fn a_host_that_is_none_gives_no_base() {
        let long = "x".repeat(300);
        for host in [
            "",
            "a_b",
            "a/b",
            "a b",
            "a\"b",
            "svm:",
            "svm:x",
            "[::g]",
            "a>;rel=next",
            "x:1:2",
            &long,
        ] {
            assert_eq!(base(Ipv4Addr::LOCALHOST, &[("host", host)]), None, "{host}");
        }
        assert_eq!(base(Ipv4Addr::LOCALHOST, &[]), None);
    }

    #[test]
    fn only_a_trusted_proxy_names_another_base() {
        let forwarded = [
            ("host", "inner:8000"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example, svm.example"),
            ("x-forwarded-prefix", "/github/"),
        ];
        let named = |peer| base(peer, &forwarded);
        assert_eq!(named(PROXY).as_deref(), Some("https://svm.example/github"));
        assert_eq!(named(Ipv4Addr::LOCALHOST).as_deref(), Some("http://inner:8000"));
        for (name, value) in [
            ("x-forwarded-host", "a/b"),
            ("x-forwarded-prefix", "//evil.example"),
            ("x-forwarded-prefix", "evil"),
            ("x-forwarded-prefix", "/a>b"),
        ] {
            assert_eq!(base(PROXY, &[("host", "svm"), (name, value)]), None, "{value}");
        }
        for name in ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix"] {
            for value in ["", " ", "a.example,"] {
                let empty = [("host", "svm"), (name, value)];
                assert_eq!(base(PROXY, &empty).as_deref(), Some("http://svm"), "{name}: {value}");
            }
        }
        let odd = [("host", "svm"), ("x-forwarded-proto", "gopher")];
        assert_eq!(base(PROXY, &odd).as_deref(), Some("http://svm"));
    }
}
