//! Pushes: GitHub's events about repositories, and the checks that follow each of them.
//!
//! GitHub's lists and ETags lag behind its events, so a check right after an event may find nothing
//! new. An event therefore causes checks at once and after 5, 15 and 60 s. Repeated events cost
//! nothing: deliveries are remembered, and a repository has at most one event in 5 s.

mod event;
mod removals;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::{Clock, Timestamp};
use crate::entry::Entry;
use crate::secret::Signature;
use crate::target::{self, Policy, Target};
use crate::words::words;

use super::bounded_set::BoundedSet;
use super::due::next_due;

use removals::Removals;

pub use event::Event;

pub(super) use event::Repository;

/// The most deliveries that are remembered.
const MOST_DELIVERIES: usize = 4_096;
/// The most checks that wait.
const MOST_PLANNED: usize = 4_096;
/// The time after an event in which other events of its repository are ignored.
const APART: Duration = Duration::from_secs(5);
/// The times of the checks after an event.
const CHECK_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(60)];

words! {
    /// The result of a delivery.
    pub enum Delivery {
        /// The documents of the repository are checked.
        Accepted = "accepted",
        /// The event was delivered before.
        Repeated = "repeated",
        /// The repository had an event just before, or too many checks wait.
        TooSoon = "too-soon",
        /// The event names no repository.
        Ignored = "ignored",
        /// The delivery is not signed, is too large, or is no event.
        Refused = "refused",
    }
}

/// The events and the checks that wait.
#[derive(Debug, Default)]
pub struct Pushes {
    state: Mutex<PushState>,
    planned: Notify,
}

#[derive(Debug, Default)]
struct PushState {
    /// The signatures of the latest deliveries.
    seen: BoundedSet<Signature, MOST_DELIVERIES>,
    last: HashMap<Arc<Repository>, Timestamp>,
    planned: Vec<(Timestamp, Arc<Repository>)>,
    removals: Removals,
}

impl Pushes {
    /// Handles an event with a valid signature. The signature identifies a delivery: the header
    /// with its number is not signed, so a replay may carry another number.
    pub fn deliver(&self, signature: Signature, body: &[u8], now: Timestamp) -> Delivery {
        let Event { repository, release } = match Event::read(body) {
            Ok(Some(event)) => event,
            Ok(None) => return Delivery::Ignored,
            Err(_) => return Delivery::Refused,
        };
        let repository = Arc::new(repository);
        let mut state = self.state.lock();
        if !state.seen.add(signature) {
            return Delivery::Repeated;
        }
        if let Some(event) = release {
            state.removals.note(event, now);
        }
        state.last.retain(|_, at| at.was_within(APART, now));
        let has_room = state.planned.len() + CHECK_AFTER.len() <= MOST_PLANNED;
        if state.last.contains_key(&repository) || !has_room {
            return Delivery::TooSoon;
        }
        state.last.insert(Arc::clone(&repository), now);
        // The checks of an earlier event would fall between those of this one.
        state.planned.retain(|(_, planned)| *planned != repository);
        let checks = CHECK_AFTER.map(|after| (now + after, Arc::clone(&repository)));
        state.planned.extend(checks);
        drop(state);
        self.planned.notify_one();
        Delivery::Accepted
    }

    /// Returns true if a recent event says that a release was deleted or unpublished.
    pub(super) fn reports_removal(&self, release: u64, now: Timestamp) -> bool {
        self.state.lock().removals.contains(release, now)
    }

    /// Waits for the next checks, and takes the repositories that they concern.
    pub(super) async fn next(&self, clock: &Clock) -> HashSet<Arc<Repository>> {
        let is_idle = || self.state.lock().planned.is_empty();
        let take = |now| Some(self.take_due(now)).filter(|due| !due.is_empty());
        next_due(clock, &self.planned, is_idle, take).await
    }

    fn take_due(&self, now: Timestamp) -> HashSet<Arc<Repository>> {
        let mut due = HashSet::new();
        self.state.lock().planned.retain(|(at, repository)| {
            let waits = *at > now;
            if !waits {
                due.insert(Arc::clone(repository));
            }
            waits
        });
        due
    }
}

impl Repository {
    /// Returns true if a document belongs to this repository, by its name or by its new place.
    pub(super) fn has(&self, target: &Target, entry: &Entry, policy: &Policy) -> bool {
        let moved = entry.extras.moved().and_then(|moved| Target::parse(&moved.to, policy).ok());
        self.is_of(target) || moved.is_some_and(|target| self.is_of(&target))
    }

