//! The conversion of an HTTP/2 request to the form of HTTP/1.1: the target is only the path and the
//! query, and `Host` has the host (RFC 9113, 8.3.1).

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri};

/// Moves the authority of the target into `Host`. A different `Host` of the client stays as a
/// second line, so that the rule for `Host` refuses the request.
pub(super) fn to_origin_form<B>(request: &mut Request<B>) {
    let authority = request.uri().authority().map(|it| HeaderValue::from_str(it.as_str()));
    let is_host = |host: &HeaderValue, authority: &HeaderValue| {
        without_port(host.as_bytes()).eq_ignore_ascii_case(without_port(authority.as_bytes()))
    };
    if let Some(Ok(authority)) = authority
        && !request.headers().get(HOST).is_some_and(|host| is_host(host, &authority))
    {
        request.headers_mut().append(HOST, authority);
    }
    let target = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
}

/// Returns the host without the port, if that is the port of HTTPS or empty (RFC 9110, 4.2.3).
fn without_port(host: &[u8]) -> &[u8] {
    let port = [&b":443"[..], b":"].into_iter().find_map(|port| host.strip_suffix(port));
    port.unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(uri: &str, host: Option<&str>) -> (String, Vec<String>) {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let mut request = request.body(()).unwrap();
        to_origin_form(&mut request);
        let hosts = request.headers().get_all(HOST).iter();
        let hosts = hosts.map(|host| host.to_str().unwrap().to_owned()).collect();
        (request.uri().to_string(), hosts)
    }

    #[test]
    fn the_authority_becomes_the_host() {
        let cases = [
            ("https://svm:8443/repos/o/r?page=2", None, "/repos/o/r?page=2", &["svm:8443"][..]),
            ("https://svm/ping", Some("svm"), "/ping", &["svm"]),
            ("https://svm/ping", Some("SVM"), "/ping", &["SVM"]),
            ("https://svm", None, "/", &["svm"]),
            // A client may leave the port of HTTPS out on either side.
            ("https://svm/ping", Some("svm:443"), "/ping", &["svm:443"]),
            ("https://svm:443/ping", Some("svm"), "/ping", &["svm"]),
            ("https://svm:443/ping", Some("SVM:"), "/ping", &["SVM:"]),
            ("https://svm/ping", Some("svm:8443"), "/ping", &["svm:8443", "svm"]),
            ("https://svm:4430/ping", Some("svm"), "/ping", &["svm", "svm:4430"]),
            ("/ping", Some("svm"), "/ping", &["svm"]),
            ("/ping", None, "/ping", &[]),
            // The target of a CONNECT request.
            ("svm:443", None, "/", &["svm:443"]),
        ];
        for (uri, host, target, hosts) in cases {
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            assert_eq!(converted(uri, host), (target.to_owned(), hosts), "{uri}");
        }
    }

    #[test]
    fn another_host_stays_beside_the_authority() {
        let (_, hosts) = converted("https://svm/ping", Some("evil.example"));
        assert_eq!(hosts, ["evil.example", "svm"]);
    }
}
