//! The fields that most access lines do not have.

use std::time::Duration;

use super::fields::Fields;

/// The fields of requests that waited, that were refused, or that belong to a trace.
#[derive(Debug, Default)]
pub struct RareFields {
    /// The time that the request waited for a flight.
    pub waited: Option<Duration>,
    /// The time of the flight's read of the persistent tier.
    pub store: Option<Duration>,
    /// The time of the flight's exchange with the upstream.
    pub upstream: Option<Duration>,
    /// The rule that the request breaks.
    pub rule: Option<String>,
    /// The URL that a refused request asked for, without its query.
    pub url: Option<String>,
    /// The trace that the request belongs to.
    pub traceparent: Option<Box<str>>,
}

impl RareFields {
    /// Returns the times, which the line states in microseconds.
    fn times(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let Self { waited, store, upstream, .. } = self;
        let times =
            [("waited_micros", waited), ("store_micros", store), ("upstream_micros", upstream)];
        times.into_iter().filter_map(|(name, time)| Some((name, (*time)?)))
    }

    fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { rule, url, traceparent, .. } = self;
        let texts = [
            ("rule", rule.as_deref()),
            ("url", url.as_deref()),
            ("traceparent", traceparent.as_deref()),
        ];
        texts.into_iter().filter_map(|(name, text)| Some((name, text?)))
    }

    pub(super) fn append_json(&self, line: &mut Fields<'_>) {
        for (name, time) in self.times() {
            line.raw(",\"").raw(name).raw("\":").micros(time);
        }
        for (name, text) in self.texts() {
            line.raw(",\"").raw(name).raw("\":").shown(serde_json::Value::from(text));
        }
    }

    /// Returns the fields in the form of a text line, each after a blank.
    pub(super) fn as_text(&self) -> String {
        let times = self.times().map(|(name, time)| format!(" {name}={}", time.as_micros()));
        let texts = self.texts().map(|(name, text)| format!(" {name}={text:?}"));
        times.chain(texts).collect()
    }
}
