//! The output of a process, read as it arrives, so that the process never waits for a reader.

use std::panic::Location;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::{canary, tasks};
use super::BOUND;

/// One stream of a process.
pub(super) struct Output {
    seen: watch::Receiver<String>,
    /// The reading task; it returns the stream, so that the stream stays open as long as this is
    /// kept.
    reading: JoinHandle<Box<dyn AsyncRead + Send>>,
}

impl Output {
    /// Reads a stream to its end, or until `enough` returns true: from then on, the stream stays
    /// open and nothing is read.
    pub(super) fn read(
        mut stream: impl AsyncRead + Unpin + Send + 'static,
        enough: fn(&str) -> bool,
    ) -> Self {
        let (sender, seen) = watch::channel(String::new());
        let reading = tasks::spawn(async move {
            let mut bytes = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                let text = String::from_utf8_lossy(&bytes[..count]);
                sender.send_modify(|seen| seen.push_str(&text));
                if enough(&sender.borrow()) {
                    break;
                }
            }
            Box::new(stream) as Box<dyn AsyncRead + Send>
        });
        Self { seen, reading }
    }

    /// Returns the text so far.
    pub(super) fn text(&self) -> String {
        self.seen.borrow().clone()
    }

    /// Returns all text that was read, once the process has ended.
    pub(super) async fn rest(mut self) -> String {
        let _ = (&mut self.reading).await;
        self.text()
    }

    /// Waits until `find` finds something in the text. Panics if it never does.
    #[track_caller]
    pub(super) fn find<T, F: FnMut(&str) -> Option<T>>(
        &self,
        mut find: F,
    ) -> impl Future<Output = T> + use<T, F> {
        let caller = Location::caller();
        let mut seen = self.seen.clone();
        async move {
            let mut found = None;
            let waiting = seen.wait_for(|text| {
                found = find(text);
                found.is_some()
            });
            let ended = matches!(timeout(BOUND, waiting).await, Ok(Err(_)));
            let text = seen.borrow().clone();
            found.unwrap_or_else(|| panic!("at {caller}: not in (ended: {ended})\n{text}"))
        }
    }
}

impl Drop for Output {
    /// Asserts that no secret was in the text.
    fn drop(&mut self) {
        canary::assert_absent("what a process wrote", self.seen.borrow().as_bytes());
    }
}

/// Returns the lines with this message.
#[track_caller]
pub(super) fn said(text: &str, message: &str) -> Vec<Value> {
    lines(text).into_iter().filter(|line| line["message"] == message).collect()
}

/// Parses all lines; each must be an object.
#[track_caller]
pub fn lines(text: &str) -> Vec<Value> {
    let line = |line| match serde_json::from_str(line) {
        Ok(value @ Value::Object(_)) => value,
        other => panic!("{other:?}: {line}"),
    };
    text.lines().map(line).collect()
}
