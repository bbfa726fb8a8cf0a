//! The facts about a document and about a request for it at one time.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use humantime::{format_duration, format_rfc3339_seconds};

use crate::cache::{Explanation, Prospect};
use crate::clock::Timestamp;
use crate::entry::{Entry, Reason};
use crate::http::question::Question;
use crate::upstream::Failing;

use super::next_check::NextCheck;

/// The facts that the values and the sentences are made of.
pub(super) struct ExplainFacts<'a> {
    pub(super) question: &'a Question,
    /// True if the request is for a path of the mirror.
    pub(super) is_mirrored: bool,
    pub(super) explained: Explanation,
    /// The position of the entry's token in the configuration.
    pub(super) token: Option<usize>,
    /// The outage of the host.
    pub(super) failing: Option<Failing>,
    /// The duration of the host's last exchange.
    pub(super) last_took: Option<Duration>,
    /// The number of exchanges with a token that may run at once.
    pub(super) window: usize,
    /// True if a limit has reduced that number.
    pub(super) is_slowed_down: bool,
    pub(super) next_check: NextCheck,
    /// The number of documents whose check is overdue.
    pub(super) overdue: usize,
    /// The time until this client may cause a call to the upstream, if clients have a limit.
    pub(super) client_wait: Option<Duration>,
}

impl ExplainFacts<'_> {
    /// Returns the time until the client may cause a call to the upstream, if a request now would
    /// have to cause one and may not.
    pub(super) fn limited_for(&self) -> Option<Duration> {
        let needs_call =
            matches!(self.explained.prospect, Prospect::Wait | Prospect::WithoutCall { .. });
        let is_limited = needs_call && self.explained.call.is_none();
        self.client_wait.filter(|wait| is_limited && !wait.is_zero())
    }
}

/// The last check of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastCheck {
    pub(super) at: Timestamp,
    pub(super) outcome: CheckResult,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckResult {
    /// GitHub sent a body.
    Fetched,
    /// The body is unchanged, according to a full check or a check by date.
    Unchanged { by_date: bool },
    /// The document does not exist.
    Absent,
    /// GitHub refused the document, or sent none that svm can use. svm stored a negative entry.
    Refused(Reason),
    /// GitHub claims that the document is lost, and no further check has confirmed that yet.
    Unconfirmed(&'static str),
    /// The check failed for this reason.
    Failed(Reason),
}

impl CheckResult {
    /// Returns the word for the outcome.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Fetched => "fetched",
            Self::Unchanged { .. } => "unchanged",
            Self::Absent => "not-found",
            Self::Refused(_) => "refused",
            Self::Unconfirmed(_) => "unconfirmed",
            Self::Failed(_) => "failed",
        }
    }

    /// Returns the word for the details of the outcome.
    pub(super) const fn detail(self) -> Option<&'static str> {
        match self {
            Self::Unchanged { by_date: true } => Some("by-date"),
            Self::Refused(reason) | Self::Failed(reason) => Some(reason.as_str()),
            Self::Unconfirmed(loss) => Some(loss),
            Self::Fetched | Self::Unchanged { by_date: false } | Self::Absent => None,
        }
    }
}

impl LastCheck {
    /// Returns the last check of an entry's document, successful or failed.
    pub(super) fn of(entry: &Entry) -> Self {
        let confirmed = Self { at: entry.times.checked_at, outcome: succeeded(entry) };
        let failed = entry
            .extras
            .failure()
            .map(|failure| Self { at: failure.at(), outcome: CheckResult::Failed(failure.reason) });
        let doubted = entry.extras.doubt().map(|doubt| Self {
            at: doubt.asked_at,
            outcome: CheckResult::Unconfirmed(doubt.claim.loss.as_str()),
        });
        // Of checks at the same time, `max_by_key` returns the last one: the failure, else the
        // doubt.
        let checks = [Some(confirmed), doubted, failed].into_iter().flatten();
        checks.max_by_key(|check| check.at).unwrap_or(confirmed)
    }
}

fn succeeded(entry: &Entry) -> CheckResult {
    match entry.extras.refusal() {
        Some(reason) => CheckResult::Refused(reason),
        None if entry.is_negative() => CheckResult::Absent,
        None if entry.times.fetched_at == entry.times.checked_at => CheckResult::Fetched,
        None => CheckResult::Unchanged { by_date: entry.was_checked_by_date() },
    }
}

/// Returns a duration in words.
pub(super) fn since(time: Duration) -> String {
    format_duration(Duration::from_secs(time.as_secs())).to_string()
}

/// Returns the time in the form of RFC 3339; an empty text if the form cannot express it.
pub(super) fn at(time: Timestamp) -> String {
    let mut text = String::new();
    if let Some(time) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs())) {
        let _ = write!(text, "{}", format_rfc3339_seconds(time));
    }
    text
}
