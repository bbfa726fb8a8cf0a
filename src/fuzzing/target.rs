//! Properties of an accepted URL.

use std::collections::HashSet;

use url::Url;

use crate::target::{Authority, Policy, Target};

impl Target {
    /// Returns the port: 443 unless the authority names another one.
    pub(crate) fn port(&self) -> u16 {
        let authority: Authority = self.authority().parse().expect("an authority");
        authority.port()
    }
}

/// Checks that an accepted URL is on the allowlist, is its own canonical form in any order of its
/// query, and means the same to the url crate.
pub fn target(data: &[u8]) {
    let Some(raw) = super::text(data) else { return };
    let policy = Policy::default();
    let Ok(target) = Target::parse(raw, &policy) else { return };
    assert_allowed(&target, &policy);
    assert_eq!(Target::parse(target.as_str(), &policy).as_ref(), Ok(&target));
    assert_eq!(Target::parse(&reversed(target.as_str()), &policy).as_ref(), Ok(&target));

    let url = Url::parse(target.as_str()).expect("a URL");
    assert_eq!(url.as_str(), target.as_str());
    assert_eq!((url.host_str(), url.path()), (Some(target.host()), target.path()));
    assert_eq!((url.username(), url.password(), url.fragment()), ("", None, None));
    // The crate also reads the same host and path in the client's text.
    let written = Url::parse(raw).expect("a URL");
    assert_eq!(written.host_str(), Some(target.host()));
    let segments = |url: &Url| url.path_segments().map(Iterator::count);
    assert_eq!(segments(&written), segments(&url));
}

fn assert_allowed(target: &Target, policy: &Policy) {
    assert_eq!(target.port(), 443);
    assert!(policy.hosts.iter().any(|listed| listed.host() == target.host()));
    let opened = ["/repos/", "/repositories/"];
    let is_opened = opened.iter().any(|prefix| target.path().starts_with(prefix));
    assert!(!target.gets_token() || is_opened);
    assert!(target.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
}

/// Returns the URL with its query from right to left, unless a name occurs twice: then the order
/// may matter.
fn reversed(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.reverse();
    let names: HashSet<_> = pairs.iter().map(|pair| pair.split('=').next()).collect();
    match names.len() == pairs.len() {
        true => format!("{path}?{}", pairs.join("&")),
        false => url.to_owned(),
    }
}
