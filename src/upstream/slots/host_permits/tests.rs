//! Permits in scripted orders: the futures are polled by hand, without a runtime.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;

type Waiting<'a> = Pin<Box<dyn Future<Output = HostPermit<'a>> + 'a>>;

const HOSTS: [&str; 3] = ["a", "b", "c"];

fn look<'a>(
    waiting: Pin<&mut (impl Future<Output = HostPermit<'a>> + ?Sized)>,
) -> Option<HostPermit<'a>> {
    match waiting.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(permit) => Some(permit),
        Poll::Pending => None,
    }
}

/// Takes a permit that is free.
#[track_caller]
fn take<'a>(permits: &'a HostPermits, host: &'a str) -> HostPermit<'a> {
    look(pin!(permits.acquire(host))).expect("a free permit")
}

/// Returns an exchange that has begun to wait.
#[track_caller]
fn wait<'a>(permits: &'a HostPermits, host: &'a str) -> Waiting<'a> {
    let mut waiting: Waiting<'a> = Box::pin(permits.acquire(host));
    assert!(look(waiting.as_mut()).is_none(), "there was a permit");
    waiting
}

fn is_idle(permits: &HostPermits) -> bool {
    let state = permits.0.lock();
    state.waiting.is_empty() && HOSTS.iter().all(|host| state.shares.may_take(host))
}

#[test]
fn the_oldest_gets_the_permit_whichever_its_host() {
    let permits = HostPermits::new(1);
    let held = take(&permits, "a");
    let [mut first, mut second, mut third] = ["b", "a", "b"].map(|host| wait(&permits, host));
    drop(held);
    assert!(look(second.as_mut()).is_none() && look(third.as_mut()).is_none());
    drop(look(first.as_mut()).expect("the permit"));
    assert!(look(third.as_mut()).is_none());
    drop(look(second.as_mut()).expect("the permit"));
    drop(look(third.as_mut()).expect("the permit"));
    assert!(is_idle(&permits));
}

#[test]
fn a_host_with_its_share_delays_no_other_host() {
    let permits = HostPermits::new(4);
    let held = [(); 3].map(|()| take(&permits, "a"));
    let mut older = wait(&permits, "a");
    let other = take(&permits, "b");
    let mut younger = wait(&permits, "b");
    drop(other);
    // The free permit belongs to the last quarter, which the older one's host may not take.
    assert!(look(older.as_mut()).is_none());
    drop(look(younger.as_mut()).expect("the permit"));
    drop(held);
    drop(look(older.as_mut()).expect("a permit"));
    assert!(is_idle(&permits));
}

#[test]
fn a_waiter_that_gives_up_loses_no_permit_and_blocks_none() {
    let permits = HostPermits::new(1);
    let held = take(&permits, "a");
    let (early, granted, mut last) =
        (wait(&permits, "a"), wait(&permits, "b"), wait(&permits, "a"));
    drop(early);
    drop(held);
    assert!(look(last.as_mut()).is_none(), "the permit is another one's");
    // The exchange was granted a permit, but has not been polled since.
    drop(granted);
    drop(look(last.as_mut()).expect("the permit"));
    assert!(is_idle(&permits));
}

proptest! {
    /// Exchanges come, leave and give up in any order: no exchange waits while its host may take a
    /// permit, and in the end all permits are free.
    #[test]
    fn no_permit_is_lost_and_none_is_idle(
        count in 1..12usize,
        steps in proptest::collection::vec((0..4u8, 0..3usize, any::<prop::sample::Index>()), 0..200),
    ) {
        let permits = HostPermits::new(count);
        let (mut held, mut waiting) = (Vec::new(), Vec::<(&str, Waiting<'_>)>::new());
        for (step, host, index) in steps {
            let host = HOSTS[host];
            match step {
                0 | 1 => waiting.push((host, Box::pin(permits.acquire(host)))),
                2 if !held.is_empty() => drop(held.swap_remove(index.index(held.len()))),
                3 if !waiting.is_empty() => drop(waiting.swap_remove(index.index(waiting.len()))),
                _ => {}
            }
            // Some exchanges have a permit for a while before they are polled.
            if step != 2 {
                waiting.retain_mut(|(_, one)| match look(one.as_mut()) {
                    Some(permit) => { held.push(permit); false }
                    None => true,
                });
            }
            let state = permits.0.lock();
            prop_assert!(state.waiting.keys().all(|host| !state.shares.may_take(host)));
            prop_assert!(held.len() <= count);
        }
        drop((held, waiting));
        prop_assert!(is_idle(&permits));
    }
}
