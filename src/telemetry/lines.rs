//! The queue of log lines and the thread that writes them.

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use http::Method;
use tracing_subscriber::fmt::MakeWriter;

use crate::cache::Status;
use crate::clock::Timestamp;
use crate::config::LogFormat;
use crate::target::Target;
use crate::tasks;

use super::ACCESS;

/// Lines that may wait for the writer.
const CAPACITY: usize = 4096;
/// How long the end of the process waits for the last lines to be written.
const FINISH_LIMIT: Duration = Duration::from_secs(1);

/// The way to the log; clones share the queue.
#[derive(Clone, Debug)]
pub struct Lines {
    queue: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Line {
    Access(Box<AccessLine>),
    Event(Box<[u8]>),
    /// Everything before this one is written: tell so.
    Flush(SyncSender<()>),
}

/// One request, as the access log shows it: no query, no body, no header.
#[derive(Debug)]
pub struct AccessLine {
    /// When the answer was ready.
    pub at: Timestamp,
    /// The client.
    pub client: Option<IpAddr>,
    /// The method.
    pub method: Method,
    /// Our own path that was asked for.
    pub path: Box<str>,
    /// The document that was asked for.
    pub target: Option<Target>,
    /// The status of the answer.
    pub status: u16,
    /// How the answer came about.
    pub cache: Option<Status>,
    /// The size of the answer's body.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// The owner of the thread that writes.
#[derive(Debug)]
pub struct Writer {
    lines: Lines,
}

impl Lines {
    /// Starts the thread that writes lines to `sink`.
    pub fn start(
        format: LogFormat,
        sink: impl Write + Send + 'static,
    ) -> io::Result<(Self, Writer)> {
        let (queue, waiting) = sync_channel(CAPACITY);
        let lines = Self { queue, dropped: Arc::default() };
        // The thread ends with the last sender, or with the process.
        tasks::thread("log", move || write(&waiting, format, sink))?;
        Ok((lines.clone(), Writer { lines }))
    }

    /// Hands over an access line.
    pub fn access(&self, line: AccessLine) {
        self.send(Line::Access(Box::new(line)));
    }

    /// Lines dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn send(&self, line: Line) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Writer {
    /// Waits until the lines so far are written, though not for a reader who has stopped to read.
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.lines.queue.try_send(Line::Flush(done)).is_ok() {
            let _: Result<(), RecvTimeoutError> = written.recv_timeout(FINISH_LIMIT);
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
    /// The subscriber hands over an event in one call, so a call is a line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.send(Line::Event(line.into()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(waiting: &Receiver<Line>, format: LogFormat, mut sink: impl Write) {
    let mut text = Vec::with_capacity(512);
    while let Ok(line) = waiting.recv() {
        text.clear();
        let done = append(&mut text, line, format);
        // A log that cannot be written is no reason to stop serving, and there is nowhere to say so.
        let _ = sink.write_all(&text);
        if let Some(done) = done {
            let _ = sink.flush();
            let _ = done.send(());
        }
    }
}

fn append(text: &mut Vec<u8>, line: Line, format: LogFormat) -> Option<SyncSender<()>> {
    match line {
        Line::Event(event) => text.extend_from_slice(&event),
        Line::Access(line) => match format {
            LogFormat::Json => line.append_json(text),
            LogFormat::Text => line.append_text(text),
        },
        Line::Flush(done) => return Some(done),
    }
    None
}

impl AccessLine {
    fn append_json(&self, text: &mut Vec<u8>) {
        let line = serde_json::json!({
            "timestamp": self.at.to_string(),
            "level": "INFO",
            "target": ACCESS,
            "message": "request",
            "client": self.client,
            "method": self.method.as_str(),
            "path": self.path,
            "upstream_host": self.target.as_ref().map(Target::authority),
            "upstream_path": self.target.as_ref().map(Target::path),
            "status": self.status,
            "cache": self.cache.map(|status| status.outcome.as_str()),
            "forward": self.cache.and_then(|status| status.forward).map(|forward| forward.as_str()),
            "detail": self.cache.and_then(|status| status.detail).map(|detail| detail.as_str()),
            "bytes": self.bytes,
            "micros": self.took.as_micros() as u64,
        });
        let _ = serde_json::to_writer(&mut *text, &line);
        text.push(b'\n');
    }

    fn append_text(&self, text: &mut Vec<u8>) {
        let dash = "-";
        let client = self.client.map_or_else(|| dash.to_owned(), |client| client.to_string());
        let (host, path) = self.target.as_ref().map_or((dash, ""), |t| (t.authority(), t.path()));
        let cache = self.cache.map_or(dash, |status| status.outcome.as_str());
        let detail = self.cache.and_then(|status| status.detail).map_or(dash, |d| d.as_str());
        let _ = writeln!(
            text,
            "{}  INFO {ACCESS}: {client} {} {} {host}{path} status={} cache={cache} detail={detail} bytes={} micros={}",
            self.at,
            self.method,
            self.path,
            self.status,
            self.bytes,
            self.took.as_micros(),
        );
    }
}
