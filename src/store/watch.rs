//! The regular probes of a store: every half second, or about every second while its breaker is
//! open.
//!
//! `/healthz` must show a change of the store within 2 s. A probe takes at most 525 ms: 500 ms to
//! connect and 25 ms to read. These are the worst cases:
//!
//! * The store freezes just after a probe. With a closed breaker, the next probe begins 0.5 s later
//!   and fails after 1.025 s. The second one begins at once and fails after **1.55 s**; two
//!   failures are enough. With an open breaker, the next probe begins after 1.2 s and fails after
//!   **1.725 s**; one failure is enough.
//! * The store recovers just after the start of a probe that still fails, after 0.525 s. The next
//!   probe begins 0.7 s later and succeeds after **1.75 s**; one success is enough.
//!
//! The breaker closes with the third successful probe, at most **4.2 s** after the recovery.
//!
//! A probe does not test writes: `/healthz` reads the result of the last write itself. The probe
//! that finds the store up again also causes a retry of waiting writes, but a write that still
//! hangs ends at its own deadline first.

use std::time::Duration;

use tokio::time::sleep;

use super::guard::Guard;

/// The time from the start of a probe to the start of the next one. After a longer probe, the next
/// one begins at once.
const INTERVAL: Duration = Duration::from_millis(500);
/// The addition to the interval while the breaker is open: a second in total, on average.
const ADDED: Duration = Duration::from_millis(500);
/// The most by which the addition varies, so that replicas do not probe a store at the same
/// moments.
const JITTER: Duration = Duration::from_millis(200);

/// Probes the store ([`Guard::probe`]) until it is dropped, and calls `tell` with each result.
pub async fn watch(guard: &Guard, mut tell: impl FnMut(Result<(), &'static str>)) {
    loop {
        // The interval begins with the probe.
        let interval = sleep(INTERVAL);
        tell(guard.probe().await);
        // Before the interval ends: a breaker that opens during the interval must not delay the
        // next probe, which decides.
        let added = added(guard.is_open(), fastrand::f64());
        interval.await;
        sleep(added).await;
    }
}

/// Returns the addition to the interval. `jitter` is in `0.0..1.0`.
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
