//! The laws of the queue, by cases and by any sequence of steps.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use proptest::prelude::*;

use super::{Peeked, Queue, QueueBounds};
use crate::clock::Timestamp;
use crate::entry::{Entry, Times};
use crate::store::Change;
use crate::target::Key;

const LIMITS: QueueBounds = QueueBounds {
    keys: 8,
    bytes: 1_000,
    batch_keys: 4,
    batch_bytes: 400,
    max_age: Duration::from_secs(60),
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn url(document: u8) -> String {
    format!("https://api.github.com/{document}")
}

fn key(document: u8) -> Key {
    Key::of(&url(document))
}

fn put(document: u8, checked: u64, len: usize) -> Change {
    let body = Bytes::from(vec![b'x'; len]);
    let times = Times {
        fetched_at: at(0),
        checked_at: at(checked),
        fully_checked_at: at(checked),
        expires_at: at(0),
    };
    let entry = Arc::new(Entry::new(url(document), StatusCode::OK, body, times));
    Change::Put { entry, keep_until: at(1_000) }
}

fn remove(document: u8, as_of: u64) -> Change {
    Change::Remove { key: key(document), as_of: at(as_of) }
}

/// Returns the check time of a document's newest change, or the epoch for a removal.
fn peeked(queue: &Queue, document: u8) -> Option<Timestamp> {
    queue.peek(&key(document)).map(|peeked| match peeked {
        Peeked::Put(entry) => entry.times.checked_at,
        Peeked::Removed => Timestamp::default(),
    })
}

#[test]
fn the_newest_change_of_a_key_waits() {
    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 1, 10), at(1));
    queue.push(put(1, 2, 20), at(2));
    assert_eq!((queue.len(), queue.bytes()), (1, 20));
    assert_eq!(peeked(&queue, 1), Some(at(2)));
    queue.push(put(1, 1, 30), at(3));
    assert_eq!(peeked(&queue, 1), Some(at(2)));
    queue.push(remove(1, 3), at(4));
    assert!(matches!(queue.peek(&key(1)), Some(Peeked::Removed)));
    assert_eq!(queue.tally().replaced, 3);
}

#[test]
fn a_change_from_before_the_clock_was_put_right_gives_way() {
    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 3_600, 10), at(3_600));
    queue.push(remove(1, 2), at(2));
    assert!(matches!(queue.peek(&key(1)), Some(Peeked::Removed)));

    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 3_600, 10), at(3_600));
    queue.take_batch().unwrap();
    queue.push(remove(1, 2), at(2));
    queue.batch_failed(at(2));
    assert!(matches!(queue.peek(&key(1)), Some(Peeked::Removed)));
}

#[test]
fn a_full_queue_loses_its_oldest() {
    let mut queue = Queue::new(LIMITS);
    (0..10).for_each(|document| drop(queue.push(put(document, 1, 10), at(1))));
    assert_eq!((queue.len(), queue.tally().dropped_overflow), (8, 2));
    assert_eq!((peeked(&queue, 1), peeked(&queue, 2)), (None, Some(at(1))));
    queue.push(put(99, 1, 995), at(1));
    assert_eq!((queue.len(), queue.bytes()), (1, 995));
}

#[test]
fn half_of_either_bound_is_half_full() {
    let mut queue = Queue::new(LIMITS);
    (0..3).for_each(|document| drop(queue.push(put(document, 1, 10), at(1))));
    assert!(!queue.is_half_full());
    queue.push(put(3, 1, 10), at(1));
    assert!(queue.is_half_full());

    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 1, 500), at(1));
    assert!(queue.is_half_full());
}

#[test]
fn a_batch_is_bounded_and_takes_the_oldest() {
    let mut queue = Queue::new(LIMITS);
    (0..6).for_each(|document| drop(queue.push(put(document, 1, 150), at(1))));
    let keys = |batch: &[Change]| batch.iter().map(Change::key).collect::<Vec<_>>();
    assert_eq!(keys(&queue.take_batch().unwrap()), [key(0), key(1)]);
    assert!(queue.take_batch().is_none());
    queue.batch_done();
    assert_eq!(keys(&queue.take_batch().unwrap()), [key(2), key(3)]);
}

#[test]
fn a_change_larger_than_a_batch_goes_alone() {
    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 1, 900), at(1));
    queue.push(put(2, 1, 10), at(1));
    assert_eq!(queue.take_batch().unwrap().len(), 1);
}

#[test]
fn a_change_in_flight_is_seen_until_it_is_written() {
    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 1, 10), at(1));
    queue.take_batch().unwrap();
    assert_eq!(peeked(&queue, 1), Some(at(1)));
    queue.push(put(1, 2, 10), at(2));
    assert_eq!(peeked(&queue, 1), Some(at(2)));
    queue.batch_done();
    assert_eq!(peeked(&queue, 1), Some(at(2)));
    queue.take_batch().unwrap();
    queue.batch_done();
    assert_eq!((peeked(&queue, 1), queue.len(), queue.bytes()), (None, 0, 0));
}

#[test]
fn a_failed_batch_waits_again_but_not_before_what_came_since() {
    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 1, 10), at(1));
    queue.push(put(2, 1, 10), at(1));
    queue.take_batch().unwrap();
    queue.push(put(1, 2, 10), at(2));
    queue.push(put(2, 0, 10), at(2));
    queue.batch_failed(at(2));
    assert_eq!(queue.len(), 2);
    let batch = queue.take_batch().unwrap();
    assert_eq!(batch.iter().map(Change::as_of).collect::<Vec<_>>(), [at(1), at(2)]);
    assert_eq!(batch.iter().map(Change::key).collect::<Vec<_>>(), [key(2), key(1)]);
}