    fn is_of(&self, target: &Target) -> bool {
        let named = target::repository(target.path()).filter(|_| target.gets_token());
        named.is_some_and(|named| self.paths().iter().any(|path| path == named))
    }

    /// Returns the paths of this repository, as they occur in the names of its documents.
    pub(super) fn paths(&self) -> [String; 2] {
        let name = self.full_name.to_ascii_lowercase();
        [format!("/repos/{name}"), format!("/repositories/{}", self.id)]
    }
}

#[cfg(test)]
mod tests {
    use crate::target::Policy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn signature(number: usize) -> Signature {
        Signature::parse(format!("sha256={number:064x}").as_bytes()).unwrap()
    }

    fn event(name: &str) -> String {
        format!(r#"{{"repository":{{"id":7,"full_name":"{name}"}}}}"#)
    }

    #[test]
    fn repeated_events_cause_nothing() {
        let pushes = Pushes::default();
        let deliver = |number, name, seconds| {
            let now = NOW + Duration::from_secs(seconds);
            pushes.deliver(signature(number), event(name).as_bytes(), now)
        };
        assert_eq!(deliver(1, "octo/app", 0), Delivery::Accepted);
        assert_eq!(deliver(1, "octo/app", 90), Delivery::Repeated);
        assert_eq!(deliver(2, "octo/app", 4), Delivery::TooSoon);
        assert_eq!(deliver(3, "octo/other", 4), Delivery::Accepted);
        assert_eq!(deliver(4, "octo/app", 5), Delivery::Accepted);
        assert_eq!(pushes.deliver(signature(5), b"{}", NOW), Delivery::Ignored);
        assert_eq!(pushes.deliver(signature(5), b"[", NOW), Delivery::Refused);
    }

    #[test]
    fn an_event_that_comes_too_soon_still_reports_a_removal() {
        let pushes = Pushes::default();
        let deliver = |number, action: &str| {
            let release = format!(r#"{{"action":"{action}","release":{{"id":9}},"#);
            let body = event("octo/app").replacen('{', &release, 1);
            pushes.deliver(signature(number), body.as_bytes(), NOW)
        };
        assert_eq!(deliver(1, "published"), Delivery::Accepted);
        assert!(!pushes.reports_removal(9, NOW));
        assert_eq!(deliver(2, "deleted"), Delivery::TooSoon);
        assert!(pushes.reports_removal(9, NOW));
        assert_eq!(deliver(1, "published"), Delivery::Repeated);
        assert!(pushes.reports_removal(9, NOW), "a replayed event changes nothing");
        assert_eq!(deliver(3, "edited"), Delivery::TooSoon);
        assert!(!pushes.reports_removal(9, NOW));
    }

    #[test]
    fn checks_follow_an_event_at_set_times() {
        let pushes = Pushes::default();
        let _ = pushes.deliver(signature(1), event("octo/app").as_bytes(), NOW);
        let due = |seconds| pushes.take_due(NOW + Duration::from_secs(seconds)).len();
        assert_eq!([0, 4, 5, 14, 15, 59, 60, 99].map(due), [1, 0, 1, 0, 1, 0, 1, 0]);
    }

    #[test]
    fn deliveries_and_checks_are_bounded() {
        let pushes = Pushes::default();
        for number in 0..2 * MOST_DELIVERIES {
            let name = format!("octo/app{number}");
            let _ = pushes.deliver(signature(number), event(&name).as_bytes(), NOW);
        }
        let state = pushes.state.lock();
        assert_eq!(state.seen.len(), 4_096);
        assert_eq!((state.planned.len(), state.last.len()), (MOST_PLANNED, MOST_PLANNED / 4));
    }

    #[test]
    fn a_repository_is_known_by_its_name_and_its_number() {
        let event = Event::read(event("Octo/App").as_bytes()).unwrap().unwrap();
        for (url, want) in [
            ("https://api.github.com/repos/octo/app/releases/latest", true),
            ("https://api.github.com/repos/OCTO/app/tags", true),
            ("https://api.github.com/repos/octo/app", true),
            ("https://api.github.com/repositories/7/releases", true),
            ("https://api.github.com/repositories/77/releases", false),
            ("https://api.github.com/repos/octo/app2/releases", false),
            ("https://raw.githubusercontent.com/repos/octo/app/v.json", false),
        ] {
            let target = Target::parse(url, &Policy::default()).unwrap();
            assert_eq!(event.repository.is_of(&target), want, "{url}");
        }
    }
}
