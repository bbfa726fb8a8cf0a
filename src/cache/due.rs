//! A wait for work that is planned by the service's clock.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::clock::{Clock, Timestamp};

/// The interval at which the clock is read while work waits: no timer follows a clock that a test
/// moves.
const TICK: Duration = Duration::from_millis(250);

/// Waits until `take` finds work that is due. While `is_idle` says that none is planned, only
/// `planned` ends the wait.
pub(super) async fn next_due<T>(
    clock: &Clock,
    planned: &Notify,
    is_idle: impl Fn() -> bool,
    take: impl Fn(Timestamp) -> Option<T>,
) -> T {
    loop {
        if let Some(due) = take(clock.now()) {
            return due;
        }
        if is_idle() {
            planned.notified().await;
        } else {
            sleep(TICK).await;
        }
    }
}
