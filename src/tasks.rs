//! Work beside the request: the only module that spawns.

/// Runs `work` where it may block, and waits for it; when the waiter is dropped the work still ends by itself.
///
/// # Errors
///
/// [`Panicked`] if the work panicked or the runtime is shutting down.
#[expect(clippy::disallowed_methods, reason = "the one place that spawns; the caller waits")]
pub async fn blocking<T, F>(work: F) -> Result<T, Panicked>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|_| Panicked)
}

/// The work did not come back: it panicked, or the runtime is going away.
#[derive(Debug, thiserror::Error)]
#[error("a task of ours panicked")]
pub struct Panicked;
