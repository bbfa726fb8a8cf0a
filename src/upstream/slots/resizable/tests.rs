//! Permits counted by hand, while the size changes and waiters come and go.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;

type Waiting<'a> = Pin<Box<dyn Future<Output = Permit<'a>> + 'a>>;

/// The holders of a permit, and the waiters in their order.
struct Crowd<'a> {
    permits: &'a Resizable,
    holding: Vec<Permit<'a>>,
    waiting: Vec<Waiting<'a>>,
}

impl<'a> Crowd<'a> {
    fn around(permits: &'a Resizable) -> Self {
        Self { permits, holding: Vec::new(), waiting: Vec::new() }
    }

    /// Adds a waiter.
    fn ask(&mut self) {
        self.waiting.push(Box::pin(self.permits.acquire()));
        let last = self.waiting.len() - 1;
        self.look(last);
    }

    /// Polls every waiter.
    fn look_around(&mut self) {
        for index in (0..self.waiting.len()).rev() {
            self.look(index);
        }
    }

    fn look(&mut self, index: usize) {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(permit) = self.waiting[index].as_mut().poll(&mut context) {
            drop(self.waiting.remove(index));
            self.holding.push(permit);
        }
    }
}

#[test]
fn a_smaller_size_takes_free_permits_at_once() {
    let permits = Resizable::new(3);
    permits.resize(1);
    let mut crowd = Crowd::around(&permits);
    crowd.ask();
    crowd.ask();
    assert_eq!((crowd.holding.len(), crowd.waiting.len()), (1, 1));
}

#[test]
fn permits_in_use_are_taken_when_they_are_given_back() {
    let permits = Resizable::new(3);
    let mut crowd = Crowd::around(&permits);
    for _ in 0..4 {
        crowd.ask();
    }
    permits.resize(1);
    for left in [2, 1] {
        drop(crowd.holding.pop());
        crowd.look_around();
        assert_eq!((crowd.holding.len(), crowd.waiting.len()), (left, 1));
    }
    drop(crowd.holding.pop());
    crowd.look_around();
    assert_eq!((crowd.holding.len(), crowd.waiting.len()), (1, 0));
}

#[test]
fn a_larger_size_lets_in_who_waits_once_the_debt_is_paid() {
    let permits = Resizable::new(2);
    let mut crowd = Crowd::around(&permits);
    for _ in 0..4 {
        crowd.ask();
    }
    permits.resize(1);
    for (size, holding) in [(2, 2), (3, 3), (4, 4)] {
        permits.resize(size);
        crowd.look_around();
        assert_eq!(crowd.holding.len(), holding);
    }
}

#[test]
fn a_debt_paid_by_a_larger_size_costs_no_place_in_line() {
    let permits = Resizable::new(2);
    let mut crowd = Crowd::around(&permits);
    for _ in 0..4 {
        crowd.ask();
    }
    permits.resize(1);
    permits.resize(2);
    crowd.look_around();
    drop(crowd.holding.pop());
    crowd.look(0);
    assert_eq!((crowd.holding.len(), crowd.waiting.len()), (2, 1));
}

#[test]
fn a_waiter_that_leaves_does_not_pass_on_a_lost_permit() {
    let permits = Resizable::new(2);
    let mut crowd = Crowd::around(&permits);
    for _ in 0..4 {
        crowd.ask();
    }
    drop(crowd.holding.pop());
    permits.resize(1);
    drop(crowd.waiting.remove(0));
    crowd.look_around();
    assert_eq!((crowd.holding.len(), crowd.waiting.len()), (1, 1));
    drop(crowd.holding.pop());
    crowd.look_around();
    assert_eq!((crowd.holding.len(), crowd.waiting.len()), (1, 0));
}

#[derive(Clone, Debug)]
enum Event {
    Asks,
    GivesBack(prop::sample::Index),
    Leaves(prop::sample::Index),
    LookAround,
    Resize(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => Just(Event::Asks),
        2 => any::<prop::sample::Index>().prop_map(Event::GivesBack),
        1 => any::<prop::sample::Index>().prop_map(Event::Leaves),
        2 => Just(Event::LookAround),
        1 => (1..8usize).prop_map(Event::Resize),
    ];
    proptest::collection::vec(event, 0..80)
}

proptest! {
    /// No caller gets a permit while the intended number is in use; a waiter gets one when fewer
    /// are; in the end the intended number is free.
    #[test]
    fn no_permit_is_lost_and_none_is_given_twice(first in 1..8usize, events in events()) {
        let permits = Resizable::new(first);
        let mut crowd = Crowd::around(&permits);
        let mut size = first;
        for event in events {
            let before = crowd.holding.len();
            match event {
                Event::Asks => crowd.ask(),
                Event::GivesBack(which) if before > 0 => drop(crowd.holding.swap_remove(which.index(before))),
                Event::Leaves(which) if !crowd.waiting.is_empty() => {
                    let index = which.index(crowd.waiting.len());
                    drop(crowd.waiting.remove(index));
                }
                Event::LookAround => {
                    crowd.look_around();
                    prop_assert!(crowd.waiting.is_empty() || crowd.holding.len() >= size);
                }
                Event::Resize(to) => {
                    permits.resize(to);
                    size = to;
                }
                Event::GivesBack(_) | Event::Leaves(_) => {}
            }
            prop_assert!(crowd.holding.len() <= before.max(size));
        }
        crowd.holding.clear();
        crowd.waiting.clear();
        for _ in 0..=size {
            crowd.ask();
        }
        prop_assert_eq!((crowd.holding.len(), crowd.waiting.len()), (size, 1));
    }
}
