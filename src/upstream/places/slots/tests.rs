//! Slots granted by hand: futures are polled once, and wait for no runtime.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;

type Waiting<'a> = Pin<Box<dyn Future<Output = Slot<'a>> + 'a>>;

const HOSTS: [&str; 3] = ["a", "b", "c"];

fn look<'a>(waiting: Pin<&mut (impl Future<Output = Slot<'a>> + ?Sized)>) -> Option<Slot<'a>> {
    match waiting.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(slot) => Some(slot),
        Poll::Pending => None,
    }
}

/// A slot that is free.
#[track_caller]
fn take<'a>(slots: &'a Slots, host: &'a str) -> Slot<'a> {
    look(pin!(slots.acquire(host))).expect("a free slot")
}

/// An exchange that has begun to wait.
#[track_caller]
fn wait<'a>(slots: &'a Slots, host: &'a str) -> Waiting<'a> {
    let mut waiting: Waiting<'a> = Box::pin(slots.acquire(host));
    assert!(look(waiting.as_mut()).is_none(), "there was a slot");
    waiting
}

fn is_idle(slots: &Slots) -> bool {
    let state = slots.0.lock();
    state.waiting.is_empty() && HOSTS.iter().all(|host| state.shares.may_take(host))
}

#[test]
fn the_oldest_gets_the_slot_whichever_its_host() {
    let slots = Slots::new(1);
    let held = take(&slots, "a");
    let [mut first, mut second, mut third] = ["b", "a", "b"].map(|host| wait(&slots, host));
    drop(held);
    assert!(look(second.as_mut()).is_none() && look(third.as_mut()).is_none());
    drop(look(first.as_mut()).expect("the slot"));
    assert!(look(third.as_mut()).is_none());
    drop(look(second.as_mut()).expect("the slot"));
    drop(look(third.as_mut()).expect("the slot"));
    assert!(is_idle(&slots));
}

#[test]
fn a_host_with_its_share_keeps_nobody_waiting() {
    let slots = Slots::new(4);
    let held = [(); 3].map(|()| take(&slots, "a"));
    let mut older = wait(&slots, "a");
    let other = take(&slots, "b");
    let mut younger = wait(&slots, "b");
    drop(other);
    // The one that is free again is the last quarter for the older one.
    assert!(look(older.as_mut()).is_none());
    drop(look(younger.as_mut()).expect("the slot"));
    drop(held);
    drop(look(older.as_mut()).expect("a slot"));
    assert!(is_idle(&slots));
}

#[test]
fn who_gives_up_loses_no_slot_and_blocks_nobody() {
    let slots = Slots::new(1);
    let held = take(&slots, "a");
    let (early, granted, mut last) = (wait(&slots, "a"), wait(&slots, "b"), wait(&slots, "a"));
    drop(early);
    drop(held);
    assert!(look(last.as_mut()).is_none(), "the slot is another one's");
    // It was granted a slot and has not looked.
    drop(granted);
    drop(look(last.as_mut()).expect("the slot"));
    assert!(is_idle(&slots));
}

proptest! {
    /// Exchanges come, leave and give up in any order: no exchange waits while its host may take a
    /// slot, and in the end all slots are there.
    #[test]
    fn no_slot_is_lost_and_none_is_idle(
        count in 1..12usize,
        steps in proptest::collection::vec((0..4u8, 0..3usize, any::<prop::sample::Index>()), 0..200),
    ) {
        let slots = Slots::new(count);
        let (mut held, mut waiting) = (Vec::new(), Vec::<(&str, Waiting<'_>)>::new());
        for (step, host, index) in steps {
            let host = HOSTS[host];
            match step {
                0 | 1 => waiting.push((host, Box::pin(slots.acquire(host)))),
                2 if !held.is_empty() => drop(held.swap_remove(index.index(held.len()))),
                3 if !waiting.is_empty() => drop(waiting.swap_remove(index.index(waiting.len()))),
                _ => {}
            }
            // Some are granted a slot and do not notice for a while.
            if step != 2 {
                waiting.retain_mut(|(_, one)| match look(one.as_mut()) {
                    Some(slot) => { held.push(slot); false }
                    None => true,
                });
            }
            let state = slots.0.lock();
            prop_assert!(state.waiting.keys().all(|host| !state.shares.may_take(host)));
            prop_assert!(held.len() <= count);
        }
        drop((held, waiting));
        prop_assert!(is_idle(&slots));
    }
}
