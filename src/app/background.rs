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

/// The time for the tasks to stop. None of them works longer between two checks of the token.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// The number of probes per retry of writes. A full store can be read and so passes its probes;
/// every four seconds its writes are retried, however long their own back-off is by then.
const PROBES_PER_RETRY: u32 = 8;

/// The owner of the background tasks.
pub(super) struct Background {
    tasks: Tasks,
    stop: CancellationToken,
    sweeps: CancellationToken,
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
        let (guard, cache, health) =
            (Arc::clone(&app.guard), app.cache.clone(), app.health.clone());
        let probes_stop = stop.clone();
        tasks.supervise("store-probe", stop.clone(), move || {
            let (guard, write_behind) = (Arc::clone(&guard), Arc::clone(&write_behind));
            let probe = probe(guard, cache.clone(), write_behind, health.clone());
            let stop = probes_stop.clone();
            async move {
                stop.run_until_cancelled(probe).await;
            }
        });
        let (upstream, identify_stop) = (Arc::clone(&app.upstream), stop.clone());
        tasks.supervise("identify-tokens", stop.clone(), move || {
            let (upstream, stop) = (Arc::clone(&upstream), identify_stop.clone());
            async move {
                stop.run_until_cancelled(upstream.identify_tokens()).await;
            }
        });
        let (cache, compress_stop) = (app.cache.clone(), stop.clone());
        tasks.supervise("compress", stop.clone(), move || {
            let (cache, stop) = (cache.clone(), compress_stop.clone());
            async move {
                stop.run_until_cancelled(cache.compress()).await;
            }
        });
        let sweeps = stop.child_token();
        let (revalidator, sweeps_stop) = (Arc::clone(&app.revalidator), sweeps.clone());
        tasks.supervise("revalidate", sweeps.clone(), move || {
            let (revalidator, stop) = (Arc::clone(&revalidator), sweeps_stop.clone());
            async move {
                stop.run_until_cancelled(revalidator.run()).await;
            }
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
async fn probe(guard: Arc<Guard>, cache: Cache, write_behind: Arc<WriteBehind>, health: Health) {
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
