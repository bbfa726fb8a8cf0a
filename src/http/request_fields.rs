//! The header fields of a request that svm looks for, found in one pass.
//!
//! A search in the header map takes several times as long as a step of the pass, and most requests
//! have few of these fields.

use http::{HeaderMap, HeaderName, Version};

use super::host::HostLines;

/// The field with the version of GitHub's API that a client wants.
pub(super) const API_VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
/// The field with the trace that a client takes part in (W3C Trace Context).
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A header field that the pass records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Accept,
    AcceptEncoding,
    ApiVersion,
    Authorization,
    Host,
    IfModifiedSince,
    IfNoneMatch,
    Traceparent,
}

impl Field {
    /// Returns the field of this name.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "accept" => Self::Accept,
            "accept-encoding" => Self::AcceptEncoding,
            "authorization" => Self::Authorization,
            "host" => Self::Host,
            "if-modified-since" => Self::IfModifiedSince,
            "if-none-match" => Self::IfNoneMatch,
            "traceparent" => Self::Traceparent,
            "x-github-api-version" => Self::ApiVersion,
            _ => return None,
        })
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The fields that a request has.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestFields {
    /// The error message for a request that breaks the rule for `Host`.
    pub(super) host_fault: Option<&'static str>,
    /// A bit for each [`Field`].
    present: u8,
}

impl RequestFields {
    /// Reads each line of the head once.
    pub(super) fn of(version: Version, headers: &HeaderMap) -> Self {
        let mut hosts = HostLines::default();
        let mut present = 0;
        for (name, value) in headers {
            let Some(field) = Field::of(name.as_str()) else { continue };
            present |= field.bit();
            if field == Field::Host {
                hosts.add(value);
            }
        }
        Self { host_fault: hosts.fault(version), present }
    }

    /// Returns true if the request has a line of this field.
    pub(super) fn has(self, field: Field) -> bool {
        self.present & field.bit() != 0
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{
        ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, RANGE,
    };

    use super::*;

    const ALL: [(Field, HeaderName); 8] = [
        (Field::Accept, ACCEPT),
        (Field::AcceptEncoding, ACCEPT_ENCODING),
        (Field::ApiVersion, API_VERSION),
        (Field::Authorization, AUTHORIZATION),
        (Field::Host, HOST),
        (Field::IfModifiedSince, IF_MODIFIED_SINCE),
        (Field::IfNoneMatch, IF_NONE_MATCH),
        (Field::Traceparent, TRACEPARENT),
    ];

    #[test]
    fn each_field_is_found_by_itself() {
        for (field, name) in ALL {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("x"))]);
            let found = RequestFields::of(Version::HTTP_11, &headers);
            let has = ALL.map(|(other, _)| found.has(other));
            assert_eq!(has, ALL.map(|(other, _)| other == field), "{field:?}");
            assert_eq!(found.host_fault.is_none(), field == Field::Host);
        }
    }

    #[test]
    fn other_fields_are_passed_over() {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("x"))]);
        assert_eq!(RequestFields::of(Version::HTTP_10, &headers).present, 0);
    }
}
