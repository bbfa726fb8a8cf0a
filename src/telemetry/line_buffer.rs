//! A buffer of log lines that are written together, with a count of the lost ones.
//!
//! A sink may accept only a part of a line, for example when a disk becomes full. The rest is kept
//! and written first when the sink works again, so that no line is cut and no two lines are joined.
//! The lines after it are lost.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::config::LogFormat;

use super::access_line::AccessLine;
use super::time_text::TimeText;

/// The size from which the buffer is written without waiting for more lines.
const FULL_BYTES: usize = 64 * 1024;
/// The pause between two attempts to write to a full pipe that does not block.
const FULL_PIPE_PAUSE: Duration = Duration::from_millis(5);
/// The interval between lines on standard error during an outage.
const QUIET: Duration = Duration::from_secs(60);

/// A buffer of lines that are written together.
pub(super) struct LineBuffer<W> {
    text: Vec<u8>,
    /// The end of each line in the text.
    ends: Vec<usize>,
    /// True if the first line is the rest of a line that the sink has begun.
    is_begun: bool,
    /// Lines lost since the sink last worked.
    lost: u64,
    /// The time since the last line on standard error.
    reported: Option<Stopwatch>,
    format: LogFormat,
    times: TimeText,
    sink: W,
    dropped: Arc<AtomicU64>,
}

impl<W: Write> LineBuffer<W> {
    /// Creates an empty buffer for a sink. Lost lines are added to `dropped`.
    pub(super) fn new(format: LogFormat, sink: W, dropped: Arc<AtomicU64>) -> Self {
        Self {
            text: Vec::with_capacity(2 * FULL_BYTES),
            ends: Vec::new(),
            is_begun: false,
            lost: 0,
            reported: None,
            format,
            times: TimeText::default(),
            sink,
            dropped,
        }
    }

    pub(super) fn add_event(&mut self, event: &[u8]) {
        self.text.extend_from_slice(event);
        self.end_line();
    }

