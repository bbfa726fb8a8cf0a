//! Waiting, within a bound, for a condition that becomes true by itself.
//!
//! For what gives no signal to wait for; where there is one (a gate, an answer), wait for that
//! instead.

use std::panic::Location;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_millis(2);

/// Waits until `condition` holds; panics after 10 s, naming the line that waited.
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
