//! The queue of log lines and the thread that writes them.
//!
//! The thread sleeps while lines gather, so that few lines need to wake it up, and writes them in
//! batches. So a line costs its request little.

use std::io::{self, Write};
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use crate::clock::Stopwatch;
use crate::config::LogFormat;
use crate::tasks;

use super::access_line::AccessLine;
use super::events::Events;
use super::line_buffer::LineBuffer;

/// The number of lines that may wait for the writer.
const CAPACITY: usize = 4096;
/// The time for which the writer lets lines gather after the first. Waking the writer costs a
/// request about as much as the rest of a hit, and each write costs a system call, so both happen
/// once for many lines.
const GATHERING: Duration = Duration::from_millis(5);
/// The time that the end of the process waits for the last lines.
const FINISH_LIMIT: Duration = Duration::from_secs(1);

/// The sender of log lines; clones share the queue.
#[derive(Clone, Debug)]
pub struct Lines {
    queue: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
    events: Events,
}

#[derive(Debug)]
enum Line {
    Access(AccessLine),
    Event(Box<[u8]>),
    /// Confirms that all earlier lines are written.
    Flush(SyncSender<()>),
}

impl Lines {
    /// Starts the thread that writes lines to `sink`.
    pub fn start(format: LogFormat, sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(CAPACITY);
        let lines = Self { queue, dropped: Arc::default(), events: Events::default() };
        let buffer = LineBuffer::new(format, sink, Arc::clone(&lines.dropped));
        // The thread ends with the last sender, or with the process.
        tasks::thread("log", move || write(&waiting, buffer))?;
        Ok(lines)
    }

    /// Queues an access line.
    pub fn access(&self, line: AccessLine) {
        self.send(Line::Access(line));
    }

    /// Returns the number of lost lines: the queue was full, or they could not be written.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Returns the notable events among the lines.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Waits until the lines so far are written, but at most a second, since the reader of the log
    /// may have stopped.
    pub fn wait_until_written(&self) {
        let (done, written) = sync_channel(1);
        let began = Stopwatch::start();
        let left = || FINISH_LIMIT.saturating_sub(began.elapsed());
        let mut line = Line::Flush(done);
        while let Err(TrySendError::Full(full)) = self.queue.try_send(line) {
            if left().is_zero() {
                return;
            }
            line = full;
            thread::sleep(GATHERING);
        }
        let _: Result<(), RecvTimeoutError> = written.recv_timeout(left());
    }

    fn send(&self, line: Line) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    /// Queues a line: the subscriber passes each event in one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.send(Line::Event(line.into()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(waiting: &Receiver<Line>, mut buffer: LineBuffer<impl Write>) {
    while let Ok(first) = waiting.recv() {
        if !matches!(first, Line::Flush(_)) {
            thread::sleep(GATHERING);
        }
        iter::once(first).chain(waiting.try_iter()).for_each(|line| match line {
            Line::Event(event) => buffer.add_event(&event),
            Line::Access(line) => buffer.add_access(&line),
            Line::Flush(done) => {
                buffer.flush();
                let _ = done.send(());
            }
        });
        buffer.write_out();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// The written bytes, and the number of calls.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Write for Sink {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            written.0.extend_from_slice(text);
            written.1 += 1;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order_and_many_at_once() {
        const LINES: usize = 3_000;
        let sink = Sink::default();
        let mut lines = Lines::start(LogFormat::Json, sink.clone()).unwrap();
        let sent: Vec<_> = (0..LINES).map(|number| format!("line {number}\n")).collect();
        for line in &sent {
            lines.write_all(line.as_bytes()).unwrap();
        }
        lines.wait_until_written();
        let (text, calls) = &*sink.0.lock().unwrap();
        assert_eq!(String::from_utf8_lossy(text), sent.concat());
        assert!(*calls < LINES / 10, "{calls} calls for {LINES} lines");
        assert_eq!(lines.dropped(), 0);
    }

    /// A reader of the log that takes a while for each write.
    #[derive(Clone, Default)]
    struct SlowSink(Sink);

    impl Write for SlowSink {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            thread::sleep(GATHERING);
            self.0.write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_flush_waits_for_room_in_a_full_queue() {
        let sink = SlowSink::default();
        let mut lines = Lines::start(LogFormat::Json, sink.clone()).unwrap();
        while lines.dropped() == 0 {
            lines.write_all(b"line\n").unwrap();
        }
        let sent = b"the last line\n";
        while lines.queue.try_send(Line::Event(sent[..].into())).is_err() {}
        lines.wait_until_written();
        let (text, _) = &*sink.0.0.lock().unwrap();
        assert!(text.ends_with(sent), "the log has {} bytes", text.len());
    }

    #[test]
    fn a_flush_of_nothing_ends() {
        let lines = Lines::start(LogFormat::Json, io::sink()).unwrap();
        lines.wait_until_written();
        lines.wait_until_written();
    }
}
