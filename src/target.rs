//! Targets: the URLs that a client may request.
//!
//! A [`Target`] is proof that a URL was parsed strictly, means the same to svm and to the `url`
//! crate, and is on the allowlist. Nothing else is ever hashed or fetched. A target does not fetch
//! and knows nothing of headers.
//!
//! svm's own grammar reads the bytes first. The `url` crate repairs hostile input (it deletes tabs,
//! reads `\` as `/`, resolves dot segments), and a repaired URL would be allowed as one thing and
//! fetched as another. The crate reads the canonical form afterwards, and both readings must agree:
//! at once, or, for a plain URL, when it is fetched.

mod api_root;
mod canonical;
pub(crate) mod characters;
mod error;
mod grammar;
mod key;
mod label;
mod path;
pub(crate) mod percent;
mod plain;
mod policy;
mod public_url;
mod query;
mod representation;
mod resource;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use self::canonical::Canonical;
use self::grammar::UrlParts;

pub use api_root::{ApiRoot, DEFAULT_API_ROOT};
pub use error::Error;
pub use key::Key;
pub use label::{label, shown_query};
pub use policy::{
    Authority, DEFAULT_API_PATHS, DEFAULT_HOSTS, DEFAULT_TOKEN_HOSTS, PathPrefix, Policy,
};
pub use public_url::PublicUrl;
pub use representation::Representation;
pub(crate) use resource::ENTERPRISE;
pub use resource::{in_repository, repository};

/// The length limit of a URL in bytes, as given and in canonical form.
pub const MAX_BYTES: usize = 2_048;

/// A validated, canonical, allow-listed upstream URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: String,
    host: Range<usize>,
    path: Range<usize>,
    gets_token: bool,
    representation: Representation,
    key: Key,
}

impl Target {
    /// Parses the `url` parameter after exactly one percent-decoding. Blanks around it are ignored.
    pub fn parse(raw: &str, policy: &Policy) -> Result<Self, Error> {
        let parts = UrlParts::split(grammar::trim_blanks(raw))?;
        policy.check_host(&parts.host, parts.port)?;
        path::check(parts.path)?;
        query::check(parts.query)?;

        let Canonical { mut url, host, path } = canonical::canonicalise(&parts)?;
        let gets_token = policy.gets_token(&url[host.clone()], parts.port);
        if gets_token {
            canonical::fold_repository(&mut url[path.clone()]);
            policy.check_api_path(&url[path.clone()])?;
        }
        let (key, representation) = (Key::of(&url), Representation::Default);
        Ok(Self { url, host, path, gets_token, representation, key })
    }

    /// Parses the name of a stored document, as [`Target::name`] gives it.
    pub fn parse_name(name: &str, policy: &Policy) -> Result<Self, Error> {
        // No canonical URL has a blank.
        let Some((url, label)) = name.split_once(' ') else { return Self::parse(name, policy) };
        let representation = Representation::of_label(label).ok_or(Error::Character)?;
        Ok(Self::parse(url, policy)?.in_representation(representation))
    }

    /// Returns another representation of the document. A host that gets no token has one only.
    #[must_use]
    pub fn in_representation(mut self, representation: Representation) -> Self {
        if self.gets_token {
            self.representation = representation;
            self.key = Key::of(&self.name());
        }
        self
    }

    /// Returns the endpoint that names the account of a token: `GET /user` on the first host that
    /// gets tokens, if that host is allowed.
    ///
    /// It bypasses the allowlist of paths on purpose. The allowlist is for clients, which must
    /// never read the account of a token. Only svm itself fetches this target, and serves it to no
    /// client.
    pub(crate) fn token_owner(policy: &Policy) -> Option<Self> {
        let url = format!("https://{}{}", policy.token_hosts.first()?, policy.user_path());
        let parts = UrlParts::split(&url).ok()?;
        policy.check_host(&parts.host, parts.port).ok()?;
        let Canonical { url, host, path } = canonical::canonicalise(&parts).ok()?;
        let (key, representation) = (Key::of(&url), Representation::Default);
        Some(Self { url, host, path, gets_token: true, representation, key })
    }

    /// Returns the list of releases that belongs to this target: for the latest release, the
    /// repository's last hundred releases; for a list, the list itself. Other targets have none.
    pub fn list_of_releases(self, policy: &Policy) -> Option<Self> {
        match in_repository(self.path())? {
            "releases" => Some(self),
            "releases/latest" => {
                let path = self.path().strip_suffix("/latest")?;
                let url = format!("https://{}{path}?per_page=100", self.authority());
                Self::parse(&url, policy).ok()
            }
            _ => None,
        }
    }

    /// Follows a `Location`: an absolute https URL, or an absolute path on the same authority. The
    /// result is checked as strictly as any other target.
    pub fn redirect(&self, location: &str, policy: &Policy) -> Result<Self, Error> {
        let location = grammar::trim_blanks(location);
        let target = if location.starts_with('/') && !location.starts_with("//") {
            Self::parse(&format!("https://{}{location}", self.authority()), policy)
        } else {
            Self::parse(location, policy)
        };
        Ok(target?.in_representation(self.representation))
    }

    /// Returns the canonical URL, which is hashed and fetched.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns the name under which the document is stored: the canonical URL, and the label of the
    /// representation behind it if it is not the default one.
    pub fn name(&self) -> Cow<'_, str> {
        match self.representation.label() {
            None => Cow::Borrowed(&self.url),
            Some(label) => Cow::Owned(format!("{} {label}", self.url)),
        }
    }

    /// Returns the representation that the upstream is asked for.
    pub fn representation(&self) -> Representation {
        self.representation
    }

    /// Returns the SHA-256 of the name.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Returns the host in lower case, without a port; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        &self.url[self.host.clone()]
    }

    /// Returns the path without the query, fit for logs.
    pub fn path(&self) -> &str {
        &self.url[self.path.clone()]
    }

    /// Returns the query, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.url[self.path.end..].strip_prefix('?')
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

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.url).finish()
    }
}
