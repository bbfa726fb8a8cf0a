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
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
    /// The time until the end.
    pub waited: Duration,
}

impl Ended {
    /// It ended by itself with this code.
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{self:?}");
        self
    }

    /// It was ended by this signal.
    #[track_caller]
    pub fn assert_signal(&self, signal: i32) -> &Self {
        assert_eq!(self.status.signal(), Some(signal), "{self:?}");
        self
    }

    /// Standard error is one line, and this one.
    #[track_caller]
    pub fn assert_complaint(&self, sentence: &str) -> &Self {
        assert_eq!(self.stderr, format!("svm: {sentence}\n"));
        self
    }

    /// The lines of the log with this message.
    #[track_caller]
    pub fn said(&self, message: &str) -> Vec<Value> {
        output::said(&self.stdout, message)
    }

    /// The one line that says how the end went: flushed, lost, abandoned.
    #[track_caller]
    pub fn farewell(&self) -> [u64; 3] {
        let lines = self.said("stopped");
        let [line] = &lines[..] else { panic!("not one farewell: {lines:?}") };
        ["flushed", "lost", "abandoned"].map(|name| line[name].as_u64().expect("a number"))
    }
}
