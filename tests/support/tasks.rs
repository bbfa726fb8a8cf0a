//! Tasks of the harness, which end with the runtime of the test.

use tokio::task::JoinHandle;

/// Runs `future` concurrently with the test.
#[expect(clippy::disallowed_methods, reason = "the ban is for the service, not for its harness")]
pub fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(future)
}
