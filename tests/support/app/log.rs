//! The log of a service under test, and a sink for the events of all others.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::{fmt, prelude::*};

use super::super::canary;

/// A log in memory, in which no secret may be; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Everything from `info` on that the service logs beside its access lines, by targets with
    /// this beginning, for as long as the guard lives.
    ///
    /// A test has one thread and the service runs on it, so this is the service's log and no
    /// other's.
    pub fn listen(targets: &'static str) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let layer = fmt::layer()
            .without_time()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .with_filter(filter_fn(move |event| event.target().starts_with(targets)))
            .with_filter(LevelFilter::INFO);
        (log, tracing_subscriber::registry().with(layer).set_default())
    }

    /// All of it.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Log {
    /// Accepts whole lines, so that no secret is in two pieces.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        canary::look("the log", bytes);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Has every event of the process written to a log that nobody keeps, be it of a level that hardly
/// anyone asks for: what a service says to `tracing` would go nowhere, and so would a secret in it.
/// A test that listens itself hears what happens on its thread instead, by a [`Log`] as well.
pub(super) fn look_into_all_events() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let levels =
            Targets::new().with_default(LevelFilter::DEBUG).with_target("svm", LevelFilter::TRACE);
        let events = fmt::layer().with_ansi(false).with_writer(Log::default);
        tracing_subscriber::registry().with(events.with_filter(levels)).init();
    });
}
