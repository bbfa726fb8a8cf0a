//! The order of the documents in a sweep: of those that are due, the most used one comes first.
//!
//! Pure: `now` is an argument. A document is due when its last check is about one interval old;
//! each has its own interval ([`until_next`]). The sweep waits for documents that become due while
//! it runs, so each keeps its place in time from sweep to sweep. A document whose check is likely
//! to be charged waits until the quota allows it; free checks do not wait for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::activity::{Active, Lateness, OVERDUE_AFTER, until_next};
use crate::clock::Timestamp;
use crate::target::Key;

/// The documents that are left in a sweep.
#[derive(Debug)]
pub(super) struct Plan {
    upcoming: BinaryHeap<Reverse<(Timestamp, Rank)>>,
    due: BinaryHeap<Rank>,
    /// The due documents whose checks are likely to be charged.
    due_charged: BinaryHeap<Rank>,
    /// True if the sweep has left the rest to the next one.
    is_given_up: bool,
}

/// The most documents that become due in one step. All may have been checked at the same time, and
/// sorting that many takes long. The rest become due in the next steps.
const BECOME_DUE: usize = 1_000;

/// A document, ordered by importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// The uses, multiplied by the intervals since the last check, so that no document waits for
    /// ever if not all can be checked.
    claim: u64,
    used_at: Timestamp,
    key: Key,
    is_charged: bool,
}

/// A document that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) key: Key,
    /// True if the cost of its check was already taken from the share of the quota.
    pub(super) is_booked: bool,
}

/// The next step of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SweepStep {
    /// Revalidate this document.
    Revalidate(Due),
    /// Wait until this time.
    Wait(Timestamp),
    /// The sweep has ended.
    Done,
}

impl Plan {
    /// Plans the documents that are due before the next sweep.
    pub(super) fn new(active: &[Active], interval: Duration, now: Timestamp) -> Self {
        let planned = active.iter().map(|active| {
            // A check in the future comes from a clock that was ahead, and is ignored.
            let checked_at = active.check.map(|check| check.at).filter(|at| *at <= now);
            let until_next = |at| until_next(active, at, interval) - leeway(interval);
            let due_at = checked_at.map_or(now, |at| at + until_next(at));
            let intervals = checked_at.map_or(1, |at| intervals(now.since(at), interval));
            let claim = (active.uses + 1).saturating_mul(intervals);
            let is_charged = active.charges.are_likely();
            Reverse((due_at, Rank { claim, used_at: active.used_at, key: active.key, is_charged }))
        });
        let planned = planned.filter(|Reverse((due_at, _))| *due_at < now + interval);
        let (due, upcoming): (Vec<_>, Vec<_>) =
            planned.partition(|Reverse((due_at, _))| *due_at <= now);
        let due = due.into_iter().map(|Reverse((_, rank))| rank);
        let (charged, free): (Vec<_>, Vec<_>) = due.partition(|rank| rank.is_charged);
        let (upcoming, due, due_charged) = (upcoming.into(), free.into(), charged.into());
        Self { upcoming, due, due_charged, is_given_up: false }
    }

    /// Returns how many documents are left.
    pub(super) fn len(&self) -> usize {
        self.upcoming.len() + self.due.len() + self.due_charged.len()
    }

    /// Returns how many documents wait for quota.
    pub(super) fn wait_for_quota(&self) -> usize {
        self.due_charged.len()
    }

    /// Removes a document that is checked out of turn. Returns false if it is not in the plan.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        let before = self.len();
        self.upcoming.retain(|Reverse((_, rank))| rank.key != key);
        self.due.retain(|rank| rank.key != key);
        self.due_charged.retain(|rank| rank.key != key);
        self.len() < before
    }

    /// Drops the remaining documents; returns how many.
    pub(super) fn give_up(&mut self) -> usize {
        let left = self.len();
        self.is_given_up = true;
        self.upcoming.clear();
        self.due.clear();
        self.due_charged.clear();
        left
    }

    /// Returns true if the sweep has left the rest to the next one.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Returns the next step. `take_charge` takes the cost of a check from the quota, or returns
    /// the time at which to try again.
    pub(super) fn next(
        &mut self,
        now: Timestamp,
        take_charge: impl FnOnce() -> Result<(), Timestamp>,
    ) -> SweepStep {
        for _ in 0..BECOME_DUE {
            let Some(Reverse((due_at, rank))) = self.upcoming.peek().copied() else { break };
            if due_at > now {
                break;
            }
            self.upcoming.pop();
            if rank.is_charged { &mut self.due_charged } else { &mut self.due }.push(rank);
        }
        let mut again_at = self.upcoming.peek().map(|Reverse((due_at, _))| *due_at);
        if self.due_charged.peek() > self.due.peek() {
            match take_charge() {
                Ok(()) => {
                    let key = self.due_charged.pop().map(|rank| rank.key);
                    return key.map_or(SweepStep::Done, |key| due(key, true));
                }
                Err(at) => again_at = Some(again_at.map_or(at, |upcoming| upcoming.min(at))),
            }
        }
        match (self.due.pop(), again_at) {
            (Some(rank), _) => due(rank.key, false),
            (None, Some(at)) => SweepStep::Wait(at),
            (None, None) => SweepStep::Done,
        }
    }
}