    pub(super) fn add_access(&mut self, line: &AccessLine) {
        match self.format {
            LogFormat::Json => line.append_json(&mut self.text, &mut self.times),
            LogFormat::Text => line.append_text(&mut self.text, &mut self.times),
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        self.ends.push(self.text.len());
        if self.text.len() >= FULL_BYTES {
            self.write_out();
        }
    }

    /// Writes the whole buffer. A log that cannot be written does not stop the service.
    pub(super) fn write_out(&mut self) {
        let (written, failure) = write_all(&mut self.sink, &self.text);
        match failure {
            None => self.recover(),
            Some(error) => self.give_up(written, &error),
        }
    }

    pub(super) fn flush(&mut self) {
        self.write_out();
        let _ = self.sink.flush();
    }

    fn recover(&mut self) {
        let is_empty = self.text.is_empty();
        self.text.clear();
        self.ends.clear();
        self.is_begun = false;
        // An empty write does not show that the sink works.
        if self.lost > 0 && !is_empty {
            tracing::warn!(lines = self.lost, "the log can be written again");
            self.lost = 0;
        }
    }

    /// Keeps the rest of the line that the sink has begun, and counts the others.
    fn give_up(&mut self, written: usize, error: &io::Error) {
        let whole = self.ends.partition_point(|end| *end <= written);
        let start = whole.checked_sub(1).map_or(0, |last| self.ends[last]);
        let is_cut = start < written || (whole == 0 && self.is_begun);
        let end = if is_cut { self.ends[whole] } else { written };
        let lost = (self.ends.len() - whole - usize::from(is_cut)) as u64;
        self.text.truncate(end);
        self.text.drain(..written);
        self.ends.clear();
        self.ends.extend(is_cut.then_some(self.text.len()));
        self.is_begun = is_cut;
        self.lost += lost;
        self.dropped.fetch_add(lost, Ordering::Relaxed);
        self.report(error);
    }

    fn report(&mut self, error: &io::Error) {
        if self.reported.is_some_and(|reported| reported.elapsed() < QUIET) {
            return;
        }
        self.reported = Some(Stopwatch::start());
        let sentence = format!("svm: the log cannot be written: {error}\n");
        let _ = io::stderr().write_all(sentence.as_bytes());
    }
}

/// Writes as much as the sink takes. Returns the number of bytes, and the error if that is not all.
fn write_all(sink: &mut impl Write, text: &[u8]) -> (usize, Option<io::Error>) {
    let mut written = 0;
    while written < text.len() {
        match sink.write(&text[written..]) {
            Ok(0) => return (written, Some(ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another process may have made the pipe non-blocking. The queue buffers lines
            // meanwhile, as with a blocking pipe.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(FULL_PIPE_PAUSE),
            Err(error) => return (written, Some(error)),
        }
    }
    (written, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A sink that takes this number of bytes per write, or fails for `None`.
    #[derive(Default)]
    struct Sink {
        taken: Vec<u8>,
        steps: Vec<Result<usize, ErrorKind>>,
    }

    impl Write for Sink {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let step = if self.steps.is_empty() { Ok(text.len()) } else { self.steps.remove(0) };
            let count = step?.min(text.len());
            self.taken.extend_from_slice(&text[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn buffer(steps: Vec<Result<usize, ErrorKind>>) -> LineBuffer<Sink> {
        LineBuffer::new(LogFormat::Json, Sink { taken: Vec::new(), steps }, Arc::default())
    }

    fn state(buffer: &LineBuffer<Sink>) -> (String, u64) {
        let taken = String::from_utf8(buffer.sink.taken.clone()).unwrap();
        (taken, buffer.dropped.load(Ordering::Relaxed))
    }

    #[test]
    fn a_line_that_was_begun_is_ended_and_those_behind_it_are_lost() {
        let full = Err(ErrorKind::StorageFull);
        let mut buffer = buffer(vec![Ok(6), full, full, Ok(1), full]);
        for line in ["one\n", "two\n", "three\n"] {
            buffer.add_event(line.as_bytes());
        }
        buffer.write_out();
        assert_eq!(state(&buffer), ("one\ntw".to_owned(), 1));
        buffer.add_event(b"four\n");
        buffer.write_out();
        assert_eq!(state(&buffer), ("one\ntw".to_owned(), 2));
        buffer.write_out();
        assert_eq!(state(&buffer), ("one\ntwo".to_owned(), 2));
        buffer.add_event(b"five\n");
        buffer.write_out();
        assert_eq!(state(&buffer), ("one\ntwo\nfive\n".to_owned(), 2));
    }

    #[test]
    fn an_interruption_and_a_full_pipe_lose_nothing() {
        let steps =
            vec![Err(ErrorKind::Interrupted), Ok(2), Err(ErrorKind::WouldBlock), Ok(1), Ok(9)];
        let mut buffer = buffer(steps);
        buffer.add_event(b"one\n");
        buffer.add_event(b"two\n");
        buffer.write_out();
        assert_eq!(state(&buffer), ("one\ntwo\n".to_owned(), 0));
    }

    proptest! {
        /// Each line is in the sink as a whole, or counted; the last may be incomplete.
        #[test]
        fn lines_are_written_whole_or_counted(
            steps in prop::collection::vec(
                prop_oneof![
                    (0_usize..20).prop_map(Ok),
                    Just(Err(ErrorKind::StorageFull)),
                    Just(Err(ErrorKind::BrokenPipe)),
                ],
                0..30,
            ),
            batches in prop::collection::vec(0_usize..5, 1..10),
        ) {
            let mut buffer = buffer(steps);
            let mut sent = 0_u64;
            for batch in batches {
                for _ in 0..batch {
                    buffer.add_event(format!("<{sent}>\n").as_bytes());
                    sent += 1;
                }
                buffer.write_out();
            }
            let (taken, dropped) = state(&buffer);
            let is_begun = buffer.is_begun;
            prop_assert_eq!(is_begun, !buffer.text.is_empty());
            // Together with its rest, the incomplete line is a whole one.
            let text = taken + std::str::from_utf8(&buffer.text).unwrap();
            prop_assert_eq!(text.lines().count() as u64 + dropped, sent);
            for line in text.lines() {
                prop_assert!(line.starts_with('<') && line.ends_with('>'), "{}", line);
            }
        }
    }
}
