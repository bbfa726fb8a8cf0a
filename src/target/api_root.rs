//! The root of the API that svm serves under its own address.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use super::policy::{Authority, Malformed, Policy};
use super::resource::ENTERPRISE;
use super::{Target, grammar};

/// The default root.
pub const DEFAULT_API_ROOT: &str = "https://api.github.com";

/// The URL below which the API's paths are: `https://api.github.com`, or
/// `https://ghe.example/api/v3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRoot {
    authority: Authority,
    /// Empty, or the root of an Enterprise server.
    path: &'static str,
}

impl ApiRoot {
    /// Returns the host of the API.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns true if the policy opens no path below the root.
    pub fn is_closed_by(&self, policy: &Policy) -> bool {
        let below = format!("{}/", self.path);
        policy.token_hosts.contains(&self.authority)
            && !policy.api_paths.iter().any(|prefix| prefix.meets(&below))
    }

    /// Returns the part of a target's path that is below the root: `/repos/octo/app`.
    pub fn below<'a>(&self, target: &'a Target) -> &'a str {
        target.path().strip_prefix(self.path).unwrap_or(target.path())
    }

    /// Returns the URL of the server's website, without a final slash.
    pub fn site(&self) -> String {
        let authority = self.authority.to_string();
        // An Enterprise server has the website and the API on one host, unless it has subdomains of
        // its own.
        format!("https://{}", authority.strip_prefix("api.").unwrap_or(&authority))
    }

    /// Returns the target of a raw path and query below the root. One final slash, empty pairs and
    /// `page=1` mean nothing there, and are dropped. Beside another `page`, the last one counts, so
    /// all of them stay.
    ///
    /// # Errors
    ///
    /// [`Error`], if the URL is not an allowed target.
    pub fn target(&self, path: &str, query: &str, policy: &Policy) -> Result<Target, Error> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let pairs = || query.split('&').filter(|pair| !pair.is_empty());
        let has_one_page = pairs().filter(|pair| pair.starts_with("page=")).count() == 1;
        let pairs = pairs().filter(|pair| !(has_one_page && *pair == "page=1"));
        let query = pairs.collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        Target::parse(&format!("{self}{path}{mark}{query}"), policy)
    }
}

impl Default for ApiRoot {
    fn default() -> Self {
        DEFAULT_API_ROOT.parse().expect("the default is well formed")
    }
}

impl fmt::Display for ApiRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority, self.path)
    }
}

impl FromStr for ApiRoot {
    type Err = Malformed;

    /// Refuses any other path: svm would not know the meaning of the paths below it.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let text = grammar::trim_blanks(text);
        let rest = text.strip_prefix("https://").ok_or(Malformed)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = match path.strip_suffix('/').unwrap_or(path) {
            "" => "",
            ENTERPRISE => ENTERPRISE,
            _ => return Err(Malformed),
        };
        Ok(Self { authority: authority.parse()?, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_read() {
        for (text, want) in [
            ("https://api.github.com", Some("https://api.github.com")),
            ("https://api.github.com/", Some("https://api.github.com")),
            ("https://GHE.example:8443/api/v3", Some("https://ghe.example:8443/api/v3")),
            ("https://[2001:db8::1]/api/v3/", Some("https://[2001:db8::1]/api/v3")),
            ("https://ghe.example/github", None),
            ("https://ghe.example/api/v3/repos", None),
            ("https://ghe.example/api", None),
            ("https://ghe.example//api/v3", None),
            ("https://ghe.example/api/v3//", None),
            ("http://api.github.com", None),
            ("api.github.com", None),
            ("https://", None),
            ("https://user@host", None),
            ("https://host/a//b", None),
            ("https://host/../x", None),
            ("https://host/x?y", None),
            ("https://host/x#y", None),
        ] {
            let root = text.parse::<ApiRoot>().ok().map(|root| root.to_string());
            assert_eq!(root.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn the_site_of_a_server_is_known() {
        for (root, want) in [
            ("https://api.github.com", "https://github.com"),
            ("https://api.octo.ghe.com", "https://octo.ghe.com"),
            ("https://ghe.example:8443/api/v3", "https://ghe.example:8443"),
        ] {
            assert_eq!(root.parse::<ApiRoot>().unwrap().site(), want);
        }
    }

    #[test]
    fn the_root_is_no_part_of_a_path_below_it() {
        let root: ApiRoot = "https://ghe.example/api/v3".parse().unwrap();
        let url = "https://ghe.example/api/v3/repos/o/r/%63ontents";
        let policy = Policy {
            hosts: vec!["ghe.example".parse().unwrap()],
            api_paths: vec!["/api/v3/repos/".parse().unwrap()],
            token_hosts: vec!["ghe.example".parse().unwrap()],
        };
        let target = Target::parse(url, &policy).unwrap();
        assert_eq!(root.below(&target), "/repos/o/r/contents");
        assert_eq!(ApiRoot::default().below(&target), "/api/v3/repos/o/r/contents");
    }

    #[test]
    fn a_path_is_the_same_target_as_its_url() {
        let policy = Policy::default();
        let target = |path, query| ApiRoot::default().target(path, query, &policy);
        for (path, query, url) in [
            ("/repos/o/r", "", "repos/o/r"),
            ("/repos/o/r/", "", "repos/o/r"),
            ("/repos/o/r/releases", "per_page=5&", "repos/o/r/releases?per_page=5"),
            ("/repos/o/r/releases", "page=1&per_page=5", "repos/o/r/releases?per_page=5"),
            ("/repos/o/r/releases", "page=1", "repos/o/r/releases"),
            ("/repos/o/r/releases", "page=10", "repos/o/r/releases?page=10"),
            ("/repos/o/r/releases", "page=2&page=1", "repos/o/r/releases?page=2&page=1"),
            ("/repos/o/r/releases", "per_page=1&page=1", "repos/o/r/releases?per_page=1"),
            ("/repos/o/r/contents/%61", "b=1&a=2", "repos/o/r/contents/a?a=2&b=1"),
        ] {
            let want = Target::parse(&format!("https://api.github.com/{url}"), &policy).unwrap();
            assert_eq!(target(path, query).map(|it| it.key()), Ok(want.key()), "{path}?{query}");
        }
        for (path, query, want) in [
            ("/user", "", Error::PathNotAllowed),
            ("/repos/../user", "", Error::Segment),
            ("/repos/o/r//", "", Error::Segment),
            ("/repos/o/r", "access_token=x", Error::Credential),
            ("/repos/%2e%2e/user", "", Error::Segment),
        ] {
            assert_eq!(target(path, query).err(), Some(want), "{path}?{query}");
        }
    }
}
