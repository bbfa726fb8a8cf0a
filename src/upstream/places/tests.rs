//! The order of places, by hand: futures are polled once, and wait for no runtime.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::Priority::{Background, Foreground};
use super::queue::MOST_WAITING;
use super::*;

/// A host that is asked with tokens, another such host, and one that is asked without.
const API: &str = "api.github.com";
const OTHER_API: &str = "api.other.example";
const RAW: &str = "raw.githubusercontent.com";

/// One who waits in line.
struct Waiting<'a>(Pin<Box<dyn Future<Output = Result<Place<'a>, Crowded>> + 'a>>);

impl<'a> Waiting<'a> {
    fn look(&mut self) -> Option<Result<Place<'a>, Crowded>> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => Some(taken),
            Poll::Pending => None,
        }
    }

    #[track_caller]
    fn gets_it(&mut self) -> Place<'a> {
        self.look().expect("a place").expect("no crowd")
    }

    #[track_caller]
    fn waits(mut self) -> Self {
        assert!(self.look().is_none(), "there was a place");
        self
    }
}

type Ask = for<'a> fn(&'a Places, Priority) -> Waiting<'a>;

/// Asks for a place with a token.
fn ask(places: &Places, priority: Priority) -> Waiting<'_> {
    Waiting(Box::pin(places.take(priority, API, true)))
}

/// Asks for one at the other host with tokens.
fn ask_other(places: &Places, priority: Priority) -> Waiting<'_> {
    Waiting(Box::pin(places.take(priority, OTHER_API, true)))
}

/// Asks for a place without.
fn ask_without(places: &Places, priority: Priority) -> Waiting<'_> {
    Waiting(Box::pin(places.take(priority, RAW, false)))
}

/// All places that a host gets at once.
fn fill<'a>(places: &'a Places, ask: impl Fn(&'a Places) -> Waiting<'a>) -> Vec<Place<'a>> {
    std::iter::from_fn(|| ask(places).look()).map(|place| place.expect("no crowd")).collect()
}

#[test]
fn the_background_may_hold_half() {
    let rows: [(Ask, Ask); 3] = [(ask, ask_other), (ask_other, ask), (ask_without, ask)];
    for (asks, others) in rows {
        let places = Places::new(4);
        let held = [asks(&places, Background).gets_it(), asks(&places, Background).gets_it()];
        let mut third = asks(&places, Background).waits();
        let _others = [asks(&places, Foreground).gets_it(), others(&places, Foreground).gets_it()];
        drop(held);
        let _place = third.gets_it();
    }
}

#[test]
fn the_background_with_a_token_counts_as_background() {
    let places = Places::new(4);
    let held = [(); 2].map(|()| ask_without(&places, Background).gets_it());
    let mut third = ask(&places, Background).waits();
    drop(held);
    drop(third.gets_it());
}

#[test]
fn a_single_place_still_serves_the_background() {
    let places = Places::new(1);
    drop(ask(&places, Background).gets_it());
    drop(ask(&places, Foreground).gets_it());
    drop(ask(&places, Background).gets_it());
}

#[test]
fn more_than_may_wait_are_turned_away_at_once() {
    let places = Places::new(1);
    let place = ask_without(&places, Foreground).gets_it();
    let waiting: Vec<_> =
        (0..MOST_WAITING).map(|_| ask_without(&places, Foreground).waits()).collect();
    assert_eq!(ask_without(&places, Foreground).look().unwrap().unwrap_err(), Crowded);
    drop((waiting, place));
    drop(ask_without(&places, Foreground).gets_it());
}

#[test]
fn after_a_slow_down_one_passes_at_a_time() {
    let places = Places::new(3);
    let [first, second, third] = [(); 3].map(|()| ask(&places, Foreground).gets_it());
    places.slow_down();
    assert!(!places.is_good_for(&first, API));
    let next = ask(&places, Foreground).waits();
    drop((first, second));
    let mut next = next.waits();
    drop(third);
    let next = next.gets_it();
    assert!(places.is_good_for(&next, API));
    let mut after = ask(&places, Foreground).waits();
    drop(next);
    drop(after.gets_it());
}

