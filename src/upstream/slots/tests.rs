//! The order in which slots are granted: the futures are polled by hand, without a runtime.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::Priority::{Background, Foreground};
use super::queue::MOST_WAITING;
use super::*;

/// Two hosts that get tokens, and one that gets none.
const API: &str = "api.github.com";
const OTHER_API: &str = "api.other.example";
const RAW: &str = "raw.githubusercontent.com";

/// An exchange that waits in the queue.
struct Waiting<'a>(Pin<Box<dyn Future<Output = Result<Slot<'a>, QueueFull>> + 'a>>);

impl<'a> Waiting<'a> {
    fn look(&mut self) -> Option<Result<Slot<'a>, QueueFull>> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => Some(taken),
            Poll::Pending => None,
        }
    }

    #[track_caller]
    fn gets_it(&mut self) -> Slot<'a> {
        self.look().expect("a slot").expect("room in the queue")
    }

    #[track_caller]
    fn waits(mut self) -> Self {
        assert!(self.look().is_none(), "there was a slot");
        self
    }
}

type Ask = for<'a> fn(&'a Slots, Priority) -> Waiting<'a>;

/// Asks for a slot with a token.
fn ask(slots: &Slots, priority: Priority) -> Waiting<'_> {
    Waiting(Box::pin(slots.take(priority, API, true)))
}

/// Asks for a slot at the other host with a token.
fn ask_other(slots: &Slots, priority: Priority) -> Waiting<'_> {
    Waiting(Box::pin(slots.take(priority, OTHER_API, true)))
}

/// Asks for a slot without a token.
fn ask_without(slots: &Slots, priority: Priority) -> Waiting<'_> {
    Waiting(Box::pin(slots.take(priority, RAW, false)))
}

/// Takes all slots that a host gets at once.
fn fill<'a>(slots: &'a Slots, ask: impl Fn(&'a Slots) -> Waiting<'a>) -> Vec<Slot<'a>> {
    std::iter::from_fn(|| ask(slots).look()).map(|slot| slot.expect("room in the queue")).collect()
}

#[test]
fn the_background_may_hold_half() {
    let rows: [(Ask, Ask); 3] = [(ask, ask_other), (ask_other, ask), (ask_without, ask)];
    for (asks, others) in rows {
        let slots = Slots::new(4);
        let held = [asks(&slots, Background).gets_it(), asks(&slots, Background).gets_it()];
        let mut third = asks(&slots, Background).waits();
        let _others = [asks(&slots, Foreground).gets_it(), others(&slots, Foreground).gets_it()];
        drop(held);
        let _slot = third.gets_it();
    }
}

#[test]
fn the_background_with_a_token_counts_as_background() {
    let slots = Slots::new(4);
    let held = [(); 2].map(|()| ask_without(&slots, Background).gets_it());
    let mut third = ask(&slots, Background).waits();
    drop(held);
    drop(third.gets_it());
}

#[test]
fn a_single_slot_still_serves_the_background() {
    let slots = Slots::new(1);
    drop(ask(&slots, Background).gets_it());
    drop(ask(&slots, Foreground).gets_it());
    drop(ask(&slots, Background).gets_it());
}

#[test]
fn more_than_may_wait_are_turned_away_at_once() {
    let slots = Slots::new(1);
    let slot = ask_without(&slots, Foreground).gets_it();
    let waiting: Vec<_> =
        (0..MOST_WAITING).map(|_| ask_without(&slots, Foreground).waits()).collect();
    assert_eq!(ask_without(&slots, Foreground).look().unwrap().unwrap_err(), QueueFull);
    drop((waiting, slot));
    drop(ask_without(&slots, Foreground).gets_it());
}

#[test]
fn after_a_slow_down_one_passes_at_a_time() {
    let slots = Slots::new(3);
    let [first, second, third] = [(); 3].map(|()| ask(&slots, Foreground).gets_it());
    slots.slow_down();
    assert!(!slots.is_good_for(&first, API));
    let next = ask(&slots, Foreground).waits();
    drop((first, second));
    let mut next = next.waits();
    drop(third);
    let next = next.gets_it();
    assert!(slots.is_good_for(&next, API));
    let mut after = ask(&slots, Foreground).waits();
    drop(next);
    drop(after.gets_it());
}

