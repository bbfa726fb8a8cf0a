//! Logs: structured lines, written by one thread from a bounded queue.
//!
//! No request waits for the terminal or the pipe that reads the log: a line is dropped and counted
//! if the queue is full or the line cannot be written. Events of `tracing` and access lines share
//! the queue, so they keep their order.

mod access_line;
mod events;
mod line_buffer;
mod lines;
pub mod outage;
mod request_id;
mod time_text;

use tracing::Level;
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{fmt, prelude::*};

pub use access_line::{AccessLine, RareFields};
pub use events::{Events, Occurrence};
pub use lines::Lines;
pub use request_id::RequestId;

use crate::config::{Log, LogFormat};

/// The target of access lines, for `RUST_LOG`.
pub const ACCESS: &str = "svm::access";

/// Sends the events of `tracing` to `lines`, by the configuration's filter, and the notable ones to
/// the list of events in `lines`.
pub fn install(config: &Log, lines: &Lines) -> Result<(), TryInitError> {
    let registry = tracing_subscriber::registry().with(lines.events().layer());
    let filter = config.filter.clone();
    match config.format {
        LogFormat::Json => {
            let layer = fmt::layer().json().flatten_event(true).with_span_list(false);
            let layer = layer.with_writer(lines.clone()).with_filter(filter);
            registry.with(layer).try_init()
        }
        LogFormat::Text => {
            let layer = fmt::layer().with_ansi(false).with_writer(lines.clone());
            registry.with(layer.with_filter(filter)).try_init()
        }
    }
}

/// Returns true if `RUST_LOG` enables access lines.
pub fn wants_access_lines(config: &Log) -> bool {
    config.filter.would_enable(ACCESS, &Level::INFO)
}

/// Returns true if `RUST_LOG` enables access lines of probes as well.
pub fn wants_lines_of_probes(config: &Log) -> bool {
    config.filter.would_enable(ACCESS, &Level::DEBUG)
}

/// Formats an error and its sources in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
