//! The condition of a request (RFC 9110, 13.1): at most one validator, and the check that a `304`
//! confirms it.

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::etag::{self, Variant};
use super::stored::Stored;
use crate::entry::Validator;

/// The condition of a request, so that an unchanged document is not sent again.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    by: Validator,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Condition {
    /// No condition.
    pub(super) const NONE: Self = Self { by: Validator::None, header: None };

    /// Creates the condition with this validator of the stored document; `variant` describes the
    /// request. There is no condition if the validator is missing or invalid.
    pub(super) fn new(by: Validator, stored: &Stored<'_>, variant: Option<Variant<'_>>) -> Self {
        let validators = stored.validators;
        let (name, value) = match by {
            Validator::Etag => {
                let etag = validators.etag.as_deref().filter(|etag| etag::is_one(etag));
                (IF_NONE_MATCH, etag.map(text))
            }
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

    /// Returns the kind of validator.
    pub(super) const fn by(&self) -> Validator {
        self.by
    }

    /// Returns the header to send.
    pub(super) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        self.header.clone()
    }

    /// Returns true if a `304` with these headers confirms the validator that was sent. A `304`
    /// that names another validator is about another body: for example, after the latest release
    /// was withdrawn, `Last-Modified` is earlier than the date in the request.
    pub(super) fn is_met_by(&self, headers: &HeaderMap) -> bool {
        let Some((name, sent)) = &self.header else { return false };
        let named = headers.get(if *name == IF_NONE_MATCH { ETAG } else { LAST_MODIFIED });
        // For a date, a matching `Last-Modified` is the only evidence that the document is the
        // same.
        let Some(named) = named else { return self.by != Validator::Date };
        match (sent.to_str(), named.to_str()) {
            (Ok(sent), Ok(named)) => etag::are_equal(sent, named),
            _ => false,
        }
    }
}

fn text(value: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(value).ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::clock::Timestamp;
    use crate::entry::Validators;
    use crate::upstream::stored::DateCheck;

    const DATE: &str = "Tue, 14 Jul 2020 00:58:20 GMT";
    const ACCEPT: HeaderValue = HeaderValue::from_static("application/json");
    const AUTHORIZATION: HeaderValue = HeaderValue::from_static("Bearer ghp_other");

    fn validators(etag: Option<&str>, last_modified: Option<&str>) -> Validators {
        let (etag, last_modified) = (etag.map(Into::into), last_modified.map(Into::into));
        Validators { etag, last_modified, follows_rule: true }
    }

    /// Returns the condition by this validator, for a token that did not fetch the body.
    fn condition(by: Validator, validators: &Validators) -> Condition {
        let variant = Variant { accept: &ACCEPT, authorization: &AUTHORIZATION };
        Condition::new(by, &stored(validators, &Bytes::from_static(b"{}")), Some(variant))
    }

    fn stored<'a>(validators: &'a Validators, body: &'a Bytes) -> Stored<'a> {
        let fetched_at = Timestamp::default();
        Stored {
            validators,
            token: None,
            is_without_token: false,
            avoided: None,
            body,
            fetched_at,
            date_check: DateCheck::Never,
            moved_to: None,
        }
    }

    fn answer(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_bytes(value.as_bytes()).unwrap())])
    }

    #[test]
    fn a_condition_is_one_header_by_the_validator_that_was_chosen() {
        let both = validators(Some("W/\"abc\""), Some(DATE));
        for (by, want) in [
            (Validator::Etag, Some((IF_NONE_MATCH, "W/\"abc\""))),
            (Validator::Date, Some((IF_MODIFIED_SINCE, DATE))),
            (Validator::None, None),
        ] {
            let condition = condition(by, &both);
            let want = want.map(|(name, value)| (name, HeaderValue::from_static(value)));
            assert_eq!((condition.by(), condition.header()), (by, want));
        }
    }

    #[test]
    fn a_computed_etag_is_that_of_the_token_in_hand() {
        let condition = condition(Validator::ComputedEtag, &validators(Some("\"abc\""), None));
        let variant = Variant { accept: &ACCEPT, authorization: &AUTHORIZATION };
        let computed = HeaderValue::try_from(etag::compute(variant, b"{}")).unwrap();
        assert_eq!(condition.header(), Some((IF_NONE_MATCH, computed)));
        assert_eq!(condition.by(), Validator::ComputedEtag);
    }

    #[test]
    fn an_absent_or_invalid_validator_makes_no_condition() {
        let nothing = validators(None, None);
        let broken = validators(Some("\"a\nb\""), Some("\u{7f}"));
        let any = validators(Some("*"), None);
        let list = validators(Some("\"a\",\"b\""), None);
        for by in [Validator::Etag, Validator::Date, Validator::None] {
            for validators in [&nothing, &broken, &any, &list] {
                let condition = condition(by, validators);
                assert_eq!((condition.by(), condition.header()), (Validator::None, None), "{by:?}");
            }
        }
        let body = Bytes::from_static(b"{}");
        let without_token = Condition::new(Validator::ComputedEtag, &stored(&nothing, &body), None);
        assert_eq!(without_token.by(), Validator::None);
    }

    #[test]
    fn a_304_that_names_the_validator_or_none_meets_the_condition() {
        let both = validators(Some("W/\"abc\""), Some(DATE));
        let by_etag = condition(Validator::Etag, &both);
        let by_date = condition(Validator::Date, &both);
        for (condition, headers, is_met) in [
            // GitHub answers with the strong form, even if the request has the weak form.
            (&by_etag, answer(ETAG, "\"abc\""), true),
            (&by_etag, answer(ETAG, "W/\"abc\""), true),
            (&by_etag, answer(ETAG, "\"abd\""), false),
            (&by_etag, answer(ETAG, "\"\u{e9}\""), false),
            (&by_etag, answer(LAST_MODIFIED, "Wed, 15 Jul 2020 00:58:20 GMT"), true),
            (&by_etag, HeaderMap::new(), true),
            (&by_date, answer(LAST_MODIFIED, DATE), true),
            (&by_date, answer(LAST_MODIFIED, "Mon, 13 Jul 2020 00:58:20 GMT"), false),
            // Each download of an asset changes the ETag, but not the date.
            (&by_date, both_of("\"abd\"", DATE), true),
            // Without `Last-Modified`, nothing shows whether the body is of an older release.
            (&by_date, answer(ETAG, "\"abd\""), false),
            (&by_date, HeaderMap::new(), false),
        ] {
            assert_eq!(condition.is_met_by(&headers), is_met, "{condition:?}, {headers:?}");
        }
    }

    fn both_of(etag: &str, date: &str) -> HeaderMap {
        let mut headers = answer(ETAG, etag);
        headers.extend(answer(LAST_MODIFIED, date));
        headers
    }

    #[test]
    fn nothing_meets_a_condition_that_was_not_sent() {
        for headers in [HeaderMap::new(), answer(ETAG, "\"abc\""), answer(LAST_MODIFIED, DATE)] {
            assert!(!Condition::NONE.is_met_by(&headers), "{headers:?}");
        }
    }
}
