//! Whether GitHub's rule for ETags still holds.
//!
//! An ETag that follows the rule was sent, and the same body came back in full: then the rule, which GitHub may change
//! any day, is another one by now. What was stored before that is not asked for with computed ETags any more. What is
//! fetched later is compared with the rule again, so a rule that comes back is believed again.

use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Timestamp;

/// How often the log tells of it.
const TOLD_EVERY: Duration = Duration::from_secs(60 * 60);

/// What was seen of the rule.
#[derive(Debug, Default)]
pub(super) struct Drift(Mutex<Seen>);

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    noticed_at: Option<Timestamp>,
    told_at: Option<Timestamp>,
}

impl Drift {
    /// When the rule was last seen not to hold.
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
