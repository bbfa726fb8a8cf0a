//! A process that has ended: its status, its output, its duration.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;

use super::output;

/// A process that has ended.
#[derive(Debug)]
#[must_use]
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
    /// The time until the end.
    pub waited: Duration,
}

impl Ended {
    /// Asserts that the process ended by itself with this code.
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{self:?}");
        self
    }

    /// Asserts that this signal ended the process.
    #[track_caller]
    pub fn assert_signal(&self, signal: i32) -> &Self {
        assert_eq!(self.status.signal(), Some(signal), "{self:?}");
        self
    }

    /// Asserts that standard error is exactly this sentence.
    #[track_caller]
    pub fn assert_complaint(&self, sentence: &str) -> &Self {
        assert_eq!(self.stderr, format!("svm: {sentence}\n"));
        self
    }

    /// Returns the lines of the log with this message.
    #[track_caller]
    pub fn said(&self, message: &str) -> Vec<Value> {
        output::said(&self.stdout, message)
    }

    /// Returns the numbers of the log line about the shutdown: flushed, lost, abandoned.
    #[track_caller]
    pub fn shutdown_counts(&self) -> [u64; 3] {
        let lines = self.said("stopped");
        let [line] = &lines[..] else { panic!("not one report: {lines:?}") };
        ["flushed", "lost", "abandoned"].map(|name| line[name].as_u64().expect("a number"))
    }
}
