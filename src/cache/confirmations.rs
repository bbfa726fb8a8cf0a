//! The planned checks of documents whose loss is not confirmed, or whose later body L2 has lost.
//!
//! If the plan is full, the next sweep checks the document, or a client's request does once the
//! check is overdue.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::{Clock, Timestamp};
use crate::target::{Key, Target};

use super::due::next_due;

/// The most checks that wait.
const MOST: usize = 1_024;
/// The most checks that run at once.
const AT_ONCE: usize = 8;
/// The time from one replacement of a lost body to the next. They need no turn of a sweep, so this
/// keeps their rate low: a store may lose many bodies at once.
const SPACING: Duration = Duration::from_secs(1);
/// The longest time for which a replacement is planned ahead.
const AHEAD: Duration = Duration::from_secs(MOST as u64);

/// The documents to check, each with the time of its next check.
#[derive(Debug, Default)]
pub struct Confirmations {
    by_key: Mutex<HashMap<Key, (Timestamp, Target)>>,
    /// The time of the latest replacement that is planned.
    replaced_at: Mutex<Timestamp>,
    planned: Notify,
}

impl Confirmations {
    /// Plans the next check of a document, in place of an earlier plan.
    pub(super) fn plan(&self, target: &Target, at: Timestamp) {
        let mut by_key = self.by_key.lock();
        if by_key.len() < MOST || by_key.contains_key(&target.key()) {
            by_key.insert(target.key(), (at, target.clone()));
            drop(by_key);
            self.planned.notify_one();
        }
    }

    /// Plans the replacement of a lost body, some time after the one before. If too many wait, a
    /// later sweep plans it.
    pub(super) fn plan_spaced(&self, target: &Target, now: Timestamp) {
        let is_planned = || self.by_key.lock().contains_key(&target.key());
        let at = {
            let mut replaced_at = self.replaced_at.lock();
            // A time far ahead is from before the clock was set back.
            let last = Some(*replaced_at).filter(|last| *last <= now + AHEAD).unwrap_or_default();
            let at = now.max(last + SPACING);
            if at > now + AHEAD || is_planned() {
                return;
            }
            *replaced_at = at;
            at
        };
        self.plan(target, at);
    }

    /// Waits for the next documents that are due, and takes them.
    pub(super) async fn next(&self, clock: &Clock) -> Vec<Target> {
        let is_idle = || self.by_key.lock().is_empty();
        let take = |now| Some(self.take_due(now)).filter(|due| !due.is_empty());
        next_due(clock, &self.planned, is_idle, take).await
    }

    fn take_due(&self, now: Timestamp) -> Vec<Target> {
        let mut by_key = self.by_key.lock();
        let is_due = by_key.iter().filter(|(_, (at, _))| *at <= now);
        let keys: Vec<Key> = is_due.map(|(key, _)| *key).take(AT_ONCE).collect();
        keys.iter().filter_map(|key| Some(by_key.remove(key)?.1)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::target::Policy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn target(number: usize) -> Target {
        let url = format!("https://api.github.com/repos/octo/app{number}/releases");
        Target::parse(&url, &Policy::default()).unwrap()
    }

    #[test]
    fn replacements_come_one_after_the_other() {
        let confirmations = Confirmations::default();
        for number in 0..2 * MOST {
            confirmations.plan_spaced(&target(number), NOW);
            confirmations.plan_spaced(&target(number / 2), NOW);
        }
        assert_eq!(confirmations.by_key.lock().len(), MOST, "the others wait for a later sweep");
        for seconds in 0..MOST as u64 {
            let due = confirmations.take_due(NOW + Duration::from_secs(seconds));
            assert_eq!(due.len(), 1, "{seconds}");
        }
    }

    #[test]
    fn a_question_comes_at_its_latest_planned_time() {
        let confirmations = Confirmations::default();
        confirmations.plan(&target(1), NOW);
        confirmations.plan(&target(1), NOW + Duration::from_secs(5));
        assert!(confirmations.take_due(NOW).is_empty());
        let due = confirmations.take_due(NOW + Duration::from_secs(5));
        assert_eq!(due, [target(1)]);
        assert!(confirmations.take_due(NOW + Duration::from_secs(9)).is_empty(), "once");
    }

    #[test]
    fn questions_that_wait_are_bounded() {
        let confirmations = Confirmations::default();
        (0..2 * MOST).for_each(|number| confirmations.plan(&target(number), NOW));
        assert_eq!(confirmations.by_key.lock().len(), MOST);
        confirmations.plan(&target(0), NOW + Duration::from_millis(250));
        assert_eq!(confirmations.take_due(NOW).len(), AT_ONCE);
    }
}
