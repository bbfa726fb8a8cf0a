//! The `Date` header after the clock was set back.
//!
//! The HTTP library writes the latest time that it has seen, until the clock has reached this time
//! again. So if the present is earlier than a time already seen, svm writes `Date` itself.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Timestamp;

/// The latest second seen.
#[derive(Debug, Default)]
pub(super) struct Latest(AtomicU64);

impl Latest {
    /// Records the present. Returns true if it is earlier than a time already seen.
    pub(super) fn note(&self, now: Timestamp) -> bool {
        let (seen, now) = (self.0.load(Ordering::Relaxed), now.as_secs());
        // All requests share this atomic, so svm writes it once per second, not once per request.
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
