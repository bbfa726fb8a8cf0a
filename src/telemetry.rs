//! Logs: structured lines, written by one thread from a bounded queue.
//!
//! Nobody who serves a request waits for the terminal or the pipe that reads the log: a line that
//! finds the queue full, or that cannot be written, is dropped and counted. Events of `tracing` and
//! access lines share the queue, so they keep their order.

mod access_line;
mod lines;
pub mod outage;
mod page;

use tracing::Level;
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{fmt, prelude::*};

pub use access_line::AccessLine;
pub use lines::{Lines, Writer};

use crate::config::{Log, LogFormat};

/// The target of access lines, for `RUST_LOG`.
pub const ACCESS: &str = "svm::access";

/// Sends the events of `tracing` to `lines`, as the configuration asks.
pub fn install(config: &Log, lines: &Lines) -> Result<(), TryInitError> {
    let registry = tracing_subscriber::registry().with(config.filter.clone());
    match config.format {
        LogFormat::Json => registry
            .with(fmt::layer().json().flatten_event(true).with_writer(lines.clone()))
            .try_init(),
        LogFormat::Text => {
            registry.with(fmt::layer().with_ansi(false).with_writer(lines.clone())).try_init()
        }
    }
}

/// Whether `RUST_LOG` asks for access lines.
pub fn wants_access_lines(config: &Log) -> bool {
    config.filter.would_enable(ACCESS, &Level::INFO)
}

/// An error and its sources in one line.
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
