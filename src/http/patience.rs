//! Timers for the HTTP library that fire a moment late, so that svm reads a client's bytes first.
//!
//! After a pause of the process or a sleep of the machine, all timers have expired, and the bytes
//! that arrived in the meantime become readable a moment later. A timer that fired at once would
//! close a connection that has a request to read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use pin_project_lite::pin_project;

/// The delay after an expired timer is noticed: longer than one poll of all sockets takes.
const MOMENT: Duration = Duration::from_millis(20);

/// The source of timers for the HTTP library.
#[derive(Clone, Copy, Debug)]
pub(super) struct LateTimer;

pin_project! {
    /// A timer that fires a moment after its deadline. The library makes a timer for each request,
    /// so a timer is one allocation and not two.
    struct Deadline {
        #[pin]
        sleep: tokio::time::Sleep,
        has_passed: bool,
    }
}

impl Timer for LateTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Deadline::at(tokio::time::sleep(duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Deadline::at(tokio::time::sleep_until(deadline.into()))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        if let Some(timer) = sleep.as_mut().downcast_mut_pin::<Deadline>() {
            let timer = timer.project();
            *timer.has_passed = false;
            timer.sleep.reset(deadline.into());
        }
    }
}

impl Deadline {
    fn at(sleep: tokio::time::Sleep) -> Pin<Box<dyn Sleep>> {
        Box::pin(Self { sleep, has_passed: false })
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut timer = self.project();
        ready!(timer.sleep.as_mut().poll(context));
        if !*timer.has_passed {
            *timer.has_passed = true;
            // The delay begins now, since the deadline may have passed long ago.
            timer.sleep.set(tokio::time::sleep(MOMENT));
            ready!(timer.sleep.as_mut().poll(context));
        }
        Poll::Ready(())
    }
}

impl Sleep for Deadline {}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timer_is_over_a_moment_after_its_deadline() {
        let mut timer = LateTimer.sleep(Duration::from_secs(30));
        assert!(poll!(&mut timer).is_pending());
        // As after a pause, the deadline is long past at the next poll.
        advance(Duration::from_secs(300)).await;
        assert!(poll!(&mut timer).is_pending());
        sleep(MOMENT).await;
        assert!(poll!(&mut timer).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_is_set_anew_waits_anew() {
        let mut timer = LateTimer.sleep(Duration::from_secs(1));
        advance(Duration::from_secs(2)).await;
        assert!(poll!(&mut timer).is_pending());
        let later = LateTimer.now() + Duration::from_secs(3_600);
        LateTimer.reset(&mut timer, later);
        advance(Duration::from_secs(10)).await;
        assert!(poll!(&mut timer).is_pending());
    }
}
