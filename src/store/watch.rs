//! The looks at a store: frequent while all is well, less frequent while its breaker is open.
//!
//! `/healthz` is to be true within 2 s of a change, so here is what the worst store takes. A look
//! lasts 525 ms at most: 500 ms to connect and 25 ms to read.
//!
//! * The store freezes just after a look. With a closed breaker the next look begins 0.5 s later
//!   and fails after 1.025 s; the second begins at once and fails after **1.55 s**, and two are
//!   enough. With an open breaker the next one begins after 1.2 s, fails after **1.725 s**, and is
//!   enough.
//! * It thaws just after a look began that is to fail after 0.525 s. The next one begins 0.7 s
//!   later and has succeeded after **1.75 s**; one is enough.
//!
//! The breaker closes with the third look that succeeds, **4.2 s** after the thaw at the latest.
//!
//! A look does not ask about the last write: `/healthz` reads its result when it answers.
//! Writes that wait are tried with the look that finds the store up again; one that still hangs
//! then ends at its own deadline first.

use std::time::Duration;

use tokio::time::sleep;

use super::guard::Guard;

/// From the start of a look to the start of the next, or to its end if it takes longer.
const INTERVAL: Duration = Duration::from_millis(500);
/// The addition while the breaker is open, which makes it a second on average.
const ADDED: Duration = Duration::from_millis(500);
/// A part of the second, so that replicas do not come back to a store in step.
const JITTER: Duration = Duration::from_millis(200);

/// Looks at the store for as long as it is polled, and tells what each look found
/// ([`Guard::probe`]).
pub async fn watch(guard: &Guard, mut tell: impl FnMut(Result<(), &'static str>)) {
    loop {
        // It runs from here on, beside the look.
        let interval = sleep(INTERVAL);
        tell(guard.probe().await);
        // Asked now and not after the interval: a breaker that opens meanwhile does not put off the
        // look that decides.
        let added = added(guard.is_open(), fastrand::f64());
        interval.await;
        sleep(added).await;
    }
}

/// `jitter` is in `0.0..1.0`.
fn added(open: bool, jitter: f64) -> Duration {
    if open { ADDED - JITTER + JITTER.mul_f64(2.0 * jitter) } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_breaker_makes_it_a_second_but_for_a_fifth() {
        let closed = [0.0, 1.0].map(|jitter| INTERVAL + added(false, jitter));
        assert_eq!(closed, [500, 500].map(Duration::from_millis));
        let open = [0.0, 0.5, 1.0].map(|jitter| INTERVAL + added(true, jitter));
        assert_eq!(open, [800, 1_000, 1_200].map(Duration::from_millis));
    }
}
