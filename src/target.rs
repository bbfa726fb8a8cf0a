//! Targets: the URLs that a client may request.
//!
//! A [`Target`] is proof that a URL was parsed strictly, means the same to svm and to the `url`
//! crate, and is on the allowlist. Nothing else is ever hashed or fetched. A target does not fetch
//! and knows nothing of headers.
//!
//! svm's own grammar reads the bytes first. The `url` crate repairs hostile input (it deletes tabs,
//! reads `\` as `/`, resolves dot segments), and a repaired URL would be allowed as one thing and
//! fetched as another. The crate reads the canonical form afterwards, and both readings must agree.

mod api_root;
mod canonical;
mod error;
mod grammar;
mod key;
mod path;
pub(crate) mod percent;
mod policy;
mod public_url;
mod query;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use self::canonical::Canonical;
use self::grammar::Parts;

pub use api_root::{ApiRoot, DEFAULT_API_ROOT};
pub use error::Error;
pub use key::Key;
pub use policy::{
    Authority, DEFAULT_API_PATHS, DEFAULT_HOSTS, DEFAULT_TOKEN_HOSTS, PathPrefix, Policy,
};
pub use public_url::PublicUrl;

/// The length limit of a URL in bytes, as given and in canonical form.
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
    /// Parses the `url` parameter after exactly one percent-decoding. Blanks around it are ignored.
    pub fn parse(raw: &str, policy: &Policy) -> Result<Self, Error> {
        let parts = Parts::split(grammar::trim_blanks(raw))?;
        policy.check_host(&parts.host, parts.port)?;
        path::check(parts.path)?;
        query::check(parts.query)?;

        let Canonical { mut url, host, path } = canonical::canonicalise(&parts)?;
        let gets_token = policy.gets_token(&url[host.clone()], parts.port);
        if gets_token {
            canonical::fold_repository(&mut url[path.clone()]);
            policy.check_api_path(&url[path.clone()])?;
        }
        let key = Key::of(&url);
        Ok(Self { url, host, path, port: parts.port, gets_token, key })
    }

    /// Returns the endpoint that names the account of a token: `GET /user` on the first host that
    /// gets tokens, if that host is allowed.
    ///
    /// It bypasses the allowlist of paths on purpose. The allowlist is for clients, which must
    /// never read the account of a token. Only svm itself fetches this target, and serves it to no
    /// client.
    pub(crate) fn token_owner(policy: &Policy) -> Option<Self> {
        let url = format!("https://{}{}", policy.token_hosts().first()?, policy.user_path());
        let parts = Parts::split(&url).ok()?;
        policy.check_host(&parts.host, parts.port).ok()?;
        let Canonical { url, host, path } = canonical::canonicalise(&parts).ok()?;
        let key = Key::of(&url);
        Some(Self { url, host, path, port: parts.port, gets_token: true, key })
    }

    /// Follows a `Location`: an absolute https URL, or an absolute path on the same authority. The
    /// result is checked as strictly as any other target.
    pub fn redirect(&self, location: &str, policy: &Policy) -> Result<Self, Error> {
        let location = grammar::trim_blanks(location);
        if location.starts_with('/') && !location.starts_with("//") {
            return Self::parse(&format!("https://{}{location}", self.authority()), policy);
        }
        Self::parse(location, policy)
    }

    /// Returns the canonical URL, which is hashed and fetched.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns the SHA-256 of the canonical URL.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Returns the host in lower case, without a port; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        &self.url[self.host.clone()]
    }

    /// Returns the port: 443 unless the allowlist names another one for the host.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path without the query, fit for logs.
    pub fn path(&self) -> &str {
        &self.url[self.path.clone()]
    }

    /// Returns the host, and the port unless it is 443.
    pub fn authority(&self) -> &str {
        &self.url[self.host.start..self.path.start]
    }

    /// Returns true if requests for this target carry a token.
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
