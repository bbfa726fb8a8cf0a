//! What is known of one token.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::upstream::rate_limit::{Limit, Quota};
use crate::upstream::rest::Rest;

use super::Report;

/// GitHub's windows last an hour; a reset further away than this is a mistake, or somebody's clock.
const LONGEST_WINDOW: Duration = Duration::from_secs(2 * 60 * 60);
/// The longest time between two tries of a token that GitHub refuses.
const LONGEST_QUARANTINE: Duration = Duration::from_secs(60 * 60);

/// What answers have shown of a token.
#[derive(Debug, Default)]
pub(super) struct State {
    quota: Option<Quota>,
    /// Until the reset of a spent window.
    spent_until: Option<Timestamp>,
    secondary: Rest,
    quarantine: Rest,
}

impl State {
    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        self.usable_at(now) <= now
    }

    /// When the token may be used again; `now` or earlier if it may.
    pub(super) fn usable_at(&self, now: Timestamp) -> Timestamp {
        [self.spent_until.unwrap_or(now), self.secondary.until(), self.quarantine.until(), now]
            .into_iter()
            .max()
            .unwrap_or(now)
    }

    /// Whether at least `threshold` requests are left; an unknown quota counts as enough.
    pub(super) fn has(&self, threshold: u64, now: Timestamp) -> bool {
        self.known(now).is_none_or(|quota| quota.remaining >= threshold)
    }

    /// When the token is usable and has at least `threshold` requests left.
    pub(super) fn has_at(&self, threshold: u64, now: Timestamp) -> Timestamp {
        let usable_at = self.usable_at(now);
        match self.known(now) {
            Some(quota) if quota.remaining < threshold => usable_at.max(quota.reset_at),
            _ => usable_at,
        }
    }

    /// Answers may arrive out of order: within a window the smaller number is the later one, and a number of an
    /// older window is worth nothing. Nor is one of a window that no clock of GitHub's would show.
    pub(super) fn book(&mut self, quota: Quota, now: Timestamp) {
        if quota.reset_at > now + LONGEST_WINDOW {
            return;
        }
        self.quota = Some(match self.quota {
            Some(known) if known.reset_at > quota.reset_at => known,
            Some(known) if known.reset_at == quota.reset_at => {
                Quota { remaining: known.remaining.min(quota.remaining), ..quota }
            }
            _ => quota,
        });
    }

    pub(super) fn succeeded(&mut self, now: Timestamp) {
        self.secondary.succeeded(now);
        self.quarantine.succeeded(now);
    }

    pub(super) fn rest(&mut self, limit: Limit, now: Timestamp) -> bool {
        match limit {
            Limit::Primary { reset_at: Some(reset_at) } => {
                self.spent_until = Some(reset_at.min(now + LONGEST_WINDOW));
            }
            Limit::Primary { reset_at: None } => self.secondary.begin(None, now, LONGEST_WINDOW),
            Limit::Secondary { retry_after } => {
                self.secondary.begin(retry_after, now, LONGEST_WINDOW);
            }
            Limit::Host { .. } | Limit::OtherResource { .. } => return false,
        }
        true
    }

    pub(super) fn quarantine(&mut self, now: Timestamp) {
        self.quarantine.begin(None, now, LONGEST_QUARANTINE);
    }

    pub(super) fn report(&self, now: Timestamp) -> Report {
        let known = self.known(now);
        let limited_until = self.spent_until.unwrap_or(now).max(self.secondary.until());
        Report {
            remaining: known.map(|quota| quota.remaining),
            reset_at: known.map(|quota| quota.reset_at),
            resting: limited_until > now,
            rejected: self.quarantine != Rest::default(),
        }
    }

    /// The quota, while its window lasts.
    pub(super) fn known(&self, now: Timestamp) -> Option<Quota> {
        self.quota.filter(|quota| now < quota.reset_at)
    }
}
