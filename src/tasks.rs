//! Tasks and threads, each with an owner that waits for it.
//!
//! Only this module spawns. A [`Tasks`] is the group of one owner. The owner can wait, within a
//! limit, until all tasks have ended, and gets the number of those that have not.

use std::io;
use std::panic;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// The pause before the restart of a task that panicked.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// A group of tasks with one owner; clones belong to the same group.
#[derive(Clone, Debug, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// Creates an empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Spawns `future`. A panic ends only that task.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns tasks")]
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(self.0.track_future(future)));
    }

    /// Runs the work of a component, which ends by itself at `stop`. If it panics, logs the panic
    /// and restarts it after a pause.
    pub fn supervise<C, F>(
        &self,
        name: &'static str,
        stop: &CancellationToken,
        component: C,
        work: impl Fn(C, CancellationToken) -> F + Send + 'static,
    ) where
        C: Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (group, stop) = (self.clone(), stop.clone());
        self.spawn(async move {
            while group.panics(work(component.clone(), stop.clone())).await && !stop.is_cancelled()
            {
                tracing::error!(task = name, "a background task panicked; starting it again");
                stop.run_until_cancelled(tokio::time::sleep(RESTART_PAUSE)).await;
            }
        });
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that spawns tasks")]
    async fn panics(&self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let ended = tokio::spawn(self.0.track_future(work)).await;
        ended.is_err_and(|error| error.is_panic())
    }

    /// Waits until every task has ended, at most for `limit`. Returns the number of tasks still
    /// running.
    pub async fn wait(&self, limit: Duration) -> usize {
        self.0.close();
        let ended = tokio::time::timeout(limit, self.0.wait()).await;
        if ended.is_ok() { 0 } else { self.0.len() }
    }
}

/// Runs the main task of a process on a worker of the runtime, and waits for it on this thread.
/// This thread is none of the workers: if it accepted clients, each of them would cost two
/// wake-ups, one of this thread and one of a worker. A panic of the task is one of this thread.
pub fn run<T: Send + 'static>(
    runtime: &Runtime,
    main: impl Future<Output = T> + Send + 'static,
) -> T {
    let ended = runtime.block_on(runtime.spawn(main));
    ended.unwrap_or_else(|error| panic::resume_unwind(error.into_panic()))
}

/// Spawns `future`, until it ends or its owner drops the handle.
#[expect(clippy::disallowed_methods, reason = "the one place that spawns tasks")]
pub fn owned(future: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(future))
}

/// A blocking call that panicked, or that the runtime abandoned at its end.
#[derive(Debug, thiserror::Error)]
#[error("a blocking call did not return")]
pub struct Lost(#[from] task::JoinError);

/// Runs a blocking call on a thread where it delays no task. The caller owns and awaits the call.
#[expect(clippy::disallowed_methods, reason = "the one place that hands out blocking calls")]
pub async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Lost> {
    Ok(task::spawn_blocking(call).await?)
}

/// Runs a blocking call with a permit, which the call keeps even after its caller has given up. So
/// hanging calls take a limited number of threads, for any number of callers.
pub async fn blocking_within<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Lost> {
    let permit = Arc::clone(permits).acquire_owned().await;
    blocking(move || {
        let _permit = permit;
        call()
    })
    .await
}

/// Starts a dedicated thread for work that blocks for the life of the process.
pub fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn supervised_tasks_restart_after_a_panic_until_stopped() {
        let (tasks, stop) = (Tasks::new(), CancellationToken::new());
        let (starts, second) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let counted = (Arc::clone(&starts), Arc::clone(&second));
        tasks.supervise("test", &stop, counted, |(count, started), end| {
            let nth = count.fetch_add(1, Ordering::SeqCst);
            async move {
                assert_ne!(nth, 0, "the first start panics");
                started.notify_one();
                end.cancelled().await;
            }
        });
        second.notified().await;
        assert_eq!(starts.load(Ordering::SeqCst), 2);
        stop.cancel();
        assert_eq!(tasks.wait(Duration::from_secs(10)).await, 0);
    }

    #[tokio::test]
    async fn an_abandoned_call_keeps_its_permit_until_it_returns() {
        let permits = Arc::new(Semaphore::new(1));
        let (release, released) = std::sync::mpsc::sync_channel(1);
        let hangs = blocking_within(&permits, move || released.recv());
        let given_up = tokio::time::timeout(Duration::from_millis(5), hangs).await;
        assert!(given_up.is_err());
        assert_eq!(permits.available_permits(), 0);
        release.send(()).unwrap();
        assert_eq!(blocking_within(&permits, || 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn tasks_that_do_not_end_in_time_are_counted() {
        let tasks = Tasks::new();
        tasks.spawn(std::future::pending());
        tasks.spawn(async {});
        assert_eq!(tasks.wait(Duration::from_millis(5)).await, 1);
    }
}
