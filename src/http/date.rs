//! `Date`, after a clock was set back.
//!
//! The HTTP library writes the latest time that it has ever seen, and goes on to do so until the
//! clock has caught up. So where the present lies behind what was seen before, the service writes
//! `Date` itself.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Timestamp;

/// The latest second that was seen.
#[derive(Debug, Default)]
pub(super) struct Latest(AtomicU64);

impl Latest {
    /// Notes the present; true if it lies behind an earlier one.
    pub(super) fn note(&self, now: Timestamp) -> bool {
        let (seen, now) = (self.0.load(Ordering::Relaxed), now.as_secs());
        // Once a second, and not with each request: all of them share the word.
        if now > seen {
            self.0.fetch_max(now, Ordering::Relaxed);
        }
        now < seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_before_the_latest_lies_behind() {
        let latest = Latest::default();
        for (now, is_behind) in [(10, false), (10, false), (11, false), (10, true), (11, false)] {
            assert_eq!(latest.note(Timestamp::from_secs(now)), is_behind, "{now}");
        }
        assert!(!latest.note(Timestamp::from_millis(11_999)));
        assert!(latest.note(Timestamp::from_millis(10_999)));
    }
}