fn due(key: Key, is_booked: bool) -> SweepStep {
    SweepStep::Revalidate(Due { key, is_booked })
}

/// Returns how late the checks are, since more documents may be in use than can be checked in an
/// interval. A document that was never checked is new and not late.
pub(super) fn lateness(active: &[Active], interval: Duration, now: Timestamp) -> Lateness {
    let checked = active.iter().filter_map(|active| Some((active, active.check?.at)));
    checked.fold(Lateness::default(), |lateness, (active, at)| {
        let age = now.since(at);
        let limit = until_next(active, at, interval) + interval * (OVERDUE_AFTER - 1);
        Lateness {
            overdue: lateness.overdue + usize::from(age > limit),
            oldest: lateness.oldest.max(age),
        }
    })
}

/// Returns how many intervals a time lasts, rounded up.
fn intervals(time: Duration, interval: Duration) -> u64 {
    let intervals = time.as_nanos() / interval.as_nanos().max(1) + 1;
    u64::try_from(intervals).unwrap_or(u64::MAX)
}

/// Returns by how much a check may be younger than an interval to count as due. Timers and networks
/// vary, and a document that just misses its sweep would wait for another interval.
pub(super) fn leeway(interval: Duration) -> Duration {
    interval / 60
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::activity::{Charges, Mutability};
    use crate::entry::Check;

    const MINUTE: Duration = Duration::from_secs(60);
    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn active(number: u64, uses: u64, checked_ago: Option<u64>) -> Active {
        let key = Key::of(&number.to_string());
        let at = |ago| NOW - Duration::from_secs(ago);
        let check = checked_ago.map(|ago| Check { at: at(ago), fetched_at: at(ago) });
        Active {
            key,
            uses,
            used_at: NOW,
            check,
            charges: Charges::default(),
            mutability: Mutability::default(),
        }
    }

    /// No document of these tests is likely to be charged.
    fn free() -> Result<(), Timestamp> {
        panic!("nothing is charged")
    }

    fn keys(plan: &mut Plan, now: Timestamp) -> Vec<Key> {
        std::iter::from_fn(|| match plan.next(now, free) {
            SweepStep::Revalidate(due) => Some(due.key),
            SweepStep::Wait(_) | SweepStep::Done => None,
        })
        .collect()
    }

    #[test]
    fn the_most_used_of_those_that_are_due_comes_first() {
        let [little, much, never] =
            [active(1, 1, Some(61)), active(2, 9, Some(60)), active(3, 5, None)];
        let mut plan = Plan::new(&[little, much, never], MINUTE, NOW);
        assert_eq!(plan.len(), 3);
        assert_eq!(keys(&mut plan, NOW), [much.key, never.key, little.key]);
        assert_eq!(plan.next(NOW, free), SweepStep::Done);
    }

    #[test]
    fn a_sweep_waits_for_documents_that_become_due_in_it() {
        let (later, now) = (active(1, 9, Some(30)), active(2, 1, Some(60)));
        let mut plan = Plan::new(&[later, now], MINUTE, NOW);
        assert_eq!(plan.next(NOW, free), due(now.key, false));
        let due_at = NOW + Duration::from_secs(29);
        assert_eq!(plan.next(NOW, free), SweepStep::Wait(due_at));
        assert_eq!(plan.next(due_at, free), due(later.key, false));
    }

    #[test]
    fn a_document_checked_just_now_waits_for_the_next_sweep() {
        let interval = MINUTE - leeway(MINUTE);
        assert_eq!(Plan::new(&[active(1, 1, Some(0))], MINUTE, NOW).len(), 1);
        let mut plan = Plan::new(&[active(1, 1, Some(0))], MINUTE, NOW);
        assert_eq!(plan.next(NOW, free), SweepStep::Wait(NOW + interval));
    }

    #[test]
    fn a_check_of_more_than_two_intervals_ago_is_overdue() {
        let ages = [None, Some(0), Some(120), Some(121), Some(3_600)];
        let documents = ages.map(|age| active(age.unwrap_or(1), 1, age));
        let found = lateness(&documents, MINUTE, NOW);
        assert_eq!(found, Lateness { overdue: 2, oldest: Duration::from_secs(3_600) });
        assert_eq!(lateness(&[], MINUTE, NOW), Lateness::default());
    }

    #[test]
    fn a_check_from_the_future_says_nothing() {
        let ahead = Check { at: NOW + MINUTE * 60, fetched_at: NOW };
        let document = Active { check: Some(ahead), ..active(1, 1, None) };
        let mut plan = Plan::new(&[document], MINUTE, NOW);
        assert_eq!(plan.next(NOW, free), due(document.key, false));
    }

    /// A document whose last check was charged.
    fn charged(number: u64, uses: u64) -> Active {
        let document = active(number, uses, Some(60));
        Active { charges: document.charges.with(true, NOW, NOW), ..document }
    }

    #[test]
    fn charged_checks_wait_for_quota_and_free_ones_do_not() {
        let (dear, free) = (charged(1, 9), active(2, 1, Some(60)));
        let mut plan = Plan::new(&[dear, free], MINUTE, NOW);
        let later = NOW + Duration::from_secs(9);
        assert_eq!(plan.next(NOW, || Err(later)), due(free.key, false));
        assert_eq!(plan.next(NOW, || Err(later)), SweepStep::Wait(later));
        assert_eq!((plan.len(), plan.wait_for_quota()), (1, 1));
        assert_eq!(plan.next(later, || Ok(())), due(dear.key, true));
        assert_eq!(plan.next(later, || Ok(())), SweepStep::Done);
    }

    #[test]
    fn quota_is_taken_for_the_document_whose_turn_it_is() {
        let (dear, free) = (charged(1, 1), active(2, 9, Some(60)));
        let mut plan = Plan::new(&[dear, free], MINUTE, NOW);
        assert_eq!(plan.next(NOW, || panic!("it is not its turn")), due(free.key, false));
        assert_eq!(plan.next(NOW, || Ok(())), due(dear.key, true));
    }

    #[test]
    fn a_long_unused_document_is_late_by_its_own_interval() {
        let hour = 3_600;
        let used_at = NOW - Duration::from_secs(60 * hour);
        let document = Active { used_at, ..active(1, 1, Some(hour / 2)) };
        assert_eq!(lateness(&[document], MINUTE, NOW).overdue, 0);
        assert_eq!(lateness(&[active(1, 1, Some(hour / 2))], MINUTE, NOW).overdue, 1);
    }

    #[test]
    fn every_document_is_checked_at_some_time() {
        let mut documents = [active(1, 100, Some(60)), active(2, 1, Some(60))];
        for sweep in 0..100 {
            let now = NOW + MINUTE * sweep;
            documents.iter_mut().for_each(|document| document.used_at = now);
            let SweepStep::Revalidate(first) = Plan::new(&documents, MINUTE, now).next(now, free)
            else {
                panic!("both are due")
            };
            if first.key == documents[1].key {
                assert!(sweep > 10, "the one that is used more comes more often");
                return;
            }
            documents[0].check = Some(Check { at: now, fetched_at: NOW });
        }
        panic!("the second never came");
    }

    proptest! {
        #[test]
        fn every_document_comes_once_and_none_early(ages in prop::collection::vec(0u64..200, 0..50)) {
            let documents: Vec<_> =
                (0..).zip(&ages).map(|(number, age)| active(number, number, Some(*age))).collect();
            let mut plan = Plan::new(&documents, MINUTE, NOW);
            let mut now = NOW;
            let mut done = Vec::new();
            loop {
                match plan.next(now, free) {
                    SweepStep::Revalidate(due) => done.push((due.key, now)),
                    SweepStep::Wait(until) => {
                        prop_assert!(until > now);
                        now = until;
                    }
                    SweepStep::Done => break,
                }
            }
            prop_assert_eq!(done.len(), documents.len());
            for document in documents {
                let at = done.iter().find(|(key, _)| *key == document.key).map(|(_, at)| *at);
                let checked = document.check.expect("a check").at;
                prop_assert!(at.expect("it came").since(checked) >= MINUTE - leeway(MINUTE));
            }
        }
    }
}
