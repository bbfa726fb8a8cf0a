//! A bounded wait for a condition that becomes true by itself.
//!
//! It is for conditions without a signal. If there is a signal, such as a gate or an answer, wait
//! for that instead.

use std::panic::Location;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_millis(2);

/// Waits until `condition` holds. Panics after 10 s with the caller's line.
#[track_caller]
pub fn eventually(mut condition: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let polling = async {
            while !condition() {
                tokio::time::sleep(INTERVAL).await;
            }
        };
        let held = tokio::time::timeout(BOUND, polling).await;
        assert!(held.is_ok(), "at {caller}: still not true after {BOUND:?}");
    }
}
