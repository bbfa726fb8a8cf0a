//! Who gets a place, by hand: futures are polled once, and wait for no runtime.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::Priority::{Background, Foreground};
use super::*;

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

/// Asks for a place with a token.
fn ask(places: &Places, priority: Priority) -> Waiting<'_> {
    Waiting(Box::pin(places.take(priority, true)))
}

/// Asks for a place without.
fn ask_without(places: &Places, priority: Priority) -> Waiting<'_> {
    Waiting(Box::pin(places.take(priority, false)))
}

#[test]
fn the_background_may_hold_half() {
    for asks in [ask, ask_without] {
        let places = Places::new(4);
        let held = [asks(&places, Background).gets_it(), asks(&places, Background).gets_it()];
        let mut third = asks(&places, Background).waits();
        let _others = [asks(&places, Foreground).gets_it(), asks(&places, Foreground).gets_it()];
        drop(held);
        let _place = third.gets_it();
    }
}

#[test]
fn the_background_with_a_token_counts_among_all_of_the_background() {
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
fn a_slow_down_lets_one_at_a_time_pass_once_those_before_have_gone() {
    let places = Places::new(3);
    let [first, second, third] = [(); 3].map(|()| ask(&places, Foreground).gets_it());
    places.slow_down();
    assert!(!places.is_current(&first));
    let next = ask(&places, Foreground).waits();
    drop((first, second));
    let mut next = next.waits();
    drop(third);
    let next = next.gets_it();
    assert!(places.is_current(&next));
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
    assert!(places.is_current(&without), "no slow-down concerns it");
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
fn a_place_for_which_one_still_waits_is_from_before_a_slow_down_that_comes_meanwhile() {
    let places = Places::new(2);
    let hung = [(); 2].map(|()| ask_without(&places, Foreground).gets_it());
    let mut waiting = ask(&places, Foreground).waits();
    places.slow_down();
    drop(hung);
    assert!(!places.is_current(&waiting.gets_it()));
}
