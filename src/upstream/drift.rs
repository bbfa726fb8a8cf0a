//! A watch on GitHub's rule for ETags.
//!
//! GitHub may change the rule any day. If svm sends an ETag that follows the rule and the same body
//! comes back in full, the rule is another one by now. svm does not compute ETags for bodies that
//! it stored before. It compares bodies that come later with the rule again, so it trusts a rule
//! that comes back.

use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Timestamp;

/// The interval of the log lines about it.
const TOLD_EVERY: Duration = Duration::from_secs(60 * 60);

/// The observations of the rule.
#[derive(Debug, Default)]
pub(super) struct Drift(Mutex<DriftTimes>);

#[derive(Clone, Copy, Debug, Default)]
struct DriftTimes {
    noticed_at: Option<Timestamp>,
    told_at: Option<Timestamp>,
}

impl Drift {
    /// Returns when the rule was last seen not to hold.
    pub(super) fn noticed_at(&self) -> Option<Timestamp> {
        self.0.lock().noticed_at
    }

    /// The rule does not hold; returns whether that is worth a line in the log.
    pub(super) fn notice(&self, now: Timestamp) -> bool {
        let mut seen = self.0.lock();
        seen.noticed_at = Some(now);
        let is_news = !seen.told_at.is_some_and(|told_at| told_at.was_within(TOLD_EVERY, now));
        if is_news {
            seen.told_at = Some(now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_remembered_each_time_and_told_once_an_hour() {
        let drift = Drift::default();
        assert_eq!(drift.noticed_at(), None);
        let at = Timestamp::from_secs;
        // The clock is set back last.
        for (second, told) in
            [(0, true), (1, false), (3599, false), (3600, true), (3601, false), (3000, true)]
        {
            assert_eq!(drift.notice(at(second)), told, "{second}");
            assert_eq!(drift.noticed_at(), Some(at(second)));
        }
    }
}