#[test]
fn successes_open_the_window_and_those_from_before_do_not() {
    let places = Places::new(3);
    let early = ask(&places, Foreground).gets_it();
    places.slow_down();
    places.succeeded(&early);
    assert_eq!(places.window(), 1);
    drop(early);
    let place = ask(&places, Foreground).gets_it();
    let mut next = ask(&places, Foreground).waits();
    places.succeeded(&place);
    assert_eq!(places.window(), 2);
    let _next = next.gets_it();
}

#[test]
fn hosts_without_tokens_do_not_wait_in_front_of_the_window() {
    let places = Places::new(4);
    places.slow_down();
    let _place = ask(&places, Foreground).gets_it();
    let _waiting: Vec<_> = (0..MOST_WAITING).map(|_| ask(&places, Foreground).waits()).collect();
    let without = ask_without(&places, Foreground).gets_it();
    places.slow_down();
    assert!(places.is_good_for(&without, RAW), "no slow-down concerns it");
    places.succeeded(&without);
    assert_eq!(places.window(), 1, "and it opens no window");
}

#[test]
fn the_background_stands_in_front_of_a_client_once_at_most() {
    let places = Places::new(4);
    places.slow_down();
    let first = ask(&places, Background).gets_it();
    let second = ask(&places, Background).waits();
    let mut client = ask(&places, Foreground).waits();
    drop(first);
    let _place = client.gets_it();
    drop(second.waits());
}

#[test]
fn a_slow_down_ages_a_place_that_is_still_awaited() {
    let places = Places::new(2);
    let hung = [(); 2].map(|()| ask_without(&places, Foreground).gets_it());
    let mut waiting = ask(&places, Foreground).waits();
    places.slow_down();
    drop(hung);
    assert!(!places.is_good_for(&waiting.gets_it(), API));
}

#[test]
fn a_host_that_hangs_leaves_a_quarter_whoever_asks_it() {
    for hangs in [ask, ask_without] {
        let places = Places::new(64);
        let _clients = fill(&places, |places| hangs(places, Foreground));
        assert_eq!(fill(&places, |places| ask_other(places, Foreground)).len(), 12);
        let places = Places::new(64);
        let clients = fill(&places, |places| hangs(places, Foreground));
        assert_eq!(clients.len(), 48);
        assert_eq!(fill(&places, |places| ask_other(places, Background)).len(), 12);
    }
}

#[test]
fn a_host_that_hangs_leaves_a_quarter_of_the_background() {
    for hangs in [ask, ask_without] {
        let places = Places::new(64);
        let _sweep = fill(&places, |places| hangs(places, Background));
        let others = fill(&places, |places| ask_other(places, Background));
        assert_eq!(others.len(), 6, "of the 8 that are left of 32");
    }
}

#[test]
fn hosts_with_tokens_leave_each_other_a_part_of_the_window() {
    let places = Places::new(8);
    let _held = fill(&places, |places| ask(places, Foreground));
    let _waiting: Vec<_> = (0..20).map(|_| ask(&places, Foreground).waits()).collect();
    assert_eq!(fill(&places, |places| ask_other(places, Foreground)).len(), 2);
}

#[test]
fn a_full_queue_of_one_host_is_no_other_hosts() {
    let places = Places::new(4);
    let _held = fill(&places, |places| ask_without(places, Foreground));
    let _waiting: Vec<_> =
        (0..MOST_WAITING).map(|_| ask_without(&places, Foreground).waits()).collect();
    assert_eq!(ask_without(&places, Foreground).look().unwrap().unwrap_err(), Crowded);
    drop(ask(&places, Foreground).gets_it());
}

#[test]
fn a_place_is_good_for_its_host_alone() {
    let places = Places::new(4);
    let place = ask(&places, Foreground).gets_it();
    assert!(places.is_good_for(&place, API));
    assert!(!places.is_good_for(&place, OTHER_API));
}
