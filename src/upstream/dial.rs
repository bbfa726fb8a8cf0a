//! A record of whether a request used a new connection or an idle one.
//!
//! The HTTP client does not report which connection a request used. It polls the connector within
//! the task of the request, so the connector can record the dial there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper_util::client::legacy::connect::Connection;

use super::intake::{Intake, OpenIntakes};

tokio::task_local! {
    static DIAL: Arc<Dial>;
}

/// The connector's notes about one request.
#[derive(Debug, Default)]
pub(super) struct Dial {
    begun: AtomicBool,
    connected: AtomicBool,
}

impl Dial {
    /// Sends a request, and lets the connector note its dials.
    pub(super) async fn watch<F: Future>(self: Arc<Self>, sending: F) -> F::Output {
        DIAL.scope(self, sending).await
    }

    /// Returns true if a dial has begun for the request.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Returns true if a connection was established for the request; otherwise an idle one served
    /// it, if any.
    pub(super) fn has_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }
}

/// Dials, and notes that for the current request. A dial that continues in the background, because
/// another connection became idle first, no longer belongs to that request.
pub(super) fn recorded<F, C, E>(
    dialling: F,
    intakes: Arc<OpenIntakes>,
) -> impl Future<Output = Result<C, E>> + Send
where
    F: Future<Output = Result<C, E>> + Send,
    C: Connection + Send,
{
    note(|dial| &dial.begun);
    async move {
        let intake = Arc::new(Intake::default());
        let connection = Arc::clone(&intake).scope(dialling).await?;
        intakes.add(&connection, &intake);
        note(|dial| &dial.connected);
        Ok(connection)
    }
}

fn note(what: impl Fn(&Dial) -> &AtomicBool) {
    let _ = DIAL.try_with(|dial| what(dial).store(true, Ordering::Relaxed));
}
