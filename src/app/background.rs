//! The background tasks that run from the start to the end of serving.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::cache::write_behind::WriteBehind;
use crate::http::Health;
use crate::store::Guard;
use crate::store::watch::watch;
use crate::tasks::Tasks;

use super::App;

/// The time for the tasks to stop. No task works longer between two checks of its cancellation
/// token.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// The number of probes per retry of writes. A full store can be read, so it passes its probes. Its
/// writes are retried every four seconds, even if their own back-off is longer.
const PROBES_PER_RETRY: u32 = 8;

/// The owner of the background tasks.
pub(super) struct BackgroundTasks {
    tasks: Tasks,
    stop: CancellationToken,
    sweeps: CancellationToken,
}

impl BackgroundTasks {
    pub(super) fn start(app: &App) -> Self {
        let tasks = Tasks::new();
        let stop = CancellationToken::new();
        let sweeps = stop.child_token();
        // The task is not cancelled, since it puts its current batch back into the queue at `stop`.
        tasks.supervise("write-behind", &stop, app.write_behind.clone(), |it, stop| async move {
            it.run(stop).await;
        });
        let (guard, cache) = (app.guard.clone(), app.cache.clone());
        let probed = (guard, cache, app.write_behind.clone(), app.health.clone());
        tasks.supervise("store-probe", &stop, probed, |it, stop| async move {
            stop.run_until_cancelled(probe(it)).await;
        });
        tasks.supervise("identify-tokens", &stop, app.upstream.clone(), |it, stop| async move {
            stop.run_until_cancelled(it.identify_tokens()).await;
        });
        tasks.supervise("compress", &stop, app.cache.clone(), |it, stop| async move {
            stop.run_until_cancelled(it.compress()).await;
        });
        tasks.supervise("confirm-losses", &stop, app.cache.clone(), |it, stop| async move {
            stop.run_until_cancelled(it.confirm_losses()).await;
        });
        tasks.supervise("pushes", &stop, app.cache.clone(), |it, stop| async move {
            stop.run_until_cancelled(it.follow_pushes()).await;
        });
        if let Some(records) = &app.records {
            tasks.supervise("status", &stop, records.clone(), |it, stop| async move {
                stop.run_until_cancelled(it.run()).await;
            });
        }
        if let Some(https) = &app.https {
            tasks.supervise("certificate", &stop, https.clone(), |it, stop| async move {
                stop.run_until_cancelled(it.renew()).await;
            });
        }
        tasks.supervise("revalidate", &sweeps, app.revalidator.clone(), |it, stop| async move {
            stop.run_until_cancelled(it.run()).await;
        });
        Self { tasks, stop, sweeps }
    }

    /// Stops new revalidations. Running ones are flights, which have another owner.
    pub(super) fn stop_sweeps(&self) {
        self.sweeps.cancel();
    }

    /// Stops the tasks and waits for them.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait(STOP_LIMIT).await;
    }
}

/// Probes the store, so that `/healthz` does not need to.
async fn probe(
    (guard, cache, write_behind, health): (Arc<Guard>, Cache, Arc<WriteBehind>, Health),
) {
    let (mut was_up, mut probes, mut losses) = (true, 0_u32, guard.losses());
    watch(&guard, |found| {
        if guard.losses() != losses {
            losses = guard.losses();
            tracing::info!("the store has lost its documents; checks write them again");
            cache.record_store_loss();
        }
        probes = probes.wrapping_add(1);
        let is_time = !was_up || probes.is_multiple_of(PROBES_PER_RETRY);
        if found.is_ok() && is_time && !write_behind.stats().last_batch_ok {
            write_behind.retry();
        }
        was_up = found.is_ok();
        health.set_store(found);
    })
    .await;
}
