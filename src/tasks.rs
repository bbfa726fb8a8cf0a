//! Tasks and threads, each with an owner that waits for it.
//!
//! Only this module spawns. A [`Tasks`] is one owner's group: whoever holds it can wait until all of it has ended,
//! with a limit, and what has not ended by then is counted rather than forgotten.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::task;
use tokio_util::task::TaskTracker;

/// A group of tasks with one owner; clones belong to the same group.
#[derive(Clone, Debug, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` on its own. A panic ends that task alone.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns tasks")]
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(self.0.track_future(future)));
    }

    /// How many tasks of the group are running.
    pub fn running(&self) -> usize {
        self.0.len()
    }

    /// Waits until every task has ended, at most `limit`; returns how many are still running.
    pub async fn wait(&self, limit: Duration) -> usize {
        self.0.close();
        let ended = tokio::time::timeout(limit, self.0.wait()).await;
        if ended.is_ok() { 0 } else { self.0.len() }
    }
}

/// A blocking call that panicked, or that the runtime gave up on at its end.
#[derive(Debug, thiserror::Error)]
#[error("a blocking call did not return")]
pub struct Lost(#[from] task::JoinError);

/// Runs a blocking call where it holds up no other task; its owner is the caller, who awaits it.
#[expect(clippy::disallowed_methods, reason = "the one place that hands out blocking calls")]
pub async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Lost> {
    Ok(task::spawn_blocking(call).await?)
}

/// Starts a thread of its own for work that blocks for as long as the process lives.
pub fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}
