//! A cache of the header values that depend on the document.
//!
//! A copy of header values takes less than half the time of writing them. The cache key holds every
//! input of the values except the moment. Three of the values change every second. If they are of
//! another second, the cache rewrites only these three in place, so a document that clients request
//! once a second also profits.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::cache::Status;
use crate::entry::{Coding, EntityTag};
use crate::target::Key;

use super::super::two_hit_cache::TwoHitCache;
use super::super::values::Values;
use super::frames::{EMPTY, Frames, Kind, OwnValues};
use super::{cache_control, cache_status};

/// The number of slots, of some 600 bytes each. There are several slots for each document in steady
/// demand, so few documents share a slot.
const SLOTS: usize = 4096;

/// All inputs of a head.
#[derive(Clone, Copy)]
pub(super) struct HeadInputs {
    /// The kind of the answer.
    pub(super) kind: Kind,
    /// The document.
    pub(super) key: Key,
    /// The cache status of the answer.
    pub(super) status: Status,
    /// The seconds since the upstream last confirmed the body.
    pub(super) age: u64,
    /// The entity tag of the body.
    pub(super) tag: EntityTag,
}

/// The inputs of the values that stay the same over time.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Lasting {
    key: Key,
    status: Status,
    tag: EntityTag,
    coding: Coding,
}

impl Hash for Lasting {
    /// Hashes only the key of the document: clients rarely want several heads of one document at
    /// the same time.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

/// The inputs that change every second.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Moment {
    age: u64,
    ttl: Option<i64>,
}

impl HeadInputs {
    fn split(&self) -> (Lasting, Moment) {
        let Self { kind, key, status, age, tag } = *self;
        let ttl = status.ttl;
        let status = Status { ttl: None, ..status };
        (Lasting { key, status, tag, coding: kind.coding }, Moment { age, ttl })
    }
}

/// The values of a document at one moment.
#[derive(Clone)]
struct Written {
    values: OwnValues,
    moment: Moment,
}

/// A writer of heads that caches their values.
pub(in crate::http) struct HeadCache {
    client_lifetime: Duration,
    frames: Frames,
    written: TwoHitCache<Lasting, Written>,
}

impl HeadCache {
    /// Starts with an empty cache. Clients and intermediate caches may reuse a fresh answer for
    /// `client_lifetime`.
    pub(in crate::http) fn with_lifetime(client_lifetime: Duration) -> Self {
        let written = TwoHitCache::with_slots(SLOTS);
        Self { client_lifetime, frames: Frames::new(), written }
    }

    /// Returns the head for these inputs. Its first field is an empty request id. On the mirror it
    /// also has the document's `date`.
    pub(super) fn head(&self, inputs: &HeadInputs, mut date: Option<HeaderValue>) -> HeaderMap {
        let HeadInputs { kind, status, .. } = inputs;
        let (lasting, moment) = inputs.split();
        let known = self.written.with(&lasting, |written| {
            if written.moment != moment {
                self.set_moment(&mut written.values, inputs, &mut Values::new());
                written.moment = moment;
            }
            self.frames.fill(*kind, status, &written.values, date.take())
        });
        known.unwrap_or_else(|| {
            let values = self.write(inputs);
            let head = self.frames.fill(*kind, status, &values, date);
            self.written.admit(&lasting, || Written { values, moment });
            head
        })
    }

    fn write(&self, inputs: &HeadInputs) -> OwnValues {
        let mut values = Values::new();
        let mut own = OwnValues {
            cache_key: values.text(inputs.key.to_text()).cut(),
            etag: values.text(inputs.tag.to_text(inputs.kind.coding)).cut(),
            cache_status: EMPTY,
            age: EMPTY,
            cache_control: EMPTY,
        };
        self.set_moment(&mut own, inputs, &mut values);
        own
    }

    /// Sets the values that change every second.
    fn set_moment(&self, own: &mut OwnValues, inputs: &HeadInputs, values: &mut Values) {
        let HeadInputs { status, age, .. } = inputs;
        own.cache_status = cache_status(status, values);
        own.age = values.number(*age).cut();
        own.cache_control = cache_control(status, *age, self.client_lifetime, values);
    }
}

#[cfg(test)]
mod tests {
    use crate::target::Representation;

    use super::super::frames::Interface;
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);

    fn inputs() -> HeadInputs {
        let (interface, coding) = (Interface::Version, Coding::Identity);
        HeadInputs {
            kind: Kind { interface, coding, is_unmodified: false },
            key: Key::of("https://api.github.com/repos/o/r"),
            status: Status::hit(7),
            age: 3,
            tag: EntityTag::of(b"{}"),
        }
    }

    /// Returns the head that an empty cache writes.
    fn written(inputs: &HeadInputs) -> HeaderMap {
        HeadCache::with_lifetime(LIFETIME).head(inputs, None)
    }

    #[test]
    fn a_cached_head_equals_a_written_head() {
        let heads = HeadCache::with_lifetime(LIFETIME);
        let inputs = inputs();
        let (kind, mirror) = (inputs.kind, Interface::Mirror);
        let others = [
            HeadInputs { key: Key::of("https://api.github.com/repos/o/s"), ..inputs },
            HeadInputs {
                kind: Kind { interface: mirror(Representation::Default), ..kind },
                ..inputs
            },
            HeadInputs { kind: Kind { interface: mirror(Representation::Full), ..kind }, ..inputs },
            HeadInputs { status: Status::hit(6), ..inputs },
            HeadInputs { age: 4, ..inputs },
            HeadInputs { tag: EntityTag::of(b"[]"), ..inputs },
            HeadInputs { kind: Kind { coding: Coding::Gzip, ..kind }, ..inputs },
            HeadInputs { kind: Kind { is_unmodified: true, ..kind }, ..inputs },
        ];
        for inputs in [inputs].iter().chain(&others) {
            for _ in 0..4 {
                assert_eq!(heads.head(inputs, None), written(inputs));
            }
        }
        let different = others.map(|other| written(&other) != written(&inputs));
        assert_eq!(different, [true; 8]);
    }

    #[test]
    fn a_cached_head_follows_the_moment() {
        let heads = HeadCache::with_lifetime(LIFETIME);
        for age in [0, 0, 0, 1, 2, 99, 3, 1_000] {
            let status = Status::hit(100 - i64::try_from(age).unwrap());
            let inputs = HeadInputs { status, age, ..inputs() };
            assert_eq!(heads.head(&inputs, None), written(&inputs), "{age}");
        }
        assert_eq!(heads.written.remembered(), 1);
    }
}
