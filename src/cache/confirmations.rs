//! The planned checks of documents whose loss is not confirmed, or whose later body L2 has lost.
//!
//! If the plan is full, the next sweep checks the document, or a client's request does once the
//! check is overdue.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::{Clock, Timestamp};
use crate::target::{Key, Target};

use super::due::next_due;

/// The most checks that wait.
const MOST: usize = 1_024;
/// The most checks that run at once.
const AT_ONCE: usize = 8;

/// The documents to check, each with the time of its next check.
#[derive(Debug, Default)]
pub struct Confirmations {
    by_key: Mutex<HashMap<Key, (Timestamp, Target)>>,
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
    use std::time::Duration;

    use crate::target::Policy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn target(number: usize) -> Target {
        let url = format!("https://api.github.com/repos/octo/app{number}/releases");
        Target::parse(&url, &Policy::default()).unwrap()
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
