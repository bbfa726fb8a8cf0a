//! The templates (frames) of response heads: the field names, and the values that all documents
//! share.
//!
//! There is one frame for each kind of answer, and nearly all hits use one or two frames. Each
//! document adds only a few values. So a hit on one of many documents reads little memory that is
//! not in the processor's cache.

use std::array;

use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, LAST_MODIFIED, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::cache::{Outcome, Status};
use crate::entry::Coding;
use crate::target::Representation;

use super::super::request_ids::X_REQUEST_ID;
use super::{CACHE_STATUS, JSON, X_CACHE, X_CACHE_KEY, X_UPSTREAM_STATUS, upstream_status};

const BY_CODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
/// The request header fields on which the answers of the mirror depend.
const BY_REPRESENTATION: HeaderValue =
    HeaderValue::from_static("Accept, X-GitHub-Api-Version, Accept-Encoding");
const MEDIA_TYPE: HeaderName = HeaderName::from_static("x-github-media-type");
/// The content type of every answer of GitHub's API.
pub(super) const GITHUB_JSON: HeaderValue =
    HeaderValue::from_static("application/json; charset=utf-8");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The fields whose values depend on the document. In each frame they follow the request id, which
/// is the first field. On the mirror, the date of the document follows them.
const OWN: [HeaderName; 5] = [X_CACHE_KEY, CACHE_STATUS, ETAG, AGE, CACHE_CONTROL];
/// The value of a field that is not filled in yet.
pub(super) const EMPTY: HeaderValue = HeaderValue::from_static("");

/// The interface that serves a document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Interface {
    /// `/version`, svm's own interface.
    Version,
    /// The mirror of GitHub's API, in this representation.
    Mirror(Representation),
}

/// The kind of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// The interface, on which some header fields depend.
    pub(super) interface: Interface,
    /// The content coding of the body.
    pub(super) coding: Coding,
    /// True if the client has the body, so that the head belongs to a `304`.
    pub(super) is_unmodified: bool,
}

/// The values that depend on the document.
#[derive(Clone)]
pub(super) struct OwnValues {
    pub(super) cache_key: HeaderValue,
    pub(super) cache_status: HeaderValue,
    pub(super) etag: HeaderValue,
    pub(super) age: HeaderValue,
    pub(super) cache_control: HeaderValue,
}

/// The frames of all kinds.
pub(super) struct Frames([HeaderMap; KINDS]);

const KINDS: usize = 8;

impl Frames {
    pub(super) fn new() -> Self {
        let is = |number: usize, bit: usize| number & bit != 0;
        Self(array::from_fn(|number| {
            frame(Kind {
                interface: match is(number, 1) {
                    true => Interface::Mirror(Representation::Default),
                    false => Interface::Version,
                },
                coding: if is(number, 2) { Coding::Gzip } else { Coding::Identity },
                is_unmodified: is(number, 4),
            })
        }))
    }

    /// Returns a head of this kind, with an empty request id.
    pub(super) fn fill(
        &self,
        kind: Kind,
        status: &Status,
        own: &OwnValues,
        date: Option<HeaderValue>,
    ) -> HeaderMap {
        let mut head = self.0[kind.number()].clone();
        let OwnValues { cache_key, cache_status, etag, age, cache_control } = own;
        let values = [cache_key, cache_status, etag, age, cache_control];
        let mut places = head.values_mut().skip(1);
        values.into_iter().zip(&mut places).for_each(|(value, place)| *place = value.clone());
        if kind.interface != Interface::Version {
            match (date, places.next()) {
                (Some(date), Some(place)) => *place = date,
                _ => drop(head.remove(LAST_MODIFIED)),
            }
        }
        // A frame holds the values for a hit in the default representation.
        if let Interface::Mirror(other) = kind.interface
            && other != Representation::Default
        {
            head.insert(MEDIA_TYPE, media_type(other));
        }
        if status.outcome != Outcome::Hit || status.forward_status.is_some() {
            head.insert(X_CACHE, HeaderValue::from_static(status.outcome.as_str()));
            head.insert(X_UPSTREAM_STATUS, upstream_status(status));
        }
        head
    }
}

