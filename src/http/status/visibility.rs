//! The rule for the clients that may see the status page.
//!
//! With `localhost`, a request must come from this machine itself. A proxy on this machine sends
//! requests of other clients, so a request with a header field of a proxy is not local. A request
//! for another host is not local either: a website could let its name resolve to this machine, so
//! that a browser would let the website read the answer (DNS rebinding).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{FORWARDED, HOST, HeaderName, VIA};
use salvo::Request;

use crate::config::StatusMode;
use crate::http::client_ip::{Proxies, peer_of};

/// The header fields that proxies add to requests, beside those that begin with `FORWARDED_FIELDS`.
const OF_PROXIES: [HeaderName; 3] = [FORWARDED, VIA, HeaderName::from_static("x-real-ip")];
/// The beginning of the names of further such fields: proxies agree on no list.
const FORWARDED_FIELDS: &str = "x-forwarded-";

/// The rule for requests that the status page answers. Other requests get the answer of the path
/// without a status page.
#[derive(Clone)]
pub(in crate::http) struct Visibility {
    pub(in crate::http) mode: StatusMode,
    pub(in crate::http) proxies: Proxies,
}

impl Visibility {
    /// Returns true if the client may see the page.
    pub(in crate::http) fn admits(&self, req: &Request) -> bool {
        match self.mode {
            StatusMode::On => true,
            StatusMode::Off => false,
            StatusMode::Localhost => {
                let is_local = |peer| is_local(peer, req.headers());
                !self.proxies.have_sent(req) && peer_of(req).is_some_and(is_local)
            }
        }
    }
}

fn is_local(peer: IpAddr, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    peer.to_canonical().is_loopback()
        && host.is_some_and(is_local_host)
        && !headers.keys().any(is_of_proxy)
}

fn is_of_proxy(name: &HeaderName) -> bool {
    OF_PROXIES.contains(name) || name.as_str().starts_with(FORWARDED_FIELDS)
}

/// Returns true for a name of this machine, with or without a port.
fn is_local_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]")
}

/// Returns true if a client names HTML in `Accept`, as browsers do.
pub(in crate::http) fn wants_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(http::header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("text/html"));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        is_html
            && weight.and_then(|weight| weight.parse().ok()).is_none_or(|weight: f32| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_request_is_local_by_its_peer_and_its_host() {
        for host in ["localhost", "LocalHost:8000", "127.0.0.1", "127.0.0.1:80", "[::1]:8000"] {
            for peer in ["127.0.0.1", "::1", "127.0.0.9", "::ffff:127.0.0.1"] {
                let peer = peer.parse().unwrap();
                assert!(is_local(peer, &headers(&[("host", host)])), "{peer} {host}");
            }
            assert!(!is_local("192.0.2.1".parse().unwrap(), &headers(&[("host", host)])), "{host}");
        }
        let peer = "127.0.0.1".parse().unwrap();
        for host in
            ["evil.example", "localhost.evil.example", "svm:8000", "", "127.0.0.1.evil", "::1"]
        {
            assert!(!is_local(peer, &headers(&[("host", host)])), "{host}");
        }
        assert!(!is_local(peer, &HeaderMap::new()));
    }

    #[test]
    fn a_request_by_a_proxy_is_not_local() {
        let peer = "127.0.0.1".parse().unwrap();
        let sent = |name| is_local(peer, &headers(&[("host", "localhost"), (name, "127.0.0.1")]));
        for name in [
            "forwarded",
            "via",
            "x-real-ip",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-port",
            "x-forwarded-server",
            "x-forwarded-ssl",
        ] {
            assert!(!sent(name), "{name}");
        }
        for name in ["x-forwarded", "x-forward", "x-request-id"] {
            assert!(sent(name), "{name}");
        }
    }

    #[test]
    fn browsers_want_html_and_others_do_not() {
        for accept in
            ["text/html,application/xhtml+xml,*/*;q=0.8", "text/html", "a/b, TEXT/HTML;q=0.1"]
        {
            assert!(wants_html(&headers(&[("accept", accept)])), "{accept}");
        }
        for accept in ["*/*", "application/json", "text/*", "text/html;q=0", "text/htmlx", ""] {
            assert!(!wants_html(&headers(&[("accept", accept)])), "{accept}");
        }
        assert!(!wants_html(&HeaderMap::new()));
    }
}
