//! The header fields of a request on which every answer depends, found in one pass.
//!
//! A search in the map takes several times as long as a step of the pass, and most requests have
//! none of the fields.

use http::header::{ACCEPT_ENCODING, HOST, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, Version};

use super::host::HostLines;

/// The trace that a client takes part in (W3C Trace Context).
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The fields that a request has.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestFields {
    /// The error message for a request that breaks the rule for `Host`.
    pub(super) host_fault: Option<&'static str>,
    /// True if the client names content codings.
    pub(super) has_accept_encoding: bool,
    /// True if the client has a copy of the document.
    pub(super) has_if_none_match: bool,
    /// True if the client takes part in a trace.
    pub(super) has_traceparent: bool,
}

impl RequestFields {
    /// Looks at each line of the head once.
    pub(super) fn of(version: Version, headers: &HeaderMap) -> Self {
        let mut hosts = HostLines::default();
        let [mut has_accept_encoding, mut has_if_none_match, mut has_traceparent] = [false; 3];
        for (name, value) in headers {
            if *name == HOST {
                hosts.add(value);
            }
            has_accept_encoding |= *name == ACCEPT_ENCODING;
            has_if_none_match |= *name == IF_NONE_MATCH;
            has_traceparent |= *name == TRACEPARENT;
        }
        let host_fault = hosts.fault(version);
        Self { host_fault, has_accept_encoding, has_if_none_match, has_traceparent }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn each_field_is_found_by_itself() {
        let fields = [HOST, ACCEPT_ENCODING, IF_NONE_MATCH, TRACEPARENT];
        for field in &fields {
            let value = HeaderValue::from_static("x");
            let headers = HeaderMap::from_iter([(field.clone(), value)]);
            let found = RequestFields::of(Version::HTTP_11, &headers);
            let has = [
                found.host_fault.is_none(),
                found.has_accept_encoding,
                found.has_if_none_match,
                found.has_traceparent,
            ];
            assert_eq!(has, fields.each_ref().map(|other| other == field), "{field}");
        }
    }
}