#[test]
fn a_change_that_fails_for_too_long_is_dropped() {
    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 1, 10), at(0));
    queue.push(put(2, 1, 10), at(30));
    queue.take_batch().unwrap();
    queue.batch_failed(at(61));
    assert_eq!((queue.len(), queue.tally().dropped_age), (1, 1));
    queue.take_batch().unwrap();
    queue.batch_failed(at(91));
    assert_eq!((queue.len(), queue.bytes(), queue.tally().dropped_age), (0, 0, 2));
}

#[test]
fn a_change_from_before_a_set_back_ages_from_then_on() {
    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 1, 10), at(7_200));
    queue.take_batch().unwrap();
    queue.batch_failed(at(10));
    assert_eq!(queue.len(), 1);
    queue.take_batch().unwrap();
    queue.batch_failed(at(71));
    assert_eq!((queue.len(), queue.tally().dropped_age), (0, 1));
}

#[test]
fn a_change_that_was_never_tried_is_never_too_old() {
    let mut queue = Queue::new(LIMITS);
    (0..5).for_each(|document| drop(queue.push(put(document, 1, 10), at(0))));
    assert_eq!(queue.take_batch().unwrap().len(), LIMITS.batch_keys);
    queue.batch_failed(at(3_600));
    assert_eq!((queue.len(), queue.tally().dropped_age), (1, 4));
    assert_eq!(queue.take_batch().unwrap().len(), 1);
}

#[test]
fn a_change_that_was_cut_off_waits_again_at_any_age() {
    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 1, 10), at(0));
    queue.take_batch().unwrap();
    queue.batch_cut_off();
    assert_eq!((queue.len(), queue.bytes(), queue.tally().dropped_age), (1, 10, 0));
    assert!(queue.take_batch().is_some());
}

#[test]
fn a_replaced_change_ages_anew() {
    let mut queue = Queue::new(LIMITS);
    queue.push(put(1, 1, 10), at(0));
    queue.push(put(1, 2, 10), at(50));
    assert!(queue.take_batch().is_some());
}

#[derive(Clone, Debug)]
enum Step {
    Push { document: u8, len: usize },
    Remove { document: u8 },
    Take,
    Done,
    Failed,
    Wait { seconds: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..12, 0usize..600).prop_map(|(document, len)| Step::Push { document, len }),
        1 => (0u8..12).prop_map(|document| Step::Remove { document }),
        2 => Just(Step::Take),
        2 => Just(Step::Done),
        1 => Just(Step::Failed),
        1 => (0u64..40).prop_map(|seconds| Step::Wait { seconds }),
    ];
    prop::collection::vec(step, 0..120)
}

/// Runs the steps. After each of them, calls `check` with the queue and the written changes.
fn run(steps: Vec<Step>, check: impl Fn(&Queue, &HashMap<Key, Timestamp>)) {
    let mut queue = Queue::new(LIMITS);
    let mut landed = HashMap::new();
    let mut flight: Option<Arc<[Change]>> = None;
    let mut now = 0;
    for (number, step) in (1..).zip(steps) {
        match step {
            Step::Push { document, len } => drop(queue.push(put(document, number, len), at(now))),
            Step::Remove { document } => drop(queue.push(remove(document, number), at(now))),
            Step::Take => flight = queue.take_batch().or(flight),
            Step::Done => {
                queue.batch_done();
                let batch = flight.take();
                landed.extend(batch.iter().flat_map(|b| b.iter()).map(|c| (c.key(), c.as_of())));
            }
            Step::Failed => {
                queue.batch_failed(at(now));
                flight = None;
            }
            Step::Wait { seconds } => now += seconds,
        }
        check(&queue, &landed);
    }
}

proptest! {
    #[test]
    fn the_queue_is_bounded_and_every_change_is_accounted_for(steps in steps()) {
        run(steps, |queue, _| {
            assert!(queue.len() <= LIMITS.keys);
            assert!(queue.bytes() <= LIMITS.bytes);
            let tally = queue.tally();
            let gone = tally.flushed + tally.replaced + tally.dropped_overflow + tally.dropped_age;
            assert_eq!(tally.pushed, gone + queue.len() as u64);
        });
    }

    #[test]
    fn nothing_is_lost_while_the_store_works(documents in prop::collection::vec((0u8..12, 0usize..200), 0..80)) {
        let steps = documents.iter().flat_map(|&(document, len)| {
            [Step::Push { document, len }, Step::Take, Step::Done]
        });
        let newest: HashMap<_, _> = (0..)
            .zip(&documents)
            .map(|(push, &(document, _))| (key(document), at(push * 3 + 1)))
            .collect();
        let last = RefCell::default();
        run(steps.collect(), |_, landed| last.replace(landed.clone()).clear());
        prop_assert_eq!(last.into_inner(), newest);
    }

    #[test]
    fn no_older_change_of_a_key_lands_after_a_newer_one(steps in steps()) {
        let last = RefCell::new(HashMap::new());
        run(steps, |_, landed| {
            for (key, as_of) in landed {
                let before = last.borrow_mut().insert(*key, *as_of);
                assert!(before.is_none_or(|before| before <= *as_of));
            }
        });
    }
}
