//! The documents in use, according to the last survey.

use serde::Serialize;

use crate::cache::{Survey, Surveyed};
use crate::clock::Timestamp;
use crate::config::redacted::without_tokens;
use crate::http::metrics::MetricsSources;
use crate::target::label;

/// The documents in use.
#[derive(Debug, Serialize)]
pub(in crate::http::status) struct InUseFacts {
    /// The time of the survey; `None` before the first one.
    pub(in crate::http::status) surveyed_at: Option<Timestamp>,
    /// The duration of the survey.
    pub(in crate::http::status) survey_milliseconds: u64,
    pub(in crate::http::status) in_use: usize,
    pub(in crate::http::status) entries_in_memory: u64,
    pub(in crate::http::status) bytes_in_memory: u64,
    /// The number of documents in memory that are past their lifetime.
    pub(in crate::http::status) stale: usize,
    /// The number of documents whose loss is not confirmed.
    pub(in crate::http::status) unconfirmed: usize,
    /// The number of documents whose check is late, as of the last sweep.
    pub(in crate::http::status) checked_late: usize,
    pub(in crate::http::status) most_used: Vec<DocumentFacts>,
    pub(in crate::http::status) oldest_check: Vec<DocumentFacts>,
    pub(in crate::http::status) longest_stale: Vec<DocumentFacts>,
    pub(in crate::http::status) doubted: Vec<DocumentFacts>,
}

/// A document that stands out.
#[derive(Debug, Serialize)]
pub(in crate::http::status) struct DocumentFacts {
    /// The first digits of the document's key.
    pub(in crate::http::status) key: String,
    /// The name of the document, if the document is in memory.
    pub(in crate::http::status) document: Option<String>,
    /// The URL to explain; `None` if the query of the document might hold a secret.
    pub(in crate::http::status) url: Option<String>,
    pub(in crate::http::status) recent_uses: Option<u64>,
    pub(in crate::http::status) used_at: Option<Timestamp>,
    pub(in crate::http::status) fetched_at: Option<Timestamp>,
    pub(in crate::http::status) checked_at: Option<Timestamp>,
    pub(in crate::http::status) expires_at: Option<Timestamp>,
    pub(in crate::http::status) validator: Option<&'static str>,
    /// The loss that GitHub claims and no further check has confirmed.
    pub(in crate::http::status) unconfirmed_loss: Option<&'static str>,
}

impl InUseFacts {
    pub(super) fn of(survey: &Survey, observed: &MetricsSources) -> Self {
        let level = observed.cache.memory().level();
        let all = |found: &[Surveyed]| found.iter().map(DocumentFacts::of).collect();
        Self {
            surveyed_at: (survey.at > Timestamp::default()).then_some(survey.at),
            survey_milliseconds: u64::try_from(survey.took.as_millis()).unwrap_or(u64::MAX),
            in_use: survey.in_use,
            entries_in_memory: level.entries,
            bytes_in_memory: level.bytes,
            stale: survey.stale,
            unconfirmed: survey.unconfirmed,
            checked_late: observed.activity.lateness().overdue,
            most_used: all(&survey.most_used),
            oldest_check: all(&survey.oldest_check),
            longest_stale: all(&survey.longest_stale),
            doubted: all(&survey.doubted),
        }
    }
}

impl DocumentFacts {
    fn of(document: &Surveyed) -> Self {
        let Surveyed { key, in_use, held } = document;
        let held = held.as_ref();
        let check = in_use.and_then(|in_use| in_use.check);
        let name = held.map(|held| &*held.name);
        let is_whole = |name: &&str| {
            name.strip_prefix("https://")
                .is_some_and(|bare| without_tokens(&label(name)).as_ref() == bare)
                && !name.contains(' ')
        };
        Self {
            key: key.short_digits().map(char::from).collect(),
            document: name.map(|name| without_tokens(&label(name)).into_owned()),
            url: name.filter(is_whole).map(str::to_owned),
            recent_uses: in_use.map(|in_use| in_use.uses),
            used_at: in_use.map(|in_use| in_use.used_at),
            fetched_at: held.map(|held| held.fetched_at).or(check.map(|it| it.fetched_at)),
            checked_at: held.map(|held| held.checked_at).or(check.map(|it| it.at)),
            expires_at: held.map(|held| held.expires_at),
            validator: held.map(|held| held.validator.as_str()),
            unconfirmed_loss: held.and_then(|held| held.doubt).map(|loss| loss.as_str()),
        }
    }
}
