//! A cache of response heads of documents.
//!
//! To copy a head takes less than half the time of writing one. The key holds every input of the
//! head but the moment, which changes three of its values: a head of another second is brought up
//! to date in its slot, so that documents which are asked for once a second profit as well.

use std::time::Duration;

use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::cache::Status;
use crate::entry::{Coding, EntityTag};
use crate::target::{Key, Representation};

use super::super::request_ids::X_REQUEST_ID;
use super::super::two_hit_cache::TwoHitCache;
use super::super::values::Values;
use super::{CACHE_STATUS, JSON, cache_control, cache_status, provenance};

/// The number of slots for heads, of some 1.5 KB each: several for each document in steady demand,
/// so that few of them have to share one.
const SLOTS: usize = 4096;

const BY_CODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
/// The request headers by which the answers of the mirror differ.
const BY_REPRESENTATION: HeaderValue =
    HeaderValue::from_static("Accept, X-GitHub-Api-Version, Accept-Encoding");
const MEDIA_TYPE: HeaderName = HeaderName::from_static("x-github-media-type");
/// The type of every answer of GitHub's API.
pub(super) const GITHUB_JSON: HeaderValue =
    HeaderValue::from_static("application/json; charset=utf-8");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The interface by which a document is served.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Interface {
    /// svm's own.
    Version,
    /// GitHub's, in this representation.
    Mirror(Representation),
}

impl Interface {
    fn content_type(self) -> HeaderValue {
        match self {
            Self::Version => JSON,
            Self::Mirror(_) => GITHUB_JSON,
        }
    }
}

/// Returns the media type in GitHub's words.
fn media_type(representation: Representation) -> HeaderValue {
    HeaderValue::from_static(match representation {
        Representation::Default | Representation::Version2026 => "github.v3; format=json",
        Representation::Full => "github.v3; param=full; format=json",
        Representation::Html => "github.v3; param=html; format=json",
        Representation::Text => "github.v3; param=text; format=json",
    })
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
    /// True if the client has the body, and the head is that of a `304`.
    pub(super) is_unmodified: bool,
}

impl HeadKey {
    /// Splits the inputs into those that stay the same, and the moment.
    fn split(&self) -> (Self, Moment) {
        let Self { status, age, .. } = *self;
        let lasting = Self { status: Status { ttl: None, ..status }, age: 0, ..*self };
        (lasting, Moment { age, ttl: status.ttl })
    }
}

/// The inputs that change every second.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Moment {
    age: u64,
    ttl: Option<i64>,
}

/// A head as it was at a moment.
#[derive(Clone)]
struct Head {
    headers: HeaderMap,
    moment: Moment,
}

/// A writer of heads that caches its results.
pub(in crate::http) struct HeadCache {
    client_lifetime: Duration,
    written: TwoHitCache<HeadKey, Head>,
}

impl HeadCache {
    /// Starts with an empty cache. Clients and intermediate caches may reuse a fresh answer for
    /// `client_lifetime`.
    pub(in crate::http) fn with_lifetime(client_lifetime: Duration) -> Self {
        Self { client_lifetime, written: TwoHitCache::with_slots(SLOTS) }
    }

    /// Returns the head for these inputs.
    pub(super) fn head(&self, inputs: &HeadKey) -> HeaderMap {
        let (lasting, moment) = inputs.split();
        let known = self.written.with(&lasting, |head| {
            if head.moment != moment {
                self.set_moment(&mut head.headers, inputs, &mut Values::new());
                head.moment = moment;
            }
            head.headers.clone()
        });
        known.unwrap_or_else(|| {
            let headers = self.write(inputs);
            self.written.admit(&lasting, || Head { headers: headers.clone(), moment });
            headers
        })
    }

    /// Sets the values that change every second.
    fn set_moment(&self, headers: &mut HeaderMap, inputs: &HeadKey, values: &mut Values) {
        let HeadKey { status, age, .. } = inputs;
        headers.insert(CACHE_STATUS, cache_status(status, values));
        headers.insert(AGE, values.number(*age).cut());
        let lifetime = cache_control(status, *age, self.client_lifetime, values);
        headers.insert(CACHE_CONTROL, lifetime);
    }

    fn write(&self, inputs: &HeadKey) -> HeaderMap {
        let HeadKey { interface, key, status, tag, coding, is_unmodified, .. } = inputs;
        let (mut headers, mut values) = (HeaderMap::with_capacity(16), Values::new());
        // The place of the request's id: a map that is copied has no room for one more.
        headers.insert(X_REQUEST_ID, HeaderValue::from_static(""));
        provenance(&mut headers, Some(*key), status, &mut values);
        headers.insert(ETAG, values.text(tag.to_text(*coding)).cut());
        self.set_moment(&mut headers, inputs, &mut values);
        match interface {
            Interface::Version => {
                headers.insert(VARY, BY_CODING);
            }
            Interface::Mirror(representation) => {
                headers.insert(VARY, BY_REPRESENTATION);
                headers.insert(MEDIA_TYPE, media_type(*representation));
            }
        }
        if !is_unmodified {
            headers.insert(CONTENT_TYPE, interface.content_type());
            if *coding == Coding::Gzip {
                headers.insert(CONTENT_ENCODING, GZIP);
            }
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
            is_unmodified: false,
        };
        let others = [
            HeadKey { key: key("https://api.github.com/repos/o/s"), ..inputs },
            HeadKey { interface: Interface::Mirror(Representation::Default), ..inputs },
            HeadKey { interface: Interface::Mirror(Representation::Full), ..inputs },
            HeadKey { status: Status::hit(6), ..inputs },
            HeadKey { age: 4, ..inputs },
            HeadKey { tag: EntityTag::of(b"[]"), ..inputs },
            HeadKey { coding: Coding::Gzip, ..inputs },
            HeadKey { is_unmodified: true, ..inputs },
        ];
        for inputs in [inputs].iter().chain(&others) {
            for _ in 0..4 {
                assert_eq!(heads.head(inputs), heads.write(inputs));
            }
        }
        let different = others.map(|other| heads.head(&other) != heads.head(&inputs));
        assert_eq!(different, [true; 8]);
    }

    #[test]
    fn a_cached_head_follows_the_moment() {
        let heads = HeadCache::with_lifetime(Duration::from_secs(60));
        let at = |age: u64| HeadKey {
            interface: Interface::Version,
            key: Key::of("https://api.github.com/repos/o/r"),
            status: Status::hit(100 - i64::try_from(age).unwrap()),
            age,
            tag: EntityTag::of(b"{}"),
            coding: Coding::Gzip,
            is_unmodified: false,
        };
        for age in [0, 0, 0, 1, 2, 99, 3, 1_000] {
            assert_eq!(heads.head(&at(age)), heads.write(&at(age)), "{age}");
        }
        assert_eq!(heads.written.remembered(), 1);
    }
}
