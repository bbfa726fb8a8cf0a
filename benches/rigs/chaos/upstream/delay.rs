//! Answers that take their time: some a fixed one, some until somebody says that they may go.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The prefix of documents whose answer is held back until the release.
pub(crate) const HELD: &str = "/repos/held/";
/// The prefix of documents whose answer takes its time.
pub(crate) const SLOW: &str = "/repos/slow/";
/// That time.
pub(crate) const SLOWNESS: Duration = Duration::from_millis(100);
/// The word for the release.
pub(crate) const RELEASE: &str = "release";

/// Less than the service waits for its upstream: a release that never comes must not look like a
/// timeout.
const LONGEST_HOLD: Duration = Duration::from_secs(8);

/// The gate of the held answers, and the counts of their requests.
#[derive(Default)]
pub(super) struct Delay {
    released: watch::Sender<bool>,
    held: AtomicUsize,
    slow: AtomicUsize,
    slow_now: AtomicUsize,
    most_slow: AtomicUsize,
}

impl Delay {
    /// Waits for as long as the answer to this request takes.
    pub(super) async fn pass(&self, path: &str) {
        if path.starts_with(HELD) {
            self.held.fetch_add(1, Ordering::Relaxed);
            let mut released = self.released.subscribe();
            // The client that waits for the release notices that it did not come.
            let _late = timeout(LONGEST_HOLD, released.wait_for(|released| *released)).await;
        } else if path.starts_with(SLOW) {
            self.slow.fetch_add(1, Ordering::Relaxed);
            let now = self.slow_now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most_slow.fetch_max(now, Ordering::Relaxed);
            sleep(SLOWNESS).await;
            self.slow_now.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Does what the word says; returns what was counted.
    pub(super) fn told(&self, word: &str) -> Value {
        if word == RELEASE {
            self.released.send_replace(true);
        }
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        json!({
            "held": count(&self.held),
            "slow": count(&self.slow),
            "slow_at_once": count(&self.most_slow),
        })
    }
}
