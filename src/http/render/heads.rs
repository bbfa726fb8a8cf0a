//! A cache of response heads of documents.
//!
//! A document in demand has the same head for a second, since its age is given in seconds. To copy
//! a head takes less than half the time of writing one. The key holds every input of the head.

use std::convert::Infallible;
use std::time::Duration;

use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::cache::Status;
use crate::entry::{Coding, EntityTag};
use crate::target::Key;

use super::super::two_hit_cache::TwoHitCache;
use super::super::values::Values;
use super::{JSON, cache_control, provenance};

/// The number of cached heads, of some 1.5 KB each: as many as are in demand within a second.
const SLOTS: usize = 1024;

const BY_CODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
/// The request headers by which the answers of the mirror differ.
const BY_REPRESENTATION: HeaderValue =
    HeaderValue::from_static("Accept, X-GitHub-Api-Version, Accept-Encoding");
const MEDIA_TYPE: HeaderName = HeaderName::from_static("x-github-media-type");
const GITHUB_V3: HeaderValue = HeaderValue::from_static("github.v3; format=json");
/// The type of every answer of GitHub's API.
pub(super) const GITHUB_JSON: HeaderValue =
    HeaderValue::from_static("application/json; charset=utf-8");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The interface by which a document is served.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Interface {
    /// svm's own.
    Version,
    /// GitHub's.
    Mirror,
}

/// All inputs of a head.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct HeadKey {
    /// The interface, by which some headers differ.
    pub(super) interface: Interface,
    /// The document.
    pub(super) key: Key,
    /// The cache's part in the answer.
    pub(super) status: Status,
    /// Seconds since the upstream last confirmed the body.
    pub(super) age: u64,
    /// The body's tag.
    pub(super) tag: EntityTag,
    /// The form of the body.
    pub(super) coding: Coding,
}

/// A writer of heads that caches its results.
pub(in crate::http) struct HeadCache {
    client_lifetime: Duration,
    written: TwoHitCache<HeadKey, HeaderMap>,
}

impl HeadCache {
    /// Starts with an empty cache. Clients and intermediate caches may reuse a fresh answer for
    /// `client_lifetime`.
    pub(in crate::http) fn with_lifetime(client_lifetime: Duration) -> Self {
        Self { client_lifetime, written: TwoHitCache::with_slots(SLOTS) }
    }

    /// Returns the head for these inputs.
    pub(super) fn head(&self, inputs: &HeadKey) -> HeaderMap {
        let Ok(head) = self.written.get(inputs, || Ok::<_, Infallible>(self.write(inputs)));
        head
    }

    fn write(&self, inputs: &HeadKey) -> HeaderMap {
        let HeadKey { interface, key, status, age, tag, coding } = inputs;
        let (mut headers, mut values) = (HeaderMap::with_capacity(14), Values::new());
        provenance(&mut headers, Some(*key), status, &mut values);
        headers.insert(AGE, values.number(*age).cut());
        headers.insert(ETAG, values.text(tag.to_text(*coding)).cut());
        let lifetime = cache_control(status, *age, self.client_lifetime, &mut values);
        headers.insert(CACHE_CONTROL, lifetime);
        match interface {
            Interface::Version => {
                headers.insert(VARY, BY_CODING);
                headers.insert(CONTENT_TYPE, JSON);
            }
            Interface::Mirror => {
                headers.insert(VARY, BY_REPRESENTATION);
                headers.insert(MEDIA_TYPE, GITHUB_V3);
                headers.insert(CONTENT_TYPE, GITHUB_JSON);
            }
        }
        if *coding == Coding::Gzip {
            headers.insert(CONTENT_ENCODING, GZIP);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_head_equals_a_written_head() {
        let heads = HeadCache::with_lifetime(Duration::from_secs(60));
        let key = |url: &str| Key::of(url);
        let inputs = HeadKey {
            interface: Interface::Version,
            key: key("https://api.github.com/repos/o/r"),
            status: Status::hit(7),
            age: 3,
            tag: EntityTag::of(b"{}"),
            coding: Coding::Identity,
        };
        let others = [
            HeadKey { key: key("https://api.github.com/repos/o/s"), ..inputs },
            HeadKey { interface: Interface::Mirror, ..inputs },
            HeadKey { status: Status::hit(6), ..inputs },
            HeadKey { age: 4, ..inputs },
            HeadKey { tag: EntityTag::of(b"[]"), ..inputs },
            HeadKey { coding: Coding::Gzip, ..inputs },
        ];
        for inputs in [inputs].iter().chain(&others) {
            for _ in 0..4 {
                assert_eq!(heads.head(inputs), heads.write(inputs));
            }
        }
        let different = others.map(|other| heads.head(&other) != heads.head(&inputs));
        assert_eq!(different, [true; 6]);
    }
}
