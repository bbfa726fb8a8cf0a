//! The tasks that run beside the requests, from the start to the end of serving.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cache::write_behind::WriteBehind;
use crate::http::Health;
use crate::store::Guard;
use crate::store::watch::watch;
use crate::tasks::Tasks;

use super::App;

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
        let (revalidator, sweeps_stop) = (Arc::clone(&app.revalidator), stop.clone());
        tasks.supervise("revalidate", stop.clone(), move || {
            let (revalidator, stop) = (Arc::clone(&revalidator), sweeps_stop.clone());
            async move {
                stop.run_until_cancelled(revalidator.run()).await;
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
    watch(&guard, |found| {
        if found.is_ok() && !was_up {
            write_behind.retry();
        }
        was_up = found.is_ok();
        health.store_is(found);
    })
    .await;
}
