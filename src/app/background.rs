//! The tasks that run beside the requests, from the start to the end of serving.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::cache::write_behind::WriteBehind;
use crate::http::Health;
use crate::store::Store;
use crate::tasks::Tasks;
use crate::telemetry::chain;

use super::App;

/// `/healthz` is to be true within two seconds of a change, which takes a few looks: one finds the store open again,
/// and the next that what waited for it is written.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
const PROBE_LIMIT: Duration = Duration::from_millis(500);
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
        let (store, health) = (Arc::clone(&app.store), app.health.clone());
        let probes_stop = stop.clone();
        tasks.supervise("store-probe", stop.clone(), move || {
            let probe = probe(Arc::clone(&store), Arc::clone(&write_behind), health.clone());
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
async fn probe(store: Arc<dyn Store>, write_behind: Arc<WriteBehind>, health: Health) {
    let mut ticks = interval(PROBE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answered = true;
    loop {
        ticks.tick().await;
        let found = look(&*store).await;
        if found.is_ok() && !answered {
            write_behind.retry();
        }
        answered = found.is_ok();
        health.store_is(found.and_then(|()| last_write(&write_behind)));
    }
}

async fn look(store: &dyn Store) -> Result<(), String> {
    match timeout(PROBE_LIMIT, store.probe(PROBE_LIMIT)).await {
        Err(_) => Err("the store does not answer".into()),
        Ok(Err(error)) => {
            tracing::debug!(error = chain(&error), "the probe of the store failed");
            Err("the store cannot be read".into())
        }
        Ok(Ok(())) => Ok(()),
    }
}

fn last_write(write_behind: &WriteBehind) -> Result<(), String> {
    let ok = write_behind.stats().last_batch_ok;
    if ok { Ok(()) } else { Err("the last write to the store failed".into()) }
}
