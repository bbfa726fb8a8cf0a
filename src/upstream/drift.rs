//! A watch on GitHub's rule for ETags.
//!
//! GitHub may change its rule at any time. If a computed ETag is sent and the unchanged body comes
//! back in full, the rule has changed: svm then computes no ETags for bodies that it has stored. It
//! compares later bodies with the rule again, so it trusts a rule that returns.

use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Timestamp;

/// The shortest interval between two log lines.
const LOGGED_EVERY: Duration = Duration::from_secs(60 * 60);

/// The observations of the rule.
#[derive(Debug, Default)]
pub(super) struct Drift(Mutex<DriftTimes>);

#[derive(Clone, Copy, Debug, Default)]
struct DriftTimes {
    noticed_at: Option<Timestamp>,
    logged_at: Option<Timestamp>,
}

impl Drift {
    /// Returns when the rule last failed.
    pub(super) fn noticed_at(&self) -> Option<Timestamp> {
        self.0.lock().noticed_at
    }

    /// Records that the rule failed; returns true if that is worth a log line.
    pub(super) fn notice(&self, now: Timestamp) -> bool {
        let mut seen = self.0.lock();
        seen.noticed_at = Some(now);
        let is_news =
            !seen.logged_at.is_some_and(|logged_at| logged_at.was_within(LOGGED_EVERY, now));
        if is_news {
            seen.logged_at = Some(now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_remembered_each_time_and_logged_once_an_hour() {
        let drift = Drift::default();
        assert_eq!(drift.noticed_at(), None);
        let at = Timestamp::from_secs;
        // The last notice comes after the clock was set back.
        for (second, news) in
            [(0, true), (1, false), (3599, false), (3600, true), (3601, false), (3000, true)]
        {
            assert_eq!(drift.notice(at(second)), news, "{second}");
            assert_eq!(drift.noticed_at(), Some(at(second)));
        }
    }
}