#[test]
fn successes_open_the_window_and_those_from_before_do_not() {
    let slots = Slots::new(3);
    let early = ask(&slots, Foreground).gets_it();
    slots.slow_down();
    slots.succeeded(&early);
    assert_eq!(slots.window(), 1);
    drop(early);
    let slot = ask(&slots, Foreground).gets_it();
    let mut next = ask(&slots, Foreground).waits();
    slots.succeeded(&slot);
    assert_eq!(slots.window(), 2);
    let _next = next.gets_it();
}

#[test]
fn hosts_without_tokens_do_not_wait_in_front_of_the_window() {
    let slots = Slots::new(4);
    slots.slow_down();
    let _slot = ask(&slots, Foreground).gets_it();
    let _waiting: Vec<_> = (0..MOST_WAITING).map(|_| ask(&slots, Foreground).waits()).collect();
    let without = ask_without(&slots, Foreground).gets_it();
    slots.slow_down();
    assert!(slots.is_good_for(&without, RAW), "no slow-down concerns it");
    slots.succeeded(&without);
    assert_eq!(slots.window(), 1, "and it opens no window");
}

#[test]
fn the_background_stands_in_front_of_a_client_once_at_most() {
    let slots = Slots::new(4);
    slots.slow_down();
    let first = ask(&slots, Background).gets_it();
    let second = ask(&slots, Background).waits();
    let mut client = ask(&slots, Foreground).waits();
    drop(first);
    let _slot = client.gets_it();
    drop(second.waits());
}

#[test]
fn a_slow_down_ages_a_slot_that_is_still_awaited() {
    let slots = Slots::new(2);
    let hung = [(); 2].map(|()| ask_without(&slots, Foreground).gets_it());
    let mut waiting = ask(&slots, Foreground).waits();
    slots.slow_down();
    drop(hung);
    assert!(!slots.is_good_for(&waiting.gets_it(), API));
}

#[test]
fn a_host_that_hangs_leaves_a_quarter_to_the_others() {
    for hangs in [ask, ask_without] {
        let slots = Slots::new(64);
        let _clients = fill(&slots, |slots| hangs(slots, Foreground));
        assert_eq!(fill(&slots, |slots| ask_other(slots, Foreground)).len(), 12);
        let slots = Slots::new(64);
        let clients = fill(&slots, |slots| hangs(slots, Foreground));
        assert_eq!(clients.len(), 48);
        assert_eq!(fill(&slots, |slots| ask_other(slots, Background)).len(), 12);
    }
}

#[test]
fn a_host_that_hangs_leaves_a_quarter_of_the_background() {
    for hangs in [ask, ask_without] {
        let slots = Slots::new(64);
        let _sweep = fill(&slots, |slots| hangs(slots, Background));
        let others = fill(&slots, |slots| ask_other(slots, Background));
        assert_eq!(others.len(), 6, "of the 8 that are left of 32");
    }
}

#[test]
fn hosts_with_tokens_leave_each_other_a_part_of_the_window() {
    let slots = Slots::new(8);
    let _held = fill(&slots, |slots| ask(slots, Foreground));
    let _waiting: Vec<_> = (0..20).map(|_| ask(&slots, Foreground).waits()).collect();
    assert_eq!(fill(&slots, |slots| ask_other(slots, Foreground)).len(), 2);
}

#[test]
fn a_full_queue_of_one_host_is_no_other_hosts() {
    let slots = Slots::new(4);
    let _held = fill(&slots, |slots| ask_without(slots, Foreground));
    let _waiting: Vec<_> =
        (0..MOST_WAITING).map(|_| ask_without(&slots, Foreground).waits()).collect();
    assert_eq!(ask_without(&slots, Foreground).look().unwrap().unwrap_err(), QueueFull);
    drop(ask(&slots, Foreground).gets_it());
}

#[test]
fn a_slot_is_good_for_its_host_alone() {
    let slots = Slots::new(4);
    let slot = ask(&slots, Foreground).gets_it();
    assert!(slots.is_good_for(&slot, API));
    assert!(!slots.is_good_for(&slot, OTHER_API));
}
