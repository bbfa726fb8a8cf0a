//! The allowlist: the allowed hosts, the hosts that get a token, and the paths open on those.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use super::resource::ENTERPRISE;
use super::{canonical, grammar, path, percent};

/// The default allowed hosts.
pub const DEFAULT_HOSTS: &str = "api.github.com,uploads.github.com,raw.githubusercontent.com,\
    codeload.github.com,objects.githubusercontent.com,github-releases.githubusercontent.com";

/// The default open paths on token hosts.
pub const DEFAULT_API_PATHS: &str = "/repos/,/repositories/";

/// The default hosts that get a token.
pub const DEFAULT_TOKEN_HOSTS: &str = "api.github.com";

/// The allowed hosts and paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The allowed hosts.
    pub hosts: Vec<Authority>,
    /// The open paths on hosts that get a token.
    pub api_paths: Vec<PathPrefix>,
    /// The hosts that get a token, if they are allowed.
    pub token_hosts: Vec<Authority>,
}

impl Policy {
    /// Returns the path of a token's account. On GitHub Enterprise Server, the API may be below a
    /// root of its own. The open paths show the root; otherwise the root is the usual one of such a
    /// host.
    pub(super) fn user_path(&self) -> String {
        let roots = self.api_paths.iter().filter_map(|PathPrefix(path)| path.split_once("/repos/"));
        // A prefix of an account, as in `/orgs/o/repos/`, is not a root.
        let is_root = |root: &&str| !["/orgs/", "/users/"].iter().any(|of| root.contains(of));
        let root = roots.map(|(root, _)| root).filter(is_root).min_by_key(|root| root.len());
        let has_own_host =
            self.token_hosts.first().is_some_and(|first| first.host.starts_with("api."));
        let usual = if has_own_host { "" } else { ENTERPRISE };
        format!("{}/user", root.unwrap_or(usual))
    }

    pub(super) fn check_host(&self, host: &str, port: u16) -> Result<(), Error> {
        if self.hosts.iter().any(|listed| listed.is(host, port)) {
            return Ok(());
        }
        let is_listed = self.hosts.iter().any(|listed| listed.host.eq_ignore_ascii_case(host));
        Err(if is_listed && port != 443 { Error::Port } else { Error::HostNotAllowed })
    }

    pub(super) fn gets_token(&self, host: &str, port: u16) -> bool {
        self.token_hosts.iter().any(|listed| listed.is(host, port))
    }

    /// Checks a canonical path, in which no letter and no dot is percent-encoded.
    pub(super) fn check_api_path(&self, path: &str) -> Result<(), Error> {
        let is_open = self.api_paths.iter().any(|prefix| prefix.opens(path));
        if is_open { Ok(()) } else { Err(Error::PathNotAllowed) }
    }
}

impl Default for Policy {
    fn default() -> Self {
        let (hosts, token_hosts) = (list(DEFAULT_HOSTS), list(DEFAULT_TOKEN_HOSTS));
        Self { hosts, api_paths: list(DEFAULT_API_PATHS), token_hosts }
    }
}

fn list<T: FromStr<Err = Malformed>>(text: &str) -> Vec<T> {
    text.split(',').map(|item| item.parse().expect("the defaults are well formed")).collect()
}

/// A host, and a port if it is not 443: `api.github.com`, `github.example:8443`, `[2001:db8::1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    host: String,
    port: u16,
}

impl Authority {
    /// Returns the host in lower case; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn is(&self, host: &str, port: u16) -> bool {
        self.port == port && self.host.eq_ignore_ascii_case(host)
    }
}

impl FromStr for Authority {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (host, port) = grammar::split_authority(text).map_err(|_| Malformed)?;
        let host = host.to_ascii_lowercase();
        // Refuses text that the url crate would read as another host, such as `127.1` or
        // `0x7f000001`.
        let read_again = url::Host::parse(&host).map_err(|_| Malformed)?;
        if read_again.to_string() != host {
            return Err(Malformed);
        }
        Ok(Self { host, port })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            443 => f.write_str(&self.host),
            port => write!(f, "{}:{port}", self.host),
        }
    }
}

/// A prefix of a path, in whole segments: `/repos/` opens everything below it, `/rate_limit` opens
/// itself as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPrefix(String);

impl PathPrefix {
    /// Returns true if the prefix opens all paths below this one, or some of them.
    pub(super) fn meets(&self, folder: &str) -> bool {
        self.opens(folder) || self.0.starts_with(folder)
    }

    fn opens(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(self.0.as_str()) else { return false };
        self.0.ends_with('/') || rest.is_empty() || rest.starts_with('/')
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PathPrefix {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_plain = |byte: u8| {
            byte == b'/' || percent::is_unreserved(byte) || b"!$&'()*+,:=@".contains(&byte)
        };
        let without_last_slash = text.strip_suffix('/').unwrap_or(text);
        let well_formed = text.starts_with('/')
            && !text.contains("//")
            && text.bytes().all(is_plain)
            && path::check(without_last_slash).is_ok();
        let mut path = text.to_owned();
        // It is compared with paths of targets, which are spelt so.
        canonical::fold_repository(&mut path);
        if well_formed { Ok(Self(path)) } else { Err(Malformed) }
    }
}

/// The text is not a valid host or path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed")]
pub struct Malformed;
