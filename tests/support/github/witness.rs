//! The search for secrets in every request: the token goes only to permitted hosts, in one header
//! and one spelling, and no other secret goes to any host.

use http::header::AUTHORIZATION;

use super::super::canary;
use super::received::Received;

/// Searches a request, including its body.
pub fn look(request: &Received, body: &[u8]) {
    let place = |what: &str| format!("{what} of a request to {}", request.host);
    canary::look(&place("the target"), request.target.as_bytes());
    canary::look(&place("the body"), body);
    for (name, value) in &request.headers {
        if name != AUTHORIZATION || !may_see_token(request) || !is_bearer(value.as_bytes()) {
            canary::look(&place(name.as_str()), value.as_bytes());
        }
    }
}

/// Returns true if both names by which the request was addressed may get the token.
fn may_see_token(request: &Received) -> bool {
    request.sni.as_deref() == Some(&*request.host) && canary::is_token_host(&request.host)
}

fn is_bearer(value: &[u8]) -> bool {
    value.strip_prefix(b"Bearer ").is_some_and(canary::is_secret)
}