impl Kind {
    fn number(self) -> usize {
        let Self { interface, coding, is_unmodified } = self;
        usize::from(interface != Interface::Version)
            + 2 * usize::from(coding == Coding::Gzip)
            + 4 * usize::from(is_unmodified)
    }
}

/// Returns the value of `X-GitHub-Media-Type` in GitHub's form.
fn media_type(representation: Representation) -> HeaderValue {
    HeaderValue::from_static(match representation {
        Representation::Default | Representation::Version2026 => "github.v3; format=json",
        Representation::Full => "github.v3; param=full; format=json",
        Representation::Html => "github.v3; param=html; format=json",
        Representation::Text => "github.v3; param=text; format=json",
    })
}

fn frame(kind: Kind) -> HeaderMap {
    let Kind { interface, coding, is_unmodified } = kind;
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(X_REQUEST_ID, EMPTY);
    for name in OWN {
        headers.insert(name, EMPTY);
    }
    if interface != Interface::Version {
        headers.insert(LAST_MODIFIED, EMPTY);
    }
    headers.insert(X_CACHE, HeaderValue::from_static(Outcome::Hit.as_str()));
    headers.insert(X_UPSTREAM_STATUS, upstream_status(&Status::hit(0)));
    let content_type = match interface {
        Interface::Version => {
            headers.insert(VARY, BY_CODING);
            JSON
        }
        Interface::Mirror(representation) => {
            headers.insert(VARY, BY_REPRESENTATION);
            headers.insert(MEDIA_TYPE, media_type(representation));
            GITHUB_JSON
        }
    };
    if !is_unmodified {
        headers.insert(CONTENT_TYPE, content_type);
        if coding == Coding::Gzip {
            headers.insert(CONTENT_ENCODING, GZIP);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn each_value_has_its_own_field_in_each_kind() {
        let frames = Frames::new();
        let value = HeaderValue::from_static;
        let own = OwnValues {
            cache_key: value("x-cache-key"),
            cache_status: value("cache-status"),
            etag: value("etag"),
            age: value("age"),
            cache_control: value("cache-control"),
        };
        let hit = Status::hit(7);
        let forward_status = Some(StatusCode::NOT_MODIFIED);
        let miss = Status { outcome: Outcome::Miss, forward_status, ..hit };
        let date = value("date");
        let mut lengths = Vec::new();
        for interface in [Interface::Version, Interface::Mirror(Representation::Default)] {
            for coding in [Coding::Identity, Coding::Gzip] {
                for is_unmodified in [false, true] {
                    let kind = Kind { interface, coding, is_unmodified };
                    for (status, cache) in [(hit, ["HIT", "0"]), (miss, ["MISS", "304"])] {
                        let head = frames.fill(kind, &status, &own, None);
                        OWN.iter().for_each(|name| assert_eq!(head[name], name.as_str()));
                        assert_eq!([&head[X_CACHE], &head[X_UPSTREAM_STATUS]], cache);
                        assert_eq!(head.keys().next(), Some(&X_REQUEST_ID));
                        assert_eq!(head.get(CONTENT_TYPE).is_none(), is_unmodified);
                        lengths.push(head.len());
                        let dated = frames.fill(kind, &status, &own, Some(date.clone()));
                        let has_date = interface != Interface::Version;
                        assert_eq!(dated.get(LAST_MODIFIED), has_date.then_some(&date));
                        assert_eq!(dated.len(), head.len() + usize::from(has_date));
                    }
                }
            }
        }
        let of_each = [10, 9, 11, 9, 11, 10, 12, 10];
        assert_eq!(lengths, of_each.map(|length| [length; 2]).as_flattened());
    }
}
