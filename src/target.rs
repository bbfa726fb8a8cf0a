//! Targets: what a client may ask for.
//!
//! A [`Target`] is proof that a URL was read strictly, means the same to us and to the `url` crate, and is named
//! by the allowlist; nothing else is ever hashed or fetched. It does not fetch and knows nothing of headers.
//!
//! The subtle thing is the order: our own grammar reads the bytes first, because the `url` crate repairs hostile
//! input (it deletes tabs, reads `\` as `/`, resolves dot segments), and a repaired URL would be allowed as one
//! thing and fetched as another. The crate reads the canonical form afterwards, and both readings must agree.

mod canonical;
mod error;
mod grammar;
mod key;
mod path;
pub(crate) mod percent;
mod policy;
mod query;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use self::canonical::Canonical;
use self::grammar::Parts;

pub use error::Error;
pub use key::Key;
pub use policy::{
    Authority, DEFAULT_API_PATHS, DEFAULT_HOSTS, DEFAULT_TOKEN_HOSTS, PathPrefix, Policy,
};

/// The longest URL that is accepted, in bytes, as given and as canonicalised.
pub const MAX_BYTES: usize = 2_048;

/// A validated, canonical, allow-listed upstream URL.
#[derive(Clone)]
pub struct Target {
    url: String,
    host: Range<usize>,
    path: Range<usize>,
    port: u16,
    gets_token: bool,
    key: Key,
}

impl Target {
    /// Reads the `url` parameter after exactly one percent-decoding. Blanks around it are ignored.
    pub fn parse(raw: &str, policy: &Policy) -> Result<Self, Error> {
        let parts = Parts::split(grammar::trim_blanks(raw))?;
        policy.check_host(&parts.host, parts.port)?;
        path::check(parts.path)?;
        query::check(parts.query)?;

        let Canonical { url, host, path } = canonical::canonicalise(&parts)?;
        let gets_token = policy.gets_token(&url[host.clone()], parts.port);
        if gets_token {
            policy.check_api_path(&url[path.clone()])?;
        }
        let key = Key::of(&url);
        Ok(Self { url, host, path, port: parts.port, gets_token, key })
    }

    /// Where GitHub says whose a token is: `GET /user` on the first host that sees tokens, if that one is asked at all.
    ///
    /// It goes past the allowlist of paths on purpose: that one is for clients, who must never read the account behind
    /// a token. Only svm itself asks for this, and serves it to nobody.
    pub(crate) fn token_owner(policy: &Policy) -> Option<Self> {
        let url = format!("https://{}{}", policy.token_hosts().first()?, policy.user_path());
        let parts = Parts::split(&url).ok()?;
        policy.check_host(&parts.host, parts.port).ok()?;
        let Canonical { url, host, path } = canonical::canonicalise(&parts).ok()?;
        let key = Key::of(&url);
        Some(Self { url, host, path, port: parts.port, gets_token: true, key })
    }

    /// Follows a `Location`: an absolute https URL, or an absolute path on the same authority. The result is
    /// read as strictly as any other target.
    pub fn redirect(&self, location: &str, policy: &Policy) -> Result<Self, Error> {
        let location = grammar::trim_blanks(location);
        if location.starts_with('/') && !location.starts_with("//") {
            return Self::parse(&format!("https://{}{location}", self.authority()), policy);
        }
        Self::parse(location, policy)
    }

    /// The canonical URL: what is hashed and what is fetched.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The SHA-256 of the canonical URL.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The host in lower case, without a port; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        &self.url[self.host.clone()]
    }

    /// The port: 443 unless the allowlist names another one for the host.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path without the query, fit for logs.
    pub fn path(&self) -> &str {
        &self.url[self.path.clone()]
    }

    /// The host, and the port unless it is 443.
    pub fn authority(&self) -> &str {
        &self.url[self.host.start..self.path.start]
    }

    /// Whether requests for this target carry a token.
    pub fn gets_token(&self) -> bool {
        self.gets_token
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url && self.gets_token == other.gets_token
    }
}

impl Eq for Target {}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.url).finish()
    }
}
