//! The condition of a request (RFC 9110, 13.1): one validator at most, and what a `304` to it vouches for.

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::etag::{self, Variant};
use super::{Stored, Validator};

/// What a request carries so that an unchanged document need not be sent.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    by: Validator,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Condition {
    /// No condition.
    pub(super) const NONE: Self = Self { by: Validator::None, header: None };

    /// The condition by this validator of what is stored; `variant` is that of the request. A validator that is not
    /// there, or is no header value, makes none.
    pub(super) fn new(by: Validator, stored: &Stored<'_>, variant: Option<Variant<'_>>) -> Self {
        let validators = stored.validators;
        let (name, value) = match by {
            Validator::Etag => (IF_NONE_MATCH, validators.etag.as_deref().map(text)),
            Validator::ComputedEtag => {
                let computed = variant.map(|variant| etag::compute(variant, stored.body));
                (IF_NONE_MATCH, computed.as_deref().map(text))
            }
            Validator::Date => (IF_MODIFIED_SINCE, validators.last_modified.as_deref().map(text)),
            Validator::None => return Self::NONE,
        };
        match value.flatten() {
            Some(value) => Self { by, header: Some((name, value)) },
            None => Self::NONE,
        }
    }

    /// Which validator it is.
    pub(super) const fn by(&self) -> Validator {
        self.by
    }

    /// The header to send.
    pub(super) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        self.header.clone()
    }

    /// Whether a `304` with these headers is about the validator that was sent. One that names another is about another
    /// body: after a fall back to an older release, `Last-Modified` is earlier than the date in the request.
    pub(super) fn is_met_by(&self, headers: &HeaderMap) -> bool {
        let Some((name, sent)) = &self.header else { return false };
        let named = headers.get(if *name == IF_NONE_MATCH { ETAG } else { LAST_MODIFIED });
        let Some(named) = named else { return true };
        match (sent.to_str(), named.to_str()) {
            (Ok(sent), Ok(named)) => etag::are_equal(sent, named),
            _ => false,
        }
    }
}

fn text(value: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(value).ok()
}
