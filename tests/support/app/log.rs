//! The log of a service under test, and a sink for the events of all other services.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::{fmt, prelude::*};

use super::super::canary;

/// A log in memory, which is searched for secrets; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Records the events from `info` on whose targets begin with `targets`, without access lines,
    /// for as long as the guard lives.
    ///
    /// A test has one thread and the service runs on it, so this is the log of this service only.
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

    /// Returns the whole log.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Log {
    /// Accepts whole lines, so that no secret is split.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        canary::look("the log", bytes);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes every event of the process, of low levels too, to a log that is searched for secrets and
/// then dropped. Without it, the events of a test without a log would not be searched. A test with
/// a [`Log`] of its own records the events of its thread there instead.
pub(super) fn search_all_events() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let levels =
            Targets::new().with_default(LevelFilter::DEBUG).with_target("svm", LevelFilter::TRACE);
        let events = fmt::layer().with_ansi(false).with_writer(Log::default);
        tracing_subscriber::registry().with(events.with_filter(levels)).init();
    });
}
