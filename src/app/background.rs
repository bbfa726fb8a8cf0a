//! The tasks that run beside the requests, from the start to the end of serving.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::cache::write_behind::WriteBehind;
use crate::clock::Stopwatch;
use crate::http::Health;
use crate::store::Guard;
use crate::tasks::Tasks;

use super::App;

/// From the start of a look at the store to the start of the next, or to its end if it takes longer.
///
/// `/healthz` is to be true within 2 s of a change. A look takes 525 ms at most (25 ms to read, 500 ms to connect). A
/// store that freezes just after a look is found out by two more: 0.5 s until the first, which fails after 1.025 s, and
/// the second at once, which fails after **1.55 s**. With an open breaker the next look begins after 1.2 s at the
/// latest and is enough: **1.725 s**, to find a store down or up. What the last write came to is read when the page is
/// asked for; the first look that finds the store up again has the writes that wait tried at once.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
/// The same while the breaker is open, but for a jitter of a fifth: replicas must not come back to a store in step.
const BREAKER_INTERVAL: Duration = Duration::from_secs(1);
/// The tasks do nothing long between two looks at the token.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// The owner of those tasks.
pub(super) struct Background {
    tasks: Tasks,
    stop: CancellationToken,
}

impl Background {
    pub(super) fn start(app: &App) -> Self {
        let tasks = Tasks::new();
        let stop = CancellationToken::new();
        let write_behind = Arc::clone(&app.write_behind);
        tasks.supervise("write-behind", stop.clone(), {
            let (write_behind, stop) = (Arc::clone(&write_behind), stop.clone());
            move || {
                let (write_behind, stop) = (Arc::clone(&write_behind), stop.clone());
                async move { write_behind.run(stop).await }
            }
        });
        let (guard, health) = (Arc::clone(&app.guard), app.health.clone());
        let probes_stop = stop.clone();
        tasks.supervise("store-probe", stop.clone(), move || {
            let probe = probe(Arc::clone(&guard), Arc::clone(&write_behind), health.clone());
            let stop = probes_stop.clone();
            async move {
                stop.run_until_cancelled(probe).await;
            }
        });
        Self { tasks, stop }
    }

    /// Stops the tasks and waits for them.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait(STOP_LIMIT).await;
    }
}

/// Looks after the store, so that `/healthz` need not.
async fn probe(guard: Arc<Guard>, write_behind: Arc<WriteBehind>, health: Health) {
    let mut was_up = true;
    loop {
        let begun = Stopwatch::start();
        let found = guard.probe().await;
        if found.is_ok() && !was_up {
            write_behind.retry();
        }
        was_up = found.is_ok();
        health.store_is(found);
        let pause = if guard.is_open() { jittered(fastrand::f64()) } else { PROBE_INTERVAL };
        sleep(pause.saturating_sub(begun.elapsed())).await;
    }
}

/// The interval of a store that is left alone; `jitter` is in `0.0..1.0`.
fn jittered(jitter: f64) -> Duration {
    BREAKER_INTERVAL.mul_f64(0.8 + 0.4 * jitter)
}
